//go:build e2e

package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/bench/carrier"
)

// TestEndToEndRefusals: who is not the carrier is told 403, and nothing happens.
func TestEndToEndRefusals(t *testing.T) {
	n := serve(t, "PARLEY_RECORD=false")
	form := url.Values{"CallSid": {"CA1"}, "From": {"+1"}, "To": {"+2"}, "CallStatus": {"ringing"}}
	for _, signature := range []string{"", "AAAA", "pDBx1McycDg2sIBUyP9v+49T2ok="} {
		req, err := http.NewRequest(http.MethodPost, n.url+"/twilio/voice", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", signature)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("signature %q: %d, want 403", signature, resp.StatusCode)
		}
	}
	if _, err := (carrier.Call{URL: n.url + "/twilio/voice", AuthToken: "wrong"}).Place(t.Context()); err == nil {
		t.Error("a call signed with a wrong token went through")
	}
	if v := n.metric("parley_stream_refused_total", "signature"); v != 4 {
		t.Errorf("%v refusals counted, want 4", v)
	}
	if code, _ := n.get("/nothing"); code != http.StatusNotFound {
		t.Errorf("unknown path: %d", code)
	}
}

// TestEndToEndDrain: SIGTERM refuses new calls and lets the one in progress finish.
func TestEndToEndDrain(t *testing.T) {
	n := serve(t, "PARLEY_RECORD=false")
	if code, _ := n.get("/readyz"); code != http.StatusOK {
		t.Fatalf("readyz before: %d", code)
	}
	type outcome struct {
		r   *carrier.Result
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		r, err := n.place(context.WithoutCancel(t.Context()), "hear", "press 1", "hear", "hangup")
		ended <- outcome{r, err}
	}()
	until(t, 20*time.Second, "the call is live", func() bool { return n.metric("parley_calls_live") == 1 })
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, 5*time.Second, "readyz says 503", func() bool { code, _ := n.get("/readyz"); return code == http.StatusServiceUnavailable })
	if code, _ := n.get("/healthz"); code != http.StatusOK {
		t.Errorf("healthz while draining: %d", code)
	}
	if r, err := n.place(t.Context(), "hear"); r == nil || r.Ended != "rejected" {
		t.Errorf("a call while draining: %+v, %v, want it rejected", r, err)
	}
	o := <-ended
	if o.err != nil || len(o.r.Turns) < 2 || !o.r.Turns[1].Answered {
		t.Errorf("the call in progress: %v, %+v", o.err, o.r)
	}
	if err := <-n.done; err != nil {
		t.Errorf("serve ended: %v", err)
	}
	n.done = nil
}

// TestEndToEndSecondSignal: a second SIGTERM hangs up.
func TestEndToEndSecondSignal(t *testing.T) {
	n := serve(t, "PARLEY_RECORD=false")
	ended := make(chan *carrier.Result, 1)
	go func() {
		r, _ := n.place(context.WithoutCancel(t.Context()), "hear", "silent 60s")
		ended <- r
	}()
	until(t, 20*time.Second, "the call is live", func() bool { return n.metric("parley_calls_live") == 1 })
	for range 2 {
		if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		until(t, 5*time.Second, "the signal arrived", func() bool { return strings.Contains(n.log.String(), "draining") })
	}
	if r := <-ended; r == nil || r.Ended != "agent" {
		t.Errorf("the call: %+v, want ended by the agent's side", r)
	}
	if err := <-n.done; err != nil {
		t.Errorf("serve ended: %v", err)
	}
	n.done = nil
}

// TestEndToEndEarlyCall: a call that comes before the models are loaded waits for them and is answered.
func TestEndToEndEarlyCall(t *testing.T) {
	n := serve(t, "PARLEY_RECORD=false")
	r, err := n.place(t.Context(), "hear most=5s", "hangup")
	if r == nil || !r.Answered {
		t.Fatalf("not answered: %v", err)
	}
	t.Logf("greeting after %v", r.Turns[0].FirstSample)
}
