package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/store"
)

// newDraft is a conversation in a funnel with whoever has one of some addresses.
func newDraft(funnel string, addresses ...string) store.FunnelDraft {
	return store.FunnelDraft{
		Conversation: store.FunnelConversation{ID: store.NewID(), User: "3", Funnel: funnel, Stage: "0.5", Fields: map[string]string{"size": "12", "empty": ""}, Created: start},
		Addresses:    addresses, Person: meetAt(addresses...),
	}
}

// meetAt gives a contact phone numbers that they have not yet.
func meetAt(addresses ...string) func(*store.Contact) error {
	return func(c *store.Contact) error {
		for _, a := range addresses {
			c.Addresses = append(c.Addresses, store.Address{Channel: store.ChannelPhone, Address: a})
		}
		return nil
	}
}

// pursue gives the house a conversation of the CRM.
func (h *House) pursue(ctx context.Context) error {
	d := newDraft("7")
	d.Contact = h.Customer.Number
	out, err := h.BeginFunnels(ctx, h.Org, start, []store.FunnelDraft{d})
	if err != nil {
		return err
	}
	h.Funnel = out[0].Number
	return out[0].Err
}

// everyFunnel is Every of the methods of the CRM's conversations.
func (h House) everyFunnel(org string) map[string]func(context.Context) error {
	contact, number := h.Customer.Number, h.Funnel
	return map[string]func(context.Context) error{
		"BeginFunnels": func(ctx context.Context) error {
			d := newDraft(store.NewID())
			d.Contact = contact
			out, err := h.BeginFunnels(ctx, org, start, []store.FunnelDraft{d})
			if err != nil {
				return err
			}
			return out[0].Err
		},
		"ChangeFunnels": func(ctx context.Context) error {
			out, err := h.ChangeFunnels(ctx, org, start, []store.FunnelChange{{Number: number, Change: func(c *store.FunnelConversation) error { c.Stage += "1"; return nil }}})
			if err != nil {
				return err
			}
			return out[0].Err
		},
		"FunnelConversation": func(ctx context.Context) error { _, err := h.FunnelConversation(ctx, org, number); return err },
		"FunnelOf":           func(ctx context.Context) error { _, err := h.FunnelOf(ctx, org, contact); return err },
		"ChannelSessions":    func(ctx context.Context) error { _, err := h.ChannelSessions(ctx, org, contact, 5); return err },
	}
}

// pursuing begins conversations, all of which must be taken.
func pursuing(t *testing.T, s Store, org string, drafts ...store.FunnelDraft) []store.FunnelOutcome {
	t.Helper()
	out, err := s.BeginFunnels(t.Context(), org, start, drafts)
	ok(t, err)
	for _, o := range out {
		ok(t, o.Err)
	}
	return out
}

func testFunnels(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	d := newDraft("8", "+1555")
	made := pursuing(t, s, h.Org, d)[0]
	want := d.Conversation
	want.Number, want.Org, want.Contact, want.Fields, want.Updated = made.Number, h.Org, made.Contact, map[string]string{"size": "12"}, start
	got, err := s.FunnelConversation(ctx, h.Org, made.Number)
	ok(t, err)
	same(t, "made conversation", got, want)
	who, err := s.Contact(ctx, h.Org, made.Contact)
	ok(t, err)
	if len(who.Addresses) != 1 || who.Phone().Address != "+1555" || made.Met || made.Was {
		t.Errorf("met %+v: %+v", who, made)
	}
	_, err = s.BeginFunnels(ctx, store.NewID(), start, []store.FunnelDraft{d})
	is(t, err, store.ErrNotFound)

	// One in a funnel; what is archived does not count, but is not made twice either.
	day := start.Add(24 * time.Hour)
	archived := newDraft("8", "+1555")
	archived.Conversation.Archived = day
	again := archived
	again.Conversation.ID = store.NewID()
	out := pursuing(t, s, h.Org, newDraft("8", "+1555"), newDraft("9", "+1555"), archived, again)
	if out[0].Number != made.Number || !out[0].Was || out[1].Was || out[2].Was || !out[3].Was || out[3].Number != out[2].Number {
		t.Errorf("begun again: %+v", out)
	}
	newest, err := s.FunnelOf(ctx, h.Org, made.Contact)
	ok(t, err)
	if newest.Number != out[1].Number {
		t.Errorf("the newest is %+v", newest)
	}

	// Changes: all of one, or nothing.
	refused := errors.New("refused")
	later := start.Add(time.Hour)
	alter := func(c *store.FunnelConversation) error {
		c.User, c.Stage, c.Fields, c.Archived = "", "2", map[string]string{"size": "13"}, later
		c.Number, c.Org, c.Contact, c.Funnel, c.Created = 0, "other", 0, "other", later // stay
		return nil
	}
	changed, err := s.ChangeFunnels(ctx, h.Org, later, []store.FunnelChange{
		{Number: made.Number, Change: alter, Person: meetAt("+1777")},
		{Number: out[1].Number, Change: alter, Person: func(*store.Contact) error { return refused }},
		{Number: out[1].Number, Change: func(*store.FunnelConversation) error { return refused }},
		{Number: 99999, Change: alter},
		{Number: made.Number, Change: func(c *store.FunnelConversation) error { c.Stage += "5"; return nil }},
		{Number: out[2].Number, Change: func(c *store.FunnelConversation) error { c.Archived = time.Time{}; return nil }}, // the first is archived by now
		{Number: made.Number, Change: func(c *store.FunnelConversation) error { c.Archived = time.Time{}; return nil }},
	})
	ok(t, err)
	for i, want := range []error{nil, refused, refused, store.ErrNotFound, nil, nil, store.ErrConflict} {
		is(t, changed[i].Err, want)
	}
	if changed[6].Number != out[2].Number {
		t.Errorf("stands against it: %+v", changed[6])
	}
	want.User, want.Stage, want.Fields, want.Archived, want.Updated = "", "25", map[string]string{"size": "13"}, later, later
	got, err = s.FunnelConversation(ctx, h.Org, made.Number)
	ok(t, err)
	same(t, "changed conversation", got, want)
	who, err = s.Contact(ctx, h.Org, made.Contact)
	ok(t, err)
	if len(who.Addresses) != 2 {
		t.Errorf("addresses %+v", who.Addresses)
	}

	_, err = s.DeleteContact(ctx, h.Org, made.Contact)
	ok(t, err)
	_, err = s.FunnelConversation(ctx, h.Org, made.Number)
	is(t, err, store.ErrNotFound)
}

// testFunnelsMatch: contacts are matched by any address, whatever its case; the oldest of several is meant, and the others are told.
func testFunnelsMatch(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	twins := pursuing(t, s, h.Org, newDraft("1", "ana@x.cl"), newDraft("1", "+1666"))
	drafts := []store.FunnelDraft{
		newDraft("2", "ANA@x.cl", "+1888"), newDraft("2", "+1888"), newDraft("3", "+1666", "ana@x.cl"), newDraft("2", "+1999"), newDraft("3", "+1999"), newDraft("2"),
	}
	drafts[0].Person = meetAt("+1888")
	drafts[2].Person = nil
	wrong := newDraft("2")
	wrong.Contact = 99999
	refusal := errors.New("refused")
	bad := newDraft("2", "+1000")
	bad.Person = func(*store.Contact) error { return refusal }
	out, err := s.BeginFunnels(ctx, h.Org, start, append(drafts, wrong, bad))
	ok(t, err)
	is(t, out[6].Err, store.ErrNotFound)
	is(t, out[7].Err, refusal)
	ana, other := twins[0].Contact, twins[1].Contact
	for i, want := range []struct {
		contact  int64
		met, was bool
	}{{ana, true, false}, {ana, true, true}, {ana, true, false}, {out[3].Contact, false, false}, {out[3].Contact, false, false}, {out[5].Contact, false, false}} {
		if o := out[i]; o.Contact != want.contact || o.Met != want.met || o.Was != want.was || o.Err != nil {
			t.Errorf("draft %d: %+v, want %+v", i, o, want)
		}
	}
	if len(out[2].Others) != 1 || out[2].Others[0] != other || out[5].Contact == out[3].Contact {
		t.Errorf("others: %+v", out[2].Others)
	}
	who, err := s.Contact(ctx, h.Org, ana)
	ok(t, err)
	found, _, err := s.FindContacts(ctx, h.Org, store.ContactQuery{Tests: [][]store.ContactTest{{{Field: store.ContactAddress, Op: store.ContactIs, Values: []store.Operand{{Text: "+1888"}}}}}, Page: all})
	ok(t, err)
	if len(who.Addresses) != 2 || len(found) != 1 || found[0].Number != ana {
		t.Errorf("ana has %+v, and +1888 %+v", who.Addresses, found)
	}
	foreign, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	theirs := pursuing(t, s, foreign.ID, newDraft("2", "ana@x.cl"))[0]
	if theirs.Met || theirs.Contact == ana {
		t.Errorf("another organisation meets %+v", theirs)
	}
}

// testFunnelsAtOnce: of many who begin the same at once, one begins it.
func testFunnelsAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	var group sync.WaitGroup
	outs := make([][]store.FunnelOutcome, 8)
	for i := range outs {
		group.Go(func() {
			var drafts []store.FunnelDraft
			for j := range 20 {
				drafts = append(drafts, newDraft("5", fmt.Sprintf("+2000%d", j)))
			}
			var err error
			if outs[i], err = s.BeginFunnels(ctx, h.Org, start, drafts); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	fresh := 0
	for _, out := range outs {
		for j, o := range out {
			if !o.Was {
				fresh++
			}
			if o.Number != outs[0][j].Number || o.Contact != outs[0][j].Contact || o.Err != nil {
				t.Errorf("draft %d: %+v and %+v", j, o, outs[0][j])
			}
		}
	}
	if fresh != 20 {
		t.Errorf("%d have begun, want 20", fresh)
	}
}

// testFunnelFields: definitions of conversations' custom fields are in use like those of contacts.
func testFunnelFields(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	f, err := s.CreateField(ctx, store.Field{Org: h.Org, Entity: store.OfFunnelConversations, Key: "tier", Kind: store.FieldList, Created: start})
	ok(t, err)
	var options []store.Option
	for _, value := range []string{"gold", "silver"} {
		o, err := s.CreateOption(ctx, store.Option{Org: h.Org, Field: f.Number, Value: value, Created: start})
		ok(t, err)
		options = append(options, o)
	}
	gold, silver := newDraft("1", "+1"), newDraft("1", "+2")
	gold.Conversation.Fields, silver.Conversation.Fields = map[string]string{"tier": `"gold"`}, map[string]string{"tier": `"silver"`, "other": "1"}
	out := pursuing(t, s, h.Org, gold, silver)
	has := func(i int, want map[string]string) {
		t.Helper()
		c, err := s.FunnelConversation(ctx, h.Org, out[i].Number)
		ok(t, err)
		same(t, "custom fields", c.Fields, want)
	}
	_, err = s.DeleteField(ctx, h.Org, f.Number, false)
	is(t, err, store.ErrInUse)
	_, err = s.UpdateField(ctx, h.Org, f.Number, start, func(f *store.Field) error { f.Key = "rank"; return nil })
	is(t, err, store.ErrInUse)
	_, err = s.UpdateOption(ctx, h.Org, f.Number, options[0].Number, start, func(o *store.Option) error { o.Value = "g"; return nil })
	ok(t, err)
	has(0, map[string]string{"tier": `"g"`})
	_, err = s.DeleteOption(ctx, h.Org, f.Number, options[0].Number)
	ok(t, err)
	has(0, nil)
	has(1, silver.Conversation.Fields)
	_, err = s.DeleteField(ctx, h.Org, f.Number, true)
	ok(t, err)
	has(1, map[string]string{"other": "1"})
	who, err := s.Contact(ctx, h.Org, h.Customer.Number) // whose field has the same key
	ok(t, err)
	same(t, "custom fields of the contact", who.Fields, h.Customer.Fields)
}

// testContactSessions: the sessions of a contact are their calls, by all of their numbers, and their threads.
func testContactSessions(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	who := pursuing(t, s, h.Org, newDraft("1", "+4915112345678", "+4915112345679"))[0].Contact
	at := start.Add(time.Hour)
	in := store.Call{ID: store.NewID(), Org: h.Org, Direction: store.Inbound, Status: store.Completed, From: "+4915112345678", To: "+999", Created: at, End: store.End{Ended: at.Add(time.Minute)}}
	out := store.Call{ID: store.NewID(), Org: h.Org, Direction: store.Outbound, Status: store.InProgress, From: "+999", To: "+4915112345679", Created: at}
	other := store.Call{ID: store.NewID(), Org: h.Org, Direction: store.Outbound, Status: store.InProgress, From: "+4915112345679", To: "+111", Created: at}
	ok(t, s.Record(ctx, []store.Entry{{Began: &in}, {Began: &out}, {Began: &other}}))
	thread := newThread(h.Org, h.Bot.ID)
	thread.Contact = fmt.Sprint(who)
	thread, err := s.CreateConversation(ctx, thread)
	ok(t, err)
	got, err := s.ChannelSessions(ctx, h.Org, who, 10)
	ok(t, err)
	if len(got) != 3 {
		t.Fatalf("sessions %+v, want three", got)
	}
	same(t, "thread", got[0], store.ChannelSession{Number: thread.Number, ID: thread.ID, Channel: store.ChannelWhatsApp, Peer: thread.External, Ours: h.Bot.Number, Created: thread.Created, Updated: thread.Updated})
	same(t, "call to them", got[1], store.ChannelSession{Number: got[1].Number, ID: out.ID, Channel: store.ChannelPhone, Peer: out.To, Created: at, Updated: at})
	same(t, "call from them", got[2], store.ChannelSession{Number: got[2].Number, ID: in.ID, Channel: store.ChannelPhone, Peer: in.From, Ended: in.Ended, Created: at, Updated: in.Ended})
	got, err = s.ChannelSessions(ctx, h.Org, who, 1)
	ok(t, err)
	if len(got) != 2 {
		t.Errorf("one of either are %+v", got)
	}
	_, err = s.ChannelSessions(ctx, h.Org, 99999, 1)
	is(t, err, store.ErrNotFound)
}
