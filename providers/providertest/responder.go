package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
)

// Responder holds a client of a language model to the contract of pipeline.Responder, against a stand-in for its server over real
// sockets, in whose protocol the suite speaks. open makes a client of the server at baseURL, which may end in any of the ways that
// vendors' addresses are written; if it has a Close method, that is called at the end of the subtest.
func Responder(t *testing.T, speaks Dialect, open func(baseURL string) pipeline.Responder) {
	v := mind{speaks, open}
	t.Run("answers", func(t *testing.T) {
		t.Parallel()
		for name, tt := range v.answers() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				gone(t)
				r, _ := thinker(t, v, func(ModelRequest) ModelAnswer { return tt.answer })
				got, err := respond(t.Context(), r, spokenTalk())
				if tt.fails != (err != nil) {
					t.Errorf("error %v, want one: %v", err, tt.fails)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("response (-want +got):\n%s", diff)
				}
			})
		}
	})
	for name, f := range map[string]func(*testing.T, mind){
		"text comes as it is made":           textComesAsItIsMade,
		"the model is told what was said":    modelIsTold,
		"a whole round of tools":             wholeRoundOfTools,
		"every reason asks for something":    everyReasonAsks,
		"base URL with and without v1":       baseURLs,
		"trouble before the first delta":     troubleBeforeTheFirstDelta,
		"no second try after the first":      noSecondTryAfterTheFirst,
		"cancelled, it ends soon":            cancelledResponseEndsSoon,
		"cancelled before it begins":         cancelledResponseNeverBegins,
		"broken off, it lets the server go":  brokenOffItLetsGo,
		"nobody there":                       nobodyThere,
		"connections are used again":         connectionsAreUsedAgain,
		"an end that never comes is no wait": endThatNeverComes,
		"many calls at once":                 manyCallsAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone(t)
			f(t, v)
		})
	}
}

// response is all that came of one Respond.
type response struct {
	Text   string
	Calls  []pipeline.ToolCall
	Finish string
	Usage  pipeline.Usage
}

// A mind is a client under test, and the protocol that it speaks.
type mind struct {
	Dialect
	open func(baseURL string) pipeline.Responder
}

// say is a whole answer with text, word by word.
func (v mind) say(text string) ModelAnswer { return ModelSay(v.Dialect, text) }

// play is an answer of acts.
func (v mind) play(acts ...Act) ModelAnswer { return ModelAnswer{Steps: v.script(acts)} }

// thinker starts a server and a client of it.
func thinker(t *testing.T, v mind, answer func(ModelRequest) ModelAnswer) (pipeline.Responder, *Model) {
	t.Helper()
	m := &Model{Dialect: v.Dialect, Answer: answer}
	return client(t, v, StartModel(t, m)+v.bases()[0]), m
}

func client(t *testing.T, v mind, baseURL string) pipeline.Responder {
	r := v.open(baseURL)
	if c, ok := r.(interface{ Close() }); ok {
		t.Cleanup(c.Close)
	}
	return r
}

func spokenTalk() pipeline.Talk {
	return pipeline.Talk{
		Turn: 2, Why: pipeline.ForWords, Text: "A table for two", Info: media.Info{Kind: "test"},
		Agent: &pipeline.Agent{Prompt: "You take bookings.", Tools: []pipeline.Tool{{
			Name: "book", Description: "books a table", Parameters: json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}}}`),
		}}},
		History: []pipeline.Message{{Role: pipeline.Assistant, Text: "Hello!", Turn: 1}, {Role: pipeline.Caller, Text: "A table for two", Turn: 2}},
	}
}

// respond collects a response. An error must come last.
func respond(ctx context.Context, r pipeline.Responder, talk pipeline.Talk) (got response, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for d, e := range r.Respond(ctx, talk) {
		if err != nil {
			return got, errors.Join(err, errors.New("providertest: something came after an error"))
		}
		err = e
		got.Text += d.Text
		if d.Finish != "" {
			got.Finish = d.Finish
		}
		if d.Usage != nil {
			got.Usage = *d.Usage
		}
		if d.Call != nil {
			got.Calls = append(got.Calls, *d.Call)
		}
	}
	return got, err
}

var (
	bookTwo  = pipeline.ToolCall{ID: "call_A", Name: "book", Args: json.RawMessage(`{"n":2}`)}
	bookFive = pipeline.ToolCall{ID: "call_B", Name: "book", Args: json.RawMessage(`{"n":5}`)}
)

// stream is an answer of raw bytes in one write.
func stream(s string) ModelAnswer { return ModelAnswer{Steps: []ModelStep{{Write: s}}} }

// drip sends an answer byte by byte.
func drip(a ModelAnswer) ModelAnswer {
	for i := range a.Steps {
		a.Steps[i].Drip = 1
	}
	return a
}

func steps(s ...ModelStep) ModelAnswer { return ModelAnswer{Steps: s} }

// partial is the answer in which only a word was said before things went wrong.
var partial = response{Text: "Sure. "}

// A responderAnswer is a stream, and what must come of it.
type responderAnswer struct {
	answer ModelAnswer
	want   response
	fails  bool
}

// textComesAsItIsMade: the server sends the next word only when the one before has been yielded.
func textComesAsItIsMade(t *testing.T, v mind) {
	heard := make(chan struct{})
	r, _ := thinker(t, v, func(ModelRequest) ModelAnswer {
		return v.play(said("Sure, "), Act{Raw: &ModelStep{Until: heard}}, said("at "), said("eight"), ended("stop"))
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var text string
	for d, err := range r.Respond(ctx, spokenTalk()) {
		if err != nil {
			t.Fatal(err)
		}
		if text == "" && d.Text != "" {
			close(heard)
		}
		text += d.Text
	}
	if text != "Sure, at eight" {
		t.Errorf("text is %q", text)
	}
}

// everyReasonAsks: whatever the reason, the last message is the caller's side, and not empty.
func everyReasonAsks(t *testing.T, v mind) {
	asked := make(chan ModelRequest, 1)
	r, _ := thinker(t, v, func(req ModelRequest) ModelAnswer {
		asked <- req
		return v.say("Yes?")
	})
	for _, talk := range []pipeline.Talk{
		{Turn: 1, Why: pipeline.ForGreeting},
		{Turn: 1, Why: pipeline.ForWords, Text: "Hello"},
		{Turn: 2, Why: pipeline.ForKeys, Keys: "42", History: []pipeline.Message{{Role: pipeline.Assistant, Text: "Press a key."}}},
		{Turn: 2, Why: pipeline.ForSilence, Silence: 1, History: []pipeline.Message{{Role: pipeline.Assistant, Text: "Well?"}}},
		{Turn: 2, Why: pipeline.ForSilence, Silence: 1, History: []pipeline.Message{{Role: pipeline.Assistant, Text: "Well?"}, {Role: pipeline.Narrator, Text: "The caller is silent."}}},
		{Turn: 3, Why: pipeline.ForWords, Text: "What?", History: []pipeline.Message{{Role: pipeline.Assistant, Cut: true}, {Role: pipeline.Caller, Text: "What?"}}},
	} {
		talk.Agent = &pipeline.Agent{}
		if _, err := respond(t.Context(), r, talk); err != nil {
			t.Fatal(err)
		}
		ts := (<-asked).Turns
		if last := ts[len(ts)-1]; last.Role != "user" || last.Text == "" {
			t.Errorf("asked for %s, the last message is %+v", talk.Why, last)
		}
	}
}

func baseURLs(t *testing.T, v mind) {
	base := StartModel(t, &Model{Dialect: v.Dialect})
	for _, end := range v.bases() {
		if got, err := respond(t.Context(), client(t, v, base+end), spokenTalk()); err != nil || got.Text != DefaultAnswer {
			t.Errorf("base URL %q: %q, %v", end, got.Text, err)
		}
	}
}

// troubleBeforeTheFirstDelta is tried once more if it may pass, and never twice more.
func troubleBeforeTheFirstDelta(t *testing.T, v mind) {
	later := v.refuse(http.StatusTooManyRequests, "rate_limit_exceeded", "Slow down.")
	later.Header = http.Header{"Retry-After-Ms": {"20"}}
	muchLater := v.refuse(http.StatusTooManyRequests, "rate_limit_exceeded", "Slow down.")
	muchLater.Header = http.Header{"Retry-After": {"60"}}
	for name, tt := range map[string]struct {
		troubles []ModelAnswer // before an answer
		tries    int64
		fails    bool
	}{
		"429 with a time":      {[]ModelAnswer{later}, 2, false},
		"429 with a long time": {[]ModelAnswer{muchLater}, 1, true},
		"the quota is up":      {[]ModelAnswer{v.unpaid()}, 1, true},
		"408":                  {[]ModelAnswer{v.refuse(408, "", "Late.")}, 2, false},
		"409":                  {[]ModelAnswer{v.refuse(409, "", "Twice.")}, 2, false},
		"500":                  {[]ModelAnswer{v.refuse(500, "", "Oops.")}, 2, false},
		"503 without JSON":     {[]ModelAnswer{{Status: 503, Body: "upstream is away", Header: http.Header{"Content-Type": {"text/plain"}}}}, 2, false},
		"500 twice":            {[]ModelAnswer{v.refuse(500, "", "Oops."), v.refuse(500, "", "Oops.")}, 2, true},
		"400":                  {[]ModelAnswer{v.refuse(400, "invalid_request", "No.")}, 1, true},
		"401":                  {[]ModelAnswer{v.refuse(401, "invalid_api_key", "No.")}, 1, true},
		"404":                  {[]ModelAnswer{v.refuse(404, "model_not_found", "No.")}, 1, true},
		"reset":                {[]ModelAnswer{v.play(broken(ModelReset))}, 2, false},
		"an error in a stream": {[]ModelAnswer{{Steps: []ModelStep{v.overloaded()}}}, 2, false},
		"a stream of nothing":  {[]ModelAnswer{stream(": nothing\n\n")}, 2, false},
	} {
		r, o := thinker(t, v, func(req ModelRequest) ModelAnswer {
			if req.N <= len(tt.troubles) {
				return tt.troubles[req.N-1]
			}
			return v.say("Sure.")
		})
		got, err := respond(t.Context(), r, spokenTalk())
		if tt.fails != (err != nil) || err == nil && got.Text != "Sure." {
			t.Errorf("%s: %q, %v", name, got.Text, err)
		}
		if n := o.Counts().Requests.Load(); n != tt.tries {
			t.Errorf("%s: %d tries, want %d", name, n, tt.tries)
		}
	}
}

func noSecondTryAfterTheFirst(t *testing.T, v mind) {
	r, o := thinker(t, v, func(ModelRequest) ModelAnswer {
		return v.play(said("Sure. "), broken(ModelHalfClose))
	})
	if got, err := respond(t.Context(), r, spokenTalk()); err == nil || got.Text != "Sure. " || o.Counts().Requests.Load() != 1 {
		t.Errorf("%q, %v after %d tries", got.Text, err, o.Counts().Requests.Load())
	}
}

var errEnough = errors.New("enough")

// cancelledResponseEndsSoon: while the server is silent, at its head or in its middle, a cancelled Respond ends with the cause.
func cancelledResponseEndsSoon(t *testing.T, v mind) {
	for _, first := range []string{"", "Sure. "} {
		reached := make(chan struct{}, 1)
		r, o := thinker(t, v, func(ModelRequest) ModelAnswer {
			if first == "" {
				reached <- struct{}{}
			}
			return v.play(said(first), broken(ModelHang))
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		var cut time.Time
		var last error
		stop := func() { cut = time.Now(); cancel(errEnough) }
		if first == "" {
			go func() { <-reached; cancel(errEnough) }()
		}
		for d, err := range r.Respond(ctx, spokenTalk()) {
			if last = err; d.Text != "" {
				stop()
			}
		}
		if !errors.Is(last, errEnough) || !cut.IsZero() && time.Since(cut) > 2*time.Second {
			t.Errorf("cancelled after %q, it ended %v later with %v", first, time.Since(cut), last)
		}
		abandoned(t, o)
		cancel(nil)
	}
}

func cancelledResponseNeverBegins(t *testing.T, v mind) {
	r, o := thinker(t, v, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	for d, err := range r.Respond(ctx, spokenTalk()) {
		if !errors.Is(err, errEnough) {
			t.Errorf("cancelled before, it yields %+v, %v", d, err)
		}
	}
	if n := o.Counts().Requests.Load(); n != 0 {
		t.Errorf("it made %d requests", n)
	}
}

// brokenOffItLetsGo: a reader that breaks is enough to close the connection.
func brokenOffItLetsGo(t *testing.T, v mind) {
	r, o := thinker(t, v, func(ModelRequest) ModelAnswer { return v.play(said("Sure. "), broken(ModelHang)) })
	for _, err := range r.Respond(t.Context(), spokenTalk()) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	abandoned(t, o)
}

// abandoned waits for the server to notice that the client has gone.
func abandoned(t *testing.T, o *Model) {
	t.Helper()
	for deadline := time.Now().Add(patience); o.Counts().Abandoned.Load() == 0; <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the server still waits for a client that is gone")
			return
		}
	}
}

func nobodyThere(t *testing.T, v mind) {
	if _, err := respond(t.Context(), client(t, v, "http://127.0.0.1:1"), spokenTalk()); err == nil {
		t.Error("no error although nobody listens")
	}
}

func connectionsAreUsedAgain(t *testing.T, v mind) {
	r, o := thinker(t, v, nil)
	for range 5 {
		if _, err := respond(t.Context(), r, spokenTalk()); err != nil {
			t.Fatal(err)
		}
	}
	if n := o.Counts().Connections.Load(); n != 1 {
		t.Errorf("five responses took %d connections", n)
	}
}

// endThatNeverComes: a server that has finished but keeps the stream open does not keep the caller waiting.
func endThatNeverComes(t *testing.T, v mind) {
	r, _ := thinker(t, v, func(ModelRequest) ModelAnswer {
		return v.play(said("Sure."), ended("stop"), broken(ModelHang))
	})
	begin := time.Now()
	got, err := respond(t.Context(), r, spokenTalk())
	if took := time.Since(begin); err != nil || got.Text != "Sure." || took > 5*time.Second {
		t.Errorf("%q, %v after %v", got.Text, err, took)
	}
}

func manyCallsAtOnce(t *testing.T, v mind) {
	r, _ := thinker(t, v, func(req ModelRequest) ModelAnswer {
		return v.say("You said " + req.Turns[len(req.Turns)-1].Text)
	})
	var calls sync.WaitGroup
	for i := range 50 {
		calls.Go(func() {
			talk := spokenTalk()
			talk.History[1].Text = strings.Repeat("x", i+1)
			if got, err := respond(t.Context(), r, talk); err != nil || got.Text != "You said "+talk.History[1].Text {
				t.Errorf("call %d: %q, %v", i, got.Text, err)
			}
		})
	}
	calls.Wait()
}
