// Package flow is scripted dialogs and IVR menus: a [pipeline.Responder] that needs no model and no key.
//
//	YAML ──▶ Parse ──▶ Flow (shared, read-only) ──▶ Responder: one call's state
//	                                                   │
//	greeting, words, keys, silence ──▶ Respond ──▶ where are we? ──▶ hear ──▶ choose ──▶ enter the next node
//	                                                   │                                   │
//	                                                   └◀── Expect, Text, Do(HangUp) ◀──────┘
//
// A flow is a graph of named nodes. A say, a set and an if pass the caller on at once; a menu and a gather wait for an answer;
// a hang_up ends the call. One Respond walks from the answer to the next node that waits, and all of that is decided before its
// first Delta is yielded: a caller who interrupts has still given the answer, and the flow stands where it would have stood.
//
// An answer to words may be prepared on a guess, and withdrawn because the caller went on speaking. The next Talk tells: its History
// does not have that Turn. The flow then goes back to where it was and hears the longer answer anew.
//
// A Flow may be used by any number of calls at once; a Responder belongs to one.
package flow

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/pipeline"
)

// A Flow is a script that has been checked: every node is there and can be reached, every text names slots that exist, and no
// round of nodes goes on without waiting for the caller. It is immutable.
type Flow struct {
	name     string
	lang     string
	start    link
	nodes    map[string]*node
	context  map[string]string // slots that the call brings along, and their values when it does not
	slots    map[string]kind   // what kind of value each gathered slot holds
	commands []*choice         // understood at every node that does not turn them off
	fallback texts             // for nodes that have none of their own
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

// Responder begins one call. The context fills the slots that the flow declares as its context, such as the caller's name;
// others are ignored.
func (f *Flow) Responder(context map[string]string) pipeline.Responder { return newSession(f, context) }

// An Error is one thing wrong with a flow file.
type Error struct {
	Line   int // from 1
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Parse reads a flow from YAML (or JSON, which is YAML). It is strict, and tells all that is wrong at once: its error joins one
// *Error for each finding, in the order of their lines.
func Parse(data []byte) (*Flow, error) {
	p := &parser{}
	f := p.flow(data)
	if f != nil && len(p.errs) == 0 {
		p.check(f)
	}
	if len(p.errs) == 0 {
		return f, nil
	}
	slices.SortStableFunc(p.errs, func(a, b *Error) int { return a.Line - b.Line })
	all := make([]error, len(p.errs))
	for i, e := range p.errs {
		all[i] = e
	}
	return nil, errors.Join(all...)
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
