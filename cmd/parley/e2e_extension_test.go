//go:build e2e

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/media/sip"
	"parley/media/wav"
)

// closedToAll is a server that lets nobody call without a password.
func closedToAll(t *testing.T) *node {
	t.Helper()
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0,tcp://127.0.0.1:0", "PARLEY_SIP_OPEN=192.0.2.0/24")
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	return n
}

// extension makes an extension, and returns what baresip registers with it by.
func (n *node) extension(username string) (account string) {
	n.t.Helper()
	var made struct{ Password string }
	n.into(n.api(http.MethodPost, "/api/v1/extensions", map[string]any{"username": username}), &made)
	return "<sip:" + username + "@" + n.sipAddress() + ">;auth_user=" + username + ";auth_pass=" + made.Password + ";regint=60"
}

// registered waits until so many REGISTERs were taken.
func (n *node) registered(times float64) {
	n.t.Helper()
	until(n.t, time.Minute, "baresip is registered", func() bool {
		return n.metric("parley_sip_requests_total", `direction="in"`, `method="REGISTER"`, `code="200"`) >= times
	})
}

// TestEndToEndExtensionCalls: baresip registers with an extension by digest and calls the agent, which it is let in to by digest alone; it
// asks for something in recorded words, and its own recording has what the agent answered.
func TestEndToEndExtensionCalls(t *testing.T) {
	t.Parallel()
	n := closedToAll(t)
	hear := recogniser(t)
	spoken, err := wav.ReadFile(spoken(t, "two", words("vm-press", "digits/2")...))
	if err != nil {
		t.Fatal(err)
	}
	pcm := append(make([]int16, samples(5*time.Second)), spoken.PCM...) // in the middle of the greeting, which it interrupts
	pcm = append(pcm, make([]int16, samples(30*time.Second))...)
	phone := startSoftphone(t, n.extension("anna"), pcm, 20*time.Second, "/dial sip:100@"+n.sipAddress())
	n.registered(1)
	phone.wait(time.Minute)
	text := strings.ToLower(hear(phone.heard()))
	t.Logf("baresip has heard: %s", text)
	for _, word := range []string{"clinic", "receptionist", "which day"} {
		if !strings.Contains(text, word) {
			t.Errorf("baresip has not heard %q", word)
		}
	}
	var calls []callRow
	until(t, time.Minute, "the call is written down", func() bool { calls = n.calls(); return len(calls) == 1 && calls[0].Cause != "" })
	if c := n.record(calls[0].CarrierID); c.Cause != "caller" || c.From != "anna" || c.To != "100" {
		t.Errorf("the call ended by %q, from %q to %q", c.Cause, c.From, c.To)
	}
	for _, method := range []string{"REGISTER", "INVITE"} {
		if v := n.metric("parley_sip_requests_total", `direction="in"`, `method="`+method+`"`, `code="401"`); v < 1 {
			t.Errorf("no %s was challenged", method)
		}
	}
}

// TestEndToEndExtensionIsRung: a caller is transferred to an extension: the baresip that has registered with it rings, answers, and its own
// recording has what the agent says to it first.
func TestEndToEndExtensionIsRung(t *testing.T) {
	t.Parallel()
	n := closedToAll(t)
	hear := recogniser(t)
	phone := startSoftphone(t, n.extension("anna"), make([]int16, samples(time.Minute)), 45*time.Second)
	n.registered(1)
	n.into(n.api(http.MethodPost, "/api/v1/trunks", map[string]any{
		"name": "Desk", "host": "127.0.0.2", "username": "acme", "password": "correct-horse",
	}), &struct{}{})
	b := newSwitchboard(t, time.Hour)
	order := sip.Order{
		Trunk: sip.Trunk{
			Host: "127.0.0.1", Port: n.sipPort(), Outbound: true, Username: "acme", Realm: "parley",
			Password: func() (string, error) { return "correct-horse", nil },
		},
		From: "+15550100001", To: "+15550100002",
	}
	id, err := b.Place(order)
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"to": "ext:anna", "mode": "bridge", "say": "One moment.", "brief": "Here is a caller who wants to order some flowers."}
	if a := n.api(http.MethodPost, "/api/v1/calls/"+n.going().ID+"/transfer", body); a.Status != http.StatusOK {
		t.Fatalf("the transfer is not taken: %d %s", a.Status, a.Error)
	}
	phone.wait(2 * time.Minute) // it hangs up, and that is the end of both
	if c := n.record(id); !strings.Contains(c.text("system"), "connected to ext:anna") {
		t.Errorf("the call ended by %q: %s", c.Cause, c.text("system"))
	}
	text := strings.ToLower(hear(phone.heard()))
	t.Logf("baresip has heard: %s", text)
	if !strings.Contains(text, "flowers") {
		t.Error("baresip has not heard the agent's words")
	}
}
