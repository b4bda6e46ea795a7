package control_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/control/bots"
	"parley/control/inbox"
	"parley/store"
)

const filesAt = "/api/v1/media"

// sent is the last message that a channel was given, once there are so many.
func (c *chat) sentOf(n int) (m inbox.Outgoing, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sent) < n {
		return m, false
	}
	return c.sent[n-1], true
}

// TestFiles: a file is what it is said to be, and of a size that channels take; it opens with its link alone, and never as a page.
func TestFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := func(query, kind, body string) *answer {
		t.Helper()
		return w.ask(w.ours.key, "POST", filesAt+query, body, "Content-Type", kind)
	}
	var made bots.File
	w.want(upload("?filename=dot.png", "image/png", png), http.StatusCreated).data(t, &made)
	if made.Kind != "image" || made.ContentType != "image/png" || !is(made.Filename, "dot.png") || made.SizeBytes != int64(len(png)) || len(made.SHA256) != 64 {
		t.Errorf("uploaded %+v", made)
	}
	for name, c := range map[string]struct {
		query, kind, body string
		status            int
		says              string
	}{
		"a page":        {"", "text/html", "<script>", http.StatusUnsupportedMediaType, "no type that channels take"},
		"no type":       {"", "", png, http.StatusUnsupportedMediaType, "no type"},
		"another kind":  {"?kind=audio", "image/png", png, http.StatusUnsupportedMediaType, "of kind audio"},
		"a lie":         {"", "image/png", "<html><script>alert(1)</script>", http.StatusBadRequest, "looks like text/html"},
		"nothing":       {"", "text/plain", "", http.StatusBadRequest, "empty"},
		"a large image": {"", "image/png", png + strings.Repeat("x", 5<<20), http.StatusRequestEntityTooLarge, "5120 KiB"},
		"unknown kind":  {"?kind=map", "image/png", png, http.StatusBadRequest, "kind"},
	} {
		if a := upload(c.query, c.kind, c.body); a.status != c.status || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}

	link, err := url.Parse(made.URL)
	must(t, err)
	a := w.want(w.ask("", "GET", link.RequestURI(), "", "Range", "bytes=0-7"), http.StatusPartialContent)
	if string(a.body) != png[:8] || a.head.Get("Content-Type") != "image/png" || !strings.HasPrefix(a.head.Get("Content-Disposition"), "inline") ||
		a.head.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(a.head.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("content: %q, %v", a.body, a.head)
	}
	w.want(w.ask("", "GET", link.RequestURI()+"x", ""), http.StatusUnauthorized)
	w.want(w.ask("", "GET", filesAt+"/"+w.ours.file+"/content?"+link.RawQuery, ""), http.StatusUnauthorized) // another file
	w.want(w.ask("", "GET", "/api/v1/calls/"+w.ours.done+"/recording/stream?"+link.RawQuery, ""), http.StatusUnauthorized)
	w.want(w.ask(w.ours.key, "GET", filesAt+"/"+made.ID+"/content", ""), http.StatusOK)
	w.want(w.ask(w.theirs.key, "GET", filesAt+"/"+made.ID+"/content", ""), http.StatusNotFound)

	var text bots.File
	w.want(upload("?filename=a%22b%0A.txt", "text/plain", "<script>alert(1)</script>"), http.StatusCreated).data(t, &text)
	a = w.want(w.ask(w.ours.key, "GET", filesAt+"/"+text.ID+"/content", ""), http.StatusOK)
	if a.head.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.head.Get("Content-Disposition"), "attachment") {
		t.Errorf("a text: %v", a.head)
	}
}

// TestWriteAll: a person writes whatever the channel takes; what it does not take is told by its field, and templates alone pass outside of the
// window.
func TestWriteAll(t *testing.T) {
	t.Parallel()
	w, c := withChat(t, inbox.Timing{Every: 20 * time.Millisecond})
	w.pen.err = bots.ErrMute
	bot := w.bot(channelled)
	events := w.watch()
	hear := func(id, from string, at time.Time) string {
		t.Helper()
		if code := w.hook(bot.ID, "yes", told(id, from, "Hello", at)); code != http.StatusOK {
			t.Fatal(code)
		}
		return events.message(bots.MessageCreated, func(m bots.Message) bool { return m.Content == "Hello" }).ConversationID
	}
	thread, closed := hear("wamid.1", "+16505551234", time.Now()), hear("wamid.2", "+16505551235", time.Now().Add(-25*time.Hour))
	post := func(thread, body string) *answer {
		return w.ask(w.ours.key, "POST", "/api/v1/conversations/"+thread+"/messages", body)
	}
	var all []bots.Message
	w.want(w.ask(w.ours.key, "GET", "/api/v1/conversations/"+thread+"/messages", ""), http.StatusOK).data(t, &all)

	template := `{"type":"template","template":{"name":"appointment_v2","language":"en_US","variables":{"2":"Monday","1":"Ana"}}}`
	for i, one := range []struct{ thread, body, content string }{
		{thread, `{"content":"Hi"}`, "Hi"},
		{thread, `{"type":"image","content":"A dot","media":{"id":"` + w.ours.file + `"}}`, "A dot"},
		{thread, `{"type":"document","media":{"url":"https://cdn.example.com/a.pdf","caption":"The bill","filename":"bill.pdf"}}`, "The bill"},
		{thread, `{"type":"location","location":{"latitude":37.75,"longitude":-122.42,"name":"HQ"}}`, "HQ, 37.750000, -122.420000"},
		{thread, `{"type":"contacts","contacts":[{"name":{"formatted_name":"John Smith","first_name":"John"}}]}`, "John Smith"},
		{thread, `{"type":"interactive","interactive":{"type":"button","body":{"text":"Coming?"}}}`, "Coming?"},
		{thread, `{"type":"reaction","reaction":{"message_id":"` + all[0].ID + `","emoji":"👍"}}`, "👍"},
		{closed, template, "appointment_v2: Ana, Monday"},
	} {
		var m bots.Message
		w.want(post(one.thread, one.body), http.StatusCreated).data(t, &m)
		if m.Content != one.content {
			t.Errorf("%s: %+v", one.body, m)
		}
		events.message(bots.MessageUpdated, func(u bots.Message) bool { return u.ID == m.ID && is(u.Status, "sent") })
		got, _ := c.sentOf(i + 1)
		if got.Tag != m.ID || got.Type != m.Type {
			t.Errorf("%s is sent as %+v", one.body, got)
		}
		switch got.Type {
		case "image":
			f, err := got.File(t.Context(), got.Details.Media.File)
			if err != nil || f.Type != "image/png" || f.Link == "" || got.Text != "A dot" || !strings.Contains(string(m.Data), "/content?token=") {
				t.Errorf("its file is %+v (%v), shown as %s", f, err, m.Data)
			}
		case "reaction":
			if got.Quoted != "wamid.1" || got.Text != "" {
				t.Errorf("reaction %+v", got)
			}
		case "template":
			if got.Text != "" || got.Details.Template.Variables["1"] != "Ana" {
				t.Errorf("template %+v", got)
			}
		}
	}

	for body, field := range map[string]string{
		`{"type":"image"}`: "media", `{"type":"image","media":{}}`: "media", `{"type":"image","media":{"id":"` + w.theirs.file + `"}}`: "media.id",
		`{"type":"video","media":{"id":"` + w.ours.file + `"}}`: "media.id", `{"type":"audio","content":"x","media":{"url":"https://x.example/a"}}`: "content",
		`{"type":"poll"}`: "type", `{"content":"Hi","template":{"name":"x"}}`: "template", `{"type":"reaction","reaction":{"message_id":"` + store.NewID() + `"}}`: "reaction.message_id",
		`{"type":"interactive","interactive":{"title":"wrong"}}`: "interactive.title", `{}`: "content",
		`{"type":"template","template":{"name":"x","components":[{}],"variables":{"1":"a"}}}`: "template.variables",
	} {
		a := w.want(post(thread, body), http.StatusBadRequest)
		var told struct{ Details map[string]string }
		if json.Unmarshal(a.body, &told) != nil || told.Details[field] == "" {
			t.Errorf("%s: %s, want %s named", body, a.body, field)
		}
	}
	if a := w.want(post(closed, `{"content":"Late"}`), http.StatusBadRequest); !strings.Contains(string(a.body), "template") {
		t.Errorf("outside of the window: %s", a.body)
	}
}

// TestReceivedFile: what somebody sends is fetched and kept, and one that is not what it should be, or there no more, leaves word of it.
func TestReceivedFile(t *testing.T) {
	t.Parallel()
	w, c := withChat(t, inbox.Timing{Every: 20 * time.Millisecond})
	w.pen.err = bots.ErrMute
	c.files = map[string]string{"1": png, "2": "<html><script>alert(1)</script>"}
	bot := w.bot(channelled)
	events := w.watch()
	for id, want := range map[string]string{"1": "", "2": "looks like text/html", "3": "there no more"} {
		body, _ := json.Marshal([]inbox.Event{{Message: &inbox.Incoming{
			ID: "wamid." + id, Peers: []string{"+16505551234"}, Type: "image", Sent: time.Now(), File: true, Data: `{"media":{"id":"` + id + `","type":"image/png"},"quote":{"message":"x"}}`,
		}}})
		if code := w.hook(bot.ID, "yes", string(body)); code != http.StatusOK {
			t.Fatal(code)
		}
		var kept struct {
			Media bots.FileDetails
			Quote struct{ Message string }
		}
		events.message(bots.MessageUpdated, func(m bots.Message) bool { return json.Unmarshal(m.Data, &kept) == nil && kept.Media.ID == id })
		if want == "" {
			link, err := url.Parse(kept.Media.URL)
			must(t, err)
			if a := w.want(w.ask("", "GET", link.RequestURI(), ""), http.StatusOK); string(a.body) != png || kept.Media.Bytes != int64(len(png)) || kept.Quote.Message != "x" {
				t.Errorf("kept %+v, %q", kept, a.body)
			}
		} else if kept.Media.File != "" || !strings.Contains(kept.Media.Error, want) {
			t.Errorf("file %s: %+v, want %s", id, kept, want)
		}
	}
}

// TestLongAnswer: an answer that is longer than the channel takes goes out in several messages, in order.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	w, c := withChat(t, inbox.Timing{Every: 20 * time.Millisecond, Pause: 20 * time.Millisecond})
	w.pen.text = "Your order has left our warehouse this morning. It is on its way to you. Please be at home."
	bot := w.bot(channelled)
	events := w.watch()
	if code := w.hook(bot.ID, "yes", told("wamid.1", "+16505551234", "Where is it?", time.Now())); code != http.StatusOK {
		t.Fatal(code)
	}
	for range 2 {
		events.message(bots.MessageUpdated, func(m bots.Message) bool { return is(m.Status, "sent") })
	}
	first, _ := c.sentOf(1)
	second, ok := c.sentOf(2)
	if !ok || first.Text != "Your order has left our warehouse this morning." || second.Text != "It is on its way to you. Please be at home." {
		t.Errorf("sent %q, %q", first.Text, second.Text)
	}
}
