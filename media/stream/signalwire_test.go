package stream

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/g711"
	"parley/media/legtest"
)

const (
	signalwireTestCall = "4d2a7f0e-9f0c-4c1b-8a57-0d5e0a1c2b3f"
	signalwireTestKey  = "PSK_signing_key_of_the_project"
	signalwireBearer   = "of a SWML document and of this server"
)

// signalwireStart is SignalWire's start, which is Twilio's in another codec.
func signalwireStart(encoding string, rate int) string {
	text := startMessage(signalwireTestCall, map[string]string{"from_number": "+15550100001", "to_number": "+15550100002", "agent": "sales"})
	return strings.Replace(text, `"encoding":"audio/x-mulaw","sampleRate":8000`, fmt.Sprintf(`"encoding":"%s","sampleRate":%d`, encoding, rate), 1)
}

func signalwireForm() url.Values {
	form := voiceForm(signalwireTestCall)
	form.Set("AccountSid", "b08dacad-0000-0000-0000-000000000000")
	return form
}

// newSignalWire serves SignalWire's side.
func newSignalWire(tb testing.TB, s *SignalWire) *httptest.Server {
	tb.Helper()
	s.SigningKey, s.Bearer, s.Secret = signalwireTestKey, signalwireBearer, []byte("of this server")
	return servesDoor(tb, s, &s.Host)
}

// signalwireAsks posts the voice webhook, signed with a key.
func signalwireAsks(tb testing.TB, server *httptest.Server, path, key string, form url.Values) (int, string) {
	tb.Helper()
	return postSigned(tb, server, path, form, "", http.Header{"X-Signalwire-Signature": {Sign(key, server.URL+path, form)}})
}

// signalwireRings asks what to do about a call.
func signalwireRings(tb testing.TB, server *httptest.Server, query string) cxmlStream {
	tb.Helper()
	status, body := signalwireAsks(tb, server, "/signalwire/voice"+query, signalwireTestKey, signalwireForm())
	return signalwireNoun(tb, status, body)
}

// signalwireNoun is the stream that an answer asks for.
func signalwireNoun(tb testing.TB, status int, body string) cxmlStream {
	tb.Helper()
	var doc cxml
	if err := xml.Unmarshal([]byte(body), &doc); status != http.StatusOK || err != nil || doc.Connect == nil || doc.Hangup == nil {
		tb.Fatalf("voice: %d %s %v", status, body, err)
	}
	return doc.Connect.Stream
}

func asBearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// signalwireCalls places a whole call, whose sound is written so.
func signalwireCalls(tb testing.TB, server *httptest.Server, encoding string, rate int) *websocket.Conn {
	tb.Helper()
	noun := signalwireRings(tb, server, "?agent=sales")
	ws := dialPlain(tb, noun.URL, asBearer(noun.Bearer))
	write(tb, ws, connected, signalwireStart(encoding, rate))
	return ws
}

// TestSignalWire holds a stream of SignalWire's to the promises of every leg, in each codec.
func TestSignalWire(t *testing.T) {
	for encoding, f := range map[string]format{
		"audio/x-mulaw": telephone, "PCMU": telephone, "audio/x-l16": {linear, 8000}, "L16": {linear, 16000}, "L16@24000h": {linear, 24000},
	} {
		t.Run(strings.ReplaceAll(encoding, "/", "_"), func(t *testing.T) {
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				s := &SignalWire{}
				server := newSignalWire(t, s)
				legs := answeredBy(t, &s.Host)
				ws := signalwireCalls(t, server, encoding, f.rate)
				words := twilioWords
				words.law, words.wide = g711.Ulaw, f
				return within(t, legs, "leg"), newFarOf(t, ws, words)
			})
		})
	}
}

func TestSignalWireTells(t *testing.T) {
	t.Parallel()
	s := &SignalWire{}
	server := newSignalWire(t, s)
	legs := answeredBy(t, &s.Host)
	noun := signalwireRings(t, server, "?agent=sales&codec=L16@24000h")
	if u, err := url.Parse(noun.URL); err != nil || u.RawQuery != "" || noun.Codec != "L16@24000h" || !noun.Realtime || strings.Contains(noun.URL, noun.Bearer) {
		t.Errorf("the stream is %+v", noun)
	}
	for call, socket := range map[string]struct{ target, token string }{ // of a webhook, and of a SWML document
		signalwireTestCall: {noun.URL, noun.Bearer}, "another": {overSocket(server.URL) + "/signalwire/media", signalwireBearer},
	} {
		ws := dialPlain(t, socket.target, asBearer(socket.token))
		write(t, ws, connected, strings.Replace(signalwireStart("audio/x-l16", 24000), signalwireTestCall, call, 1))
		leg := within(t, legs, "leg")
		if got := leg.Info(); got.Kind != "signalwire" || got.ID != call || got.From != "+15550100001" || got.To != "+15550100002" || got.Rate != 24000 ||
			got.Params["agent"] != "sales" {
			t.Errorf("the leg says %+v", got)
		}
		if err := leg.Send(media.Frame{PCM: []int16{1, -2}, Rate: 24000}); err != nil {
			t.Fatal(err)
		}
		want := `{"event":"media","streamSid":"` + testStream + `","media":{"payload":"` + base64.StdEncoding.EncodeToString([]byte{1, 0, 0xfe, 0xff}) + `"}}`
		if _, got, err := ws.ReadMessage(); err != nil || string(got) != want {
			t.Errorf("we say %s %v, want %s", got, err, want)
		}
		_ = leg.Hangup(media.CauseAgent)
		if code := closeCode(t, ws); code != websocket.CloseNormalClosure {
			t.Errorf("closed with %d", code)
		}
	}
}

// TestSignalWireRefuses turns away who is not SignalWire, and streams that nobody was asked about.
func TestSignalWireRefuses(t *testing.T) {
	t.Parallel()
	s := &SignalWire{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	server := newSignalWire(t, s)
	for name, key := range map[string]string{"another key": "x", "no key": ""} {
		if status, _ := signalwireAsks(t, server, "/signalwire/voice", key, signalwireForm()); status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
	}
	other := signalwireForm()
	other.Set("From", "+15550100009")
	signature := Sign(signalwireTestKey, server.URL+"/signalwire/voice", signalwireForm())
	for name, header := range map[string]http.Header{"another form": {"X-Signalwire-Signature": {signature}}, "no signature": {}, "Twilio's header": {"X-Twilio-Signature": {Sign(signalwireTestKey, server.URL+"/signalwire/voice", other)}}} {
		if status, _ := postSigned(t, server, "/signalwire/voice", other, "", header); status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
	}
	for query, field := range map[string]string{"": "CallSid", "?codec=MP3": "codec"} {
		form := signalwireForm()
		if query == "" {
			form.Set("CallSid", "../x")
		}
		if status, body := signalwireAsks(t, server, "/signalwire/voice"+query, signalwireTestKey, form); status != http.StatusBadRequest || !strings.Contains(body, field) {
			t.Errorf("%s: %d %s", field, status, body)
		}
	}
	noun := signalwireRings(t, server, "")
	socket := overSocket(server.URL) + "/signalwire/media"
	for name, to := range map[string]struct{ target, token string }{
		"no token": {noun.URL, ""}, "another": {noun.URL, noun.Bearer + "x"}, "of a document": {noun.URL, signalwireBearer}, "another call's": {socket + "/x", noun.Bearer},
		"a document without": {socket, ""}, "of a webhook": {socket, noun.Bearer},
	} {
		if ws, answer, err := dialer().Dial(to.target, asBearer(to.token)); err == nil {
			_ = ws.Close()
			t.Errorf("%s: a stream opens", name)
		} else if answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, start := range map[string]string{
		"G722": signalwireStart("G722", 16000), "wide PCMU": signalwireStart("PCMU", 16000), "odd": signalwireStart("L16", 22050),
		"another call": strings.Replace(signalwireStart("PCMU", 8000), signalwireTestCall, "x", 1),
	} {
		noun := signalwireRings(t, server, "")
		ws := dialPlain(t, noun.URL, asBearer(noun.Bearer))
		write(t, ws, connected, start)
		if code := closeCode(t, ws); code != closePolicy {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	s.Accepting = func(_ context.Context, in Incoming) bool { return in.To == "" }
	if status, body := signalwireAsks(t, server, "/signalwire/voice", signalwireTestKey, signalwireForm()); status != http.StatusOK || !strings.Contains(body, `<Reject reason="busy">`) {
		t.Errorf("a call that is not welcome: %d %s", status, body)
	}
	ws := dialPlain(t, socket, asBearer(signalwireBearer))
	write(t, ws, connected, signalwireStart("PCMU", 8000))
	if code := closeCode(t, ws); code != closePolicy {
		t.Errorf("a document's call that is not welcome: closed with %d", code)
	}
}

// TestSignalWireOnce opens a stream a second time with its ticket.
func TestSignalWireOnce(t *testing.T) {
	t.Parallel()
	s := &SignalWire{}
	server := newSignalWire(t, s)
	legs := answeredBy(t, &s.Host)
	noun := signalwireRings(t, server, "")
	for i, want := range []int{0, closePolicy} {
		ws := dialPlain(t, noun.URL, asBearer(noun.Bearer))
		write(t, ws, connected, signalwireStart("PCMU", 8000))
		if want == 0 {
			within(t, legs, "leg")
		} else if code := closeCode(t, ws); code != want {
			t.Errorf("stream %d: closed with %d", i+1, code)
		}
	}
}

// FuzzSignalWire: whatever a start says, the sound is one that can be read, or none.
func FuzzSignalWire(f *testing.F) {
	for _, encoding := range []string{"audio/x-mulaw", "PCMA", "L16@24000h", "audio/x-l16", "G722", "@", "audio/"} {
		f.Add(signalwireStart(encoding, 8000))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m message
		if err := parseTwilio([]byte(text), &m); err != nil || m.kind != kindStart {
			return
		}
		got, err := signalwireDialect.sound(m.start)
		if err == nil && (got.hears != got.says || got.hears.frame()*50 != got.hears.rate || got.hears.rate < 8000 || got.hears.rate > 24000) {
			t.Errorf("%s: %+v", text, got)
		}
	})
}
