//go:build e2e

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/providers/providertest"
)

// A chatter is a node with a bot of WhatsApp, and the stand-in of Meta that the bot's number is at.
type chatter struct {
	*node
	meta  *providertest.WhatsApp
	model *providertest.OpenAI
	bot   string
	env   []string
	at    atomic.Pointer[string] // the bot's webhook, on the node of now
}

// A chatRow is what the API shows of a message.
type chatRow struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	Content string `json:"content"`
	Type    string `json:"message_type"`
	Author  string `json:"author"`
	Status  string `json:"status"`
	Error   string `json:"error"`
}

// A threadRow is what the API shows of a conversation.
type threadRow struct {
	ID       string `json:"id"`
	External string `json:"external_id"`
	Contact  string `json:"contact_id"`
	Status   string `json:"status"`
}

// chatting starts a node whose organisation has a number of WhatsApp, and a bot on it.
func chatting(t *testing.T, env ...string) *chatter {
	t.Helper()
	return chattingAs(t, "whatsapp", env...)
}

// chattingAs is chatting with a bot of a type.
func chattingAs(t *testing.T, kind string, env ...string) *chatter {
	t.Helper()
	c := &chatter{model: &providertest.OpenAI{Answer: func(r providertest.OpenAIRequest) providertest.OpenAIAnswer {
		return providertest.OpenAISay("You said: " + *r.Messages[len(r.Messages)-1].Content)
	}}, meta: &providertest.WhatsApp{Token: "EAAtoken-of-the-organisation", Secret: "8f1c2d3e4b5a69788796a5b4c3d2e1f0"}}
	base := providertest.StartWhatsApp(t, c.meta)
	c.env = append([]string{
		"PARLEY_RECORD=false", "WHATSAPP_BASE_URL=" + base, "PARLEY_PUBLIC_URL=https://gw.example.net", "PARLEY_RATE_LIMIT=1000000",
		"PARLEY_STT=deepgram", "PARLEY_TTS=deepgram", "DEEPGRAM_API_KEY=none", "DEEPGRAM_BASE_URL=ws://127.0.0.1:1", // nobody calls: no models are loaded
		"OPENAI_API_KEY=test", "OPENAI_BASE_URL=" + providertest.StartOpenAI(t, c.model),
	}, env...)
	c.node = serve(t, c.env...)
	c.wire(kind)
	c.move()
	return c
}

// move tells whoever sends webhooks where the node is.
func (c *chatter) move() {
	at := c.url + "/whatsapp/meta/" + c.bot
	c.at.Store(&at)
}

// restart kills the node, and starts another in its place.
func (c *chatter) restart() {
	c.t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		c.t.Fatal(err)
	}
	<-c.done
	c.done = nil
	c.node = serve(c.t, append([]string{"PARLEY_DATA_DIR=" + c.data}, c.env...)...)
	c.move()
}

// wire gives the organisation what a bot needs, and makes the bot.
func (c *chatter) wire(kind string) {
	c.t.Helper()
	c.api("POST", "/api/v1/credentials", map[string]any{"vendor": "whatsapp", "name": "token", "secret": c.meta.Token})
	c.api("POST", "/api/v1/credentials", map[string]any{"vendor": "whatsapp_app", "name": "app", "account_id": "67084223840", "secret": c.meta.Secret})
	var bot struct{ ID string }
	c.bare("POST", "/api/v1/bots", map[string]any{"name": "Desk", "type": kind, "system_prompt": "You answer.",
		"config": map[string]any{"whatsapp": map[string]any{"phone_number_id": providertest.FakeNumber, "business_account_id": providertest.FakeAccount}}}, &bot)
	c.bot = bot.ID
}

func (c *chatter) target() string { return *c.at.Load() }

// hear posts a webhook, and wants it taken.
func (c *chatter) hear(body []byte) {
	c.t.Helper()
	status, err := c.meta.Post(c.t.Context(), c.target(), body)
	if err != nil || status != http.StatusOK {
		c.t.Fatalf("the webhook is answered %d (%v)", status, err)
	}
}

// saying is somebody's text.
func saying(said string) map[string]any { return map[string]any{"body": said} }

func (c *chatter) threads() (all []threadRow) {
	c.t.Helper()
	c.bare("GET", "/api/v1/conversations?channel=whatsapp", nil, &all)
	return all
}

func (c *chatter) messages(thread string) (all []chatRow) {
	c.t.Helper()
	c.bare("GET", "/api/v1/conversations/"+thread+"/messages", nil, &all)
	return all
}

// status waits until a message has a status.
func (c *chatter) status(thread, message, want string) {
	c.t.Helper()
	until(c.t, time.Minute, message+" is "+want, func() bool {
		for _, m := range c.messages(thread) {
			if m.ID == message && m.Status == want {
				return true
			}
		}
		return false
	})
}

// TestEndToEndWhatsApp: a person writes by WhatsApp, the bot answers, a human takes over and writes by the API, and Meta tells how far that came.
func TestEndToEndWhatsApp(t *testing.T) {
	t.Parallel()
	c := chatting(t)
	ana := providertest.WhatsAppPerson{Number: "16505551234", User: "US.13491208655302741918", Name: "Ana Ruiz"}
	now := time.Now()
	c.hear(c.meta.Says(ana, "wamid.1", now, "text", saying("Hello")))
	c.hear(c.meta.Says(ana, "wamid.2", now, "text", saying("What are your opening hours?")))
	until(t, time.Minute, "the bot has answered", func() bool { return len(c.meta.Sent()) == 1 })
	threads := c.threads()
	if len(threads) != 1 || threads[0].External != "+16505551234" || threads[0].Contact == "" || threads[0].Status != "active" {
		t.Fatalf("conversations %+v", threads)
	}
	thread := threads[0].ID
	all := c.messages(thread)
	if len(all) != 3 || all[0].Content != "Hello" || all[2].Author != "bot" || all[2].Content != c.meta.Sent()[0].Text() || c.meta.Sent()[0].To != ana.Number ||
		all[2].Content != "You said: Hello\nWhat are your opening hours?" {
		t.Errorf("messages %+v, sent %+v", all, c.meta.Sent())
	}
	if reads := c.meta.Reads(); len(reads) != 1 || reads[0].Message != "wamid.2" || !reads[0].Typing {
		t.Errorf("read marks %+v", reads)
	}
	c.status(thread, all[2].ID, "sent")

	c.bare("POST", "/api/v1/conversations/"+thread+"/autoreply", map[string]any{"enabled": false}, new(threadRow))
	var mine chatRow
	c.bare("POST", "/api/v1/conversations/"+thread+"/messages", map[string]any{"content": "This is Olga."}, &mine)
	if mine.Status != "pending" || mine.Author != "human" || mine.Role != "assistant" {
		t.Errorf("a human's message %+v", mine)
	}
	c.status(thread, mine.ID, "sent")
	sent := c.meta.Sent()
	if len(sent) != 2 || sent[1].Text() != "This is Olga." || sent[1].Body["biz_opaque_callback_data"] != mine.ID {
		t.Fatalf("sent %+v", sent)
	}
	c.hear(c.meta.Tells(sent[1].ID, "read", ana.Number, now, 0))
	c.hear(c.meta.Tells(sent[1].ID, "delivered", ana.Number, now, 0))
	c.status(thread, mine.ID, "read")

	hidden := providertest.WhatsAppPerson{User: ana.User, Name: "Ana Ruiz", Handle: "ana.r"} // she hides her number from now on
	c.hear(c.meta.Says(hidden, "wamid.3", now, "text", saying("Thank you")))
	until(t, time.Minute, "she is known all the same", func() bool { return len(c.messages(thread)) == 5 })
	if len(c.threads()) != 1 {
		t.Errorf("conversations %+v", c.threads())
	}

	old := providertest.WhatsAppPerson{Number: "16505550000", Name: "Bo"}
	c.hear(c.meta.Says(old, "wamid.old", now.Add(-25*time.Hour), "text", saying("Hello?")))
	until(t, time.Minute, "the other's message is there", func() bool { return len(c.threads()) == 2 })
	if status, body := c.send("POST", "/api/v1/conversations/"+c.threads()[0].ID+"/messages", map[string]any{"content": "Late."}); status != http.StatusBadRequest || !strings.Contains(string(body), "24 hours") {
		t.Errorf("outside the window: %d %s", status, body)
	}

	var d struct {
		Verified bool
		Checks   []struct{ Name, Status, Detail, Fix string }
	}
	c.bare("POST", "/api/v1/bots/"+c.bot+"/deploy/verify", nil, &d)
	for _, k := range d.Checks {
		if want := map[bool]string{true: "failed", false: "passed"}[k.Name == "webhook"]; k.Status != want || k.Status == "failed" && k.Fix == "" {
			t.Errorf("check %+v, want it %s", k, want) // Meta's stand-in leads elsewhere
		}
	}
	if len(d.Checks) != 5 || d.Verified {
		t.Errorf("checks %+v", d)
	}
}

// TestEndToEndForgeries: what Meta has not signed is not taken, and leaves nothing.
func TestEndToEndForgeries(t *testing.T) {
	t.Parallel()
	c := chatting(t)
	body := c.meta.Says(providertest.WhatsAppPerson{Number: "16505551234", Name: "Mallory"}, "wamid.forged", time.Now(), "text", saying("Forged"))
	good := c.meta.Sign(body)
	other := &providertest.WhatsApp{Secret: "another secret"}
	forged := []string{
		"", "sha256=", "sha256", good[7:], "sha1=" + good[7:], "SHA256=" + good[7:], good + "00", good[:len(good)-2], good[:len(good)-1], good + ";",
		"sha256=" + strings.Repeat("0", 64), "sha256=" + strings.Repeat("f", 64), "sha256= " + good[7:], other.Sign(body), c.meta.Sign(append(bytes.Clone(body), ' ')),
		c.meta.Sign(body[1:]), c.meta.Sign(nil), c.meta.Sign(bytes.ReplaceAll(body, []byte("Forged"), []byte("forged"))), "sha256=sha256=" + good[7:],
		good + "," + good, "sha256:" + good[7:], "hmac " + good, "Basic " + good, "sha256=0x" + good[7:],
	}
	for i := len(forged); i < 40; i++ { // one character of the signature is another
		b := []byte(good)
		at := len("sha256=") + i
		b[at] = map[bool]byte{true: '0', false: '1'}[b[at] != '0']
		forged = append(forged, string(b))
	}
	for _, signature := range forged {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.target(), bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if signature != "" {
			r.Header.Set("X-Hub-Signature-256", signature)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%q is answered %d", signature, res.StatusCode)
		}
	}
	c.hear(c.meta.Says(providertest.WhatsAppPerson{Number: "16505551235", Name: "Ana"}, "wamid.true", time.Now(), "text", saying("True")))
	until(t, time.Minute, "what Meta has signed is there", func() bool { return len(c.threads()) > 0 })
	if all := c.threads(); len(all) != 1 || all[0].External != "+16505551235" {
		t.Errorf("a forgery has made %+v", all)
	}
}

// stormSize is how many webhooks there are: PARLEY_E2E_EVENTS, which make soak-inbox sets to 10,000.
func stormSize(t *testing.T) int {
	t.Helper()
	s := os.Getenv("PARLEY_E2E_EVENTS")
	if s == "" {
		return 400
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 100 {
		t.Fatalf("PARLEY_E2E_EVENTS is %q: want 100 or more", s)
	}
	return n
}

// count is how many messages there are in all.
func (c *chatter) count() (n int) {
	c.t.Helper()
	for _, th := range c.threads() {
		n += len(c.messages(th.ID))
	}
	return n
}

// TestEndToEndInboxStorm: webhooks each three times, shuffled, across a restart: one effect each, and none is lost.
func TestEndToEndInboxStorm(t *testing.T) {
	t.Parallel()
	events := stormSize(t)
	c := chatting(t, "PARLEY_FLOW=")
	now := time.Now().Add(-time.Hour)
	var bodies [][]byte
	const people = 20
	for i := range events {
		who := providertest.WhatsAppPerson{Number: fmt.Sprint(16505000000 + i%people), Name: fmt.Sprint("Person ", i%people)}
		bodies = append(bodies, c.meta.Says(who, fmt.Sprint("wamid.storm.", i), now.Add(time.Duration(i/people)*time.Second), "text", saying(fmt.Sprint("message ", i))))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	c.bare("POST", "/api/v1/bots/"+c.bot+"/toggle", nil, new(threadRow)) // so that nobody is answered: what comes in is counted
	delivered := make(chan error, 1)
	half := make(chan struct{})
	began := time.Now()
	go func() {
		order := rand.New(rand.NewPCG(1, 2))
		if err := c.meta.Deliver(ctx, c.target, bodies[:events/2], 3, order); err != nil {
			delivered <- err
			return
		}
		close(half)
		delivered <- c.meta.Deliver(ctx, c.target, bodies, 3, order)
	}()
	<-half
	c.restart()
	if err := <-delivered; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d webhooks were taken in %v", len(bodies)*9/2, time.Since(began).Round(time.Millisecond))
	until(t, 5*time.Minute, "all is worked off", func() bool { return c.count() == events })
	seen := map[string]int{}
	threads := c.threads()
	for _, th := range threads {
		for _, m := range c.messages(th.ID) {
			seen[m.Content]++
		}
	}
	if len(threads) != people || len(seen) != events {
		t.Errorf("%d threads of %d people, %d messages of %d", len(threads), people, len(seen), events)
	}
	for text, n := range seen {
		if n != 1 {
			t.Errorf("%q is there %d times", text, n)
		}
	}
}
