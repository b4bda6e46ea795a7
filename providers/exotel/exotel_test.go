package exotel

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
)

// account is one whose API answers as it is told.
func account(t *testing.T, answer http.HandlerFunc) *Account {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return &Account{SID: "acme1", Key: "key", Token: "token", App: "926", Base: s.URL, Status: "https://applet:made-up@gw.example.net/exotel/status"}
}

var ordered = pipeline.Order{
	Token: "5f1c", From: "+918047491899", To: "+919876543210", Ring: 45 * time.Second, Asked: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
}

// A call as Exotel's pages have it.
const told = `{"Call":{"Sid":"80bfbec2d78bbbf10fb851f4fa165211","ParentCallSid":null,"DateCreated":"2026-11-23 15:30:00","DateUpdated":"2026-11-23 15:30:03",` +
	`"AccountSid":"acme1","To":"08047491899","From":"09876543210","PhoneNumberSid":"08047491899","Status":"in-progress","StartTime":"2026-11-23 15:30:03",` +
	`"EndTime":null,"Duration":null,"Price":null,"Direction":"outbound-api","AnsweredBy":null,"ForwardedFrom":null,"CallerName":null,` +
	`"Uri":"\/v1\/Accounts\/acme1\/Calls.json\/80bfbec2d78bbbf10fb851f4fa165211","RecordingUrl":null}}`

func TestCheck(t *testing.T) {
	t.Parallel()
	good := Account{SID: "acme1", Key: "k", Token: "t", App: "926", Status: "https://u:p@a/s"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	err := (&Account{SID: "../x", App: "my app", Base: "exotel.com"}).Check()
	for _, what := range []string{"account sid", "API key", "API token", "app id", "user and password of the status URL", "base URL", "status URL"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v does not name the %s", err, what)
		}
	}
	if err := (&Account{Status: "gopher://u:secret@a/s"}).Check(); err == nil || !strings.Contains(err.Error(), "gopher") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// TestPlace holds an order to Exotel's pages.
func TestPlace(t *testing.T) {
	t.Parallel()
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, err := url.ParseQuery(string(body))
		user, password, _ := r.BasicAuth()
		want := url.Values{
			"From": {"+919876543210"}, "CallerId": {"+918047491899"}, "Url": {"http://my.exotel.com/acme1/exoml/start_voice/926"}, "TimeOut": {"45"},
			"StatusCallback":         {"https://applet:made-up@gw.example.net/exotel/status?parley_call=5f1c"},
			"StatusCallbackEvents[]": {"terminal", "answered"}, "CustomField": {"5f1c"},
		}.Encode()
		if r.Method != http.MethodPost || r.URL.Path != "/v1/Accounts/acme1/Calls/connect.json" || user != "key" || password != "token" || err != nil || form.Encode() != want {
			t.Errorf("%s %s by %s:%s\n%s, want\n%s", r.Method, r.URL, user, password, form.Encode(), want)
		}
		_, _ = io.WriteString(w, told)
	})
	got, err := a.Place(t.Context(), ordered)
	want := pipeline.Placed{ID: "80bfbec2d78bbbf10fb851f4fa165211", From: "+918047491899", To: "+919876543210", State: pipeline.PlacedRinging}
	if err != nil || got != want {
		t.Errorf("placed %+v, %v", got, err)
	}
}

// TestPlaceFails tells what is surely no call from what may be one.
func TestPlaceFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status         int
		answer         string
		refused, later bool
		says           string
	}{
		"a key that is none":    {401, `{"RestException":{"Status":401,"Message":"Authentication failed. Invalid API Key or Token.","Code":"UNAUTHORIZED"}}`, true, false, "Invalid API Key"},
		"a number that is none": {400, `{"RestException":{"Status":400,"Message":"Bad or missing parameters: 'From'"}}`, true, false, "'From'"},
		"XML":                   {403, `<TwilioResponse><RestException/></TwilioResponse>`, true, false, "403"},
		"too many":              {429, `{}`, false, true, "429"},
		"broken":                {503, ``, false, false, "503"},
		"no name":               {200, `{"Call":{}}`, false, false, "names no call"},
		"no answer":             {0, ``, false, false, "EOF"},
	} {
		a := account(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		})
		_, err := a.Place(t.Context(), ordered)
		var no *pipeline.Refusal
		if err == nil || errors.As(err, &no) != c.refused || errors.Is(err, pipeline.ErrUntaken) != c.later || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFind reads a list: numbers are written in more than one way, and times are India's.
func TestFind(t *testing.T) {
	t.Parallel()
	one := func(sid, from, phone, created string) string {
		return `{"Sid":"` + sid + `","From":"` + from + `","PhoneNumberSid":"` + phone + `","DateCreated":"` + created + `","Status":"busy","Direction":"outbound-api"}`
	}
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/v1/Accounts/acme1/Calls.json" || q.Get("From") != "+919876543210" || q.Get("DateCreated") != "gte:2026-11-23 15:28:00" || q.Get("Direction") != "outbound-api" {
			t.Errorf("asked for %s", r.URL)
		}
		_, _ = io.WriteString(w, `{"Metadata":{"Total":5},"Calls":[`+strings.Join([]string{
			one("before", "09876543210", "08047491899", "2026-11-23 15:27:59"), one("this", "09876543210", "08047491899", "2026-11-23 15:30:01"),
			one("that", "+919876543210", "+918047491899", "2026-11-23 15:30:02"), one("another's", "09876543211", "08047491899", "2026-11-23 15:30:01"),
			one("by another", "09876543210", "08047491898", "2026-11-23 15:30:01"),
		}, ",")+`]}`)
	})
	found, err := a.Find(t.Context(), ordered)
	if err != nil || len(found) != 2 || found[0].ID != "this" || found[1].ID != "that" || found[0].State != pipeline.PlacedBusy || found[0].To != ordered.To || found[0].From != ordered.From {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestLook asks how calls stand, and has them hung up: one that rings cannot be.
func TestLook(t *testing.T) {
	t.Parallel()
	for status, c := range map[string]struct {
		want  pipeline.PlacedState
		rings bool
	}{
		"queued": {pipeline.PlacedRinging, true}, "ringing": {pipeline.PlacedRinging, true}, "in-progress": {pipeline.PlacedAnswered, false}, "completed": {pipeline.PlacedHungUp, false},
		"busy": {pipeline.PlacedBusy, false}, "no-answer": {pipeline.PlacedNoAnswer, false}, "failed": {pipeline.PlacedFailed, false},
	} {
		a := account(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Path != "/v1/Accounts/acme1/Calls/80bfbec2d78bbbf10fb851f4fa165211.json" {
				http.NotFound(w, r)
				return
			}
			_, _ = io.WriteString(w, strings.Replace(told, "in-progress", status, 1))
		})
		p, err := a.Look(t.Context(), "80bfbec2d78bbbf10fb851f4fa165211")
		if err != nil || p.State != c.want || p.To != "09876543210" || !p.Made.Equal(ordered.Asked) {
			t.Errorf("%s: %+v, %v", status, p, err)
		}
		if err := a.HangUp(t.Context(), p.ID); errors.Is(err, errRings) != c.rings || err != nil != c.rings {
			t.Errorf("%s: hung up: %v", status, err)
		}
		if _, err := a.Look(t.Context(), "nobody"); !errors.Is(err, pipeline.ErrNoCall) {
			t.Errorf("nobody's call: %v", err)
		}
		if err := a.HangUp(t.Context(), "nobody"); err != nil {
			t.Errorf("nobody's call: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := a.HangUp(ended, p.ID); err == nil {
			t.Error("a carrier that is not asked has hung up")
		}
		var no *pipeline.Refusal
		if err := a.Transfer(t.Context(), p.ID, pipeline.Onward{To: "+442071234567"}); !errors.As(err, &no) {
			t.Errorf("transferred: %v", err)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]bool{
		{"+919876543210", "09876543210"}: true, {"919876543210", "+919876543210"}: true, {"9876543210", "+919876543210"}: true, {"+15550100077", "+15550100077"}: true,
		{"+919876543210", "09876543211"}: false, {"543210", "+919876543210"}: false, {"", "+919876543210"}: false,
	} {
		if got := Same(pair[0], pair[1]); got != want {
			t.Errorf("%v: %v", pair, got)
		}
	}
}
