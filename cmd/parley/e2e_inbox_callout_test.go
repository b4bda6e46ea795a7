//go:build e2e

package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/media"
	"parley/media/webrtc"
	"parley/providers/providertest"
)

// ana is whom these tests call.
const ana = "16505551234"

// A callee is a person's telephone at Meta.
type callee struct {
	t     *testing.T
	peers *webrtc.Peers
	meta  *providertest.WhatsApp
}

func newCallee(t *testing.T, meta *providertest.WhatsApp) *callee {
	t.Helper()
	peers, err := webrtc.NewPeers(webrtc.PeerOptions{Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return &callee{t, peers, meta}
}

// rung waits for the n-th call of ours.
func (c *callee) rung(n int) (call providertest.WhatsAppAct) {
	c.t.Helper()
	until(c.t, time.Minute, "Meta is asked for a call", func() bool {
		all := c.acts("connect")
		if len(all) < n {
			return false
		}
		call = all[n-1]
		return true
	})
	return call
}

func (c *callee) acts(action string) (all []providertest.WhatsAppAct) {
	for _, a := range c.meta.Acts() {
		if a.Action == action {
			all = append(all, a)
		}
	}
	return all
}

// pickUp takes a call, of which the webhooks go to whoever hears, and is the telephone's end of it.
func (c *callee) pickUp(call providertest.WhatsAppAct, hear func([]byte)) *webrtc.Leg {
	c.t.Helper()
	far, err := c.peers.Answer(c.t.Context(), media.Info{ID: "ana"}, call.SDP)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(far.Close)
	for _, body := range [][]byte{c.meta.Stands(call, ana, "RINGING"), c.meta.Answers(call, ana, far.SDP())} {
		hear(body)
		hear(body)
	}
	leg, err := far.Connect(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	hear(c.meta.Stands(call, ana, "ACCEPTED"))
	return leg
}

// A calloutRow is what the API shows of a task that calls on WhatsApp.
type calloutRow struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	CallID  string `json:"call_id"`
	BotID   string `json:"bot_id"`
	Channel string `json:"channel"`
	Outcome string `json:"outcome"`
	Error   string `json:"error"`
	Retries int    `json:"retries"`
	Next    string `json:"next_attempt_at"`
}

// callOut makes a task that calls Ana by the chatter's bot, and executes it.
func (c *chatter) callOut(more map[string]any) (t calloutRow) {
	c.t.Helper()
	var bot struct {
		Agent string `json:"agent_id"`
	}
	c.bare("GET", "/api/v1/bots/"+c.bot, nil, &bot)
	body := map[string]any{
		"agent_id": bot.Agent, "name": "Call Ana", "to_number": "+" + ana, "channel": "whatsapp", "starting_message": "Hello Ana, this is your florist speaking.",
	}
	for k, v := range more {
		body[k] = v
	}
	c.into(c.api(http.MethodPost, "/api/v1/tasks", body), &t)
	if t.BotID != c.bot || t.Channel != "whatsapp" {
		c.t.Fatalf("the task is %+v", t)
	}
	if a := c.api(http.MethodPost, "/api/v1/tasks/"+t.ID+"/execute", nil); !a.Success {
		c.t.Fatalf("execute: %d %s %v", a.Status, a.Error, a.Details)
	}
	return t
}

// task waits until a task is as wanted.
func (c *chatter) task(id, what string, is func(calloutRow) bool) (t calloutRow) {
	c.t.Helper()
	until(c.t, time.Minute, what, func() bool {
		t = calloutRow{}
		c.into(c.api(http.MethodGet, "/api/v1/tasks/"+id, nil), &t)
		return is(t)
	})
	return t
}

// number gives the bot the number from which it calls.
func (c *chatter) number() {
	c.t.Helper()
	c.bare("PUT", "/api/v1/bots/"+c.bot, map[string]any{"config": map[string]any{"whatsapp": map[string]any{
		"phone_number_id": providertest.FakeNumber, "business_account_id": providertest.FakeAccount, "number": "+" + providertest.FakeDisplay,
	}}}, &struct{}{})
}

func ended(t calloutRow) bool { return t.Status == "completed" || t.Status == "failed" }

// TestEndToEndWhatsAppCallOut: a task calls a person on WhatsApp. They have not allowed it, and are asked; when they say yes they are called, once,
// and talked with. Another time they do not want to.
func TestEndToEndWhatsAppCallOut(t *testing.T) {
	t.Parallel()
	deepgram := providertest.StartDeepgram(t, &providertest.Deepgram{Key: "k", Transcripts: []string{"Yes, please."}})
	c := chatting(t, "DEEPGRAM_API_KEY=k", "DEEPGRAM_BASE_URL="+deepgram, "PARLEY_WEBRTC_UDP=127.0.0.1:0", "PARLEY_CREDENTIALS_ALLOW=127.0.0.0/8")
	person := newCallee(t, c.meta)
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(c.log.String(), "speech models loaded") })
	c.number()

	unasked := c.callOut(nil)
	if row := c.task(unasked.ID, "the task has failed", ended); row.Outcome != "permission" || !strings.Contains(row.Error, "not allowed") {
		t.Errorf("nobody was asked, and the task is %+v", row)
	}
	writes := providertest.WhatsAppPerson{Number: ana, Name: "Ana Ruiz"}
	c.hear(c.meta.Says(writes, "wamid.1", time.Now(), "text", saying("Hello")))
	task := c.callOut(map[string]any{"permission": map[string]any{"text": "May we call you about your flowers?"}})
	row := c.task(task.ID, "the task waits", func(r calloutRow) bool { return r.Status == "pending" && r.Retries == 1 })
	if row.Next == "" || !strings.Contains(row.Error, "have been asked") || len(person.acts("connect")) > 0 {
		t.Errorf("the task that waits is %+v", row)
	}
	asked := 0
	for _, m := range c.meta.Sent() {
		if m.Type == "interactive" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("they were asked %d times", asked)
	}
	c.meta.Allow(ana)
	c.hear(c.meta.Says(writes, "wamid.2", time.Now(), "interactive", map[string]any{"type": "call_permission_reply", "call_permission_reply": map[string]any{
		"response": "accept", "is_permanent": false, "expiration_timestamp": time.Now().Add(time.Hour).Unix(), "response_source": "user_action",
	}}))
	call := person.rung(1)
	leg := person.pickUp(call, c.hear)
	loud, gone := overhear(leg)
	until(t, time.Minute, "the agent is heard", func() bool { return loud.Load() > 20 })
	c.hear(c.meta.Ends(call, ana, "COMPLETED"))
	if row := c.task(task.ID, "the task is over", ended); row.Status != "completed" {
		t.Errorf("the task is %+v", row)
	}
	record := c.record(call.Call)
	if record.From != "+"+providertest.FakeDisplay || record.To != "+"+ana || !strings.Contains(record.text("agent"), "Hello Ana") {
		t.Errorf("the call's record is %+v", record)
	}
	select {
	case <-gone:
	case <-time.After(time.Minute):
		t.Error("the far end is not told that the call is over")
	}

	task = c.callOut(nil)
	call = person.rung(2)
	c.hear(c.meta.Stands(call, ana, "REJECTED"))
	c.hear(c.meta.Ends(call, ana, "FAILED"))
	if row := c.task(task.ID, "the task is over", ended); row.Status != "failed" || row.Outcome != "busy" {
		t.Errorf("they did not want to, and the task is %+v", row)
	}

	c.api(http.MethodPost, "/api/v1/do-not-call", map[string]any{"phone_number": "+" + ana})
	var bot struct {
		Agent string `json:"agent_id"`
	}
	c.bare("GET", "/api/v1/bots/"+c.bot, nil, &bot)
	var barred calloutRow
	c.into(c.api(http.MethodPost, "/api/v1/tasks", map[string]any{"agent_id": bot.Agent, "name": "n", "to_number": "+" + ana, "channel": "whatsapp"}), &barred)
	if a := c.api(http.MethodPost, "/api/v1/tasks/"+barred.ID+"/execute", nil); a.Status != http.StatusBadRequest || !strings.Contains(fmt.Sprint(a.Details), "do-not-call") {
		t.Errorf("a barred number: %d %s %v", a.Status, a.Error, a.Details)
	}
	if n := len(person.acts("connect")); n != 2 {
		t.Errorf("Meta was asked for %d calls, want 2", n)
	}
}

// TestEndToEndWhatsAppNodes: what one node is told of a call reaches the other, which holds it: its answer, and its end.
func TestEndToEndWhatsAppNodes(t *testing.T) {
	t.Parallel()
	deepgram := providertest.StartDeepgram(t, &providertest.Deepgram{Key: "k", Transcripts: []string{"Yes, please."}})
	c := &chatter{model: &providertest.OpenAI{Answer: func(providertest.OpenAIRequest) providertest.OpenAIAnswer { return providertest.OpenAISay("Good.") }},
		meta: &providertest.WhatsApp{Token: "EAAtoken-of-the-organisation", Secret: "8f1c2d3e4b5a69788796a5b4c3d2e1f0", Limits: providertest.WhatsAppLimits{NoConsent: true}}}
	c.meta.Allow(ana)
	f := newFleet(t, 2, nil, "WHATSAPP_BASE_URL="+providertest.StartWhatsApp(t, c.meta), "PARLEY_STT=deepgram", "PARLEY_TTS=deepgram", "DEEPGRAM_API_KEY=k",
		"DEEPGRAM_BASE_URL="+deepgram, "OPENAI_API_KEY=test", "OPENAI_BASE_URL="+providertest.StartOpenAI(t, c.model), "PARLEY_WEBRTC_UDP=127.0.0.1:0",
		"PARLEY_CREDENTIALS_ALLOW=127.0.0.0/8")
	c.node = f.nodes[0]
	c.wire("whatsapp")
	c.number()
	var turn atomic.Int64
	hear := func(body []byte) { // by both nodes in turn
		t.Helper()
		at := f.nodes[turn.Add(1)%2].url + "/whatsapp/meta/" + c.bot
		if status, err := c.meta.Post(t.Context(), at, body); err != nil || status != http.StatusOK {
			t.Fatalf("the webhook is answered %d (%v)", status, err)
		}
	}
	for _, n := range f.nodes {
		until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	}
	person := newCallee(t, c.meta)
	for i := range 4 {
		task := c.callOut(nil)
		call := person.rung(i + 1)
		leg := person.pickUp(call, hear)
		loud, gone := overhear(leg)
		until(t, time.Minute, "the agent is heard", func() bool { return loud.Load() > 20 })
		began := time.Now()
		hear(c.meta.Ends(call, ana, "COMPLETED"))
		select {
		case <-gone:
			t.Logf("a call is over %v after Meta has said so", time.Since(began).Round(time.Millisecond))
		case <-time.After(time.Minute):
			t.Error("a call goes on that is over")
		}
		if row := c.task(task.ID, "the task is over", ended); row.Status != "completed" {
			t.Errorf("the task is %+v", row)
		}
	}
	for _, a := range c.meta.Acts() {
		if a.Action != "connect" {
			t.Errorf("Meta is told %s", a.Action)
		}
	}
	if n := f.nodes[0].metric("parley_node_orders_total") + f.nodes[1].metric("parley_node_orders_total"); n == 0 {
		t.Error("no node has told the other anything")
	}
}
