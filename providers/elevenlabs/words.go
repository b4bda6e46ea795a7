package elevenlabs

import (
	"strings"
	"time"
	"unicode"

	"parley/pipeline"
)

// words makes word times of the times of characters. A word may come in two pieces, with two pieces of sound.
type words struct {
	text       strings.Builder // of the word that has begun
	start, end time.Duration
	last       time.Duration // when the last one began
}

// longestTimes is how long one piece of sound may be: later times are a mistake.
const longestTimes = 10 * time.Minute

// add appends to all the words that are complete with t, whose sound begins at. Times never go back, whatever the server says.
func (w *words) add(all []pipeline.Word, t *times, at time.Duration) []pipeline.Word {
	for i := range min(len(t.Chars), len(t.Starts), len(t.Durations)) {
		start := at + millis(t.Starts[i])
		for _, r := range t.Chars[i] { // mostly one
			if unicode.IsSpace(r) {
				all = w.finish(all)
				continue
			}
			alone := ideograph(r)
			if alone {
				all = w.finish(all)
			}
			if w.text.Len() == 0 {
				w.start = max(start, w.last)
				w.end = w.start
			}
			w.text.WriteRune(r)
			w.end = max(w.end, start+millis(t.Durations[i]))
			if alone {
				all = w.finish(all)
			}
		}
	}
	return all
}

// finish appends the word that has begun, if one has.
func (w *words) finish(all []pipeline.Word) []pipeline.Word {
	if w.text.Len() == 0 {
		return all
	}
	all = append(all, pipeline.Word{Text: w.text.String(), Start: w.start, End: w.end})
	w.last = w.start
	w.text.Reset()
	return all
}

func millis(ms int) time.Duration {
	return min(time.Duration(max(ms, 0)), longestTimes/time.Millisecond) * time.Millisecond
}

// ideograph says whether r is a word of its own, in scripts without spaces.
func ideograph(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }
