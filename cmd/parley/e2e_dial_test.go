//go:build e2e

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/bench/carrier"
)

// TestEndToEndDial: the real binary has a fake carrier call numbers. An agent says what its task says to whoever answers, parley dial tells
// how it goes, and the records know whose call it was.
func TestEndToEndDial(t *testing.T) {
	t.Parallel()
	const sid, public = "AC00000000000000000000000000000001", "https://parley.test"
	var rings syncBuffer
	results := make(chan *carrier.Result, 1)
	script, err := carrier.ParseScript("callee", "hear\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	exchange := &carrier.Exchange{
		AccountSID: sid, AuthToken: testToken, Rings: &rings, Ended: func(r *carrier.Result, _ error) { results <- r },
		Callee: func(to string) carrier.Callee {
			if strings.HasSuffix(to, "99") {
				return carrier.Callee{Outcome: "busy"}
			}
			return carrier.Callee{Script: script}
		},
	}
	api := httptest.NewServer(exchange)
	t.Cleanup(api.Close)
	t.Cleanup(exchange.Close)
	n := serve(t, "TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+api.URL, "PARLEY_PUBLIC_URL="+public, "PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20")
	exchange.Connect = strings.TrimPrefix(n.url, "http://")
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}

	out, code := command(t, env, "dial", "+15550100077", "--agent", "receptionist", "--say", "Good morning {{name}}, here is the dentist.", "--set", "name=John Doe", "--json")
	if code != 0 || !strings.Contains(out, `"status": "completed"`) {
		t.Fatalf("exit code %d: %s", code, out)
	}
	call := n.record((<-results).CallSID)
	var whole struct {
		TaskID    string `json:"task_id"`
		Direction string `json:"direction"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/calls/"+call.ID, nil), &whole)
	if said := call.text("agent"); !strings.Contains(said, "Good morning John Doe, here is the dentist.") {
		t.Errorf("the agent said %q", said)
	}
	if !strings.Contains(out, whole.TaskID) || whole.Direction != "outbound" || call.To != "+15550100077" || call.From != "+15550100002" || call.Answered == nil || !call.Recorded {
		t.Errorf("the call is %+v %+v of %s", call, whole, out)
	}
	if out, code := command(t, env, "dial", "+15550100099", "--agent", "Receptionist"); code != 1 {
		t.Errorf("a busy number: exit code %d, %s", code, out)
	}
	if out, code := command(t, env, "dial", "+15550100078", "--agent", "Receptionist", "--say", "Hello {{nobody}}"); code != 1 {
		t.Errorf("a place that nothing fills: exit code %d, %s", code, out)
	}
	if out, code := command(t, env, "dial", "5550100", "--agent", "Receptionist"); code != 2 {
		t.Errorf("a bad number: exit code %d, %s", code, out)
	}
	var tasks []struct {
		Status string `json:"status"`
		Error  string `json:"error"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/tasks", nil), &tasks)
	if len(tasks) != 2 || tasks[0].Status != "failed" || tasks[0].Error != "busy" || tasks[1].Status != "completed" {
		t.Errorf("tasks: %+v", tasks)
	}
	if got := strings.Count(rings.String(), "\n"); got != 2 {
		t.Errorf("%d calls rang: %s", got, rings.String())
	}
}
