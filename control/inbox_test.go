package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/control"
	"parley/control/archive"
	"parley/control/bots"
	"parley/control/bus"
	"parley/control/inbox"
	"parley/store"
)

// A chat is a channel in memory: an inbox.Lines whose webhooks are JSON lists of inbox.Event, signed with a word.
type chat struct {
	mu      sync.Mutex
	sent    []inbox.Outgoing
	seen    []string
	files   map[string]string // by the channel's ids
	refusal error
}

func (c *chat) Line(b store.Bot) (inbox.Line, error) {
	if bots.ChannelOf(b) == nil {
		return nil, errors.New("config.whatsapp is missing")
	}
	return c, nil
}

func (c *chat) Signed(w inbox.Webhook) bool { return w.Header.Get("X-Signed") == "yes" }

func (c *chat) Read(_ string, body []byte) (all []inbox.Event, err error) {
	return all, json.Unmarshal(body, &all)
}

func (c *chat) Send(_ context.Context, m inbox.Outgoing) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal != nil {
		return "", c.refusal
	}
	c.sent = append(c.sent, m)
	return fmt.Sprint("wamid.out", len(c.sent)), nil
}

// Check takes all that has no title "wrong".
func (c *chat) Check(_ context.Context, m inbox.Outgoing) error {
	if m.Details.Interactive["title"] == "wrong" {
		return &inbox.Refusal{Field: "interactive.title", Message: "is wrong"}
	}
	return nil
}

func (c *chat) Longest() int { return 60 }

func (c *chat) Fetch(_ context.Context, _, data string, to io.Writer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := bots.ReadDetails(data)
	if err != nil {
		return err
	}
	if d.Media == nil {
		_, err = io.WriteString(to, "a voice note")
		return err
	}
	content, ok := c.files[d.Media.ID]
	if !ok {
		return &inbox.Refusal{Message: "the file is there no more"}
	}
	_, err = io.WriteString(to, content)
	return err
}

func (c *chat) Seen(_ context.Context, external string, typing bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, fmt.Sprint(external, " ", typing))
	return nil
}

func (c *chat) refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusal = err
}

// withChat is a world whose bots have a channel. The inbox runs until the test's end.
func withChat(t testing.TB, timing inbox.Timing) (*agency, *chat) {
	t.Helper()
	return withVoices(t, timing, nil)
}

// withVoices is withChat, with a voice.
func withVoices(t testing.TB, timing inbox.Timing, v inbox.Voice) (*agency, *chat) {
	t.Helper()
	a, c := &agency{pen: &pen{text: "It is on its way."}, scout: &scout{}}, &chat{}
	var box *inbox.Inbox
	a.world = newWorld(t, func(o *control.Options) {
		o.Drafter = a.pen
		a.feed = &bots.Feed{Store: o.Bots, Calls: o.Calls, Bus: &bus.Local{}, Log: o.Log}
		box = inbox.New(inbox.Options{
			Store: o.Bots.(inbox.Rows), Files: linkedFiles{o.Kept.(*archive.Files)}, Node: "here", Lines: c, Feed: a.feed, Drafter: a.pen, Voice: v, Secret: o.Secret, Public: "https://voice.example.com", Timing: timing, Log: o.Log,
		})
		o.Feed, o.Messenger = a.feed, box
	})
	a.t = t
	box.Mount(a.mux)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- box.Run(ctx) }()
	t.Cleanup(func() { stop(); must(t, <-over) })
	return a, c
}

// linkedFiles are files with an address for channels.
type linkedFiles struct{ *archive.Files }

func (linkedFiles) Link(f store.File) string { return "https://voice.example.com/" + f.ID }

const channelled = `{"name":"Chat","type":"whatsapp","config":{"whatsapp":{"phone_number_id":"106540352242922"}}}`

// hook sends a webhook for a bot.
func (w *agency) hook(bot, signed, body string) int {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/whatsapp/meta/"+bot, strings.NewReader(body))
	r.Header.Set("X-Signed", signed)
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return rec.Code
}

// told is a webhook with a message.
func told(id, from, text string, at time.Time) string {
	body, _ := json.Marshal([]inbox.Event{{At: "106540352242922", Message: &inbox.Incoming{ID: id, Peers: []string{from}, Name: "Ana", Type: "text", Text: text, Sent: at}}})
	return string(body)
}

// A watcher reads what the socket of conversations tells.
type watcher struct {
	w    *agency
	conn *websocket.Conn
}

func (w *agency) watch() *watcher {
	w.t.Helper()
	server := httptest.NewServer(w.mux)
	w.t.Cleanup(server.Close)
	conn, _, err := websocket.DefaultDialer.DialContext(w.t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/ws/conversations?token="+w.token(w.ours), nil) //nolint:bodyclose // gorilla: it need not be closed
	must(w.t, err)
	w.t.Cleanup(func() { _ = conn.Close() })
	must(w.t, conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)))
	v := &watcher{w, conn}
	v.until("pong", func(json.RawMessage) bool { return true })
	return v
}

// until reads until there is an event of a type that is right.
func (v *watcher) until(kind string, right func(data json.RawMessage) bool) {
	v.w.t.Helper()
	must(v.w.t, v.conn.SetReadDeadline(time.Now().Add(time.Minute)))
	for {
		_, text, err := v.conn.ReadMessage()
		if err != nil {
			v.w.t.Fatalf("waiting for %s: %v\n%s", kind, err, v.w.log)
		}
		var e struct {
			Type string
			Data json.RawMessage
		}
		must(v.w.t, json.Unmarshal(text, &e))
		if e.Type == kind && right(e.Data) {
			return
		}
	}
}

// message waits for a message that is right.
func (v *watcher) message(kind string, right func(m bots.Message) bool) (m bots.Message) {
	v.w.t.Helper()
	v.until(kind, func(data json.RawMessage) bool {
		m = bots.Message{}
		must(v.w.t, json.Unmarshal(data, &m))
		return right(m)
	})
	return m
}

func is(p *string, want string) bool { return p != nil && *p == want }

// TestThread: what somebody writes is a conversation, the bot answers once for a burst, a person takes over, and the channel tells how far it came.
func TestThread(t *testing.T) {
	t.Parallel()
	w, c := withChat(t, inbox.Timing{Every: 20 * time.Millisecond, Pause: 3 * time.Second})
	bot, now := w.bot(channelled), time.Now()
	events := w.watch()
	for i, text := range []string{"Hello", "are you there?", "Where is my order?"} {
		for range 2 {
			if code := w.hook(bot.ID, "yes", told(fmt.Sprint("wamid.", i), "+16505551234", text, now.Add(time.Duration(i-60)*time.Second))); code != http.StatusOK {
				t.Fatalf("the webhook is answered %d", code)
			}
		}
	}
	var thread bots.Conversation
	events.until(bots.ConversationCreated, func(data json.RawMessage) bool { must(t, json.Unmarshal(data, &thread)); return true })
	if thread.ExternalID != "+16505551234" || thread.Channel != store.WhatsApp || thread.ContactID == nil || thread.BotID != bot.ID {
		t.Errorf("conversation %+v", thread)
	}
	answer := events.message(bots.MessageUpdated, func(m bots.Message) bool { return is(m.Status, "sent") })
	if answer.Content != "It is on its way." || answer.Role != "assistant" || !is(answer.Author, "bot") {
		t.Errorf("the bot's answer: %+v", answer)
	}
	list := func() (all []bots.Message) {
		w.want(w.ask(w.ours.key, "GET", "/api/v1/conversations/"+thread.ID+"/messages", ""), http.StatusOK).data(t, &all)
		return all
	}
	all := list()
	if len(all) != 4 || all[0].Content != "Hello" || all[2].Content != "Where is my order?" || !is(all[0].Author, "customer") || all[3].ID != answer.ID {
		t.Errorf("messages %+v", all)
	}
	if told := w.pen.thread; len(told) != 3 || told[2].Text != "Where is my order?" {
		t.Errorf("the bot was told %+v", told)
	}

	w.want(w.ask(w.ours.key, "POST", "/api/v1/conversations/"+thread.ID+"/autoreply", `{"enabled":false}`), http.StatusOK)
	var mine bots.Message
	w.want(w.ask(w.ours.key, "POST", "/api/v1/conversations/"+thread.ID+"/messages", `{"content":"I am looking."}`), http.StatusCreated).data(t, &mine)
	if mine.Content != "I am looking." || !is(mine.Author, "human") || !is(mine.Status, "pending") || mine.Role != "assistant" {
		t.Errorf("a person's message: %+v", mine)
	}
	events.message(bots.MessageUpdated, func(m bots.Message) bool { return m.ID == mine.ID && is(m.Status, "sent") })
	for _, status := range []store.MessageStatus{store.MessageRead, store.MessageDelivered} { // in disorder
		body, _ := json.Marshal([]inbox.Event{{Receipt: &inbox.Receipt{ID: "wamid.out2", Status: status, At: now}}})
		if code := w.hook(bot.ID, "yes", string(body)); code != http.StatusOK {
			t.Errorf("a receipt is answered %d", code)
		}
	}
	events.message(bots.MessageUpdated, func(m bots.Message) bool { return m.ID == mine.ID && is(m.Status, "read") })
	c.mu.Lock()
	if len(c.sent) != 2 || c.sent[1].Text != "I am looking." || c.sent[1].Peers[0] != "+16505551234" || c.sent[1].Tag != mine.ID {
		t.Errorf("sent: %+v", c.sent)
	}
	if got := fmt.Sprint(c.seen); got != "[wamid.2 true wamid.2 false]" {
		t.Errorf("marked as read: %s", got)
	}
	c.mu.Unlock()
	if code := w.hook(bot.ID, "yes", told("wamid.9", "+16505551234", "Thanks", now)); code != http.StatusOK {
		t.Fatal(code)
	}
	events.message(bots.MessageCreated, func(m bots.Message) bool { return m.Content == "Thanks" })

	c.refuse(&inbox.Refusal{Message: "the number is not on WhatsApp (code 131026)"})
	w.want(w.ask(w.ours.key, "POST", "/api/v1/conversations/"+thread.ID+"/messages", `{"content":"Bye."}`), http.StatusCreated).data(t, &mine)
	failed := events.message(bots.MessageUpdated, func(m bots.Message) bool { return m.ID == mine.ID && is(m.Status, "failed") })
	if !is(failed.Error, "the number is not on WhatsApp (code 131026)") {
		t.Errorf("a message that was refused: %+v", failed)
	}
	if n := len(list()); n != 7 {
		t.Errorf("%d messages at the end", n)
	}
}

// TestDoor: only what its channel has signed comes in, and of bots that have that channel.
func TestDoor(t *testing.T) {
	t.Parallel()
	w, _ := withChat(t, inbox.Timing{Every: time.Hour})
	bot, other := w.bot(channelled), w.bot(`{"name":"Desk","type":"whatsapp"}`)
	body := told("wamid.1", "+16505551234", "Hello", time.Now())
	for name, tt := range map[string]struct {
		bot, signed, body string
		want              int
	}{
		"signed":      {bot.ID, "yes", body, http.StatusOK},
		"again":       {bot.ID, "yes", body, http.StatusOK},
		"not signed":  {bot.ID, "no", body, http.StatusForbidden},
		"no bot":      {store.NewID(), "yes", body, http.StatusNotFound},
		"no id":       {"x", "yes", body, http.StatusNotFound},
		"no channel":  {other.ID, "yes", body, http.StatusNotFound},
		"much":        {bot.ID, "yes", strings.Repeat(" ", 3<<20+1), http.StatusRequestEntityTooLarge},
		"unreadable":  {bot.ID, "yes", "nonsense", http.StatusOK}, // the channel would only tell it again
		"another one": {bot.ID, "yes", told("wamid.2", "+16505551234", "Hello", time.Now()), http.StatusOK},
	} {
		if got := w.hook(tt.bot, tt.signed, tt.body); got != tt.want {
			t.Errorf("%s: answered %d, want %d", name, got, tt.want)
		}
	}
	var ch bots.Channel
	w.want(w.ask(w.ours.key, "GET", "/api/v1/bots/"+bot.ID+"/channel", ""), http.StatusOK).data(t, &ch)
	if !is(ch.WebhookURL, "https://voice.example.com/whatsapp/meta/"+bot.ID) || !is(ch.Provider, "meta") || ch.VerifyToken == nil {
		t.Fatalf("channel %+v", ch)
	}
	ask := func(query string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/whatsapp/meta/"+bot.ID+"?"+query, nil))
		return rec
	}
	good := "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + *ch.VerifyToken
	if rec := ask(good); rec.Code != http.StatusOK || rec.Body.String() != "1158201444" {
		t.Errorf("the handshake: %d %s", rec.Code, rec.Body)
	}
	for _, bad := range []string{"", good + "x", "hub.mode=unsubscribe" + good[len("hub.mode=subscribe"):], "hub.mode=subscribe&hub.verify_token=" + *ch.VerifyToken} {
		if rec := ask(bad); rec.Code != http.StatusForbidden || strings.Contains(rec.Body.String(), "1158201444") {
			t.Errorf("%s: %d %s", bad, rec.Code, rec.Body)
		}
	}
	w.want(w.ask(w.ours.key, "GET", "/api/v1/bots/"+other.ID+"/channel", ""), http.StatusOK).data(t, &ch)
	if ch.Provider != nil || ch.WebhookURL != nil || ch.VerifyToken != nil {
		t.Errorf("without a channel: %+v", ch)
	}
}

// TestWriteRefused: what cannot be sent says why.
func TestWriteRefused(t *testing.T) {
	t.Parallel()
	w, _ := withChat(t, inbox.Timing{Every: 20 * time.Millisecond})
	bot := w.bot(channelled)
	events := w.watch()
	if code := w.hook(bot.ID, "yes", told("wamid.1", "+16505551234", "Hello", time.Now().Add(-25*time.Hour))); code != http.StatusOK {
		t.Fatal(code)
	}
	old := events.message(bots.MessageCreated, func(bots.Message) bool { return true })
	plain := w.open(w.bot(`{"name":"Desk","type":"whatsapp"}`).ID)
	for name, tt := range map[string]struct{ thread, body, want string }{
		"window":     {old.ConversationID, `{"content":"Hello"}`, "24 hours"},
		"no channel": {plain, `{"content":"Hello"}`, "config.whatsapp is missing"},
		"call":       {w.ours.done, `{"content":"Hello"}`, "no such conversation"},
		"blank":      {plain, `{"content":" "}`, "content"},
		"long":       {plain, `{"content":"` + strings.Repeat("x", 4097) + `"}`, "content"},
	} {
		a := w.ask(w.ours.key, "POST", "/api/v1/conversations/"+tt.thread+"/messages", tt.body)
		if a.status != http.StatusBadRequest && name != "call" || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	w.want(w.ask(w.ours.key, "POST", "/api/v1/conversations/"+store.NewID()+"/messages", `{"content":"Hello"}`), http.StatusNotFound)
}

// TestTakenOver: what a bot was about to say is not sent where somebody has written meanwhile: a person has the thread, or the customer has said more.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	w, c := withChat(t, inbox.Timing{Every: 20 * time.Millisecond, Pause: 20 * time.Millisecond, Burst: 40 * time.Millisecond})
	bot := w.bot(channelled)
	events := w.watch()
	hear := func(id, text string) {
		t.Helper()
		if code := w.hook(bot.ID, "yes", told(id, "+16505551234", text, time.Now())); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	begun, goOn := make(chan int), make(chan bool)
	w.pen.during = func(n int) { begun <- n; <-goOn }
	hear("wamid.1", "Hello")
	thread := events.message(bots.MessageCreated, func(bots.Message) bool { return true }).ConversationID
	<-begun
	hear("wamid.2", "Where is my order?")
	events.message(bots.MessageCreated, func(m bots.Message) bool { return m.Content == "Where is my order?" })
	go func() { goOn <- true }()
	<-begun // it begins anew
	goOn <- true
	events.message(bots.MessageUpdated, func(m bots.Message) bool { return is(m.Status, "sent") })
	hear("wamid.3", "And my money?")
	<-begun
	var mine bots.Message
	w.want(w.ask(w.ours.key, "POST", "/api/v1/conversations/"+thread+"/messages", `{"content":"I am here."}`), http.StatusCreated).data(t, &mine)
	goOn <- true
	events.message(bots.MessageUpdated, func(m bots.Message) bool { return m.ID == mine.ID && is(m.Status, "sent") })
	body, _ := json.Marshal([]inbox.Event{{Message: &inbox.Incoming{ID: "wamid.4", Peers: []string{"+16505551234"}, Type: "reaction", Text: "👍", Sent: time.Now(), Quiet: true}}})
	if code := w.hook(bot.ID, "yes", string(body)); code != http.StatusOK {
		t.Fatal(code)
	}
	events.message(bots.MessageCreated, func(m bots.Message) bool { return m.Type == "reaction" })
	w.want(w.ask(w.ours.key, "POST", "/api/v1/conversations/"+thread+"/messages", `{"content":"Bye."}`), http.StatusCreated).data(t, &mine)
	events.message(bots.MessageUpdated, func(m bots.Message) bool { return m.ID == mine.ID && is(m.Status, "sent") })
	c.mu.Lock()
	defer c.mu.Unlock()
	var sent []string
	for _, m := range c.sent {
		sent = append(sent, m.Text)
	}
	if got := strings.Join(sent, "|"); got != "It is on its way.|I am here.|Bye." {
		t.Errorf("sent: %s", got)
	}
}

// A listener takes its time to hear voice notes.
type listener struct {
	takes time.Duration
	text  string
}

func (l listener) Hear(ctx context.Context, _ store.Agent, _ []byte) (string, error) {
	select {
	case <-time.After(l.takes):
		return l.text, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (l listener) Say(context.Context, store.Agent, string) ([]byte, error) {
	return []byte("a voice note"), nil
}

// TestNoteAfterText: a voice note that comes right after a text is heard before both are answered, at once.
func TestNoteAfterText(t *testing.T) {
	t.Parallel()
	w, c := withVoices(t, inbox.Timing{Every: 10 * time.Millisecond, Pause: 2 * time.Second, Burst: 3 * time.Second}, listener{4 * time.Second, "Where is my order?"})
	bot := w.bot(`{"name":"Voice","type":"whatsapp_voice","config":{"whatsapp":{"phone_number_id":"106540352242922"}}}`)
	events := w.watch()
	both, _ := json.Marshal([]inbox.Event{ // in one webhook, so that no slow machine puts a pause between them
		{Message: &inbox.Incoming{ID: "wamid.1", Peers: []string{"+16505551234"}, Type: "text", Text: "Hello", Sent: time.Now().Add(-time.Second)}},
		{Message: &inbox.Incoming{ID: "wamid.2", Peers: []string{"+16505551234"}, Type: "audio", Voice: true, Sent: time.Now()}},
	})
	if code := w.hook(bot.ID, "yes", string(both)); code != http.StatusOK {
		t.Fatal(code)
	}
	answer := events.message(bots.MessageUpdated, func(m bots.Message) bool { return is(m.Status, "sent") })
	w.pen.mu.Lock()
	defer w.pen.mu.Unlock()
	if told := w.pen.thread; w.pen.drafts != 1 || len(told) != 2 || told[0].Text != "Hello" || told[1].Text != "Where is my order?" || answer.Type != "audio" {
		t.Errorf("after %d drafts it is answered by %s to %+v", w.pen.drafts, answer.Type, told)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sent) != 1 || c.sent[0].Note == nil {
		t.Errorf("sent: %+v", c.sent)
	}
}

// TestLateWebhook: what was written before our answer, and came after it, is answered, too.
func TestLateWebhook(t *testing.T) {
	t.Parallel()
	w, _ := withChat(t, inbox.Timing{Every: 10 * time.Millisecond, Pause: 20 * time.Millisecond, Burst: 40 * time.Millisecond})
	bot := w.bot(channelled)
	events := w.watch()
	first := ""
	for i, text := range []string{"Where is my order?", "Hello"} {
		if code := w.hook(bot.ID, "yes", told(fmt.Sprint("wamid.", i), "+16505551234", text, time.Now().Add(-time.Duration(i)*time.Minute))); code != http.StatusOK {
			t.Fatal(code)
		}
		first = events.message(bots.MessageUpdated, func(m bots.Message) bool { return is(m.Status, "sent") && m.ID != first }).ID
	}
	if told := w.pen.thread; len(told) != 3 || told[1].Text != "It is on its way." || told[2].Text != "Hello" {
		t.Errorf("the bot was told %+v", told)
	}
}

// TestInDoubt: a message whose sending was not settled is not sent again, and says so, until the channel tells of it; one that was surely not sent is.
func TestInDoubt(t *testing.T) {
	t.Parallel()
	w, c := withChat(t, inbox.Timing{Every: 20 * time.Millisecond})
	w.pen.err = bots.ErrMute
	bot := w.bot(channelled)
	events := w.watch()
	if code := w.hook(bot.ID, "yes", told("wamid.1", "+16505551234", "Hello", time.Now())); code != http.StatusOK {
		t.Fatal(code)
	}
	thread := events.message(bots.MessageCreated, func(bots.Message) bool { return true }).ConversationID
	now := time.Now().UTC().Truncate(time.Microsecond)
	m, err := w.db.Post(t.Context(), store.Posting{Org: w.ours.org,
		Message: store.ThreadMessage{ID: store.NewID(), Conversation: thread, Role: "assistant", Content: "Hi", Type: "text", Tokens: -1, Author: store.ByHuman,
			Status: store.MessagePending, Created: now},
		Job: store.Job{ID: store.NewID(), Bot: bot.ID, Due: now.Add(time.Hour)}})
	must(t, err)
	jobs, err := w.db.TakeJobs(t.Context(), store.JobTaking{Kind: store.SendJob, Node: "dead", Now: now.Add(2 * time.Hour), Until: now, Most: 1})
	must(t, err)
	if len(jobs) != 1 {
		t.Fatalf("taken: %+v", jobs)
	}
	failed := events.message(bots.MessageUpdated, func(u bots.Message) bool { return u.ID == m.ID })
	if !is(failed.Status, "failed") || failed.Error == nil || !strings.Contains(*failed.Error, "may have been sent") {
		t.Errorf("a node has died with it: %+v", failed)
	}
	body, _ := json.Marshal([]inbox.Event{{Receipt: &inbox.Receipt{ID: "wamid.out", Tag: m.ID, Status: store.MessageDelivered, At: now}}})
	if code := w.hook(bot.ID, "yes", string(body)); code != http.StatusOK {
		t.Fatal(code)
	}
	if known := events.message(bots.MessageUpdated, func(u bots.Message) bool { return u.ID == m.ID }); !is(known.Status, "delivered") || known.Error != nil {
		t.Errorf("the channel knows it: %+v", known)
	}

	c.refuse(&inbox.Refusal{Message: "slow down", Again: true, After: time.Millisecond})
	var mine bots.Message
	w.want(w.ask(w.ours.key, "POST", "/api/v1/conversations/"+thread+"/messages", `{"content":"Again."}`), http.StatusCreated).data(t, &mine)
	events.message(bots.MessageCreated, func(u bots.Message) bool { return u.ID == mine.ID })
	c.refuse(nil)
	events.message(bots.MessageUpdated, func(u bots.Message) bool { return u.ID == mine.ID && is(u.Status, "sent") })
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sent) != 1 || c.sent[0].Text != "Again." {
		t.Errorf("sent: %+v", c.sent)
	}
}

// TestAnotherNumber: what a webhook tells of another number of the organisation goes to the bot of that number; of nobody's, nowhere.
func TestAnotherNumber(t *testing.T) {
	t.Parallel()
	w, _ := withChat(t, inbox.Timing{Every: 20 * time.Millisecond, Pause: time.Hour})
	bot := w.bot(channelled)
	other := w.bot(strings.ReplaceAll(channelled, "106540352242922", "106540352242923"))
	events := w.watch()
	for i, at := range []string{"106540352242999", "106540352242923"} {
		body, _ := json.Marshal([]inbox.Event{{At: at, Message: &inbox.Incoming{ID: fmt.Sprint("wamid.", i), Peers: []string{"+16505551234"}, Type: "text", Text: at, Sent: time.Now()}}})
		if code := w.hook(bot.ID, "yes", string(body)); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	var thread bots.Conversation
	events.until(bots.ConversationCreated, func(data json.RawMessage) bool { must(t, json.Unmarshal(data, &thread)); return true })
	if thread.BotID != other.ID {
		t.Errorf("it is %s's, want %s's", thread.BotID, other.ID)
	}
}

// BenchmarkWebhook is how long a channel waits for the answer to a message, while what came before is worked off; p99 of Meta's patience is 250 ms.
func BenchmarkWebhook(b *testing.B) {
	w, _ := withChat(b, inbox.Timing{Pause: time.Hour, Burst: time.Hour})
	bot := w.bot(channelled)
	var took []time.Duration
	for b.Loop() {
		n := len(took)
		body := told(fmt.Sprint("wamid.", n), fmt.Sprint("+1650555", 1000+n%1000), "Hello", time.Now())
		began := time.Now()
		if code := w.hook(bot.ID, "yes", body); code != http.StatusOK {
			b.Fatal(code)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
