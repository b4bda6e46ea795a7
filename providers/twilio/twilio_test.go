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
	a.Fallback, a.Detect, a.Machine = "https://gw.example.net/twilio/fallback", "DetectMessageEnd", "https://gw.example.net/twilio/answered"
	order := pipeline.Order{Token: "a&b", From: "+15550100002", To: "+15550100003", Ring: 45*time.Second + time.Millisecond}
	p, err := a.Place(t.Context(), order)
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
		"FallbackUrl": {"https://gw.example.net/twilio/fallback?parley_call=a%26b"}, "FallbackMethod": {"POST"},
	}
	if d := cmp.Diff(sent, *form); d != "" {
		t.Errorf("-want +sent:\n%s", d)
	}
	order.Who = true
	if _, err := a.Place(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	sent.Set("MachineDetection", "DetectMessageEnd")
	sent.Set("AsyncAmd", "true")
	sent.Set("AsyncAmdStatusCallback", "https://gw.example.net/twilio/answered?parley_call=a%26b")
	sent.Set("AsyncAmdStatusCallbackMethod", "POST")
	if d := cmp.Diff(sent, *form); d != "" {
		t.Errorf("with machine detection: -want +sent:\n%s", d)
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

func TestParty(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]pipeline.Party{
		"human": pipeline.Human, "machine_start": pipeline.Machine, "machine_end_beep": pipeline.Machine, "machine_end_silence": pipeline.Machine,
		"machine_end_other": pipeline.Machine, "fax": pipeline.Fax, "unknown": pipeline.Unknown, "something new": pipeline.Unknown, "": pipeline.Unknown,
	} {
		if got := twilio.Party(said); got != want {
			t.Errorf("%q is %s, want %s", said, got, want)
		}
	}
}

// TestTransfer: what the call is told to do, whatever stands in the destination, and what becomes of it.
func TestTransfer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to   pipeline.Onward
		want string
	}{
		"a number":        {pipeline.Onward{To: "+15550100003"}, `<Response><Dial><Number>+15550100003</Number></Dial></Response>`},
		"from ours":       {pipeline.Onward{To: "+15550100003", CallerID: "+15550100002", Ring: 45 * time.Second}, `<Response><Dial callerId="+15550100002" timeout="45"><Number>+15550100003</Number></Dial></Response>`},
		"an address":      {pipeline.Onward{To: "sip:desk@example.com"}, `<Response><Dial><Sip>sip:desk@example.com</Sip></Dial></Response>`},
		"another's TwiML": {pipeline.Onward{To: `sip:a@b?x=1&y="</Sip><Play>`, CallerID: `"><Hangup/>`}, `<Response><Dial callerId="&#34;&gt;&lt;Hangup/&gt;"><Sip>sip:a@b?x=1&amp;y=&#34;&lt;/Sip&gt;&lt;Play&gt;</Sip></Dial></Response>`},
	} {
		a, form := serve(t, 200, `{"sid":"CA7","status":"in-progress"}`)
		if err := a.Transfer(t.Context(), "CA7", c.to); err != nil || form.Get("Twiml") != c.want || len(*form) != 1 {
			t.Errorf("%s: %v, sent %v", name, err, form)
		}
	}
	over, _ := serve(t, 400, `{"code":21220,"message":"Call is not in-progress"}`)
	if err := over.Transfer(t.Context(), "CA7", pipeline.Onward{To: "+15550100003"}); !errors.Is(err, pipeline.ErrNoCall) {
		t.Errorf("a call that is over: %v", err)
	}
	gone, _ := serve(t, 404, `{"code":20404,"message":"The requested resource was not found","status":404}`)
	if err := gone.Transfer(t.Context(), "CA7", pipeline.Onward{To: "+15550100003"}); !errors.Is(err, pipeline.ErrNoCall) {
		t.Errorf("a call that nobody knows: %v", err)
	}
	if err := gone.HangUp(t.Context(), "CA7"); err != nil {
		t.Errorf("to hang up on it: %v", err)
	}
	busy, _ := serve(t, 429, `{"code":20429,"message":"Too Many Requests","status":429}`)
	var toomany *pipeline.Refusal
	if err := busy.Transfer(t.Context(), "CA7", pipeline.Onward{To: "+15550100003"}); !errors.As(err, &toomany) || toomany.Code != 20429 {
		t.Errorf("too many requests: %v", err)
	}
	if err := busy.HangUp(t.Context(), "CA7"); err == nil {
		t.Error("a call is hung up that Twilio has not taken the request for")
	}
	refused, _ := serve(t, 400, `{"code":13223,"message":"Dial: invalid phone number format"}`)
	var no *pipeline.Refusal
	if err := refused.Transfer(t.Context(), "CA7", pipeline.Onward{To: "+15550100003"}); !errors.As(err, &no) || no.Code != 13223 {
		t.Errorf("a number that is none: %v", err)
	}
	broken, _ := serve(t, 502, `<html>`)
	if err := broken.Transfer(t.Context(), "CA7", pipeline.Onward{To: "+15550100003"}); err == nil || errors.As(err, &no) {
		t.Errorf("a gateway's error: %v", err)
	}
}
