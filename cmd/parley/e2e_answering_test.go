//go:build e2e

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// TestEndToEndAnswering: an agent that listens first leaves its message on an answering machine, after the beep, and opens to a person. What
// answered stands in the call's record and in the task's.
func TestEndToEndAnswering(t *testing.T) {
	t.Parallel()
	const sid = "AC00000000000000000000000000000001"
	script := func(lines ...string) []carrier.Step {
		s, err := carrier.ParseScript("callee", strings.Join(lines, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	machine := script("say vm-nobodyavail", "say vm-intro", "say beep", "hear", "hangup")
	person := script("say hello", "hear", "hangup")
	results := make(chan *carrier.Result, 2)
	exchange := &carrier.Exchange{
		AccountSID: sid, AuthToken: testToken, Ended: func(r *carrier.Result, err error) {
			if err != nil {
				t.Errorf("call to %s: %v", r.To, err)
			}
			results <- r
		},
		Callee: func(to string) carrier.Callee {
			if strings.HasSuffix(to, "1") {
				return carrier.Callee{Script: machine}
			}
			return carrier.Callee{Script: person}
		},
	}
	api := httptest.NewServer(exchange)
	t.Cleanup(api.Close)
	t.Cleanup(exchange.Close)
	const message = "Hello, this is Northwind Clinic. Please call us back."
	manners := filepath.Join(t.TempDir(), "manners.yaml")
	if err := os.WriteFile(manners, []byte("answering:\n  on: true\n  message: \""+message+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := serve(t, "TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+api.URL, "PARLEY_PUBLIC_URL=https://parley.test",
		"PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20", "PARLEY_MANNERS="+manners)
	exchange.Connect = strings.TrimPrefix(n.url, "http://")
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}

	for to, want := range map[string]struct {
		status, outcome, says string
		code                  int
	}{
		"+15550100071": {"failed", "machine", message, 1},
		"+15550100070": {"completed", "human", "Good morning, here is the dentist.", 0},
	} {
		out, code := command(t, env, "dial", to, "--agent", "receptionist", "--say", "Good morning, here is the dentist.", "--json")
		if code != want.code || !strings.Contains(out, `"status": "`+want.status+`"`) || !strings.Contains(out, `"outcome": "`+want.outcome+`"`) {
			t.Errorf("%s: exit code %d: %s", to, code, out)
		}
		r := <-results
		call := n.record(r.CallSID)
		var whole struct {
			AnsweredBy string `json:"answered_by"`
			Cause      string `json:"cause"`
		}
		n.into(n.api(http.MethodGet, "/api/v1/calls/"+call.ID, nil), &whole)
		if said := call.text("agent"); whole.AnsweredBy != want.outcome || !strings.Contains(said, want.says) {
			t.Errorf("%s: %+v, the agent said %q", to, whole, said)
		}
		if want.outcome != "machine" {
			continue
		}
		if whole.Cause != "machine" || strings.Contains(call.text("agent"), "dentist") {
			t.Errorf("the machine heard %q, and the call ended with %q", call.text("agent"), whole.Cause)
		}
		beeped := carrier.Millis(0)
		for _, e := range r.Timeline {
			if e.Who == "caller" && e.What == "spoke" {
				beeped = max(beeped, e.At+e.For)
			}
			if e.Who == "agent" && e.What == "spoke" && e.At < beeped {
				t.Errorf("the agent spoke at %v, before the greeting and its beep were over at %v", e.At, beeped)
			}
		}
		if beeped == 0 {
			t.Errorf("no greeting in %+v", r.Timeline)
		}
	}
}
