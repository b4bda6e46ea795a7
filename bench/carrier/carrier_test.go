package carrier

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"parley/media/wav"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testToken = "0123456789abcdef"

// agentServer is a small Media Streams server: it answers with TwiML and lets talk have the socket.
type agentServer struct {
	*httptest.Server
	t     *testing.T
	twiml string // BASE and WS stand for the server's URLs
	talk  func(a *agentSocket)

	mu        sync.Mutex
	callbacks []url.Values
	messages  []map[string]any
}

func serveAgent(t *testing.T, twiml string, talk func(*agentSocket)) *agentServer {
	t.Helper()
	s := &agentServer{t: t, twiml: twiml, talk: talk}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /voice", s.signed(func(w http.ResponseWriter, r *http.Request) {
		doc := strings.NewReplacer("BASE", s.URL, "WS", strings.Replace(s.URL, "http", "ws", 1)).Replace(s.twiml)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Response>%s</Response>`, doc)
	}))
	mux.HandleFunc("POST /next", s.signed(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<Response><Say>Bye.</Say><Hangup/></Response>`)
	}))
	mux.HandleFunc("POST /status", s.signed(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.callbacks = append(s.callbacks, r.PostForm)
	}))
	mux.HandleFunc("GET /media", s.media)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// signed checks a webhook's signature.
func (s *agentServer) signed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		if got, want := r.Header.Get("X-Twilio-Signature"), sign(testToken, s.URL+r.URL.Path, r.PostForm); got != want {
			s.t.Errorf("%s: signature %q, want %q", r.URL.Path, got, want)
		}
		next(w, r)
	}
}

func (s *agentServer) media(w http.ResponseWriter, r *http.Request) {
	target := strings.Replace(s.URL, "http", "ws", 1) + "/media"
	if got, want := r.Header.Get("X-Twilio-Signature"), sign(testToken, target, nil); got != want {
		s.t.Errorf("socket: signature %q, want %q", got, want)
		http.Error(w, "signature", http.StatusForbidden)
		return
	}
	var up websocket.Upgrader
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	s.talk(&agentSocket{s: s, conn: conn})
}

// agentSocket is the server's end of a stream.
type agentSocket struct {
	s    *agentServer
	conn *websocket.Conn
	sid  string
}

// read waits for the next message for which ok says yes; nil at the end of the socket.
func (a *agentSocket) read(ok func(m map[string]any) bool) map[string]any {
	for {
		var m map[string]any
		if err := a.conn.ReadJSON(&m); err != nil {
			return nil
		}
		if sid, given := m["streamSid"].(string); given {
			a.sid = sid
		}
		a.s.mu.Lock()
		a.s.messages = append(a.s.messages, m)
		a.s.mu.Unlock()
		if ok(m) {
			return m
		}
	}
}

func event(name string) func(map[string]any) bool {
	return func(m map[string]any) bool { return m["event"] == name }
}

func (a *agentSocket) send(m map[string]any) {
	m["streamSid"] = a.sid
	if err := a.conn.WriteJSON(m); err != nil {
		a.s.t.Errorf("agent: %v", err)
	}
}

func (a *agentSocket) speak(pcm []int16) {
	payload := base64.StdEncoding.EncodeToString(encodeMulaw(nil, pcm))
	a.send(map[string]any{"event": "media", "media": map[string]any{"payload": payload}})
}

func (a *agentSocket) mark(name string) {
	a.send(map[string]any{"event": "mark", "mark": map[string]any{"name": name}})
}

// speaks says whether a media message carries sound.
func speaks(m map[string]any) bool {
	media, _ := m["media"].(map[string]any)
	payload, _ := media["payload"].(string)
	law, _ := base64.StdEncoding.DecodeString(payload)
	return slices.ContainsFunc(decodeMulaw(nil, law), func(s int16) bool { return s > 1000 })
}

// recording writes a WAV file of ms of sound.
func recording(t *testing.T, rate, ms int) string {
	t.Helper()
	pcm := make([]int16, rate*ms/1000)
	for i := range pcm {
		if pcm[i] = 6000; i*1000/rate%2 == 0 {
			pcm[i] = -6000
		}
	}
	path := filepath.Join(t.TempDir(), "hello.wav")
	if err := wav.WriteFile(path, wav.Sound{PCM: pcm, Rate: rate, Channels: 1}); err != nil {
		t.Fatal(err)
	}
	return path
}

const connect = `<Connect action="BASE/next"><Stream url="WS/media" name="s-01" statusCallback="/status"><Parameter name="tenant" value="acme"/></Stream></Connect>`

func script(t *testing.T, text string) []Step {
	t.Helper()
	steps, err := ParseScript("s", text)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestCall is a whole conversation: a greeting, an answer, a key, a barge-in.
func TestCall(t *testing.T) {
	t.Parallel()
	s := serveAgent(t, connect, func(a *agentSocket) {
		a.read(event("start"))
		a.speak(tone(400))
		a.mark("greeting")
		a.read(event("mark"))
		a.read(speaks)
		a.read(func(m map[string]any) bool { return m["event"] == "media" && !speaks(m) })
		a.speak(tone(300))
		a.read(event("dtmf"))
		a.speak(tone(5000))
		a.mark("one")
		a.mark("two")
		a.read(speaks)
		a.send(map[string]any{"event": "clear"})
		a.read(func(m map[string]any) bool { return m["event"] == "media" && !speaks(m) })
		a.speak(tone(200))
		a.read(event("stop"))
	})
	call := Call{URL: s.URL + "/voice", AuthToken: testToken, StatusCallback: s.URL + "/status",
		Script: script(t, "hear quiet=350ms\nsay "+recording(t, 16000, 500)+"\nhear quiet=350ms\npress 5\nbarge "+recording(t, 8000, 300)+" after=500ms hush=3s\nhear quiet=350ms")}
	r, err := call.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkTurns(t, r)
	checkMessages(t, s, r)
	if r.Ended != "caller" || !r.Answered || r.Frames.Clears != 1 || r.Frames.Marks != 3 || r.Frames.BadMessages != 0 {
		t.Errorf("ended by %s, answered %v, %+v", r.Ended, r.Answered, r.Frames)
	}
	if dropped := time.Duration(r.Frames.Dropped); dropped < time.Second || dropped > 4600*time.Millisecond {
		t.Errorf("%v of audio dropped by the clear, want 4.2 s or so, and less on a slow machine", dropped)
	}
	if len(r.Warnings) != 0 {
		t.Errorf("warnings: %v", r.Warnings)
	}
	path := filepath.Join(t.TempDir(), "call.wav")
	if err := r.WriteStereo(path); err != nil {
		t.Fatal(err)
	}
	sound, err := wav.ReadFile(path)
	if err != nil || sound.Channels != 2 || !slices.Equal(sound.Channel(1), r.Heard) {
		t.Errorf("recording: %v, %d channels", err, sound.Channels)
	}
}

func checkTurns(t *testing.T, r *Result) {
	t.Helper()
	if len(r.Turns) != 4 {
		t.Fatalf("%d turns, want the greeting and three more: %+v", len(r.Turns), r.Turns)
	}
	for i, turn := range r.Turns {
		if v := time.Duration(turn.VoiceToVoice); !turn.Answered || turn.Early || v < 0 || v > 10*time.Second {
			t.Errorf("turn %d: %+v", i, turn)
		}
		if d := turn.VoiceToVoice - turn.FirstSample; d < 0 || d > Millis(2*time.Millisecond) {
			t.Errorf("turn %d: voice after %v, sound after %v", i, turn.VoiceToVoice, turn.FirstSample)
		}
	}
	last := r.Turns[3]
	if !last.BargedIn || last.Hushed <= 0 || time.Duration(last.Hushed) > 3*time.Second || last.Cleared <= 0 {
		t.Errorf("barge-in: %+v", last)
	}
}

// checkMessages holds what the server was sent against Twilio's pages.
func checkMessages(t *testing.T, s *agentServer, r *Result) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.messages[0]["event"] != "connected" || s.messages[1]["event"] != "start" {
		t.Fatalf("begins with %v, %v", s.messages[0], s.messages[1])
	}
	start, _ := json.Marshal(s.messages[1]["start"])
	var got struct {
		CallSid, StreamSid string
		MediaFormat        struct{ SampleRate, Channels int }
		CustomParameters   map[string]string
	}
	if err := json.Unmarshal(start, &got); err != nil || got.CallSid != r.CallSID || got.StreamSid != r.StreamSID ||
		got.MediaFormat.SampleRate != 8000 || got.CustomParameters["tenant"] != "acme" {
		t.Errorf("start: %s, %v", start, err)
	}
	seq, chunk := 0, 0
	var marks []string
	for _, m := range s.messages[1:] {
		seq++
		if m["sequenceNumber"] != fmt.Sprint(seq) {
			t.Fatalf("sequence number %v, want %d: %v", m["sequenceNumber"], seq, m)
		}
		switch m["event"] {
		case "media":
			chunk++
			media := m["media"].(map[string]any)
			if media["chunk"] != fmt.Sprint(chunk) || media["timestamp"] != fmt.Sprint(20*(chunk-1)) || media["track"] != "inbound" {
				t.Fatalf("media: %v, want chunk %d", media, chunk)
			}
		case "mark":
			marks = append(marks, m["mark"].(map[string]any)["name"].(string))
		case "dtmf":
			if diff := cmp.Diff(map[string]any{"track": "inbound_track", "digit": "5"}, m["dtmf"]); diff != "" {
				t.Errorf("dtmf: -want +got\n%s", diff)
			}
		}
	}
	if want := []string{"greeting", "one", "two"}; !slices.Equal(marks, want) {
		t.Errorf("marks %v, want %v", marks, want)
	}
	var events []string
	for _, c := range s.callbacks {
		events = append(events, c.Get("StreamEvent")+c.Get("CallStatus"))
	}
	slices.Sort(events)
	if want := []string{"completed", "stream-started", "stream-stopped"}; !slices.Equal(events, want) {
		t.Errorf("callbacks %v, want %v", events, want)
	}
}

func TestCallEnds(t *testing.T) {
	t.Parallel()
	hello := func(a *agentSocket) { a.read(event("start")); a.speak(tone(200)); a.mark("m"); a.read(event("mark")) }
	bye := func(a *agentSocket) {
		hello(a)
		a.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		a.read(event("none"))
	}
	for _, c := range []struct {
		name, twiml, script string
		talk                func(*agentSocket)
		ended, fails        string
		story               string // what the timeline must hold
	}{
		{"the agent says goodbye", connect, "hear", bye, "agent", "", "Bye."},
		{"the agent hangs up on the caller", connect, "hear quiet=5s\npress 1", bye, "agent", "s:2: press 1: the agent hung up", ""},
		{"the server breaks down", connect, "hear quiet=5s", hello, "agent", "the server dropped the stream", ""},
		{"nobody speaks", connect, "silent 100ms", func(a *agentSocket) { a.read(event("stop")) }, "caller", ErrNoAnswer.Error(), ""},
		{"a step is not met", connect, "hear within=100ms", func(a *agentSocket) { a.read(event("stop")) }, "caller", "the agent said nothing within 100ms", ""},
		{"rejected", `<Reject reason="busy"/>`, "hear", nil, "rejected", ErrRejected.Error(), "busy"},
		{"only TwiML", `<Say>Sorry.</Say><Redirect>/next</Redirect>`, "hear", nil, "agent", ErrNoAnswer.Error(), "Sorry."},
		{"round in circles", `<Redirect>/voice</Redirect>`, "hear", nil, "failed", "10 TwiML documents", ""},
		{"a fork", `<Start><Stream url="WS/media"/></Start>`, "hear", nil, "failed", "<Start>: this simulation knows", ""},
		{"not a stream", `<Connect><Room/></Connect>`, "hear", nil, "failed", "<Connect>: want one <Stream> in it", ""},
		{"a conference of one", `<Dial><Conference>room</Conference></Dial>`, "hear", nil, "failed", "nobody else can come", ""},
		{"a conference that is none", `<Dial><Conference>a<b/></Conference></Dial>`, "hear", nil, "failed", "want the name of a room", ""},
		{"a conference too small", `<Dial><Conference maxParticipants="1">room</Conference></Dial>`, "hear", nil, "failed", "want 2 to 250", ""},
		{"a conference with a word of its own", `<Dial><Conference beep="no">room</Conference></Dial>`, "hear", nil, "failed", "Twilio knows no such thing", ""},
		{"no wss", `<Connect><Stream url="ws://example.com/media"/></Connect>`, "hear", nil, "failed", "Twilio connects to wss only", ""},
		{"a query", `<Connect><Stream url="WS/media?a=1"/></Connect>`, "hear", nil, "failed", "does not take a query", ""},
		{"a long parameter", `<Connect><Stream url="WS/media"><Parameter name="n" value="` + strings.Repeat("x", 499) + `"/></Stream></Connect>`, "hear", nil, "failed", "want under 500", ""},
		{"no socket there", `<Connect><Stream url="WS/nowhere"/></Connect>`, "hear", nil, "failed", "404 Not Found", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serveAgent(t, c.twiml, c.talk)
			r, err := Call{URL: s.URL + "/voice", AuthToken: testToken, Script: script(t, c.script)}.Place(t.Context())
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("error %v, want %q", err, c.fails)
			}
			if err != nil && r.Failure != err.Error() {
				t.Errorf("failure %q, error %v", r.Failure, err)
			}
			if r.Ended != c.ended {
				t.Errorf("ended by %s, want %s", r.Ended, c.ended)
			}
			if c.story != "" && !slices.ContainsFunc(r.Timeline, func(e Event) bool { return e.Text == c.story }) {
				t.Errorf("timeline %v lacks %q", r.Timeline, c.story)
			}
		})
	}
}

// TestConnect: the public name is signed, the real address is connected to.
func TestConnect(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 2)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /voice", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		if r.Header.Get("X-Twilio-Signature") == sign(testToken, "https://voice.example.com/voice", r.PostForm) {
			seen <- "voice of " + r.Host
		}
		fmt.Fprint(w, `<Response><Connect><Stream url="wss://voice.example.com/media"/></Connect></Response>`)
	})
	mux.HandleFunc("GET /media", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Twilio-Signature") == sign(testToken, "wss://voice.example.com/media", nil) {
			seen <- "media of " + r.Host
		}
		http.Error(w, "busy", http.StatusServiceUnavailable)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	_, err := Call{URL: "https://voice.example.com/voice", Connect: s.Listener.Addr().String(), AuthToken: testToken, Script: script(t, "hear")}.Place(t.Context())
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v, want the refusal", err)
	}
	if a, b := <-seen, <-seen; a != "voice of voice.example.com" || b != "media of voice.example.com" {
		t.Errorf("seen: %s, %s", a, b)
	}
}

func TestHangUpOnCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan bool, 1)
	s := serveAgent(t, connect, func(a *agentSocket) {
		a.read(event("media"))
		cancel()
		stopped <- a.read(event("stop")) != nil
	})
	if _, err := (Call{URL: s.URL + "/voice", AuthToken: testToken, Script: script(t, "hear")}).Place(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if !<-stopped {
		t.Error("the server was not told")
	}
}

func TestBadMessagesAreCounted(t *testing.T) {
	t.Parallel()
	s := serveAgent(t, connect, func(a *agentSocket) {
		a.read(event("start"))
		a.conn.WriteMessage(websocket.TextMessage, []byte("{"))
		a.conn.WriteMessage(websocket.TextMessage, []byte(`{"event":"clear","streamSid":"MZ0"}`))
		a.send(map[string]any{"event": "applaud"})
		a.send(map[string]any{"event": "media", "media": map[string]any{"payload": "?"}})
		a.read(event("stop"))
	})
	r, _ := Call{URL: s.URL + "/voice", AuthToken: testToken, Script: script(t, "silent 200ms")}.Place(t.Context())
	if r.Frames.BadMessages != 4 || !strings.HasPrefix(r.Frames.FirstBad, "not JSON") || r.Frames.Clears != 0 {
		t.Errorf("%+v", r.Frames)
	}
}

func TestLibrary(t *testing.T) {
	t.Parallel()
	p, err := Library{}.Open("agent-pass")
	if err != nil {
		t.Fatalf("%v (make setup installs the prompts)", err)
	}
	if d := timeOf(int64(len(p.PCM))); d < 2*time.Second || d > 4*time.Second {
		t.Errorf("agent-pass sounds for %v", d)
	}
	if want := "Please enter your password followed by the pound key."; p.Text != "" && p.Text != want {
		t.Errorf("text %q, want %q", p.Text, want)
	}
	for name, want := range map[string]string{
		"no-such":  "no-such: no such prompt in /usr/share/asterisk",
		"../x":     "../x: neither a .wav file nor the name of a prompt",
		"none.wav": "none.wav: read sound file: open none.wav: no such file",
	} {
		if _, err := (Library{}).Open(name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	_, err = Library{Sounds: filepath.Join(t.TempDir(), "none")}.load(script(t, "say agent-pass"))
	if err == nil || !strings.Contains(err.Error(), "s:1: say: agent-pass: no recorded prompts here: apt-get install asterisk-core-sounds-en ") {
		t.Errorf("no library: %v", err)
	}
}

// TestPrint reads a result as people and programs do.
func TestPrint(t *testing.T) {
	t.Parallel()
	const second = Millis(time.Second)
	r := &Result{Ended: "caller", Heard: make([]int16, 5*Rate), Turns: []Turn{
		{Answered: true, VoiceToVoice: second / 4, FirstSample: second / 5, From: 0, To: second},
		{Step: "press 1", Caller: "1", At: second, End: second},
		{Step: "barge x", Caller: "Wait.", At: 2 * second, End: 3 * second, BargedIn: true, Hushed: second / 10, Answered: true, VoiceToVoice: second / 2, From: 7 * second / 2, To: 4 * second},
	}, Timeline: []Event{{At: second, Who: "caller", What: "pressed", Text: "1"}, {At: 5 * second / 2, Who: "agent", What: "cleared", Text: "1.00 s of audio"}}}
	err := r.Transcribe(t.Context(), func(_ context.Context, pcm []int16, rate int) (string, error) {
		return fmt.Sprintf("%d samples at %d", len(pcm), rate), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := `   0.00 s  agent    8400 samples at 8000 (1.00 s); voice after 250 ms, of which the last 50 are silence that it sent
   1.00 s  caller   pressed 1
   1.00 s  agent    (no answer)
   2.00 s  caller   barges in: Wait. (1.00 s); the agent was silent after 100 ms
   2.50 s  agent    cleared 1.00 s of audio
   3.50 s  agent    4800 samples at 8000 (0.50 s); voice after 500 ms
`
	if got, _, _ := strings.Cut(b.String(), "call: "); got != want {
		t.Errorf("-want +got\n%s", cmp.Diff(want, got))
	}
	text, err := json.Marshal(r.Turns[0])
	if err != nil || !strings.Contains(string(text), `"voice_to_voice_ms":250.0`) {
		t.Errorf("JSON %s, %v", text, err)
	}
	var back Turn
	if err := json.Unmarshal(text, &back); err != nil || back != r.Turns[0] {
		t.Errorf("read back %+v, %v", back, err)
	}
}
