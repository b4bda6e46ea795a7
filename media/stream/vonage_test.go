package stream

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/legtest"
)

const (
	vonageSecret = "a signature secret, of 32 bits or more"
	vonageCall   = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
)

// vonage is Vonage, as far as this side sees it: it signs webhooks, and opens streams.
type vonage struct {
	tb     testing.TB
	server *httptest.Server
}

func newVonage(tb testing.TB, v *Vonage) *vonage {
	tb.Helper()
	v.SignatureSecret, v.Secret = vonageSecret, []byte("of this server")
	mux := http.NewServeMux()
	v.Mount(mux)
	return &vonage{tb, hosted(tb, mux, &v.Host)}
}

// hosted runs a carrier's side on a loopback socket and closes it, and all its calls, with the test.
func hosted(tb testing.TB, mux *http.ServeMux, h *Host) *httptest.Server {
	server := httptest.NewServer(mux)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			tb.Errorf("Close: %v", err)
		}
		server.Close()
	})
	return server
}

// vonageBearer is the token of a webhook: RFC 7519 by hand, so that it proves readToken.
func vonageBearer(secret, algorithm string, issued time.Time, payload string) string {
	part := base64.RawURLEncoding.EncodeToString
	sum := sha256.Sum256([]byte(payload))
	signed := part([]byte(`{"typ":"JWT","alg":"`+algorithm+`"}`)) + "." + part([]byte(fmt.Sprintf(
		`{"iat":%d,"jti":"c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5","iss":"Vonage","payload_hash":"%s","api_key":"a1b2c3d","application_id":"aaaaaaaa-bbbb-cccc-dddd-0123456789ab"}`,
		issued.Unix(), hex.EncodeToString(sum[:]))))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return "Bearer " + signed + "." + part(mac.Sum(nil))
}

// vonageAsks is what an answer webhook tells.
const vonageAsks = `{"from":"15550100001","to":"15550100002","uuid":"` + vonageCall + `","conversation_uuid":"CON-aaaaaaaa-bbbb-cccc-dddd-0123456789ab","region_url":"https://api-us-3.vonage.com"}`

// posts sends a webhook, signed at a time.
func (v *vonage) posts(at time.Time, path, body string, edit func(*http.Request)) (int, string) {
	v.tb.Helper()
	r, err := http.NewRequest(http.MethodPost, v.server.URL+path, strings.NewReader(body))
	if err != nil {
		v.tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", vonageBearer(vonageSecret, "HS256", at, body))
	if edit != nil {
		edit(r)
	}
	return do(v.tb, v.server, r)
}

// rings asks what to do about a call, and returns where it is to be connected to.
func (v *vonage) rings(query string) nccoEndpoint {
	v.tb.Helper()
	status, body := v.posts(time.Now(), "/vonage/answer"+query, vonageAsks, nil)
	return v.connects(status, body)
}

func (v *vonage) connects(status int, body string) nccoEndpoint {
	v.tb.Helper()
	var ncco []nccoConnect
	if err := json.Unmarshal([]byte(body), &ncco); status != http.StatusOK || err != nil || len(ncco) != 1 || len(ncco[0].Endpoint) != 1 {
		v.tb.Fatalf("answer: %d %s %v", status, body, err)
	}
	if got := ncco[0]; got.Action != "connect" || got.From != "15550100002" || got.EventURL[0] != v.server.URL+"/vonage/event" || got.Endpoint[0].Type != "websocket" {
		v.tb.Fatalf("answer: %s", body)
	}
	return ncco[0].Endpoint[0]
}

// vonageStart is the first message of a connection with these headers.
func vonageStart(at nccoEndpoint) string {
	all := map[string]string{"event": "websocket:connected", "content-type": at.ContentType}
	for name, value := range at.Headers {
		all[name] = value
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// calls places a whole call.
func (v *vonage) calls(query string) *websocket.Conn {
	v.tb.Helper()
	at := v.rings(query)
	ws, answer, err := dialer().Dial(at.URI, nil)
	if err != nil {
		v.tb.Fatal(err, answer)
	}
	v.tb.Cleanup(func() { _ = ws.Close() })
	write(v.tb, ws, vonageStart(at))
	return ws
}

func vonageMark(name string) string {
	return `{"event":"websocket:notify","payload":{"mark":"` + name + `"}}`
}

const vonageCleared = `{"event":"websocket:cleared"}`

func vonageDigit(digit rune) string {
	return `{"event":"websocket:dtmf","digit":"` + string(digit) + `","duration":260}`
}

// hearVonage reads one of our commands to Vonage.
func hearVonage(text string) (event, mark string) {
	if text == `{"action":"clear"}` {
		return "clear", ""
	}
	mark, ok := strings.CutPrefix(text, `{"action":"notify","payload":{"mark":"`)
	mark, closed := strings.CutSuffix(mark, `"}}`)
	if !ok || !closed {
		panic("far end got " + text)
	}
	return "mark", mark
}

// TestVonage holds a stream of Vonage's to the promises of every leg, at each rate.
func TestVonage(t *testing.T) {
	for _, rate := range []int{8000, 16000, 24000} {
		t.Run(strconv.Itoa(rate), func(t *testing.T) {
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				v := &Vonage{Rate: rate}
				s := newVonage(t, v)
				legs := answeredBy(t, &v.Host)
				ws := s.calls("")
				leg := within(t, legs, "leg")
				f := binaryFar{format: format{linear, rate}, piece: rate / 50 * 2, hears: hearVonage, bye: sayGoodbye}
				f.clears = func(f *far) {
					_ = f.write(vonageCleared)
					f.answer(1 << 30)
				}
				return leg, f.listen(t, ws, farWords{mark: vonageMark, digit: vonageDigit})
			})
		})
	}
}

// TestVonageTells reads the sheet's messages.
func TestVonageTells(t *testing.T) {
	t.Parallel()
	v := &Vonage{Rate: 16000}
	s := newVonage(t, v)
	legs := answeredBy(t, &v.Host)
	ws := s.calls("?agent=sales&tenant=a+b&event=x&long=" + strings.Repeat("x", 600))
	leg := within(t, legs, "leg")
	got := leg.Info()
	if got.Kind != "vonage" || got.ID != vonageCall || got.From != "+15550100001" || got.To != "+15550100002" || got.Rate != 16000 || got.Outbound ||
		fmt.Sprint(got.Params) != "map[agent:sales from_number:+15550100001 tenant:a b to_number:+15550100002]" {
		t.Errorf("the leg says %+v", got)
	}
	write(t, ws,
		`{"event":"websocket:dtmf","digit":"5","duration":260}`, `{"event":"websocket:dtmf","dtmf":{"digit":"#"}}`, `{"event":"websocket:dtmf"}`, vonageCleared,
		`{"event":"websocket:notify","payload":{"mark":"0:0"}}`, `{"event":"websocket:notify","payload":{"theirs":1}}`, `{"event":"websocket:news"}`, `{"event":""}`)
	if err := ws.WriteMessage(websocket.BinaryMessage, littleEndian(make([]int16, 320)...)); err != nil {
		t.Fatal(err)
	}
	if err := sayGoodbye(ws); err != nil {
		t.Fatal(err)
	}
	if got, err := heard(leg.(*Leg)); got != "5 # played:0s/0 0s:0" || err != io.EOF {
		t.Errorf("heard %s (%v)", got, err)
	}
	stats := &v.Stats
	if m, u, f := stats.Malformed.Load(), stats.Unknown.Load(), stats.ForeignMarks.Load(); m != 2 || u != 1 || f != 1 {
		t.Errorf("%d malformed, %d unknown, %d foreign marks", m, u, f)
	}
}

// TestVonageAsksByGet: the hash is of the parameters as an object, whether those of the webhook's own URL are among them or not.
func TestVonageAsksByGet(t *testing.T) {
	t.Parallel()
	v := &Vonage{}
	s := newVonage(t, v)
	asked := "from=15550100001&to=15550100002&uuid=" + vonageCall + "&region_url=" + url.QueryEscape("https://api-us-3.vonage.com")
	object := `{"from":"15550100001","to":"15550100002","uuid":"` + vonageCall + `","region_url":"https://api-us-3.vonage.com"}`
	for name, c := range map[string]struct {
		query, hashed string
		want          int
	}{
		"plain":              {asked, object, 200},
		"own among them":     {"agent=a%26b&" + asked, `{"agent":"a&b",` + object[1:], 200},
		"own not":            {"agent=sales&" + asked, object, 200},
		"another":            {asked, strings.Replace(object, "0001", "0003", 1), 403},
		"nothing":            {asked, `{}`, 403},
		"bad escape":         {asked + "&x=%zz", object, 403},
		"changed on its way": {strings.Replace(asked, "0002", "0009", 1), object, 403},
	} {
		r, err := http.NewRequest(http.MethodGet, s.server.URL+"/vonage/answer?"+c.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", vonageBearer(vonageSecret, "HS256", time.Now(), c.hashed))
		status, body := do(t, s.server, r)
		if status != c.want {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if status != http.StatusOK {
			continue
		}
		at := s.connects(status, body)
		if own := at.Headers["agent"]; strings.HasPrefix(c.query, "agent") == (own == "") || at.Headers["uuid"] != "" || at.ContentType != "audio/l16;rate=8000" {
			t.Errorf("%s: the connection is %+v", name, at)
		}
	}
}

// TestVonageRefuses turns away who is not Vonage, and streams that nobody was asked about.
func TestVonageRefuses(t *testing.T) {
	t.Parallel()
	v := &Vonage{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	s := newVonage(t, v)
	with := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", token) }
	}
	now := time.Now()
	own := vonageBearer(vonageSecret, "HS256", now, vonageAsks)
	for name, edit := range map[string]func(*http.Request){
		"no token":          func(r *http.Request) { r.Header.Del("Authorization") },
		"no bearer":         with(strings.TrimPrefix(own, "Bearer ")),
		"another secret":    with(vonageBearer("another", "HS256", now, vonageAsks)),
		"another algorithm": with(vonageBearer(vonageSecret, "none", now, vonageAsks)),
		"another payload":   with(vonageBearer(vonageSecret, "HS256", now, vonageAsks+" ")),
		"old":               with(vonageBearer(vonageSecret, "HS256", now.Add(-6*time.Minute), vonageAsks)),
		"not yet":           with(vonageBearer(vonageSecret, "HS256", now.Add(6*time.Minute), vonageAsks)),
		"unsigned":          with(own[:strings.LastIndexByte(own, '.')+1]),
		"not base64":        with(own + "!"),
		"two parts":         with("Bearer a.b"),
		"no parts":          with("Bearer "),
		"another's body":    func(r *http.Request) { r.Body = http.NoBody; r.ContentLength = 0 },
	} {
		for _, path := range []string{"/vonage/answer", "/vonage/event"} {
			if status, _ := s.posts(now, path, vonageAsks, edit); status != http.StatusForbidden {
				t.Errorf("%s: %s: %d", path, name, status)
			}
		}
	}
	for body, want := range map[string]string{`{"from":"1"}`: "uuid", `{"uuid":"../x"}`: "uuid", `[]`: "JSON object"} {
		if status, answer := s.posts(now, "/vonage/answer", body, nil); status != http.StatusBadRequest || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	target := s.rings("").URI
	for name, target := range map[string]string{"another call's": strings.Replace(target, "aaaaaaaa", "baaaaaaa", 1), "another token": target + "x"} {
		if ws, answer, err := dialer().Dial(target, nil); err == nil {
			_ = ws.Close()
			t.Errorf("%s: a stream opens", name)
		} else if answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, kind := range map[string]string{"mu-law": "audio/pcmu;rate=8000", "a rate that is none": "audio/l16;rate=11025"} {
		at := s.rings("")
		ws, _, err := dialer().Dial(at.URI, nil)
		if err != nil {
			t.Fatal(err)
		}
		at.ContentType = kind
		write(t, ws, vonageStart(at))
		if code := closeCode(t, ws); code != closePolicy {
			t.Errorf("%s: closed with %d", name, code)
		}
		_ = ws.Close()
	}
	v.Accepting = func(context.Context, Incoming) bool { return false }
	if status, _ := s.posts(now, "/vonage/answer", vonageAsks, nil); status != http.StatusServiceUnavailable {
		t.Errorf("a call that is not welcome: %d", status)
	}
	nobody := &Vonage{}
	if _, ok := readToken(nobody.SignatureSecret, strings.TrimPrefix(vonageBearer("", "HS256", now, ""), "Bearer ")); ok {
		t.Error("a token that was signed with no secret is believed by a server without one")
	}
}

// TestVonageOnce opens a stream a second time with its token, and another whose call is over.
func TestVonageOnce(t *testing.T) {
	t.Parallel()
	v := &Vonage{}
	s := newVonage(t, v)
	legs := answeredBy(t, &v.Host)
	open := func(at nccoEndpoint) *websocket.Conn {
		ws, _, err := dialer().Dial(at.URI, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ws.Close() })
		write(t, ws, vonageStart(at))
		return ws
	}
	at := s.rings("")
	open(at)
	within(t, legs, "leg")
	if code := closeCode(t, open(at)); code != closePolicy {
		t.Errorf("a second stream: closed with %d", code)
	}
	at = s.rings("")
	if status, body := s.posts(time.Now(), "/vonage/event", `{"status":"completed","uuid":"`+vonageCall+`","duration":"2"}`, nil); status != http.StatusNoContent {
		t.Fatalf("event: %d %s", status, body)
	}
	if code := closeCode(t, open(at)); code != closePolicy {
		t.Errorf("a stream of a call that is over: closed with %d", code)
	}
}

func FuzzVonage(f *testing.F) {
	for _, seed := range []string{
		`{"event":"websocket:connected","content-type":"audio/l16;rate=16000","tenant":"acme","session":"ses_01","n":1.5,"b":true,"o":{}}`,
		vonageDigit('5'), `{"event":"websocket:dtmf","dtmf":{"digit":"#"}}`, vonageCleared, vonageMark("3:12400"), `{"event":"websocket:connected"}`, `{`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var m message
		if err := parseVonage(text, &m); err != nil {
			return
		}
		if !json.Valid(text) || m.kind == kindStart && (m.start == nil || m.start.rate < 0) {
			t.Fatalf("%q is read as %+v", text, m)
		}
	})
}

// FuzzVonageToken reads what comes as a token, and as a query that it is of.
func FuzzVonageToken(f *testing.F) {
	good := strings.TrimPrefix(vonageBearer(vonageSecret, "HS256", time.Unix(1_700_000_000, 0), vonageAsks), "Bearer ")
	for _, seed := range []string{good, good[1:], "a.b.c", "..", "", "e30.e30."} {
		f.Add(seed, "from=1&to=2&x=%26")
	}
	f.Fuzz(func(t *testing.T, token, query string) {
		if c, ok := readToken(vonageSecret, token); ok && !c.covers([]byte(vonageAsks)) {
			t.Fatalf("%q is believed: %+v", token, c)
		}
		if _, ok := readToken("", token); ok {
			t.Fatalf("%q is believed by a server without a secret", token)
		}
		if object, ok := queryObject(strings.Split(query, "&")); ok && !json.Valid(object) {
			t.Fatalf("%q is made %q", query, object)
		}
	})
}
