package live

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"parley/control/bus"
)

// tellEvery is the shortest time between two messages to other nodes about one call.
const tellEvery = 100 * time.Millisecond

// share is what other nodes are told of a call that lives here. It is guarded by the transcript.
type share struct {
	until time.Time // somebody has asked, and wants to be told
	on    bool      // it is being told
}

// answer tells another node of a call, and has it told of what follows for a while.
func (d *Desk) answer(_ context.Context, asked []byte) []byte {
	var q question
	if err := json.Unmarshal(asked, &q); err != nil {
		d.o.Log.Warn("bad question about a live call", "error", err)
		return nil
	}
	n := news{Unknown: true}
	d.mu.Lock()
	if t := d.calls[q.Call]; t != nil {
		var begin bool
		if n, begin = t.answer(q, d.o.Follow); begin {
			d.start(func(ctx context.Context) { d.publish(ctx, t) })
		}
	}
	d.mu.Unlock()
	text, err := json.Marshal(n)
	if err != nil {
		d.o.Log.Error("live call not told", "call", q.Call, "error", err)
	}
	return text
}

// answer is the answer to a question, and whether other nodes begin to be told of the call.
func (t *transcript) answer(q question, follow func(string) func()) (n news, begin bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.teller == nil {
		return news{Unknown: true}, false
	}
	t.share.until = time.Now().Add(shareFor)
	if begin = !t.share.on && !t.over; begin {
		t.share.on = true
		t.heed(1, follow)
	}
	return t.news(max(0, q.From)), begin
}

// news is the state with the final entries from a place on, as many as a message takes; at least one, if there is one. The caller holds mu.
func (t *transcript) news(from int) news {
	n := news{Version: t.version, Call: t.call, Statuses: t.statuses, Stance: t.stance, From: min(from, len(t.finals)), Over: t.over}
	size := 0
	for _, e := range t.finals[n.From:] {
		if size += len(e.Text) + 200; size > pageSize && len(n.Finals) > 0 {
			n.More = true
			return n
		}
		n.Finals = append(n.Finals, e.Message)
	}
	for _, e := range t.interim {
		n.Interim = append(n.Interim, e.Message)
	}
	return n
}

// publish tells of a call while other nodes want to know, until it is over.
func (d *Desk) publish(ctx context.Context, t *transcript) {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.share.on = false
		t.heed(-1, nil)
	}()
	told := 0
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		t.mu.Lock()
		n, changed, until := t.news(told), t.changed, t.share.until
		t.mu.Unlock()
		if !time.Now().Before(until) {
			return
		}
		told = n.From + len(n.Finals)
		text, err := json.Marshal(n)
		if err == nil {
			err = d.o.Bus.Publish(bus.CallEvents(n.Call.ID), text)
		}
		if err != nil && !errors.Is(err, bus.ErrAway) {
			d.o.Log.Warn("live call not told", "call", n.Call.ID, "error", err)
		}
		if n.Over && !n.More {
			return
		}
		pause.Reset(tellEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		if n.More {
			continue
		}
		pause.Reset(max(time.Until(until), 0))
		select {
		case <-changed:
			pause.Stop()
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}
