package stream

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/g711"
	"parley/media/legtest"
)

const (
	telnyxCall   = "v3:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"
	telnyxStream = "32DE0DEA-53CB-4B21-89A4-9E1819C043BC"
)

// telnyxSays are Telnyx' messages, as the sheet has them.
func telnyxStart(encoding string) string {
	return `{"event":"start","sequence_number":"1","stream_id":"` + telnyxStream + `","start":{"user_id":"3e6f995f-85f7-4705-9741-53b116d28237","call_control_id":"` + telnyxCall +
		`","call_session_id":"ff55a038-6f5d-11ef-9692-02420aef5d1f","from":"+15550100001","to":"+15550100002","tags":["tag1"],"client_state":"c2VzXzAxSjlaSw==",` +
		`"custom_parameters":{"tenant":"acme"},"media_format":{"encoding":"` + encoding + `","sample_rate":8000,"channels":1}}}`
}

func telnyxMedia160(n int, ms int64, codes []byte) string {
	return `{"event":"media","sequence_number":"` + strconv.Itoa(n+2) + `","stream_id":"` + telnyxStream + `","media":{"track":"inbound","chunk":"` + strconv.Itoa(n+1) +
		`","timestamp":"` + strconv.FormatInt(ms, 10) + `","payload":"` + base64.StdEncoding.EncodeToString(codes) + `"}}`
}

func telnyxMark(name string) string {
	return `{"event":"mark","sequence_number":"12","stream_id":"` + telnyxStream + `","mark":{"name":"` + name + `"}}`
}

func telnyxDigit(digit rune) string {
	return `{"event":"dtmf","sequence_number":"9","stream_id":"` + telnyxStream + `","occurred_at":"2026-10-02T09:53:19.000000Z","dtmf":{"digit":"` + string(digit) + `"}}`
}

const (
	telnyxConnected = `{"event":"connected","version":"1.0.0"}`
	telnyxError     = `{"event":"error","stream_id":"` + telnyxStream + `","payload":{"code":100002,"title":"Bad","detail":"worse"}}`
	telnyxStop      = `{"event":"stop","sequence_number":"40","stream_id":"` + telnyxStream + `","stop":{"user_id":"3e6f","call_control_id":"` + telnyxCall + `"}}`
)

// switchboard is Telnyx, as far as this side sees it: it signs webhooks, and opens streams.
type switchboard struct {
	tb     testing.TB
	server *httptest.Server
	key    ed25519.PrivateKey
}

func newTelnyx(tb testing.TB, t *Telnyx) *switchboard {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	if t.PublicKey, err = ParseTelnyxKey(base64.StdEncoding.EncodeToString(public)); err != nil {
		tb.Fatal(err)
	}
	t.Secret = []byte("of this server")
	mux := http.NewServeMux()
	t.Mount(mux)
	server := httptest.NewServer(mux)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testWait)
		defer cancel()
		if err := t.Close(ctx); err != nil {
			tb.Errorf("Close: %v", err)
		}
		server.Close()
	})
	return &switchboard{tb, server, private}
}

// asks posts the voice webhook, signed at a time.
func (s *switchboard) asks(at time.Time, path string, form url.Values, edit func(*http.Request)) (int, string) {
	s.tb.Helper()
	body, stamp := form.Encode(), strconv.FormatInt(at.Unix(), 10)
	r, err := http.NewRequest(http.MethodPost, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Telnyx-Timestamp", stamp)
	r.Header.Set("Telnyx-Signature-Ed25519", base64.StdEncoding.EncodeToString(ed25519.Sign(s.key, []byte(stamp+"|"+body))))
	if edit != nil {
		edit(r)
	}
	return do(s.tb, s.server, r)
}

var telnyxForm = url.Values{"AccountSid": {"3e6f995f"}, "CallSid": {telnyxCall}, "From": {"+15550100001"}, "To": {"+15550100002"}, "Direction": {"inbound"}}

// rings asks what to do about a call, and returns where its stream is to go.
func (s *switchboard) rings(query string) string {
	s.tb.Helper()
	status, body := s.asks(time.Now(), "/telnyx/voice"+query, telnyxForm, nil)
	var doc texml
	if err := xml.Unmarshal([]byte(body), &doc); status != http.StatusOK || err != nil || doc.Connect == nil || doc.Hangup == nil {
		s.tb.Fatalf("voice: %d %s %v", status, body, err)
	}
	if got := doc.Connect.Stream; got.Mode != "rtp" || got.Codec != "PCMU" || got.Says != "PCMU" || got.Rate != 8000 {
		s.tb.Fatalf("the stream is %+v", got)
	}
	return doc.Connect.Stream.URL
}

// calls places a whole call, whose network writes sound so.
func (s *switchboard) calls(encoding string) *websocket.Conn {
	s.tb.Helper()
	ws, answer, err := dialer().Dial(s.rings("?agent=sales&tenant=a+b"), nil)
	if err != nil {
		s.tb.Fatal(err, answer)
	}
	s.tb.Cleanup(func() { _ = ws.Close() })
	write(s.tb, ws, telnyxConnected, telnyxStart(encoding))
	return ws
}

func answeredBy(tb testing.TB, h *Host) <-chan media.Leg {
	legs, over := make(chan media.Leg, 16), make(chan struct{})
	h.Answer = func(ctx context.Context, leg media.Leg) {
		legs <- leg
		select {
		case <-over:
		case <-ctx.Done():
		}
	}
	tb.Cleanup(func() { close(over) })
	return legs
}

// TestTelnyx holds a stream of Telnyx' to the promises of every leg, whichever law its network writes.
func TestTelnyx(t *testing.T) {
	for law, encoding := range map[g711.Law]string{g711.Ulaw: "PCMU", g711.Alaw: "PCMA"} {
		t.Run(encoding, func(t *testing.T) {
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				tx := &Telnyx{}
				s := newTelnyx(t, tx)
				legs := answeredBy(t, &tx.Host)
				ws := s.calls(encoding)
				leg := within(t, legs, "leg")
				return leg, newFarOf(t, ws, farWords{law: law, media: telnyxMedia160, mark: telnyxMark, digit: telnyxDigit, stop: telnyxStop})
			})
		})
	}
}

func TestTelnyxTells(t *testing.T) {
	t.Parallel()
	tx := &Telnyx{}
	s := newTelnyx(t, tx)
	legs := answeredBy(t, &tx.Host)
	ws := s.calls("PCMU")
	got := within(t, legs, "leg").Info()
	if got.Kind != "telnyx" || got.ID != telnyxCall || got.From != "+15550100001" || got.To != "+15550100002" || got.Rate != 8000 || got.Outbound ||
		fmt.Sprint(got.Params) != "map[agent:sales tenant:a b]" {
		t.Errorf("the leg says %+v", got)
	}
	write(t, ws, telnyxError, telnyxStop)
}

// TestTelnyxRefuses turns away who is not Telnyx, and streams that nobody was asked about.
func TestTelnyxRefuses(t *testing.T) {
	t.Parallel()
	tx := &Telnyx{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	s := newTelnyx(t, tx)
	for name, edit := range map[string]func(*http.Request){
		"no signature": func(r *http.Request) { r.Header.Del("Telnyx-Signature-Ed25519") },
		"no time":      func(r *http.Request) { r.Header.Del("Telnyx-Timestamp") },
		"another time": func(r *http.Request) { r.Header.Set("Telnyx-Timestamp", strconv.FormatInt(time.Now().Unix()+1, 10)) },
		"not base64":   func(r *http.Request) { r.Header.Set("Telnyx-Signature-Ed25519", "!") },
		"another's": func(r *http.Request) {
			r.Header.Set("Telnyx-Signature-Ed25519", base64.StdEncoding.EncodeToString(make([]byte, 64)))
		},
		"another's body":  func(r *http.Request) { r.Body = http.NoBody; r.ContentLength = 0 },
		"a short one":     func(r *http.Request) { r.Header.Set("Telnyx-Signature-Ed25519", "AAAA") },
		"time is no time": func(r *http.Request) { r.Header.Set("Telnyx-Timestamp", "now") },
	} {
		if status, _ := s.asks(time.Now(), "/telnyx/voice", telnyxForm, edit); status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
	}
	for name, at := range map[string]time.Time{"old": time.Now().Add(-6 * time.Minute), "not yet": time.Now().Add(6 * time.Minute)} {
		if status, _ := s.asks(at, "/telnyx/voice", telnyxForm, nil); status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, body := s.asks(time.Now(), "/telnyx/voice", url.Values{"CallSid": {"../x"}}, nil); status != http.StatusBadRequest || !strings.Contains(body, "CallSid") {
		t.Errorf("a call without a name: %d %s", status, body)
	}
	target := s.rings("")
	for name, target := range map[string]string{
		"no token": strings.ReplaceAll(target, "?", "/?"), "another call's": strings.Replace(target, "v3:", "v4:", 1), "another token": target + "x", "other parameters": target + "?agent=x",
	} {
		if name == "no token" {
			target = target[:strings.LastIndexByte(target, '/')]
		}
		ws, answer, err := dialer().Dial(target, nil)
		if err == nil {
			_ = ws.Close()
			t.Errorf("%s: a stream opens", name)
		} else if answer == nil || answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, start := range map[string]string{
		"L16": strings.Replace(telnyxStart("L16"), "8000", "16000", 1), "wide": strings.Replace(telnyxStart("PCMU"), "8000", "16000", 1), "unnamed": strings.Replace(telnyxStart("PCMU"), telnyxStream, "", 1),
	} {
		ws, _, err := dialer().Dial(s.rings(""), nil)
		if err != nil {
			t.Fatal(err)
		}
		write(t, ws, telnyxConnected, start)
		if code := closeCode(t, ws); code != closePolicy {
			t.Errorf("%s: closed with %d", name, code)
		}
		_ = ws.Close()
	}
	tx.Accepting = func(context.Context, Incoming) bool { return false }
	if status, body := s.asks(time.Now(), "/telnyx/voice", telnyxForm, nil); status != http.StatusOK || !strings.Contains(body, `<Reject reason="busy">`) {
		t.Errorf("a call that is not welcome: %d %s", status, body)
	}
}

// TestTelnyxOnce opens a stream a second time with its token.
func TestTelnyxOnce(t *testing.T) {
	t.Parallel()
	tx := &Telnyx{}
	s := newTelnyx(t, tx)
	legs := answeredBy(t, &tx.Host)
	target := s.rings("")
	for i, want := range []int{0, closePolicy} {
		ws, _, err := dialer().Dial(target, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		write(t, ws, telnyxConnected, telnyxStart("PCMU"))
		if want == 0 {
			within(t, legs, "leg")
		} else if code := closeCode(t, ws); code != want {
			t.Errorf("stream %d: closed with %d", i+1, code)
		}
	}
}

func FuzzTelnyx(f *testing.F) {
	for _, seed := range append([]string{
		telnyxConnected, telnyxStart("PCMU"), telnyxMedia160(1, 5, make([]byte, 160)), telnyxMark("3:12400"), telnyxDigit('5'), telnyxError, telnyxStop,
		`{"event":"media","media":{"chunk": 12 ,"payload":"//8="}}`, `{"event":"media","media":{"Chunk":"12","payload":"//8="}}`, `{"event":"media","media":{"chunk":"x","payload":"//8="}}`,
	}, messageSeeds...) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var fast, slow message
		plain := telnyxSpelling.plain(text, &fast)
		err := parseTelnyxJSON(text, &slow)
		if !plain {
			return
		}
		if !json.Valid(text) || !utf8.Valid(text) || err != nil {
			t.Fatalf("the tokenizer takes %q: %v", text, err)
		}
		got := fmt.Sprintf("%v %q %q %v %v %q %q", fast.kind, fast.stream, fast.track, fast.at, fast.chunk, fast.audio, fast.mark)
		want := fmt.Sprintf("%v %q %q %v %v %q %q", slow.kind, slow.stream, slow.track, slow.at, slow.chunk, slow.audio, slow.mark)
		if got != want {
			t.Fatalf("%q: the tokenizer reads %s, encoding/json %s", text, got, want)
		}
	})
}

// TestTelnyxPlain says that what comes most takes no allocation.
func TestTelnyxPlain(t *testing.T) {
	for _, text := range []string{telnyxMedia160(1, 5, make([]byte, 160)), telnyxMark("3:12400")} {
		b, m := []byte(text), new(message)
		if n := testing.AllocsPerRun(100, func() {
			if err := parseTelnyx(b, m); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%.40s: %v allocations", text, n)
		}
	}
}

// TestTelnyxWithoutSecret: a token that anybody could have sealed opens no stream.
func TestTelnyxWithoutSecret(t *testing.T) {
	t.Parallel()
	tx := &Telnyx{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	token := seal("?", telnyxCall, "anything", false, time.Now().Add(time.Minute))
	r := httptest.NewRequest(http.MethodGet, telnyxMedia+"/"+telnyxCall+"/"+token, nil)
	r.SetPathValue("call", telnyxCall)
	r.SetPathValue("token", token)
	w := httptest.NewRecorder()
	if tx.Media(w, r); w.Code != http.StatusForbidden {
		t.Errorf("a token without a secret: %d", w.Code)
	}
}
