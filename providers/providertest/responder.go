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

// Responder holds a client of the chat completions protocol to the contract of pipeline.Responder, against a fake OpenAI over real
// sockets. open makes a client of the server at baseURL, which may or may not end in /v1; if it has a Close method, that is called at
// the end of the subtest.
func Responder(t *testing.T, open func(baseURL string) pipeline.Responder) {
	t.Run("answers", func(t *testing.T) {
		t.Parallel()
		for name, tt := range responderAnswers() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				gone(t)
				r, _ := thinker(t, open, func(OpenAIRequest) OpenAIAnswer { return tt.answer })
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
	for name, f := range map[string]func(*testing.T, func(string) pipeline.Responder){
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
			f(t, open)
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

// thinker starts a server and a client of it.
func thinker(t *testing.T, open func(string) pipeline.Responder, answer func(OpenAIRequest) OpenAIAnswer) (pipeline.Responder, *OpenAI) {
	t.Helper()
	o := &OpenAI{Answer: answer}
	return client(t, open, StartOpenAI(t, o)), o
}

func client(t *testing.T, open func(string) pipeline.Responder, baseURL string) pipeline.Responder {
	r := open(baseURL)
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
func stream(s string) OpenAIAnswer { return OpenAIAnswer{Steps: []OpenAIStep{{Write: s}}} }

// drip sends an answer byte by byte.
func drip(a OpenAIAnswer) OpenAIAnswer {
	for i := range a.Steps {
		a.Steps[i].Drip = 1
	}
	return a
}

func steps(s ...OpenAIStep) OpenAIAnswer { return OpenAIAnswer{Steps: s} }

// partial is the answer in which only a word was said before things went wrong.
var partial = response{Text: "Sure. "}

// A responderAnswer is a stream, and what must come of it.
type responderAnswer struct {
	answer OpenAIAnswer
	want   response
	fails  bool
}

// responderAnswers are streams, as OpenAI makes them and as its clones do, and what must come of them.
// They are made when they are asked for: the program links this package for its mock vendors, and some are large.
func responderAnswers() map[string]responderAnswer {
	return map[string]responderAnswer{
		"text": {answer: OpenAISay("Sure. At eight?"), want: response{Text: "Sure. At eight?", Finish: "stop", Usage: pipeline.Usage{Input: 120, Output: 3}}},
		"byte by byte": {answer: drip(OpenAISay("Où? À huit heures — 😀.")),
			want: response{Text: "Où? À huit heures — 😀.", Finish: "stop", Usage: pipeline.Usage{Input: 120, Output: 6}}},
		"lines end in CRLF, with comments and other fields": {
			answer: stream(": ping\r\n\r\nevent: x\r\nid: 1\r\nretry: 5\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"Sure.\"}}]}\r\n\r\n:\r\n" +
				"data: {\"choices\":[{\"delta\":{},\r\ndata: \"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n"),
			want: response{Text: "Sure.", Finish: "stop"}},
		"lines end in CR, after a byte order mark": {
			answer: stream("\xef\xbb\xbfdata: {\"choices\":[{\"delta\":{\"content\":\"Sure.\"},\"finish_reason\":\"stop\"}]}\r\rdata: [DONE]\r\r"),
			want:   response{Text: "Sure.", Finish: "stop"}},
		"a tool call in pieces": {
			answer: drip(steps(OpenAIText("One moment. "), OpenAIToolCall(0, "call_A", "book", ""), OpenAIToolCall(0, "", "", `{"n`), OpenAIToolCall(0, "", "", `":2}`),
				OpenAIFinish("tool_calls"), OpenAIUsage(120, 18, 64), OpenAIDone())),
			want: response{Text: "One moment. ", Calls: []pipeline.ToolCall{bookTwo}, Finish: "tool_calls", Usage: pipeline.Usage{Input: 120, Output: 18, Cached: 64}}},
		"two tool calls": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n":`), OpenAIToolCall(0, "", "", `2}`), OpenAIToolCall(1, "call_B", "book", `{"n":5}`), OpenAIFinish("tool_calls"), OpenAIDone()),
			want:   response{Calls: []pipeline.ToolCall{bookTwo, bookFive}, Finish: "tool_calls"}},
		"a clone's tool calls: all in one delta, no index, then stop": {
			answer: stream(`data: {"choices":[{"delta":{"tool_calls":[{"id":"call_A","function":{"name":"book","arguments":"{\"n\":2}"}},` +
				`{"id":"call_B","function":{"name":"book","arguments":{"n":5}}}]},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"),
			want: response{Calls: []pipeline.ToolCall{bookTwo, bookFive}, Finish: "tool_calls"}},
		"a clone's tool call: id and name in every piece": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n"`), OpenAIToolCall(0, "call_A", "book", `:2}`), OpenAIFinish("tool_calls"), OpenAIDone()),
			want:   response{Calls: []pipeline.ToolCall{bookTwo}, Finish: "tool_calls"}},
		"a clone's tool calls: the same index for all": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n":2}`), OpenAIToolCall(0, "call_B", "book", `{"n":5}`), OpenAIFinish("tool_calls"), OpenAIDone()),
			want:   response{Calls: []pipeline.ToolCall{bookTwo, bookFive}, Finish: "tool_calls"}},
		"a tool call without arguments": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", ""), OpenAIFinish("tool_calls"), OpenAIDone()),
			want:   response{Calls: []pipeline.ToolCall{{ID: "call_A", Name: "book", Args: json.RawMessage("{}")}}, Finish: "tool_calls"}},
		"a tool call that is cut by length": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n":`), OpenAIFinish("length"), OpenAIDone()), want: response{}, fails: true},
		"tool calls with arguments that are no object": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n":`), OpenAIToolCall(0, "", "", `two}`), OpenAIToolCall(1, "call_B", "book", `[5]`), OpenAIFinish("tool_calls"), OpenAIDone()),
			want: response{Calls: []pipeline.ToolCall{
				{ID: "call_A", Name: "book", Args: json.RawMessage(`"{\"n\":two}"`)}, {ID: "call_B", Name: "book", Args: json.RawMessage(`"[5]"`)},
			}, Finish: "tool_calls"}},
		"a tool call without a name": {
			answer: steps(OpenAIToolCall(0, "call_A", "", "{}"), OpenAIFinish("tool_calls"), OpenAIDone()), want: response{}, fails: true},
		"no [DONE], no usage":      {answer: steps(OpenAIText("Sure. "), OpenAIFinish("stop")), want: response{Text: "Sure. ", Finish: "stop"}},
		"[DONE] without a reason":  {answer: steps(OpenAIText("Sure. "), OpenAIDone()), want: response{Text: "Sure. ", Finish: "stop"}},
		"no blank line at the end": {answer: stream(`data: {"choices":[{"delta":{"content":"Sure. "},"finish_reason":"stop"}]}`), want: response{Text: "Sure. ", Finish: "stop"}},
		"null content":             {answer: stream(`data: {"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":"length"}]}` + "\n\ndata: [DONE]\n\n"), want: response{Finish: "length"}},
		"an answer that does not stream": {
			answer: OpenAIAnswer{Body: `{"choices":[{"index":0,"message":{"role":"assistant","content":"Sure. "},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}`},
			want:   response{Text: "Sure. ", Finish: "stop", Usage: pipeline.Usage{Input: 9, Output: 2}}},
		"an error in the stream":    {answer: steps(OpenAIText("Sure. "), OpenAIData(`{"error":{"message":"overloaded","code":503}}`)), want: partial, fails: true},
		"garbage in the stream":     {answer: steps(OpenAIText("Sure. "), OpenAIStep{Write: "data: <html>oops\n\n"}), want: partial, fails: true},
		"the stream ends too early": {answer: steps(OpenAIText("Sure. ")), want: partial, fails: true},
		"half-closed":               {answer: steps(OpenAIText("Sure. "), OpenAIStep{Then: OpenAIHalfClose}), want: partial, fails: true},
		"reset":                     {answer: steps(OpenAIText("Sure. "), OpenAIStep{After: 50 * time.Millisecond, Then: OpenAIReset}), want: partial, fails: true},
		"a line without end":        {answer: steps(OpenAIText("Sure. "), OpenAIStep{Write: "data: " + strings.Repeat("x", 4<<20)}), want: partial, fails: true},
		"an event without end": {answer: steps(OpenAIText("Sure. "), OpenAIStep{Write: strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 4<<10)}),
			want: partial, fails: true},
	}
}

// textComesAsItIsMade: the server sends the next word only when the one before has been yielded.
func textComesAsItIsMade(t *testing.T, open func(string) pipeline.Responder) {
	heard := make(chan struct{})
	r, _ := thinker(t, open, func(OpenAIRequest) OpenAIAnswer {
		rest := OpenAISay("at eight")
		rest.Steps[0].Until = heard
		return OpenAIAnswer{Steps: append([]OpenAIStep{OpenAIText("Sure, ")}, rest.Steps...)}
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
func everyReasonAsks(t *testing.T, open func(string) pipeline.Responder) {
	asked := make(chan OpenAIRequest, 1)
	r, _ := thinker(t, open, func(req OpenAIRequest) OpenAIAnswer {
		asked <- req
		return OpenAISay("Yes?")
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
		ms := (<-asked).Messages
		if last := ms[len(ms)-1]; last.Role != "user" || last.Content == nil || *last.Content == "" {
			t.Errorf("asked for %s, the last message is %+v", talk.Why, last)
		}
	}
}

func baseURLs(t *testing.T, open func(string) pipeline.Responder) {
	base := strings.TrimSuffix(StartOpenAI(t, &OpenAI{}), "/v1")
	for _, end := range []string{"", "/", "/v1", "/v1/", "/v1/chat/completions"} {
		if got, err := respond(t.Context(), client(t, open, base+end), spokenTalk()); err != nil || got.Text != DefaultAnswer {
			t.Errorf("base URL %q: %q, %v", end, got.Text, err)
		}
	}
}

// troubleBeforeTheFirstDelta is tried once more if it may pass, and never twice more.
func troubleBeforeTheFirstDelta(t *testing.T, open func(string) pipeline.Responder) {
	later := OpenAIRefuse(http.StatusTooManyRequests, "rate_limit_exceeded", "Slow down.")
	later.Header = http.Header{"Retry-After-Ms": {"20"}}
	muchLater := OpenAIRefuse(http.StatusTooManyRequests, "rate_limit_exceeded", "Slow down.")
	muchLater.Header = http.Header{"Retry-After": {"60"}}
	for name, tt := range map[string]struct {
		troubles []OpenAIAnswer // before an answer
		tries    int64
		fails    bool
	}{
		"429 with a time":      {[]OpenAIAnswer{later}, 2, false},
		"429 with a long time": {[]OpenAIAnswer{muchLater}, 1, true},
		"429, the quota is up": {[]OpenAIAnswer{OpenAIRefuse(429, "insufficient_quota", "Pay.")}, 1, true},
		"408":                  {[]OpenAIAnswer{OpenAIRefuse(408, "", "")}, 2, false},
		"409":                  {[]OpenAIAnswer{OpenAIRefuse(409, "", "")}, 2, false},
		"500":                  {[]OpenAIAnswer{OpenAIRefuse(500, "", "")}, 2, false},
		"503 without JSON":     {[]OpenAIAnswer{{Status: 503, Body: "upstream is away", Header: http.Header{"Content-Type": {"text/plain"}}}}, 2, false},
		"500 twice":            {[]OpenAIAnswer{OpenAIRefuse(500, "", ""), OpenAIRefuse(500, "", "")}, 2, true},
		"400":                  {[]OpenAIAnswer{OpenAIRefuse(400, "invalid_request", "No.")}, 1, true},
		"401":                  {[]OpenAIAnswer{OpenAIRefuse(401, "invalid_api_key", "No.")}, 1, true},
		"404":                  {[]OpenAIAnswer{OpenAIRefuse(404, "model_not_found", "No.")}, 1, true},
		"reset":                {[]OpenAIAnswer{steps(OpenAIStep{Then: OpenAIReset})}, 2, false},
		"an error in a stream": {[]OpenAIAnswer{steps(OpenAIData(`{"error":{"message":"overloaded"}}`))}, 2, false},
		"a stream of nothing":  {[]OpenAIAnswer{stream(": nothing\n\n")}, 2, false},
	} {
		r, o := thinker(t, open, func(req OpenAIRequest) OpenAIAnswer {
			if req.N <= len(tt.troubles) {
				return tt.troubles[req.N-1]
			}
			return OpenAISay("Sure.")
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

func noSecondTryAfterTheFirst(t *testing.T, open func(string) pipeline.Responder) {
	r, o := thinker(t, open, func(OpenAIRequest) OpenAIAnswer {
		return steps(OpenAIText("Sure. "), OpenAIStep{Then: OpenAIHalfClose})
	})
	if got, err := respond(t.Context(), r, spokenTalk()); err == nil || got.Text != "Sure. " || o.Counts().Requests.Load() != 1 {
		t.Errorf("%q, %v after %d tries", got.Text, err, o.Counts().Requests.Load())
	}
}

var errEnough = errors.New("enough")

// cancelledResponseEndsSoon: while the server is silent, at its head or in its middle, a cancelled Respond ends with the cause.
func cancelledResponseEndsSoon(t *testing.T, open func(string) pipeline.Responder) {
	for _, first := range []string{"", "Sure. "} {
		reached := make(chan struct{}, 1)
		r, o := thinker(t, open, func(OpenAIRequest) OpenAIAnswer {
			if first == "" {
				reached <- struct{}{}
			}
			return steps(OpenAIText(first), OpenAIStep{Then: OpenAIHang})
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

func cancelledResponseNeverBegins(t *testing.T, open func(string) pipeline.Responder) {
	r, o := thinker(t, open, nil)
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
func brokenOffItLetsGo(t *testing.T, open func(string) pipeline.Responder) {
	r, o := thinker(t, open, func(OpenAIRequest) OpenAIAnswer { return steps(OpenAIText("Sure. "), OpenAIStep{Then: OpenAIHang}) })
	for _, err := range r.Respond(t.Context(), spokenTalk()) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	abandoned(t, o)
}

// abandoned waits for the server to notice that the client has gone.
func abandoned(t *testing.T, o *OpenAI) {
	t.Helper()
	for deadline := time.Now().Add(patience); o.Counts().Abandoned.Load() == 0; <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the server still waits for a client that is gone")
			return
		}
	}
}

func nobodyThere(t *testing.T, open func(string) pipeline.Responder) {
	if _, err := respond(t.Context(), client(t, open, "http://127.0.0.1:1"), spokenTalk()); err == nil {
		t.Error("no error although nobody listens")
	}
}

func connectionsAreUsedAgain(t *testing.T, open func(string) pipeline.Responder) {
	r, o := thinker(t, open, nil)
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
func endThatNeverComes(t *testing.T, open func(string) pipeline.Responder) {
	r, _ := thinker(t, open, func(OpenAIRequest) OpenAIAnswer {
		return steps(OpenAIText("Sure."), OpenAIFinish("stop"), OpenAIStep{Then: OpenAIHang})
	})
	begin := time.Now()
	got, err := respond(t.Context(), r, spokenTalk())
	if took := time.Since(begin); err != nil || got.Text != "Sure." || took > 5*time.Second {
		t.Errorf("%q, %v after %v", got.Text, err, took)
	}
}

func manyCallsAtOnce(t *testing.T, open func(string) pipeline.Responder) {
	r, _ := thinker(t, open, func(req OpenAIRequest) OpenAIAnswer {
		m := req.Messages
		return OpenAISay("You said " + *m[len(m)-1].Content)
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
