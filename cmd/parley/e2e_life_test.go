//go:build e2e

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/bench/carrier"
	"parley/media/stream"
	"parley/media/wav"
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

// TestEndToEndLimit: the call above the limit is refused at once, and welcome when there is room again.
func TestEndToEndLimit(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_RECORD=false", "PARLEY_MAX_CALLS=1")
	first := make(chan error, 1)
	go func() {
		_, err := n.place(context.WithoutCancel(t.Context()), "hear within=30s")
		first <- err
	}()
	until(t, time.Minute, "the call is live", func() bool { return n.metric("parley_calls_live") == 1 })
	if code, _ := n.get("/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("readyz when full: %d", code)
	}
	r, err := n.place(t.Context(), "hear")
	if !errors.Is(err, carrier.ErrRejected) {
		t.Errorf("the call above the limit: %v", err)
	} else if time.Duration(r.Webhook) > 100*time.Millisecond {
		t.Logf("the refusal took %v: this machine is busy", r.Webhook)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	n.idle()
	if code, _ := n.get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz afterwards: %d", code)
	}
	if refused, frames := n.metric("parley_admission_refused_total", `reason="max_calls"`), n.metric("parley_frame_lateness_seconds_count"); refused != 1 || frames == 0 {
		t.Errorf("%v refusals and %v frames are counted", refused, frames)
	}
}

// TestEndToEndNoProcessor: a server that may use next to nothing of the processors takes no call, and says why.
func TestEndToEndNoProcessor(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_RECORD=false", "PARLEY_MAX_CPU=0.001")
	until(t, time.Minute, "readyz says so", func() bool {
		code, text := n.get("/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, "cpu")
	})
	if _, err := n.place(t.Context(), "hear"); !errors.Is(err, carrier.ErrRejected) {
		t.Errorf("a call: %v", err)
	}
	if n.metric("parley_admission_refused_total", `reason="cpu"`) != 1 || n.metric("parley_processors") <= 0 {
		t.Error("the metrics do not tell")
	}
	if !strings.Contains(n.log.String(), "calls are refused") || !strings.Contains(n.log.String(), "reason=cpu") {
		t.Errorf("the log does not tell:\n%s", n.log)
	}
}

// TestEndToEndDrain: SIGTERM refuses new calls and lets the one in progress finish.
func TestEndToEndDrain(t *testing.T) {
	t.Parallel()
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
	until(t, time.Minute, "the call is live", func() bool { return n.metric("parley_calls_live") == 1 })
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, time.Minute, "readyz says 503", func() bool { code, _ := n.get("/readyz"); return code == http.StatusServiceUnavailable })
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

// TestEndToEndDrainWaitsForStreams: a call that was answered just before SIGTERM, and whose stream comes after it, is held.
func TestEndToEndDrainWaitsForStreams(t *testing.T) {
	n := serve(t, "PARLEY_RECORD=false")
	form := url.Values{"CallSid": {"CA1"}, "AccountSid": {"AC1"}, "From": {"+1"}, "To": {"+2"}, "CallStatus": {"ringing"}}
	req, err := http.NewRequest(http.MethodPost, n.url+"/twilio/voice", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", stream.Sign(testToken, n.url+"/twilio/voice", form))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	twiml, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindSubmatch(twiml)
	if token == nil {
		t.Fatalf("no token in %s", twiml)
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, time.Minute, "readyz says 503", func() bool { code, _ := n.get("/readyz"); return code == http.StatusServiceUnavailable })

	target := "ws" + strings.TrimPrefix(n.url, "http") + "/twilio/media"
	ws, _, err := websocket.DefaultDialer.Dial(target, http.Header{"X-Twilio-Signature": {stream.Sign(testToken, target, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	start := `{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"CA1","tracks":["inbound"],` +
		`"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{"token":"` + string(token[1]) + `"}}}`
	for _, m := range []string{`{"event":"connected","protocol":"Call","version":"1.0.0"}`, start} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ws.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for heard := false; !heard; {
		_, m, err := ws.ReadMessage()
		if err != nil {
			t.Fatalf("the greeting did not come: %v", err)
		}
		heard = strings.Contains(string(m), `"event":"media"`)
	}
}

// TestEndToEndSecondSignal: a second SIGTERM hangs up.
func TestEndToEndSecondSignal(t *testing.T) {
	n := serve(t, "PARLEY_RECORD=false")
	ended := make(chan *carrier.Result, 1)
	go func() {
		r, _ := n.place(context.WithoutCancel(t.Context()), "hear", "silent 60s")
		ended <- r
	}()
	until(t, time.Minute, "the call is live", func() bool { return n.metric("parley_calls_live") == 1 })
	for range 2 {
		if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		until(t, time.Minute, "the signal arrived", func() bool { return strings.Contains(n.log.String(), "draining") })
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
	t.Parallel()
	n := serve(t, "PARLEY_RECORD=false")
	r, err := n.place(t.Context(), "hear most=5s", "hangup")
	if r == nil || !r.Answered {
		t.Fatalf("not answered: %v", err)
	}
	t.Logf("greeting after %v", r.Turns[0].FirstSample)
}

// TestEndToEndKilled: kill -9 in the middle of a call leaves a recording that is whole up to the last second, and the next server
// on the same data starts well.
func TestEndToEndKilled(t *testing.T) {
	n := serve(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = n.place(context.WithoutCancel(t.Context()), "silent 60s") // it ends when the server does
	}()
	var answered time.Time
	until(t, time.Minute, "the call is answered", func() bool {
		answered = time.Now()
		return n.metric("parley_calls_live") == 1
	})
	pattern := filepath.Join(n.data, "recordings", "*", "*.wav.part")
	until(t, time.Minute, "five seconds are recorded", func() bool {
		paths, _ := filepath.Glob(pattern)
		if len(paths) != 1 {
			return false
		}
		s, err := os.Stat(paths[0])
		return err == nil && s.Size() > 5*8000*2*2
	})
	lasted := time.Since(answered)
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-n.done
	n.done = nil
	<-ended
	paths, _ := filepath.Glob(pattern)
	sound, err := wav.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v of a call of %v are recorded", sound.Duration(), lasted.Round(time.Millisecond))
	if lost := lasted - sound.Duration(); sound.Channels != 2 || lost > 1200*time.Millisecond { // a second, and what the machine was late
		t.Errorf("%d channels, %v lost", sound.Channels, lost)
	}
	again := serve(t, "PARLEY_DATA_DIR="+n.data)
	until(t, time.Minute, "the call is closed", func() bool {
		calls := again.calls()
		return len(calls) == 1 && calls[0].Status == "failed" && calls[0].Cause == "crash"
	})
	again.checkRecording(again.record(again.calls()[0].CarrierID))
	if code, _ := again.get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz of the next server: %d", code)
	}
}
