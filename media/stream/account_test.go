package stream

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parley/media"
)

const (
	acmeAccount = "AC00000000000000000000000000000007"
	acmeToken   = "a token of acme's"
	boltToken   = "another token of bolt's"
)

// accounts: acme and bolt have the same account, bolt with another token; a partner has both the account and the token of acme.
func accounts(sid string) []Account {
	if sid != acmeAccount {
		return nil
	}
	return []Account{{acmeToken, "acme"}, {boltToken, "bolt"}, {acmeToken, "partner"}, {"", "nobody"}}
}

// rung posts the voice webhook as an account, signed by a token, and returns the stream's URL and parameters.
func rung(t *testing.T, server *httptest.Server, account, token, call string) (status int, target string, params map[string]string) {
	t.Helper()
	form := voiceForm(call)
	form.Set("AccountSid", account)
	status, body := postSigned(t, server, "/twilio/voice", form, Sign(token, server.URL+"/twilio/voice", form), nil)
	if status == http.StatusOK {
		target, params = readTwiML(t, body)
	}
	return status, target, params
}

// TestOtherAccounts: a call comes by an account of its own, and everybody whose account has signed it is told with it.
func TestOtherAccounts(t *testing.T) {
	t.Parallel()
	var admitted [][]string
	tw := &Twilio{AccountSID: testAccount, Accounts: accounts, Admit: func(_ context.Context, _ string, owners []string, _ url.Values) bool {
		admitted = append(admitted, owners)
		return true
	}}
	updates := make(chan StatusUpdate, 4)
	tw.Progress = func(_ context.Context, u StatusUpdate) { updates <- u }
	server := serve(t, tw, false)
	legs := answered(t, tw)
	for _, c := range []struct {
		account, token, call string
		owners               []string
	}{
		{testAccount, testToken, "CA1", nil},
		{acmeAccount, acmeToken, "CA2", []string{"acme", "partner"}},
		{acmeAccount, boltToken, "CA3", []string{"bolt"}},
	} {
		status, target, params := rung(t, server, c.account, c.token, c.call)
		if status != http.StatusOK {
			t.Fatalf("%s: %d", c.call, status)
		}
		if own := strings.HasSuffix(target, "/twilio/media"); own != (c.owners == nil) {
			t.Errorf("%s comes in at %s", c.call, target)
		}
		ws, _, err := dialer().Dial(target, http.Header{"X-Twilio-Signature": {Sign(c.token, target, nil)}})
		if err != nil {
			t.Fatalf("%s: %v", c.call, err)
		}
		defer ws.Close()
		write(t, ws, connected, strings.ReplaceAll(startMessage(c.call, params), testAccount, c.account))
		if got := within(t, legs, "leg").Info().Owners; !slices.Equal(got, c.owners) {
			t.Errorf("%s is owned by %v, want %v", c.call, got, c.owners)
		}
		form := voiceForm(c.call)
		form.Set("AccountSid", c.account)
		form.Set("CallStatus", "completed")
		if status, _ := postSigned(t, server, "/twilio/status", form, Sign(c.token, server.URL+"/twilio/status", form), nil); status != http.StatusNoContent {
			t.Errorf("%s: status callback: %d", c.call, status)
		}
		if u := within(t, updates, "update"); !slices.Equal(u.Owners, c.owners) {
			t.Errorf("%s: news of %v, want %v", c.call, u.Owners, c.owners)
		}
		form.Set("StreamEvent", "stream-stopped")
		if status, _ := postSigned(t, server, "/twilio/stream-status", form, Sign(c.token, server.URL+"/twilio/stream-status", form), nil); status != http.StatusNoContent {
			t.Errorf("%s: stream status: %d", c.call, status)
		}
	}
	if want := [][]string{nil, {"acme", "partner"}, {"bolt"}}; !slices.EqualFunc(admitted, want, slices.Equal) {
		t.Errorf("admitted for %v, want %v", admitted, want)
	}
}

// TestOtherAccountsAreRefused: a token is good for its own account alone, at each step of a call.
func TestOtherAccountsAreRefused(t *testing.T) {
	t.Parallel()
	tw := &Twilio{AccountSID: testAccount, Accounts: accounts}
	server := serve(t, tw, false)
	legs := make(chan media.Leg, 1)
	tw.Answer = func(_ context.Context, leg media.Leg) { legs <- leg }
	for what, c := range map[string][2]string{
		"its token for the server's account": {testAccount, acmeToken}, "the server's token for its account": {acmeAccount, testToken},
		"an unknown account": {"AC00000000000000000000000000000008", acmeToken}, "no account": {"", acmeToken}, "an empty token": {acmeAccount, ""},
		"an account that is no id": {"AC/../..", acmeToken},
	} {
		if status, _, _ := rung(t, server, c[0], c[1], testCall); status != http.StatusForbidden {
			t.Errorf("%s: %d", what, status)
		}
	}
	status, target, params := rung(t, server, acmeAccount, acmeToken, testCall)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	bare := strings.TrimSuffix(target, "/"+acmeAccount)
	for what, c := range map[string][2]string{
		"the server's path": {bare, acmeToken}, "an unknown account's path": {bare + "/AC9", acmeToken}, "no token": {target, ""}, "a wrong token": {target, "wrong"},
	} {
		ws, answer, err := dialer().Dial(c[0], http.Header{"X-Twilio-Signature": {Sign(c[1], c[0], nil)}})
		if err == nil {
			ws.Close()
		}
		if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Its own socket, but the stream says that it is another account's.
	ws, _, err := dialer().Dial(target, http.Header{"X-Twilio-Signature": {Sign(acmeToken, target, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, ws, connected, startMessage(testCall, params))
	if got := closeCode(t, ws); got != closePolicy {
		t.Errorf("closed with %d", got)
	}
	select {
	case leg := <-legs:
		t.Errorf("answered %+v", leg.Info())
	default:
	}
}
