package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/store"
)

func newBot(org, agent string, kind store.BotType) store.Bot {
	return store.Bot{ID: store.NewID(), Org: org, Agent: agent, Name: "Support Bot", Type: kind, Config: `{"greeting":"Hi"}`, Created: start}
}

func newThread(org, bot string) store.Conversation {
	return store.Conversation{ID: store.NewID(), Org: org, Bot: bot, Channel: store.WhatsApp, External: "+919876543210", Status: store.ConversationActive,
		Length: store.NoLength, Metadata: `{"profile":"Anna"}`, AutoReply: true, Created: start}
}

func newThreadMessage(thread, content string) store.ThreadMessage {
	return store.ThreadMessage{ID: store.NewID(), Conversation: thread, Role: "user", Content: content, Type: "text", Tokens: -1, Created: start}
}

// everyBot is Every of the methods of bots and conversations.
func (h House) everyBot(org string) map[string]func(context.Context) error {
	bot, thread := h.Bot.ID, h.Thread.ID
	return map[string]func(context.Context) error{
		"CreateBot": func(ctx context.Context) error {
			_, err := h.CreateBot(ctx, newBot(org, h.Setup.Agent.ID, store.IVRBot))
			return err
		},
		"Bot":  func(ctx context.Context) error { _, err := h.Store.Bot(ctx, org, bot); return err },
		"Bots": func(ctx context.Context) error { l, err := h.Bots(ctx, org, all); return none(len(l), 0, err) },
		"UpdateBot": func(ctx context.Context) error {
			_, err := h.UpdateBot(ctx, org, bot, start, func(b *store.Bot) error { b.Name += "."; return nil })
			return err
		},
		"DeleteBot": func(ctx context.Context) error { return h.DeleteBot(ctx, org, bot, start) },
		"CreateConversation": func(ctx context.Context) error {
			_, err := h.CreateConversation(ctx, newThread(org, bot))
			return err
		},
		"Conversation": func(ctx context.Context) error { _, err := h.Conversation(ctx, org, thread); return err },
		"Conversations": func(ctx context.Context) error {
			l, err := h.Conversations(ctx, org, store.ConversationFilter{Bot: bot}, all)
			return none(len(l), 0, err)
		},
		"UpdateConversation": func(ctx context.Context) error {
			_, err := h.UpdateConversation(ctx, org, thread, start, func(c *store.Conversation) error { c.AutoReply = !c.AutoReply; return nil })
			return err
		},
		"AddThreadMessage": func(ctx context.Context) error {
			_, err := h.AddThreadMessage(ctx, org, newThreadMessage(thread, "Hello?"))
			return err
		},
		"ThreadMessages": func(ctx context.Context) error {
			l, err := h.ThreadMessages(ctx, org, thread, all)
			return none(len(l), 0, err)
		},
		"Remember": func(ctx context.Context) error {
			l, err := h.Remember(ctx, org, remembering(h.Thread.External, "+15550100009"))
			return none(len(l), 0, err)
		},
	}
}

func testBots(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want := newBot(h.Org, "", store.InboundCallBot)
	want.SystemPrompt, want.Settings = "Be kind.", `{"flow":{}}`
	got, err := s.CreateBot(ctx, want)
	ok(t, err)
	want.Number, want.Agent, want.Own, want.Active, want.Updated = got.Number, got.Agent, true, true, start
	same(t, "made bot", got, want)
	a, err := s.Agent(ctx, h.Org, got.Agent)
	ok(t, err)
	if a.Name != want.Name || a.SystemPrompt != want.SystemPrompt || a.Settings != want.Settings || !a.Enabled || a.Version != 1 {
		t.Errorf("the bot's agent is %+v", a)
	}
	_, err = s.CreateBot(ctx, newBot(store.NewID(), "", store.IVRBot))
	is(t, err, store.ErrNotFound)
	_, err = s.CreateBot(ctx, newBot(h.Org, store.NewID(), store.IVRBot))
	is(t, err, store.ErrNotFound)

	list, err := s.Bots(ctx, h.Org, store.Page{Limit: 1})
	ok(t, err)
	same(t, "first bot", list, []store.Bot{want})
	list, err = s.Bots(ctx, h.Org, store.Page{Limit: 5, Offset: 1})
	ok(t, err)
	same(t, "other bots", list, []store.Bot{h.Bot})

	refused := errors.New("refused")
	_, err = s.UpdateBot(ctx, h.Org, want.ID, start, func(*store.Bot) error { return refused })
	is(t, err, refused)
	_, err = s.UpdateBot(ctx, h.Org, want.ID, start, func(b *store.Bot) error { b.Agent = store.NewID(); return nil })
	is(t, err, store.ErrNotFound)
	want.Name, want.Config, want.SystemPrompt, want.Active, want.Updated = "Night", "", "", false, start.Add(time.Hour)
	got, err = s.UpdateBot(ctx, h.Org, want.ID, want.Updated, func(b *store.Bot) error {
		*b = want
		b.ID, b.Org, b.Type, b.Number = "other", "other", store.IVRBot, 9 // stay
		return nil
	})
	ok(t, err)
	same(t, "changed bot", got, want)
	a, err = s.Agent(ctx, h.Org, got.Agent)
	ok(t, err)
	if a.SystemPrompt != "" || a.Enabled || a.Version != 2 {
		t.Errorf("the changed bot's agent is %+v", a)
	}
}

func testBotAgents(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	shared := newBot(h.Org, h.Setup.Agent.ID, store.IVRBot)
	shared.SystemPrompt = "Press one."
	shared, err := s.CreateBot(ctx, shared)
	ok(t, err)
	if shared.Own || shared.Agent != h.Setup.Agent.ID || shared.SystemPrompt != "Press one." {
		t.Errorf("bot of an agent that there was: %+v", shared)
	}
	later := start.Add(time.Minute)
	_, err = s.UpdateAgent(ctx, h.Org, shared.Agent, later, func(a *store.Agent) error { a.SystemPrompt, a.Enabled = "Press two.", false; return nil })
	ok(t, err)
	shared, err = s.Bot(ctx, h.Org, shared.ID)
	ok(t, err)
	if shared.SystemPrompt != "Press two." || shared.Active || !shared.Updated.Equal(later) {
		t.Errorf("the agent was changed, the bot is %+v", shared)
	}
	other, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Bea", SystemPrompt: "Press three.", Enabled: true, Created: start})
	ok(t, err)
	shared, err = s.UpdateBot(ctx, h.Org, shared.ID, later, func(b *store.Bot) error { b.Agent = other.ID; return nil })
	ok(t, err)
	if shared.Agent != other.ID || shared.SystemPrompt != "Press three." || !shared.Active {
		t.Errorf("bot with another agent: %+v", shared)
	}
	is(t, s.DeleteAgent(ctx, h.Org, other.ID), store.ErrConflict)
	ok(t, s.DeleteBot(ctx, h.Org, shared.ID, later))
	_, err = s.Agent(ctx, h.Org, other.ID)
	ok(t, err) // it was there before the bot
	ok(t, s.DeleteAgent(ctx, h.Org, other.ID))
}

func testBotNumbers(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	leads := func(e164, agent string) {
		t.Helper()
		n, err := s.Number(ctx, h.Org, e164)
		ok(t, err)
		if n.Agent != agent {
			t.Errorf("%s leads to %q, want %q", e164, n.Agent, agent)
		}
	}
	second, err := s.PutNumber(ctx, store.Number{ID: store.NewID(), Org: h.Org, E164: "+442071234568", Created: start, Updated: start})
	ok(t, err)
	wrong := newBot(h.Org, "", store.InboundCallBot)
	wrong.Numbers = []string{h.Number.E164, "+15005550099"}
	_, err = s.CreateBot(ctx, wrong)
	is(t, err, store.ErrNotFound)
	leads(h.Number.E164, "")
	b := newBot(h.Org, "", store.InboundCallBot)
	b.Numbers = []string{h.Number.E164, second.E164}
	before, err := s.Revision(ctx)
	ok(t, err)
	b, err = s.CreateBot(ctx, b)
	ok(t, err)
	leads(h.Number.E164, b.Agent)
	leads(second.E164, b.Agent)
	if after, err := s.Revision(ctx); err != nil || after <= before {
		t.Errorf("revision %d after %d (%v)", after, before, err)
	}
	b, err = s.UpdateBot(ctx, h.Org, b.ID, start, func(b *store.Bot) error { b.Numbers = b.Numbers[1:]; return nil })
	ok(t, err)
	leads(h.Number.E164, "")
	leads(second.E164, b.Agent)
	same(t, "numbers", b.Numbers, []string{second.E164})
	_, err = s.PutNumber(ctx, store.Number{ID: store.NewID(), Org: h.Org, E164: second.E164, Agent: h.Setup.Agent.ID, Created: start, Updated: start})
	ok(t, err)
	ok(t, s.DeleteBot(ctx, h.Org, b.ID, start))
	leads(second.E164, h.Setup.Agent.ID) // it led elsewhere by then
}

func testDeleteBot(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	b := newBot(h.Org, "", store.InboundCallBot)
	b.Numbers = []string{h.Number.E164}
	b, err := s.CreateBot(ctx, b)
	ok(t, err)
	thread, err := s.CreateConversation(ctx, newThread(h.Org, b.ID))
	ok(t, err)
	task, err := s.CreateTask(ctx, store.Task{ID: store.NewID(), Org: h.Org, Agent: b.Agent, Name: "Call", To: "+15005550010", Created: start})
	ok(t, err)
	is(t, s.DeleteBot(ctx, h.Org, b.ID, start), store.ErrConflict)
	_, err = s.Bot(ctx, h.Org, b.ID)
	ok(t, err)
	ok(t, s.DeleteTask(ctx, h.Org, task.ID))
	ok(t, s.DeleteBot(ctx, h.Org, b.ID, start))
	is(t, s.DeleteBot(ctx, h.Org, b.ID, start), store.ErrNotFound)
	_, err = s.Bot(ctx, h.Org, b.ID)
	is(t, err, store.ErrNotFound)
	_, err = s.UpdateBot(ctx, h.Org, b.ID, start, func(*store.Bot) error { return nil })
	is(t, err, store.ErrNotFound)
	_, err = s.CreateConversation(ctx, newThread(h.Org, b.ID))
	is(t, err, store.ErrNotFound)
	_, err = s.Agent(ctx, h.Org, b.Agent)
	is(t, err, store.ErrNotFound)
	if n, err := s.Number(ctx, h.Org, h.Number.E164); err != nil || n.Agent != "" {
		t.Errorf("the bot's number leads to %q (%v)", n.Agent, err)
	}
	kept, err := s.Conversation(ctx, h.Org, thread.ID)
	ok(t, err)
	same(t, "conversation of a bot that is gone", kept, thread)
	list, err := s.Bots(ctx, h.Org, all)
	ok(t, err)
	same(t, "bots", list, []store.Bot{h.Bot})
}

func testConversations(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	b, err := s.CreateBot(ctx, newBot(h.Org, "", store.WhatsAppBot))
	ok(t, err)
	want := newThread(h.Org, b.ID)
	want.Contact = "17"
	got, err := s.CreateConversation(ctx, want)
	ok(t, err)
	want.Number, want.BotName, want.Agent, want.Updated = got.Number, b.Name, b.Agent, start
	same(t, "made conversation", got, want)
	second := newThread(h.Org, b.ID)
	second.Status = store.ConversationEscalated
	second, err = s.CreateConversation(ctx, second)
	ok(t, err)
	b, err = s.Bot(ctx, h.Org, b.ID)
	ok(t, err)
	if b.Conversations != 2 || h.Bot.Conversations != 1 {
		t.Errorf("the bots have %d and %d conversations, want 2 and 1", b.Conversations, h.Bot.Conversations)
	}
	for _, c := range []struct {
		f    store.ConversationFilter
		p    store.Page
		want []store.Conversation
	}{
		{p: all, want: []store.Conversation{second, want, h.Thread}},
		{p: store.Page{Limit: 1, Offset: 1}, want: []store.Conversation{want}},
		{f: store.ConversationFilter{Bot: b.ID}, p: all, want: []store.Conversation{second, want}},
		{f: store.ConversationFilter{Status: store.ConversationActive}, p: all, want: []store.Conversation{want, h.Thread}},
		{f: store.ConversationFilter{Channel: store.Voice}, p: all},
		{f: store.ConversationFilter{Bot: b.ID, Channel: store.WhatsApp, Status: store.ConversationEscalated}, p: all, want: []store.Conversation{second}},
	} {
		list, err := s.Conversations(ctx, h.Org, c.f, c.p)
		ok(t, err)
		for i := range list {
			list[i].Updated = list[i].Updated.UTC()
		}
		if len(list) == 0 {
			list = nil
		}
		same(t, "conversations", list, c.want)
	}
	refused := errors.New("refused")
	_, err = s.UpdateConversation(ctx, h.Org, want.ID, start, func(*store.Conversation) error { return refused })
	is(t, err, refused)
	want.Status, want.AutoReply, want.Contact, want.Updated = store.ConversationCompleted, false, "", start.Add(time.Hour)
	got, err = s.UpdateConversation(ctx, h.Org, want.ID, want.Updated, func(c *store.Conversation) error {
		c.Status, c.AutoReply, c.Contact = want.Status, want.AutoReply, want.Contact
		c.External, c.Org, c.Bot = "other", "other", "other" // stay
		return nil
	})
	ok(t, err)
	same(t, "changed conversation", got, want)
	got, err = s.UpdateConversation(ctx, h.Org, want.ID, start.Add(2*time.Hour), func(*store.Conversation) error { return nil })
	ok(t, err)
	same(t, "conversation that was not changed", got, want)
}

func testThreadMessages(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	thread, err := s.CreateConversation(ctx, newThread(h.Org, h.Bot.ID))
	ok(t, err)
	list, err := s.ThreadMessages(ctx, h.Org, thread.ID, all)
	ok(t, err)
	if len(list) != 0 {
		t.Errorf("messages of a new conversation: %+v", list)
	}
	var want []store.ThreadMessage
	for i, text := range []string{"Where is my order?", "Let me check that for you.", "late"} {
		m := newThreadMessage(thread.ID, text)
		m.Tokens, m.Created = int64(18*i-1), start.Add(time.Duration(i)*time.Second)
		if text == "late" { // it was written before the others, and came after them
			m.Created = start.Add(-time.Minute)
		}
		got, err := s.AddThreadMessage(ctx, h.Org, m)
		ok(t, err)
		m.Number = got.Number
		same(t, "added message", got, m)
		want = append(want, m)
	}
	want = []store.ThreadMessage{want[2], want[0], want[1]}
	list, err = s.ThreadMessages(ctx, h.Org, thread.ID, all)
	ok(t, err)
	same(t, "messages", list, want)
	list, err = s.ThreadMessages(ctx, h.Org, thread.ID, store.Page{Limit: 1, Offset: 1})
	ok(t, err)
	same(t, "a page of messages", list, want[1:2])
	thread, err = s.Conversation(ctx, h.Org, thread.ID)
	ok(t, err)
	if !thread.Updated.Equal(start.Add(time.Second)) {
		t.Errorf("the conversation is of %v", thread.Updated)
	}
	_, err = s.AddThreadMessage(ctx, h.Org, newThreadMessage(store.NewID(), "lost"))
	is(t, err, store.ErrNotFound)
}

func testCallConversations(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	agent := h.Setup.Agent.ID
	bots := map[store.BotType]store.Bot{}
	for _, kind := range []store.BotType{store.OutboundCallBot, store.IVRBot, store.InboundCallBot} { // of two that take a call, the older one has it
		b, err := s.CreateBot(ctx, newBot(h.Org, agent, kind))
		ok(t, err)
		bots[kind] = b
	}
	call := newCall(h.Org)
	call.Agent = agent
	ok(t, s.Record(ctx, []store.Entry{{Began: &call}}))
	ok(t, s.Record(ctx, []store.Entry{{Began: &call}})) // twice is once
	want := store.Conversation{ID: call.ID, Org: h.Org, Bot: bots[store.IVRBot].ID, BotName: "Support Bot", Agent: agent, Channel: store.Voice,
		External: call.From, Status: store.ConversationActive, Length: store.NoLength, Metadata: `{"call_id":"` + call.ID + `","direction":"inbound"}`,
		AutoReply: true, Created: start, Updated: start}
	got, err := s.Conversation(ctx, h.Org, call.ID)
	ok(t, err)
	want.Number = got.Number
	same(t, "conversation of a call", got, want)
	_, err = s.AddThreadMessage(ctx, h.Org, newThreadMessage(call.ID, "not by this way"))
	is(t, err, store.ErrNotFound)

	over := store.Ended{Call: call.ID, Status: store.Completed, End: end(3 * time.Second), Messages: []store.Message{newMessage(call.ID, 0)}}
	ok(t, s.Record(ctx, []store.Entry{{Turned: &store.Turned{Turn: newTurn(call.ID, 1)}}, {Ended: &over}}))
	want.Status, want.Length, want.Updated = store.ConversationCompleted, 3*time.Second, over.End.Ended
	got, err = s.Conversation(ctx, h.Org, call.ID)
	ok(t, err)
	same(t, "conversation of a call that is over", got, want)

	status := func(cause string, s2 store.Status, by store.ConversationStatus) store.ConversationStatus {
		c := newCall(h.Org)
		c.Agent, c.Direction = agent, store.Outbound
		e := store.Ended{Call: c.ID, Status: s2, End: end(time.Second)}
		e.End.Cause = cause
		ok(t, s.Record(ctx, []store.Entry{{Began: &c}}))
		if by != "" {
			_, err := s.UpdateConversation(ctx, h.Org, c.ID, start, func(c *store.Conversation) error { c.Status = by; return nil })
			ok(t, err)
		}
		ok(t, s.Record(ctx, []store.Entry{{Ended: &e}}))
		got, err := s.Conversation(ctx, h.Org, c.ID)
		ok(t, err)
		if got.Bot != bots[store.OutboundCallBot].ID || got.External != c.To || got.Length != time.Second {
			t.Errorf("conversation of an outbound call: %+v", got)
		}
		return got.Status
	}
	for _, c := range []struct {
		cause string
		ends  store.Status
		by    store.ConversationStatus
		want  store.ConversationStatus
	}{
		{"transfer", store.Completed, "", store.ConversationEscalated}, {"carrier", store.Failed, "", store.ConversationFailed},
		{"caller", store.Completed, store.ConversationEscalated, store.ConversationEscalated},
	} {
		if got := status(c.cause, c.ends, c.by); got != c.want {
			t.Errorf("a call that ends by %s, set to %q: %s, want %s", c.cause, c.by, got, c.want)
		}
	}
	whole := newCall(h.Org) // all of it in one transaction
	whole.Agent = agent
	ok(t, s.Record(ctx, []store.Entry{{Began: &whole}, {Ended: &store.Ended{Call: whole.ID, Status: store.Completed, End: end(2 * time.Second)}}}))
	got, err = s.Conversation(ctx, h.Org, whole.ID)
	ok(t, err)
	if got.Status != store.ConversationCompleted || got.Length != 2*time.Second || !got.Updated.Equal(start.Add(3*time.Second)) {
		t.Errorf("conversation of a call that came whole: %+v", got)
	}
	for kind, n := range map[store.BotType]int64{store.IVRBot: 2, store.OutboundCallBot: 3, store.InboundCallBot: 0} {
		if b, err := s.Bot(ctx, h.Org, bots[kind].ID); err != nil || b.Conversations != n {
			t.Errorf("%s has %d conversations, want %d (%v)", kind, b.Conversations, n, err)
		}
	}
	_, err = s.Conversation(ctx, h.Org, h.Call.ID)
	is(t, err, store.ErrNotFound) // it was before the bots
}

// testCallConversationsGoOn: what a restart presumes of a call, the call's conversation has too; and a bot that is deleted keeps its calls.
func testCallConversationsGoOn(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	b, err := s.CreateBot(ctx, newBot(h.Org, "", store.InboundCallBot))
	ok(t, err)
	call := newCall(h.Org)
	call.Agent = b.Agent
	ok(t, s.Record(ctx, []store.Entry{{Began: &call}}))
	ok(t, s.DeleteBot(ctx, h.Org, b.ID, start))
	ok(t, s.Record(ctx, []store.Entry{{Crashed: &store.Crashed{Node: call.Node, Boot: "another"}}}))
	got, err := s.Conversation(ctx, h.Org, call.ID)
	ok(t, err)
	if got.Status != store.ConversationFailed || got.Length != 0 || got.BotName != b.Name {
		t.Errorf("conversation of a call that crashed: %+v", got)
	}
	next := newCall(h.Org)
	next.Agent = b.Agent
	ok(t, s.Record(ctx, []store.Entry{{Began: &next}}))
	_, err = s.Conversation(ctx, h.Org, next.ID)
	is(t, err, store.ErrNotFound)
}
