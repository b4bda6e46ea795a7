package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/wav"
	"parley/pipeline"
	"parley/providers/relay"
)

// long is more than anything here takes on a busy machine.
const long = time.Minute

// An app is the other end of sessions, on a real socket: the test says what it says.
type app struct {
	t     *testing.T
	url   string
	lines chan *websocket.Conn // sockets that were opened
	heard chan string          // what was said, as JSON
	conn  *websocket.Conn
	want  http.Header
	code  int // with which handshakes are refused; 0: they are not
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{t: t, lines: make(chan *websocket.Conn, 8), heard: make(chan string, 256)}
	mux := http.NewServeMux()
	mux.HandleFunc("/relay", func(w http.ResponseWriter, r *http.Request) {
		a.want = r.Header
		if a.code != 0 {
			w.WriteHeader(a.code)
			return
		}
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		a.lines <- conn
		for {
			_, text, err := conn.ReadMessage()
			if err != nil {
				a.heard <- "gone"
				return
			}
			a.heard <- string(text)
		}
	})
	mux.HandleFunc("/tone.wav", func(w http.ResponseWriter, _ *http.Request) {
		_ = wav.Encode(w, wav.Sound{PCM: make([]int16, 16000), Rate: 16000, Channels: 2})
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/private", http.StatusFound) })
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	a.url = s.URL
	return a
}

// answered waits for a socket, and for the setup on it.
func (a *app) answered() string {
	a.t.Helper()
	select {
	case a.conn = <-a.lines:
	case <-time.After(long):
		a.t.Fatal("nobody dials")
	}
	return a.hears()
}

// hears is the next message.
func (a *app) hears() string {
	a.t.Helper()
	select {
	case m := <-a.heard:
		return m
	case <-time.After(long):
		a.t.Fatal("the app hears nothing")
		return ""
	}
}

func (a *app) says(messages ...string) {
	a.t.Helper()
	for _, m := range messages {
		if err := a.conn.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			a.t.Fatal(err)
		}
	}
}

// A call is what a session is part of: it notes its commands.
type call struct {
	*relay.Session
	orders chan pipeline.Command
}

// open has a session with the app, for a call that has begun.
func (a *app) open(o relay.Options) *call {
	a.t.Helper()
	c := &call{orders: make(chan pipeline.Command, 64)}
	o.URL, o.ID, o.Org = "ws"+strings.TrimPrefix(a.url, "http")+"/relay", "0199c0de-0000-7000-8000-00000000000a", "org"
	o.Call = pipeline.Talk{Info: media.Info{Kind: "twilio", ID: "CA1", From: "+15550100", To: "+15550101", Rate: 8000}, Agent: &pipeline.Agent{Lang: "en-US"}}
	o.Keys, o.Sounds = true, relay.Sounds{Transport: http.DefaultTransport, Check: func(target string) error {
		if strings.Contains(target, "/private") {
			return errors.New("is a private address")
		}
		return nil
	}}
	o.Do = func(_ context.Context, cmd pipeline.Command) error { c.orders <- cmd; return nil }
	c.Session = relay.New(o)
	a.t.Cleanup(func() { _ = c.Close() })
	c.Watch(pipeline.Event{Kind: pipeline.CallStarted})
	return c
}

// ordered is the next command.
func (c *call) ordered(t *testing.T) pipeline.Command {
	t.Helper()
	select {
	case cmd := <-c.orders:
		return cmd
	case <-time.After(long):
		t.Fatal("no command comes")
		return pipeline.Command{}
	}
}

// asked is an answer while it is made: its pieces, one a line.
type asked struct {
	t      *testing.T
	pieces chan string
	cancel context.CancelCauseFunc
}

func (c *call) ask(t *testing.T, talk pipeline.Talk) *asked {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	a := &asked{t, make(chan string, 256), cancel}
	go func() {
		defer close(a.pieces)
		for d, err := range c.Respond(ctx, talk) {
			a.pieces <- show(d, err)
		}
	}()
	return a
}

func show(d pipeline.Delta, err error) string {
	switch {
	case err != nil:
		return "error: " + err.Error()
	case d.Expect != nil:
		return fmt.Sprintf("expect protected=%v keysWait=%v", d.Expect.Protected, d.Expect.KeysWait)
	case d.Aloud != nil:
		return fmt.Sprintf("sound %d", len(d.Aloud.PCM))
	case d.Do != nil:
		return "do " + string(d.Do.Kind) + " " + d.Do.Keys
	}
	return d.Text
}

// next is the next piece of it.
func (a *asked) next() string {
	a.t.Helper()
	select {
	case p, ok := <-a.pieces:
		if !ok {
			return "over"
		}
		return p
	case <-time.After(long):
		a.t.Fatal("no answer comes")
		return ""
	}
}

// whole is what there is of it until it is over.
func (a *asked) whole() (all []string) {
	a.t.Helper()
	for {
		p := a.next()
		if p == "over" {
			return all
		}
		all = append(all, p)
	}
}

func says(turn int, text string) pipeline.Talk {
	return pipeline.Talk{Turn: turn, Why: pipeline.ForWords, Text: text, History: []pipeline.Message{{Role: pipeline.Caller, Text: text, Turn: turn}}}
}

const anyway = "expect protected=false keysWait=false"

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func prompt(text string) string {
	return `{"type":"prompt","voicePrompt":"` + text + `","lang":"en-US","last":true}`
}

// TestSetup: the app is told whom the call is with, by a handshake that is signed.
func TestSetup(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{Header: http.Header{"X-Twilio-Signature": {"signed"}}, Parameters: map[string]string{"plan": "gold"}})
	same(t, "setup", a.answered(), `{"type":"setup","sessionId":"VX0199c0de00007000800000000000000a","accountSid":"org","parentCallSid":"","callSid":"CA1","from":"+15550100","to":"+15550101",`+
		`"forwardedFrom":"","callType":"PSTN","callerName":"","direction":"inbound","callStatus":"in-progress","parleyCallId":"0199c0de-0000-7000-8000-00000000000a","customParameters":{"plan":"gold"}}`)
	if got := a.want.Get("X-Twilio-Signature"); got != "signed" {
		t.Errorf("the handshake has %q", got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	same(t, "after the call", a.hears(), "gone")
}

// TestConversation: words are told, and answered by tokens as they come; what came too late is dropped when the caller interrupts.
func TestConversation(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{})
	a.answered()
	answer := c.ask(t, says(2, "What are your hours?"))
	same(t, "the app hears", a.hears(), prompt("What are your hours?"))
	a.says(`{"type":"text","token":"We are ","last":false}`)
	same(t, "first", []string{answer.next(), answer.next()}, []string{anyway, "We are "})
	a.says(`{"type":"text","token":"open ","last":false}`)
	same(t, "then", answer.next(), "open ")
	answer.cancel(pipeline.ErrBargeIn)
	answer.whole()
	c.Watch(pipeline.Event{Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{N: 2, Text: "We are open", Heard: "We are", Sounded: 460 * time.Millisecond, Cut: true}})
	same(t, "the app hears", a.hears(), `{"type":"interrupt","utteranceUntilInterrupt":"We are","durationUntilInterruptMs":460}`)
	a.says(`{"type":"text","token":"from nine ","last":false}`, `{"type":"nothing"}`)
	if got := a.hears(); !strings.Contains(got, `there is no \"nothing\"`) { // so what came before it has been dropped
		t.Errorf("the app hears %s", got)
	}
	answer = c.ask(t, says(3, "And on Sunday?"))
	same(t, "the app hears", a.hears(), prompt("And on Sunday?"))
	a.says(`{"type":"text","token":"Never.","last":true,"interruptible":"none"}`)
	same(t, "the answer", answer.whole(), []string{"expect protected=true keysWait=true", "Never."})
}

// TestTakenBack: what the caller has gone on with is told without what was told before.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{})
	a.answered()
	answer := c.ask(t, says(2, "I would like"))
	a.hears()
	answer.cancel(pipeline.ErrBargeIn)
	answer.whole()
	c.Watch(pipeline.Event{Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{N: 2, Cut: true}}) // nothing was said of it: there is no interruption
	answer = c.ask(t, says(3, "I would like a table."))
	same(t, "the app hears", a.hears(), prompt("a table."))
	a.says(`{"type":"text","token":"","last":true}`)
	same(t, "an app that stays silent", answer.whole(), []string{anyway})
}

// TestKeys: the app is told of each key, and answers it or not; it may press keys itself.
func TestKeys(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{Interruptible: "speech"})
	a.answered()
	c.Watch(pipeline.Event{Kind: pipeline.KeyPressed, Text: "1"})
	same(t, "the app hears", a.hears(), `{"type":"dtmf","digit":"1"}`)
	answer := c.ask(t, pipeline.Talk{Turn: 2, Why: pipeline.ForKeys, Keys: "1"})
	a.says(`{"type":"sendDigits","digits":"12#"}`)
	same(t, "the answer", answer.whole(), []string{"expect protected=false keysWait=true", "do press 12#"})
	same(t, "no answer", c.ask(t, pipeline.Talk{Turn: 3, Why: pipeline.ForKeys, Keys: "2"}).whole(), []string{"expect protected=false keysWait=true"})
	same(t, "silence", c.ask(t, pipeline.Talk{Turn: 4, Why: pipeline.ForSilence}).whole(), []string{"expect protected=false keysWait=true"})
	c.Watch(pipeline.Event{Kind: pipeline.KeyPressed, Text: pipeline.MaskedSlot}) // a secret is nobody's
	c.Watch(pipeline.Event{Kind: pipeline.KeyPressed, Text: "3"})
	same(t, "the app hears", a.hears(), `{"type":"dtmf","digit":"3"}`)
}

// TestOwnAccord: what the app says while nobody asks has the call ask; what makes way for it is cut.
func TestOwnAccord(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{Preemptible: true})
	a.answered()
	a.says(`{"type":"text","token":"One moment.","last":true}`)
	same(t, "the call", c.ordered(t), pipeline.Command{Kind: pipeline.Ask})
	same(t, "it is said", c.ask(t, pipeline.Talk{Turn: 2, Why: pipeline.ForCommand}).whole(), []string{anyway, "One moment."})
	a.says(`{"type":"text","token":"Here it is.","last":true}`)
	same(t, "the call", c.ordered(t), pipeline.Command{Kind: pipeline.Ask, Now: true})
	c.Watch(pipeline.Event{Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{N: 2, Text: "One moment.", Heard: "One", Sounded: time.Second, Cut: true}})
	same(t, "it is said", c.ask(t, pipeline.Talk{Turn: 3, Why: pipeline.ForCommand}).whole(), []string{anyway, "Here it is."})
	same(t, "no more", c.ask(t, pipeline.Talk{Turn: 4, Why: pipeline.ForCommand}).whole(), []string{anyway})
}

// TestPlay: sounds are fetched, and repeated; what cannot be played is said.
func TestPlay(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{})
	a.answered()
	answer := c.ask(t, says(2, "Play"))
	a.hears()
	a.says(`{"type":"play","source":"` + a.url + `/tone.wav","loop":2,"interruptible":false}`)
	var samples int
	for _, p := range answer.whole() {
		var n int
		if _, err := fmt.Sscanf(p, "sound %d", &n); err == nil {
			samples += n
		}
	}
	if samples < 7900 || samples > 8100 { // twice half a second of 8 kHz
		t.Errorf("%d samples are played", samples)
	}
	for source, want := range map[string]string{"/private": "is a private address", "/away": "is a private address", "/page": "is neither WAV nor Ogg Opus", "/none": "the server answers 404"} {
		answer := c.ask(t, says(3, "Play"))
		a.hears()
		a.says(`{"type":"play","source":"` + a.url + source + `"}`)
		var told struct{ Type, Description string }
		if err := json.Unmarshal([]byte(a.hears()), &told); err != nil || told.Type != "error" || !strings.Contains(told.Description, "play: source: ") || !strings.Contains(told.Description, want) {
			t.Errorf("%s: %+v, %v", source, told, err)
		}
		a.says(`{"type":"text","token":"Never mind.","last":true}`)
		same(t, "the answer", answer.whole(), []string{anyway, "Never mind."})
	}
}

// TestEnd: what the app hands over is noted, and the call ends, or another agent takes over; also when the app hangs up in good order.
func TestEnd(t *testing.T) {
	t.Parallel()
	t.Run("end", func(t *testing.T) {
		t.Parallel()
		a := newApp(t)
		c := a.open(relay.Options{})
		a.answered()
		answer := c.ask(t, says(2, "Bye"))
		a.hears()
		a.says(`{"type":"text","token":"Goodbye.","last":true}`, `{"type":"end","handoffData":"{\"why\":\"done\"}"}`)
		if got := answer.whole(); len(got) != 2 || got[1] != "Goodbye." {
			t.Errorf("the answer was %q", got)
		}
		first := c.ordered(t)
		if first.Kind == pipeline.Ask { // the end came when the answer was over already
			c.ask(t, pipeline.Talk{Turn: 3, Why: pipeline.ForCommand}).whole()
			first = c.ordered(t)
		}
		same(t, "the call", first, pipeline.Command{Kind: pipeline.Collect, Slots: map[string]string{"handoff_data": `{"why":"done"}`}})
		same(t, "the call", c.ordered(t), pipeline.Command{Kind: pipeline.HangUp})
		same(t, "the app", a.hears(), "gone")
		same(t, "nobody is asked", c.ask(t, says(4, "Hello?")).whole(), []string{anyway})
	})
	t.Run("the app hangs up", func(t *testing.T) {
		t.Parallel()
		a := newApp(t)
		c := a.open(relay.Options{HandOver: "Front desk"})
		a.answered()
		if err := a.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "done")); err != nil {
			t.Fatal(err)
		}
		same(t, "the call", c.ordered(t), pipeline.Command{Kind: pipeline.Change, Agent: "Front desk", Ask: true})
		c.Watch(pipeline.Event{Kind: pipeline.CommandFailed, Text: string(pipeline.Change)})
		same(t, "there is nobody", c.ordered(t), pipeline.Command{Kind: pipeline.HangUp})
	})
}

// TestReconnection: a socket that breaks is opened again, and the app is told once more what it has not answered.
func TestReconnection(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{})
	first := a.answered()
	answer := c.ask(t, says(2, "Hello?"))
	a.hears()
	if err := a.conn.NetConn().Close(); err != nil {
		t.Fatal(err)
	}
	same(t, "the app hears", a.hears(), "gone")
	same(t, "setup", a.answered(), first)
	same(t, "the app hears", a.hears(), prompt("Hello?"))
	a.says(`{"type":"text","token":"Here.","last":true}`)
	same(t, "the answer", answer.whole(), []string{anyway, "Here."})
}

// TestRefused: an app that lets nobody in is not asked again, and the call is told.
func TestRefused(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.code = http.StatusForbidden
	c := a.open(relay.Options{})
	answer := c.ask(t, says(2, "Hello?"))
	if got := answer.whole(); len(got) != 1 || !strings.Contains(got[0], "error: the app cannot be reached") || !strings.Contains(got[0], "403") {
		t.Errorf("the answer was %q", got)
	}
}

// TestGreet: the agent's greeting is said without the app, and is as interruptible as it is set.
func TestGreet(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{Welcome: "dtmf"})
	var got []string
	for d, err := range pipeline.Greeting("Welcome.", c.Session).Respond(t.Context(), pipeline.Talk{Turn: 1, Why: pipeline.ForGreeting}) {
		got = append(got, show(d, err))
	}
	same(t, "the greeting", got, []string{"expect protected=true keysWait=false", "Welcome."})
}

// voices notes how it is asked to speak.
type voices struct {
	mu  sync.Mutex
	how []pipeline.Voice
}

// TestTongues: the app changes the language, for a message or from then on; what is not among the agent's is refused by name.
func TestTongues(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.open(relay.Options{Tongues: []relay.Tongue{{Lang: "en-US"}, {Lang: "es-ES", Voice: "Lucia"}}})
	a.answered()
	v := &voices{}
	spoken := func(turn int, messages ...string) (how pipeline.Voice, text string) {
		t.Helper()
		answer := c.ask(t, says(turn, "Go on"))
		a.hears()
		a.says(messages...)
		for s, err := range c.Speaks(v).Speak(t.Context(), func(yield func(string, error) bool) {
			for _, p := range answer.whole() {
				if !strings.HasPrefix(p, "expect") && !yield(p, nil) {
					return
				}
			}
		}, pipeline.Voice{Name: "Ann", Lang: "en-US"}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range s.Words {
				text += w.Text
			}
		}
		return v.how[len(v.how)-1], text
	}
	if how, text := spoken(2, `{"type":"text","token":"Hello.","last":true}`); how.Lang != "en-US" || how.Name != "Ann" || text != "Hello." {
		t.Errorf("%q by %+v", text, how)
	}
	if how, text := spoken(3, `{"type":"language","ttsLanguage":"es-ES"}`, `{"type":"text","token":"Hola, ","last":false}`, `{"type":"text","token":"Ana.","last":true}`); how.Lang != "es-ES" || how.Name != "Lucia" || text != "Hola, Ana." {
		t.Errorf("%q by %+v", text, how)
	}
	if how, _ := spoken(4, `{"type":"text","token":"Hello.","last":true,"lang":"en-US"}`); how.Lang != "en-US" {
		t.Errorf("it speaks as %+v", how)
	}
	a.says(`{"type":"language","ttsLanguage":"fr-FR"}`, `{"type":"language","transcriptionLanguage":"es-ES"}`, `{"type":"text","token":"Bonjour","lang":"fr-FR"}`)
	for _, want := range []string{"language: ttsLanguage: fr-FR", "language: transcriptionLanguage: is es-ES", "text: lang: fr-FR"} {
		if got := a.hears(); !strings.Contains(got, want) {
			t.Errorf("the app hears %s, want %s", got, want)
		}
	}
}

// Speak implements pipeline.Synthesizer.
func (v *voices) Speak(_ context.Context, text iter.Seq2[string, error], how pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		v.mu.Lock()
		v.how = append(v.how, how)
		v.mu.Unlock()
		for t, err := range text {
			if !yield(pipeline.Speech{Words: []pipeline.Word{{Text: t}}}, err) {
				return
			}
		}
	}
}
