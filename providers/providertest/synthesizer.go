package providertest

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
)

// Synthesizer holds what open makes to the contract of pipeline.Synthesizer. open is called once for each subtest, with its t: what it
// starts it must end in a t.Cleanup, goroutines and idle sockets included. The voice must speak English at 8 and 16 kHz.
func Synthesizer(t *testing.T, open func(t *testing.T) pipeline.Synthesizer) {
	for name, f := range map[string]func(*testing.T, pipeline.Synthesizer){
		"no sound before text":               noSoundBeforeText,
		"sound before the end of text":       soundBeforeTheEndOfText,
		"nothing to say":                     nothingToSay,
		"the rate is the one asked for":      rateIsTheOneAskedFor,
		"cancelled, it ends soon":            cancelledItEndsSoon,
		"broken off, it ends soon":           brokenOffItEndsSoon,
		"cancelled before it begins":         cancelledBeforeItBegins,
		"an error in the text comes last":    errorInTheTextComesLast,
		"nothing of a cut utterance is left": nothingOfACutUtteranceIsLeft,
		"a slow caller misses nothing":       slowCallerMissesNothing,
		"word times are in order":            wordTimesAreInOrder,
		"utterances at once":                 utterancesAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone(t)
			f(t, open(t))
		})
	}
}

const (
	oneSentence  = "The quick brown fox jumps over the lazy dog."
	twoSentences = "Good morning, this is the reception. How can I help you today? "
)

var english = pipeline.Voice{Lang: "en-US", Rate: 8000}

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

// endless is text that goes on until ctx ends; joined is set once nobody pulls it any more.
func endless(ctx context.Context, joined *atomic.Bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		defer joined.Store(true)
		for ctx.Err() == nil && yield(twoSentences, nil) {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

// spoken speaks text to its end, and returns how long it sounds.
func spoken(t *testing.T, s pipeline.Synthesizer, text iter.Seq2[string, error], v pipeline.Voice) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n := 0
	for sp, err := range s.Speak(ctx, text, v) {
		if err != nil {
			t.Fatalf("Speak: %v", err)
		}
		n += len(sp.PCM)
	}
	return media.Samples(n, v.Rate)
}

func noSoundBeforeText(t *testing.T, s pipeline.Synthesizer) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var came atomic.Bool
	text := func(yield func(string, error) bool) {
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
		came.Store(true)
		yield(oneSentence, nil)
	}
	n := 0
	for sp, err := range s.Speak(ctx, text, english) {
		if err != nil {
			t.Fatalf("Speak: %v", err)
		}
		if len(sp.PCM) > 0 && !came.Load() {
			t.Fatalf("%d samples came before there was text", len(sp.PCM))
		}
		n += len(sp.PCM)
	}
	if d := media.Samples(n, english.Rate); d < time.Second/2 || d > 20*time.Second {
		t.Errorf("%q sounds for %v", oneSentence, d)
	}
}

func soundBeforeTheEndOfText(t *testing.T, s pipeline.Synthesizer) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sounds := make(chan struct{})
	text := func(yield func(string, error) bool) {
		if !yield("Good morning, this is the reception. ", nil) {
			return
		}
		select {
		case <-sounds:
			yield("How can I help you today?", nil)
		case <-ctx.Done():
		}
	}
	n := 0
	for sp, err := range s.Speak(ctx, text, english) {
		if err != nil {
			t.Fatalf("Speak: %v (there were %d samples, and more text was to come after the first)", err, n)
		}
		if len(sp.PCM) > 0 && n == 0 {
			close(sounds)
		}
		n += len(sp.PCM)
	}
	if n == 0 {
		t.Error("no sound came")
	}
}

func nothingToSay(t *testing.T, s pipeline.Synthesizer) {
	for _, text := range [][]string{nil, {""}, {" ", "\n"}} {
		if d := spoken(t, s, pieces(text...), english); d != 0 {
			t.Errorf("%q sounds for %v", text, d)
		}
	}
}

func rateIsTheOneAskedFor(t *testing.T, s pipeline.Synthesizer) {
	wide := english
	wide.Rate = 16000
	narrowly, widely := spoken(t, s, pieces(oneSentence), english), spoken(t, s, pieces(oneSentence), wide)
	if d := narrowly - widely; d.Abs() > narrowly/4 {
		t.Errorf("the same words take %v at 8 kHz and %v at 16 kHz", narrowly, widely)
	}
}

func cancelledItEndsSoon(t *testing.T, s pipeline.Synthesizer) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var joined atomic.Bool
	var cancelled time.Time
	within(t, "Speak", func() {
		for sp, err := range s.Speak(ctx, endless(ctx, &joined), english) {
			if err != nil && ctx.Err() == nil {
				t.Errorf("Speak: %v", err)
			}
			if len(sp.PCM) > 0 && cancelled.IsZero() {
				cancelled = time.Now()
				cancel()
			}
		}
	})
	soon(t, cancelled, &joined)
}

func brokenOffItEndsSoon(t *testing.T, s pipeline.Synthesizer) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var joined atomic.Bool
	var broke time.Time
	within(t, "Speak", func() {
		for sp, err := range s.Speak(ctx, endless(ctx, &joined), english) {
			if err != nil {
				t.Errorf("Speak: %v", err)
			}
			if len(sp.PCM) > 0 {
				broke = time.Now()
				break
			}
		}
	})
	soon(t, broke, &joined)
}

// soon says that an utterance that was cut ended in time, and took its goroutine along.
func soon(t *testing.T, cut time.Time, joined *atomic.Bool) {
	t.Helper()
	if cut.IsZero() {
		t.Fatal("no sound came")
	}
	if took := time.Since(cut); took > 3*time.Second {
		t.Errorf("it ended after %v", took)
	}
	if !joined.Load() {
		t.Error("the text is still being pulled")
	}
}

func cancelledBeforeItBegins(t *testing.T, s pipeline.Synthesizer) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var joined atomic.Bool
	within(t, "Speak", func() {
		for sp, err := range s.Speak(ctx, endless(ctx, &joined), english) {
			if err == nil && len(sp.PCM) > 0 {
				t.Error("sound came")
			}
		}
	})
}

func errorInTheTextComesLast(t *testing.T, s pipeline.Synthesizer) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lost := errors.New("the model was lost")
	text := func(yield func(string, error) bool) {
		if yield(oneSentence, nil) {
			yield("", lost)
		}
	}
	var got error
	for _, err := range s.Speak(ctx, text, english) {
		if got != nil {
			t.Error("something came after the error")
		}
		got = err
	}
	if !errors.Is(got, lost) {
		t.Errorf("Speak ended with %v, want the error of its text", got)
	}
}

func nothingOfACutUtteranceIsLeft(t *testing.T, s pipeline.Synthesizer) {
	want := spoken(t, s, pieces("Yes."), english)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		var joined atomic.Bool
		for sp, err := range s.Speak(ctx, endless(ctx, &joined), english) {
			if err != nil {
				t.Errorf("Speak: %v", err)
			}
			if len(sp.PCM) > 0 {
				break
			}
		}
		cancel()
		if got := spoken(t, s, pieces("Yes."), english); (got - want).Abs() > want/2+100*time.Millisecond {
			t.Errorf("after an utterance that was cut, the next sounds for %v, want %v", got, want)
		}
	}
}

func slowCallerMissesNothing(t *testing.T, s pipeline.Synthesizer) {
	text := []string{twoSentences, twoSentences}
	want := spoken(t, s, pieces(text...), english)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n := 0
	for sp, err := range s.Speak(ctx, pieces(text...), english) {
		if err != nil {
			t.Fatalf("Speak: %v", err)
		}
		n += len(sp.PCM)
		<-time.After(5 * time.Millisecond)
	}
	if got := media.Samples(n, english.Rate); (got - want).Abs() > want/4 {
		t.Errorf("a slow caller heard %v, a fast one %v", got, want)
	}
}

func wordTimesAreInOrder(t *testing.T, s pipeline.Synthesizer) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n := 0
	var words []pipeline.Word
	for sp, err := range s.Speak(ctx, pieces(twoSentences), english) {
		if err != nil {
			t.Fatalf("Speak: %v", err)
		}
		n += len(sp.PCM)
		words = append(words, sp.Words...)
	}
	length := media.Samples(n, english.Rate)
	var last time.Duration
	for _, w := range words {
		if w.Text == "" || w.Start < last || w.End < w.Start || w.End > length+time.Second/10 {
			t.Errorf("word %+v is out of order: the one before began at %v, and all sounds for %v", w, last, length)
		}
		last = w.Start
	}
}

func utterancesAtOnce(t *testing.T, s pipeline.Synthesizer) {
	texts := []string{"Yes.", oneSentence, twoSentences}
	want := make([]time.Duration, len(texts))
	for i, text := range texts {
		want[i] = spoken(t, s, pieces(text), english)
	}
	got := make(chan time.Duration)
	for i, text := range texts {
		go func() {
			d := time.Duration(0)
			for sp, err := range s.Speak(t.Context(), pieces(text), english) {
				if err != nil {
					t.Errorf("Speak: %v", err)
				}
				d += media.Samples(len(sp.PCM), english.Rate)
			}
			got <- d - want[i]
		}()
	}
	for range texts {
		select {
		case off := <-got:
			if off.Abs() > time.Second {
				t.Errorf("an utterance beside others sounds %v longer than alone", off)
			}
		case <-time.After(patience):
			t.Fatal("an utterance did not end")
		}
	}
}
