package main

import (
	"path/filepath"
	"testing"
	"time"

	"parley/control/bots"
	"parley/control/inbox"
	"parley/providers/providertest"
	"parley/providers/twilio"
	"parley/store"
)

// TestTwilioAccounts: a bot of WhatsApp has the account that it names, else its organisation's; the server's own for the organisation's numbers alone,
// so that nobody writes as another organisation, or signs webhooks in its place.
func TestTwilioAccounts(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	const ours, theirs, sid = "+15005550002", "+15005550009", "AC00000000000000000000000000000001"
	a, d := b.another(filepath.Join(t.TempDir(), "directory.json"), b.env["PARLEY_SECRET"])
	a.cfg.TwilioAccountSID, a.cfg.TwilioAuthToken = "AC00000000000000000000000000000009", "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c9"
	b.ok("", nil, "numbers", "set", ours)
	waitFor(t, "the number is known", func() bool { _, ok := d.Number(b.org, ours); return ok })
	by := func(org, number, credential string) string {
		t.Helper()
		account, err := a.twilioOf(org, &bots.WhatsApp{Provider: bots.Twilio, Number: number, Credential: credential})
		if err != nil {
			return ""
		}
		return account.SID
	}
	stranger := store.NewID()
	for name, tt := range map[string]struct{ org, number, credential, want string }{
		"the organisation's number":                    {b.org, ours, "", a.cfg.TwilioAccountSID},
		"a number that nobody has, of the first":       {b.org, theirs, "", a.cfg.TwilioAccountSID},
		"another organisation's number":                {stranger, ours, "", ""},
		"a number that nobody has, of another":         {stranger, theirs, "", ""},
		"a credential that is not there":               {b.org, ours, store.NewID(), ""},
		"a stranger with a credential that is not his": {stranger, ours, store.NewID(), ""},
	} {
		if got := by(tt.org, tt.number, tt.credential); got != tt.want {
			t.Errorf("%s: by account %q, want %q", name, got, tt.want)
		}
	}
	b.ok("8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7\n", nil, "credentials", "set", "Main", "--vendor=twilio", "--account-id="+sid)
	waitFor(t, "the account is known", func() bool { return by(b.org, ours, "") == sid && by(b.org, theirs, "") == sid })
}

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
