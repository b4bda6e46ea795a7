package storetest

import (
	"context"
	"testing"
	"time"

	"parley/store"
)

func newCard(call string) store.Card {
	return store.Card{
		Call: call, ProviderID: "p-1", ProviderName: "Old PBX", Conversation: "0.1", Session: "2", User: "3", Contact: "4", Opportunity: "5", Analysis: "6", Team: "7",
		Redirected: "+15005550009", Direction: "incoming", Status: "hung up", Duration: "61.5", Metadata: `{"a":"<b>"}`, Custom: "[1]",
	}
}

// newMade is a call that was made elsewhere.
func newMade(org string) store.Call {
	c := newCall(org)
	c.Leg, c.CarrierID, c.Node, c.Boot, c.Status = store.LegElsewhere, "", "", "", store.Completed
	c.End = store.End{Ended: c.Answered.Add(time.Minute), Length: time.Minute, Cause: store.CauseElsewhere}
	return c
}

// everyCard is Every of the methods that keep what clients say of calls.
func (h House) everyCard(org string) map[string]func(context.Context) error {
	call := h.Call.ID
	return map[string]func(context.Context) error{
		"NumberedCall": func(ctx context.Context) error {
			c, err := h.Store.Call(ctx, h.Org, call)
			if err == nil {
				_, err = h.NumberedCall(ctx, org, c.Number)
			}
			return err
		},
		"Card": func(ctx context.Context) error {
			_, err := h.PutCard(ctx, h.Org, newCard(call), start)
			if err == nil {
				_, err = h.Card(ctx, org, call)
			}
			return err
		},
		"PutCard": func(ctx context.Context) error { _, err := h.PutCard(ctx, org, newCard(call), start); return err },
		"AddCall": func(ctx context.Context) error {
			c := newMade(org)
			if org != h.Org {
				c.Org = store.NewID() // everybody may keep calls of their own
			}
			_, err := h.AddCall(ctx, c, store.Card{}, store.Load{})
			return err
		},
		"NumberedAgent": func(ctx context.Context) error { _, err := h.NumberedAgent(ctx, org, 1); return err },
		"CallAgent": func(ctx context.Context) error {
			if err := h.PutCallAgent(ctx, h.Org, "digest", h.Setup.Agent.ID); err != nil {
				return err
			}
			_, err := h.CallAgent(ctx, org, "digest")
			return err
		},
		"PutCallAgent": func(ctx context.Context) error { return h.PutCallAgent(ctx, org, "digest", h.Setup.Agent.ID) },
		"Load": func(ctx context.Context) error {
			c := newMade(h.Org)
			_, err := h.AddCall(ctx, c, store.Card{}, store.Load{URL: "https://pbx.example.com/1.wav", Created: start})
			if err == nil {
				_, err = h.Load(ctx, org, c.ID)
			}
			return err
		},
		"TakeLoads": func(ctx context.Context) error {
			_, err := h.TakeLoads(ctx, store.LoadTaking{Node: "node", Now: start.Add(-time.Hour), Until: start, Most: 1})
			return err
		},
		"FreeLoads": func(ctx context.Context) error { return h.FreeLoads(ctx, "nobody", start) },
		"PutOffLoad": func(ctx context.Context) error {
			return conflict(h.PutOffLoad(ctx, store.Load{Call: call, Node: "x"}, start, ""))
		},
		"KeepLoad": func(ctx context.Context) error {
			return conflict(h.KeepLoad(ctx, store.Load{Call: call, Node: "x"}, store.Recording{}))
		},
		"EndLoad": func(ctx context.Context) error {
			return conflict(h.EndLoad(ctx, store.Load{Call: call, Node: "x"}, "", start))
		},
	}
}

func testCards(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want, err := s.Call(ctx, h.Org, h.Call.ID)
	ok(t, err)
	got, err := s.NumberedCall(ctx, h.Org, want.Number)
	ok(t, err)
	same(t, "call by its number", got, want)
	_, err = s.NumberedCall(ctx, h.Org, want.Number+100)
	is(t, err, store.ErrNotFound)

	_, total, err := s.Calls(ctx, h.Org, store.CallFilter{}, store.Page{Limit: 10})
	ok(t, err)
	made, kept := newMade(h.Org), newCard("")
	made, err = s.AddCall(ctx, made, kept, store.Load{})
	ok(t, err)
	read, err := s.Call(ctx, h.Org, made.ID)
	ok(t, err)
	same(t, "call that was made elsewhere", read, made)
	if made.Number == 0 || made.Status != store.Completed || made.Cause != store.CauseElsewhere || made.Length != time.Minute {
		t.Errorf("it is %+v", made)
	}
	_, now, err := s.Calls(ctx, h.Org, store.CallFilter{}, store.Page{Limit: 10})
	ok(t, err)
	if now != total+1 {
		t.Errorf("%d calls after %d", now, total)
	}
	kept.Call, kept.Changes, kept.Created, kept.Updated = made.ID, 1, made.Created, made.Created
	k, err := s.Card(ctx, h.Org, made.ID)
	ok(t, err)
	same(t, "card", k, kept)
	kept.Custom, kept.Changes, kept.Updated = `"<other>"`, 2, made.Created.Add(time.Hour)
	k, err = s.PutCard(ctx, h.Org, kept, kept.Updated)
	ok(t, err)
	same(t, "card in place of the former", k, kept)
	_, err = s.PutCard(ctx, h.Org, newCard(store.NewID()), start)
	is(t, err, store.ErrNotFound)
	_, err = s.AddCall(ctx, newMade(store.NewID()), store.Card{}, store.Load{})
	is(t, err, store.ErrNotFound)
	_, err = s.Load(ctx, h.Org, made.ID)
	is(t, err, store.ErrNotFound)

	ok(t, s.PutCallAgent(ctx, h.Org, "more", h.Setup.Agent.ID))
	ok(t, s.PutCallAgent(ctx, h.Org, "more", h.Setup.Agent.ID))
	agent, err := s.CallAgent(ctx, h.Org, "more")
	ok(t, err)
	whole, err := s.Agent(ctx, h.Org, agent)
	ok(t, err)
	numbered, err := s.NumberedAgent(ctx, h.Org, whole.Number)
	ok(t, err)
	same(t, "agent by its number", numbered, agent)
	same(t, "agent", agent, h.Setup.Agent.ID)
	is(t, s.PutCallAgent(ctx, h.Org, "more", store.NewID()), store.ErrNotFound)
}

func testLoads(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	made, err := s.AddCall(ctx, newMade(h.Org), store.Card{}, store.Load{URL: "https://pbx.example.com/1.wav", Created: start})
	ok(t, err)
	first, err := s.Load(ctx, h.Org, made.ID)
	ok(t, err)
	same(t, "load", first, store.Load{Call: made.ID, Org: h.Org, URL: "https://pbx.example.com/1.wav", Due: start, Created: start})
	second := newMade(h.Org)
	_, err = s.AddCall(ctx, second, store.Card{}, store.Load{URL: "https://pbx.example.com/2.wav", Created: start.Add(time.Minute)})
	ok(t, err)
	take := func(node string, now time.Time, most int) []store.Load {
		t.Helper()
		taken, err := s.TakeLoads(ctx, store.LoadTaking{Node: node, Now: now, Until: now.Add(time.Hour), Most: most})
		ok(t, err)
		return taken
	}
	if none := take("a", start.Add(-time.Second), 10); len(none) > 0 {
		t.Errorf("before their time: %+v", none)
	}
	taken := take("a", start.Add(time.Hour), 1)
	first.Node, first.Tries, first.Due = "a", 1, start.Add(2*time.Hour)
	same(t, "taken", taken, []store.Load{first})
	other := take("b", start.Add(time.Hour), 10)
	if len(other) != 1 || other[0].Call != second.ID {
		t.Fatalf("the other took %+v", other)
	}
	ok(t, s.PutOffLoad(ctx, other[0], start.Add(time.Hour), "the server is away"))
	is(t, s.PutOffLoad(ctx, other[0], start, ""), store.ErrConflict)
	again := take("b", start.Add(time.Hour), 10)
	if len(again) != 1 || again[0].Error != "the server is away" || again[0].Tries != 2 {
		t.Fatalf("again: %+v", again)
	}
	ok(t, s.EndLoad(ctx, again[0], "it is no recording", start))
	l, err := s.Load(ctx, h.Org, second.ID)
	ok(t, err)
	if l.Error != "it is no recording" || l.Ended.IsZero() {
		t.Errorf("it ended as %+v", l)
	}

	// What one node has not ended in its time, another takes; the first has lost it then.
	rescued := take("b", start.Add(3*time.Hour), 10)
	if len(rescued) != 1 || rescued[0].Call != made.ID {
		t.Fatalf("rescued: %+v", rescued)
	}
	rec := store.Recording{Call: made.ID, Path: "recordings/2026-01-01/x.wav", Rate: 8000, Channels: 2, Bytes: 44, Length: 90 * time.Second}
	is(t, s.KeepLoad(ctx, first, rec), store.ErrConflict)
	_, err = s.Recording(ctx, h.Org, made.ID)
	is(t, err, store.ErrNotFound)
	ok(t, s.KeepLoad(ctx, rescued[0], rec))
	ok(t, s.KeepLoad(ctx, rescued[0], rec))
	kept, err := s.Recording(ctx, h.Org, made.ID)
	ok(t, err)
	same(t, "recording", kept, rec)
	c, err := s.Call(ctx, h.Org, made.ID)
	ok(t, err)
	if c.Length != rec.Length || !c.Ended.Equal(c.Answered.Add(rec.Length)) {
		t.Errorf("the call took %s and ended at %s", c.Length, c.Ended)
	}
	ok(t, s.FreeLoads(ctx, "a", start))
	ok(t, s.FreeLoads(ctx, "b", start.Add(4*time.Hour)))
	is(t, s.EndLoad(ctx, rescued[0], "", start), store.ErrConflict)
	rescued = take("b", start.Add(4*time.Hour), 10)
	if len(rescued) != 1 || rescued[0].Tries != 3 {
		t.Fatalf("after a start anew: %+v", rescued)
	}
	ok(t, s.EndLoad(ctx, rescued[0], "", start))
	is(t, s.EndLoad(ctx, rescued[0], "", start), store.ErrConflict)
}
