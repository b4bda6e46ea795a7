//go:build e2e

package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/bench/carrier"
)

// telnyxExchange is Telnyx, with an account, its keys, and callees.
func telnyxExchange(t *testing.T, sid, key string, scripts map[string]string) (x *carrier.Exchange, public string, results <-chan *carrier.Result) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	x = &carrier.Exchange{Kind: carrier.Telnyx, AccountSID: sid, AuthToken: key, Key: private, Application: "1684641123236054244"}
	return x, base64.StdEncoding.EncodeToString(pub), callees(t, x, scripts)
}

// callees gives an exchange those who do what the scripts of their numbers say; others are busy, away, or nowhere.
func callees(t *testing.T, x *carrier.Exchange, scripts map[string]string) (results <-chan *carrier.Result) {
	t.Helper()
	steps := map[string][]carrier.Step{}
	for to, script := range scripts {
		var err error
		if steps[to], err = carrier.ParseScript(to, script); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan *carrier.Result, 8)
	x.Rings, x.Ended = &syncBuffer{}, func(r *carrier.Result, _ error) { ended <- r }
	x.Callee = func(to string) carrier.Callee {
		if steps[to] == nil {
			return carrier.Callee{Outcome: map[string]string{"6": "busy", "8": "no-answer", "9": "failed"}[to[len(to)-1:]]}
		}
		return carrier.Callee{Script: steps[to]}
	}
	x.Fault = func(to string) carrier.Fault {
		return map[string]carrier.Fault{"+15550100055": carrier.LostAnswer, "+15550100056": carrier.Refused}[to]
	}
	return ended
}

// listen starts an exchange.
func listenExchange(t *testing.T, x *carrier.Exchange) (url string) {
	t.Helper()
	api := httptest.NewServer(x)
	t.Cleanup(api.Close)
	t.Cleanup(x.Close)
	return api.URL
}

// TestEndToEndTelnyxDial: tasks are carried out by Telnyx. Whoever answers talks with the agent; one call is transferred by the REST API, one
// is ended by the agent, others are busy, away or refused, and one rings although the answer to its order is lost: once.
func TestEndToEndTelnyxDial(t *testing.T) {
	t.Parallel()
	const sid, key, public = "3e6f995f-85f7-4705-9741-53b116d28237", "KEY0123456789", "https://parley.test"
	x, signs, results := telnyxExchange(t, sid, key, map[string]string{
		"+15550100077": "hear within=60s\nsay agent-pass\nhear within=60s\npress 0\nhear within=60s\nhear within=60s", "+15550100071": "hear within=60s\npress 9\nhear within=60s\nhear within=60s", "+15550100055": "hear within=60s\nhangup",
	})
	n := serve(t, "TELNYX_PUBLIC_KEY="+signs, "TELNYX_ACCOUNT_SID="+sid, "TELNYX_API_KEY="+key, "TELNYX_APPLICATION_ID="+x.Application, "TELNYX_BASE_URL="+listenExchange(t, x),
		"PARLEY_PUBLIC_URL="+public, "PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20")
	x.Connect = strings.TrimPrefix(n.url, "http://")
	n.connects()
	n.placesBy(t, x, results)
}

// TestEndToEndTelnyxOwn: an organisation enters its own account at Telnyx, its numbers call by it, and calls of that account come in; signed by
// another account's key they do not.
func TestEndToEndTelnyxOwn(t *testing.T) {
	t.Parallel()
	const sid, key, public = "f5586561-8ff0-4291-a51b-c7dfe4139ff9", "KEY-canary-of-their-account", "https://parley.test"
	x, signs, results := telnyxExchange(t, sid, key, map[string]string{"+15550100077": "hear within=60s\npress 0\nhear within=60s\nhear within=60s"})
	url := listenExchange(t, x)
	n := serve(t, "PARLEY_PUBLIC_URL="+public, "PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20", "PARLEY_CREDENTIALS_ALLOW=127.0.0.1")
	x.Connect = strings.TrimPrefix(n.url, "http://")
	var account struct{ ID string }
	entered := map[string]any{"vendor": "telnyx", "name": "Ours", "account_id": sid, "secret": key, "application_id": x.Application, "public_key": signs, "base_url": url}
	n.into(n.api(http.MethodPost, "/api/v1/credentials", entered), &account)
	var said struct{ Works bool }
	if n.into(n.api(http.MethodPost, "/api/v1/credentials/"+account.ID+"/verify", nil), &said); !said.Works {
		t.Error("the credential does not work")
	}
	var agents []struct{ ID string }
	n.into(n.api(http.MethodGet, "/api/v1/agents", nil), &agents)
	number := map[string]any{"phone_number": "+15550100002", "credential_id": account.ID, "agent_id": agents[0].ID}
	if a := n.api(http.MethodPost, "/api/v1/numbers", number); a.Status != http.StatusCreated {
		t.Fatalf("the number is not taken: %d %s", a.Status, a.Error)
	}
	rules := map[string]any{"dtmf_rules": map[string]any{"0": map[string]any{"say": "I am connecting you.", "transfer": "+442071234567"}}}
	if a := n.api(http.MethodPatch, "/api/v1/agents/"+agents[0].ID, rules); a.Status != http.StatusOK {
		t.Fatalf("the rule is not taken: %d %s", a.Status, a.Error)
	}
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
	if out, code := command(t, env, "dial", "+15550100077", "--agent", agents[0].ID, "--say", "Good morning.", "--json"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	r := <-results
	if call := n.record(r.CallSID); r.Dialled != "+442071234567" || call.Cause != "transfer" {
		t.Errorf("dialled %q, cause %q", r.Dialled, call.Cause)
	}
	var row struct{ Carrier string }
	n.into(n.api(http.MethodGet, "/api/v1/calls/"+n.record(r.CallSID).ID, nil), &row)
	if row.Carrier != "telnyx" {
		t.Errorf("the call came by %q", row.Carrier)
	}
	script, err := carrier.ParseScript("caller", "hear within=60s\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	in := carrier.Call{URL: public + "/telnyx/voice", Connect: x.Connect, Kind: carrier.Telnyx, AccountSID: sid, Key: x.Key, Script: script}
	if r, err := in.Place(t.Context()); err != nil || n.record(r.CallSID).Cause != "caller" {
		t.Errorf("a call to them: %v, %+v", err, r)
	}
	for name, c := range map[string]carrier.Call{
		"another account": {AccountSID: "0", Key: x.Key}, "another key": {AccountSID: sid, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))},
	} {
		c.URL, c.Connect, c.Kind, c.Script = in.URL, in.Connect, in.Kind, script
		if _, err := c.Place(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", name, err)
		}
	}
	n.stop()
	inNoFile(t, n, key)
}
