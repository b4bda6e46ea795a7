// Package crmtest is what is served of the CRM contract as data, for the tests that hold the API against it.
//
//	shared/api/crm.txt ◀── compared, where it is at hand ──▶ contract.json ──▶ Load ───┬▶ tests of control/crm
//	                                                         calls.json ─────▶ Calls ──┘
//
// The page stands beside the module and is no part of it, so contract.json has all that a program can be held to: operations, parameters,
// fields, statuses, samples and examples. The paths are shared/api/README.md's, as the page names none.
package crmtest

import (
	_ "embed"
	"encoding/json"
)

//go:embed contract.json
var text []byte

//go:embed calls.json
var calls []byte

// A Contract is what the page promises.
type Contract struct {
	Base       string         `json:"base"`
	Error      map[string]any `json:"error"`
	Operations []Operation    `json:"operations"`
}

// An Operation is one of the page's.
type Operation struct {
	Name     string         `json:"name"` // as the page calls it
	Method   string         `json:"method"`
	Path     string         `json:"path"`
	Query    []Field        `json:"query"`
	Body     []Field        `json:"body"` // those that the page names in its table: samples have more
	Statuses []int          `json:"statuses"`
	Sample   map[string]any `json:"sample"` // the page's own request
	Answer   map[string]any `json:"answer"` // and response
	Example  *Example       `json:"example"`
}

// A Field is a parameter, or a field of a body.
type Field struct {
	Name     string   `json:"name"`
	Required bool     `json:"required"`
	Nullable bool     `json:"nullable"`
	Type     string   `json:"type"`
	Values   []string `json:"values"`
}

// An Example is a request as the page prints it in passing.
type Example struct {
	Path string         `json:"path"`
	Body map[string]any `json:"body"`
}

// Load reads the contract, but for calls.
func Load() Contract { return read("contract.json", text) }

// Calls are the contract's operations on calls and recordings. GetCall and GetRecording have no heading on the page, and stand there below
// CreateCall and above LoadRecording; what LoadRecording answers is not there, and is taken to be a recording.
func Calls() []Operation { return read("calls.json", calls).Operations }

func read(name string, text []byte) (c Contract) {
	if err := json.Unmarshal(text, &c); err != nil {
		panic("crmtest: " + name + ": " + err.Error()) // it is part of the program
	}
	return c
}
