package twilio_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/twilio"
)

// bench/carrier proves the account against Twilio's API on real sockets; here is what is sent, and what answers that make no sense do.

func TestCheck(t *testing.T) {
	t.Parallel()
	good := twilio.Account{SID: "AC1f0e", Token: "t", Voice: "https://a/v", Status: "https://a/s"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	err := (&twilio.Account{SID: "1f0e/..", Base: "twilio.com", Voice: "/v"}).Check()
	for _, what := range []string{"account sid", "auth token", "base URL", "voice URL", "status URL"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v does not name the %s", err, what)
		}
	}
}

// serve answers every request alike, and keeps the last form.
func serve(t *testing.T, status int, body string, header ...string) (*twilio.Account, *url.Values) {
	t.Helper()
	var form url.Values
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, secret, _ := r.BasicAuth(); user != "AC1" || secret != "token" || r.Header.Get("Idempotency-Key") != "" {
			t.Errorf("header %v", r.Header)
		}
		_ = r.ParseForm()
		form = r.PostForm
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return &twilio.Account{SID: "AC1", Token: "token", Base: s.URL + "/", Voice: "https://gw.example.net/twilio/voice?x=1", Status: "https://gw.example.net/twilio/status"}, &form
}

func TestPlace(t *testing.T) {
	t.Parallel()
	a, form := serve(t, 201, `{"sid":"CA7","status":"queued","to":"+15550100003","from":"+15550100002","date_created":"Thu, 30 Mar 2023 01:31:53 +0000"}`)
	p, err := a.Place(t.Context(), pipeline.Order{Token: "a&b", From: "+15550100002", To: "+15550100003", Ring: 45*time.Second + time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	want := pipeline.Placed{ID: "CA7", From: "+15550100002", To: "+15550100003", State: pipeline.PlacedRinging, Made: time.Date(2023, 3, 30, 1, 31, 53, 0, time.UTC)}
	if d := cmp.Diff(want, p); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	sent := url.Values{
		"To": {"+15550100003"}, "From": {"+15550100002"}, "Url": {"https://gw.example.net/twilio/voice?x=1&parley_call=a%26b"}, "Method": {"POST"},
		"StatusCallback": {"https://gw.example.net/twilio/status?parley_call=a%26b"}, "StatusCallbackMethod": {"POST"},
		"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"}, "Timeout": {"45"},
	}
	if d := cmp.Diff(sent, *form); d != "" {
		t.Errorf("-want +sent:\n%s", d)
	}
}

// TestStrangeAnswers: what is not surely a no may be a call.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		sure   bool
	}{
		"no sid": {201, `{}`, false}, "no JSON": {201, `<html>`, false}, "cut": {201, `{"sid":"CA`, false}, "redirect": {307, ``, false},
		"gateway": {502, `<html>`, false}, "timeout": {408, ``, false}, "forbidden": {403, `{"code":20003,"message":"no"}`, true}, "no JSON, no": {400, `no`, true},
	} {
		a, _ := serve(t, tc.status, tc.body, "Location", "/elsewhere")
		_, err := a.Place(t.Context(), pipeline.Order{Token: "t", From: "+15550100002", To: "+15550100003"})
		var refusal *pipeline.Refusal
		if err == nil || (errors.As(err, &refusal) || errors.Is(err, pipeline.ErrUntaken)) != tc.sure {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]pipeline.PlacedState{
		"queued": pipeline.PlacedRinging, "initiated": pipeline.PlacedRinging, "ringing": pipeline.PlacedRinging, "in-progress": pipeline.PlacedAnswered,
		"completed": pipeline.PlacedHungUp, "busy": pipeline.PlacedBusy, "no-answer": pipeline.PlacedNoAnswer, "failed": pipeline.PlacedFailed,
		"canceled": pipeline.PlacedCancelled, "something new": pipeline.PlacedRinging,
	} {
		if got := twilio.State(status); got != want || got.Over() != (want != pipeline.PlacedRinging && want != pipeline.PlacedAnswered) {
			t.Errorf("%s is %s, want %s", status, got, want)
		}
	}
}
