package telnyx_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/telnyx"
)

// bench/carrier proves the account against Telnyx' API on real sockets; here is what is sent, and what answers that make no sense do.

func TestCheck(t *testing.T) {
	t.Parallel()
	good := telnyx.Account{SID: "3e6f995f-85f7", Key: "KEY", Application: "1684", Voice: "https://a/v", Status: "https://a/s"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	err := (&telnyx.Account{SID: "../x", Base: "telnyx.com"}).Check()
	for _, what := range []string{"account id", "application id", "API key", "base URL", "voice URL", "status URL"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v does not name the %s", err, what)
		}
	}
}

// serve answers every request alike, and keeps the last body.
func serve(t *testing.T, status int, body string) (*telnyx.Account, *map[string]any) {
	t.Helper()
	sent := map[string]any{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" || r.URL.Path != "/v2/texml/Accounts/acc/Calls" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		_ = json.NewDecoder(r.Body).Decode(&sent)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return &telnyx.Account{SID: "acc", Key: "key", Application: "1684", Base: s.URL + "/", Voice: "https://gw.example.net/telnyx/voice?x=1", Status: "https://gw.example.net/telnyx/status"}, &sent
}

func TestPlace(t *testing.T) {
	t.Parallel()
	want := map[string]any{
		"ApplicationSid": "1684", "To": "+15550100003", "From": "+15550100002", "Url": "https://gw.example.net/telnyx/voice?x=1&parley_call=a%26b", "UrlMethod": "POST",
		"StatusCallback": "https://gw.example.net/telnyx/status?parley_call=a%26b", "StatusCallbackMethod": "POST",
		"StatusCallbackEvent": "initiated ringing answered completed", "Timeout": 120.0,
	}
	for _, answer := range []string{
		`{"call_sid":"v3:7","from":"+15550100002","to":"+15550100003","status":"queued"}`, `{"data":{"sid":"v3:7","from":"+15550100002","to":"+15550100003","status":"queued"}}`,
	} {
		a, sent := serve(t, 200, answer)
		p, err := a.Place(t.Context(), pipeline.Order{Token: "a&b", From: "+15550100002", To: "+15550100003", Ring: 3 * time.Minute})
		if d := cmp.Diff(pipeline.Placed{ID: "v3:7", From: "+15550100002", To: "+15550100003", State: pipeline.PlacedRinging}, p); err != nil || d != "" {
			t.Errorf("%v, -want +got:\n%s", err, d)
		}
		if d := cmp.Diff(want, *sent); d != "" {
			t.Errorf("-want +sent:\n%s", d)
		}
	}
}

// TestStrangeAnswers: what is not surely a no may be a call.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		code   int // of a refusal; 0: there may be a call
	}{
		"no sid": {200, `{"status":"queued"}`, 0}, "no JSON": {200, `<html>`, 0}, "cut": {200, `{"call_sid":"v3`, 0}, "redirect": {307, ``, 0}, "gateway": {502, `<html>`, 0},
		"timeout": {408, ``, 0}, "unpaid": {402, `{"errors":[{"code":"20002","title":"Payment required","detail":"no money"}]}`, 20002}, "no JSON, no": {422, `no`, 422},
		"a code that is none": {403, `{"errors":[{"code":"D35","title":"no"}]}`, 403},
	} {
		a, _ := serve(t, tc.status, tc.body)
		_, err := a.Place(t.Context(), pipeline.Order{Token: "t", From: "+15550100002", To: "+15550100003"})
		var no *pipeline.Refusal
		if err == nil || errors.As(err, &no) != (tc.code != 0) || no != nil && no.Code != tc.code || errors.Is(err, pipeline.ErrUntaken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
