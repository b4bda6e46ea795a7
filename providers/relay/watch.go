package relay

import (
	"encoding/json"

	"parley/pipeline"
)

// Watch implements [pipeline.Watcher]: the app is told of keys, and of what was heard when it was cut.
func (s *Session) Watch(e pipeline.Event) {
	s.begin()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case pipeline.KeyPressed:
		if s.o.Keys && e.Text != pipeline.MaskedSlot {
			s.open, s.drops = false, false
			s.send(dtmf{"dtmf", e.Text})
		}
	case pipeline.Transcribed:
		if s.o.Partial && !e.Final {
			s.send(prompt{"prompt", e.Text, s.listening(), false})
		}
	case pipeline.TurnEnded:
		s.turned(e.Turn)
	case pipeline.CommandFailed:
		if s.over && e.Text == string(pipeline.Change) && !s.closed { // there is nobody to hand over to
			s.work.Go(func() { s.do(pipeline.Command{Kind: pipeline.HangUp}) })
		}
	}
}

// turned: a turn is over. mu is held.
func (s *Session) turned(t *pipeline.Turn) {
	preempted := s.preempting
	s.yields, s.preempting = false, false
	if !t.Cut || preempted {
		return
	}
	s.queue, s.size = nil, 0
	s.drops, s.owed = s.open, nil
	if t.Text != "" || t.Sounded > 0 {
		s.send(interrupt{"interrupt", t.Heard, t.Sounded.Milliseconds()})
	}
}

// marshal is what an app is told.
func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("a message is no JSON: " + err.Error()) // it is texts and numbers
	}
	return text
}
