package keypad

import (
	"cmp"
	"maps"
	"strings"

	"parley/pipeline"
)

// expect is what a gather waits for. With a terminator of its own an entry has no number of keys that ends it: one that is too long is
// noticed.
func (g *gather) expect() pipeline.Expect {
	e := pipeline.Expect{Terminator: g.terminator, KeyGap: g.gap, Patience: g.patience, Masked: g.masked, Sole: true}
	if g.terminator == 0 {
		e.Digits, e.Terminator = g.most, '#'
	}
	return e
}

// valid says whether an entry is an answer.
func (g *gather) valid(entry string) bool {
	return len(entry) >= g.least && len(entry) <= g.most && strings.Trim(entry, "0123456789") == ""
}

// name is the slot as people and models read it.
func (g *gather) name() string { return strings.ReplaceAll(g.slot, "_", " ") }

// take takes the answer to a gather.
func (s *session) take(talk pipeline.Talk, g *gather, entry string) reply {
	if !g.valid(entry) {
		how := "The caller pressed " + entry + ", which is no " + g.name()
		if g.masked {
			how = "The caller pressed keys that are secret and not shown, and are no " + g.name()
		}
		s.retell(talk.Turn, note(how, ""), g.masked)
		return s.missed(talk, g.invalid)
	}
	h := &s.here
	h.gather, h.slots = nil, with(h.slots, g.slot, pipeline.MaskedSlot)
	how := "The caller entered the " + g.name() + ", which is secret and not shown"
	if !g.masked {
		h.slots[g.slot], h.values = entry, with(h.values, g.slot, aloud(entry))
		how = "The caller entered " + entry + " as " + g.name()
	}
	s.retell(talk.Turn, note(how, ""), g.masked)
	return s.follow(talk, g.then, how, true)
}

// missed asks again, or gives up.
func (s *session) missed(talk pipeline.Talk, invalid string) reply {
	g := s.here.gather
	if s.here.misses++; s.here.misses < g.tries {
		r := reply{expect: s.expects(g.protected)}
		r.say(s.fill(invalid))
		r.say(s.fill(g.prompt))
		return r
	}
	s.here.gather = nil
	how := "The caller did not enter the " + g.name()
	s.retell(talk.Turn, note(how, ""), g.masked)
	return s.follow(talk, g.giveUp, how, false)
}

// follow does what follows on a gather; without an action the agent is told how it went.
func (s *session) follow(talk pipeline.Talk, a *action, how string, learned bool) reply {
	secret := s.retold[talk.Turn].secret
	r := s.do(talk, cmp.Or(a, &action{kind: asks}), how)
	r.learned = learned
	s.retell(talk.Turn, s.retold[talk.Turn].note, secret) // as it was, whatever is told of it now
	return r
}

// with is a copy of m with one more value.
func with(m map[string]string, name, value string) map[string]string {
	c := make(map[string]string, len(m)+1)
	maps.Copy(c, m)
	c[name] = value
	return c
}
