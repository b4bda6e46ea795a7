package carrier_test

import (
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/bench/carrier"
)

// TestRing reads what a server wants done with a call, as far as a stream to open.
func TestRing(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	const stream = `<Connect><Stream url="wss://gw.example.net/media"><Parameter name="tenant" value="acme"/></Stream></Connect>`
	ncco := func(rate string) string {
		return `[{"action":"connect","eventUrl":["https://gw.example.net/event"],"endpoint":[{"type":"websocket","uri":"wss://gw.example.net/media",` +
			`"content-type":"audio/l16;rate=` + rate + `","headers":{"tenant":"acme"}}]}]`
	}
	for _, c := range []struct {
		kind           carrier.Kind
		answer         string // the webhook's body, or its status
		params         string
		refused, fails string
	}{
		{carrier.Telnyx, "<Response>" + stream + "</Response>", `{"tenant":"acme"}`, "", ""},
		{carrier.Telnyx, `<Response><Redirect>/next</Redirect></Response>`, `{"tenant":"acme"}`, "", ""},
		{carrier.SignalWire, `<Response><Reject reason="busy"/></Response>`, "", "busy", ""},
		{carrier.SignalWire, `<Response><Say>Sorry.</Say><Hangup/></Response>`, "", "told so", ""},
		{carrier.SignalWire, `<Response><Record/></Response>`, "", "", "<Record>: a load test knows"},
		{carrier.SignalWire, `<Response><Stream>wss://gw.example.net/media</Stream></Response>`, "", "", "<Stream>: want it in <Connect>"},
		{carrier.SignalWire, `<Response><Redirect>/voice</Redirect></Response>`, "", "", "they go round in a circle"},
		{carrier.Plivo, `<Response><Hangup reason="busy"/></Response>`, "", "busy", ""},
		{carrier.Plivo, `<Response><Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000">wss://gw.example.net/media</Stream></Response>`, "", "", ""},
		{carrier.Plivo, "403", "", "", "403 Forbidden"},
		{carrier.Vonage, ncco("8000"), `{"tenant":"acme"}`, "", ""},
		{carrier.Vonage, ncco("16000"), "", "", "a load test speaks at 8000"},
		{carrier.Vonage, "503", "", "Service Unavailable", ""},
		{carrier.Vonage, "[]", "", "no action", ""},
		{carrier.Exotel, `{"url":"wss://gw.example.net/media?tenant=acme"}`, `{"tenant":"acme"}`, "", ""},
		{carrier.Exotel, "503", "", "", "503 Service Unavailable"},
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := c.answer
			if r.URL.Path == "/next" {
				answer = "<Response>" + stream + "</Response>"
			}
			switch answer {
			case "403":
				w.WriteHeader(http.StatusForbidden)
			case "503":
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				_, _ = w.Write([]byte(answer))
			}
		}))
		call := carrier.Call{Kind: c.kind, URL: web.URL + "/voice", AuthToken: "user:password", Key: key}
		at, err := call.Ring(t.Context(), web.Client())
		web.Close()
		name := string(c.kind) + " " + c.answer
		var status *carrier.StatusError
		switch {
		case c.fails != "":
			if err == nil || !strings.Contains(err.Error(), c.fails) || errors.As(err, &status) != (len(c.answer) == 3) {
				t.Errorf("%s: %v, want %s", name, err, c.fails)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case at.Refused != c.refused || at.Params != c.params || at.CallID == "" || c.refused == "" && !strings.HasPrefix(at.URL, "wss://gw.example.net/media"):
			t.Errorf("%s: %+v", name, at)
		}
	}
}
