// Package botstest is the contracts of bots and conversations as data, for the tests that hold the API against them.
//
//	shared/api/bots.txt, conversations.txt ◀── compared, where they are at hand ──▶ contract.json ──▶ Load ──▶ tests of control
//
// The pages stand beside the module and are no part of it, so contract.json has all that a program can be held to.
package botstest

import (
	_ "embed"
	"encoding/json"
)

//go:embed contract.json
var text []byte

// A Contract is what the pages promise.
type Contract struct {
	Base     string   `json:"base"`
	Types    []string `json:"types"`    // of bots
	Channels []string `json:"channels"` // of conversations
	Statuses []string `json:"statuses"` // of conversations
	Scopes   []string `json:"scopes"`
	Socket   struct {
		Path   string   `json:"path"`
		Query  []string `json:"query"`
		Events []string `json:"events"`
	} `json:"socket"`
	Error      map[string]any `json:"error"`
	Operations []Operation    `json:"operations"`
}

// An Operation is one of the pages'.
type Operation struct {
	Method string                     `json:"method"`
	Path   string                     `json:"path"` // with :id
	List   bool                       `json:"list"` // it answers a bare array
	Scope  string                     `json:"scope"`
	Roles  []string                   `json:"roles"`  // who may, where not all may who have the scope
	Status int                        `json:"status"` // of success; 0: 200
	Query  []Parameter                `json:"query"`
	Body   []Field                    `json:"body"`
	Sample json.RawMessage            `json:"sample"` // the page's own request
	Try    json.RawMessage            `json:"try"`    // a request where the page has none
	Answer map[string]json.RawMessage `json:"answer"` // the page's own answer, or one of its rows
	Keys   []string                   `json:"keys"`   // of the answer, where the page shows none
	Curl   string                     `json:"curl"`   // the path as the page's example has it
}

// A Parameter is one of an operation's query.
type Parameter struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// A Field is one of an operation's request.
type Field struct {
	Name     string   `json:"name"`
	Required bool     `json:"required"`
	Max      int      `json:"max"` // characters
	Values   []string `json:"values"`
}

// Load reads the contract.
func Load() Contract {
	var c Contract
	if err := json.Unmarshal(text, &c); err != nil {
		panic("botstest: contract.json: " + err.Error()) // it is part of the program
	}
	return c
}

// Name is how an operation is called here: GET /bots/:id.
func (op Operation) Name() string { return op.Method + " " + op.Path }

// Request is what to send.
func (op Operation) Request() string {
	if op.Sample != nil {
		return string(op.Sample)
	}
	return string(op.Try)
}

// Answered are the keys that a client counts on.
func (op Operation) Answered() []string {
	all := op.Keys
	for key := range op.Answer {
		all = append(all, key)
	}
	return all
}
