package relay

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"parley/pipeline"
)

// A reply is what Respond has made of the queue so far.
type reply struct {
	spoken    bool // there was text
	preempt   bool
	announced bool // what it waits for was said
	how       Interruptible
	turn      int
}

// Respond implements [pipeline.Responder].
func (s *Session) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		wait, err := s.enter(talk)
		r := &reply{turn: talk.Turn}
		defer s.leave(r)
		if err != nil {
			yield(pipeline.Delta{}, err)
			return
		}
		for {
			m, ok, err := s.next(ctx, wait, r)
			if err != nil {
				yield(pipeline.Delta{}, err)
				return
			}
			if !ok {
				break
			}
			more, alive := s.say(ctx, m, r, yield)
			if !alive {
				return
			}
			if !more {
				break
			}
			if r.spoken {
				wait = lull
			}
		}
		if ctx.Err() == nil {
			r.announce(s.o.Interruptible, yield)
		}
	}
}

// Greet implements [pipeline.Greeter]: the app does not say the greeting, but who may interrupt it is set as for its own words.
func (s *Session) Greet(_ context.Context, _ pipeline.Talk, text string) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		r := &reply{}
		if r.announce(s.o.Welcome, yield) {
			yield(pipeline.Delta{Text: text}, nil)
		}
	}
}

// announce says once what interrupts the reply, and that each key counts by itself. A response that says so may stay without words.
func (r *reply) announce(how Interruptible, yield func(pipeline.Delta, error) bool) bool {
	if r.announced {
		return true
	}
	r.announced, r.how = true, how
	return yield(pipeline.Delta{Expect: &pipeline.Expect{Digits: 1, Protected: !how.speech(), KeysWait: !how.keys()}}, nil)
}

// forever is longer than anybody waits: the call's own limits end it.
const forever = time.Hour

// enter tells the app what it is to answer, and says how long that may take.
func (s *Session) enter(talk pipeline.Talk) (wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.begun
	s.responding, s.asked, s.begun, s.yields = true, false, true, false
	switch {
	case s.over:
		return 0, nil
	case s.err != nil && talk.Why != pipeline.ForSilence:
		return 0, fmt.Errorf("the app cannot be reached: %w", s.err)
	}
	switch talk.Why {
	case pipeline.ForWords:
		s.prompt(talk)
		return forever, nil
	case pipeline.ForGreeting, pipeline.ForKeys:
		return patience, nil
	}
	if first { // it has taken over from another agent
		return patience, nil
	}
	return 0, nil
}

// prompt tells the app what the caller has said. What it was told in a turn that was taken back is not told again. mu is held.
func (s *Session) prompt(talk pipeline.Talk) {
	text := talk.Text
	if s.saidTurn != 0 && talk.Lacks(s.saidTurn) {
		if rest, ok := strings.CutPrefix(text, s.said); ok && strings.TrimSpace(rest) != "" {
			text = strings.TrimSpace(rest)
		}
	}
	s.said, s.saidTurn = talk.Text, talk.Turn
	s.open, s.drops = false, false
	p := prompt{"prompt", text, s.listening(), true}
	s.owed = marshal(p)
	s.send(p)
}

// next is the next message of the reply; false: there is none. It waits so long for it.
func (s *Session) next(ctx context.Context, wait time.Duration, r *reply) (m message, ok bool, err error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		s.mu.Lock()
		if len(s.queue) > 0 {
			m, ok = s.queue[0], s.joins(s.queue[0], r)
			if ok {
				s.queue, s.size = s.queue[1:], s.size-len(m.token)
			}
			s.mu.Unlock()
			return m, ok, nil
		}
		over, failed := s.over, s.err
		s.mu.Unlock()
		switch {
		case over || wait == 0:
			return m, false, nil
		case failed != nil:
			return m, false, fmt.Errorf("the app cannot be reached: %w", failed)
		}
		select {
		case <-s.fresh:
		case <-timer.C:
			return m, false, nil
		case <-ctx.Done():
			return m, false, context.Cause(ctx)
		}
	}
}

// joins says whether a message belongs to a reply: speech in one language that the same things interrupt, or one sound. mu is held.
func (s *Session) joins(m message, r *reply) bool {
	if !r.spoken {
		return true
	}
	switch m.kind {
	case "text":
		return (m.lang == "" || s.tongue(m.lang) == s.speaking) && s.how(m) == r.how && !r.preempt
	case "sendDigits", "end":
		return true
	}
	return false
}

func (s *Session) how(m message) Interruptible {
	if m.interruptible != nil {
		return *m.interruptible
	}
	return s.o.Interruptible
}

func (s *Session) preempts(m message) bool {
	if m.preemptible != nil {
		return *m.preemptible
	}
	return s.o.Preemptible
}

// say does what a message says. more: the reply may go on after it; alive: somebody still wants it.
func (s *Session) say(ctx context.Context, m message, r *reply, yield func(pipeline.Delta, error) bool) (more, alive bool) {
	switch m.kind {
	case "text":
		if m.lang != "" {
			s.speak(m.lang)
		}
		s.settleDebt()
		if alive = r.announce(s.how(m), yield); !alive || m.token == "" {
			return !m.last || s.waiting(), alive
		}
		r.spoken, r.preempt = true, s.preempts(m)
		return !m.last || s.waiting(), yield(pipeline.Delta{Text: m.token}, nil)
	case "play":
		r.preempt = s.preempts(m)
		s.settleDebt()
		if !r.announce(s.how(m), yield) {
			return false, false
		}
		played, alive := s.play(ctx, m, yield)
		return !played, alive
	case "sendDigits":
		s.settleDebt()
		return s.unfinished(), r.announce(s.o.Interruptible, yield) && yield(pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.Press, Keys: m.digits}}, nil)
	case "language":
		if m.speaking != "" {
			s.speak(m.speaking)
		}
		return true, true
	}
	s.mu.Lock() // the end
	defer s.mu.Unlock()
	s.owed = nil
	if !s.closed {
		s.work.Go(func() { s.finish(m.handoff) })
	}
	return false, true
}

// settleDebt: the app has answered.
func (s *Session) settleDebt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed = nil
}

// unfinished says whether the app's last token is still to come, or more has come already.
func (s *Session) unfinished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open || len(s.queue) > 0
}

// waiting says whether more has come already.
func (s *Session) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
}

// speak changes the language.
func (s *Session) speak(lang string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tongue(lang); t.Lang != "" {
		s.speaking = t
	}
}

// leave ends a reply. What is left of the queue is another's.
func (s *Session) leave(r *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.responding, s.yields = false, r.preempt
	if len(s.queue) > 0 {
		s.ask()
	}
}

// Speaks is a voice that speaks in the language of the moment. It is asked for each reply when the first words are there.
func (s *Session) Speaks(voice pipeline.Synthesizer) pipeline.Synthesizer {
	if len(s.o.Tongues) == 0 {
		return voice
	}
	return tongued{voice, s}
}

type tongued struct {
	voice   pipeline.Synthesizer
	session *Session
}

// Speak implements [pipeline.Synthesizer].
func (t tongued) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		next, stop := iter.Pull2(text)
		defer stop()
		first, bad, ok := next()
		if !ok {
			return
		}
		t.session.mu.Lock()
		now := t.session.speaking
		t.session.mu.Unlock()
		if now.Lang != "" {
			v.Lang = now.Lang
		}
		if now.Voice != "" {
			v.Name = now.Voice
		}
		whole := func(yield func(string, error) bool) {
			for ; ok && yield(first, bad); first, bad, ok = next() {
			}
		}
		for speech, err := range t.voice.Speak(ctx, whole, v) {
			if !yield(speech, err) {
				return
			}
		}
	}
}
