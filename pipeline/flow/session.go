package flow

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"parley/pipeline"
)

// session is one call's walk through a flow.
type session struct {
	flow   *Flow
	here   place
	before place // where it was before the last words were answered
	turn   int   // of those words; 0: it was no words that were answered last
}

// A place is all that a session remembers.
type place struct {
	node       *node // where it waits; nil before the greeting
	slots      map[string]string
	visited    map[string]bool
	misses     int  // answers not understood since the node was entered
	confirming bool // the question put is whether the slot's value is right
	last       reply
}

func (p place) clone() place {
	p.slots, p.visited = maps.Clone(p.slots), maps.Clone(p.visited)
	return p
}

// A reply is what one Respond says and then waits for.
type reply struct {
	texts     []string
	protected bool
	expect    *pipeline.Expect
	hangUp    bool
}

func (r *reply) say(s string) {
	if s != "" {
		r.texts = append(r.texts, s)
	}
}

// deltas puts the expectation first, so that keypad and recogniser are ready for a caller who does not wait for the end.
func (r reply) deltas() []pipeline.Delta {
	var ds []pipeline.Delta
	if r.expect != nil || r.protected {
		var e pipeline.Expect
		if r.expect != nil {
			e = *r.expect
		}
		e.Protected = r.protected
		ds = append(ds, pipeline.Delta{Expect: &e})
	}
	said := sentences(strings.Join(r.texts, " "))
	for i, s := range said {
		if i+1 < len(said) {
			s += " "
		}
		ds = append(ds, pipeline.Delta{Text: s})
	}
	if r.hangUp {
		ds = append(ds, pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.HangUp}})
	}
	return ds
}

func newSession(f *Flow, given map[string]string) *session {
	s := &session{flow: f, here: place{slots: maps.Clone(f.context), visited: map[string]bool{}}}
	if s.here.slots == nil {
		s.here.slots = map[string]string{}
	}
	for name := range f.context {
		if v := given[name]; v != "" {
			s.here.slots[name] = v
		}
	}
	return s
}

// Respond implements [pipeline.Responder].
func (s *session) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return s.answer(ctx, talk, s.hear)
}

// Greet implements [pipeline.Greeter].
func (s *session) Greet(ctx context.Context, talk pipeline.Talk, text string) iter.Seq2[pipeline.Delta, error] {
	return s.answer(ctx, talk, func(pipeline.Talk) reply { return s.greet(text) })
}

// answer yields what reply makes of talk.
func (s *session) answer(ctx context.Context, talk pipeline.Talk, reply func(pipeline.Talk) reply) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if err := context.Cause(ctx); err != nil {
			yield(pipeline.Delta{}, err)
			return
		}
		if talk.Why == pipeline.ForToolResult {
			return
		}
		if s.withdrawn(talk.History) {
			s.here = s.before
		}
		s.before, s.turn = s.here.clone(), 0
		if talk.Why == pipeline.ForWords {
			s.turn = talk.Turn
		}
		for _, d := range reply(talk).deltas() {
			if err := context.Cause(ctx); err != nil {
				yield(pipeline.Delta{}, err)
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// withdrawn says whether the last answer was taken back because the caller had not finished: their words are gone from the history.
func (s *session) withdrawn(history []pipeline.Message) bool {
	return s.turn != 0 && len(history) > 0 && !slices.ContainsFunc(history, func(m pipeline.Message) bool { return m.Turn == s.turn })
}

// hear takes the caller's turn and answers it.
func (s *session) hear(talk pipeline.Talk) reply {
	switch {
	case s.here.node == nil, talk.Why == pipeline.ForGreeting:
		return s.enter(s.flow.start.to, reply{})
	}
	q := s.here.node.step.(*question)
	switch talk.Why {
	case pipeline.ForCommand: // a flow takes no instructions: it says again where it was
		return s.here.last
	case pipeline.ForSilence:
		return s.retort(q, q.retorts.noInput, s.flow.fallback.noInput, talk.Silence-1)
	case pipeline.ForKeys:
		return s.keys(q, talk.Keys)
	default:
		return s.words(q, hear(talk.Text), cutOff(talk.History))
	}
}

// greet goes to the first node that waits, saying text in place of all that the flow says on the way. Who asks for it again hears text;
// that node's own question has not been put yet.
func (s *session) greet(text string) reply {
	r := s.enter(s.flow.start.to, reply{})
	r.texts = []string{text}
	s.here.last = r
	clear(s.here.visited)
	return r
}

// cutOff says whether the agent's last words were interrupted.
func cutOff(history []pipeline.Message) bool {
	for i := len(history) - 1; i >= 0; i-- {
		if history[i].Role == pipeline.Assistant {
			return history[i].Cut
		}
	}
	return false
}

// enter walks from the named node to the next one that waits, saying what is said on the way.
func (s *session) enter(name string, r reply) reply {
	h := &s.here
	h.misses, h.confirming = 0, false
	for {
		n := s.flow.nodes[name]
		r.protected = r.protected || n.protected
		switch st := n.step.(type) {
		case *say:
			r.say(s.fill(st.text))
			name = st.next.to
		case *assign:
			for i, slot := range st.slots {
				h.slots[slot] = st.value[i].fill(func(slot string) string { return h.slots[slot] })
			}
			name = st.next.to
		case *branch:
			name = st.other.to
			for _, c := range st.conds {
				if c.holds(h.slots[c.slot]) {
					name = c.next.to
					break
				}
			}
		case *hangUp:
			r.say(s.fill(st.farewell))
			r.hangUp = true
			return r // a caller who says "wait!" is still where the last question was
		case *question:
			prompt := st.prompt
			if h.visited[name] && len(r.texts) > 0 && !st.again.empty() {
				prompt = st.again
			}
			r.say(s.fill(prompt))
			r.expect = st.expect(false, s.flow.commands)
			h.node, h.visited[name], h.last = n, true, r
			return r
		}
	}
}

// stay speaks and waits again at the same node.
func (s *session) stay(q *question, texts ...string) reply {
	r := reply{protected: s.here.node.protected, expect: q.expect(s.here.confirming, s.flow.commands)}
	for _, t := range texts {
		r.say(t)
	}
	return r
}

// words takes what the caller said.
func (s *session) words(q *question, h heard, cut bool) reply {
	if s.here.confirming {
		if r, ok := s.confirmed(q, h); ok {
			return r
		}
	}
	if fs := s.options(q, h); len(fs) > 1 {
		return s.askWhich(q, fs)
	} else if len(fs) == 1 {
		return s.take(q, fs[0].choice)
	}
	if q.slot != nil {
		if v, ok := q.slot.kind.spoken(h); ok {
			return s.gathered(q, v)
		}
	}
	if cut && !q.interrupted.empty() {
		return s.stay(q, s.fill(q.interrupted))
	}
	return s.missed(q)
}

// options finds the choices that h may mean: the question's own and the flow's, and among a slot's options those that fit better.
func (s *session) options(q *question, h heard) []found {
	fs := q.understand(h, s.flow.commands)
	if q.slot == nil {
		return fs
	}
	o, ok := q.slot.kind.(oneOf)
	if !ok {
		if _, filled := q.slot.kind.spoken(h); filled && len(fs) > 0 && fs[0].grade < whole {
			return nil // "four two seven, operator": the answer counts
		}
		return fs
	}
	mine := choose(h, o.options)
	if len(mine) > 0 && (len(fs) == 0 || mine[0].grade >= fs[0].grade) {
		return mine
	}
	return fs
}

// keys takes what the caller pressed.
func (s *session) keys(q *question, keys string) reply {
	if s.here.confirming {
		switch keys {
		case "1":
			return s.settle(q)
		case "2":
			return s.refuse(q)
		}
		return s.missed(q)
	}
	for _, c := range q.choices {
		if c.digit != 0 && keys == string(c.digit) {
			return s.take(q, c)
		}
	}
	if q.slot != nil {
		if v, ok := q.slot.kind.pressed(keys); ok {
			return s.gathered(q, v)
		}
	}
	return s.missed(q)
}

// take follows a choice: an option fills the slot, a repeat says the last thing again, all others lead on.
func (s *session) take(q *question, c *choice) reply {
	switch {
	case c.repeat:
		r := s.here.last
		s.here.misses = 0
		return r
	case c.value != "":
		return s.gathered(q, c.value)
	}
	return s.enter(c.next.to, reply{})
}

// gathered takes a value for the slot and, if it is allowed, asks for confirmation or goes on.
func (s *session) gathered(q *question, value string) reply {
	sl := q.slot
	if !sl.kind.valid(value) {
		if sl.invalid.empty() {
			return s.missed(q)
		}
		s.here.confirming = false
		return s.miss(q, s.fillWith(sl.invalid, map[string]string{"prompt": s.fill(q.prompt), sl.name: sl.kind.aloud(value)}))
	}
	s.here.slots[sl.name] = value
	if sl.confirm.empty() {
		return s.settle(q)
	}
	s.here.confirming = true
	r := s.stay(q, s.fill(sl.confirm))
	s.here.last = r
	return r
}

// confirmed takes the answer to "is that right?": yes, no, or another value in place of the first ("no, it's 4 2 8").
func (s *session) confirmed(q *question, h heard) (reply, bool) {
	yes, ok := h.yes()
	if ok && yes {
		return s.settle(q), true
	}
	if v, other := q.slot.kind.spoken(h); other && q.slot.kind.valid(v) && v != s.here.slots[q.slot.name] && !q.slot.kind.open() {
		return s.gathered(q, v), true
	}
	if ok {
		return s.refuse(q), true
	}
	return reply{}, false
}

// settle leaves the question with its slot filled.
func (s *session) settle(q *question) reply { return s.enter(q.slot.next.to, reply{}) }

// refuse forgets the value and asks again.
func (s *session) refuse(q *question) reply {
	delete(s.here.slots, q.slot.name)
	s.here.confirming = false
	again := q.slot.retry
	if again.empty() {
		again = q.prompt
	}
	return s.miss(q, s.fillWith(again, map[string]string{"prompt": s.fill(q.prompt)}))
}

// missed answers words or keys that fit nothing.
func (s *session) missed(q *question) reply {
	if s.gaveUp(q) {
		return s.enter(q.giveUp.to, reply{})
	}
	r := s.retort(q, q.retorts.noMatch, s.flow.fallback.noMatch, s.here.misses)
	s.here.misses++
	return r
}

// miss counts a miss that has words of its own.
func (s *session) miss(q *question, text string) reply {
	if s.gaveUp(q) {
		return s.enter(q.giveUp.to, reply{})
	}
	s.here.misses++
	return s.stay(q, text)
}

func (s *session) gaveUp(q *question) bool { return q.giveUp.to != "" && s.here.misses+1 >= q.tries }

// retort says the nth of the node's texts, or of the flow's where it has none; without any, what was asked is asked again.
func (s *session) retort(q *question, own, fallback []text, n int) reply {
	if len(own) == 0 {
		own = fallback
	}
	asked := s.asked(q)
	if len(own) == 0 {
		return s.stay(q, asked)
	}
	return s.stay(q, s.fillWith(own[max(0, min(n, len(own)-1))], map[string]string{"prompt": asked}))
}

// asked is the question that the caller has before them.
func (s *session) asked(q *question) string {
	if s.here.confirming {
		return s.fill(q.slot.confirm)
	}
	return s.fill(q.prompt)
}

// askWhich lets the caller decide between choices that fit equally well.
func (s *session) askWhich(q *question, fs []found) reply {
	t := q.retorts.ambiguous
	if t.empty() {
		t = s.flow.fallback.ambiguous
	}
	if t.empty() {
		return s.missed(q)
	}
	var names []string
	for _, f := range fs {
		names = append(names, f.name())
	}
	last := len(names) - 1
	options := strings.Join(names[:last], ", ") + ", or " + names[last]
	return s.miss(q, s.fillWith(t, map[string]string{"options": options, "prompt": s.asked(q)}))
}

// fill puts the slots' values into a text, as a voice should read them.
func (s *session) fill(t text) string { return s.fillWith(t, nil) }

func (s *session) fillWith(t text, extra map[string]string) string {
	return t.fill(func(slot string) string {
		if v, ok := extra[slot]; ok {
			return v
		}
		v := s.here.slots[slot]
		if k, ok := s.flow.slots[slot]; ok && v != "" {
			return k.aloud(v)
		}
		return v
	})
}
