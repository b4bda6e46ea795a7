//go:build e2e

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// exchange is a fake carrier whose callees do what the scripts of their numbers say, and a server that places calls by it.
func exchange(t *testing.T, scripts map[string]string, env ...string) (*node, *carrier.Exchange, <-chan *carrier.Result) {
	t.Helper()
	const sid = "AC00000000000000000000000000000001"
	results := make(chan *carrier.Result, 8)
	steps := map[string][]carrier.Step{}
	for to, script := range scripts {
		var err error
		if steps[to], err = carrier.ParseScript(to, script); err != nil {
			t.Fatal(err)
		}
	}
	x := &carrier.Exchange{
		AccountSID: sid, AuthToken: testToken, Ended: func(r *carrier.Result, _ error) { results <- r },
		Callee: func(to string) carrier.Callee {
			if steps[to] == nil {
				return carrier.Callee{Outcome: "busy"}
			}
			return carrier.Callee{Script: steps[to]}
		},
	}
	api := httptest.NewServer(x)
	t.Cleanup(api.Close)
	t.Cleanup(x.Close)
	n := serve(t, append(env, "TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+api.URL, "PARLEY_PUBLIC_URL=https://parley.test", "PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20")...)
	x.Connect = strings.TrimPrefix(n.url, "http://")
	return n, x, results
}

// TestEndToEndTransfer: a key has the carrier connect the called to somebody else, by its REST API; the record says so.
func TestEndToEndTransfer(t *testing.T) {
	t.Parallel()
	n, _, results := exchange(t, map[string]string{"+15550100077": "hear\npress 0\nhear\nhear"})
	var agents []struct{ ID string }
	n.into(n.api(http.MethodGet, "/api/v1/agents", nil), &agents)
	rule := map[string]any{"dtmf_rules": map[string]any{"0": map[string]any{"say": "I am connecting you.", "transfer": "+442071234567"}}}
	if a := n.api(http.MethodPatch, "/api/v1/agents/"+agents[0].ID, rule); a.Status != http.StatusOK {
		t.Fatalf("the rule is not taken: %d %s", a.Status, a.Error)
	}
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
	if out, code := command(t, env, "dial", "+15550100077", "--agent", "receptionist", "--say", "Press zero for a person.", "--json"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	r := <-results
	call := n.record(r.CallSID)
	if r.Dialled != "+442071234567" || r.DialledFrom != "+15550100002" || call.Cause != "transfer" || !strings.Contains(call.text("agent"), "I am connecting you.") {
		t.Errorf("dialled %q as %q; the call's cause is %q, and the agent said %q", r.Dialled, r.DialledFrom, call.Cause, call.text("agent"))
	}
}

// TestEndToEndWarmTransfer: a person is called by the caller's own account, told what it is about, presses 1, and hears the caller and is
// heard; the recording has both. Who is busy leaves the caller with the agent.
func TestEndToEndWarmTransfer(t *testing.T) {
	t.Parallel()
	n, _, results := exchange(t, map[string]string{
		"+15550100077": "hear\nsilent 14s\nsay agent-pass\nsilent 3s\nhangup", "+442071234567": "hear\npress 1\nsilent 1s\nsay agent-loginok\nsilent 12s\nhangup",
	}, "PARLEY_RECORD=true")
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
	if out, code := command(t, env, "dial", "+15550100077", "--agent", "receptionist", "--say", "Good morning.", "--wait", "0"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	call := n.going()
	order := func(body map[string]any) {
		if a := n.api(http.MethodPost, "/api/v1/calls/"+call.ID+"/transfer", body); a.Status != http.StatusOK {
			t.Fatalf("not taken: %d %s", a.Status, a.Error)
		}
	}
	order(map[string]any{"to": "+442071234567", "mode": "bridge", "say": "One moment.", "brief": "A caller about an order. Press one.", "confirm": true})
	var person, caller *carrier.Result
	for range 2 {
		if r := <-results; r.To == "+442071234567" {
			person = r
		} else {
			caller = r
		}
	}
	if person == nil || caller == nil || person.From != "+15550100002" {
		t.Fatalf("the person's call is %+v, the caller's %+v", person, caller)
	}
	done := n.record(caller.CallSID)
	if done.Cause != "caller" && done.Cause != "transfer" {
		t.Errorf("the call ended with cause %q", done.Cause)
	}
	if !strings.Contains(done.text("system"), "connected to +442071234567") {
		t.Errorf("the record does not say who was there: %q", done.text("system"))
	}
	var sum int64
	for _, v := range person.Heard[len(person.Heard)/2:] {
		sum += int64(max(v, -v))
	}
	if loud := sum / int64(len(person.Heard)/2+1); loud < 20 {
		t.Errorf("the person heard the caller at %d", loud)
	}
}

// TestEndToEndAttendedTransfer: whoever has taken the call and the caller talk in a conference of Twilio's, and the server is out of it, for good. Where
// the caller is not let in, they are with the agent again, and nobody waits for them.
func TestEndToEndAttendedTransfer(t *testing.T) {
	t.Parallel()
	const person, caller, refused = "+442071234567", "+15550100077", "+15550100078"
	n, x, results := exchange(t, map[string]string{caller: "hear\nsilent 10m", refused: "hear\nsilent 10m", person: "hear\npress 1\nsilent 10m"})
	met := make(chan string, 1)
	x.Met = func(room string) { met <- room }
	x.Leading = func(to string) carrier.Fault {
		return map[string]carrier.Fault{refused: carrier.Refused}[to]
	}
	transfers := func(to string, order map[string]any) callRow {
		t.Helper()
		env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
		if out, code := command(t, env, "dial", to, "--agent", "receptionist", "--say", "Good morning.", "--wait", "0"); code != 0 {
			t.Fatalf("exit code %d: %s", code, out)
		}
		call := n.going()
		order["to"], order["mode"] = person, "attended"
		if a := n.api(http.MethodPost, "/api/v1/calls/"+call.ID+"/transfer", order); a.Status != http.StatusOK {
			t.Fatalf("not taken: %d %s", a.Status, a.Error)
		}
		return call
	}

	row := transfers(caller, map[string]any{"say": "One moment.", "brief": "An order. Press one.", "confirm": true})
	room := <-met
	done := n.record(row.CarrierID)
	x.HangUp(caller)
	var both [2]*carrier.Result
	for i := range both {
		both[i] = <-results
	}
	for i, r := range both {
		other := both[1-i]
		if c := r.Conference; c == nil || c.Room != room || len(c.With) != 1 || c.With[0] != other.CallSID || c.Dropped != (r.To == person) {
			t.Errorf("%s was in %+v", r.To, c)
		}
		if r.Streams != 1 || len(r.Warnings) > 0 {
			t.Errorf("%s had %d streams, warnings %q", r.To, r.Streams, r.Warnings)
		}
	}
	if again := n.record(row.CarrierID); done.Cause != "transfer" || again.Cause != "transfer" || again.Status != "completed" {
		t.Errorf("the call ended with cause %q, and is %s by %q when they have hung up", done.Cause, again.Status, again.Cause)
	}

	row = transfers(refused, map[string]any{})
	if r := <-results; r.To != person || r.Conference == nil || len(r.Conference.With) > 0 || r.Ended != "agent" {
		t.Errorf("%s was in %+v, ended by %s", r.To, r.Conference, r.Ended)
	}
	const why = "The transfer failed: they are no longer there: the carrier refuses: Twiml is invalid (21218). The caller is still on the line."
	until(t, time.Minute, "the agent is told why", func() bool {
		n.into(n.api(http.MethodGet, "/api/v1/calls/"+row.ID, nil), &row)
		return strings.Contains(row.text("system"), why)
	})
	x.HangUp(refused)
	if r := <-results; r.Conference != nil || r.Streams != 1 {
		t.Errorf("the caller was in %+v, by %d streams", r.Conference, r.Streams)
	}
	if done := n.record(row.CarrierID); done.Cause != "caller" {
		t.Errorf("the call ended with cause %q", done.Cause)
	}
}
