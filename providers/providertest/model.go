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

	"parley/pipeline"
)

// A Model is a stand-in for a language model's server, in the protocol of any vendor, over real sockets. It thinks nothing: it streams what
// Answer says. Its fields must not change while it runs.
//
//	POST (as the Dialect has it) ──▶ Dialect reads ──▶ Answer(request) ──▶ steps: wait, write, and then go on, hang, half-close or reset
type Model struct {
	Dialect Dialect
	Key     string                         // wanted as the vendor wants it; empty: any, or none
	Answer  func(ModelRequest) ModelAnswer // nil: DefaultAnswer

	counts  ModelCounts
	running handlers
}

// Counts is what it has seen so far.
func (m *Model) Counts() *ModelCounts { return &m.counts }

// A ModelRequest is what a model was asked, in no vendor's words.
type ModelRequest struct {
	N      int // the number of this request to the server, from 1
	Header http.Header
	Body   []byte // as it was sent
	System string // the instructions
	Turns  []ModelTurn
	Tools  []ModelTool
}

// A ModelTurn is an entry of a conversation.
type ModelTurn struct {
	Role   string // user, assistant, tool
	Text   string
	Calls  []pipeline.ToolCall // of an assistant
	CallID string              // of a tool
}

// A ModelTool is a tool that the model may ask for.
type ModelTool struct {
	Name, Description string
	Parameters        json.RawMessage
}

// An Act is what a model does next, in no vendor's words. One of its fields is set.
type Act struct {
	Text  *string
	Call  *Piece
	End   string     // the model's reason to stop, as pipeline.Delta.Finish has it; what it cost comes with it
	Usage *ModelUsed // of End; nil: 120 tokens in, and one out for each Text
	Raw   *ModelStep // anything else
}

// A Piece of a tool call: the first has id and name.
type Piece struct{ ID, Name, Args string }

// ModelUsed is what an answer cost, in tokens; those of the cache are among those of the input.
type ModelUsed struct{ Input, Output, Cached int }

func said(text string) Act                { return Act{Text: &text} }
func called(id, name, args string) Act    { return Act{Call: &Piece{id, name, args}} }
func more(args string) Act                { return Act{Call: &Piece{Args: args}} }
func ended(reason string) Act             { return Act{End: reason} }
func broken(how ModelEnd) Act             { return Act{Raw: &ModelStep{Then: how}} }
func cost(reason string, u ModelUsed) Act { return Act{End: reason, Usage: &u} }

// used is what the last of acts cost.
func used(acts []Act) ModelUsed {
	u := ModelUsed{Input: 120}
	for _, a := range acts {
		if a.Text != nil {
			u.Output++
		}
		if a.Usage != nil {
			return *a.Usage
		}
	}
	return u
}

// ModelSay is a whole answer with text, word by word.
func ModelSay(d Dialect, text string) ModelAnswer {
	var acts []Act
	for _, w := range strings.SplitAfter(text, " ") {
		acts = append(acts, said(w))
	}
	return ModelAnswer{Steps: d.script(append(acts, ended("stop")))}
}

// ModelCall is a whole answer that asks for a tool.
func ModelCall(d Dialect, id, name, args string) ModelAnswer {
	return ModelAnswer{Steps: d.script([]Act{called(id, name, args), ended("tool_calls")})}
}

// A Dialect is the protocol of language models of a vendor, as its server speaks it: Chat, Responses, Anthropic, Gemini.
type Dialect interface {
	paths() (answers, warms string)                          // patterns of net/http
	bases() []string                                         // how the addresses of its servers may end
	key(h http.Header) string                                // who asks
	read(r *http.Request, body []byte) (ModelRequest, error) // what is asked
	refuse(status int, code, message string) ModelAnswer     // before an answer
	unpaid() ModelAnswer                                     // the quota is used up
	overloaded() ModelStep                                   // an error within a stream
	script(acts []Act) []ModelStep                           // of an answer
	torn() string                                            // a tool's arguments that are no object, if the protocol can have them
	answers() map[string]responderAnswer                     // its own literal streams, and what must come of them
}

// StartModel runs m on a loopback port until the test ends, and returns its address as a URL without a path.
func StartModel(t testing.TB, m *Model) (url string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run a model's stand-in: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// Run serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func (m *Model) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	answers, warms := m.Dialect.paths()
	mux.HandleFunc(answers, func(w http.ResponseWriter, r *http.Request) {
		if m.running.begin() {
			defer m.running.done()
			m.respond(ctx, w, r)
		}
	})
	mux.HandleFunc(warms, func(w http.ResponseWriter, r *http.Request) {
		m.counts.Models.Add(1)
		if m.admitted(w, r) {
			writeAnswer(w, ModelAnswer{Body: `{"data":[]}`})
		}
	})
	return serveModel(ctx, ln, mux, &m.counts, &m.running)
}

func (m *Model) admitted(w http.ResponseWriter, r *http.Request) bool {
	if m.Key == "" || m.Dialect.key(r.Header) == m.Key {
		return true
	}
	m.counts.Refused.Add(1)
	writeAnswer(w, m.Dialect.refuse(http.StatusUnauthorized, "invalid_api_key", "No such key: "+m.Dialect.key(r.Header)))
	return false
}

// respond answers one request.
func (m *Model) respond(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	n := int(m.counts.Requests.Add(1))
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil || !m.admitted(w, r) {
		return
	}
	req, err := m.Dialect.read(r, body)
	if err != nil {
		m.counts.Refused.Add(1)
		writeAnswer(w, m.Dialect.refuse(http.StatusBadRequest, "invalid_request", fmt.Sprintf("this is no request: %v", err)))
		return
	}
	req.N, req.Header, req.Body = n, r.Header.Clone(), body
	answer := ModelSay(m.Dialect, DefaultAnswer)
	if m.Answer != nil {
		answer = m.Answer(req)
	}
	playAnswer(ctx, w, r, answer, &m.counts)
}

// event is a step with one event of a stream, and with its name where there is one.
func event(name string, data any) ModelStep {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // scripts are made of what always encodes
	}
	if name != "" {
		name = "event: " + name + "\n"
	}
	return ModelStep{Write: name + "data: " + string(text) + "\n\n"}
}

// fields are an object of JSON.
type fields = map[string]any

// refusal is an answer with an error of JSON.
func refusal(status int, body any) ModelAnswer {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // as in event
	}
	return ModelAnswer{Status: status, Body: string(text)}
}
