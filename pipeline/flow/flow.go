// Package flow is scripted dialogs and IVR menus: a [pipeline.Responder] that needs no model and no key.
//
//	YAML ──▶ Parse ──▶ Flow (shared, read-only) ──▶ Responder: one call's state
//	                                                   │
//	greeting, words, keys, silence ──▶ Respond ──▶ where are we? ──▶ hear ──▶ choose ──▶ enter the next node
//	                                                   │                                   │
//	                                                   └◀─ Slots, Expect, Text, Do(HangUp) ◀┘
//
// A flow is a graph of named nodes. A say, a set, an if, an hours and a call of another flow pass the caller on at once; a menu, a gather
// and a voicemail wait for the caller; a model node gives the conversation to a language model, and takes it back; a transfer connects
// the caller to somebody else; a hang_up ends the call. One Respond walks from the answer to the next node that waits, and all of that is
// decided before its first Delta is yielded: a caller who interrupts has still given the answer, and the flow stands where it would have
// stood. Who interrupts the last words before a hang-up or a transfer is where the last question was.
//
// An answer to words may be prepared on a guess, and withdrawn because the caller went on speaking. The next Talk tells: its History
// does not have that Turn. The flow then goes back to where it was and hears the longer answer anew.
//
// The values that are asked for are slots. Those of the main flow are told as they come (Delta.Slots); a masked one is told as
// [pipeline.MaskedSlot]: its value stays in the Responder, where conditions may look at it and nothing may say it.
//
// Words are matched as recognisers write them, in English. A Flow may be used by any number of calls at once; a Responder belongs to one.
package flow

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/pipeline"
)

// A Flow is a script that has been checked: every node is there and can be reached, every text names slots that exist, and no
// round of nodes goes on without waiting for the caller. It is immutable.
type Flow struct {
	name     string
	lang     string
	zone     *time.Location
	context  map[string]string // slots that the call brings along, and their values when it does not
	collect  []link            // the slots that are told; nil: all that are asked for
	commands []*choice         // understood at every node that does not turn them off
	fallback texts             // for nodes that have none of their own
	hours    map[string]*hours
	main     *script
	flows    map[string]*script // by name: those that are called
}

// A script is a graph of nodes with slots of its own: the main flow, or one that is called.
type script struct {
	name   string // empty: the main flow
	line   int
	start  link
	nodes  map[string]*node
	order  []string             // their names as the file has them
	takes  map[string]parameter // arguments
	gives  []link               // the slots that are its results
	slots  map[string]kind      // what kind of value a slot holds, where it is known
	masked map[string]bool      // slots that are secrets
	passes bool                 // it may return without having waited for the caller
}

// A parameter is an argument that a script takes.
type parameter struct {
	absent string // its value when it is not given
	must   bool   // be given
	line   int
}

// texts are what a node says when it did not get an answer.
type texts struct {
	noInput   []text // by how often in a row the caller has been silent; the last stands for all further times
	noMatch   []text // by how often in a row the answer was not understood
	ambiguous text   // two choices fit equally well: {options} are their names
}

// Name is the flow's own name, for logs and lists.
func (f *Flow) Name() string { return f.name }

// Lang is the language of its texts, in BCP 47; empty if the flow does not say.
func (f *Flow) Lang() string { return f.lang }

// Zone is the time zone of its dates; UTC if the flow does not say.
func (f *Flow) Zone() *time.Location { return f.zone }

// Nodes is how many nodes it has, those of the flows that it calls included.
func (f *Flow) Nodes() int {
	n := 0
	for _, s := range f.scripts() {
		n += len(s.nodes)
	}
	return n
}

// Has says whether the main flow has a node of that name.
func (f *Flow) Has(node string) bool { return f.main.nodes[node] != nil }

// Options are what one call brings to a flow.
type Options struct {
	Context map[string]string  // fills the slots that the flow declares as its context, such as the caller's number; others are ignored
	Model   pipeline.Responder // continues the conversation at model nodes; nil: they lead to where they are unavailable
	Now     func() time.Time   // the clock; nil: time.Now
}

// Responder begins one call.
func (f *Flow) Responder(o Options) pipeline.Responder { return newSession(f, o) }

// An Error is one thing wrong with a flow file.
type Error struct {
	Line   int // from 1
	Reason string
	form   bool // the schema refuses it too
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Parse reads a flow from YAML (or JSON, which is YAML). It is strict, and tells all that is wrong at once: its error joins one
// *Error for each finding, in the order of their lines.
func Parse(data []byte) (*Flow, error) {
	p := &parser{}
	p.file(data)
	if p.flow != nil && len(p.errs) == 0 {
		p.check()
	}
	if len(p.errs) == 0 {
		return p.flow, nil
	}
	slices.SortStableFunc(p.errs, func(a, b *Error) int { return a.Line - b.Line })
	all := make([]error, len(p.errs))
	for i, e := range p.errs {
		all[i] = e
	}
	return nil, errors.Join(all...)
}

// Errors are the findings in an error of Parse, or in one that wraps it; nil: it is none.
func Errors(err error) []*Error {
	for ; err != nil; err = errors.Unwrap(err) {
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		var all []*Error
		for _, e := range joined.Unwrap() {
			if fe, ok := errors.AsType[*Error](e); ok {
				all = append(all, fe)
			}
		}
		return all
	}
	return nil
}

//go:embed receptionist.yaml
var receptionist []byte

// Receptionist is the flow that answers when nothing else is configured: it shows off menus, digits, spoken words and barge-in.
func Receptionist() (*Flow, error) {
	f, err := Parse(receptionist)
	if err != nil {
		return nil, fmt.Errorf("parse the receptionist: %w", err)
	}
	return f, nil
}

// A text is what is said, with places for the values of slots.
type text struct {
	line  int
	parts []part
}

// A part is a stretch of plain text, or the name of a slot.
type part struct{ plain, slot string }

func (t text) empty() bool { return len(t.parts) == 0 }

// fill puts values in the places.
func (t text) fill(value func(slot string) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.slot != "" {
			b.WriteString(value(p.slot))
		} else {
			b.WriteString(p.plain)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// A link is the name of a node, and the line that names it.
type link struct {
	to   string
	line int
}
