package providers_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/openai"
	"parley/providers/providertest"
)

var errModel = errors.New("the model failed")

// A mind is a model that answers after a time, word by word, and then ends as it is told to.
type mind struct {
	first  time.Duration
	gap    time.Duration
	says   string // with a space after each word that is a token
	call   *pipeline.ToolCall
	err    error
	hangs  bool // after what it says
	panics bool

	mu     sync.Mutex
	talks  []pipeline.Talk
	cut    atomic.Int32 // answers that were cancelled
	asked  atomic.Int32
	finish string
}

func (m *mind) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	m.asked.Add(1)
	m.mu.Lock()
	m.talks = append(m.talks, talk)
	m.mu.Unlock()
	return func(yield func(pipeline.Delta, error) bool) {
		if m.panics {
			panic("the model is broken")
		}
		wait := func(d time.Duration) bool {
			select {
			case <-time.After(d):
				return true
			case <-ctx.Done():
				m.cut.Add(1)
				yield(pipeline.Delta{}, context.Cause(ctx))
				return false
			}
		}
		if !wait(m.first) {
			return
		}
		for token := range strings.SplitAfterSeq(m.says, " ") {
			if token != "" && (!yield(pipeline.Delta{Text: token}, nil) || !wait(m.gap)) {
				return
			}
		}
		if m.call != nil && !yield(pipeline.Delta{Call: m.call}, nil) {
			return
		}
		if m.hangs && !wait(time.Hour) {
			return
		}
		if m.err != nil {
			yield(pipeline.Delta{}, m.err)
			return
		}
		if m.finish != "" {
			yield(pipeline.Delta{Finish: m.finish}, nil)
		}
	}
}

// An answered is what came of a Respond.
type answered struct {
	text   string
	calls  []pipeline.ToolCall
	finish string
	first  time.Duration
	err    error
}

func ask(ctx context.Context, r pipeline.Responder, talk pipeline.Talk) (a answered) {
	began := time.Now()
	for d, err := range r.Respond(ctx, talk) {
		if a.first == 0 && (d.Text != "" || d.Call != nil) {
			a.first = max(time.Since(began), 1)
		}
		a.text += d.Text
		if d.Call != nil {
			a.calls = append(a.calls, *d.Call)
		}
		if d.Finish != "" {
			a.finish = d.Finish
		}
		a.err = err
	}
	return a
}

var book = &pipeline.ToolCall{ID: "1", Name: "book"}

func TestModelsGoOn(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		first, second *mind
		want          string
		calls         int
		within        time.Duration // the first word
		fails         int
		asked         int32 // the second
	}{
		"is well":             {&mind{says: "We are open."}, &mind{}, "We are open.", 0, 0, 0, 0},
		"refuses":             {&mind{err: errModel}, &mind{says: "We are open."}, "We are open.", 0, 0, 1, 1},
		"says nothing":        {&mind{}, &mind{says: "We are open."}, "We are open.", 0, 0, 1, 1},
		"is slow":             {&mind{says: "Late.", first: 3 * time.Second}, &mind{says: "We are open.", first: 200 * ms}, "We are open.", 0, 900 * ms, 0, 1},
		"is slow, and first":  {&mind{says: "We are open.", first: 800 * ms}, &mind{says: "Late.", first: 200 * ms}, "We are open.", 0, 800 * ms, 0, 1},
		"hangs":               {&mind{hangs: true}, &mind{says: "We are open.", first: 200 * ms}, "We are open.", 0, 900 * ms, 0, 1},
		"hedge fails":         {&mind{says: "We are open.", first: 2 * time.Second}, &mind{err: errModel}, "We are open.", 0, 2 * time.Second, 1, 1},
		"breaks off":          {&mind{says: "We are ", err: errModel}, &mind{says: "open today."}, "We are open today.", 0, 0, 1, 1},
		"breaks off, again":   {&mind{says: "We are open ", err: errModel}, &mind{says: "We are open today."}, "We are open today.", 0, 0, 1, 1},
		"breaks off, tail":    {&mind{says: "We are open from ", err: errModel}, &mind{says: "open from nine to five."}, "We are open from nine to five.", 0, 0, 1, 1},
		"breaks off in word":  {&mind{says: "We are open on Tues", err: errModel}, &mind{says: "Tuesday at nine."}, "We are open on Tuesday at nine.", 0, 0, 1, 1},
		"breaks off, no more": {&mind{says: "We are open.", err: errModel}, &mind{}, "We are open.", 0, 0, 1, 1},
		"stalls":              {&mind{says: "We are ", hangs: true}, &mind{says: "open."}, "We are open.", 0, 0, 1, 1},
		"calls and breaks":    {&mind{says: "One moment.", call: book, err: errModel}, &mind{says: "No."}, "One moment.", 1, 0, 0, 0},
		"only calls":          {&mind{call: book}, &mind{}, "", 1, 0, 0, 0},
		"only calls, slowly":  {&mind{call: book, first: 1500 * ms}, &mind{first: time.Hour}, "", 1, 1500 * ms, 0, 1},
		"filtered":            {&mind{finish: "content_filter"}, &mind{}, "", 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fails := 0
				m := &providers.Models{All: []pipeline.Responder{c.first, c.second}, Hedge: 700 * ms, Failed: func(_, _ int, err error) { fails++ }}
				got := ask(t.Context(), m, pipeline.Talk{})
				if got.err != nil || got.text != c.want || len(got.calls) != c.calls {
					t.Errorf("%q, %d calls, error %v; want %q and %d", got.text, len(got.calls), got.err, c.want, c.calls)
				}
				if got.first > max(c.within, 1) {
					t.Errorf("the first came after %v, want %v at most", got.first, c.within)
				}
				if fails != c.fails || c.second.asked.Load() != c.asked {
					t.Errorf("told of %d failures, the second was asked %d times; want %d and %d", fails, c.second.asked.Load(), c.fails, c.asked)
				}
			})
		})
	}
}

// TestModelsShowWhatWasSaid to who goes on, and the others' seals to nobody.
func TestModelsShowWhatWasSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signed := &mind{call: &pipeline.ToolCall{ID: "1", Name: "book", Seal: "secret"}}
		second := &mind{says: "Yes."}
		m := &providers.Models{All: []pipeline.Responder{signed, second}}
		call := ask(t.Context(), m, pipeline.Talk{}).calls[0]
		history := []pipeline.Message{{Role: pipeline.Assistant, Calls: []pipeline.ToolCall{call}}}
		signed.call = nil
		signed.says, signed.err = "We are ", errModel
		if got := ask(t.Context(), m, pipeline.Talk{History: history, Step: 1}); got.text != "We are Yes." {
			t.Errorf("%q, %v", got.text, got.err)
		}
		if got := signed.talks[1].History[0].Calls[0].Seal; got != "secret" {
			t.Errorf("the first was shown the seal %q", got)
		}
		shown := second.talks[0].History
		if got := shown[0].Calls[0].Seal; got != "" {
			t.Errorf("the second was shown the seal %q", got)
		}
		if history[0].Calls[0].Seal != call.Seal || len(history) != 1 {
			t.Error("the call's own history was changed")
		}
		if len(shown) != 3 || shown[1].Text != "We are" || shown[1].Role != pipeline.Assistant || shown[2].Role != pipeline.Narrator {
			t.Errorf("the second was shown %+v", shown)
		}
	})
}

// TestModelsCancelTheLoser: both are asked, and who is not first is cancelled, so that it costs no more.
func TestModelsCancelTheLoser(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 2)
	slow := &providertest.OpenAI{Answer: func(providertest.OpenAIRequest) providertest.OpenAIAnswer {
		started <- struct{}{}
		return providertest.OpenAIAnswer{Steps: []providertest.OpenAIStep{{After: time.Hour}}}
	}}
	quick := &providertest.OpenAI{}
	a := &openai.Client{BaseURL: providertest.StartOpenAI(t, slow), Model: "a"}
	b := &openai.Client{BaseURL: providertest.StartOpenAI(t, quick), Model: "b"}
	t.Cleanup(a.Close)
	t.Cleanup(b.Close)
	var hedges []string
	m := &providers.Models{All: []pipeline.Responder{a, b}, Hedge: 20 * time.Millisecond, Hedged: func(model, next int, won bool) {
		hedges = append(hedges, fmt.Sprint(model, next, won))
	}}
	talk := pipeline.Talk{Turn: 1, Why: pipeline.ForWords, Text: "Hello", Agent: &pipeline.Agent{}, History: []pipeline.Message{{Role: pipeline.Caller, Text: "Hello"}}}
	if got := ask(t.Context(), m, talk); got.err != nil || got.text != providertest.DefaultAnswer {
		t.Errorf("%q, %v", got.text, got.err)
	}
	<-started
	for slow.Counts().Abandoned.Load() == 0 && t.Context().Err() == nil {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
	if diff := cmp.Diff([]string{"0 1 true"}, hedges); diff != "" {
		t.Errorf("hedges (-want +got):\n%s", diff)
	}
}

// TestModelsFail: whose fault it is, and how it ends.
func TestModelsFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errSecond := errors.New("the second failed")
		m := &providers.Models{All: []pipeline.Responder{&mind{err: errModel}, &mind{err: errSecond}}}
		if got := ask(t.Context(), m, pipeline.Talk{}); !errors.Is(got.err, errSecond) {
			t.Errorf("error %v", got.err)
		}
		m = &providers.Models{All: []pipeline.Responder{&mind{says: "We are ", hangs: true}, &mind{panics: true}}}
		errEnough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errEnough) })
		if got := ask(ctx, m, pipeline.Talk{}); !errors.Is(got.err, errEnough) || got.text != "We are " {
			t.Errorf("%q, error %v", got.text, got.err)
		}
		for range m.Respond(t.Context(), pipeline.Talk{}) {
			break
		}
		if got := ask(t.Context(), &providers.Models{All: []pipeline.Responder{&mind{}, &mind{}}}, pipeline.Talk{}); got.err != nil || got.text != "" {
			t.Errorf("two that say nothing: %q, %v", got.text, got.err)
		}
		defer func() {
			if recover() == nil {
				t.Error("a panic was lost")
			}
		}()
		ask(t.Context(), &providers.Models{All: []pipeline.Responder{&mind{err: errModel}, &mind{panics: true}}}, pipeline.Talk{})
	})
}

// changing is a model that is another one later.
type changing struct{ atomic.Pointer[mind] }

func (c *changing) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return c.Load().Respond(ctx, talk)
}

// TestModelsProbe: a model that failed is passed over until it answers again.
func TestModelsProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first changing
		first.Store(&mind{err: errModel})
		second := &mind{says: "second"}
		m := &providers.Models{All: []pipeline.Responder{&first, second}, Probe: time.Second}
		for range 3 {
			if got := ask(t.Context(), m, pipeline.Talk{}); got.text != "second" {
				t.Errorf("%q", got.text)
			}
		}
		if n := first.Load().asked.Load(); n != 1 {
			t.Errorf("the first was asked %d times", n)
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		first.Store(&mind{says: "first"})
		time.Sleep(5 * time.Second)
		if got := ask(t.Context(), m, pipeline.Talk{}); got.text != "first" {
			t.Errorf("%q", got.text)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestModelsAreAResponder holds them to the contract, with a real client and a fake vendor.
func TestModelsAreAResponder(t *testing.T) {
	t.Parallel()
	providertest.Responder(t, providertest.Chat{}, func(baseURL string) pipeline.Responder {
		c := &openai.Client{BaseURL: baseURL, Model: "fake"}
		return closing{&providers.Models{All: []pipeline.Responder{c, refuser{}}}, c}
	})
}

// A refuser is a model that answers nobody.
type refuser struct{}

func (refuser) Respond(context.Context, pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) { yield(pipeline.Delta{}, errModel) }
}

// closing lets a client go with its decorator.
type closing struct {
	*providers.Models
	client *openai.Client
}

func (c closing) Close() { c.client.Close() }
