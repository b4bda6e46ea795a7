package providers_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
)

const (
	firstSound = 120 * time.Millisecond // from a voice's first text to its first sound
	perWord    = 200 * time.Millisecond // of sound
	perMake    = 20 * time.Millisecond  // of time to make a word
)

var errVoice = errors.New("the voice failed")

// A voice speaks each word as 200 ms of the word's own sample, at the rate asked for, with its times.
type voice struct {
	mu     sync.Mutex
	pieces [][]string // of each utterance, as they came
	live   int
	most   int // utterances at once

	fails  func(use int) bool // with errVoice, after the first word
	panics bool
	silent bool
	swift  bool // makes sound in no time
}

// sample is how a word sounds.
func sample(word string) int16 {
	n := int16(1000)
	for _, r := range word {
		n = n*31 + int16(r)
	}
	if n >= 0 {
		return max(n, 1000)
	}
	return min(n, -1000)
}

// sounds is how text sounds.
func sounds(text string, rate int) (pcm []int16, words []pipeline.Word) {
	for _, word := range strings.Fields(text) {
		at := media.Samples(len(pcm), rate)
		for range int(perWord.Seconds() * float64(rate)) {
			pcm = append(pcm, sample(word))
		}
		words = append(words, pipeline.Word{Text: word, Start: at, End: at + perWord})
	}
	return pcm, words
}

func (s *voice) begin() (use int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces = append(s.pieces, nil)
	s.live++
	s.most = max(s.most, s.live)
	return len(s.pieces) - 1
}

func (s *voice) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live--
}

// uses are the texts that it was asked for, pieces parted by bars.
func (s *voice) uses() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pieces {
		all = append(all, strings.Join(p, "|"))
	}
	return all
}

func (s *voice) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		use := s.begin()
		defer s.end()
		if s.panics {
			panic("the voice is broken")
		}
		said, at := 0, time.Duration(0)
		for piece, err := range text {
			if err != nil {
				yield(pipeline.Speech{}, err)
				return
			}
			s.mu.Lock()
			s.pieces[use] = append(s.pieces[use], piece)
			s.mu.Unlock()
			for _, word := range strings.Fields(piece) {
				wait := perMake
				if said == 0 {
					wait = firstSound
				}
				if s.swift {
					wait = 0
				}
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					yield(pipeline.Speech{}, context.Cause(ctx))
					return
				}
				if s.fails != nil && said == 1 && s.fails(use) {
					yield(pipeline.Speech{}, errVoice)
					return
				}
				if s.silent {
					continue
				}
				pcm, words := sounds(word, v.Rate)
				words[0].Start, words[0].End = at, at+perWord
				said, at = said+1, at+perWord
				sp := pipeline.Speech{PCM: pcm, Words: words}
				if !yield(sp, nil) {
					return
				}
				clear(pcm) // it was lent
			}
		}
	}
}

// pieces is text that arrives as given.
func pieces(text ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range text {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// streamed is text that arrives a piece every 50 ms.
func streamed(text ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range text {
			time.Sleep(50 * time.Millisecond)
			if !yield(s, nil) {
				return
			}
		}
	}
}

// heard is what came of an utterance.
type heard struct {
	pcm   []int16
	words []pipeline.Word
	first time.Duration // until the first sound
	err   error
}

// listen takes an utterance to its end.
func listen(ctx context.Context, s pipeline.Synthesizer, text iter.Seq2[string, error], v pipeline.Voice) (h heard) {
	began := time.Now()
	for sp, err := range s.Speak(ctx, text, v) {
		if len(sp.PCM) > 0 && h.pcm == nil {
			h.first = time.Since(began)
		}
		h.pcm, h.words = append(h.pcm, sp.PCM...), append(h.words, sp.Words...)
		h.err = err
	}
	return h
}

// said is the words that are in the sound, in its order.
func (h heard) said(text string) string {
	names := map[int16]string{}
	for _, w := range strings.Fields(text) {
		names[sample(w)] = w
	}
	var all []string
	for i := 0; i < len(h.pcm); {
		n := 1
		for i+n < len(h.pcm) && h.pcm[i+n] == h.pcm[i] {
			n++
		}
		if w := names[h.pcm[i]]; w != "" {
			all = append(all, w)
		}
		i += n
	}
	return strings.Join(all, " ")
}
