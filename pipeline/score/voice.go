package score

import (
	"context"
	"iter"
	"strings"
	"sync"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
)

// A Voice is the scripted voice: each word lasts as long, and is a constant that says which word it is.
type Voice struct {
	PerWord float64 // default 0.3
	Human   bool    // a word takes as long as its syllables, more or less, and a pause follows punctuation; PerWord is that of two syllables
	Reads   bool    // it reads all of its text before it says a word
	Stalls  int     // before every nth word it makes the caller wait for 0.7 s; 0: never
	Delay   float64 // from a word to its sound; default 0.12 for the first of an utterance
	Times   bool    // tells word times
	Fault   Fault   // its pieces are words
}

// A Sound is a stretch of the wire on which one word was to be heard.
type Sound struct {
	Word string
	From time.Duration // since the answer
	Took time.Duration
	Full time.Duration // how long the word takes
	Rest bool          // it goes on with the word before it, after a gap
}

type voice struct {
	Voice
	mu    sync.Mutex
	uses  int
	words []string
}

// lowest is the sample that says word 0.
const lowest = 1000

func (v *voice) perWord() time.Duration {
	if v.PerWord == 0 {
		return 300 * time.Millisecond
	}
	return seconds(v.PerWord)
}

// readAll is text in one piece.
func readAll(text iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var all strings.Builder
		for piece, err := range text {
			if err != nil {
				yield("", err)
				return
			}
			all.WriteString(piece)
		}
		yield(all.String(), nil)
	}
}

// length is how long a word takes, and the pause after it.
func (v *voice) length(word string) (spoken, pause time.Duration) {
	if !v.Human {
		return v.perWord(), 0
	}
	syllables, vowel, sum := 0, false, 0
	for _, r := range word {
		is := strings.ContainsRune("aeiouyAEIOUY", r)
		if is && !vowel {
			syllables++
		}
		vowel, sum = is, sum+int(r)
	}
	spoken = v.perWord() / 2 * time.Duration(max(syllables, 1))
	spoken += spoken * time.Duration(sum%7-3) / 20 // nobody is a metronome
	if strings.ContainsAny(word[len(word)-1:], ".?!,") {
		pause = v.perWord() * 2 / 3
	}
	return spoken.Round(5 * time.Millisecond), pause.Round(5 * time.Millisecond)
}

// name gives a word its number.
func (v *voice) name(word string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.words = append(v.words, word)
	return len(v.words) - 1
}

func (v *voice) Speak(ctx context.Context, text iter.Seq2[string, error], how pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		v.mu.Lock()
		v.uses++
		use := v.uses
		v.mu.Unlock()
		delay := v.Delay
		if delay == 0 {
			delay = 0.1207
		}
		if v.Reads {
			text = readAll(text)
		}
		said, at := 0, time.Duration(0)
		for piece, err := range text {
			if err != nil {
				yield(pipeline.Speech{}, err)
				return
			}
			for _, word := range strings.Fields(piece) {
				if said == 0 {
					if err := sleep(ctx, seconds(delay)); err != nil {
						yield(pipeline.Speech{}, err)
						return
					}
				}
				over, err := v.Fault.strike(ctx, use, said)
				if over {
					if err != nil {
						yield(pipeline.Speech{}, err)
					}
					return
				}
				if v.Stalls > 0 && said > 0 && said%v.Stalls == 0 {
					if err := sleep(ctx, 700*time.Millisecond); err != nil {
						yield(pipeline.Speech{}, err)
						return
					}
				}
				spoken, pause := v.length(word)
				if !v.speak(pipeline.Word{Text: word, Start: at, End: at + spoken}, pause, how.Rate, yield) {
					return
				}
				at += spoken + pause
				said++
			}
		}
		if over, err := v.Fault.strike(ctx, use, max(said, 1)); over && err != nil {
			yield(pipeline.Speech{}, err)
		}
	}
}

// speak yields the sound of a word and the pause after it, in pieces of 100 ms.
func (v *voice) speak(word pipeline.Word, pause time.Duration, rate int, yield func(pipeline.Speech, error) bool) bool {
	sample := int16(lowest + v.name(word.Text))
	all := int((word.End - word.Start + pause) * time.Duration(rate) / time.Second)
	var times []pipeline.Word
	if v.Times {
		times = []pipeline.Word{word}
	}
	pcm := make([]int16, rate/10)
	for i := range pcm {
		pcm[i] = sample
	}
	for all > 0 {
		n := min(all, len(pcm))
		if !yield(pipeline.Speech{PCM: pcm[:n], Words: times}, nil) {
			return false
		}
		all -= n
		times = nil
	}
	return true
}

// decode says which words sounded on the wire. Samples that a fade has made another word's are its neighbour's.
func (v *voice) decode(stretches []legtest.Stretch, rate int) (sounds []Sound) {
	v.mu.Lock()
	defer v.mu.Unlock()
	word := -1 // the last
	for _, s := range stretches {
		fresh := true
		for i := 0; i < len(s.PCM); {
			w, n := v.run(s.PCM[i:], rate)
			from := s.At.Add(media.Samples(i, rate)).Sub(stretches[0].At)
			if w < 0 && n < rate/15 { // a fade
				w = word
			}
			switch {
			case w >= 0 && (w != word || fresh):
				full, _ := v.length(v.words[w])
				sounds = append(sounds, Sound{v.words[w], from, 0, full, w == word})
				fresh = false
			case w < 0 && (fresh || word >= 0):
				sounds = append(sounds, Sound{Word: Tone, From: from})
				fresh = false
			}
			word = w
			sounds[len(sounds)-1].Took += media.Samples(n, rate)
			i += n
		}
	}
	return sounds
}

// Tone is the word of a Sound that is none.
const Tone = "~"

// run is the word that pcm begins with, and for how many samples it goes on; -1: it is no word.
func (v *voice) run(pcm []int16, rate int) (word, n int) {
	one := func(from int) (word, n int) {
		for n = 1; from+n < len(pcm) && pcm[from+n] == pcm[from]; n++ {
		}
		if word = int(pcm[from]) - lowest; n < rate/100 || word < 0 || word >= len(v.words) {
			word = -1
		}
		return word, n
	}
	if word, n = one(0); word >= 0 {
		return word, n
	}
	for n < len(pcm) {
		w, k := one(n)
		if w >= 0 {
			break
		}
		n += k
	}
	return -1, n
}

// Heard are the words that sounded by more than half.
func (p *Performance) Heard() string {
	var heard []string
	took := time.Duration(0)
	for i, s := range p.Wire {
		if !s.Rest {
			took = 0
		}
		took += s.Took
		if i+1 < len(p.Wire) && p.Wire[i+1].Rest {
			continue
		}
		if s.Word != Tone && took > s.Full/2 {
			heard = append(heard, s.Word)
		}
	}
	return strings.Join(heard, " ")
}
