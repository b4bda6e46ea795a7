package flow

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/pipeline"
)

// session is one call's walk through a flow.
type session struct {
	flow   *Flow
	model  pipeline.Responder // nil: there is none
	clock  func() time.Time
	here   place
	before place        // where it was before the last words were answered
	turn   int          // of those words; 0: it was no words that were answered last
	told   bool         // slots have been told
	secret map[int]bool // turns in which a secret was said or pressed
}

// A place is all that a session remembers.
type place struct {
	frames     []frame // the main flow, and on it the flows that are being called
	node       *node   // where it waits; nil before the greeting
	at         []frame // the frames when it began to wait there: on the way to a hang-up or a transfer, others are entered and left
	failed     link    // where a transfer leads that cannot be made; empty: none is on its way
	misses     int     // answers not understood since the node was entered
	silences   int     // in a row
	confirming bool    // the question put is whether the slot's value is right
	message    message // of a voicemail
	turns      int     // answers of the model since the node was entered
	last       reply
}

// A frame is a script in progress.
type frame struct {
	script  *script
	call    *subcall // in the frame below; nil: this is the main flow
	slots   map[string]string
	visited map[string]bool
}

func (p place) clone() place {
	p.frames = slices.Clone(p.frames)
	for i := range p.frames {
		p.frames[i].slots, p.frames[i].visited = maps.Clone(p.frames[i].slots), maps.Clone(p.frames[i].visited)
	}
	p.at = slices.Clone(p.frames)
	return p
}

// top is the script in progress.
func (p *place) top() *frame { return &p.frames[len(p.frames)-1] }

// A reply is what one Respond says and then waits for.
type reply struct {
	texts     []string
	protected bool
	expect    *pipeline.Expect
	tone      bool   // after the texts
	asks      bool   // then the model is asked
	transfer  string // then the caller is connected to this; empty: not
	hangUp    bool
}

func (r *reply) say(s string) {
	if s != "" {
		r.texts = append(r.texts, s)
	}
}

// deltas puts the expectation first, so that keypad and recogniser are ready for a caller who does not wait for the end. Text that
// follows on other text is spaced from it. The slots come next, if they are to be told.
func (r reply) deltas(slots map[string]string, follows bool) []pipeline.Delta {
	var ds []pipeline.Delta
	if r.expect != nil || r.protected {
		var e pipeline.Expect
		if r.expect != nil {
			e = *r.expect
		}
		e.Protected = r.protected
		ds = append(ds, pipeline.Delta{Expect: &e})
	}
	if slots != nil {
		ds = append(ds, pipeline.Delta{Slots: slots})
	}
	said := sentences(strings.Join(r.texts, " "))
	for i, s := range said {
		if i+1 < len(said) || r.asks {
			s += " "
		}
		if i == 0 && follows {
			s = " " + s
		}
		ds = append(ds, pipeline.Delta{Text: s})
	}
	if r.tone {
		ds = append(ds, pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.Beep}})
	}
	if r.transfer != "" {
		ds = append(ds, pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.Transfer, To: r.transfer}})
	}
	if r.hangUp {
		ds = append(ds, pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.HangUp}})
	}
	return ds
}

func newSession(f *Flow, o Options) *session {
	s := &session{flow: f, model: o.Model, clock: o.Now, secret: map[int]bool{}}
	if s.clock == nil {
		s.clock = time.Now
	}
	slots := map[string]string{}
	maps.Copy(slots, f.context)
	for name := range f.context {
		if v := o.Context[name]; v != "" {
			slots[name] = v
		}
	}
	s.here.frames = []frame{{script: f.main, slots: slots, visited: map[string]bool{}}}
	s.here.at = slices.Clone(s.here.frames)
	return s
}

// now is the caller's time in the flow's zone.
func (s *session) now() time.Time { return s.clock().In(s.flow.zone) }

// Respond implements [pipeline.Responder].
func (s *session) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return s.answer(ctx, talk, s.hear)
}

// Greet implements [pipeline.Greeter].
func (s *session) Greet(ctx context.Context, talk pipeline.Talk, text string) iter.Seq2[pipeline.Delta, error] {
	return s.answer(ctx, talk, func(pipeline.Talk) reply { return s.greet(text) })
}

// Goto answers talk by going to a node of the main flow, whatever is being asked; ok is false if there is no such node. It is for keys
// that lead somewhere from everywhere.
func (s *session) Goto(ctx context.Context, talk pipeline.Talk, node string) (answer iter.Seq2[pipeline.Delta, error], ok bool) {
	if !s.flow.Has(node) {
		return nil, false
	}
	return s.answer(ctx, talk, func(pipeline.Talk) reply {
		s.here.frames = s.here.frames[:1]
		return s.enter(node, reply{})
	}), true
}

// answer yields what reply makes of talk.
func (s *session) answer(ctx context.Context, talk pipeline.Talk, answer func(pipeline.Talk) reply) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if err := context.Cause(ctx); err != nil {
			yield(pipeline.Delta{}, err)
			return
		}
		var r reply
		if talk.Why == pipeline.ForToolResult {
			if _, ok := s.handover(); !ok {
				return
			}
			r.asks = true
		} else {
			s.settle(talk)
			r = answer(talk)
		}
		s.play(ctx, talk, r, yield)
	}
}

// settle goes back if the last answer was withdrawn, or if the caller has not let it end the call, and remembers where it stands.
func (s *session) settle(talk pipeline.Talk) {
	if s.turn != 0 && talk.Lacks(s.turn) {
		s.here = s.before
	}
	if talk.Why != pipeline.ForCommand || s.here.failed.to == "" {
		s.here.frames, s.here.failed = slices.Clone(s.here.at), link{}
	}
	s.before, s.turn = s.here.clone(), 0
	if talk.Why == pipeline.ForWords {
		s.turn = talk.Turn
	}
	if n := s.here.node; n != nil {
		if q, ok := n.step.(*question); ok && q.masked() {
			s.secret[talk.Turn] = true
		}
	}
}

// play yields a reply, and what the model makes of it where it asks the model.
func (s *session) play(ctx context.Context, talk pipeline.Talk, r reply, yield func(pipeline.Delta, error) bool) {
	spoke := false
	give := func(d pipeline.Delta, err error) bool {
		if cancelled := context.Cause(ctx); cancelled != nil && err == nil {
			yield(pipeline.Delta{}, cancelled)
			return false
		}
		spoke = spoke || d.Text != ""
		return yield(d, err)
	}
	for range maxHandovers {
		slots := s.collected()
		if s.told = s.told || len(slots) > 0; !s.told {
			slots = nil
		}
		for _, d := range r.deltas(slots, spoke) {
			if !give(d, nil) {
				return
			}
		}
		if !r.asks {
			return
		}
		var over bool
		if r, over = s.converse(ctx, talk, give); over {
			return
		}
	}
	give(pipeline.Delta{}, errHandovers)
}

// hear takes the caller's turn and answers it.
func (s *session) hear(talk pipeline.Talk) reply {
	if next := s.here.failed; next.to != "" {
		return s.enter(next.to, reply{})
	}
	if s.here.node == nil || talk.Why == pipeline.ForGreeting {
		return s.enter(s.flow.main.start.to, reply{})
	}
	if talk.Why != pipeline.ForSilence {
		s.here.silences = 0
	}
	switch st := s.here.node.step.(type) {
	case *voicemail:
		return s.record(st, talk)
	case *handover:
		return s.delegate(st, talk)
	}
	q := s.here.node.step.(*question)
	switch talk.Why {
	case pipeline.ForCommand: // a flow takes no instructions: it says again where it was
		return s.here.last
	case pipeline.ForSilence:
		s.here.silences++
		if q.silences > 0 && s.here.silences >= q.silences {
			return s.giveUp(q)
		}
		return s.retort(q, q.retorts.noInput, s.flow.fallback.noInput, talk.Silence-1)
	case pipeline.ForKeys:
		return s.keys(q, talk.Keys)
	default:
		return s.words(q, s.heard(talk.Text), cutOff(talk.History))
	}
}

// heard is what was said, and when.
func (s *session) heard(text string) heard {
	h := hear(text)
	h.now = s.now()
	return h
}

// greet goes to the first node that waits, saying text in place of all that the flow says on the way. Who asks for it again hears text;
// that node's own question has not been put yet.
func (s *session) greet(text string) reply {
	r := s.enter(s.flow.main.start.to, reply{})
	r.texts, r.asks = []string{text}, false
	s.here.last = r
	for _, f := range s.here.frames {
		clear(f.visited)
	}
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

// collected are the slots of the main flow that are told: those that are filled and confirmed.
func (s *session) collected() map[string]string {
	main := &s.here.frames[0]
	out := map[string]string{}
	for _, name := range s.flow.collects() {
		v := main.slots[name]
		if n := s.here.node; n != nil && len(s.here.frames) == 1 && s.here.confirming {
			if q, ok := n.step.(*question); ok && q.slot.name == name {
				continue
			}
		}
		switch {
		case v == "":
		case main.script.masked[name]:
			out[name] = pipeline.MaskedSlot
		default:
			out[name] = v
		}
	}
	return out
}

// collects are the names of the slots that are told.
func (f *Flow) collects() []string {
	var names []string
	for _, l := range f.collect {
		names = append(names, l.to)
	}
	if f.collect != nil {
		return names
	}
	f.main.each(func(n *node) {
		switch n.step.(type) {
		case *question, *voicemail, *handover, *subcall:
			for _, l := range n.fills() {
				names = append(names, l.to)
			}
		}
	})
	return names
}
