package providers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/openai"
	"parley/providers/providertest"
)

// uses are those that a Meter has told of.
type uses struct {
	mu  sync.Mutex
	all []providers.Use
}

func (u *uses) meter() providers.Meter {
	return providers.Meter{Provider: "acme", Told: func(use providers.Use) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.all = append(u.all, use)
	}}
}

func (u *uses) want(t *testing.T, want ...providers.Use) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range want {
		want[i].Provider = "acme"
	}
	if diff := cmp.Diff(want, u.all); diff != "" {
		t.Errorf("the meter told (-want +got):\n%s", diff)
	}
}

// TestMeterIsASynthesizer, and below it a Transcriber and a Responder: what a Meter decorates keeps its contract.
func TestMeterIsASynthesizer(t *testing.T) {
	t.Parallel()
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer {
		return new(uses).meter().Synthesizer(client(t))
	})
}

func TestMeterIsATranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
		return new(uses).meter().Transcriber(client(t))
	})
}

func client(t *testing.T) *deepgram.Client {
	server := &providertest.Deepgram{Key: "secret"}
	c := &deepgram.Client{BaseURL: providertest.StartDeepgram(t, server), Key: server.Key, Log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// answers is a model made of a function.
type answers func(ctx context.Context, yield func(pipeline.Delta, error) bool)

func (a answers) Respond(ctx context.Context, _ pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) { a(ctx, yield) }
}

func TestMeterOfAModel(t *testing.T) {
	t.Parallel()
	thinks := func(after func(yield func(pipeline.Delta, error) bool)) answers {
		return func(_ context.Context, yield func(pipeline.Delta, error) bool) {
			time.Sleep(300 * time.Millisecond)
			if !yield(pipeline.Delta{Text: "Good "}, nil) {
				return
			}
			time.Sleep(time.Second)
			after(yield)
		}
	}
	whole := thinks(func(yield func(pipeline.Delta, error) bool) {
		_ = yield(pipeline.Delta{Text: "morning."}, nil) && yield(pipeline.Delta{Usage: &pipeline.Usage{Input: 100, Output: 7, Cached: 64}}, nil)
	})
	for name, c := range map[string]struct {
		model answers
		take  int // deltas
		cause error
		want  providers.Use
	}{
		"answers": {whole, 9, nil, providers.Use{Outcome: "ok", First: 300 * time.Millisecond, Input: 100, Output: 7, Cached: 64}},
		"is cut":  {whole, 1, nil, providers.Use{Outcome: "cut", First: 300 * time.Millisecond, Input: 10, Output: 2, Estimated: true}},
		"is cut, and has told": {thinks(func(yield func(pipeline.Delta, error) bool) {
			_ = yield(pipeline.Delta{Usage: &pipeline.Usage{Input: 100, Output: 7}}, nil) && yield(pipeline.Delta{Finish: "stop"}, nil)
		}), 2, nil, providers.Use{Outcome: "cut", First: 300 * time.Millisecond, Input: 100, Output: 7}},
		"is cut, and speaks itself": {answers(func(_ context.Context, yield func(pipeline.Delta, error) bool) {
			time.Sleep(300 * time.Millisecond)
			yield(pipeline.Delta{Aloud: &pipeline.Aloud{Text: "Good morning."}}, nil)
		}), 1, nil, providers.Use{Outcome: "cut", First: 300 * time.Millisecond}},
		"fails": {thinks(func(yield func(pipeline.Delta, error) bool) {
			yield(pipeline.Delta{}, fmt.Errorf("openai: %w", &openai.Error{Status: 429}))
		}), 9, nil, providers.Use{Outcome: "quota", First: 300 * time.Millisecond, Input: 10, Output: 2, Estimated: true}},
		"is late":                  {hangs, 9, &pipeline.LateError{Part: "responder"}, providers.Use{Outcome: "late"}},
		"waits while the voice is": {hangs, 9, &pipeline.LateError{Part: "voice"}, providers.Use{Outcome: "cut"}},
		"is interrupted":           {hangs, 9, pipeline.ErrBargeIn, providers.Use{Outcome: "cut"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told uses
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if c.cause != nil {
					time.AfterFunc(2*time.Second, func() { cancel(c.cause) })
				}
				n := 0
				for range told.meter().Responder(c.model).Respond(ctx, pipeline.Talk{Agent: &pipeline.Agent{Prompt: strings.Repeat("x", 30)}, History: []pipeline.Message{{Role: pipeline.Caller, Text: "Good day!!"}}}) {
					if n++; n == c.take {
						break
					}
				}
				c.want.Kind = providers.LLM
				told.want(t, c.want)
			})
		})
	}
}

// hangs says nothing until its context ends.
func hangs(ctx context.Context, yield func(pipeline.Delta, error) bool) {
	<-ctx.Done()
	yield(pipeline.Delta{}, context.Cause(ctx))
}

func TestMeterOfAVoice(t *testing.T) {
	t.Parallel()
	speak := speaks(func(_ context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
		for piece, err := range text {
			if err != nil {
				yield(pipeline.Speech{}, err)
				return
			}
			time.Sleep(100 * time.Millisecond)
			if piece == "dear " {
				continue // the clause goes on
			}
			if !yield(pipeline.Speech{PCM: make([]int16, 4000)}, nil) {
				return
			}
		}
	})
	silent := speaks(func(_ context.Context, text iter.Seq2[string, error], _ func(pipeline.Speech, error) bool) {
		for range text {
			continue
		}
	})
	late := speaks(func(ctx context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
		for range text {
			continue
		}
		<-ctx.Done()
		yield(pipeline.Speech{}, context.Cause(ctx))
	})
	broken := errors.New("the model has failed")
	for name, c := range map[string]struct {
		voice speaks
		text  []string
		fault error // of the text
		cause error
		want  []providers.Use
	}{
		"speaks":                    {speak, []string{"dear ", "caller.", " Yes."}, nil, nil, []providers.Use{{Outcome: "ok", First: 100 * time.Millisecond, Characters: 17, Sound: time.Second}}},
		"has nothing to say":        {silent, []string{" ", "..."}, nil, nil, nil},
		"says nothing":              {silent, []string{"Hello."}, nil, nil, []providers.Use{{Outcome: "silent", Characters: 6}}},
		"is late":                   {late, []string{"Hello."}, nil, &pipeline.LateError{Part: "voice"}, []providers.Use{{Outcome: "late", Characters: 6}}},
		"waits for a model that is": {late, []string{"Hello."}, nil, &pipeline.LateError{Part: "responder"}, []providers.Use{{Outcome: "cut", Characters: 6}}},
		"reads what breaks off":     {speak, []string{"Hello."}, broken, nil, []providers.Use{{Outcome: "cut", First: 100 * time.Millisecond, Characters: 6, Sound: time.Second / 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told uses
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if c.cause != nil {
					time.AfterFunc(2*time.Second, func() { cancel(c.cause) })
				}
				text := func(yield func(string, error) bool) {
					for _, piece := range c.text {
						time.Sleep(time.Second) // the model thinks
						if !yield(piece, nil) {
							return
						}
					}
					if c.fault != nil {
						yield("", c.fault)
					}
				}
				for range told.meter().Synthesizer(c.voice).Speak(ctx, text, pipeline.Voice{Rate: 8000}) {
					continue
				}
				for i := range c.want {
					c.want[i].Kind = providers.TTS
				}
				told.want(t, c.want...)
			})
		})
	}
}

// ears is a recogniser of which results are told.
type ears struct{ results chan pipeline.Transcript }

func (e *ears) Transcribe(context.Context, pipeline.Listening) (pipeline.Transcription, error) {
	return e, nil
}
func (e *ears) Write(media.Frame) error  { return nil }
func (e *ears) Mark(pipeline.Edge) error { return nil }
func (e *ears) Expect([]string)          {}
func (e *ears) Close() error             { close(e.results); return nil }
func (e *ears) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for r := range e.results {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// TestMeterOfARecogniser: a stretch of speech is told of when its words have come, the transcription when it has ended; no frame is.
func TestMeterOfARecogniser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told uses
		e := &ears{results: make(chan pipeline.Transcript)}
		open, err := told.meter().Transcriber(e).Transcribe(t.Context(), pipeline.Listening{})
		if err != nil {
			t.Fatal(err)
		}
		var read sync.WaitGroup
		read.Go(func() {
			for range open.Results() {
				continue
			}
		})
		hear := func(frames int) {
			for range frames {
				if err := open.Write(media.Frame{PCM: make([]int16, 160), Rate: 8000}); err != nil {
					t.Error(err)
				}
			}
		}
		mark := func(kind pipeline.EdgeKind, n int) {
			if err := open.Mark(pipeline.Edge{Kind: kind, N: n}); err != nil {
				t.Error(err)
			}
		}
		mark(pipeline.Began, 1)
		hear(100)
		mark(pipeline.Ended, 1)
		time.Sleep(250 * time.Millisecond)
		e.results <- pipeline.Transcript{Kind: pipeline.Partial, Text: "a"}
		e.results <- pipeline.Transcript{Kind: pipeline.Final, Text: "a", Edge: 1}
		e.results <- pipeline.Transcript{Kind: pipeline.Final, Text: "b"} // nobody had asked
		hear(50)
		if err := open.Close(); err != nil {
			t.Error(err)
		}
		read.Wait()
		told.want(t,
			providers.Use{Kind: providers.STT, First: 250 * time.Millisecond, Sound: 2 * time.Second},
			providers.Use{Kind: providers.STT, Outcome: "ok", Sound: time.Second})
	})
}

// TestMeterAllocatesNothing with a frame. It is not parallel: it counts.
func TestMeterAllocatesNothing(t *testing.T) {
	open, err := new(uses).meter().Transcriber(&ears{}).Transcribe(t.Context(), pipeline.Listening{})
	if err != nil {
		t.Fatal(err)
	}
	f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
	if n := testing.AllocsPerRun(1000, func() { _ = open.Write(f) }); n != 0 {
		t.Errorf("a frame allocates %v times", n)
	}
}

// TestMeterOfNobody: without somebody to tell, nothing is decorated.
func TestMeterOfNobody(t *testing.T) {
	t.Parallel()
	e := &ears{}
	if got := (providers.Meter{}).Transcriber(e); got != pipeline.Transcriber(e) {
		t.Errorf("decorated: %T", got)
	}
}

func TestClass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{&openai.Error{Status: 401}, providers.Auth},
		{fmt.Errorf("openai: %w", &openai.Error{Status: 429}), providers.Quota},
		{&openai.Error{Status: 400}, providers.Refused},
		{&openai.Error{Status: 503}, providers.Unavailable},
		{&openai.Error{Code: "connection", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}, providers.Connection},
		{&deepgram.Error{Op: "speak", Status: 402}, providers.Quota},
		{&deepgram.Error{Op: "speak", Close: 1011}, providers.Other},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), providers.Connection},
		{context.DeadlineExceeded, providers.Late},
		{&net.DNSError{IsTimeout: true}, providers.Late},
		{full{}, providers.Overloaded},
		{errors.New("nonsense"), providers.Other},
	} {
		got := providers.Class(c.err)
		if got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
		if !slices.Contains(providers.Classes(), got) {
			t.Errorf("%s is no class", got)
		}
	}
}

type full struct{}

func (full) Error() string    { return "full" }
func (full) Overloaded() bool { return true }
