package store

import (
	"fmt"
	"strings"
	"time"
)

// A WordTime is when a word of a Message's Text was said or heard.
type WordTime struct {
	From, To int           // its bytes in the Text
	At       time.Duration // since the answer
	Length   time.Duration
}

// PackWords makes a Message's Words: for each word its bytes and its time in milliseconds, "0 6 1240 310;7 10 1570 120".
func PackWords(words []WordTime) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(&b, "%d %d %d %d", w.From, w.To, w.At.Milliseconds(), w.Length.Milliseconds())
	}
	return b.String()
}

// WordTimes are the words of m whose times are known, in order; what does not fit its Text is left out.
func (m Message) WordTimes() (all []WordTime) {
	for part := range strings.SplitSeq(m.Words, ";") {
		var w WordTime
		var at, length int64
		n, err := fmt.Sscanf(part, "%d %d %d %d", &w.From, &w.To, &at, &length)
		if err != nil || n != 4 || w.From < 0 || w.From >= w.To || w.To > len(m.Text) {
			continue
		}
		w.At, w.Length = time.Duration(at)*time.Millisecond, time.Duration(length)*time.Millisecond
		all = append(all, w)
	}
	return all
}
