package pipeline

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unit is what can be claimed to have been heard: a written word with the punctuation at it, an ideograph where there are no spaces.
type unit struct {
	begin, end int     // in the text
	syllables  float64 // a guess
	beats      float64 // how long it takes to say, in what the pace of a voice is measured by
	log        float64 // of beats
	pause      float64 // after it, because of punctuation: beats
	given      int     // the hop before which the voice did not have it
}

// unitsOf are the units of text from its byte from on. What is not said, such as a dash or a picture, belongs to the one before it.
func unitsOf(text string, from int) (all []unit) {
	for {
		b, e := nextWord(text, from)
		if b == e {
			return all
		}
		u := measure(text[b:e])
		u.begin, u.end = b, e
		switch k := len(all) - 1; {
		case u.beats > 0:
			all = append(all, u)
		case k >= 0:
			all[k].end, all[k].pause = e, max(all[k].pause, u.pause)
		}
		from = e
	}
}

// nextWord is the next run of text from there on that has no space in it, and is broken at ideographs and dashes.
func nextWord(text string, from int) (begin, end int) {
	begin = from + len(text[from:]) - len(strings.TrimLeftFunc(text[from:], unicode.IsSpace))
	last := ' '
	for i, r := range text[begin:] {
		said := unicode.IsLetter(r) || unicode.IsDigit(r)
		if unicode.IsSpace(r) || said && (last == '—' || last == '…' || ideograph(last) || ideograph(r) && last != ' ') {
			return begin, begin + i
		}
		if said || !ideograph(last) {
			last = r
		}
	}
	return begin, len(text)
}

func ideograph(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }

const vowels = "aeiouyäöüáéíóúàèìòùâêîôûåæøœãõ"

// measure guesses how long a written word sounds: groups of vowels in letters are syllables, but an e at the end is silent; a digit is
// a syllable and a half, an ideograph one, and two letters of a script whose vowels we do not know. A unit that is not said has no beats.
func measure(word string) (u unit) {
	groups, foreign, letters, inVowel := 0.0, 0.0, 0.0, false
	var last rune
	for _, r := range strings.ToLower(word) {
		vowel := strings.ContainsRune(vowels, r)
		switch {
		case unicode.IsDigit(r):
			u.syllables, letters = u.syllables+1.5, letters+4
		case ideograph(r), unicode.Is(unicode.Hangul, r):
			u.syllables, letters = u.syllables+1, letters+3
		case strings.ContainsRune("$€£¥%&@+=", r):
			u.syllables, letters = u.syllables+2, letters+5
		case unicode.IsLetter(r):
			if letters++; vowel && !inVowel {
				groups++
			}
			if r > 0x2ff {
				foreign += 0.5
			}
			last = r
		}
		inVowel = vowel
	}
	if last == 'e' && groups > 1 {
		groups--
	}
	if last != 0 {
		u.syllables += max(1, groups, foreign)
	}
	switch end, _ := utf8.DecodeLastRuneInString(strings.TrimRight(word, "\"')]”’")); end {
	case '.', '!', '?', '…', '。', '！', '？':
		u.pause = 4
	case ',', ';', ':', '、', '，', '–', '—':
		u.pause = 2
	}
	if u.syllables > 0 {
		u.beats = u.syllables + 0.3 + 0.16*letters
		u.log = math.Log(u.beats)
	}
	return u
}
