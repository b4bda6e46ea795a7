package local

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"parley/media"
	"parley/media/resample"
	"parley/media/vad"
	"parley/pipeline"
)

// A script is a clause as a voice wants it.
type script struct {
	text    string
	weights []int // how long each of the clause's words takes, relative to the others
}

// errNoVoice is what a build without cgo has to say.
var errNoVoice = errors.New("there is no voice: the program was built without cgo")

// Speak speaks clause by clause: the first is on its way while the text still arrives, and each next one is made while the one
// before is being taken. It waits for the models, if need be. Of v, Name may be empty, "jenny" or "slt", Lang empty or English, and
// Pace 0.5 to 2 (0: as is). Word times are estimates within each clause.
func (e *Engine) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		s, err := e.speaker(ctx, v)
		if err != nil {
			yield(pipeline.Speech{}, fmt.Errorf("speak: %w", err))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		clauses := make(chan pipeline.Speech)
		failed := make(chan error, 1)
		var composer sync.WaitGroup
		composer.Go(func() {
			defer close(clauses)
			if err := s.compose(ctx, text, clauses); err != nil {
				failed <- err
			}
		})
		defer composer.Wait()
		defer cancel()
		for sp := range clauses {
			if ctx.Err() != nil {
				break
			}
			if !yield(sp, nil) {
				return
			}
		}
		cause := context.Cause(ctx)
		cancel()
		composer.Wait()
		select {
		case err := <-failed:
			if cause != nil {
				err = cause
			}
			yield(pipeline.Speech{}, fmt.Errorf("speak: %w", err))
		default:
		}
	}
}

// A speaker speaks one utterance.
type speaker struct {
	pool  *pool
	cache *cache
	voice voice
	name  string
	rate  int
	pace  float64
	at    time.Duration // how much has been spoken
	pause time.Duration // due before the next clause
}

func (e *Engine) speaker(ctx context.Context, v pipeline.Voice) (*speaker, error) {
	if v.Lang != "" && !strings.HasPrefix(strings.ToLower(v.Lang), "en") {
		return nil, fmt.Errorf("Voice.Lang is %q: the offline voice speaks English only", v.Lang)
	}
	if v.Pace == 0 {
		v.Pace = 1
	}
	if v.Pace < 0.5 || v.Pace > 2 {
		return nil, fmt.Errorf("Voice.Pace is %g: say 0.5 to 2", v.Pace)
	}
	if _, err := resample.New(v.Rate, 8000); err != nil {
		return nil, fmt.Errorf("Voice.Rate: %w", err)
	}
	m, err := e.wait(ctx)
	if err != nil {
		return nil, err
	}
	s := &speaker{pool: e.pool, cache: e.cache, voice: m.voice, name: m.report.Voice.Level, rate: v.Rate, pace: v.Pace}
	switch v.Name {
	case "", "jenny":
	case "slt":
		s.voice, s.name = m.plain, VoiceFlite
	default:
		return nil, fmt.Errorf("Voice.Name is %q: the offline voices are jenny and slt", v.Name)
	}
	if s.voice == nil {
		return nil, errNoVoice
	}
	return s, nil
}

// compose makes speech of text and hands it over, one clause ahead of its taker.
func (s *speaker) compose(ctx context.Context, text iter.Seq2[string, error], out chan<- pipeline.Speech) error {
	var failure error
	one := func(c clause) bool {
		sp, err := s.speak(ctx, c)
		if err != nil {
			failure = err
			return false
		}
		select {
		case out <- sp:
			return true
		case <-ctx.Done():
			failure = context.Cause(ctx)
			return false
		}
	}
	var split splitter
	for piece, err := range text {
		if err != nil {
			return fmt.Errorf("text: %w", err)
		}
		if !split.add(piece, one) {
			return failure
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	split.flush(one)
	return failure
}

// speak makes one clause's speech, with the pause that is due before it.
func (s *speaker) speak(ctx context.Context, c clause) (pipeline.Speech, error) {
	sound, err := s.sound(ctx, c)
	if err != nil {
		return pipeline.Speech{}, err
	}
	pcm := make([]int16, samples(s.pause, s.rate), samples(s.pause, s.rate)+len(sound))
	begin := s.at + media.Samples(len(pcm), s.rate)
	pcm = append(pcm, sound...)
	s.at += media.Samples(len(pcm), s.rate)
	s.pause = c.pause
	return pipeline.Speech{PCM: pcm, Words: timed(c, begin, s.at)}, nil
}

// sound is the clause at the leg's rate, from the cache or a worker.
func (s *speaker) sound(ctx context.Context, c clause) ([]int16, error) {
	key := cacheKey{text: c.said(), voice: s.name, rate: s.rate, pace: s.pace}
	if pcm, ok := s.cache.get(key); ok {
		return pcm, nil
	}
	script, err := s.voice.prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	type result struct {
		pcm []int16
		err error
	}
	done := make(chan result, 1)
	j := &job{
		run: func(func() bool) {
			pcm, rate, err := s.voice.say(ctx, script, s.pace)
			if err == nil {
				pcm, err = convert(pcm, rate, s.rate)
			}
			done <- result{pcm, err}
		},
		drop: func(err error) { done <- result{nil, err} },
	}
	if err := s.pool.submit(j, urgent); err != nil {
		return nil, err
	}
	select {
	case r := <-done:
		if r.err == nil {
			s.cache.put(key, r.pcm)
		}
		return r.pcm, r.err
	case <-ctx.Done():
		s.pool.cancel(j)
		return nil, context.Cause(ctx)
	}
}

func convert(pcm []int16, from, to int) ([]int16, error) {
	r, err := resample.New(from, to)
	if err != nil {
		return nil, err
	}
	return r.Flush(r.Append(make([]int16, 0, len(pcm)*to/from+to/50), pcm)), nil
}

// timed gives the clause's words their likely times between begin and end.
func timed(c clause, begin, end time.Duration) []pipeline.Word {
	weights := weigh(c)
	total := 0
	for _, w := range weights {
		total += w
	}
	words := make([]pipeline.Word, len(c.words))
	past := 0
	for i, w := range c.words {
		at := func(n int) time.Duration { return begin + (end-begin)*time.Duration(n)/time.Duration(max(total, 1)) }
		words[i] = pipeline.Word{Text: w.text, Start: at(past), End: at(past + weights[i])}
		past += weights[i]
	}
	return words
}

// weigh estimates how long each word takes: by its letters, with vowels, which last, counted twice, and a comma's breath.
func weigh(c clause) []int {
	weights := make([]int, len(c.words))
	for i, w := range c.words {
		if w.said == "" {
			continue
		}
		n := 2 + utf8.RuneCountInString(w.said)
		for _, r := range w.said {
			if strings.ContainsRune("aeiouyAEIOUY", r) {
				n++
			}
		}
		if w.stop != 0 && i+1 < len(c.words) {
			n += 5
		}
		weights[i] = n
	}
	return weights
}

// trim cuts the silence around a clause, so that pauses are what we make them.
func trim(pcm []int16, rate int) []int16 {
	const bar = -66 // dBFS: a "p" begins that softly
	hop := rate / 200
	first, last := 0, len(pcm)
	for first+hop <= last && vad.Level(pcm[first:first+hop]) < bar {
		first += hop
	}
	for last-hop >= first && vad.Level(pcm[last-hop:last]) < bar {
		last -= hop
	}
	first, last = max(0, first-2*hop), min(len(pcm), last+4*hop)
	return pcm[first:last]
}
