package storetest

import (
	"context"
	"testing"
	"time"

	"parley/store"
)

// everyChatCall is Every of the methods of calls on messaging channels.
func (h House) everyChatCall(org string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"HoldChatCall": func(ctx context.Context) error {
			_, err := h.HoldChatCall(ctx, org, "wacid.every", "boot", start)
			return err
		},
		"ChatCallHolder": func(ctx context.Context) error {
			_, err := h.HoldChatCall(ctx, h.Org, "wacid.held", "boot", start)
			if err == nil {
				_, err = h.ChatCallHolder(ctx, org, "wacid.held")
			}
			return err
		},
		"Introduce": func(ctx context.Context) error {
			return h.Introduce(ctx, h.Org, []string{"+15005550079"}, "Ana", start)
		},
		"Permitted": func(ctx context.Context) error { _, err := h.Permitted(ctx, org, h.Bot.ID, "none", start); return err },
	}
}

func testChatCalls(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	holds := func(org, boot string, at time.Time, want bool) {
		t.Helper()
		held, err := s.HoldChatCall(ctx, org, "wacid.1", boot, at)
		ok(t, err)
		same(t, "held by "+boot, held, want)
	}
	_, err := s.ChatCallHolder(ctx, h.Org, "wacid.1")
	is(t, err, store.ErrNotFound)
	holds(h.Org, "first", start, true)
	holds(h.Org, "first", start, false)
	holds(h.Org, "second", start.Add(time.Hour), false)
	holds(store.NewID(), "stranger", start.Add(time.Hour), true) // by the same id
	boot, err := s.ChatCallHolder(ctx, h.Org, "wacid.1")
	ok(t, err)
	same(t, "holder", boot, "first")
	_, err = s.HoldChatCall(ctx, h.Org, "wacid.2", "first", start.Add(49*time.Hour))
	ok(t, err)
	_, err = s.ChatCallHolder(ctx, h.Org, "wacid.1")
	is(t, err, store.ErrNotFound)
}

// testChatConversations: a call on a messaging channel is a conversation of the bot that took it, and of no other; the contact is who called.
func testChatConversations(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	taker, err := s.CreateBot(ctx, newBot(h.Org, "", store.WhatsAppBot))
	ok(t, err)
	voice, err := s.CreateBot(ctx, newBot(h.Org, taker.Agent, store.InboundCallBot))
	ok(t, err)
	for range 2 { // who is known is not made again
		ok(t, s.Introduce(ctx, h.Org, []string{"+15005550099", "US.1349"}, "Ana Maria Ruiz", start))
	}
	all, err := s.CountContacts(ctx, h.Org, store.ContactQuery{})
	ok(t, err)
	for i, c := range []struct {
		agent, bot, from, to string
		way                  store.Direction
		want, external       string
		known                bool
	}{
		{taker.Agent, taker.ID, "+15005550099", "+15550783881", store.Inbound, taker.ID, "+15005550099", true},
		{h.Setup.Agent.ID, taker.ID, "US.1349", "", store.Inbound, taker.ID, "US.1349", true}, // also where the bot has another agent by now
		{taker.Agent, taker.ID, "+15550783881", "+15005550099", store.Outbound, taker.ID, "+15005550099", true},
		{taker.Agent, taker.ID, "+15005550098", "", store.Inbound, taker.ID, "+15005550098", false},
		{taker.Agent, "", "+15005550099", "", store.Inbound, voice.ID, "+15005550099", false},
		{taker.Agent, store.NewID(), "+15005550099", "", store.Inbound, "", "", false}, // there is no such bot
	} {
		call := newCall(h.Org)
		call.Agent, call.Bot, call.From, call.To, call.Direction = c.agent, c.bot, c.from, c.to, c.way
		ok(t, s.Record(ctx, []store.Entry{{Began: &call}}))
		ok(t, s.Record(ctx, []store.Entry{{Began: &call}, {Ended: &store.Ended{Call: call.ID, Status: store.Completed, End: end(3 * time.Second)}}}))
		row, err := s.Call(ctx, h.Org, call.ID)
		ok(t, err)
		same(t, "the call's bot", row.Bot, c.bot)
		got, err := s.Conversation(ctx, h.Org, call.ID)
		if c.want == "" {
			is(t, err, store.ErrNotFound)
			continue
		}
		ok(t, err)
		if got.Bot != c.want || got.External != c.external || got.Channel != store.Voice || got.Status != store.ConversationCompleted ||
			got.Length != 3*time.Second || (got.Contact != "") != c.known {
			t.Errorf("%d: conversation of a call: %+v", i, got)
		}
	}
	after, err := s.CountContacts(ctx, h.Org, store.ContactQuery{})
	ok(t, err)
	same(t, "contacts after the calls", after, all)
	stranger := newCall(h.Org) // whose bot is another organisation's
	other, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	stranger.Org, stranger.Bot = other.ID, taker.ID
	ok(t, s.Record(ctx, []store.Entry{{Began: &stranger}}))
	_, err = s.Conversation(ctx, other.ID, stranger.ID)
	is(t, err, store.ErrNotFound)
}

// testPermissions: when somebody has said whether they may be called, the tasks that have waited for it are due, and no others.
func testPermissions(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	later, now := start.Add(24*time.Hour), start.Add(time.Hour)
	waiting := func(bot, to, cause string) store.Task {
		t.Helper()
		task := makeTask(t, h, func(task *store.Task) { task.Bot, task.Permission, task.To = bot, `{"text":"May we?"}`, to })
		d := execute(t, s, task)
		done, err := s.SettleDial(ctx, store.Ended{Call: d.Call, Status: store.Failed, End: store.End{Ended: start, Cause: cause}}, later)
		ok(t, err)
		same(t, "settled", done, true)
		return task
	}
	asked := waiting(h.Bot.ID, "+15005550091", store.CausePermission)
	same(t, "permission of the task", readTask(t, s, asked).Permission, asked.Permission)
	others := []store.Task{
		waiting(h.Bot.ID, "+15005550092", store.CausePermission), waiting(store.NewID(), "+15005550091", store.CausePermission),
		waiting(h.Bot.ID, "+15005550091", store.CauseBusy),
	}
	n, err := s.Permitted(ctx, h.Org, h.Bot.ID, "+15005550091", now)
	ok(t, err)
	same(t, "tasks that are due", n, 1)
	if got := readTask(t, s, asked); !got.Due.Equal(now) || got.Bot != h.Bot.ID {
		t.Errorf("the task that waited: %+v", got)
	}
	for _, task := range others {
		if got := readTask(t, s, task); !got.Due.Equal(later) {
			t.Errorf("a task that waits for something else is due at %v", got.Due)
		}
	}
}
