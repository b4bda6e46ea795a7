package stream

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/g711"
)

const (
	testToken   = "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"
	testAccount = "AC00000000000000000000000000000001"
	testCall    = "CA00000000000000000000000000000002"
	testStream  = "MZ00000000000000000000000000000003"
	// testWait is how long a test waits for what must come.
	testWait = time.Minute
)

// serve runs t on a loopback socket and closes it, and all its calls, with the test.
func serve(tb testing.TB, t *Twilio, secure bool) *httptest.Server {
	tb.Helper()
	t.AuthToken = cmp.Or(t.AuthToken, testToken)
	mux := http.NewServeMux()
	t.Mount(mux)
	server := httptest.NewUnstartedServer(mux)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testWait)
		defer cancel()
		if err := t.Close(ctx); err != nil {
			tb.Errorf("Close: %v", err)
		}
		server.Client().CloseIdleConnections()
		server.Close()
	})
	return server
}

// answered makes t hand over each leg and keep its call open until the test, or a Hangup of the server's, ends it.
func answered(tb testing.TB, t *Twilio) <-chan media.Leg {
	legs, over := make(chan media.Leg, 16), make(chan struct{})
	t.Answer = func(ctx context.Context, leg media.Leg) {
		legs <- leg
		select {
		case <-over:
		case <-ctx.Done():
		}
	}
	tb.Cleanup(func() { close(over) }) // comes before serve's, which was registered earlier
	return legs
}

func within[T any](tb testing.TB, c <-chan T, what string) T {
	tb.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(testWait):
		tb.Fatalf("no %s within %v", what, testWait)
		panic("unreachable")
	}
}

// voiceForm is what Twilio posts when a call comes in.
func voiceForm(call string) url.Values {
	return url.Values{
		"AccountSid": {testAccount}, "ApiVersion": {"2010-04-01"}, "CallSid": {call}, "CallStatus": {"ringing"},
		"Direction": {"inbound"}, "From": {"+15550100001"}, "To": {"+15550100002"},
	}
}

// post sends a signed webhook.
func post(tb testing.TB, server *httptest.Server, path string, form url.Values) (int, string) {
	tb.Helper()
	return postSigned(tb, server, path, form, Sign(testToken, server.URL+path, form), nil)
}

func postSigned(tb testing.TB, server *httptest.Server, path string, form url.Values, signature string, header http.Header) (int, string) {
	tb.Helper()
	r, err := http.NewRequest(http.MethodPost, server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		tb.Fatal(err)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	}
	if signature != "" {
		r.Header.Set("X-Twilio-Signature", signature)
	}
	return do(tb, server, r)
}

func do(tb testing.TB, server *httptest.Server, r *http.Request) (int, string) {
	tb.Helper()
	answer, err := server.Client().Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// ring posts the voice webhook and returns the stream's URL and parameters.
func ring(tb testing.TB, server *httptest.Server, call string) (string, map[string]string) {
	tb.Helper()
	status, body := post(tb, server, "/twilio/voice", voiceForm(call))
	if status != http.StatusOK {
		tb.Fatalf("voice: %d %s", status, body)
	}
	return readTwiML(tb, body)
}

func readTwiML(tb testing.TB, body string) (string, map[string]string) {
	tb.Helper()
	var doc twiml
	if err := xml.Unmarshal([]byte(body), &doc); err != nil {
		tb.Fatalf("twiml %q: %v", body, err)
	}
	if doc.Connect == nil {
		tb.Fatalf("no <Connect> in %s", body)
	}
	params := make(map[string]string)
	for _, p := range doc.Connect.Stream.Parameters {
		params[p.Name] = p.Value
	}
	return doc.Connect.Stream.URL, params
}

// dial opens a signed stream socket with a foreign WebSocket client.
func dial(tb testing.TB, target string) *websocket.Conn {
	tb.Helper()
	ws, answer, err := dialer().Dial(target, http.Header{"X-Twilio-Signature": {Sign(testToken, target, nil)}})
	if err != nil {
		if answer != nil {
			tb.Fatalf("dial %s: %v (%s)", target, err, answer.Status)
		}
		tb.Fatalf("dial %s: %v", target, err)
	}
	tb.Cleanup(func() { _ = ws.Close() })
	return ws
}

func dialer() *websocket.Dialer {
	return &websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, HandshakeTimeout: testWait}
}

const connected = `{"event":"connected","protocol":"Call","version":"1.0.0"}`

// startMessage is Twilio's start.
func startMessage(call string, params map[string]string) string {
	custom, err := json.Marshal(params)
	if err != nil {
		panic(err)
	}
	return `{"event":"start","sequenceNumber":"1","start":{"accountSid":"` + testAccount + `","streamSid":"` + testStream +
		`","callSid":"` + call + `","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},` +
		`"customParameters":` + string(custom) + `},"streamSid":"` + testStream + `"}`
}

// mediaMessage is 20 ms of sound, or any other length.
func mediaMessage(n int, ms int64, ulaw []byte) string {
	return `{"event":"media","sequenceNumber":"` + strconv.Itoa(n+2) + `","media":{"track":"inbound","chunk":"` + strconv.Itoa(n+1) +
		`","timestamp":"` + strconv.FormatInt(ms, 10) + `","payload":"` + base64.StdEncoding.EncodeToString(ulaw) +
		`"},"streamSid":"` + testStream + `"}`
}

func write(tb testing.TB, ws *websocket.Conn, texts ...string) {
	tb.Helper()
	for _, text := range texts {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			tb.Fatalf("write: %v", err)
		}
	}
}

// closeCode reads until the socket closes and returns the code; 1006 where no close frame came.
func closeCode(tb testing.TB, ws *websocket.Conn) int {
	tb.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(testWait))
	for {
		_, _, err := ws.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case err == nil:
		case errors.As(err, &closed):
			return closed.Code
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			return websocket.CloseAbnormalClosure
		default:
			tb.Fatalf("no close: %v", err)
		}
	}
}

// call places a whole call: webhook, socket, connected, start.
func call(tb testing.TB, server *httptest.Server, id string) *websocket.Conn {
	tb.Helper()
	target, params := ring(tb, server, id)
	ws := dial(tb, target)
	write(tb, ws, connected, startMessage(id, params))
	return ws
}

// answeredCall serves t, places a call and returns both its ends.
func answeredCall(tb testing.TB, t *Twilio) (*Leg, *websocket.Conn) {
	tb.Helper()
	server := serve(tb, t, false)
	legs := answered(tb, t)
	ws := call(tb, server, testCall)
	return within(tb, legs, "leg").(*Leg), ws
}

// farWords is what a carrier says in its own letters.
type farWords struct {
	stream string   // as our messages name it; empty: they do not
	law    g711.Law // of what it says
	wide   format   // of all that is said, where that is not G.711's
	forget bool     // it returns no mark that a clear overtook
	media  func(n int, ms int64, codes []byte) string
	mark   func(name string) string
	digit  func(digit rune) string
	stop   string
}

var twilioWords = farWords{
	stream: testStream,
	media:  mediaMessage,
	mark: func(name string) string {
		return `{"event":"mark","sequenceNumber":"9","streamSid":"` + testStream + `","mark":{"name":"` + name + `"}}`
	},
	digit: func(digit rune) string {
		return `{"event":"dtmf","streamSid":"` + testStream + `","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"` + string(digit) + `"}}`
	},
	stop: `{"event":"stop","sequenceNumber":"402","stop":{"accountSid":"` + testAccount + `","callSid":"` + testCall + `"},"streamSid":"` + testStream + `"}`,
}

// far is a carrier's end of a stream, for legtest: its playout buffer is stepped by Hear.
type far struct {
	ws    *websocket.Conn
	words farWords

	writing sync.Mutex
	said    int // samples
	n       int // messages

	mu       sync.Mutex
	changed  chan struct{} // closed at each change
	queued   []int16       // arrived, not yet sounded
	heard    []int16
	marks    []farMark
	epoch    int // clears obeyed
	reported int
	pressed  string // keys, by us
	gone     bool
	deaf     chan struct{}
	over     chan struct{}
}

type farMark struct {
	name  string
	after int // samples of queued before it
}

// newFar takes over ws, as Twilio, and reads it until it ends.
func newFar(tb testing.TB, ws *websocket.Conn) *far { return newFarOf(tb, ws, twilioWords) }

func newFarOf(tb testing.TB, ws *websocket.Conn, words farWords) *far {
	f := &far{ws: ws, words: words, changed: make(chan struct{}), deaf: make(chan struct{}), over: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.read()
	}()
	tb.Cleanup(func() {
		close(f.over)
		_ = ws.Close()
		<-done
	})
	return f
}

func (f *far) read() {
	for {
		select {
		case <-f.deaf:
			<-f.over
			return
		default:
		}
		_, text, err := f.ws.ReadMessage()
		f.mu.Lock()
		if err != nil {
			f.gone = true
		} else {
			f.take(text)
		}
		close(f.changed)
		f.changed = make(chan struct{})
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take acts on one of our messages; mu is held.
func (f *far) take(text []byte) {
	var m struct {
		Event, StreamSID, StreamID, Name, DTMF string
		Stream                                 string `json:"stream_sid"`
		Media                                  struct{ Payload []byte }
		Mark                                   struct{ Name string }
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&m); err != nil || m.Event != "sendDTMF" && m.StreamSID+m.StreamID+m.Stream != f.words.stream {
		panic(fmt.Sprintf("far end got %q: %v", text, err))
	}
	switch m.Event {
	case "media", "playAudio":
		pcm := make([]int16, len(m.Media.Payload)/f.words.says().width())
		f.words.says().decode(pcm, m.Media.Payload)
		f.queued = append(f.queued, pcm...)
	case "mark", "checkpoint":
		f.marks = append(f.marks, farMark{m.Mark.Name + m.Name, len(f.queued)})
		f.answer(0)
	case "clear", "clearAudio":
		f.queued = nil
		f.epoch++
		if f.words.forget {
			f.marks = nil
			return
		}
		f.answer(1 << 30)
	case "sendDTMF":
		f.pressed += m.DTMF
	default:
		panic("far end got event " + m.Event)
	}
}

// answer lets n samples have sounded and returns the marks that they reach; mu is held.
func (f *far) answer(n int) {
	rest := f.marks[:0]
	for _, m := range f.marks {
		if m.after -= n; m.after > 0 {
			rest = append(rest, m)
			continue
		}
		_ = f.write(f.words.mark(m.name))
	}
	f.marks = rest
}

func (f *far) write(text string) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	return f.ws.WriteMessage(websocket.TextMessage, []byte(text))
}

// says is how what we say is written.
func (w *farWords) says() format {
	if w.wide.rate > 0 {
		return w.wide
	}
	return telephone
}

func (f *far) Say(pcm []int16) error {
	says := f.words.says()
	for len(pcm) > 0 {
		n := min(len(pcm), says.frame())
		codes := make([]byte, n*says.width())
		if says == telephone {
			f.words.law.Encode(codes, pcm[:n])
		} else {
			says.encode(codes, pcm[:n])
		}
		f.writing.Lock()
		err := f.ws.WriteMessage(websocket.TextMessage, []byte(f.words.media(f.n, int64(f.said*1000/says.rate), codes)))
		f.said, f.n = f.said+n, f.n+1
		f.writing.Unlock()
		if err != nil {
			return err
		}
		pcm = pcm[n:]
	}
	return nil
}

func (f *far) Press(digit rune) error { return f.write(f.words.digit(digit)) }

func (f *far) Stop() error { return f.write(f.words.stop) }

func (f *far) Drop() error { return f.ws.NetConn().Close() }

func (f *far) Hear(ctx context.Context, n int) ([]int16, error) {
	var got []int16
	for {
		f.mu.Lock()
		step := min(n-len(got), len(f.queued))
		got = append(got, f.queued[:step]...)
		f.heard = append(f.heard, f.queued[:step]...)
		f.queued = f.queued[step:]
		f.answer(step)
		changed, gone := f.changed, f.gone
		f.mu.Unlock()
		if len(got) == n {
			return got, nil
		}
		if gone {
			return got, errors.New("the leg has gone")
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return got, ctx.Err()
		}
	}
}

func (f *far) Heard() []int16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]int16(nil), f.heard...)
}

func (f *far) Cleared(ctx context.Context) error {
	for {
		f.mu.Lock()
		changed, news := f.changed, f.epoch > f.reported
		if news {
			f.reported++
		}
		f.mu.Unlock()
		if news {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *far) Deafen() { close(f.deaf) }
