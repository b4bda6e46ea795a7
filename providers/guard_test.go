package providers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/providertest"
	"parley/providers/text"
)

// A statusError is a vendor's refusal.
type statusError int

func (e statusError) Error() string   { return fmt.Sprint("HTTP ", int(e)) }
func (e statusError) StatusCode() int { return int(e) }

// TestBreaker: so many failures in a row close the way to a vendor for all calls; one request finds out when it is well again.
func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var news []string
		g := &providers.Guard{Provider: "acme", Kind: providers.LLM, Told: func(what string) { news = append(news, what) }}
		model := &mind{err: statusError(500)}
		r := g.Responder(model)
		fails := func(want error) {
			t.Helper()
			if got := ask(t.Context(), r, pipeline.Talk{}); !errors.Is(got.err, want) {
				t.Errorf("error %v, want %v", got.err, want)
			}
		}
		turned := func() {
			t.Helper()
			asked := model.asked.Load()
			got := ask(t.Context(), r, pipeline.Talk{})
			if _, ok := errors.AsType[*providers.TurnedAway](got.err); !ok || model.asked.Load() != asked || providers.Class(got.err) != providers.Unavailable {
				t.Errorf("error %v (%s), the model was asked %d times more", got.err, providers.Class(got.err), model.asked.Load()-asked)
			}
		}
		for range providers.DefaultTrip - 1 {
			fails(statusError(500))
		}
		model.err = statusError(400) // which says nothing of the vendor
		fails(statusError(400))
		model.err = statusError(500)
		fails(statusError(500))
		turned()
		time.Sleep(providers.DefaultCooling)
		fails(statusError(500))
		turned()
		time.Sleep(providers.DefaultCooling)
		turned()
		time.Sleep(providers.DefaultCooling)
		model.err, model.says = nil, "Yes."
		for range 3 {
			if got := ask(t.Context(), r, pipeline.Talk{}); got.text != "Yes." {
				t.Errorf("%q, %v", got.text, got.err)
			}
		}
		want := []string{"opened", "broken", "tries", "opened", "broken", "broken", "tries", "closed"}
		if diff := cmp.Diff(want, news); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// TestBreakerCut: a request that tries, and that nobody wants any more, leaves the way open to the next one that tries.
func TestBreakerCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &providers.Guard{Trip: 1}
		model := &mind{err: statusError(500)}
		r := g.Responder(model)
		ask(t.Context(), r, pipeline.Talk{})
		time.Sleep(providers.DefaultCooling)
		model.err, model.hangs = nil, true
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		ask(ctx, r, pipeline.Talk{})
		model.hangs, model.says = false, "Yes."
		if got := ask(t.Context(), r, pipeline.Talk{}); got.text != "Yes." {
			t.Errorf("%q, %v", got.text, got.err)
		}
	})
}

// TestGuardLimits: requests beyond the limit wait a little for room, and are then turned away.
func TestGuardLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Int32
		g := &providers.Guard{Limit: 2, Told: func(news string) {
			if news == providers.Full {
				full.Add(1)
			}
		}}
		r := g.Responder(&mind{says: "Yes.", first: 400 * time.Millisecond})
		results := make(chan answered, 6)
		for range 6 {
			go func() { results <- ask(t.Context(), r, pipeline.Talk{}) }()
		}
		well, away := 0, 0
		for range 6 {
			got := <-results
			if got.err == nil {
				well++
			} else if e, ok := errors.AsType[*providers.TurnedAway](got.err); ok && e.Full && providers.Class(got.err) == providers.Overloaded {
				away++
			}
		}
		if well != 4 || away != 2 || full.Load() != 2 {
			t.Errorf("%d were answered, %d turned away, told of %d; want 4, 2 and 2", well, away, full.Load())
		}
		stt := &providers.Guard{Limit: 1}
		ears := stt.Transcriber(&scribe{})
		first, err := ears.Transcribe(t.Context(), pipeline.Listening{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ears.Transcribe(t.Context(), pipeline.Listening{}); err == nil {
			t.Error("a second transcription at once")
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		if second, err := ears.Transcribe(t.Context(), pipeline.Listening{}); err != nil || second.Close() != nil {
			t.Errorf("after the first: %v", err)
		}
	})
}

// TestGuardRetries: what fails at once, and may pass, is asked again, as long as that is rare.
func TestGuardRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			err         error
			least, most int // second tries of 40 utterances of which each fails at first
		}{
			"a lost connection": {io.ErrUnexpectedEOF, 12, 14},
			"500":               {statusError(500), 12, 14},
			"401":               {statusError(401), 0, 0},
			"429":               {statusError(429), 0, 0},
		} {
			uses, texts := 0, []string(nil)
			again := false
			v := speaks(func(_ context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
				uses++
				all := ""
				for s := range text {
					all += s
				}
				texts = append(texts, all)
				if again = !again; again {
					yield(pipeline.Speech{}, c.err)
					return
				}
				pcm, _ := sounds(all, 8000)
				yield(pipeline.Speech{PCM: pcm}, nil)
			})
			g := &providers.Guard{Trip: -1}
			fails := 0
			for range 40 {
				again = false
				if h := listen(t.Context(), g.Synthesizer(v), pieces("Good ", "day."), pipeline.Voice{Rate: 8000}); h.err != nil {
					fails++
				} else if h.said("Good day.") != "Good day." {
					t.Errorf("%s: %q", name, h.said("Good day."))
				}
			}
			if again := uses - 40; again < c.least || again > c.most || fails != 40-again || slices.ContainsFunc(texts, func(s string) bool { return s != "Good day." }) {
				t.Errorf("%s: %d uses, %d failures, want %d to %d second tries", name, uses, fails, c.least, c.most)
			}
		}
	})
}

// TestGuardWhileItsTextFails: a text may fail on the goroutine that reads it while the voice fails on its own. The race detector looks on.
func TestGuardWhileItsTextFails(t *testing.T) {
	t.Parallel()
	errText := errors.New("the text failed")
	failing := make(chan struct{})
	v := speaks(func(ctx context.Context, said iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
		text.Pull(ctx, said, func(context.Context, <-chan text.Piece) {
			<-failing
			yield(pipeline.Speech{}, statusError(400))
		})
	})
	said := func(yield func(string, error) bool) {
		close(failing)
		yield("", errText)
	}
	if h := listen(t.Context(), new(providers.Guard).Synthesizer(v), said, pipeline.Voice{Rate: 8000}); !errors.Is(h.err, statusError(400)) {
		t.Errorf("error %v", h.err)
	}
}

// TestBreakerOfTheSilent: a call whose transcription tries how a vendor is, and in which nobody speaks, does not keep all others from it.
func TestBreakerOfTheSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scribe{refuses: func() error { return statusError(500) }}
		r := (&providers.Guard{Trip: 1, Retries: -1}).Transcriber(s)
		open := func() (pipeline.Transcription, error) {
			return r.Transcribe(t.Context(), pipeline.Listening{Rate: rate16})
		}
		if _, err := open(); !errors.Is(err, statusError(500)) {
			t.Fatalf("error %v", err)
		}
		s.refuses = nil
		time.Sleep(providers.DefaultCooling)
		silent, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(); err == nil {
			t.Error("two try at once")
		}
		time.Sleep(providers.DefaultCooling)
		another, err := open()
		if err != nil {
			t.Fatalf("while nobody speaks on another call: %v", err)
		}
		for _, tr := range []pipeline.Transcription{another, silent} {
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestGuardOfAPanic: a recogniser that panics as it is opened keeps no room, and does not keep others from trying how it is.
func TestGuardOfAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scribe{refuses: func() error { panic("no") }}
		r := (&providers.Guard{Limit: 1, Trip: -1}).Transcriber(s)
		func() {
			defer func() { _ = recover() }()
			_, err := r.Transcribe(t.Context(), pipeline.Listening{Rate: rate16})
			t.Errorf("it did not panic, but returned %v", err)
		}()
		s.refuses = nil
		tr, err := r.Transcribe(t.Context(), pipeline.Listening{Rate: rate16})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestGuardKeepsTheContract of each kind that it decorates, with real clients and fake vendors.
func TestGuardKeepsTheContract(t *testing.T) {
	t.Parallel()
	client := func(t *testing.T) *deepgram.Client {
		server := &providertest.Deepgram{Key: "secret"}
		c := &deepgram.Client{BaseURL: providertest.StartDeepgram(t, server), Key: server.Key, Log: slog.New(slog.DiscardHandler)}
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		return c
	}
	t.Run("voice", func(t *testing.T) {
		t.Parallel()
		providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer {
			return (&providers.Guard{Limit: 1000}).Synthesizer(client(t))
		})
	})
	t.Run("recogniser", func(t *testing.T) {
		t.Parallel()
		providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
			return (&providers.Guard{Limit: 1000}).Transcriber(client(t))
		})
	})
}

// BenchmarkRecognisersWrite is what a frame costs that is kept for the next recogniser.
func BenchmarkRecognisersWrite(b *testing.B) {
	r := &providers.Recognisers{All: []providers.Recogniser{{Transcriber: still{}}, {Transcriber: still{}}}}
	tr, err := r.Transcribe(b.Context(), pipeline.Listening{Rate: 8000})
	if err != nil {
		b.Fatal(err)
	}
	f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
	b.ReportAllocs()
	for b.Loop() {
		f.At += media.FrameTime
		if err := tr.Write(f); err != nil {
			b.Fatal(err)
		}
	}
	if err := tr.Close(); err != nil {
		b.Error(err)
	}
}

// struck is a recogniser that is lost as soon as it is open.
type struck struct{ pipeline.Transcription }

func (s struck) Transcribe(context.Context, pipeline.Listening) (pipeline.Transcription, error) {
	return s, nil
}

func (struck) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) { yield(pipeline.Transcript{}, statusError(500)) }
}

func (struck) Close() error { return nil }

// TestBreakerBeforeRoom: nobody waits for room at a vendor whose breaker is open.
func TestBreakerBeforeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &providers.Guard{Limit: 1, Trip: 1}
		ears := g.Transcriber(struck{})
		lost, err := ears.Transcribe(t.Context(), pipeline.Listening{})
		if err != nil {
			t.Fatal(err)
		}
		for range lost.Results() {
			continue // it has its room still
		}
		began := time.Now()
		_, err = ears.Transcribe(t.Context(), pipeline.Listening{})
		if e, ok := errors.AsType[*providers.TurnedAway](err); !ok || e.Full || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := lost.Close(); err != nil {
			t.Error(err)
		}
	})
}
