package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An OpenAI is a stand-in for a server of the chat completions protocol, over real sockets, for tests and load. It thinks nothing: it
// streams what Answer says. Its fields must not change while it runs. It may be shared by hundreds of calls.
//
//	POST /v1/chat/completions ──▶ Answer(request) ──▶ steps: wait, write, and then go on, hang, half-close or reset
type OpenAI struct {
	Key        string                           // wanted as bearer token; empty: any, or none
	Answer     func(OpenAIRequest) OpenAIAnswer // nil: OpenAISay(DefaultAnswer), with FirstToken and TokenGap
	FirstToken time.Duration                    // before the first word, when Answer is nil
	TokenGap   time.Duration                    // between words, when Answer is nil

	counts  OpenAICounts
	running handlers
}

// DefaultAnswer is what the model says where nothing else was scripted.
const DefaultAnswer = "Certainly. A table for two, tonight at eight. May I have your name, please?"

// OpenAICounts is what a fake OpenAI has seen. They are read with Load at any time.
type OpenAICounts struct {
	Connections atomic.Int64 // accepted
	Open        atomic.Int64 // now
	Requests    atomic.Int64 // for chat completions
	Models      atomic.Int64 // requests for the list of models
	Refused     atomic.Int64 // for their key, or because they made no sense
	Whole       atomic.Int64 // answers written to their end
	Abandoned   atomic.Int64 // answers that the client did not wait for
}

// Counts is what it has seen so far.
func (o *OpenAI) Counts() *OpenAICounts { return &o.counts }

// An OpenAIRequest is a request for a chat completion.
type OpenAIRequest struct {
	N             int // the number of this request to the server, from 1
	Header        http.Header
	Body          []byte // as it was sent
	Model         string
	Stream        bool
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Messages []OpenAIMessage
	Tools    []struct {
		Type     string
		Function struct {
			Name, Description string
			Parameters        json.RawMessage
		}
	}
}

// An OpenAIMessage is one of a request's.
type OpenAIMessage struct {
	Role      string
	Content   *string
	ToolCalls []struct {
		ID, Type string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
	ToolCallID string `json:"tool_call_id"`
}

// An OpenAIAnswer is a response: steps of a stream, or, with a Body, a whole one.
type OpenAIAnswer struct {
	Status int         // 0: 200
	Header http.Header // besides the Content-Type
	Body   string      // JSON
	Steps  []OpenAIStep
}

// An OpenAIStep waits, writes, and then does what Then says.
type OpenAIStep struct {
	Until <-chan struct{} // wait for it to be closed
	After time.Duration   // wait
	Write string          // bytes of the stream, flushed at once
	Drip  int             // flush after each so many bytes; 0: at the end
	Then  OpenAIEnd
}

// OpenAIEnd is a way to end a stream early.
type OpenAIEnd uint8

// The ends.
const (
	OpenAIGoOn      OpenAIEnd = iota
	OpenAIHang                // nothing more is written; the connection stays open until the client closes it
	OpenAIHalfClose           // our side of the connection is closed, without the end of the chunked body
	OpenAIReset               // the connection is reset
)

// OpenAIData is a step with one event.
func OpenAIData(data string) OpenAIStep { return OpenAIStep{Write: "data: " + data + "\n\n"} }

// OpenAIText is a step with a piece of text.
func OpenAIText(text string) OpenAIStep {
	return openAIDelta(map[string]any{"content": text}, nil)
}

// OpenAIToolCall is a step with a piece of a tool call, as OpenAI sends them: id and name in the first only.
func OpenAIToolCall(index int, id, name, arguments string) OpenAIStep {
	call := map[string]any{"index": index, "function": map[string]any{"arguments": arguments}}
	if id != "" {
		call["id"], call["type"] = id, "function"
		call["function"] = map[string]any{"name": name, "arguments": arguments}
	}
	return openAIDelta(map[string]any{"tool_calls": []any{call}}, nil)
}

// OpenAIFinish is a step with the model's reason to stop.
func OpenAIFinish(reason string) OpenAIStep { return openAIDelta(map[string]any{}, reason) }

// OpenAIUsage is a step with what the answer cost.
func OpenAIUsage(prompt, completion, cached int) OpenAIStep {
	return OpenAIData(fmt.Sprintf(`{"id":"chatcmpl-fake","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":%d,`+
		`"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}}`, prompt, completion, prompt+completion, cached))
}

// OpenAIDone is the last step.
func OpenAIDone() OpenAIStep { return OpenAIData("[DONE]") }

func openAIDelta(delta map[string]any, finish any) OpenAIStep {
	data, err := json.Marshal(map[string]any{
		"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1760000000, "model": "fake",
		"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}, "usage": nil,
	})
	if err != nil {
		panic(err) // strings always encode
	}
	return OpenAIData(string(data))
}

// OpenAISay is a whole answer with text, word by word.
func OpenAISay(text string) OpenAIAnswer {
	steps := []OpenAIStep{openAIDelta(map[string]any{"role": "assistant", "content": ""}, nil)}
	words := strings.SplitAfter(text, " ")
	for _, w := range words {
		steps = append(steps, OpenAIText(w))
	}
	return OpenAIAnswer{Steps: append(steps, OpenAIFinish("stop"), OpenAIUsage(120, len(words), 0), OpenAIDone())}
}

// OpenAIRefuse is an answer with an error in OpenAI's envelope.
func OpenAIRefuse(status int, code, message string) OpenAIAnswer {
	return OpenAIAnswer{Status: status, Body: fmt.Sprintf(`{"error":{"message":%q,"type":"fake_error","param":null,"code":%q}}`, message, code)}
}

// StartOpenAI runs o on a loopback port until the test ends, and returns its base URL.
func StartOpenAI(t testing.TB, o *OpenAI) (baseURL string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- o.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run fake OpenAI: %v", err)
		}
	})
	return "http://" + ln.Addr().String() + "/v1"
}

// Run serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func (o *OpenAI) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		if o.running.begin() {
			defer o.running.done()
			o.complete(ctx, w, r)
		}
	})
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, r *http.Request) {
		o.counts.Models.Add(1)
		if o.admitted(w, r) {
			openAIWrite(w, OpenAIAnswer{Body: `{"object":"list","data":[{"id":"fake","object":"model"}]}`})
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ConnState: o.count}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	err := server.Serve(ln)
	stopped()
	o.running.end()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

func (o *OpenAI) count(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		o.counts.Connections.Add(1)
		o.counts.Open.Add(1)
	case http.StateClosed, http.StateHijacked:
		o.counts.Open.Add(-1)
	}
}

func (o *OpenAI) admitted(w http.ResponseWriter, r *http.Request) bool {
	if o.Key == "" || r.Header.Get("Authorization") == "Bearer "+o.Key {
		return true
	}
	o.counts.Refused.Add(1)
	openAIWrite(w, OpenAIRefuse(http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided."))
	return false
}

// complete answers one request.
func (o *OpenAI) complete(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	req := OpenAIRequest{N: int(o.counts.Requests.Add(1)), Header: r.Header.Clone()}
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		return
	}
	if !o.admitted(w, r) {
		return
	}
	req.Body = body
	if err := json.Unmarshal(body, &req); err != nil || req.Model == "" || len(req.Messages) == 0 || !req.Stream {
		o.counts.Refused.Add(1)
		openAIWrite(w, OpenAIRefuse(http.StatusBadRequest, "invalid_request", fmt.Sprintf("model, messages and stream are needed (%v)", err)))
		return
	}
	answer := o.answer(req)
	if answer.Body != "" || answer.Status != 0 && answer.Status != http.StatusOK {
		openAIWrite(w, answer)
		o.counts.Whole.Add(1)
		return
	}
	for k, vs := range answer.Header {
		w.Header()[k] = vs
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	for _, s := range answer.Steps {
		if !openAIStep(ctx, w, r, s) {
			o.counts.Abandoned.Add(1)
			return
		}
		if s.Then == OpenAIHalfClose || s.Then == OpenAIReset {
			openAIBreak(ctx, w, s.Then)
			return
		}
	}
	o.counts.Whole.Add(1)
}

func (o *OpenAI) answer(req OpenAIRequest) OpenAIAnswer {
	if o.Answer != nil {
		return o.Answer(req)
	}
	a := OpenAISay(DefaultAnswer)
	for i := range a.Steps {
		if a.Steps[i].After = o.TokenGap; i == 0 {
			a.Steps[i].After = o.FirstToken
		}
	}
	return a
}

func openAIWrite(w http.ResponseWriter, a OpenAIAnswer) {
	w.Header().Set("Content-Type", "application/json")
	for k, vs := range a.Header {
		w.Header()[k] = vs
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = io.WriteString(w, a.Body)
}

// openAIStep does one step; false if the client or the server has gone meanwhile.
func openAIStep(ctx context.Context, w http.ResponseWriter, r *http.Request, s OpenAIStep) bool {
	gone := func(until <-chan struct{}, after <-chan time.Time) bool {
		select {
		case <-ctx.Done():
			return true
		case <-r.Context().Done():
			return true
		case <-until:
		case <-after:
		}
		return false
	}
	if s.Until != nil && gone(s.Until, nil) {
		return false
	}
	if s.After > 0 && gone(nil, time.After(s.After)) {
		return false
	}
	for rest := s.Write; rest != ""; {
		n := len(rest)
		if s.Drip > 0 {
			n = min(n, s.Drip)
		}
		if _, err := io.WriteString(w, rest[:n]); err != nil {
			return false
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return false
		}
		rest = rest[n:]
	}
	return s.Then != OpenAIHang || !gone(nil, nil)
}

// openAIBreak takes the connection from the server and ends it the hard way.
func openAIBreak(ctx context.Context, w http.ResponseWriter, how OpenAIEnd) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	if how == OpenAIReset {
		_ = tcp.SetLinger(0)
		return
	}
	_ = tcp.CloseWrite()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, _ = io.Copy(io.Discard, conn) // until the client closes its side
}
