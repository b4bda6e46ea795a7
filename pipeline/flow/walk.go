package flow

import (
	"slices"

	"parley/pipeline"
)

// enter walks from the named node to the next one that waits, saying what is said on the way.
func (s *session) enter(name string, r reply) reply {
	h := &s.here
	h.misses, h.silences, h.confirming, h.turns, h.message, h.failed = 0, 0, false, 0, message{}, link{}
	for {
		f := h.top()
		n := f.script.nodes[name]
		r.protected = r.protected || n.protected
		switch st := n.step.(type) {
		case *say:
			r.say(s.fill(st.text))
			name = st.next.to
		case *assign:
			for i, slot := range st.slots {
				f.slots[slot] = st.value[i].fill(s.raw)
			}
			name = st.next.to
		case *branch:
			name = st.other.to
			v := values{slot: s.raw, now: s.now()}
			if i := slices.IndexFunc(st.arms, func(a arm) bool { return a.holds(v) }); i >= 0 {
				name = st.arms[i].next.to
			}
		case *door:
			now := s.clock()
			if name = st.closed.to; st.hours.open(now) {
				name = st.open.to
			}
			if st.change.to != "" {
				f.slots[st.change.to] = st.hours.changeAloud(now)
			}
		case *subcall:
			name = s.call(st)
		case *giveBack:
			name = s.giveBack(st.outcome.to)
		case *hangUp:
			r.say(s.fill(st.farewell))
			r.hangUp = true
			return r // who says "wait!" is still where the last question was
		case *transfer:
			to := st.to.fill(s.raw)
			if (pipeline.Command{Kind: pipeline.Transfer, To: to}).Check() != nil {
				name = st.failed.to
				continue
			}
			r.say(s.fill(st.say))
			r.transfer, h.failed = to, st.failed
			return r
		case *question:
			prompt := st.prompt
			if f.visited[name] && len(r.texts) > 0 && !st.again.empty() {
				prompt = st.again
			}
			r.say(s.fill(prompt))
			r.expect = st.expect(false, s.flow.commands)
			f.visited[name], h.last = true, r
			h.wait(n)
			return r
		case *voicemail:
			h.wait(n)
			return s.listen(st, r)
		case *handover:
			if s.model == nil {
				name = st.unavailable.to
				continue
			}
			h.wait(n)
			r.expect = st.expect()
			r.say(s.fill(st.prompt))
			r.asks = st.prompt.empty()
			h.last = r
			return r
		}
	}
}

// wait stays at a node.
func (p *place) wait(n *node) { p.node, p.at = n, slices.Clone(p.frames) }

// call begins another script; it returns the node to go on with.
func (s *session) call(c *subcall) string {
	callee := s.flow.flows[c.flow.to]
	slots := map[string]string{}
	for name, p := range callee.takes {
		slots[name] = p.absent
	}
	for _, a := range c.with {
		slots[a.to] = a.value.fill(s.raw)
	}
	s.here.frames = append(s.here.frames, frame{script: callee, call: c, slots: slots, visited: map[string]bool{}})
	return callee.start.to
}

// giveBack ends the script in progress; it returns the node to go on with.
func (s *session) giveBack(outcome string) string {
	done := *s.here.top()
	s.here.frames = s.here.frames[:len(s.here.frames)-1]
	for _, r := range done.call.into {
		s.here.top().slots[r.ours.to] = done.slots[r.theirs.to]
	}
	if l, ok := done.call.then[outcome]; ok {
		return l.to
	}
	return done.call.next.to
}

// take follows a choice: an option fills the slot, a repeat says the last thing again, a command leaves the flows that were called, and
// all others lead on.
func (s *session) take(q *question, c *choice) reply {
	switch {
	case c.repeat:
		r := s.here.last
		s.here.misses = 0
		return r
	case c.value != "":
		return s.gathered(q, c.value)
	}
	return s.follow(c)
}

// follow goes where a choice or a command leads.
func (s *session) follow(c *choice) reply {
	if slices.Contains(s.flow.commands, c) {
		s.here.frames = s.here.frames[:1]
	}
	return s.enter(c.next.to, reply{})
}

// fill puts the slots' values into a text, as a voice should read them.
func (s *session) fill(t text) string { return s.fillWith(t, nil) }

func (s *session) fillWith(t text, extra map[string]string) string {
	f := s.here.top()
	return t.fill(func(slot string) string {
		if v, ok := extra[slot]; ok {
			return v
		}
		now := s.now()
		switch slot {
		case "today":
			return date{format: s.flow.dateOrder()}.aloud(now.Format(isoDate))
		case "now":
			return clockAloud(now.Hour()*60 + now.Minute())
		}
		v := f.slots[slot]
		if k, ok := f.script.slots[slot]; ok && v != "" {
			return k.aloud(v)
		}
		return v
	})
}

// raw is a slot's value as conditions and arguments have it.
func (s *session) raw(slot string) string {
	now := s.now()
	switch slot {
	case "today":
		return now.Format(isoDate)
	case "now":
		return now.Format("15:04")
	}
	return s.here.top().slots[slot]
}

// stay speaks and waits again at the same node.
func (s *session) stay(q *question, texts ...string) reply {
	r := reply{protected: s.here.node.protected, expect: q.expect(s.here.confirming, s.flow.commands)}
	for _, t := range texts {
		r.say(t)
	}
	return r
}

var _ pipeline.Greeter = (*session)(nil)
