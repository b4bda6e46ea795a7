// Package voicetest is the voice-agents contract as data, for the tests that hold the API against it.
//
//	shared/api/voice-agents.txt ◀── compared, where it is at hand ──▶ contract.json ──▶ Load ──▶ tests of control and cmd/parley
//	                                                                                  Items ──▶ what each of them must have seen
//
// The page stands beside the module and is no part of it, so contract.json has all that a program can be held to: operations, parameters,
// fields, words, samples, examples.
package voicetest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed contract.json
var text []byte

// A Contract is what the page promises.
type Contract struct {
	Base      string         `json:"base"`
	Success   map[string]any `json:"success"`
	Error     map[string]any `json:"error"`
	ListMeta  []string       `json:"list_meta"`
	Statuses  []int          `json:"statuses"`
	RateLimit struct {
		PerMinute int      `json:"per_minute"`
		Headers   []string `json:"headers"`
	} `json:"rate_limit"`
	Words   map[string][]string `json:"words"` // task_status, call_status, webhook_events, message_types
	Webhook struct {
		Timeout int            `json:"timeout_seconds"`
		Payload map[string]any `json:"payload"`
	} `json:"webhook"`
	Socket struct {
		Path    string         `json:"path"`
		Query   []string       `json:"query"`
		Minutes int            `json:"token_minutes"`
		Client  map[string]any `json:"client"`
	} `json:"socket"`
	Sessions struct {
		Managed map[string][]string `json:"managed"`
	} `json:"sessions"`
	Again      string      `json:"again"` // the page's last curl example, of an operation that has one already
	Operations []Operation `json:"operations"`
}

// An Operation is one of the page's.
type Operation struct {
	Method    string          `json:"method"`
	Path      string          `json:"path"`      // with :id
	Mentioned bool            `json:"mentioned"` // in passing, without a section of its own
	Query     []Parameter     `json:"query"`
	Body      []Field         `json:"body"`
	Sample    json.RawMessage `json:"sample"`  // the page's own request
	Answer    json.RawMessage `json:"answer"`  // and response
	Keys      []string        `json:"keys"`    // of data, that a client counts on: those of samples, else what the page names in words
	Curl      string          `json:"curl"`    // the path as the page's example has it
	Command   string          `json:"command"` // that example
}

// A Parameter is one of an operation's query.
type Parameter struct {
	Name    string   `json:"name"`
	Values  []string `json:"values"`
	Default *int     `json:"default"`
	Max     *int     `json:"max"`
}

// A Field is one of an operation's request.
type Field struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
}

// Load reads the contract.
func Load() Contract {
	var c Contract
	if err := json.Unmarshal(text, &c); err != nil {
		panic("voicetest: contract.json: " + err.Error()) // it is part of the program
	}
	return c
}

// Name is how an operation is called here: GET /agents/:id.
func (op Operation) Name() string { return op.Method + " " + op.Path }

// Sample is the page's own request of an operation.
func (c Contract) Sample(name string) json.RawMessage {
	for _, op := range c.Operations {
		if op.Name() == name {
			return op.Sample
		}
	}
	return nil
}

// Items are all that the contract promises, each by a name: a test that has seen them all has seen the page.
func (c Contract) Items() []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, op := range c.Operations {
		all = append(all, op.items()...)
	}
	for _, key := range Paths(c.Success) {
		add("success %s", key)
	}
	for _, key := range Paths(c.Error) {
		add("error %s", key)
	}
	for _, key := range c.ListMeta {
		add("list meta.%s", key)
	}
	for _, status := range c.Statuses {
		add("status %d", status)
	}
	for _, name := range c.RateLimit.Headers {
		add("header %s", name)
	}
	add("header limit %d", c.RateLimit.PerMinute)
	for kind, words := range c.Words {
		for _, word := range words {
			add("%s %s", kind, word)
		}
	}
	for _, key := range Paths(c.Webhook.Payload) {
		add("webhook %s", key)
	}
	add("webhook timeout %d", c.Webhook.Timeout)
	for _, name := range c.Socket.Query {
		add("socket ?%s", name)
	}
	add("socket %v", c.Socket.Client["type"])
	for what, acts := range c.Sessions.Managed {
		for _, act := range acts {
			add("session %s %s", what, act)
		}
	}
	add("curl again")
	slices.Sort(all)
	return slices.Compact(all)
}

// items are what one operation promises.
func (op Operation) items() []string {
	all := []string{op.Name()}
	add := func(format string, args ...any) { all = append(all, op.Name()+" "+fmt.Sprintf(format, args...)) }
	for _, key := range op.Keys {
		add("data.%s", key)
	}
	for _, q := range op.Query {
		add("?%s", q.Name)
		for _, v := range q.Values {
			add("?%s=%s", q.Name, v)
		}
		if q.Default != nil {
			add("?%s default", q.Name)
		}
		if q.Max != nil {
			add("?%s max", q.Name)
		}
	}
	for _, f := range op.Body {
		add("body %s", f.Name)
		if f.Required {
			add("body %s required", f.Name)
		}
	}
	var sample, answer map[string]any
	if op.Sample != nil && json.Unmarshal(op.Sample, &sample) == nil {
		for key := range sample {
			add("sample %s", key)
		}
	}
	if op.Answer != nil && json.Unmarshal(op.Answer, &answer) == nil {
		for _, key := range Paths(answer) {
			add("answer %s", key)
		}
	}
	if op.Command != "" {
		add("curl")
	}
	return all
}

// Paths are the keys of an object, those of objects in it with dots, sorted.
func Paths(object map[string]any) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		all = append(all, key)
		if inner, ok := object[key].(map[string]any); ok {
			for _, path := range Paths(inner) {
				all = append(all, key+"."+path)
			}
		}
	}
	return all
}

// At is what stands in an object under such a path, and whether anything does.
func At(object map[string]any, path string) (any, bool) {
	key, rest, deeper := strings.Cut(path, ".")
	v, ok := object[key]
	if !ok || !deeper {
		return v, ok
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return At(inner, rest)
}
