package providers_test

import (
	"context"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/openai"
	"parley/providers/providertest"
)

// Known faults of other houses' failover, none of which is to be ours. A fifth, standbys that are cold when they are needed, is cmd's
// TestStandbysAreWarm: it knows who stands by.

// TestToolTurnsAreNoFailures: an answer that is a tool call alone, also one that is long in coming, is an answer (livekit/agents-js 1454).
func TestToolTurnsAreNoFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		second := &mind{}
		m := &providers.Models{All: []pipeline.Responder{&mind{call: book, first: 200 * time.Millisecond}, second}, Hedge: time.Second, Failed: func(_, _ int, err error) {
			t.Errorf("a failure: %v", err)
		}}
		for range 1000 {
			if got := ask(t.Context(), m, pipeline.Talk{}); len(got.calls) != 1 || got.err != nil {
				t.Fatalf("%+v", got)
			}
		}
		if n := second.asked.Load(); n > 0 {
			t.Errorf("the second was asked %d times", n)
		}
	})
	args := make([]providertest.OpenAIStep, 0, 100)
	for range 60 { // each of them a sign of life
		piece := providertest.OpenAIToolCall(0, "", "", " ")
		piece.After = 10 * time.Millisecond
		args = append(args, piece)
	}
	steps := append([]providertest.OpenAIStep{providertest.OpenAIToolCall(0, "1", "book", "{")}, args...)
	steps = append(steps, providertest.OpenAIToolCall(0, "", "", "}"), providertest.OpenAIFinish("tool_calls"), providertest.OpenAIDone())
	fake := &providertest.OpenAI{Answer: func(providertest.OpenAIRequest) providertest.OpenAIAnswer {
		return providertest.OpenAIAnswer{Steps: steps}
	}}
	c := &openai.Client{BaseURL: providertest.StartOpenAI(t, fake), Model: "m"}
	t.Cleanup(c.Close)
	m := &providers.Models{All: []pipeline.Responder{c, refuser{}}, Patience: 5 * time.Second, Stall: 400 * time.Millisecond}
	talk := pipeline.Talk{Turn: 1, Why: pipeline.ForWords, Agent: &pipeline.Agent{}, History: []pipeline.Message{{Role: pipeline.Caller, Text: "Book."}}}
	if got := ask(t.Context(), m, talk); got.err != nil || len(got.calls) != 1 {
		t.Errorf("a tool call of 60 pieces: %+v", got)
	}
}

// TestHandoffsAreNoFailures: a recogniser that is closed while it works, or whose opening is given up, is well (livekit/agents-js 2349).
func TestHandoffsAreNoFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, second := &scribe{opens: 100 * time.Millisecond}, &scribe{}
		r := &providers.Recognisers{All: []providers.Recogniser{{Transcriber: first}, {Transcriber: second}}, Failed: func(_, _ int, err error) {
			t.Errorf("a failure: %v", err)
		}}
		for i := range 1000 {
			ctx, cancel := context.WithCancel(t.Context())
			if i%10 == 0 {
				time.AfterFunc(50*time.Millisecond, cancel)
			}
			tr, err := r.Transcribe(ctx, pipeline.Listening{Rate: 8000})
			cancel()
			if err != nil {
				continue
			}
			_ = tr.Write(media.Frame{PCM: make([]int16, 160), Rate: 8000})
			_ = tr.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1})
			_ = tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1})
			if err := tr.Close(); err != nil {
				t.Fatal(err)
			}
			for range tr.Results() {
				continue
			}
		}
		if first.opened != 900 || second.opened != 0 {
			t.Errorf("the first was opened %d times, the second %d times; want 900 and none", first.opened, second.opened)
		}
	})
}

// TestRetryableIsRetried: a connection that is lost at once is made again before anybody else is asked, for voices (livekit/agents 2774)
// and for recognisers (livekit/agents 2602).
func TestRetryableIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		uses := 0
		v := speaks(func(_ context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
			if uses++; uses == 1 {
				yield(pipeline.Speech{}, io.ErrUnexpectedEOF)
				return
			}
			for s := range text {
				pcm, _ := sounds(s, 8000)
				yield(pipeline.Speech{PCM: pcm}, nil)
			}
		})
		f := &providers.Voices{All: []pipeline.Synthesizer{(&providers.Guard{}).Synthesizer(v), &voice{panics: true}}}
		if h := listen(t.Context(), f, pieces("Good"), pipeline.Voice{Rate: 8000}); h.err != nil || h.said("Good") != "Good" || uses != 2 {
			t.Errorf("%q after %d uses, error %v", h.said("Good"), uses, h.err)
		}
		opened := 0
		ear := (&providers.Guard{}).Transcriber(&scribe{refuses: func() error {
			if opened++; opened == 1 {
				return io.ErrUnexpectedEOF
			}
			return nil
		}})
		r := &providers.Recognisers{All: []providers.Recogniser{{Transcriber: ear}, {Transcriber: &scribe{}}}, Failed: func(_, _ int, err error) {
			t.Errorf("a failure: %v", err)
		}}
		tr, err := r.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
		if err != nil || opened != 2 || tr.Close() != nil {
			t.Errorf("opened %d times, error %v", opened, err)
		}
	})
}

// TestErrorsAreTheirOwn: what fails in one call is not taken for another's failure, and its words are not said again (livekit/agents-js 2477).
func TestErrorsAreTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := &mind{says: "We are open today from nine.", gap: 100 * time.Millisecond}
		m := &providers.Models{All: []pipeline.Responder{first, &mind{says: "Other."}}}
		done := make(chan answered)
		go func() { done <- ask(t.Context(), m, pipeline.Talk{}) }()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(150*time.Millisecond, cancel)
		if got := ask(ctx, m, pipeline.Talk{}); got.err == nil {
			t.Error("a cancelled answer has no error")
		}
		if got := <-done; got.err != nil || strings.TrimSpace(got.text) != first.says {
			t.Errorf("%q, %v", got.text, got.err)
		}
		if got := ask(t.Context(), m, pipeline.Talk{}); got.text != first.says {
			t.Errorf("afterwards %q answers", got.text)
		}
	})
}
