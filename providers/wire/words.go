package wire

import (
	"strings"
	"time"

	"parley/pipeline"
)

// Words are n words whose times can be trusted, whatever the server says: each begins no sooner than the one before, and ends no sooner
// than it begins. Words without text are left out.
func Words(n int, word func(i int) pipeline.Word) (words []pipeline.Word) {
	var last time.Duration
	for i := range n {
		w := word(i)
		if w.Text = strings.TrimSpace(w.Text); w.Text == "" {
			continue
		}
		w.Start = max(w.Start, last)
		w.End = max(w.End, w.Start)
		w.Confidence = min(max(w.Confidence, 0), 1)
		words, last = append(words, w), w.Start
	}
	return words
}

// Joined is words as a text.
func Joined(words []pipeline.Word) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	return strings.Join(texts, " ")
}

// Seconds is s as a Duration: never negative, and never more than the longest of calls.
func Seconds(s float64) time.Duration {
	const longest = 1e6
	return time.Duration(min(max(s, 0), longest) * float64(time.Second))
}
