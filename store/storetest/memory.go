package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"parley/store"
)

func remembering(names ...string) store.Remembering {
	return store.Remembering{Names: names, Since: start.AddDate(0, 0, -30), Most: 3, Messages: 2}
}

// phoned records a call of a bot's agent that is over, in which so much was said.
func phoned(t *testing.T, h House, agent, from string, at time.Time, said ...string) string {
	t.Helper()
	c := newCall(h.Org)
	c.Agent, c.AgentVersion, c.From, c.Created, c.Answered = agent, 1, from, at, at
	var all []store.Message
	for i, text := range said {
		all = append(all, store.Message{Call: c.ID, Seq: i, Role: []string{"caller", "assistant"}[i%2], Text: text})
	}
	all = append(all, store.Message{Call: c.ID, Seq: len(said), Role: "narrator", Text: "The caller is silent."})
	e := end(time.Minute)
	e.Ended = at.Add(time.Minute)
	ok(t, h.Record(t.Context(), []store.Entry{{Began: &c}, {Ended: &store.Ended{Call: c.ID, Status: store.Completed, End: e, Messages: all}}}))
	return c.ID
}

// told are the conversations that are remembered, and their words.
func told(t *testing.T, s Store, org string, r store.Remembering) (ids, words []string) {
	t.Helper()
	all, err := s.Remember(t.Context(), org, r)
	ok(t, err)
	for _, c := range all {
		ids = append(ids, c.ID)
		for _, m := range c.Spoken {
			words = append(words, m.Role+": "+m.Text)
		}
		for _, m := range c.Written {
			words = append(words, m.Role+": "+m.Content)
		}
	}
	return ids, words
}

// testRemember: calls and threads with somebody, the latest first, their last words in order, within the limits.
func testRemember(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	b, err := s.CreateBot(ctx, newBot(h.Org, "", store.InboundCallBot))
	ok(t, err)
	const ana = "+15005550077"
	first := phoned(t, h, b.Agent, ana, start.Add(time.Hour), "One?", "Two.", "Three?", "Four.")
	phoned(t, h, b.Agent, "+15005550078", start.Add(time.Hour), "Somebody else.")
	for i := range 8 { // nothing was said, time and again
		phoned(t, h, b.Agent, ana, start.Add(time.Duration(1+i)*time.Hour))
	}
	_, err = s.PutReport(ctx, h.Org, newReport(first, false))
	ok(t, err)
	chat := newReceived(h.Bot, "wamid.ana", ana)
	chat.Message.Created = start.Add(2 * time.Hour)
	r, err := s.Receive(ctx, chat)
	ok(t, err)

	ids, words := told(t, s, h.Org, remembering(ana))
	same(t, "conversations", ids, []string{r.Conversation.ID, first})
	same(t, "words", words, []string{"user: Hello", "caller: Three?", "assistant: Four."})
	all, err := s.Remember(ctx, h.Org, remembering(ana))
	ok(t, err)
	if all[1].Report != newReport(first, false).JSON || all[1].Channel != store.Voice || all[1].BotName != b.Name {
		t.Errorf("the call is remembered as %+v", all[1])
	}
	for name, change := range map[string]func(*store.Remembering){
		"one":               func(r *store.Remembering) { r.Most = 1 },
		"since the chat":    func(r *store.Remembering) { r.Since = start.Add(90 * time.Minute) },
		"but the call":      func(r *store.Remembering) { r.Except = first },
		"chats":             func(r *store.Remembering) { r.Channels = []store.Channel{store.WhatsApp} },
		"of chats, and one": func(r *store.Remembering) { r.Channels, r.Most = []store.Channel{store.WhatsApp, store.Voice}, 1 },
	} {
		ask := remembering(ana)
		change(&ask)
		if ids, _ := told(t, s, h.Org, ask); !slices.Equal(ids, []string{r.Conversation.ID}) {
			t.Errorf("%s: %v", name, ids)
		}
	}
	ask := remembering(ana)
	ask.Channels = []store.Channel{store.Voice}
	if ids, _ := told(t, s, h.Org, ask); !slices.Equal(ids, []string{first}) {
		t.Errorf("calls: %v", ids)
	}
	other, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	for name, found := range map[string][]string{
		"nobody":               firstOf(told(t, s, h.Org, remembering())),
		"no name":              firstOf(told(t, s, h.Org, remembering(""))),
		"another organisation": firstOf(told(t, s, other.ID, remembering(ana))),
	} {
		if len(found) > 0 {
			t.Errorf("%s: %v is remembered", name, found)
		}
	}
	ok(t, s.SetMemory(ctx, h.Org, `{"enabled":true}`))
	d, err := s.Directory(ctx)
	ok(t, err)
	if d.Organisations[0].Memory != `{"enabled":true}` || d.Organisations[1].Memory != "" {
		t.Errorf("organisations %+v", d.Organisations)
	}
}

func firstOf(ids, _ []string) []string { return ids }

// testRememberContact: somebody is known by all that they are called on a channel, and by all addresses of the one contact who has them.
func testRememberContact(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	chat := newReceived(h.Bot, "wamid.ana", "US.1349")
	chat.Peers = []string{"+15005550077", "US.1349"}
	r, err := s.Receive(ctx, chat)
	ok(t, err)
	if ids, _ := told(t, s, h.Org, remembering("US.1349")); !slices.Equal(ids, []string{r.Conversation.ID}) {
		t.Errorf("by the channel's own id: %v", ids)
	}
	number, err := strconv.ParseInt(r.Conversation.Contact, 10, 64)
	ok(t, err)
	const office = "+442079460000"
	_, err = s.UpdateContact(ctx, h.Org, number, start, func(c *store.Contact) error {
		c.Addresses = append(c.Addresses, store.Address{Channel: store.ChannelPhone, Address: office})
		return nil
	})
	ok(t, err)
	if ids, _ := told(t, s, h.Org, remembering(office)); !slices.Equal(ids, []string{r.Conversation.ID}) {
		t.Errorf("by another number of the contact: %v", ids)
	}
	_, err = s.CreateContact(ctx, store.Contact{ID: store.NewID(), Org: h.Org, Addresses: []store.Address{{Channel: store.ChannelPhone, Address: office}}, Created: start})
	ok(t, err)
	if ids, _ := told(t, s, h.Org, remembering(office)); len(ids) > 0 {
		t.Errorf("by a number that two contacts have: %v", ids)
	}
}

// testForget: what was said with a contact who is deleted is remembered no more; what is said later is.
func testForget(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	b, err := s.CreateBot(ctx, newBot(h.Org, "", store.InboundCallBot))
	ok(t, err)
	const ana, other = "+15005550077", "+15005550078"
	phoned(t, h, b.Agent, ana, start, "My number is four.")
	phoned(t, h, b.Agent, other, start, "I am somebody else.")
	chat := newReceived(h.Bot, "wamid.ana", ana)
	chat.Peers = []string{ana, "US.1349"}
	r, err := s.Receive(ctx, chat)
	ok(t, err)
	number, err := strconv.ParseInt(r.Conversation.Contact, 10, 64)
	ok(t, err)
	_, err = s.DeleteContact(ctx, h.Org, number)
	ok(t, err)
	for _, name := range []string{ana, "US.1349"} {
		if ids, words := told(t, s, h.Org, remembering(name)); len(ids) > 0 {
			t.Errorf("by %s: %q", name, words)
		}
	}
	if ids, _ := told(t, s, h.Org, remembering(other)); len(ids) != 1 {
		t.Errorf("somebody else: %v", ids)
	}
	later := newReceived(h.Bot, "wamid.later", ana)
	later.Message.Content, later.Message.Created = "Hello again", time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	_, err = s.Receive(ctx, later)
	ok(t, err)
	if _, words := told(t, s, h.Org, remembering(ana)); !slices.Equal(words, []string{"user: Hello again"}) {
		t.Errorf("after the contact was deleted: %q", words)
	}
}
