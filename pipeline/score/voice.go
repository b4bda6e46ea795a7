package score

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
)

// A Voice is the scripted voice: each word lasts as long, and its sound says which word it is. It rises and falls with the syllables, and
// is nearly silent in a pause; but nobody articulates every one of them.
type Voice struct {
	PerWord float64 // default 0.3
	Human   bool    // a word takes as long as its syllables, more or less, and a pause follows punctuation; PerWord is that of two syllables with three consonants
	Reads   bool    // it reads all of its text before it says a word
	Whole   bool    // it hands over its sound in one piece
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
	Rest bool          // it goes on with the word before it, after a gap, or louder or quieter

	Ducked bool // 14 dB quieter than it was spoken
}

type voice struct {
	Voice
	mu    sync.Mutex
	uses  int
	words []string
}

// The samples of word 0, in and between its syllables; those of each next word are step higher, so that they can be told when they are
// ducked to a fifth. In a pause they are those of no word.
const loud, soft, rest, step = 16000, 4000, -step, 5

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
	n := syllables(word) // in each, a vowel lasts as long as two consonants
	for _, r := range word {
		if unicode.IsLetter(r) && !vowel(r) {
			n++
		}
	}
	n += syllables(word)
	spoken = v.perWord() * time.Duration(n) / 7
	spoken += spoken * time.Duration(sum(word)%7-3) / 12 // nobody is a metronome
	if strings.ContainsAny(word[len(word)-1:], ".?!,") {
		pause = v.perWord() * 2 / 3
	}
	return spoken.Round(5 * time.Millisecond), pause.Round(5 * time.Millisecond)
}

// syllables are a word's groups of vowels.
func syllables(word string) int {
	n, in := 0, false
	for _, r := range word {
		if vowel(r) && !in {
			n++
		}
		in = vowel(r)
	}
	return max(n, 1)
}

func vowel(r rune) bool { return strings.ContainsRune("aeiouyAEIOUY", r) }

// sum tells words apart.
func sum(word string) (n int) {
	for _, r := range word {
		n += int(r)
	}
	return n
}

// name gives a word its number.
func (v *voice) name(word string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.words = append(v.words, word)
	return len(v.words) - 1
}

// inOnePiece is all that is spoken until a fault, if there is one.
func inOnePiece(speech iter.Seq2[pipeline.Speech, error]) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		var all pipeline.Speech
		for s, err := range speech {
			if err != nil {
				yield(s, err)
				return
			}
			all.PCM, all.Words = append(all.PCM, s.PCM...), append(all.Words, s.Words...)
		}
		yield(all, nil)
	}
}

func (v *voice) Speak(ctx context.Context, text iter.Seq2[string, error], how pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	if v.Whole {
		return inOnePiece(v.speakPieces(ctx, text, how))
	}
	return v.speakPieces(ctx, text, how)
}

func (v *voice) speakPieces(ctx context.Context, text iter.Seq2[string, error], how pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
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
	pcm := v.sound(word.Text, word.End-word.Start, pause, rate)
	var times []pipeline.Word
	if v.Times {
		times = []pipeline.Word{word}
	}
	for part := range slices.Chunk(pcm, rate/10) {
		if !yield(pipeline.Speech{PCM: part, Words: times}, nil) {
			return false
		}
		times = nil
	}
	return true
}

// sound is that of a word and the pause after it. Four of five syllables end in a dip, of a fifth of their length.
func (v *voice) sound(word string, spoken, pause time.Duration, rate int) []int16 {
	n, name := syllables(word), int16(step*v.name(word))
	pcm := make([]int16, int((spoken+pause)*time.Duration(rate)/time.Second))
	length := int(spoken*time.Duration(rate)/time.Second) / n // of a syllable
	for i := range pcm {
		switch k := i / length; {
		case k >= n && pause > 0:
			pcm[i] = rest
		case i%length >= length*4/5 && (sum(word)+k)%5 != 0:
			pcm[i] = soft + name
		default:
			pcm[i] = loud + name
		}
	}
	return pcm
}

// decode says which words sounded on the wire. Samples that a fade has made another word's are its neighbour's.
func (v *voice) decode(stretches []legtest.Stretch, rate int) (sounds []Sound) {
	v.mu.Lock()
	defer v.mu.Unlock()
	word := -1 // the last, as run has it
	for _, s := range stretches {
		fresh := true
		for i := 0; i < len(s.PCM); {
			w, n := v.run(s.PCM[i:], word, rate)
			from := s.At.Add(media.Samples(i, rate)).Sub(stretches[0].At)
			if w < 0 && n < rate/15 { // a fade
				w = word
			}
			switch {
			case w >= 0 && (w != word || fresh):
				full, _ := v.length(v.words[w/2])
				sounds = append(sounds, Sound{v.words[w/2], from, 0, full, word >= 0 && w/2 == word/2, w%2 == 1})
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

// run is twice the word that pcm begins with, and one more if it is ducked, and for how many samples it goes on; -1: it is no word.
func (v *voice) run(pcm []int16, last, rate int) (word, n int) {
	says := func(sample int16) int {
		for _, first := range []int16{loud, soft} {
			if w := int(sample - first); w%step == 0 && w >= 0 && w/step < len(v.words) {
				return w / step * 2
			}
			if w := int(sample - first/step); w >= 0 && w < len(v.words) {
				return w*2 + 1
			}
		}
		if sample == rest || sample == rest/step {
			return last
		}
		return -1
	}
	one := func(from int) (word, n int) {
		word = says(pcm[from])
		for n = 1; from+n < len(pcm); n++ { // most samples are like the one before
			if pcm[from+n] != pcm[from+n-1] && says(pcm[from+n]) != word {
				break
			}
		}
		if n < rate/100 {
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
