package pipeline

import (
	"slices"
	"strings"
	"time"
)

// Word times are kept of what was heard and said, as far as voices and recognisers tell them.
//
//	voice ──▶ script.words ──────▶ ending: as heard ──▶ account ──▶ Message.Words
//	recogniser ──▶ dialog.times ──▶ timesOf: as said ────────────▶ Message.Words
//
// A word that a voice says otherwise than it is written, or that was not understood as it was told at last, has none.

// mostTimed are how many words of the caller wait for their turn.
const mostTimed = 500

// earlyWord is how much before its speech is known to have begun a word may begin.
const earlyWord = 500 * time.Millisecond

// timesOf are the words of a beginning of the text that the voice told the times of, from the utterance's first sample.
func (s *script) timesOf(heard string) []Word {
	text := s.text.String()
	lead := len(text) - len(strings.TrimSpace(text))
	if i := strings.Index(text, heard); i >= 0 && i <= lead {
		text = text[:i+len(heard)]
	}
	return place(text, s.words)
}

// place are those of some words that stand in a text, as they stand there.
func place(text string, words []Word) (all []Word) {
	from := 0
	for _, w := range words {
		at, to := find(text, from, w.Text)
		if at < 0 {
			continue
		}
		w.Text, from = text[at:to], to
		all = append(all, w)
	}
	return all
}

// times notes the words of a transcript that will not change. What a recogniser is not sure of in any degree it has not timed either: its
// times are shares of the whole. Of a secret nothing is noted.
func (d *dialog) times(t Transcript) {
	if t.Kind != Final && t.Kind != EndOfTurn || d.secret() {
		return
	}
	c := &d.caller
	for _, w := range t.Words {
		known := slices.ContainsFunc(c.timed, func(k Word) bool { return k.Start == w.Start && k.Text == w.Text })
		if w.Confidence > 0 && w.End > w.Start && !known {
			c.timed = append(c.timed, w)
		}
	}
	if n := len(c.timed) - mostTimed; n > 0 {
		c.timed = slices.Delete(c.timed, 0, n)
	}
}

// timesOf are the times of what a turn's caller has said.
func (d *dialog) timesOf(t *turn) []Word {
	c := &d.caller
	if t.secret {
		return nil
	}
	first := slices.IndexFunc(c.timed, func(w Word) bool { return w.End > t.from-earlyWord })
	if first < 0 {
		return nil
	}
	return place(t.said, c.timed[first:])
}

// later are words whose times begin so much later.
func later(words []Word, by time.Duration) []Word {
	words = slices.Clone(words)
	for i := range words {
		words[i].Start, words[i].End = max(words[i].Start+by, 0), max(words[i].End+by, 0)
	}
	return words
}
