// Package keypad is what an agent does with keys: its dtmf_rules. They stand before the agent itself, be that a model or a flow.
//
//	JSON ──▶ Parse ──▶ Rules (shared, read-only) ──▶ Keys: is that an entry?     asked by the call, key by key
//	                      │
//	                      └──▶ Responder: one call's state
//	keys ──▶ a rule fits? ──▶ say, ask, gather, goto, transfer, bridge, attended, press, hang up
//	  │          │ no
//	  │      a gather is on? ──▶ take the entry: fits ──▶ slot, note, and what comes then
//	  │          │ no                            └─▶ does not ──▶ ask again, or give up
//	  ▼          ▼
//	words, silence ──▶ the agent itself (a gather takes silence; a masked one takes words, too)
//
// A rule fits a whole entry. Of two that fit, the one with fewer entries counts: "1" before "X", in whatever order they stand; rules of
// which neither has all the entries of the other, and which share some, are refused, and so is a rule of which nothing is left. An entry
// ends with its last key, except where more keys may make another one: then after a gap.
//
// What a rule wants the model to know is put into the history that the model is given, in place of "The caller pressed 2." The secrets of
// masked gathers are kept nowhere: only that they were given.
package keypad

import (
	"errors"
	"slices"
	"strings"
	"time"

	"parley/pipeline"
)

// Rules are an agent's rules for keys, checked. They are immutable, and serve any number of calls at once.
type Rules struct {
	gap       time.Duration // between keys, where more may follow
	rules     []*rule       // those with fewer entries first
	otherwise *action       // of keys that fit nothing and that nobody asked for; nil: they are the agent's
}

// A rule is keys and what they do.
type rule struct {
	path   string
	keys   *pattern
	always bool // also while the caller is asked for an entry
	action
}

// What an action does, after it has said something.
type kind uint8

const (
	says kind = iota // nothing more
	asks
	gathers
	goes
	transfers
	bridges
	attends
	presses
	hangsUp
)

// An action is what follows on keys.
type action struct {
	say       string // first; may be empty
	protected bool   // the caller's voice does not interrupt it
	kind      kind
	what      string // what the kind takes: a note, a node, a number, keys, last words
	gather    *gather
}

// A gather is a question whose answer is pressed.
type gather struct {
	prompt     string
	slot       string
	least      int
	most       int
	terminator rune // the entry ends with it, however long it is; 0: with its last key, or # before that
	gap        time.Duration
	patience   time.Duration
	masked     bool
	invalid    string
	tries      int
	then       *action // nil: the agent is told
	giveUp     *action // nil: the agent is told
	protected  bool
}

// Keys is what the rules make of the keys pressed so far, while e is expected: it is [pipeline.Agent.Keys].
func (r *Rules) Keys(pressed string, e pipeline.Expect) pipeline.Pressed {
	whole, more := false, false
	for _, u := range r.rules {
		if u.always || !e.Sole {
			whole, more = whole || u.keys.fits(pressed), more || u.keys.leads(pressed)
		}
	}
	if more {
		return pipeline.Pressed{Wait: r.gap}
	}
	return pipeline.Pressed{Whole: whole}
}

// find is the rule that fits an entry; nil: none. Sole: only those that hold always are asked.
func (r *Rules) find(entry string, sole bool) *rule {
	i := slices.IndexFunc(r.rules, func(u *rule) bool { return (u.always || !sole) && u.keys.fits(entry) })
	if i < 0 {
		return nil
	}
	return r.rules[i]
}

// each visits every action, those within gathers too.
func (r *Rules) each(visit func(*action)) {
	var walk func(a *action)
	walk = func(a *action) {
		if a == nil {
			return
		}
		visit(a)
		if g := a.gather; g != nil {
			walk(g.then)
			walk(g.giveUp)
		}
	}
	for _, u := range r.rules {
		walk(&u.action)
	}
	walk(r.otherwise)
}

// Nodes are the nodes of a flow that rules lead to, each once, in order of their names.
func (r *Rules) Nodes() []string {
	var names []string
	r.each(func(a *action) {
		if a.kind == goes {
			names = append(names, a.what)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// Empty says whether there is no rule at all.
func (r *Rules) Empty() bool { return len(r.rules) == 0 && r.otherwise == nil }

// An Error is one thing wrong with rules.
type Error struct {
	Path   string // to the value, such as rules[2].gather.length; empty: the rules as a whole
	Reason string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// Errors are the findings in an error of Parse; nil: it is none.
func Errors(err error) (all []*Error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, e := range joined.Unwrap() {
		if found, ok := errors.AsType[*Error](e); ok {
			all = append(all, found)
		}
	}
	return all
}

// aloud is digits as a voice reads them one by one.
func aloud(digits string) string { return strings.Join(strings.Split(digits, ""), " ") }
