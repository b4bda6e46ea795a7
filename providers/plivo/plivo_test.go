package plivo

import (
	"strings"
	"testing"
	"time"

	"parley/pipeline"
)

// bench/carrier proves the account against Plivo's API on real sockets; here are its words.

func TestCheck(t *testing.T) {
	t.Parallel()
	good := Account{ID: "MAXXXXXXXXXXXXXXXXXX", Token: "t", Voice: "https://a/v", Status: "https://a/s"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	err := (&Account{ID: "../x", Base: "plivo.com"}).Check()
	for _, what := range []string{"auth id", "auth token", "base URL", "voice URL", "status URL"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v does not name the %s", err, what)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]pipeline.PlacedState{
		"queued": pipeline.PlacedRinging, "ringing": pipeline.PlacedRinging, "in-progress": pipeline.PlacedAnswered, "completed": pipeline.PlacedHungUp,
		"busy": pipeline.PlacedBusy, "no-answer": pipeline.PlacedNoAnswer, "timeout": pipeline.PlacedNoAnswer, "cancel": pipeline.PlacedCancelled,
		"failed": pipeline.PlacedFailed, "something new": pipeline.PlacedRinging,
	} {
		if got := State(status); got != want {
			t.Errorf("%s is %s, want %s", status, got, want)
		}
	}
	for cause, want := range map[string]pipeline.PlacedState{
		"Busy Line": pipeline.PlacedBusy, "No Answer": pipeline.PlacedNoAnswer, "Ring Timeout Reached": pipeline.PlacedNoAnswer, "Cancelled": pipeline.PlacedCancelled,
		"Rejected": pipeline.PlacedFailed, "": pipeline.PlacedFailed,
	} {
		if got := (call{Hangup: cause}).placed().State; got != want {
			t.Errorf("%s is %s, want %s", cause, got, want)
		}
	}
	if got := (call{Hangup: "Normal Hangup", Answered: "2026-10-02 10:00:00+00:00"}).placed(); got.State != pipeline.PlacedHungUp {
		t.Errorf("an answered call is %+v", got)
	}
}

// TestExplain reads errors of both shapes.
func TestExplain(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{"api_id":"1","error":"to is invalid"}`: "to is invalid", `{"error":{"to":["is invalid"]}}`: `{"to":["is invalid"]}`, `<html>`: "",
	} {
		if _, got := explain([]byte(answer)); got != want {
			t.Errorf("%s says %q, want %q", answer, got, want)
		}
	}
}

// TestDocument writes what leads a call on, as Plivo has it.
func TestDocument(t *testing.T) {
	t.Parallel()
	for want, to := range map[string]pipeline.Onward{
		`<Response><Dial callerId="15550100001" timeout="60"><Number>442071234567</Number></Dial></Response>`: {To: "+442071234567", CallerID: "+15550100001", Ring: time.Minute},
		`<Response><Dial><User>sip:desk@example.com</User></Dial></Response>`:                                 {To: "sip:desk@example.com"},
	} {
		if got, err := Document(to); err != nil || got != want {
			t.Errorf("%+v: %s, %v; want %s", to, got, err, want)
		}
	}
}
