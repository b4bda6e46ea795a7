package providers

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/pipeline"
)

// How long the beats of speech are: each letter is one, and so is each gap between words.
const (
	hastyBeat = 30 * time.Millisecond // nobody speaks faster
	shortBeat = 50 * time.Millisecond // of a voice that is not known yet: most take 55 to 75 ms
	surely    = 0.9                   // of a known voice's: sentences differ

	digitBeats = 4 // "seven"
	glyphBeats = 3 // of scripts in which a character is a syllable
)

// spoken is how many bytes of a text have been said, or begun, when a voice has made so much sound of it. By the times of words it is
// right to the word. Where these end, or where there are none, it is judged by the beats of the words: rather too many than too few.
//
//	text    Your appointment is on Tuesday at nine.
//	times   └─────────────────┘
//	beats                      └─────────┘
//	sound   ~~~~~~~~~~~~~~~~~~~~~~~~~~~✕
func spoken(text string, words []pipeline.Word, made, beat time.Duration) int {
	end, known := timed(text, words, made)
	for left := made - known; left > 0 && end < len(text); {
		from, to := nextWord(text, end)
		if from == to {
			break
		}
		left -= time.Duration(beatsOf(text[from:to]) * float64(beat))
		end = to
	}
	return end
}

// timed is the end of the last word that began to sound, as far as the voice tells, and up to where it does.
func timed(text string, words []pipeline.Word, made time.Duration) (end int, known time.Duration) {
	for _, w := range words {
		to := find(text, end, w.Text)
		if to < 0 { // it is said otherwise than it is written
			continue
		}
		if w.Start >= made {
			return end, made
		}
		end, known = to, w.End
	}
	return end, known
}

// find is the end of a spoken word in the next few written ones from there on; -1: it is not there. It may be written as several.
func find(text string, from int, word string) int {
	const ahead = 4
	want := lettersOf(word)
	if want == "" {
		return -1
	}
	for range ahead {
		begin, end := nextWord(text, from)
		if begin == end {
			return -1
		}
		from = end
		for to := end; ; {
			got := lettersOf(text[begin:to])
			if got == want {
				return to
			}
			_, next := nextWord(text, to)
			if next == to || !strings.HasPrefix(want, got) {
				break
			}
			to = next
		}
	}
	return -1
}

// lettersOf is a word without case and punctuation.
func lettersOf(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, word)
}

// nextWord is where the next word of text begins and ends, with the punctuation at it; from there on, if there is none. Where there are no
// spaces, each character is one.
func nextWord(text string, from int) (begin, end int) {
	begin = from + len(text[from:]) - len(strings.TrimLeftFunc(text[from:], unicode.IsSpace))
	end = begin
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if unicode.IsSpace(r) || end > begin && isGlyph(r) {
			break
		}
		if end += n; isGlyph(r) {
			for end < len(text) { // the punctuation after it
				r, n := utf8.DecodeRuneInString(text[end:])
				if !unicode.IsPunct(r) {
					break
				}
				end += n
			}
			break
		}
	}
	if begin == end {
		return from, from
	}
	return begin, end
}

// isGlyph says whether a character is a syllable or a word.
func isGlyph(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// beatsOf is how many beats a text has.
func beatsOf(text string) (n float64) {
	in := false
	for _, r := range text {
		switch {
		case isGlyph(r):
			n += glyphBeats
		case unicode.IsNumber(r):
			n += digitBeats
		case unicode.IsLetter(r):
			n++
		}
		if space := unicode.IsSpace(r); space && in {
			n++
			in = false
		} else if !space {
			in = true
		}
	}
	if in {
		n++
	}
	return n
}

// pace is how fast a voice is asked to speak.
func pace(v pipeline.Voice) float64 {
	if v.Pace > 0 {
		return v.Pace
	}
	return 1
}
