package pipeline

import (
	"strings"
	"time"
	"unicode"

	"parley/media"
)

// script is a reply as its text went to the voice and its sound came back: what says which words were heard when a given length of
// sound was heard.
//
//	text ──▶ word times, where the voice tells them ─▶ ┐
//	    └──▶ units ──▶ align ─▶ ───────────────────────┼─▶ heard: a beginning of the text
//	sound ──▶ course ──▶ joints ──▶┘                   ┘
//
// A word counts as heard when the middle of it was. Where the voice tells word times, those say when that is, and what was heard is
// right to the word. Where it does not, the text is aligned with the sound, and what was heard is right to 300 ms of audio, beside the
// half of a word that is won or lost because history is made of whole words: in 99 of 100 cuts, in speech of a dozen voices, where 5 s
// were sent beyond what was heard, which is what an utterance takes. It is so in 95 of 100 where it is 2 s. The less there is, the more
// depends on the pace of the voice: with 0.3 s it is so in 94 of 100 where an earlier reply told that, and in 89 of 100, by 1.1 s at
// most in 98, where none did. What was heard is never more than the voice was given before the sound was made, and always a
// beginning of the text, up to the end of a word and the punctuation at it.
type script struct {
	text   strings.Builder
	given  []handover
	words  []Word // in order of their times
	course course
	length time.Duration // of the sound
	whole  bool          // text and sound are complete
	pace   time.Duration // of a beat of this voice, as far as known from earlier replies
	laid   layout        // for glance
}

// handover is how much text and sound there was when the voice asked for more text: what it was then given sounds later.
type handover struct {
	text  int
	sound time.Duration
}

// says adds to the text, as the voice is given it.
func (s *script) says(text string) {
	if k := len(s.given); k == 0 || s.length > s.given[k-1].sound {
		s.given = append(s.given, handover{s.text.Len(), s.length})
	}
	s.text.WriteString(text)
}

// adds adds to the text what may sound already, or later.
func (s *script) adds(text string) { s.text.WriteString(text) }

// sounds adds to the sound, rate samples of it a second.
func (s *script) sounds(pcm []int16, rate int) {
	s.length += media.Samples(len(pcm), rate)
	s.course.hear(pcm, rate)
}

// heard is the beginning of the text that was heard with the first d of the sound.
func (s *script) heard(d time.Duration) string {
	text := s.text.String()
	if d <= 0 {
		return ""
	}
	if s.whole && d >= s.length {
		return strings.TrimSpace(text)
	}
	end, from := s.timed(text, d)
	if from < d {
		units, said := s.rest(end, from)
		end = heardUntil(units, said, end, d)
	}
	return strings.TrimSpace(text[:end])
}

// heardUntil is the end of the last unit whose middle was heard with the first d of the sound; end, if none was.
func heardUntil(units []unit, said []said, end int, d time.Duration) int {
	for i := 0; i < len(said) && said[i].middle() <= d; i++ {
		end = units[i].end
	}
	return end
}

// wordEnd is where the word ends that is being heard after the first d of the sound; d, if none is.
func (s *script) wordEnd(d time.Duration) time.Duration {
	for _, w := range s.words {
		if w.End > d {
			return max(min(w.End, d+w.End-w.Start), d)
		}
	}
	if len(s.words) > 0 {
		return d
	}
	_, said := s.rest(0, 0)
	for _, w := range said {
		if w.to > d {
			return max(min(w.to, d+w.to-w.from), d)
		}
	}
	return d
}

// timed is the end of the last word of text whose middle lies before d, by the voice's word times, and how far these explain the
// sound: to d, unless it was ahead of them.
func (s *script) timed(text string, d time.Duration) (end int, known time.Duration) {
	from := 0
	for _, w := range s.words {
		at, to := find(text, from, w.Text)
		if at < 0 { // the voice says it otherwise than it is written: "two" for "2"
			continue
		}
		from = to
		if w.Start+(w.End-w.Start)/2 > d {
			return end, d
		}
		end, known = to, w.End
	}
	return end, known
}

// find looks for the voice's word in the next few words of text from there on. It returns where it begins and the end of the
// written word, punctuation included; -1 if it is not there. The voice's word may be several of ours, where there are no spaces.
func find(text string, from int, word string) (at, end int) {
	const ahead = 4
	want := lettersOf(word)
	if want == "" {
		return -1, 0
	}
	for range ahead {
		b, e := nextWord(text, from)
		if b == e {
			break
		}
		from = e
		for to := e; ; {
			got := lettersOf(text[b:to])
			if got == want {
				return b, to
			}
			_, next := nextWord(text, to)
			if next == to || !strings.HasPrefix(want, got) {
				break
			}
			to = next
		}
	}
	return -1, 0
}

// lettersOf is what is left of a word without case, spaces and punctuation.
func lettersOf(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, word)
}

// said is when a unit of text was said.
type said struct{ from, to time.Duration }

func (s said) middle() time.Duration { return s.from + (s.to-s.from)/2 }

// rest are the units of text from its byte at on, and when they were said in the sound from there on, as far as that goes.
func (s *script) rest(at int, from time.Duration) ([]unit, []said) {
	units, stretches := s.aligned(at, from)
	if stretches == nil {
		return units, s.share(units, from)
	}
	all := make([]said, len(stretches))
	for i, t := range stretches {
		all[i] = said{from + time.Duration(t.from)*hop, from + time.Duration(t.to)*hop}
	}
	return units, all
}

// blur is how far a word may seem to begin before it does.
const blur = 120 * time.Millisecond

// aligned are the units of text from its byte at on, and where they were said in the sound from there on, unless that does not tell.
func (s *script) aligned(at int, from time.Duration) ([]unit, []stretch) {
	units := unitsOf(s.text.String(), at)
	first := min(int(from/hop), len(s.course.levels))
	for i, k := 0, -1; i < len(units); i++ {
		for k+1 < len(s.given) && s.given[k+1].text <= units[i].begin {
			k++
		}
		if k >= 0 {
			units[i].given = int((s.given[k].sound-blur)/hop) - first
		}
	}
	return units, align(units, s.course.levels[first:], s.whole, s.pace)
}

// share gives each unit its share of the sound from there on, by its beats: what is left to do if the sound does not tell.
func (s *script) share(units []unit, from time.Duration) []said {
	var all, pauses float64
	for _, u := range units {
		all, pauses = all+u.beats+pauses, u.pause
	}
	beat := float64(usualBeat)
	if s.pace != 0 {
		beat = float64(s.pace)
	}
	if all == 0 {
		return nil
	}
	if even := float64(s.length-from) / all; s.whole {
		beat = even
	} else {
		beat = max(beat, even) // the sound so far is of no more than the text so far
	}
	shares, passed := make([]said, len(units)), 0.0
	for i, u := range units {
		shares[i] = said{from + time.Duration(passed*beat), from + time.Duration((passed+u.beats)*beat)}
		passed += u.beats + u.pause
	}
	return shares
}

// learned is the length of a beat in this reply, as far as it was made; 0 if it tells too little.
func (s *script) learned() time.Duration {
	units, stretches := s.aligned(0, 0)
	beats, sound := 0.0, 0
	for i, t := range stretches {
		if t.to < len(s.course.levels) { // the last may be incomplete
			beats, sound = beats+units[i].beats, sound+t.to-t.from
		}
	}
	const least = 12
	if beats < least {
		return 0
	}
	return time.Duration(float64(sound) / beats * float64(hop))
}
