package pipeline

import (
	"slices"
	"sync/atomic"
	"time"
)

// tellEvery is how often those who follow a call are told how far the agent has been heard.
const tellEvery = 200 * time.Millisecond

// follow is who wants to know how far the agent has been heard. Nobody does, as a rule: it costs an alignment of text and sound.
type follow struct {
	count   atomic.Int32
	changed chan struct{} // 1: the actor has to look at count

	turn int  // the last one that was told; these two are the actor's
	told Turn // what was told of it
}

// Follow has the call tell of the turn in progress (Spoken) when it begins and, as often as it has been heard a little further, every
// 200 ms. It goes on until each who has asked for it has called the function returned, once or more often. Any goroutine may call both;
// neither waits.
func (c *Call) Follow() (leave func()) {
	c.open()
	c.follow.count.Add(1)
	c.follow.wake()
	var left atomic.Bool
	return func() {
		if !left.Swap(true) {
			c.follow.count.Add(-1)
			c.follow.wake()
		}
	}
}

func (f *follow) wake() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// refollow begins or ends the telling.
func (c *Call) refollow(telling *time.Ticker) {
	if c.follow.count.Load() == 0 {
		telling.Stop()
		return
	}
	telling.Reset(tellEvery)
	c.follow.turn = 0 // whoever is new has not been told
	c.tellTurn()
}

// tellNewTurn tells of a turn that has just begun: what the caller has said is its beginning now.
func (c *Call) tellNewTurn() {
	if t := c.dialog.turn; t != nil && t.n != c.follow.turn && c.follow.count.Load() > 0 {
		c.tellTurn()
	}
}

// tellTurn tells of the turn in progress, if there is news of it.
func (c *Call) tellTurn() {
	t := c.dialog.turn
	if t == nil || c.ended != nil {
		return
	}
	r := c.soFar(t)
	if f := &c.follow; f.turn == t.n && f.told.Heard == r.Heard && sameTexts(f.told.Messages, r.Messages) {
		return
	}
	c.follow.turn, c.follow.told = t.n, *r
	c.publish(Event{Kind: Spoken, At: time.Since(c.answered), Turn: r})
}

func sameTexts(a, b []Message) bool {
	return slices.EqualFunc(a, b, func(a, b Message) bool { return a.Role == b.Role && a.Text == b.Text })
}

// soFar is the record of a turn in progress, as if it ended now: of what the agent says, what has been heard of it. The history itself
// has, until then, what is meant to be heard.
func (c *Call) soFar(t *turn) *Turn {
	d := c.dialog
	r := &Turn{N: t.n, Why: t.why, Said: t.shown(), First: t.mark, Messages: slices.Clone(d.history[t.mark:])}
	var heard, text []string
	for n, s := range t.steps {
		a := s.account
		if i := c.sounding(t.n, n); i != nil && !s.voiced {
			a = i.account()
		}
		heard, text = append(heard, a.heard), append(text, a.text)
		switch {
		case s.voiced:
		case s.message >= 0:
			m := &r.Messages[s.message-t.mark]
			m.Text = a.heard // of keys nothing, until they have been pressed
			if a.began != 0 {
				m.At, m.Length = a.began, a.length
			}
		case a.heard != "":
			r.Messages = append(r.Messages, Message{Role: Assistant, Text: a.heard, Turn: t.n, At: a.began, Length: a.length})
		}
	}
	r.Heard, r.Text = joined(heard), joined(text)
	r.Messages = slices.DeleteFunc(r.Messages, Message.unheard)
	return r
}

// sounding is the reply that is a step of a turn; nil: there is none any more.
func (c *Call) sounding(turn, step int) *reply {
	l := c.live[turn]
	if l == nil {
		return nil
	}
	for _, r := range l.replies {
		if r.step == step && !r.keys {
			return r
		}
	}
	return nil
}
