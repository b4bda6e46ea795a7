//go:build e2e

package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/providers/providertest"
)

// TestEndToEndOwnAccount: an organisation enters its own carrier and its own language model. From then on, without a restart, its calls are
// placed and answered by them, and no more by the server's; their secrets are nowhere in clear.
func TestEndToEndOwnAccount(t *testing.T) {
	t.Parallel()
	const sid, ownSID, public = "AC00000000000000000000000000000001", "AC00000000000000000000000000000002", "https://parley.test"
	const ownToken, ownKey = "canary-token-of-their-account", "canary-key-of-their-model"
	results := make(chan *carrier.Result, 4)
	script := func(steps string) []carrier.Step {
		parsed, err := carrier.ParseScript("callee", steps)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	listen, talk := script("hear\nhangup"), script("hear\nsay agent-pass\nhear\nhangup")
	exchange := func(sid, token string, callee []carrier.Step) (*carrier.Exchange, *syncBuffer, string) {
		rings := &syncBuffer{}
		x := &carrier.Exchange{
			AccountSID: sid, AuthToken: token, Rings: rings, Ended: func(r *carrier.Result, _ error) { results <- r },
			Callee: func(string) carrier.Callee { return carrier.Callee{Script: callee} },
		}
		api := httptest.NewServer(x)
		t.Cleanup(api.Close)
		t.Cleanup(x.Close)
		return x, rings, api.URL
	}
	house, houseRings, houseURL := exchange(sid, testToken, listen)
	theirs, theirRings, theirURL := exchange(ownSID, ownToken, talk)
	model, modelURL := fakeModel(t, ownKey)

	secret := strings.Repeat("s", 32)
	n := serve(t, "TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+houseURL, "PARLEY_PUBLIC_URL="+public, "PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20",
		"PARLEY_CREDENTIALS_ALLOW=127.0.0.1", "PARLEY_SECRET="+secret)
	house.Connect, theirs.Connect = strings.TrimPrefix(n.url, "http://"), strings.TrimPrefix(n.url, "http://")
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
	dial := func(to string) *carrier.Result {
		t.Helper()
		if out, code := command(t, env, "dial", to, "--agent", "receptionist", "--say", "Good morning, here is the dentist."); code != 0 {
			t.Fatalf("dial: exit code %d: %s", code, out)
		}
		return <-results
	}
	dial("+15550100071")
	if strings.Count(houseRings.String(), "\n") != 1 || theirRings.String() != "" {
		t.Fatalf("by the house: %s by them: %s", houseRings, theirRings)
	}

	var account, brain struct{ ID string }
	n.into(n.api(http.MethodPost, "/api/v1/credentials", map[string]any{"vendor": "twilio", "name": "Ours", "account_id": ownSID, "secret": ownToken, "base_url": theirURL}), &account)
	n.into(n.api(http.MethodPost, "/api/v1/credentials", map[string]any{"vendor": "openai", "name": "Brain", "secret": ownKey, "base_url": modelURL}), &brain)
	for _, id := range []string{account.ID, brain.ID} {
		var said struct{ Works bool }
		n.into(n.api(http.MethodPost, "/api/v1/credentials/"+id+"/verify", nil), &said)
		if !said.Works {
			t.Errorf("credential %s does not work", id)
		}
	}
	call := n.record(dial("+15550100072").CallSID)
	if strings.Count(houseRings.String(), "\n") != 1 || strings.Count(theirRings.String(), "\n") != 1 {
		t.Errorf("by the house: %s by them: %s", houseRings, theirRings)
	}
	if said := call.text("agent"); !strings.Contains(said, "Good morning, here is the dentist.") || !strings.Contains(said, "table for two") {
		t.Errorf("the agent said %q", said)
	}
	if got := model.Counts(); got.Requests.Load() == 0 || got.Refused.Load() != 0 {
		t.Errorf("their model was asked %d times, and refused %d", got.Requests.Load(), got.Refused.Load())
	}

	// Calls come in by their account, too; not with another's token, nor with theirs for the house.
	for _, c := range []struct {
		sid, token string
		ok         bool
	}{{ownSID, ownToken, true}, {ownSID, testToken, false}, {sid, ownToken, false}, {ownSID, "wrong", false}} {
		result, err := carrier.Call{URL: public + "/twilio/voice", Connect: theirs.Connect, AccountSID: c.sid, AuthToken: c.token, Script: listen, To: "+15550100099"}.Place(t.Context())
		if (err == nil) != c.ok {
			t.Errorf("a call by %s with %.6s...: %v, %+v", c.sid, c.token, err, result)
		}
	}
	// What is in use stays, what is not goes, and the house's account takes over.
	n.into(n.api(http.MethodDelete, "/api/v1/credentials/"+account.ID, nil), &account)
	dial("+15550100073")
	if strings.Count(houseRings.String(), "\n") != 2 || strings.Count(theirRings.String(), "\n") != 1 {
		t.Errorf("by the house: %s by them: %s", houseRings, theirRings)
	}
	if out, code := command(t, []string{"PARLEY_DATA_DIR=" + n.data, "PARLEY_SECRET=" + secret, "PARLEY_VAULT_KEY=" + strings.Repeat("k", 32)}, "credentials", "rotate"); code != 0 || !strings.Contains(out, "1 secrets") {
		t.Errorf("rotate: %d %s", code, out)
	}
	n.stop()
	inNoFile(t, n, ownToken, ownKey)
}

// inNoFile checks that secrets are in no file of a node, nor in its log.
func inNoFile(t *testing.T, n *node, secrets ...string) {
	t.Helper()
	look := func(where, text string) {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s is in %s", s, where)
			}
		}
	}
	look("the log", n.log.String())
	looked := 0
	err := filepath.WalkDir(n.data, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		look(path, string(text))
		looked++
		return err
	})
	if err != nil || looked < 3 {
		t.Errorf("looked at %d files: %v", looked, err)
	}
}

// fakeModel is a language model that wants a key.
func fakeModel(t *testing.T, key string) (*providertest.OpenAI, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &providertest.OpenAI{Key: key, FirstToken: time.Millisecond}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return o, "http://" + ln.Addr().String() + "/v1"
}
