package pipeline

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// script is a reply as its text went to the voice and its sound came back: what says which words were heard when a given length of
// sound was heard.
//
// A word counts as heard when the middle of it was. Where the voice tells word times, those say when that is. Where it does not, a
// word's share of the sound is its share of the syllables, pauses at punctuation included; while the sound is still incomplete, pace
// stands for the length of a syllable, unless that is plainly too short. What was heard is always a beginning of the text, up to the end of a word and the
// punctuation at it.
type script struct {
	text   strings.Builder
	words  []Word // in order of their times
	length time.Duration
	whole  bool          // text and sound are complete
	pace   time.Duration // of a syllable, as far as known from earlier replies
	kept   float64       // the same of this reply, in ns, by what the voice had said whenever it asked for more text
	pulled time.Duration // how much that was when it asked last
}

// usualPace is how long a syllable takes: English speech has about five a second.
const usualPace = 190 * time.Millisecond

// heard is the beginning of the text that was heard with the first d of the sound.
func (s *script) heard(d time.Duration) string {
	text := s.text.String()
	if d <= 0 {
		return ""
	}
	if s.whole && d >= s.length {
		return strings.TrimSpace(text)
	}
	end := s.timed(text, &d)
	return strings.TrimSpace(text[:s.weighed(text, end, d)])
}

// timed is the end of the last word of text whose middle lies before d, by the voice's word times. From d it takes the time that
// they explain: all of it, unless the sound was ahead of them.
func (s *script) timed(text string, d *time.Duration) (end int) {
	from, known := 0, time.Duration(0)
	for _, w := range s.words {
		at, to := find(text, from, w.Text)
		if at < 0 { // the voice says it otherwise than it is written: "two" for "2"
			continue
		}
		from = to
		if w.Start+(w.End-w.Start)/2 > *d {
			*d = 0
			return end
		}
		end, known = to, w.End
	}
	*d = max(0, *d-known)
	return end
}

// find looks for the voice's word in the next few words of text from there on. It returns where it begins and the end of the
// written word, punctuation included; -1 if it is not there.
func find(text string, from int, word string) (at, end int) {
	const ahead = 4
	want := strings.TrimSpace(plain(word))
	if want == "" {
		return -1, 0
	}
	for range ahead {
		b, e := nextWord(text, from)
		if b == e {
			break
		}
		if strings.TrimSpace(plain(text[b:e])) == want {
			return b, e
		}
		from = e
	}
	return -1, 0
}

// nextWord is the next run of text from there on that has no space in it.
func nextWord(text string, from int) (begin, end int) {
	begin = from
	for begin < len(text) {
		r, n := utf8.DecodeRuneInString(text[begin:])
		if !unicode.IsSpace(r) {
			break
		}
		begin += n
	}
	end = begin
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if unicode.IsSpace(r) {
			break
		}
		end += n
	}
	return begin, end
}

// weighed is the end of the last word of text whose middle lies before d, by syllables, from a place in text on.
func (s *script) weighed(text string, from int, d time.Duration) (end int) {
	syllable := float64(s.pace)
	if syllable == 0 {
		syllable = float64(usualPace)
	}
	switch all := weigh(text); {
	case from > 0 || all == 0:
	case s.whole:
		syllable = float64(s.length) / all
	default: // the sound so far is of no more than the text so far: that bounds the pace
		if s.keepsUp() {
			syllable = s.kept
		}
		syllable = max(syllable, float64(s.length)/all)
	}
	end = from
	passed := 0.0
	for {
		b, e := nextWord(text, from)
		if b == e {
			return end
		}
		spoken, pause := syllables(text[b:e])
		if d <= 0 || (passed+spoken/2)*syllable > float64(d) {
			return end
		}
		passed += spoken + pause
		from, end = e, e
	}
}

// wordEnd is where the word ends that is being heard after the first d of the sound; d, if none is.
func (s *script) wordEnd(d time.Duration) time.Duration {
	for _, w := range s.words {
		if w.End > d {
			return max(min(w.End, d+w.End-w.Start), d)
		}
	}
	text, syllable := s.text.String(), float64(usualPace)
	if all := weigh(text); s.whole && all > 0 {
		syllable = float64(s.length) / all
	} else if s.pace != 0 {
		syllable = float64(s.pace)
	}
	passed, from := 0.0, 0
	for {
		b, e := nextWord(text, from)
		spoken, pause := syllables(text[b:e])
		switch end := time.Duration((passed + spoken) * syllable); {
		case b == e, time.Duration(passed*syllable) > d:
			return d
		case end > d:
			return end
		}
		passed += spoken + pause
		from = e
	}
}

// keepUp is how much of a voice's sound tells its pace, and how long ago it may have asked for more text to be one that keeps up.
const keepUp = 1500 * time.Millisecond

// pull takes note that the voice asks for more text: if it says all that it has before it does so, that tells its pace.
func (s *script) pull() {
	if s.length-s.pulled < keepUp/3 {
		return
	}
	s.pulled = s.length
	if all := weigh(s.text.String()); all > 0 {
		s.kept = float64(s.length) / all
	}
}

// keepsUp says whether the voice has been asking for text all along, rather than getting it all at first.
func (s *script) keepsUp() bool { return s.pulled >= keepUp && s.length-s.pulled <= keepUp }

// learned is the length of a syllable in this reply; 0 if it tells too little.
func (s *script) learned() time.Duration {
	all := weigh(s.text.String())
	if !s.whole || all < 8 || s.length <= 0 {
		return 0
	}
	return time.Duration(float64(s.length) / all)
}

// weigh is the length of text in syllables, without the pause at its end.
func weigh(text string) (all float64) {
	waited := 0.0
	for from := 0; ; {
		b, e := nextWord(text, from)
		if b == e {
			return all
		}
		spoken, pause := syllables(text[b:e])
		all += waited + spoken
		from, waited = e, pause
	}
}

// syllables guesses how long a written word sounds, in syllables, and how long the pause after it: groups of vowels in letters, one
// and a half a digit, one for two letters of a script without vowels. An e at the end is silent.
func syllables(word string) (spoken, pause float64) {
	vowels, letters, inVowel, foreign := 0, 0, false, 0
	var last rune
	for _, r := range word {
		switch {
		case unicode.IsDigit(r):
			spoken += 1.5
		case unicode.IsLetter(r):
			letters++
			vowel := strings.ContainsRune("aeiouyäöüáéíóúàèìòùâêîôûåæøœãõAEIOUYÄÖÜÁÉÍÓÚÀÈÌÒÙÂÊÎÔÛÅÆØŒÃÕ", r)
			if vowel && !inVowel {
				vowels++
			}
			if r > 0x2ff {
				foreign++
			}
			inVowel, last = vowel, r
			continue
		}
		inVowel = false
	}
	if last == 'e' && vowels > 1 {
		vowels--
	}
	if letters > 0 {
		spoken += max(1, float64(vowels), float64(foreign)/2)
	}
	switch end, _ := utf8.DecodeLastRuneInString(strings.TrimRight(word, "\"')]”’")); end {
	case '.', '!', '?', '…', '。', '！', '？':
		pause = 2
	case ',', ';', ':', '、', '，', '–', '—':
		pause = 1
	}
	return max(spoken, 0.25), pause
}
