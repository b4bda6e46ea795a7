package providertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
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

	counts  ModelCounts
	running handlers
}

// DefaultAnswer is what the model says where nothing else was scripted.
const DefaultAnswer = "Certainly. A table for two, tonight at eight. May I have your name, please?"

// Counts is what it has seen so far.
func (o *OpenAI) Counts() *ModelCounts { return &o.counts }

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

// An OpenAIAnswer is made of what any model's is.
type OpenAIAnswer = ModelAnswer

// An OpenAIStep is a step of one.
type OpenAIStep = ModelStep

// The ends of a stream, as tests of OpenAI's clients call them.
const (
	OpenAIHang      = ModelHang
	OpenAIHalfClose = ModelHalfClose
	OpenAIReset     = ModelReset
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
			writeAnswer(w, OpenAIAnswer{Body: `{"object":"list","data":[{"id":"fake","object":"model"}]}`})
		}
	})
	return serveModel(ctx, ln, mux, &o.counts, &o.running)
}

func (o *OpenAI) admitted(w http.ResponseWriter, r *http.Request) bool {
	if o.Key == "" || r.Header.Get("Authorization") == "Bearer "+o.Key {
		return true
	}
	o.counts.Refused.Add(1)
	writeAnswer(w, OpenAIRefuse(http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided."))
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
		writeAnswer(w, OpenAIRefuse(http.StatusBadRequest, "invalid_request", fmt.Sprintf("model, messages and stream are needed (%v)", err)))
		return
	}
	playAnswer(ctx, w, r, o.answer(req), &o.counts)
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
