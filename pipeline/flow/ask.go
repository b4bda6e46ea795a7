package flow

import (
	"slices"
	"strings"
)

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
		if _, filled := q.slot.kind.spoken(h); filled && len(fs) > 0 && !q.prefers(fs[0]) {
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

// prefers says whether a choice or a command counts more than the answer that the same words give. Where yes or no is asked, "no, change
// the day" is the choice, and "no, thank you" is no, whatever that does elsewhere.
func (q *question) prefers(f found) bool {
	if _, yesOrNo := q.slot.kind.(yesNo); yesOrNo {
		return f.grade >= exact && slices.Contains(q.choices, f.choice)
	}
	return f.grade == whole
}

// keys takes what the caller pressed.
func (s *session) keys(q *question, keys string) reply {
	if s.here.confirming {
		switch keys {
		case "1":
			return s.accept(q)
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
		if v, ok := q.slot.kind.pressed(keys, s.now()); ok {
			return s.gathered(q, v)
		}
	}
	return s.missed(q)
}

// gathered takes a value for the slot and, if it is allowed, asks for confirmation or goes on.
func (s *session) gathered(q *question, value string) reply {
	sl := q.slot
	if !sl.kind.valid(value, s.now()) {
		if sl.invalid.empty() {
			return s.missed(q)
		}
		s.here.confirming = false
		return s.miss(q, s.fillWith(sl.invalid, map[string]string{"prompt": s.fill(q.prompt), sl.name: s.aloud(sl, value)}))
	}
	s.here.top().slots[sl.name] = value
	if sl.confirm.empty() {
		return s.accept(q)
	}
	s.here.confirming = true
	r := s.stay(q, s.fill(sl.confirm))
	s.here.last = r
	return r
}

// aloud is a value as a voice should read it; nothing of a secret.
func (s *session) aloud(sl *slot, value string) string {
	if sl.masked {
		return ""
	}
	return sl.kind.aloud(value)
}

// confirmed takes the answer to "is that right?": yes, no, or another value in place of the first ("no, it's 4 2 8").
func (s *session) confirmed(q *question, h heard) (reply, bool) {
	yes, ok := h.yes()
	if ok && yes {
		return s.accept(q), true
	}
	if v, other := q.slot.kind.spoken(h); other && q.slot.kind.valid(v, s.now()) && v != s.here.top().slots[q.slot.name] && !q.slot.kind.open() {
		return s.gathered(q, v), true
	}
	if ok {
		return s.refuse(q), true
	}
	return reply{}, false
}

// accept leaves the question with its slot filled.
func (s *session) accept(q *question) reply { return s.enter(q.slot.next.to, reply{}) }

// refuse forgets the value and asks again.
func (s *session) refuse(q *question) reply {
	delete(s.here.top().slots, q.slot.name)
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
		return s.giveUp(q)
	}
	r := s.retort(q, q.retorts.noMatch, s.flow.fallback.noMatch, s.here.misses)
	s.here.misses++
	return r
}

// miss counts a miss that has words of its own.
func (s *session) miss(q *question, text string) reply {
	if s.gaveUp(q) {
		return s.giveUp(q)
	}
	s.here.misses++
	return s.stay(q, text)
}

func (s *session) gaveUp(q *question) bool { return q.giveUp.to != "" && s.here.misses+1 >= q.tries }

// giveUp goes on without an answer: a value that was not confirmed does not count.
func (s *session) giveUp(q *question) reply {
	if s.here.confirming {
		delete(s.here.top().slots, q.slot.name)
	}
	return s.enter(q.giveUp.to, reply{})
}

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
