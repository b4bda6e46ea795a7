package flow

import (
	"strings"
	"time"

	"parley/pipeline"
)

// A node is one step of a flow.
type node struct {
	name      string
	line      int
	protected bool // the caller's voice does not interrupt what is said here
	step      step
}

// A step is what a node does: *say, *assign, *branch, *hangUp or *question.
type step interface {
	links() []link // where it may lead
	texts() []text // all that it may say
	waits() bool   // for the caller; if not, it goes on at once
}

// say speaks and goes on.
type say struct {
	text text
	next link
}

func (s *say) links() []link { return []link{s.next} }
func (s *say) texts() []text { return []text{s.text} }
func (s *say) waits() bool   { return false }

// assign sets slots and goes on.
type assign struct {
	slots []string // in the order of the file
	value []text
	next  link
}

func (a *assign) links() []link { return []link{a.next} }
func (a *assign) texts() []text { return a.value }
func (a *assign) waits() bool   { return false }

// branch goes where the first condition that holds says.
type branch struct {
	conds []cond
	other link
}

// cond holds when the slot has one of the values, or, with neither, when it is empty.
type cond struct {
	slot  string
	line  int
	is    []string
	empty bool
	next  link
}

func (c cond) holds(value string) bool {
	if c.empty {
		return value == ""
	}
	for _, v := range c.is {
		if strings.EqualFold(v, value) {
			return true
		}
	}
	return false
}

func (b *branch) links() []link {
	var ls []link
	for _, c := range b.conds {
		ls = append(ls, c.next)
	}
	return append(ls, b.other)
}
func (b *branch) texts() []text { return nil }
func (b *branch) waits() bool   { return false }

// hangUp says goodbye and ends the call.
type hangUp struct{ farewell text }

func (h *hangUp) links() []link { return nil }
func (h *hangUp) texts() []text { return []text{h.farewell} }
func (h *hangUp) waits() bool   { return true }

// question asks and waits: a menu has choices, a gather a slot and perhaps choices beside it.
type question struct {
	prompt      text
	again       text // instead of prompt on later visits that come with something said before
	interrupted text // instead of noMatch when the caller cut the agent off
	retorts     texts
	choices     []*choice
	slot        *slot // of a gather
	tries       int   // misses in a row before giveUp
	giveUp      link
	deaf        bool // the flow's commands are off
	patience    time.Duration
}

// slot is what a gather fills.
type slot struct {
	name    string
	kind    kind
	confirm text // asked before the value counts
	retry   text // said when the caller does not confirm it; else the prompt
	invalid text // said when it was understood but may not be; else noMatch
	keyGap  time.Duration
	next    link
}

func (q *question) links() []link {
	var ls []link
	for _, c := range q.choices {
		ls = append(ls, c.next)
	}
	if q.slot != nil {
		ls = append(ls, q.slot.next)
	}
	if q.giveUp.to != "" {
		ls = append(ls, q.giveUp)
	}
	return ls
}

func (q *question) texts() []text {
	ts := []text{q.prompt, q.again, q.interrupted, q.retorts.ambiguous}
	ts = append(append(ts, q.retorts.noInput...), q.retorts.noMatch...)
	if s := q.slot; s != nil {
		ts = append(ts, s.confirm, s.retry, s.invalid)
	}
	return ts
}

func (q *question) waits() bool { return true }

// listens says whether a choice may be found within a longer sentence. Where anything may be said, it is meant only when nothing
// else is said.
func (q *question) listens() bool { return q.slot == nil || !q.slot.kind.open() }

// expect says what ear, recogniser and keypad should be ready for.
func (q *question) expect(confirming bool, commands []*choice) *pipeline.Expect {
	e := &pipeline.Expect{Patience: q.patience}
	if confirming {
		e.Words, e.Digits = confirmWords(), 1
		return e
	}
	if q.slot != nil {
		e.KeyGap = q.slot.keyGap
		e.Words, e.Digits, e.Terminator = q.slot.kind.expect()
	}
	for _, c := range q.choices {
		if c.digit != 0 && e.Digits == 0 {
			e.Digits = 1
		}
	}
	if !q.listens() {
		return e // a recogniser that snaps would bend free speech
	}
	for _, c := range q.choices {
		e.Words = append(e.Words, c.words()...)
	}
	if !q.deaf {
		for _, c := range commands {
			e.Words = append(e.Words, c.words()...)
		}
	}
	return e
}
