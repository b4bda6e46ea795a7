package live

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"parley/control/bus"
	"parley/store"
)

const (
	askEvery  = 3 * time.Second  // at which a mirror asks for the state of its call
	askFor    = 2 * time.Second  // it waits for the answer
	pollEvery = time.Second      // at which it reads the store while nobody answers
	shareFor  = 10 * time.Second // that a node tells of a call after it was last asked
	pageSize  = 40 << 10         // bytes of final entries in a message, about
)

// questions is where a node is asked about its calls.
func questions(boot string) bus.Subject { return bus.Subject("node." + boot + ".live") }

// A question asks for a call's state, without the first so many final entries.
type question struct {
	Call string `json:"call"`
	From int    `json:"from"`
}

// news is a call's state as other nodes are told it: the final entries from a place on, as many as fit, and all else whole.
type news struct {
	Unknown  bool            `json:"unknown,omitempty"` // the call does not live here
	Version  uint64          `json:"version"`
	Call     store.Call      `json:"call"`
	Statuses []store.Status  `json:"statuses"`
	Stance   Stance          `json:"stance"`
	From     int             `json:"from"`
	Finals   []store.Message `json:"finals,omitempty"`
	More     bool            `json:"more,omitempty"` // there are more of them
	Interim  []store.Message `json:"interim,omitempty"`
	Over     bool            `json:"over,omitempty"`
}

// A mirror keeps the transcript of a call that lives elsewhere as it is there.
type mirror struct {
	d       *Desk
	t       *transcript
	boot    string // where it lives, as far as is known
	version uint64 // that it has there
}

// mirror follows a call elsewhere while somebody here reads it, until it is over.
func (d *Desk) mirror(ctx context.Context, t *transcript) {
	d.mirrors.Add(1)
	defer d.mirrors.Add(-1)
	m := &mirror{d: d, t: t, boot: t.call.Boot}
	var listen *bus.Subscription
	if d.o.Bus != nil {
		var err error
		if listen, err = d.o.Bus.Subscribe(bus.CallEvents(t.id)); err != nil {
			d.o.Log.Warn("live call not listened to", "call", t.id, "error", err)
		} else {
			defer listen.Close()
		}
	}
	for ctx.Err() == nil && !m.finished() {
		again := askEvery
		if listen == nil || !m.ask(ctx) {
			m.poll(ctx)
			again = pollEvery
		}
		m.listen(ctx, listen, again)
	}
}

// finished says whether the mirror is needed no more: the call is over or lives here now, or nobody reads it.
func (m *mirror) finished() bool {
	d, t := m.d, m.t
	d.mu.Lock()
	defer d.mu.Unlock()
	t.mu.Lock()
	over, here := t.over, t.teller != nil
	t.mu.Unlock()
	if here || !over && t.readers > 0 {
		return here
	}
	if d.calls[t.id] == t {
		delete(d.calls, t.id)
	}
	return true
}

// ask asks the call's node for its state. False: nobody has it.
func (m *mirror) ask(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	for {
		m.t.mu.Lock()
		from := len(m.t.finals)
		m.t.mu.Unlock()
		text, err := json.Marshal(question{m.t.id, from})
		if err != nil || m.boot == "" || m.boot == m.d.o.Boot {
			return false
		}
		answer, err := m.d.o.Bus.Ask(ctx, questions(m.boot), text)
		var n news
		if err != nil || json.Unmarshal(answer, &n) != nil || n.Unknown {
			return false
		}
		if !m.apply(n) {
			return false // it answers something else than it was asked
		}
		if !n.More {
			return true
		}
	}
}

// listen takes what the call's node tells, for a time, or until something is missing.
func (m *mirror) listen(ctx context.Context, sub *bus.Subscription, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if sub == nil {
		m.rest(ctx)
		return
	}
	for {
		told, err := sub.Next(ctx)
		if errors.Is(err, bus.ErrClosed) {
			m.rest(ctx)
			return
		}
		var n news
		if err != nil || json.Unmarshal(told.Data, &n) != nil || !m.apply(n) || n.More || n.Over {
			return
		}
	}
}

// rest waits until ctx is done or the transcript changes by itself, as when the call begins here.
func (m *mirror) rest(ctx context.Context) {
	m.t.mu.Lock()
	changed := m.t.changed
	m.t.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-changed:
	}
}

// apply brings the transcript up to date. False: something before it is missing.
func (m *mirror) apply(n news) bool {
	t := m.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.teller != nil || t.over || n.Version < m.version || n.Version == m.version && n.From+len(n.Finals) <= len(t.finals) {
		return true // it lives here now, or this is not new
	}
	if n.From > len(t.finals) || len(n.Statuses) == 0 {
		return false
	}
	t.settle(n.Finals)
	if !n.More {
		m.version = n.Version
		t.guess(n.Interim)
		t.call, t.stance, t.over = n.Call, n.Stance, n.Over
		for _, s := range n.Statuses {
			t.status(s)
		}
	}
	t.touch()
	return true
}

// poll reads the store: what is final, and where the call stands.
func (m *mirror) poll(ctx context.Context) {
	t := m.t
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	row, messages, err := m.d.stored(ctx, t.org, t.id)
	if err != nil {
		m.d.o.Log.Debug("live call not read", "call", t.id, "error", err)
		return
	}
	m.boot = row.Boot
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.teller != nil || t.over {
		return
	}
	before := len(t.statuses)
	more := t.settle(messages)
	t.call, t.over = row, row.Status.Final()
	t.status(row.Status)
	if more || t.over {
		more = t.guess(nil) || more // what stood there is final now, or nobody knows
	}
	if more || len(t.statuses) > before {
		t.touch()
	}
}
