package flow

import (
	"time"

	"parley/pipeline"
)

// A node is one step of a script.
type node struct {
	name      string
	line      int
	protected bool // the caller's voice does not interrupt what is said here
	step      step
}

// A step is what a node does: one of the types below, *question, *voicemail or *handover.
type step interface {
	links() []link  // where it may lead
	passes() []link // where it may lead without waiting for the caller
	texts() []text  // all that it may say, and texts that fill slots
}

// say speaks and goes on.
type say struct {
	text text
	next link
}

func (s *say) links() []link  { return []link{s.next} }
func (s *say) passes() []link { return s.links() }
func (s *say) texts() []text  { return []text{s.text} }

// assign sets slots and goes on.
type assign struct {
	slots []string // in the order of the file
	value []text
	next  link
}

func (a *assign) links() []link  { return []link{a.next} }
func (a *assign) passes() []link { return a.links() }
func (a *assign) texts() []text  { return a.value }

// branch goes where the first condition that holds says.
type branch struct {
	arms  []arm
	other link
}

// An arm is a condition and where it leads.
type arm struct {
	condition
	next link
}

func (b *branch) links() []link {
	var ls []link
	for _, a := range b.arms {
		ls = append(ls, a.next)
	}
	return append(ls, b.other)
}

func (b *branch) passes() []link { return b.links() }

func (b *branch) texts() []text {
	var ts []text
	for _, a := range b.arms {
		a.each(func(c condition) {
			switch c := c.(type) {
			case *opened:
				ts = append(ts, c.at)
			case *compared:
				for _, t := range c.tests {
					ts = append(ts, t.with...)
				}
			}
		})
	}
	return ts
}

// door goes by the clock.
type door struct {
	of           link
	hours        *hours
	open, closed link
	change       link // the slot that is told when they change; empty: none
}

func (d *door) links() []link  { return []link{d.open, d.closed} }
func (d *door) passes() []link { return d.links() }
func (d *door) texts() []text  { return nil }

// subcall runs another script, and goes on when it returns.
type subcall struct {
	flow link
	with []argument
	into []result
	then map[string]link // by outcome
	next link
}

// An argument is a slot of the flow that is called, and its value.
type argument struct {
	link
	value text
}

// A result is a slot of ours, and the slot of the flow that was called.
type result struct{ ours, theirs link }

func (c *subcall) links() []link {
	ls := []link{c.next}
	for _, l := range c.then {
		ls = append(ls, l)
	}
	return ls
}

func (c *subcall) passes() []link { return c.links() } // where the script that is called may: see passable

func (c *subcall) texts() []text {
	var ts []text
	for _, a := range c.with {
		ts = append(ts, a.value)
	}
	return ts
}

// giveBack ends a script that was called.
type giveBack struct{ outcome link }

func (*giveBack) links() []link  { return nil }
func (*giveBack) passes() []link { return nil }
func (*giveBack) texts() []text  { return nil }

// transfer has the carrier connect the caller to somebody else.
type transfer struct {
	say, to text
	failed  link // where to go on when that cannot be done
}

func (t *transfer) links() []link  { return []link{t.failed} }
func (t *transfer) passes() []link { return t.links() }
func (t *transfer) texts() []text  { return []text{t.say, t.to} }

// hangUp says goodbye and ends the call.
type hangUp struct{ farewell text }

func (h *hangUp) links() []link  { return nil }
func (h *hangUp) passes() []link { return nil }
func (h *hangUp) texts() []text  { return []text{h.farewell} }

// question asks and waits: a menu has choices, a gather a slot and perhaps choices beside it.
type question struct {
	prompt      text
	again       text // instead of prompt on later visits that come with something said before
	interrupted text // instead of noMatch when the caller cut the agent off
	retorts     texts
	choices     []*choice
	slot        *slot // of a gather
	tries       int   // misses in a row before giveUp
	silences    int   // silences in a row before giveUp; 0: never
	giveUp      link
	deaf        bool // the flow's commands are off
	patience    time.Duration
}

// slot is what a gather fills.
type slot struct {
	name    string
	line    int
	kind    kind
	masked  bool // its value is a secret
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

func (q *question) passes() []link { return nil }

// masked says whether what is said and pressed here is a secret.
func (q *question) masked() bool { return q.slot != nil && q.slot.masked }

// listens says whether a choice may be found within a longer sentence. Where anything may be said, it is meant only when nothing
// else is said.
func (q *question) listens() bool { return q.slot == nil || !q.slot.kind.open() }

// expect says what ear, recogniser and keypad should be ready for.
func (q *question) expect(confirming bool, commands []*choice) *pipeline.Expect {
	e := &pipeline.Expect{Patience: q.patience, Masked: q.masked()}
	if confirming {
		e.Words, e.Digits, e.Sole = confirmWords(), 1, true
		return e
	}
	if q.slot != nil {
		wants := q.slot.kind.expect()
		e.KeyGap, e.Sole = q.slot.keyGap, wants.keyed
		e.Words, e.Digits, e.Terminator, e.Kind = wants.words, wants.keys, wants.terminator, wants.entity
	}
	for _, c := range q.choices {
		if c.digit != 0 && e.Digits == 0 && (q.slot == nil || !q.slot.kind.expect().keyed) {
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

// voicemail takes a message.
type voicemail struct {
	prompt, empty, confirm text
	slot                   string
	tone                   bool
	silence, max           time.Duration
	key                    rune // that ends it
	tries                  int
	giveUp, next           link
}

// The slots that a message fills beside its own.
const (
	placeSuffix  = "_at"     // where in the recording it begins: seconds since the answer
	lengthSuffix = "_length" // seconds
)

func (v *voicemail) links() []link {
	if v.giveUp.to != "" {
		return []link{v.next, v.giveUp}
	}
	return []link{v.next}
}

func (v *voicemail) passes() []link { return nil }
func (v *voicemail) texts() []text  { return []text{v.prompt, v.empty, v.confirm} }

// handover gives the conversation to a model.
type handover struct {
	instructions, prompt text
	slot                 string // takes the result; empty: none does
	phrase               string // the model's word for being done; empty: none
	turns                int
	deaf                 bool
	choices              []*choice
	next                 link
	giveUp, unavailable  link
}

func (h *handover) links() []link {
	ls := []link{h.next, h.unavailable}
	if h.giveUp.to != "" {
		ls = append(ls, h.giveUp)
	}
	for _, c := range h.choices {
		ls = append(ls, c.next)
	}
	return ls
}

// passes leaves out next: a model that is done at once has been asked.
func (h *handover) passes() []link { return []link{h.unavailable} }
func (h *handover) texts() []text  { return []text{h.instructions, h.prompt} }
