package stream

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/g711"
	"parley/media/legtest"
)

const (
	plivoCall      = "97ceeb52-58b6-11ec-86da-77300b68f8bb"
	plivoStreamID  = "20170ada-f610-433b-8758-c02a2aab3662"
	plivoAccount   = "MAXXXXXXXXXXXXXXXXXX"
	plivoTestToken = "MA0TESTTOKEN00000001"
)

// Plivo's messages, as the sheet has them.
const (
	plivoStart = `{"sequenceNumber":0,"event":"start","start":{"callId":"` + plivoCall + `","streamId":"` + plivoStreamID + `","accountId":"` + plivoAccount +
		`","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}},"extra_headers":"{}"}`
	plivoCleared = `{"sequenceNumber":4,"event":"clearedAudio","streamId":"` + plivoStreamID + `"}`
	plivoStop    = `{"event":"stop","sequenceNumber":99,"streamId":"` + plivoStreamID + `","stop":{"callId":"` + plivoCall + `"}}`
)

// plivoMedia160 is 20 ms of sound; Plivo's clock is the world's.
func plivoMedia160(n int, ms int64, codes []byte) string {
	return `{"sequenceNumber":` + strconv.Itoa(n+1) + `,"streamId":"` + plivoStreamID + `","event":"media","media":{"track":"inbound","timestamp":"` +
		strconv.FormatInt(1778597597091+ms, 10) + `","chunk":` + strconv.Itoa(n+1) + `,"payload":"` + base64.StdEncoding.EncodeToString(codes) + `"},"extra_headers":"{}"}`
}

func plivoPlayed(name string) string {
	return `{"event":"playedStream","sequenceNumber":3,"streamId":"` + plivoStreamID + `","name":"` + name + `"}`
}

func plivoDigit(digit rune) string {
	return `{"event":"dtmf","streamId":"` + plivoStreamID + `","sequenceNumber":7,"dtmf":{"track":"inbound","digit":"` + string(digit) + `","timestamp":"1778597598123"}}`
}

var plivoWords = farWords{
	stream: plivoStreamID, law: g711.Ulaw, forget: true,
	media: plivoMedia160, mark: plivoPlayed, digit: plivoDigit, stop: plivoStop,
}

// TestPlivoSigned holds signatures to the sheet's vectors, which Plivo's own library made.
func TestPlivoSigned(t *testing.T) {
	t.Parallel()
	const nonce = "12345678901234567890"
	p := url.Values{"CallUUID": {"97ceeb52"}, "From": {"15550100001"}, "To": {"15550100002"}}
	for _, v := range []struct {
		method, target string
		form           url.Values
		signature      string
	}{
		{"POST", "https://gw.example.net/plivo/answer?tenant=acme", p, "8geiRg8QVqH5Gdjk2IUlS/6ugyDtOrSUD82NIOepdy0="},
		{"POST", "https://gw.example.net/plivo/answer", p, "Zkbxi3biB8bICmWM0GHsxWucMUR3/jmsykNA7kBguKI="},
		{"POST", "https://gw.example.net/plivo/answer", nil, "MUFYYonUpvaQYkF6pFVyYHD/XBaG3hL39B57IU+h8IA="},
		{"GET", "https://gw.example.net/plivo/answer?tenant=acme", p, "D90TjMdvmkw3zPgMt6n62p56+G3nZZ/Mwih+LNb2Hhw="},
	} {
		for name, test := range map[string]struct {
			token, signatures, nonce, target string
			want                             bool
		}{
			"it":              {plivoTestToken, v.signature, nonce, v.target, true},
			"one of several":  {plivoTestToken, "AAAA, " + v.signature, nonce, v.target, true},
			"another's":       {"another", v.signature, nonce, v.target, false},
			"no token":        {"", v.signature, nonce, v.target, false},
			"none":            {plivoTestToken, "", nonce, v.target, false},
			"another nonce":   {plivoTestToken, v.signature, nonce + "1", v.target, false},
			"no nonce":        {plivoTestToken, v.signature, "", v.target, false},
			"another's place": {plivoTestToken, v.signature, nonce, strings.Replace(v.target, "answer", "hangup", 1), false},
			"other query":     {plivoTestToken, v.signature, nonce, v.target + "?a=b", false},
		} {
			if got := PlivoSigned(test.token, test.signatures, test.nonce, v.method, test.target, v.form); got != test.want {
				t.Errorf("%s %s %v: %s: %v", v.method, v.target, v.form, name, got)
			}
		}
	}
	other := url.Values{"CallUUID": {"97ceeb52"}, "From": {"15550100001"}, "To": {"15550100009"}}
	if PlivoSigned(plivoTestToken, "Zkbxi3biB8bICmWM0GHsxWucMUR3/jmsykNA7kBguKI=", nonce, "POST", "https://gw.example.net/plivo/answer", other) {
		t.Error("another form has the same signature")
	}
}

// plivoFar is Plivo, as far as this side sees it: it signs webhooks, and opens streams.
type plivoFar struct {
	tb     testing.TB
	server *httptest.Server
}

func newPlivo(tb testing.TB, p *Plivo) *plivoFar {
	tb.Helper()
	p.AuthToken, p.Secret = plivoTestToken, []byte("of this server")
	return &plivoFar{tb, servesDoor(tb, p, &p.Host)}
}

// servesDoor runs a carrier's handlers on a loopback socket, and closes it and all its calls with the test.
func servesDoor(tb testing.TB, hooks interface{ Mount(*http.ServeMux) }, h *Host) *httptest.Server {
	tb.Helper()
	mux := http.NewServeMux()
	hooks.Mount(mux)
	server := httptest.NewServer(mux)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testWait)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			tb.Errorf("Close: %v", err)
		}
		server.Close()
	})
	return server
}

// asks posts a signed webhook.
func (f *plivoFar) asks(path string, form url.Values, edit func(*http.Request)) (int, string) {
	f.tb.Helper()
	r, err := http.NewRequest(http.MethodPost, f.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		f.tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Plivo-Signature-V3-Nonce", "4711")
	r.Header.Set("X-Plivo-Signature-V3", plivoSign(plivoTestToken, "4711", f.server.URL+path, form))
	if edit != nil {
		edit(r)
	}
	return do(f.tb, f.server, r)
}

var plivoForm = url.Values{"CallUUID": {plivoCall}, "From": {"15550100001"}, "To": {"15550100002"}, "Direction": {"inbound"}, "CallStatus": {"ringing"}, "Event": {"StartApp"}}

// rings asks what to do about a call, and returns where its stream is to go.
func (f *plivoFar) rings(query string) string {
	f.tb.Helper()
	status, body := f.asks("/plivo/voice"+query, plivoForm, nil)
	var doc plivoXML
	if err := xml.Unmarshal([]byte(body), &doc); status != http.StatusOK || err != nil || doc.Stream == nil || !strings.Contains(body, "</Stream><Hangup>") {
		f.tb.Fatalf("voice: %d %s %v", status, body, err)
	}
	if s := doc.Stream; !s.Bidirectional || !s.KeepCallAlive || s.ContentType != "audio/x-mulaw;rate=8000" {
		f.tb.Fatalf("the stream is %+v", s)
	}
	return doc.Stream.URL
}

// calls places a whole call.
func (f *plivoFar) calls() *websocket.Conn {
	f.tb.Helper()
	ws := dialPlain(f.tb, f.rings("?agent=sales&tenant=a+b"), nil)
	write(f.tb, ws, plivoStart)
	return ws
}

// dialPlain opens a stream's socket that is not signed.
func dialPlain(tb testing.TB, target string, header http.Header) *websocket.Conn {
	tb.Helper()
	ws, answer, err := dialer().Dial(target, header)
	if err != nil {
		tb.Fatalf("dial %s: %v (%v)", target, err, answer)
	}
	tb.Cleanup(func() { _ = ws.Close() })
	return ws
}

// TestPlivo holds a stream of Plivo's to the promises of every leg; its checkpoints do not come back after a clear.
func TestPlivo(t *testing.T) {
	legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
		p := &Plivo{}
		f := newPlivo(t, p)
		legs := answeredBy(t, &p.Host)
		ws := f.calls()
		return within(t, legs, "leg"), newFarOf(t, ws, plivoWords)
	})
}

func TestPlivoTells(t *testing.T) {
	t.Parallel()
	p := &Plivo{AuthID: plivoAccount}
	f := newPlivo(t, p)
	legs := answeredBy(t, &p.Host)
	ws := f.calls()
	leg := within(t, legs, "leg")
	if got := leg.Info(); got.Kind != "plivo" || got.ID != plivoCall || got.From != "+15550100001" || got.To != "+15550100002" || got.Rate != 8000 || got.Outbound ||
		fmt.Sprint(got.Params) != "map[agent:sales from_number:+15550100001 tenant:a b to_number:+15550100002]" {
		t.Errorf("the leg says %+v", got)
	}
	for _, say := range []func() error{
		func() error { return leg.Send(media.Frame{PCM: make([]int16, 3), Rate: 8000}) },
		leg.(media.Marker).Mark, leg.Clear,
		func() error { return leg.(media.Keypad).Press('#', 100*time.Millisecond) },
	} {
		if err := say(); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		`{"event":"playAudio","media":{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"////"},"streamId":"` + plivoStreamID + `"}`,
		`{"event":"checkpoint","streamId":"` + plivoStreamID + `","name":"0:3"}`,
		`{"event":"clearAudio","streamId":"` + plivoStreamID + `"}`,
		`{"event":"sendDTMF","dtmf":"#"}`,
	} {
		if _, got, err := ws.ReadMessage(); err != nil || string(got) != want {
			t.Errorf("we say %s %v, want %s", got, err, want)
		}
	}
	write(t, ws, plivoCleared, plivoStop)
}

// TestPlivoLenient: what a sample has otherwise than another is understood, too.
func TestPlivoLenient(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"event":"playedStream","name":"0:160"}`:                                                      "mark 0:160",
		`{"event":"media","sequenceNumber":"5","media":{"timestamp":17,"chunk":"2","payload":"//8="}}`: "media //8= at 17",
		`{"event":"media","sequenceNumber":5,"media":{"payload":"//8="}}`:                              "media //8= at -1",
		`{"event":"start","start":{"callId":"c","streamId":"s","auth_id":"MA1"},"sequenceNumber":"0"}`: "start c s MA1",
		`{"event":"start","streamId":"s","start":{"callId":"c","mediaFormat":{"sampleRate":"8000"}}}`:  "start c s ",
		`{"event":"dtmf","dtmf":{"digit":"5"}}`:                                                        "digit 5",
		plivoCleared:                                                                                   "cleared",
		`{"event":"somethingNew","of":{"a":1}}`:                                                        "other",
		`{"event":"mark","mark":{"name":"0:160"}}`:                                                     "other",
		`{"event":"media"}`: "parse message: media without media",
		`{"streamId":"s"}`:  "parse message: no event",
		`{"event":"start"}`: "parse message: start without start",
	} {
		var m message
		got := "other"
		if err := parsePlivo([]byte(text), &m); err != nil {
			got = err.Error()
		}
		switch m.kind {
		case kindMark:
			got = "mark " + string(m.mark)
		case kindMedia:
			got = fmt.Sprintf("media %s at %d", m.audio, m.at)
		case kindStart:
			got = fmt.Sprintf("start %s %s %s", m.start.call, m.start.stream, m.start.account)
		case kindDigit:
			got = "digit " + m.digit
		case kindCleared:
			got = "cleared"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestPlivoClear: the checkpoints that a clear overtook never come back, and what was heard is right all the same, before it and after; a key is
// pressed by Plivo, in its turn.
func TestPlivoClear(t *testing.T) {
	t.Parallel()
	p := &Plivo{}
	f := newPlivo(t, p)
	legs := answeredBy(t, &p.Host)
	ws := f.calls()
	leg := within(t, legs, "leg")
	far := newFarOf(t, ws, plivoWords)
	mouth := media.NewPlayout(leg, turningWheel(t), nil)
	defer mouth.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			packet, err := leg.Receive()
			if err != nil {
				return
			}
			mouth.Played(packet.Note)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), testWait)
	defer cancel()
	speak := func(length time.Duration) *media.Utterance {
		u := mouth.Begin()
		mouth.Release(u)
		if err := u.Write(ctx, legtest.Tone(8000, 400, length)); err != nil {
			t.Fatal(err)
		}
		u.CloseWrite()
		return u
	}
	began := time.Now()
	first := speak(4 * time.Second)
	if _, err := far.Hear(ctx, 800); err != nil { // of which 100 ms sound, and are proved by no checkpoint yet
		t.Fatal(err)
	}
	if heard := first.Cut(); heard > time.Since(began) {
		t.Errorf("%v count as heard after %v", heard, time.Since(began))
	}
	if err := far.Cleared(ctx); err != nil {
		t.Fatal(err)
	}
	second := speak(300 * time.Millisecond)
	if _, err := far.Hear(ctx, 2400); err != nil {
		t.Fatal(err)
	}
	select {
	case <-second.Done():
	case <-ctx.Done():
		t.Fatal("the utterance after the clear never ends")
	}
	if got := second.Heard(); got != 300*time.Millisecond {
		t.Errorf("%v of 300ms count as heard after a clear", got)
	}
	keys := mouth.Begin()
	mouth.Release(keys)
	if err := keys.Press(ctx, leg.(media.Keypad), '5', 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	keys.CloseWrite()
	if _, err := far.Hear(ctx, 800); err != nil {
		t.Fatal(err)
	}
	far.mu.Lock()
	if far.pressed != "5" {
		t.Errorf("pressed %q", far.pressed)
	}
	far.mu.Unlock()
	_ = leg.Hangup(media.CauseAgent)
	<-read
}

// TestPlivoRefuses turns away who is not Plivo, and streams that nobody was asked about.
func TestPlivoRefuses(t *testing.T) {
	t.Parallel()
	p := &Plivo{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}, AuthID: plivoAccount}
	f := newPlivo(t, p)
	for name, edit := range map[string]func(*http.Request){
		"no signature":  func(r *http.Request) { r.Header.Del("X-Plivo-Signature-V3") },
		"no nonce":      func(r *http.Request) { r.Header.Del("X-Plivo-Signature-V3-Nonce") },
		"another nonce": func(r *http.Request) { r.Header.Set("X-Plivo-Signature-V3-Nonce", "4712") },
		"another's":     func(r *http.Request) { r.Header.Set("X-Plivo-Signature-V3", strings.Repeat("A", 43)+"=") },
		"another body":  func(r *http.Request) { r.Body = http.NoBody; r.ContentLength = 0 },
		"another query": func(r *http.Request) { r.URL.RawQuery = "agent=x" },
		"the second version": func(r *http.Request) { // a right one
			r.Header.Set("X-Plivo-Signature-V2", plivoSign(plivoTestToken, "4711", f.server.URL+"/plivo/voice", nil))
			r.Header.Set("X-Plivo-Signature-V2-Nonce", "4711")
			r.Header.Del("X-Plivo-Signature-V3")
		},
	} {
		for _, path := range []string{"/plivo/voice", "/plivo/hangup"} {
			if status, _ := f.asks(path, plivoForm, edit); status != http.StatusForbidden {
				t.Errorf("%s %s: %d", path, name, status)
			}
		}
	}
	if status, body := f.asks("/plivo/voice", url.Values{"CallUUID": {"../x"}}, nil); status != http.StatusBadRequest || !strings.Contains(body, "CallUUID") {
		t.Errorf("a call without a name: %d %s", status, body)
	}
	target := f.rings("?agent=sales")
	for name, target := range map[string]string{
		"no ticket": plivoSocket(f, "/plivo/media/"+plivoCall), "another call's": strings.Replace(target, plivoCall, "x", 1), "another ticket": strings.Replace(target, "?", "x?", 1),
		"other parameters": target + "x", "another caller": strings.Replace(target, "100001", "100009", 1),
	} {
		ws, answer, err := dialer().Dial(target, nil)
		if err == nil {
			_ = ws.Close()
			t.Errorf("%s: a stream opens", name)
		} else if answer == nil || answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, start := range map[string]string{
		"L16": strings.Replace(plivoStart, "audio/x-mulaw", "audio/x-l16", 1), "wide": strings.Replace(plivoStart, "8000", "16000", 1),
		"unnamed": strings.Replace(plivoStart, plivoStreamID, "", 1), "another account's": strings.Replace(plivoStart, plivoAccount, "MAY", 1),
	} {
		ws := dialPlain(t, f.rings(""), nil)
		write(t, ws, start)
		if code := closeCode(t, ws); code != closePolicy {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	target = f.rings("")
	if status, body := f.asks("/plivo/hangup", plivoForm, nil); status != http.StatusNoContent {
		t.Errorf("hangup: %d %s", status, body)
	}
	ws := dialPlain(t, target, nil)
	write(t, ws, plivoStart)
	if code := closeCode(t, ws); code != closePolicy {
		t.Errorf("a stream of a call that is over: closed with %d", code)
	}
	p.Accepting = func(context.Context, Incoming) bool { return false }
	if status, body := f.asks("/plivo/voice", plivoForm, nil); status != http.StatusOK || !strings.Contains(body, `<Response><Hangup reason="busy"></Hangup></Response>`) {
		t.Errorf("a call that is not welcome: %d %s", status, body)
	}
}

// TestPlivoOnce opens a stream a second time with its ticket.
func TestPlivoOnce(t *testing.T) {
	t.Parallel()
	p := &Plivo{}
	f := newPlivo(t, p)
	legs := answeredBy(t, &p.Host)
	target := f.rings("")
	for i, want := range []int{0, closePolicy} {
		ws := dialPlain(t, target, nil)
		write(t, ws, plivoStart)
		if want == 0 {
			within(t, legs, "leg")
		} else if code := closeCode(t, ws); code != want {
			t.Errorf("stream %d: closed with %d", i+1, code)
		}
	}
}

// TestWithoutSecret: a ticket that anybody could have sealed opens no stream.
func TestWithoutSecret(t *testing.T) {
	t.Parallel()
	p := &Plivo{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	ticket := seal("?", plivoCall, "anything", false, time.Now().Add(time.Minute))
	r := httptest.NewRequest(http.MethodGet, plivoMedia+"/"+plivoCall+"/"+ticket, nil)
	r.SetPathValue("call", plivoCall)
	r.SetPathValue("token", ticket)
	w := httptest.NewRecorder()
	if p.Media(w, r); w.Code != http.StatusForbidden {
		t.Errorf("a ticket without a secret: %d", w.Code)
	}
}

func FuzzPlivo(f *testing.F) {
	fuzzDialect(f, &plivoSpelling, parsePlivoJSON, plivoStart, plivoMedia160(1, 5, make([]byte, 160)), plivoPlayed("3:12400"), plivoDigit('5'), plivoCleared, plivoStop)
}

// TestPlivoPlain says that what comes most takes no allocation.
func TestPlivoPlain(t *testing.T) {
	takesNone(t, parsePlivo, plivoMedia160(1, 5, make([]byte, 160)), plivoPlayed("3:12400"))
}

// plivoSocket is where a socket would be.
func plivoSocket(f *plivoFar, path string) string { return overSocket(f.server.URL) + path }

func TestInternational(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"15550100001": "+15550100001", "+15550100001": "+15550100001", "08047491899": "08047491899", "sip:a@b": "sip:a@b", "": "", "911": "911", "1234567890123456": "1234567890123456",
	} {
		if got := international(number); got != want {
			t.Errorf("%s is %s, want %s", number, got, want)
		}
	}
}
