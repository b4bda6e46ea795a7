package flow

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/pipeline"
)

// message is what a caller leaves.
//
//	prompt, tone ──▶ words ──silence, key, limit──▶ were there any? ──▶ "Is that right?" ──1, yes──▶ on
//	     ▲                                             │ no                 │ 2, no
//	     └─────────────────────────────────────────────┴────────────────────┘
type message struct {
	words    []string
	turns    []int         // in which they were said
	from, to time.Duration // where in the call, as far as the history tells
	tries    int
}

func (v *voicemail) expect(confirming bool) *pipeline.Expect {
	if confirming {
		return &pipeline.Expect{Words: confirmWords(), Digits: 1, Sole: true}
	}
	return &pipeline.Expect{Digits: 1, Patience: v.silence, Sole: true}
}

// listen asks for a message and waits for it. What was left before is forgotten.
func (s *session) listen(v *voicemail, r reply) reply {
	h := &s.here
	h.message, h.confirming = message{tries: h.message.tries + 1}, false
	for _, slot := range []string{v.slot, v.slot + placeSuffix, v.slot + lengthSuffix} {
		delete(h.top().slots, slot)
	}
	r.say(s.fill(v.prompt))
	r.tone, r.expect = v.tone, v.expect(false)
	h.last = r
	return r
}

// record takes the next of a message, or of its review. While the caller leaves it nothing is said.
func (s *session) record(v *voicemail, talk pipeline.Talk) reply {
	if s.here.confirming {
		return s.review(v, talk)
	}
	s.here.message.place(talk.History)
	switch talk.Why {
	case pipeline.ForSilence:
		return s.recorded(v)
	case pipeline.ForKeys:
		if strings.ContainsRune(talk.Keys, v.key) {
			return s.recorded(v)
		}
	case pipeline.ForWords:
		s.here.message.add(talk)
		if m := s.here.message; m.to-m.from >= v.max {
			return s.recorded(v)
		}
		s.keep(v)
	}
	return reply{expect: v.expect(false)}
}

// add takes words.
func (m *message) add(talk pipeline.Talk) {
	text := strings.TrimSpace(talk.Text)
	if text == "" {
		return
	}
	m.words, m.turns = append(slices.Clip(m.words), text), append(slices.Clip(m.turns), talk.Turn)
	m.place(talk.History)
}

// place finds in the history when the message was said. It is asked anew each time: of the words that are being answered, the end may
// have been a guess.
func (m *message) place(history []pipeline.Message) {
	m.from, m.to = 0, 0
	for _, said := range history {
		if said.Role != pipeline.Caller || !slices.Contains(m.turns, said.Turn) {
			continue
		}
		if m.to == 0 {
			m.from = said.At
		}
		m.to = max(m.to, said.At+said.Length)
	}
}

// keep fills the slots with what there is of the message: also who hangs up in the middle has left it.
func (s *session) keep(v *voicemail) {
	m, slots := s.here.message, s.here.top().slots
	if len(m.words) == 0 {
		return
	}
	slots[v.slot] = strings.Join(m.words, " ")
	if m.to > 0 {
		slots[v.slot+placeSuffix] = seconds(m.from)
		slots[v.slot+lengthSuffix] = seconds(m.to - m.from)
	}
}

func seconds(d time.Duration) string { return strconv.FormatFloat(max(0, d.Seconds()), 'f', 1, 64) }

// recorded: the caller has finished.
func (s *session) recorded(v *voicemail) reply {
	s.keep(v)
	switch {
	case len(s.here.message.words) > 0 && v.confirm.empty():
		return s.enter(v.next.to, reply{})
	case len(s.here.message.words) > 0:
		s.here.confirming = true
		return s.ask(v)
	}
	return s.again(v, s.fill(v.empty))
}

// ask puts the question whether the message is right.
func (s *session) ask(v *voicemail) reply {
	r := reply{protected: s.here.node.protected, expect: v.expect(true)}
	r.say(s.fill(v.confirm))
	s.here.last = r
	return r
}

// again records once more, or gives up.
func (s *session) again(v *voicemail, first string) reply {
	if s.here.message.tries >= v.tries {
		next := v.giveUp.to
		if next == "" {
			next = v.next.to
		}
		s.listen(v, reply{}) // which forgets the message
		return s.enter(next, reply{})
	}
	r := reply{protected: s.here.node.protected}
	r.say(first)
	return s.listen(v, r)
}

// review takes the answer to "is that right?". A message is not lost because nobody answers.
func (s *session) review(v *voicemail, talk pipeline.Talk) reply {
	switch talk.Why {
	case pipeline.ForKeys:
		switch talk.Keys {
		case "1":
			return s.enter(v.next.to, reply{})
		case "2":
			return s.again(v, "")
		}
	case pipeline.ForWords:
		if yes, ok := s.heard(talk.Text).yes(); ok && yes {
			return s.enter(v.next.to, reply{})
		} else if ok {
			return s.again(v, "")
		}
	case pipeline.ForCommand:
		return s.here.last
	}
	if s.here.misses++; s.here.misses > 2 {
		return s.enter(v.next.to, reply{})
	}
	return s.ask(v)
}
