package providertest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// mostContexts is how many contexts a socket has at once.
const mostContexts = 5

// An elevenLabsSocket is one connection and what it was opened with. One goroutine reads, and each context speaks on one of its own.
type elevenLabsSocket struct {
	*websocket.Conn
	e           *ElevenLabs
	trouble     Trouble
	rate, width int
	auto, timed bool
	patience    time.Duration

	work    sync.WaitGroup
	writing sync.Mutex

	mu       sync.Mutex
	contexts map[string]*elevenLabsContext
}

// An elevenLabsContext is an utterance.
type elevenLabsContext struct {
	id     string
	texts  chan elevenLabsText // of the reader, which closes it
	closed bool                // the reader's
	sounds bool                // something was sent; its goroutine's, as the next
	text   []byte              // the message that is being made
	timer  *time.Timer
}

type elevenLabsText struct {
	text  string
	flush bool
	at    time.Time // when it came
}

func (s *elevenLabsSocket) find(id string) *elevenLabsContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.contexts[id]
}

// begin opens a context; nil if there are too many.
func (s *elevenLabsSocket) begin(ctx context.Context, id string) *elevenLabsContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.contexts) >= mostContexts {
		return nil
	}
	s.e.counts.Contexts.Add(1)
	c := &elevenLabsContext{id: id, texts: make(chan elevenLabsText, 256), timer: time.NewTimer(time.Hour)}
	s.contexts[id] = c
	s.work.Go(func() {
		defer c.timer.Stop()
		if s.speak(ctx, c) != nil {
			_ = s.Close() // the reader is done too
		}
	})
	return c
}

// rest waits until due, unless ctx ends first.
func (c *elevenLabsContext) rest(ctx context.Context, due time.Time) {
	d := time.Until(due)
	if d <= 0 {
		return
	}
	c.timer.Reset(d)
	select {
	case <-ctx.Done():
	case <-c.timer.C:
	}
}

// dismiss ends the contexts that the client has left open.
func (s *elevenLabsSocket) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.contexts {
		if !c.closed {
			c.closed = true
			close(c.texts)
		}
	}
	_ = s.Close()
}

// speak speaks what a context is told, to its end.
func (s *elevenLabsSocket) speak(ctx context.Context, c *elevenLabsContext) error {
	var held strings.Builder
	for said := range c.texts {
		held.WriteString(said.text)
		if said.flush {
			if err := s.sound(ctx, c, held.String(), said.at); err != nil {
				return err
			}
			held.Reset()
		}
	}
	if err := s.sound(ctx, c, held.String(), time.Now()); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.contexts, c.id)
	s.mu.Unlock()
	if s.trouble.Fault == NeverAnswers {
		return nil
	}
	return s.say([]byte(`{"isFinal":true,"contextId":"` + c.id + `"}`))
}

// sound sends the sound of text that was asked for at some time, paced, until ctx ends.
func (s *elevenLabsSocket) sound(ctx context.Context, c *elevenLabsContext, text string, asked time.Time) error {
	if strings.TrimSpace(text) == "" || s.trouble.Fault == NeverAnswers {
		return nil
	}
	first, pace, key := s.e.FirstAudio, s.e.Pace, recitalKey{text: text, rate: s.rate, width: s.width, timed: s.timed}
	if s.e.Hooks.FirstAudio != nil {
		first = s.e.Hooks.FirstAudio()
	}
	c.rest(ctx, asked.Add(first)) // it is made while what was asked for before is sent
	switch s.trouble.Fault {
	case WrongRate:
		key.rate *= 2
	case Drip:
		pace = 0.25
	}
	pieces, start := s.e.recite(key), time.Now()
	for i := range pieces {
		if pace > 0 {
			due := start.Add(time.Duration(float64(i) * float64(s.e.piece()) / pace))
			c.rest(ctx, due)
			if s.e.Hooks.Paced != nil && ctx.Err() == nil {
				s.e.Hooks.Paced(time.Since(due))
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.utter(c, &pieces[i]); err != nil {
			return err
		}
	}
	return nil
}

// utter sends a piece of sound.
func (s *elevenLabsSocket) utter(c *elevenLabsContext, p *recited) error {
	s.e.counts.Voiced.Add(1)
	wire, changed := p.wire, false
	switch hook := s.e.Hooks.Begins; {
	case s.trouble.Fault == CutOff:
		wire, changed = wire[:len(wire)/2/s.width*s.width], true
	case s.trouble.Fault == WrongCodec:
		wire, changed = append([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), wire...), true
	case !c.sounds && hook != nil && s.width == 1:
		wire, changed = slices.Clone(wire), true
		hook(wire)
	}
	c.sounds = true
	c.text = append(c.text[:0], p.head...)
	if changed {
		c.text = headOf(c.text[:0], wire)
	}
	c.text = append(append(c.text, c.id...), p.tail...)
	if err := s.say(c.text); err != nil {
		return err
	}
	if s.trouble.Fault == CutOff {
		return s.Close()
	}
	return nil
}
