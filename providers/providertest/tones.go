package providertest

import (
	"hash/fnv"
	"math"
	"strings"
	"time"
	"unicode"
)

// How Tones speaks.
const (
	letterTime = 60 * time.Millisecond
	wordGap    = 60 * time.Millisecond
	toneLevel  = 8000 // peak
)

// Tones is text as a fake voice speaks it: each word a tone of its own pitch, 60 ms a letter or digit, followed by 60 ms of silence. The
// same text always sounds the same.
func Tones(text string, rate int) []int16 {
	pcm := make([]int16, TonesLength(text)*time.Duration(rate)/time.Second)
	t := toneReader{words: strings.Fields(text), rate: rate}
	return pcm[:t.read(pcm)]
}

// TonesLength is how long Tones sounds.
func TonesLength(text string) (d time.Duration) {
	for _, w := range strings.Fields(text) {
		d += wordTime(w) + wordGap
	}
	return d
}

func wordTime(word string) time.Duration {
	n := 0
	for _, r := range word {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return time.Duration(max(n, 1)) * letterTime
}

// A toneReader makes Tones piece by piece.
type toneReader struct {
	words      []string
	rate       int
	tone, gap  int     // samples left of the current word
	a, b, step float64 // the last two samples of its oscillator, and twice the cosine of its angle
}

// read fills pcm, and returns how much of it before the words ran out.
func (t *toneReader) read(pcm []int16) int {
	for n := 0; n < len(pcm); n++ {
		if t.tone == 0 && t.gap == 0 && !t.next() {
			return n
		}
		if t.tone > 0 {
			t.tone--
			t.a, t.b = t.b, t.step*t.b-t.a
			pcm[n] = int16(t.a)
			continue
		}
		t.gap--
		pcm[n] = 0
	}
	return len(pcm)
}

// next begins the next word.
func (t *toneReader) next() bool {
	if len(t.words) == 0 {
		return false
	}
	word := t.words[0]
	t.words = t.words[1:]
	h := fnv.New32a()
	_, _ = h.Write([]byte(word)) // a hash never fails
	angle := 2 * math.Pi * float64(300+h.Sum32()%32*25) / float64(t.rate)
	t.tone = int(wordTime(word) * time.Duration(t.rate) / time.Second)
	t.gap = int(wordGap * time.Duration(t.rate) / time.Second)
	t.a, t.b, t.step = 0, toneLevel*math.Sin(angle), 2*math.Cos(angle)
	return true
}
