package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/pipeline"
)

// What a Fallback's zero fields mean.
const (
	DefaultPatience = 1500 * time.Millisecond
	DefaultRest     = 30 * time.Second
)

var (
	errNoSound  = errors.New("no sound")
	errTooQuiet = fmt.Errorf("%w in time", errNoSound)
)

// A Fallback is a Synthesizer that speaks with the next voice when one fails before its first sound: by an error, by ending, or by
// none in time. What had been read of the text is spoken from its beginning. A voice that failed rests, unless all do. One that fails
// in mid-sentence has been heard, and its error ends the utterance. Voice.Name, Model and Timbre are the first one's: the others speak in
// their own default voice.
//
//	text ──▶ First ──fails──▶ Next ──fails──▶ ... ──▶ the last one's error
//
// Its fields are set before the first use and not changed after. All methods may be called by any goroutine.
type Fallback struct {
	Voices   []pipeline.Synthesizer           // the best one first
	Patience time.Duration                    // from the newest piece of text to the first sound; 0: DefaultPatience
	Rest     time.Duration                    // how long a voice that failed is passed over; 0: DefaultRest
	Failed   func(voice, next int, err error) // told of each failure that the caller is spared; nil: nobody

	mu   sync.Mutex
	till []time.Time // until when each voice rests
}

// Speak implements [pipeline.Synthesizer].
func (f *Fallback) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		plain := pipeline.Voice{Lang: v.Lang, Rate: v.Rate, Pace: v.Pace}
		t := newRetold(text)
		defer t.stop()
		order := f.order()
		for i, voice := range order {
			how := plain
			if voice == 0 {
				how = v
			}
			if i == len(order)-1 {
				f.Voices[voice].Speak(ctx, t.again(nil), how)(yield)
				return
			}
			err := f.try(ctx, voice, t, how, yield)
			if err == nil {
				return
			}
			f.rests(voice)
			if f.Failed != nil {
				f.Failed(voice, order[i+1], err)
			}
		}
	}
}

// try speaks with one voice. An error says that it has failed, and that nothing of it was heard.
func (f *Fallback) try(ctx context.Context, voice int, t *retold, v pipeline.Voice, yield func(pipeline.Speech, error) bool) error {
	one, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := cmp.Or(f.Patience, DefaultPatience)
	var decided atomic.Bool // it was heard, or is too late
	late := time.AfterFunc(math.MaxInt64, func() {
		if decided.CompareAndSwap(false, true) {
			cancel(errTooQuiet)
		}
	})
	defer late.Stop()
	defer t.unwatch()
	sounds, early := false, []pipeline.Word(nil)
	for s, err := range f.Voices[voice].Speak(one, t.again(func() { late.Reset(patience) }), v) {
		if !sounds {
			switch {
			case err != nil && (ctx.Err() != nil || t.failed()): // not the voice's fault
				yield(s, err)
				return nil
			case err != nil:
				return cmp.Or(context.Cause(one), err)
			case len(s.PCM) == 0:
				early = append(early, s.Words...)
				continue
			case !decided.CompareAndSwap(false, true):
				return errTooQuiet
			}
			sounds, s.Words = true, append(early, s.Words...)
		}
		if !yield(s, err) {
			return nil
		}
	}
	if sounds || ctx.Err() != nil || t.empty() {
		return nil
	}
	return cmp.Or(context.Cause(one), errNoSound)
}

// order is which voices are tried: those that rest only if all do.
func (f *Fallback) order() (awake []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.till == nil {
		f.till = make([]time.Time, len(f.Voices))
	}
	var resting []int
	for i := range f.Voices {
		if time.Now().Before(f.till[i]) {
			resting = append(resting, i)
		} else {
			awake = append(awake, i)
		}
	}
	return append(awake, resting...)
}

func (f *Fallback) rests(voice int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.till[voice] = time.Now().Add(cmp.Or(f.Rest, DefaultRest))
}

// retold is a text that can be told again from its beginning, as far as it was read, and goes on from there. It has one reader at a time.
type retold struct {
	next func() (string, error, bool)
	stop func()

	mu    sync.Mutex
	told  []string
	over  bool   // that was all
	err   error  // that the text ended with
	watch func() // is told of each piece; nil: nobody
}

func newRetold(text iter.Seq2[string, error]) *retold {
	next, stop := iter.Pull2(text)
	return &retold{next: next, stop: stop}
}

// again is the text from its beginning.
func (t *retold) again(watch func()) iter.Seq2[string, error] {
	t.mu.Lock()
	defer t.mu.Unlock()
	told := t.told
	t.watch = watch
	return func(yield func(string, error) bool) {
		for _, s := range told {
			t.note()
			if !yield(s, nil) {
				return
			}
		}
		for {
			s, err, ok := t.next()
			t.keep(s, err, ok)
			if !ok {
				return
			}
			t.note()
			if !yield(s, err) {
				return
			}
		}
	}
}

func (t *retold) keep(s string, err error, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !ok:
		t.over = true
	case err != nil:
		t.err = err
	default:
		t.told = append(t.told, s)
	}
}

func (t *retold) note() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watch != nil {
		t.watch()
	}
}

func (t *retold) unwatch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watch = nil
}

func (t *retold) failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err != nil
}

// empty says whether there was nothing to say in all of the text.
func (t *retold) empty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over && !speakable(strings.Join(t.told, ""))
}
