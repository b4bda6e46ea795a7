package main

import (
	"testing"
	"time"

	"parley/control/inbox"
	"parley/providers/providertest"
	"parley/providers/twilio"
)

// TestTwilioTag: a message's tag goes to Twilio where it can come back; a server that does not know its own address sends all the same.
func TestTwilioTag(t *testing.T) {
	t.Parallel()
	const ana, token = "+4915112345678", "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c8"
	for status, want := range map[string]string{"": "", "https://gw.example.net/whatsapp/twilio/b": "https://gw.example.net/whatsapp/twilio/b?parley_tag=m1"} {
		f := &providertest.TwilioMessages{Token: token, NoWindow: true}
		account := &twilio.Account{SID: providertest.FakeTwilio, Token: token, Base: providertest.StartTwilioMessages(t, f)}
		l := &twilioLine{&twilio.Sender{Account: account, From: "+" + providertest.FakeDisplay, Status: status}}
		id, err := l.Send(t.Context(), inbox.Outgoing{Peers: []string{ana}, Tag: "m1", Text: "Hello", Last: time.Now()})
		if err != nil || id == "" {
			t.Errorf("status URL %q: %q, %v", status, id, err)
			continue
		}
		if sent := f.Sent(); len(sent) != 1 || sent[0].Form.Get("StatusCallback") != want {
			t.Errorf("status URL %q: sent %+v, want %q", status, sent, want)
		}
	}
}
