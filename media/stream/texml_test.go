package stream

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
)

// theirs is an organisation's own account at Telnyx, beside the server's.
func theirs(t *testing.T, tx *Telnyx, owners ...string) *switchboard {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newTelnyx(t, tx)
	tx.Accounts = func(account string) (all []Account) {
		if account != "3e6f995f" {
			return nil
		}
		all = append(all, Account{Token: "no key", Owner: "broken"}, Account{Token: base64.StdEncoding.EncodeToString(make([]byte, 32)), Owner: "wrong"})
		for _, o := range owners {
			all = append(all, Account{Token: base64.StdEncoding.EncodeToString(public), Owner: o})
		}
		return all
	}
	s.key = private
	return s
}

// TestTelnyxOwners: a call by an organisation's own account says whose it is, and no other account's key is taken for it.
func TestTelnyxOwners(t *testing.T) {
	t.Parallel()
	tx := &Telnyx{}
	s := theirs(t, tx, "acme", "bell", "acme")
	legs := answeredBy(t, &tx.Host)
	target := s.rings("?agent=sales")
	for what, forged := range map[string]string{"the server's": strings.Replace(target, "/acme,bell", "", 1), "another's": strings.Replace(target, "/acme,bell", "/corp", 1)} {
		if ws, _, err := dialer().Dial(forged, nil); err == nil {
			_ = ws.Close()
			t.Errorf("the stream opens as %s", what)
		}
	}
	ws, _, err := dialer().Dial(target, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	write(t, ws, telnyxConnected, telnyxStart("PCMU"))
	if got := within(t, legs, "leg").Info(); !slices.Equal(got.Owners, []string{"acme", "bell"}) || got.Params["agent"] != "sales" {
		t.Errorf("the leg says %+v", got)
	}
	other := url.Values{"AccountSid": {"another"}, "CallSid": {telnyxCall}}
	if status, _ := s.asks(time.Now(), "/telnyx/voice", other, nil); status != http.StatusForbidden {
		t.Errorf("their key for another account: %d", status)
	}
}

// TestTelnyxPlaced: a call that was placed is outward, and hung up on if nobody wants it any more.
func TestTelnyxPlaced(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 4)
	tx := &Telnyx{Token: "ours", Admit: func(_ context.Context, call string, _ []string, params url.Values) bool {
		if call != telnyxCall {
			t.Errorf("asked for %s", call)
		}
		asked <- params
		return params.Get("ours") != "stale"
	}}
	s := newTelnyx(t, tx)
	legs := answeredBy(t, &tx.Host)
	silent := url.Values{"AccountSid": {"3e6f995f"}, "CallSid": {telnyxCall}}
	if status, body := s.asks(time.Now(), "/telnyx/voice?ours=stale", silent, nil); status != http.StatusOK || strings.Contains(body, "Connect") || !strings.Contains(body, "<Hangup>") {
		t.Errorf("a stale call: %d %s", status, body)
	}
	ws, _, err := dialer().Dial(s.rings("?ours=1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	write(t, ws, telnyxConnected, telnyxStart("PCMU"))
	if got := within(t, legs, "leg").Info(); !got.Outbound || got.Params["ours"] != "1" || got.Owners != nil {
		t.Errorf("the leg says %+v", got)
	}
	if len(asked) != 2 {
		t.Errorf("asked %d times", len(asked))
	}
}

// TestTelnyxStatus takes what becomes of calls, in the words of Telnyx' documents.
func TestTelnyxStatus(t *testing.T) {
	t.Parallel()
	told := make(chan StatusUpdate, 4)
	tx := &Telnyx{Host: Host{Answer: func(context.Context, media.Leg) {}}, Progress: func(_ context.Context, u StatusUpdate) { told <- u }}
	s := newTelnyx(t, tx)
	form := url.Values{
		"AccountSid": {"f5586561-8ff0-4291-a51b-c7dfe4139ff9"}, "CallSid": {telnyxCall}, "CallStatus": {"busy"}, "CallbackSource": {"call-progress-events"},
		"From": {"+15550100001"}, "To": {"+15550100002"}, "SequenceNumber": {"3"}, "CallDuration": {"45"}, "SipHangupCause": {"486"}, "HangupCause": {"user_busy"},
	}
	if status, body := s.asks(time.Now(), "/telnyx/status?ours=1", form, nil); status != http.StatusOK {
		t.Fatal(status, body)
	}
	u := <-told
	if u.CallSID != telnyxCall || u.Status != "busy" || !u.Over() || u.Sequence != 3 || u.Duration != 45*time.Second || u.SIPCode != 486 || u.To != "+15550100002" || u.Params.Get("ours") != "1" {
		t.Errorf("told %+v", u)
	}
	form.Set("SipHangupCause", "unspecified")
	if status, _ := s.asks(time.Now(), "/telnyx/status", form, nil); status != http.StatusOK || (<-told).SIPCode != 0 {
		t.Errorf("without a SIP code: %d", status)
	}
	for field, value := range map[string]string{"CallSid": "../x", "CallStatus": ""} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		bad.Set(field, value)
		if status, body := s.asks(time.Now(), "/telnyx/status", bad, nil); status != http.StatusBadRequest || !strings.Contains(body, field) {
			t.Errorf("a bad %s: %d %s", field, status, body)
		}
	}
	if status, _ := s.asks(time.Now(), "/telnyx/status", form, func(r *http.Request) { r.Header.Del("Telnyx-Signature-Ed25519") }); status != http.StatusForbidden {
		t.Errorf("unsigned: %d", status)
	}
}
