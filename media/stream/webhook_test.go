package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVoice(t *testing.T) {
	t.Parallel()
	tw := &Twilio{AccountSID: testAccount}
	server := serve(t, tw, false)
	form := voiceForm(testCall)
	form.Set("From", `client:al<i>ce & "co"`)
	path := "/twilio/voice?agent=sales&token=forged&note=%3Cb%3E&long=" + strings.Repeat("x", 500)
	status, body := post(t, server, path, form)
	if status != http.StatusOK || !strings.HasPrefix(body, `<?xml version="1.0" encoding="UTF-8"?>`) || !strings.HasSuffix(body, "</Connect><Hangup></Hangup></Response>") {
		t.Errorf("%d %s", status, body)
	}
	target, params := readTwiML(t, body)
	if want := "ws" + strings.TrimPrefix(server.URL, "http") + "/twilio/media"; target != want {
		t.Errorf("stream at %s, want %s", target, want)
	}
	if len(params["token"]) != 43+1+13+1+43 || params["token"] == "forged" {
		t.Errorf("token %q", params["token"])
	}
	delete(params, "token")
	want := map[string]string{"from_number": form.Get("From"), "to_number": "+15550100002", "agent": "sales", "note": "<b>"}
	if diff := cmp.Diff(want, params); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
}

func TestVoiceTurnsAway(t *testing.T) {
	t.Parallel()
	asked := make(chan Incoming, 2)
	never := func(_ context.Context, in Incoming) bool {
		asked <- in
		return false
	}
	for _, c := range []struct {
		name string
		tw   *Twilio
		want string
	}{
		{"busy", &Twilio{Host: Host{Accepting: never}}, `<Response><Reject reason="busy"></Reject></Response>`},
		{"sorry", &Twilio{Host: Host{Accepting: never}, Sorry: "Later & <soon>"}, `<Response><Say>Later &amp; &lt;soon&gt;</Say><Hangup></Hangup></Response>`},
		{"unwanted", &Twilio{Host: Host{Accepting: never, Rejecting: func(id string) bool { return id == testCall }}, Sorry: "Later"}, `<Response><Reject reason="rejected"></Reject></Response>`},
		{"not unwanted", &Twilio{Host: Host{Accepting: never, Rejecting: func(string) bool { return false }}}, `<Response><Reject reason="busy"></Reject></Response>`},
	} {
		server := serve(t, c.tw, false)
		status, body := post(t, server, "/twilio/voice", voiceForm(testCall))
		if status != http.StatusOK || !strings.HasSuffix(body, c.want) {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
		if got := c.tw.Stats.Refused[RefusedBusy].Load(); got != 1 {
			t.Errorf("%s: %d counted", c.name, got)
		}
		want := Incoming{CallSID: testCall, From: voiceForm(testCall).Get("From"), To: voiceForm(testCall).Get("To"), Params: url.Values{}}
		if diff := cmp.Diff(want, <-asked); diff != "" {
			t.Errorf("%s: asked about (-want +got):\n%s", c.name, diff)
		}
	}
	full := &Twilio{Host: Host{Limits: Limits{Tokens: 1}}}
	server := serve(t, full, false)
	ring(t, server, "CA1")
	if _, body := post(t, server, "/twilio/voice", voiceForm("CA2")); !strings.Contains(body, "busy") {
		t.Errorf("with no token left: %s", body)
	}
}

// TestWebhookRefused sends webhooks that are not Twilio's, or make no sense, to every path.
func TestWebhookRefused(t *testing.T) {
	t.Parallel()
	type edit struct {
		form      func(url.Values) // after it was signed
		signature func(target string, form url.Values) string
		header    http.Header
		public    string
	}
	signedAs := func(from, to string) func(string, url.Values) string {
		return func(target string, form url.Values) string {
			return Sign(testToken, strings.Replace(target, from, to, 1), form)
		}
	}
	set := func(k, v string) func(url.Values) { return func(f url.Values) { f.Set(k, v) } }
	for _, path := range []string{"/twilio/voice", "/twilio/status", "/twilio/stream-status", "/twilio/after", "/twilio/fallback", "/twilio/answered"} {
		for _, c := range []struct {
			name string
			edit edit
			want int
		}{
			{"good", edit{}, 0},
			{"no signature", edit{signature: func(string, url.Values) string { return "" }}, 403},
			{"senseless signature", edit{signature: func(string, url.Values) string { return "?" }}, 403},
			{"another token", edit{signature: func(u string, f url.Values) string { return Sign(testToken[1:], u, f) }}, 403},
			{"token as signature", edit{signature: func(string, url.Values) string { return testToken }}, 403},
			{"no fields signed", edit{signature: func(u string, _ url.Values) string { return Sign(testToken, u, nil) }}, 403},
			{"another host", edit{signature: signedAs("127.0.0.1", "localhost")}, 403},
			{"https", edit{signature: signedAs("http://", "https://")}, 403},
			{"another path", edit{signature: signedAs("/twilio/", "/")}, 403},
			{"query added", edit{signature: func(u string, f url.Values) string { return Sign(testToken, u+"?a=b", f) }}, 403},
			{"field changed", edit{form: set("CallSid", "CA9")}, 403},
			{"field added", edit{form: set("Extra", "1")}, 403},
			{"field removed", edit{form: func(f url.Values) { f.Del("To") }}, 403},
			{"field repeated", edit{form: func(f url.Values) { f.Add("To", "+1") }}, 403},
			{"forwarded host", edit{signature: signedAs("127.0.0.1", "evil.example"), header: http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Original-Host": {"evil.example"}, "Forwarded": {"host=evil.example"}}}, 403},
			{"forwarded proto", edit{signature: signedAs("http://", "https://"), header: http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Ssl": {"on"}}}, 403},
			{"good under the public URL", edit{public: "https://gw.example.net/tel/", signature: func(u string, f url.Values) string {
				return Sign(testToken, "https://gw.example.net/tel"+u[strings.Index(u, "/twilio"):], f)
			}, header: http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}}}, 0},
			{"own host with a public URL", edit{public: "https://gw.example.net"}, 403},
			{"forwarded host with a public URL", edit{public: "https://gw.example.net", signature: func(u string, f url.Values) string {
				return Sign(testToken, "https://evil.example"+u[strings.Index(u, "/twilio"):], f)
			}, header: http.Header{"X-Forwarded-Host": {"evil.example"}}}, 403},
			{"JSON without its hash", edit{header: http.Header{"Content-Type": {"application/json"}}}, 403},
			{"no call", edit{signature: func(u string, f url.Values) string {
				f.Del("CallSid")
				f.Del("StreamEvent")
				return Sign(testToken, u, f)
			}}, 400},
			{"senseless call", edit{signature: func(u string, f url.Values) string {
				f.Set("CallSid", "CA 1")
				f.Set("StreamEvent", "?")
				return Sign(testToken, u, f)
			}}, 400},
			{"too large", edit{form: set("Extra", strings.Repeat("x", 64<<10))}, 413},
		} {
			t.Run(path+" "+c.name, func(t *testing.T) {
				t.Parallel()
				tw := &Twilio{Host: Host{PublicURL: c.edit.public}}
				server := serve(t, tw, false)
				form := voiceForm(testCall)
				form.Set("StreamEvent", "stream-started")
				form.Set("AnsweredBy", "human")
				signature := Sign(testToken, server.URL+path, form)
				if c.edit.signature != nil {
					signature = c.edit.signature(server.URL+path, form)
				}
				if c.edit.form != nil {
					c.edit.form(form)
				}
				status, body := postSigned(t, server, path, form, signature, c.edit.header)
				if c.want == 0 && status >= 300 || c.want != 0 && status != c.want {
					t.Errorf("%d %s, want %d", status, body, c.want)
				}
				if strings.Contains(body, "<Stream") != (c.want == 0 && (path == "/twilio/voice" || path == "/twilio/fallback")) {
					t.Errorf("answered %s", body)
				}
			})
		}
	}
	tw := &Twilio{AccountSID: "AC5"}
	if status, _ := post(t, serve(t, tw, false), "/twilio/voice", voiceForm(testCall)); status != http.StatusForbidden {
		t.Errorf("another account's call: %d", status)
	}
}

// TestPublicURL checks the URLs that Twilio is told.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{
		"https://gw.example.net":       "wss://gw.example.net/twilio/media",
		"https://gw.example.net/":      "wss://gw.example.net/twilio/media",
		"https://gw.example.net:8443":  "wss://gw.example.net:8443/twilio/media",
		"https://gw.example.net/tel":   "wss://gw.example.net/tel/twilio/media",
		"http://localhost:8080":        "ws://localhost:8080/twilio/media",
		"https://user:pass@gw.example": "wss://user:pass@gw.example/twilio/media",
	} {
		tw := &Twilio{Host: Host{PublicURL: public}}
		server := serve(t, tw, false)
		form := voiceForm(testCall)
		base := strings.TrimRight(public, "/")
		status, body := postSigned(t, server, "/twilio/voice", form, Sign(testToken, base+"/twilio/voice", form), nil)
		if status != http.StatusOK {
			t.Errorf("%s: %d", public, status)
			continue
		}
		if got, _ := readTwiML(t, body); got != want {
			t.Errorf("%s: stream at %s, want %s", public, got, want)
		}
		if !strings.Contains(body, `statusCallback="`+base+`/twilio/stream-status"`) {
			t.Errorf("%s: %s", public, body)
		}
	}
	secure := serve(t, &Twilio{}, true)
	if got, _ := ring(t, secure, testCall); !strings.HasPrefix(got, "wss://127.0.0.1") {
		t.Errorf("over TLS: stream at %s", got)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	updates := make(chan StatusUpdate, 1)
	tw := &Twilio{Progress: func(_ context.Context, u StatusUpdate) { updates <- u }}
	server := serve(t, tw, false)
	form := voiceForm(testCall)
	form.Set("CallStatus", "busy")
	form.Set("SequenceNumber", "3")
	form.Set("CallDuration", "49")
	form.Set("SipResponseCode", "486")
	form.Set("AnsweredBy", "human")
	_, params := ring(t, server, testCall)
	if status, body := post(t, server, "/twilio/status?of=7", form); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, body)
	}
	want := StatusUpdate{
		CallSID: testCall, Status: "busy", Sequence: 3, Duration: 49 * time.Second, SIPCode: 486, AnsweredBy: "human",
		Direction: "inbound", From: "+15550100001", To: "+15550100002", Params: url.Values{"of": {"7"}},
	}
	if diff := cmp.Diff(want, within(t, updates, "update")); diff != "" {
		t.Errorf("update (-want +got):\n%s", diff)
	}
	if !want.Over() || (StatusUpdate{Status: "ringing"}).Over() {
		t.Error("Over is wrong")
	}
	if _, ok := tw.redeem(tw.AuthToken, testCall, params["token"], time.Now()); ok {
		t.Error("the token of a call that is over is good")
	}
	for field, value := range map[string]string{"SequenceNumber": "-1", "CallDuration": "x", "SipResponseCode": "1e9", "CallStatus": ""} {
		form := voiceForm(testCall)
		form.Set(field, value)
		if status, body := post(t, server, "/twilio/status", form); status != http.StatusBadRequest || !strings.Contains(body, field) {
			t.Errorf("%s=%s: %d %s", field, value, status, body)
		}
	}
}

// TestAdmit: a call that nobody waits for any more is hung up on, and gets no token.
func TestAdmit(t *testing.T) {
	t.Parallel()
	tw := &Twilio{Admit: func(_ context.Context, call string, _ []string, params url.Values) bool {
		return call == testCall && params.Get("of") != "gone"
	}}
	server := serve(t, tw, false)
	for of, want := range map[string]string{"gone": "<Hangup></Hangup>", "here": "<Stream "} {
		status, body := post(t, server, "/twilio/voice?of="+of, voiceForm(testCall))
		if status != http.StatusOK || !strings.Contains(body, want) || strings.Contains(body, "<Stream ") != (of == "here") {
			t.Errorf("%s: %d %s", of, status, body)
		}
	}
	if got := tw.Stats.Refused[RefusedUnwanted].Load(); got != 1 {
		t.Errorf("%d were counted as unwanted", got)
	}
}

func TestStreamStatus(t *testing.T) {
	t.Parallel()
	tw := &Twilio{}
	server := serve(t, tw, false)
	for event, want := range map[string]int{"stream-started": 204, "stream-stopped": 204, "stream-error": 204, "stream-paused": 400} {
		form := url.Values{"CallSid": {testCall}, "StreamSid": {testStream}, "StreamEvent": {event}, "StreamError": {"31951"}}
		if status, _ := post(t, server, "/twilio/stream-status", form); status != want {
			t.Errorf("%s: %d, want %d", event, status, want)
		}
	}
	if got := tw.Stats.StreamErrors.Load(); got != 1 {
		t.Errorf("%d stream errors", got)
	}
}

// TestJSONWebhook checks that a signed JSON body is believed, although it has no fields that Voice could use.
func TestJSONWebhook(t *testing.T) {
	t.Parallel()
	server := serve(t, &Twilio{}, false)
	body := []byte(`{"a":1}`)
	sum := sha256.Sum256(body)
	target := server.URL + "/twilio/voice?bodySHA256=" + hex.EncodeToString(sum[:])
	for _, c := range []struct {
		body string
		want int
	}{{string(body), http.StatusBadRequest}, {`{"a":2}`, http.StatusForbidden}} {
		r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Twilio-Signature", Sign(testToken, target, nil))
		if status, answer := do(t, server, r); status != c.want {
			t.Errorf("%s: %d %s, want %d", c.body, status, answer, c.want)
		}
	}
}

// FuzzWebhookForm posts bodies to Voice, signed and unsigned. Unsigned ones are refused; signed ones get an answer that says why
// not, or TwiML that reads back as what was posted.
func FuzzWebhookForm(f *testing.F) {
	f.Add([]byte(voiceForm(testCall).Encode()))
	for _, seed := range []string{
		"", "&", "=", "CallSid", "CallSid=CA1", "CallSid=CA1&CallSid=CA2", "CallSid=CA1;b=2", "CallSid=%zz", "CallSid=CA%00", "CallSid=CA1&From=%ff%fe",
		"CallSid=CA1&From=%3C%2FParameter%3E%3CHangup%2F%3E&To=%22%26%0a%09%00%7f%ef%bf%bf", "CallSid=CA1&From=" + strings.Repeat("9", 600), "a+b=c+d&CallSid=CA1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tw := &Twilio{AuthToken: testToken}
		const target = "http://gw.example.net/twilio/voice?agent=a"
		ask := func(signature string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, target, bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Twilio-Signature", signature)
			r.RequestURI = "/twilio/voice?agent=a"
			w := httptest.NewRecorder()
			tw.Voice(w, r)
			return w
		}
		form, err := url.ParseQuery(string(body))
		if w := ask("bad"); w.Code != http.StatusForbidden && err == nil && len(body) <= 64<<10 {
			t.Fatalf("unsigned: %d", w.Code)
		}
		w := ask(Sign(testToken, target, form))
		switch {
		case len(body) > 64<<10:
			if w.Code != http.StatusRequestEntityTooLarge {
				t.Fatalf("%d bytes: %d", len(body), w.Code)
			}
		case err != nil || !plainID(form.Get("CallSid")):
			if w.Code != http.StatusBadRequest {
				t.Fatalf("%q: %d", body, w.Code)
			}
		default:
			var doc twiml
			if err := xml.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != http.StatusOK || doc.Connect == nil {
				t.Fatalf("%q: %d %s: %v", body, w.Code, w.Body, err)
			}
			for _, p := range doc.Connect.Stream.Parameters {
				if want := form.Get("From"); p.Name == "from_number" && p.Value != xmlText(want) {
					t.Fatalf("From %q came back as %q", want, p.Value)
				}
			}
		}
	})
}

// xmlText is what of s XML can carry.
func xmlText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 {
			b.WriteRune(r)
		} else {
			b.WriteRune('\uFFFD')
		}
	}
	return b.String()
}

// TestStatsHaveNames checks that no counter is left out or unnamed.
func TestStatsHaveNames(t *testing.T) {
	t.Parallel()
	var s Stats
	for r := range refusals {
		s.Refused[r].Add(uint64(r) + 1)
	}
	s.MessagesIn.Add(7)
	seen := make(map[string]uint64)
	for name, n := range s.All() {
		seen[name] = n
	}
	if len(seen) != 15 || seen["messages_in"] != 7 {
		t.Errorf("counters %v", seen)
	}
	var refused []string
	for name, n := range s.AllRefused() {
		refused = append(refused, fmt.Sprint(name, n))
	}
	if got, want := strings.Join(refused, " "), "signature1 origin2 handshake3 busy4 form5 no_start6 format7 token8 second_stream9 unwanted10"; got != want {
		t.Errorf("refusals %s, want %s", got, want)
	}
}

// TestInjectedTwiML: whatever carriers, and the URLs that organisations have them ask, bring, the answer has the elements that it should: 5,000
// texts as each of them.
func TestInjectedTwiML(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 998))
	parts := []string{
		"\r\n", "\n", "\x00", "\u2028", "%0d%0a", "</Parameter>", "<Hangup/>", "<Stream url=\"wss://evil.example\">", "]]>", "<![CDATA[", "<!--", "&#13;", "&amp;", "&", "\"", "'", ">", "<", "/>", "é", "\xff", "+15550100099", "a",
	}
	usual := ""
	for i := range 5000 {
		text := ""
		for range 1 + random.IntN(6) {
			text += parts[random.IntN(len(parts))]
		}
		if i == 0 {
			text = "harmless"
		}
		var b bytes.Buffer
		w := httptest.NewRecorder()
		(&Twilio{}).respond(w, twiml{Say: text, Connect: &twimlConnect{Stream: twimlStream{
			URL: "wss://gw.example.net/", Parameters: parameters("secret", text, text, url.Values{"agent": {text}, "x" + text: {text}}),
		}}})
		for d := xml.NewDecoder(w.Body); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			switch e := token.(type) {
			case xml.StartElement:
				b.WriteString(e.Name.Local)
				for _, a := range e.Attr {
					b.WriteString(" " + a.Name.Local)
				}
				b.WriteByte('\n')
			case xml.CharData, xml.EndElement, xml.ProcInst:
			default:
				t.Fatalf("%q: a %T", text, e)
			}
		}
		if usual == "" {
			usual = b.String()
		}
		if b.String() != usual {
			t.Fatalf("%q makes the elements\n%swant\n%s", text, b.String(), usual)
		}
	}
	t.Log("5,000 texts in six places of TwiML: none adds an element")
}
