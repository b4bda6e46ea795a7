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

func newReceived(b store.Bot, external, peer string) store.Received {
	return store.Received{
		Org: b.Org, Bot: b.ID, Peers: []string{peer}, Name: "Ana Maria Ruiz", Metadata: `{"profile":"Ana"}`,
		Message: store.ThreadMessage{
			ID: store.NewID(), Role: "user", Content: "Hello", Type: "text", Tokens: -1, Author: store.ByCustomer, External: external, Data: `{"a":1}`, Created: start,
		},
		Reply: start.Add(2 * time.Second), Latest: start.Add(10 * time.Second),
	}
}

func newPosting(org string, b store.Bot, thread, text string, at time.Time) store.Posting {
	m := newThreadMessage(thread, text)
	m.Role, m.Author, m.Status, m.Created = "assistant", store.ByHuman, store.MessagePending, at
	return store.Posting{Org: org, Message: m, Job: store.Job{ID: store.NewID(), Bot: b.ID, Body: "{}", Due: at}}
}

func newFile(org string, at time.Time) store.File {
	return store.File{
		ID: store.NewID(), Org: org, Kind: "image", Type: "image/png", Name: "map.png", Bytes: 68, SHA256: "ab12", Path: "files/2026-11-22/x", Created: at,
	}
}

// everyThread is Every of the methods of whoever serves channels.
func (h House) everyThread(org string) map[string]func(context.Context) error {
	theirs := h.Bot
	theirs.Org = org
	return map[string]func(context.Context) error{
		"BotOwner": func(ctx context.Context) error { _, err := h.BotOwner(ctx, h.Bot.ID); return err },
		"Receive": func(ctx context.Context) error {
			_, err := h.Receive(ctx, newReceived(theirs, "wamid.every", "+15005550077"))
			return err
		},
		"Heard": func(ctx context.Context) error {
			return conflict(h.Heard(ctx, store.Words{Org: org, Job: store.Job{ID: "none"}}))
		},
		"Begin": func(ctx context.Context) error {
			_, err := h.Begin(ctx, newReceived(theirs, "", "+15005550079"))
			return err
		},
		"Fetched": func(ctx context.Context) error {
			return conflict(h.Fetched(ctx, store.Fetched{Job: store.Job{ID: "none"}}))
		},
		"CreateFile": func(ctx context.Context) error {
			f := newFile(h.Org, start)
			if err := h.CreateFile(ctx, f); err != nil {
				return err
			}
			_, err := h.File(ctx, org, f.ID)
			return err
		},
		"File": func(ctx context.Context) error {
			f := newFile(h.Org, start)
			if err := h.CreateFile(ctx, f); err != nil {
				return err
			}
			_, err := h.File(ctx, org, f.ID)
			return err
		},
		"FilesBefore": func(ctx context.Context) error { _, err := h.FilesBefore(ctx, start.AddDate(-1, 0, 0), 1); return err },
		"DropFiles":   func(ctx context.Context) error { return h.DropFiles(ctx, []string{store.NewID()}) },
		"Post": func(ctx context.Context) error {
			_, err := h.Post(ctx, newPosting(org, theirs, h.Thread.ID, "Hello", start))
			return err
		},
		"Sent": func(ctx context.Context) error {
			return h.Sent(ctx, store.Job{Bot: h.Bot.ID, Key: "none"}, "", "lost", start)
		},
		"Receipted": func(ctx context.Context) error { _, _, err := h.Receipted(ctx, store.Receipt{Bot: "none"}); return err },
		"ThreadMessage": func(ctx context.Context) error {
			l, err := h.LastMessages(ctx, h.Org, h.Thread.ID, 1)
			if err == nil {
				_, err = h.ThreadMessage(ctx, org, h.Thread.ID, l[0].ID)
			}
			return err
		},
		"LastMessages": func(ctx context.Context) error { _, err := h.LastMessages(ctx, org, h.Thread.ID, 1); return err },
		"LastReceived": func(ctx context.Context) error { _, err := h.LastReceived(ctx, org, h.Thread.ID); return err },
		"Peers": func(ctx context.Context) error {
			r, err := h.Receive(ctx, newReceived(h.Bot, "wamid.peers", "+15005550078"))
			if err == nil {
				_, err = h.Peers(ctx, org, r.Conversation.ID)
			}
			return err
		},
		"AddJob": func(ctx context.Context) error {
			_, err := h.AddJob(ctx, store.Job{ID: store.NewID(), Org: org, Bot: h.Bot.ID, Kind: store.EventJob, Key: "every", Due: start, Created: start})
			return err
		},
		"TakeJobs": func(ctx context.Context) error {
			_, err := h.TakeJobs(ctx, store.JobTaking{Kind: "none", Most: 1})
			return err
		},
		"PutOffJob":   func(ctx context.Context) error { return conflict(h.PutOffJob(ctx, store.Job{ID: "none"}, start)) },
		"GiveBackJob": func(ctx context.Context) error { return conflict(h.GiveBackJob(ctx, store.Job{ID: "none"}, start)) },
		"EndJob":      func(ctx context.Context) error { return conflict(h.EndJob(ctx, store.Job{ID: "none"}, "", start)) },
		"WaitingJobs": func(ctx context.Context) error { _, err := h.WaitingJobs(ctx, start); return err },
		"SweepJobs":   func(ctx context.Context) error { _, err := h.SweepJobs(ctx, start.AddDate(-1, 0, 0), 1); return err },
	}
}

func testReceive(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	r := newReceived(h.Bot, "wamid.1", "+16505551234")
	got, err := s.Receive(ctx, r)
	ok(t, err)
	c := got.Conversation
	if !got.Began || !got.Fresh || got.Message != r.Message.ID || c.External != "+16505551234" || c.Channel != store.WhatsApp || c.Bot != h.Bot.ID ||
		c.Status != store.ConversationActive || !c.AutoReply || c.Length != store.NoLength || c.Metadata != r.Metadata {
		t.Errorf("the first message makes %+v", got)
	}
	m, err := s.ThreadMessage(ctx, h.Org, c.ID, got.Message)
	ok(t, err)
	want := r.Message
	want.Number, want.Conversation = m.Number, c.ID
	same(t, "received message", m, want)
	people, _, err := s.FindContacts(ctx, h.Org, store.ContactQuery{Words: []string{"ruiz"}, Page: all})
	ok(t, err)
	if len(people) != 1 || people[0].FirstName != "Ana" || people[0].LastName != "Maria Ruiz" || people[0].Addresses[0].Channel != store.ChannelWhatsApp ||
		people[0].Addresses[0].Address != "+16505551234" || c.Contact != fmt.Sprint(people[0].Number) {
		t.Errorf("contact %s is %+v", c.Contact, people)
	}

	again := r
	again.Message.ID, again.Message.Content = store.NewID(), "Twice"
	got, err = s.Receive(ctx, again)
	ok(t, err)
	if got.Fresh || got.Began || got.Message != "" || got.Conversation.ID != c.ID {
		t.Errorf("the same message again makes %+v", got)
	}
	_, err = s.UpdateConversation(ctx, h.Org, c.ID, start, func(c *store.Conversation) error { c.Status = store.ConversationCompleted; return nil })
	ok(t, err)
	next := newReceived(h.Bot, "wamid.2", "+16505551234")
	next.Message.Created = start.Add(-time.Second) // it was written before the first, and came after it
	got, err = s.Receive(ctx, next)
	ok(t, err)
	if !got.Fresh || got.Began || got.Conversation.ID != c.ID || got.Conversation.Status != store.ConversationActive || !got.Conversation.Updated.Equal(start) {
		t.Errorf("the second message makes %+v", got)
	}
	list, err := s.ThreadMessages(ctx, h.Org, c.ID, all)
	ok(t, err)
	if len(list) != 2 || list[0].External != "wamid.2" || list[1].External != "wamid.1" {
		t.Errorf("messages %+v", list)
	}
	last, err := s.LastReceived(ctx, h.Org, c.ID)
	ok(t, err)
	if last.External != "wamid.1" {
		t.Errorf("the last is %+v", last)
	}
	last2, err := s.LastMessages(ctx, h.Org, c.ID, 1)
	ok(t, err)
	same(t, "last messages", last2, []store.ThreadMessage{last})
	b, err := s.Bot(ctx, h.Org, h.Bot.ID)
	ok(t, err)
	if b.Conversations != h.Bot.Conversations+1 {
		t.Errorf("the bot has %d conversations", b.Conversations)
	}
	if owner, err := s.BotOwner(ctx, h.Bot.ID); err != nil || owner != h.Org {
		t.Errorf("the bot is %s's (%v)", owner, err)
	}
	_, err = s.BotOwner(ctx, store.NewID())
	is(t, err, store.ErrNotFound)
}

// testReceivePeers: somebody may be known by several names, of which any leads to their thread; and by an address of the CRM.
func testReceivePeers(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	known, err := s.CreateContact(ctx, store.Contact{ID: store.NewID(), Org: h.Org, FirstName: "Ana", Created: start,
		Addresses: []store.Address{{Channel: store.ChannelPhone, Address: "+16505551234"}}})
	ok(t, err)
	receive := func(external string, peers ...string) store.Conversation {
		t.Helper()
		r := newReceived(h.Bot, external, "")
		r.Peers = peers
		got, err := s.Receive(ctx, r)
		ok(t, err)
		return got.Conversation
	}
	first := receive("wamid.1", "US.1349")
	if first.External != "US.1349" {
		t.Errorf("thread %+v", first)
	}
	both := receive("wamid.2", "+16505551234", "US.1349")
	number := receive("wamid.3", "+16505551234")
	if both.ID != first.ID || number.ID != first.ID {
		t.Errorf("threads %s, %s, %s", first.ID, both.ID, number.ID)
	}
	peers, err := s.Peers(ctx, h.Org, first.ID)
	ok(t, err)
	same(t, "peers", peers, []string{"+16505551234", "US.1349"})
	other := receive("wamid.4", "+16505551234", "US.9")
	if other.ID != first.ID {
		t.Errorf("threads %s, %s", first.ID, other.ID)
	}
	b, err := s.CreateBot(ctx, newBot(h.Org, "", store.WhatsAppBot))
	ok(t, err)
	r := newReceived(b, "wamid.5", "+16505551234")
	got, err := s.Receive(ctx, r)
	ok(t, err)
	if got.Conversation.ID == first.ID || got.Conversation.Contact != fmt.Sprint(known.Number) {
		t.Errorf("another bot's thread: %+v, contact %d", got.Conversation, known.Number)
	}
	_, err = s.Peers(ctx, h.Org, h.Thread.ID)
	is(t, err, store.ErrNotFound)
}

func testReceiveAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	const messages, rivals = 6, 4
	var w sync.WaitGroup
	var mu sync.Mutex
	began, fresh := 0, 0
	for i := range messages * rivals {
		w.Go(func() {
			got, err := s.Receive(ctx, newReceived(h.Bot, fmt.Sprint("wamid.", i%messages), "+16505551234"))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if got.Began {
				began++
			}
			if got.Fresh {
				fresh++
			}
		})
	}
	w.Wait()
	if began != 1 || fresh != messages {
		t.Errorf("%d threads began, of %d messages", began, fresh)
	}
	if n, err := s.CountContacts(ctx, h.Org, store.ContactQuery{Words: []string{"ruiz"}}); err != nil || n != 1 {
		t.Errorf("%d contacts (%v)", n, err)
	}
	jobs := takeJobs(t, s, store.ReplyJob, start.Add(time.Hour))
	if len(jobs) != 1 {
		t.Errorf("%d answers are due", len(jobs))
	}
}

// takeJobs takes jobs until a minute later.
func takeJobs(t *testing.T, s Store, kind store.JobKind, now time.Time) []store.Job {
	t.Helper()
	jobs, err := s.TakeJobs(t.Context(), store.JobTaking{Kind: kind, Node: "node", Now: now, Until: now.Add(time.Minute), Most: 10})
	ok(t, err)
	return jobs
}

func testPost(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	got, err := s.Receive(ctx, newReceived(h.Bot, "wamid.1", "+16505551234"))
	ok(t, err)
	thread := got.Conversation.ID
	if due := takeJobs(t, s, store.ReplyJob, start.Add(time.Second)); len(due) != 0 {
		t.Errorf("an answer is due too early: %+v", due)
	}
	more := newReceived(h.Bot, "wamid.2", "+16505551234")
	more.Message.Created, more.Reply, more.Latest = start.Add(time.Second), start.Add(time.Hour), start.Add(2*time.Hour)
	got, err = s.Receive(ctx, more)
	ok(t, err)
	if due := takeJobs(t, s, store.ReplyJob, start.Add(9*time.Second)); len(due) != 0 {
		t.Errorf("an answer that was put off is due too early: %+v", due)
	}
	due := takeJobs(t, s, store.ReplyJob, start.Add(10*time.Second)) // the latest of the first
	if len(due) != 1 || due[0].Key != thread || due[0].Tries != 1 {
		t.Fatalf("due: %+v", due)
	}
	answer := newPosting(h.Org, h.Bot, thread, "How can I help?", start.Add(11*time.Second))
	answer.Answers, answer.After = &due[0], "another"
	_, err = s.Post(ctx, answer)
	is(t, err, store.ErrConflict)
	answer.After = got.Message
	made, err := s.Post(ctx, answer)
	ok(t, err)
	answer.Message.Number = made.Number
	same(t, "posted message", made, answer.Message)
	if left := takeJobs(t, s, store.ReplyJob, start.Add(time.Hour)); len(left) != 0 {
		t.Errorf("it is answered, and due: %+v", left)
	}
	second, err := s.Post(ctx, newPosting(h.Org, h.Bot, thread, "Hello?", start.Add(12*time.Second)))
	ok(t, err)
	sends := takeJobs(t, s, store.SendJob, start.Add(20*time.Second))
	if len(sends) != 1 || sends[0].Key != made.ID || sends[0].Body != "{}" || sends[0].Thread != thread {
		t.Fatalf("to be sent, one after another: %+v", sends)
	}
	ok(t, s.Sent(ctx, sends[0], "wamid.out1", "", start.Add(21*time.Second)))
	sends = takeJobs(t, s, store.SendJob, start.Add(22*time.Second))
	if len(sends) != 1 || sends[0].Key != second.ID {
		t.Fatalf("to be sent next: %+v", sends)
	}
	ok(t, s.Sent(ctx, sends[0], "", "the window is closed", start.Add(23*time.Second)))
	list, err := s.LastMessages(ctx, h.Org, thread, 2)
	ok(t, err)
	if list[0].External != "wamid.out1" || list[0].Status != store.MessageSent || list[1].Status != store.MessageFailed || list[1].Error != "the window is closed" {
		t.Errorf("sent: %+v", list)
	}
	_, err = s.Post(ctx, newPosting(h.Org, h.Bot, store.NewID(), "Hello?", start))
	is(t, err, store.ErrNotFound)

	off := newReceived(h.Bot, "wamid.3", "+16505551234")
	for name, change := range map[string]func(*store.Conversation){
		"auto-reply off": func(c *store.Conversation) { c.AutoReply = false },
		"escalated":      func(c *store.Conversation) { c.AutoReply, c.Status = true, store.ConversationEscalated },
	} {
		_, err = s.UpdateConversation(ctx, h.Org, thread, start, func(c *store.Conversation) error { change(c); return nil })
		ok(t, err)
		off.Message.ID, off.Message.External = store.NewID(), name
		_, err = s.Receive(ctx, off)
		ok(t, err)
		if due := takeJobs(t, s, store.ReplyJob, start.Add(time.Hour)); len(due) != 0 {
			t.Errorf("%s: due %+v", name, due)
		}
		late := newPosting(h.Org, h.Bot, thread, "Late", start.Add(time.Minute))
		late.After = second.ID
		_, err = s.Post(ctx, late)
		is(t, err, store.ErrConflict)
	}
}

// testHeard: a voice note is answered once it has words, with what was written before and after it.
func testHeard(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	r := newReceived(h.Bot, "wamid.note", "+16505551234")
	r.Message.Type, r.Message.Content, r.Hear = "audio", "", true
	got, err := s.Receive(ctx, r)
	ok(t, err)
	later := time.Now().Add(time.Minute)
	if due := takeJobs(t, s, store.ReplyJob, later); len(due) != 0 {
		t.Errorf("it is to be answered before it was heard: %+v", due)
	}
	more := newReceived(h.Bot, "wamid.text", "+16505551234")
	more.Message.Created = start.Add(time.Second)
	_, err = s.Receive(ctx, more)
	ok(t, err)
	if due := takeJobs(t, s, store.ReplyJob, later); len(due) != 0 {
		t.Errorf("what was written beside it is to be answered before it was heard: %+v", due)
	}
	notes := takeJobs(t, s, store.HearJob, later)
	if len(notes) != 1 || notes[0].Key != got.Message || notes[0].Thread != got.Conversation.ID {
		t.Fatalf("to be heard: %+v", notes)
	}
	w := store.Words{Org: h.Org, Job: notes[0], Text: "Where is my order?", Reply: later, Latest: later}
	ok(t, s.Heard(ctx, w))
	is(t, s.Heard(ctx, w), store.ErrConflict)
	m, err := s.ThreadMessage(ctx, h.Org, got.Conversation.ID, got.Message)
	ok(t, err)
	if m.Content != "Where is my order?" {
		t.Errorf("message %+v", m)
	}
	if due := takeJobs(t, s, store.ReplyJob, later); len(due) != 1 || due[0].Key != got.Conversation.ID {
		t.Errorf("to be answered: %+v", due)
	}
}

// testReplyAnew: a thread that has gone on is looked at again as if it had not been; one whose answer has failed begins anew with what is written.
func testReplyAnew(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	receive := func(external string, at time.Time) {
		t.Helper()
		r := newReceived(h.Bot, external, "+16505551234")
		r.Message.Created, r.Reply, r.Latest = at, at.Add(2*time.Second), at.Add(10*time.Second)
		_, err := s.Receive(ctx, r)
		ok(t, err)
	}
	take := func(at time.Time) store.Job {
		t.Helper()
		due := takeJobs(t, s, store.ReplyJob, at)
		if len(due) != 1 {
			t.Fatalf("due: %+v", due)
		}
		return due[0]
	}
	receive("wamid.1", start)
	for range 3 {
		j := take(start.Add(2 * time.Second))
		if j.Tries != 1 || j.Settled != 0 {
			t.Errorf("given back, it is tried for the %dth time, put off %d times", j.Tries, j.Settled)
		}
		ok(t, s.GiveBackJob(ctx, j, start.Add(2*time.Second)))
		is(t, s.GiveBackJob(ctx, j, start), store.ErrConflict)
	}
	ok(t, s.PutOffJob(ctx, take(start.Add(2*time.Second)), start.Add(time.Hour)))
	receive("wamid.2", start.Add(time.Minute))
	if due := takeJobs(t, s, store.ReplyJob, start.Add(61*time.Second)); len(due) != 0 {
		t.Errorf("the next burst is answered at once: %+v", due)
	}
	if j := take(start.Add(62 * time.Second)); j.Tries != 1 || j.Settled != 0 {
		t.Errorf("what is written after a failure is tried for the %dth time, put off %d times", j.Tries, j.Settled)
	}
	receive("wamid.3", start.Add(69*time.Second))
	if j := take(start.Add(70 * time.Second)); j.Tries != 1 {
		t.Errorf("at the latest of its burst it is tried for the %dth time", j.Tries)
	}
}

// testFiles: a file is its organisation's, until its time is up; one that came with a message is told of in that.
func testFiles(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	old, young := newFile(h.Org, start), newFile(h.Org, start.Add(time.Hour))
	ok(t, s.CreateFile(ctx, old))
	ok(t, s.CreateFile(ctx, young))
	is(t, s.CreateFile(ctx, newFile(store.NewID(), start)), store.ErrNotFound)
	got, err := s.File(ctx, h.Org, old.ID)
	ok(t, err)
	same(t, "file", got, old)
	due, err := s.FilesBefore(ctx, young.Created, 10)
	ok(t, err)
	same(t, "old files", due, []store.File{old})
	ok(t, s.DropFiles(ctx, []string{old.ID, store.NewID()}))
	_, err = s.File(ctx, h.Org, old.ID)
	is(t, err, store.ErrNotFound)

	r := newReceived(h.Bot, "wamid.photo", "+16505551234")
	r.Message.Type, r.Fetch = "image", true
	thread, err := s.Receive(ctx, r)
	ok(t, err)
	later := time.Now().Add(time.Minute)
	jobs := takeJobs(t, s, store.FetchJob, later)
	if len(jobs) != 1 || jobs[0].Key != thread.Message || jobs[0].Thread != thread.Conversation.ID {
		t.Fatalf("to be fetched: %+v", jobs)
	}
	f := newFile(h.Org, start)
	done := store.Fetched{Job: jobs[0], Data: `{"media":{"file":"x"}}`, File: &f}
	ok(t, s.Fetched(ctx, done))
	is(t, s.Fetched(ctx, done), store.ErrConflict)
	m, err := s.ThreadMessage(ctx, h.Org, thread.Conversation.ID, thread.Message)
	ok(t, err)
	if m.Data != done.Data {
		t.Errorf("message %+v", m)
	}
	_, err = s.File(ctx, h.Org, f.ID)
	ok(t, err)
}

// testBegin: a thread that we begin is the one that they write in.
func testBegin(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	r := newReceived(h.Bot, "", "+16505551234")
	got, err := s.Begin(ctx, r)
	ok(t, err)
	c := got.Conversation
	if !got.Began || c.External != "+16505551234" || c.Contact == "" || c.Status != store.ConversationActive || !c.Created.Equal(start) {
		t.Errorf("begun: %+v", got)
	}
	again, err := s.Begin(ctx, r)
	ok(t, err)
	theirs, err := s.Receive(ctx, newReceived(h.Bot, "wamid.1", "+16505551234"))
	ok(t, err)
	if again.Began || again.Conversation.ID != c.ID || theirs.Began || theirs.Conversation.ID != c.ID || theirs.Conversation.Contact != c.Contact {
		t.Errorf("threads %s, %s, %s", c.ID, again.Conversation.ID, theirs.Conversation.ID)
	}
	if all, err := s.ThreadMessages(ctx, h.Org, c.ID, all); err != nil || len(all) != 1 {
		t.Errorf("messages %+v (%v)", all, err)
	}
	first := newPosting(h.Org, h.Bot, c.ID, "One.", start.Add(time.Second))
	first.More = []store.Posting{newPosting(h.Org, h.Bot, c.ID, "Two.", start.Add(2*time.Second))}
	_, err = s.Post(ctx, first)
	ok(t, err)
	for _, want := range []string{first.Message.ID, first.More[0].Message.ID} { // in order, one after another
		jobs := takeJobs(t, s, store.SendJob, start.Add(time.Hour))
		if len(jobs) != 1 || jobs[0].Key != want {
			t.Fatalf("to be sent: %+v, want %s", jobs, want)
		}
		ok(t, s.Sent(ctx, jobs[0], "wamid."+want, "", start))
	}
}

func testReceipts(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	got, err := s.Receive(ctx, newReceived(h.Bot, "wamid.in", "+16505551234"))
	ok(t, err)
	thread := got.Conversation.ID
	tell := func(external string, status store.MessageStatus, reason, own string) string {
		t.Helper()
		c, m, err := s.Receipted(ctx, store.Receipt{Org: h.Org, Bot: h.Bot.ID, External: external, Message: own, Status: status, Error: reason, At: start})
		ok(t, err)
		if m != "" && c != thread {
			t.Errorf("receipt of %s is of thread %s", external, c)
		}
		return m
	}
	post := func() store.ThreadMessage {
		t.Helper()
		m, err := s.Post(ctx, newPosting(h.Org, h.Bot, thread, "Hi", start.Add(time.Second)))
		ok(t, err)
		return m
	}
	now := func(id string) store.ThreadMessage {
		t.Helper()
		m, err := s.ThreadMessage(ctx, h.Org, thread, id)
		ok(t, err)
		return m
	}
	first := post()
	if m := tell("wamid.out1", store.MessageRead, "", ""); m != "" { // it comes before our own note of the id
		t.Errorf("an unknown message is %s", m)
	}
	if got := now(first.ID); got.Status != store.MessagePending {
		t.Errorf("before it has an id: %+v", got)
	}
	ok(t, s.Sent(ctx, takeJobs(t, s, store.SendJob, start.Add(time.Minute))[0], "wamid.out1", "", start))
	for _, late := range []store.MessageStatus{store.MessageSent, store.MessageDelivered, store.MessageFailed, store.MessageRead} {
		if m := tell("wamid.out1", late, "late", ""); m != "" {
			t.Errorf("%s after read changes %s", late, m)
		}
	}
	if got := now(first.ID); got.Status != store.MessageRead || got.Error != "" {
		t.Errorf("read: %+v", got)
	}
	second := post()
	if m := tell("wamid.out2", store.MessageSent, "", second.ID); m != second.ID { // the answer to our request was lost
		t.Errorf("a message that the channel names by our id is %q", m)
	}
	if got := now(second.ID); got.Status != store.MessageSent || got.External != "wamid.out2" {
		t.Errorf("named: %+v", got)
	}
	if m := tell("wamid.out2", store.MessageFailed, "131026", ""); m != second.ID {
		t.Errorf("its failure is %q's", m)
	}
	if got := now(second.ID); got.Status != store.MessageFailed || got.Error != "131026" {
		t.Errorf("failed: %+v", got)
	}
	if m := tell("wamid.in", store.MessageRead, "", ""); m == "" || now(m).Status != "" {
		t.Errorf("a receipt of the customer's own message: %+v", now(m))
	}
}

func testJobs(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	add := func(key string, due time.Time) bool {
		t.Helper()
		added, err := s.AddJob(ctx, store.Job{ID: store.NewID(), Org: h.Org, Bot: h.Bot.ID, Kind: store.EventJob, Key: key, Body: "body", Due: due, Latest: due, Created: start})
		ok(t, err)
		return added
	}
	if !add("a", start) || add("a", start) || !add("b", start.Add(time.Minute)) {
		t.Error("a job is added once")
	}
	_, err := s.AddJob(ctx, store.Job{ID: store.NewID(), Org: h.Org, Bot: store.NewID(), Kind: store.EventJob, Key: "c", Due: start, Created: start})
	is(t, err, store.ErrNotFound)
	waiting, err := s.WaitingJobs(ctx, start.Add(time.Hour))
	ok(t, err)
	same(t, "waiting jobs", waiting, map[store.JobKind]store.Waiting{store.EventJob: {Jobs: 2, Oldest: start}})
	taken := takeJobs(t, s, store.EventJob, start)
	if len(taken) != 1 || taken[0].Key != "a" || taken[0].Body != "body" || taken[0].Node != "node" || taken[0].Tries != 1 || !taken[0].Due.Equal(start.Add(time.Minute)) {
		t.Fatalf("taken: %+v", taken)
	}
	if again := takeJobs(t, s, store.EventJob, start.Add(time.Second)); len(again) != 0 {
		t.Errorf("taken twice: %+v", again)
	}
	waiting, err = s.WaitingJobs(ctx, start.Add(time.Second))
	ok(t, err)
	same(t, "waiting jobs", waiting, map[store.JobKind]store.Waiting{})
	ok(t, s.PutOffJob(ctx, taken[0], start.Add(2*time.Second)))
	is(t, s.PutOffJob(ctx, taken[0], start), store.ErrConflict)
	is(t, s.EndJob(ctx, taken[0], "", start), store.ErrConflict)
	taken = takeJobs(t, s, store.EventJob, start.Add(2*time.Second))
	if len(taken) != 1 || taken[0].Tries != 2 || taken[0].Settled != 1 {
		t.Fatalf("put off, and taken: %+v", taken)
	}
	crashed := takeJobs(t, s, store.EventJob, start.Add(2*time.Minute)) // both: the first's lease is over
	if len(crashed) != 2 || crashed[0].Tries != 3 || crashed[0].Settled != 1 {
		t.Fatalf("taken of a node that died: %+v", crashed)
	}
	is(t, s.EndJob(ctx, taken[0], "", start), store.ErrConflict)
	ok(t, s.EndJob(ctx, crashed[0], "", start.Add(3*time.Minute)))
	ok(t, s.EndJob(ctx, crashed[1], "it cannot be read", start.Add(4*time.Minute)))
	if add("a", start) {
		t.Error("what is done is not known again")
	}
	n, err := s.SweepJobs(ctx, start.Add(3*time.Minute), 10)
	if err != nil || n != 0 {
		t.Errorf("%d swept too early (%v)", n, err)
	}
	n, err = s.SweepJobs(ctx, start.Add(time.Hour), 1)
	if err != nil || n != 1 || !add("a", start) {
		t.Errorf("%d swept (%v)", n, err)
	}
}

func testJobsAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	const jobs, nodes = 40, 4
	for i := range jobs {
		_, err := s.AddJob(ctx, store.Job{ID: store.NewID(), Org: h.Org, Bot: h.Bot.ID, Kind: store.EventJob, Key: fmt.Sprint(i), Due: start, Latest: start, Created: start})
		ok(t, err)
	}
	var w sync.WaitGroup
	var mu sync.Mutex
	who := map[string]int{}
	for n := range nodes {
		w.Go(func() {
			for range jobs {
				taken, err := s.TakeJobs(ctx, store.JobTaking{Kind: store.EventJob, Node: fmt.Sprint(n), Now: start, Until: start.Add(time.Hour), Most: 3})
				if err != nil && !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
				mu.Lock()
				for _, j := range taken {
					who[j.Key]++
				}
				mu.Unlock()
			}
		})
	}
	w.Wait()
	for key, n := range who {
		if n != 1 {
			t.Errorf("job %s was taken %d times", key, n)
		}
	}
	if len(who) != jobs {
		t.Errorf("%d jobs of %d were taken", len(who), jobs)
	}
}
