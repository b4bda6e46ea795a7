package floor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"parley/media/g711"
	"parley/providers/providertest"
)

const (
	testGreeting = "Hi there."
	testAnswer   = "I see."
)

// spokenLaw is what the fake voice makes of a text.
func spokenLaw(text string) []byte {
	pcm := providertest.Tones(text, 8000)
	law := make([]byte, len(pcm))
	g711.Ulaw.Encode(law, pcm)
	return law
}

// TestWholeCalls holds a conversation with every server of whole calls, by way of the vendors' fakes of both kinds: webhook, greeting, two
// turns of the caller's, each answered. Every sample of the voice comes through, in whole frames and no faster than it sounds.
func TestWholeCalls(t *testing.T) {
	t.Parallel()
	const hangover = 200 * time.Millisecond
	for _, model := range []string{"nova-3", "flux-general-en"} {
		vendor := &providertest.Deepgram{Key: "secret", Transcripts: []string{"Hello?", "And now?"}, Hangover: hangover}
		talk := Deepgram(providertest.StartDeepgram(t, vendor), model, hangover)
		talk.Key, talk.Greeting, talk.Answer = "secret", testGreeting, testAnswer
		for name, message := range map[string]int{"own-whole": 160, "own-whole-ahead": 800, "usual-whole": 160} {
			t.Run(name+" "+model, func(t *testing.T) {
				t.Parallel()
				s := begin(t, Options{Name: name, Conversation: talk})
				p := dialPhone(t, s.addresses[0], message)
				p.hear(testGreeting)
				p.say()
				p.hear(testAnswer)
				p.say()
				p.hear(testAnswer)
				p.conn.Close()
				s.end(t)
				got := []int64{s.Calls.Load(), s.Turns.Load(), s.In.Load(), s.Out.Load(), s.Bad.Load()}
				if diff := cmp.Diff([]int64{1, 3, p.said, p.heard, 0}, got); diff != "" {
					t.Errorf("calls, turns, in, out, bad: -want +got\n%s", diff)
				}
			})
		}
		t.Cleanup(func() { // after the servers: each call has let go of its sockets
			if n := vendor.Counts().Listens.Load(); n != 3 {
				t.Errorf("%s: %d sockets to the recogniser for 3 calls", model, n)
			}
		})
	}
}

// A begun is a program that runs in this process.
type begun struct {
	*Stats
	addresses []string
	cancel    context.CancelFunc
	served    chan error
}

// begin runs a program.
func begin(t *testing.T, o Options) *begun {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s, listens := &begun{cancel: cancel, served: make(chan error, 1)}, make(chan struct{})
	go func() {
		s.served <- Run(ctx, o, func(addresses []string, stats *Stats) {
			s.addresses, s.Stats = addresses, stats
			close(listens)
		})
	}()
	select {
	case <-listens:
	case err := <-s.served:
		t.Fatalf("%s did not begin: %v", o.Name, err)
	}
	return s
}

// end ends it.
func (s *begun) end(t *testing.T) {
	t.Helper()
	s.cancel()
	if err := <-s.served; err != nil {
		t.Error(err)
	}
}

// A phone is the carrier's side of a call.
type phone struct {
	t           *testing.T
	conn        *websocket.Conn
	message     int       // bytes of sound in a full message
	since       time.Time // nothing of what is heard next was said before
	said, heard int64
}

// dialPhone asks the webhook, and opens the stream that it names.
func dialPhone(t *testing.T, address string, message int) *phone {
	t.Helper()
	answer, err := http.PostForm("http://"+address+"/twilio/voice", url.Values{"CallSid": {"CA1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Stream struct {
			URL string `xml:"url,attr"`
		} `xml:"Connect>Stream"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	conn, _, err := websocket.DefaultDialer.Dial(doc.Stream.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); http.DefaultClient.CloseIdleConnections() })
	since := time.Now()
	conn.WriteMessage(websocket.TextMessage, []byte(`{"event":"connected","protocol":"Call","version":"1.0.0"}`))
	conn.WriteMessage(websocket.TextMessage, []byte(startText))
	return &phone{t: t, conn: conn, message: message, since: since}
}

// say speaks for 400 ms and is silent for as long, all at once: the recogniser goes by the sound and not by the clock.
func (p *phone) say() {
	p.since = time.Now()
	for i := range 40 {
		law := bytes.Repeat([]byte{0xFF}, frameBytes)
		if i < 20 {
			law = speech()[:frameBytes]
		}
		p.conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, mediaText, base64.StdEncoding.EncodeToString(law)))
		p.said++
	}
}

// hear takes messages until a text has been spoken whole.
func (p *phone) hear(text string) {
	p.t.Helper()
	want := spokenLaw(text)
	var got []byte
	for len(got) < len(want) {
		var m message
		p.conn.SetReadDeadline(time.Now().Add(time.Minute))
		if err := p.conn.ReadJSON(&m); err != nil {
			p.t.Fatalf("%q, after %d of %d samples: %v", text, len(got), len(want), err)
		}
		law, err := base64.StdEncoding.DecodeString(m.Media.Payload)
		if err != nil || m.Event != "media" || m.StreamSid != "MZ1" {
			p.t.Fatalf("%q: message %+v, %v", text, m, err)
		}
		if left := len(want) - len(got); len(law) != min(p.message, left) {
			p.t.Fatalf("%q: a message of %d bytes, want %d", text, len(law), min(p.message, left))
		}
		got = append(got, law...)
		p.heard += int64(len(law) / frameBytes)
	}
	ahead := time.Duration(2*p.message) * time.Second / 8000 // at most
	if took, sounds := time.Since(p.since), time.Duration(len(got))*time.Second/8000; took < sounds-ahead-2*time.Millisecond {
		p.t.Errorf("%q took %v and sounds for %v: faster than real time", text, took, sounds)
	}
	if !bytes.Equal(got, want) {
		p.t.Fatalf("%q came back changed", text)
	}
}

func TestConversation(t *testing.T) {
	t.Parallel()
	c := Deepgram("ws://127.0.0.1:9000/", "flux-general-en", 0)
	if want := "ws://127.0.0.1:9000/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000"; c.Listen != want {
		t.Errorf("got %s, want %s", c.Listen, want)
	}
	if _, err := (Conversation{Listen: "ws://127.0.0.1:9000/v1/listen", Speak: "https://example.com"}).withDefaults(); err == nil || !strings.Contains(err.Error(), "Speak is") {
		t.Errorf("a URL that cannot be: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&OwnWhole{}).Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), "Listen is") {
		t.Errorf("a server without vendors: %v", err)
	}
	for text, want := range map[string]bool{
		`{"type":"Results","speech_final":true,"channel":{"alternatives":[{"transcript":"Hello."}]}}`:                        true,
		`{"type":"Results","speech_final":false,"from_finalize":true,"channel":{"alternatives":[{"transcript":"Hello."}]}}`:  true,
		`{"type":"Results","speech_final":false,"from_finalize":false,"channel":{"alternatives":[{"transcript":"Hello."}]}}`: false,
		`{"type":"Results","speech_final":true,"channel":{"alternatives":[{"transcript":""}]}}`:                              false,
		`{"type":"TurnInfo","event":"EndOfTurn","turn_index":0,"transcript":"Hello."}`:                                       true,
		`{"type":"TurnInfo","event":"EagerEndOfTurn","turn_index":0,"transcript":"Hello."}`:                                  false,
		`{"type":"Metadata","channels":1}`: false,
	} {
		var r result
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if turnOver([]byte(text)) != want || r.over() != want {
			t.Errorf("%s: own %v, usual %v, want %v", text, turnOver([]byte(text)), r.over(), want)
		}
	}
}

// A vendor that hangs up ends the call, and one that is not there refuses it.
func TestVendorsGone(t *testing.T) {
	t.Parallel()
	for fault, want := range map[providertest.Fault]int64{providertest.CloseEarly: 1, providertest.Refuse: 0} {
		trouble := providertest.Trouble{Fault: fault}
		talk := Deepgram(providertest.StartDeepgram(t, &providertest.Deepgram{Listen: trouble}), "nova-3", time.Second)
		for _, name := range []string{"own-whole", "usual-whole"} {
			t.Run(name+" "+string(fault), func(t *testing.T) {
				t.Parallel()
				s := begin(t, Options{Name: name, Conversation: talk})
				p := dialPhone(t, s.addresses[0], frameBytes)
				p.say()
				p.conn.SetReadDeadline(time.Now().Add(time.Minute))
				for {
					if _, _, err := p.conn.ReadMessage(); err != nil {
						if e, ok := err.(net.Error); ok && e.Timeout() {
							t.Error("the call goes on without a recogniser")
						}
						break
					}
				}
				s.end(t)
				if got := s.Calls.Load(); got != want {
					t.Errorf("%d calls began, want %d", got, want)
				}
			})
		}
	}
}

// A sound is what a sink was sent, and when.
type sound struct {
	at    time.Duration
	bytes int // of mu-law
}

// A recorder is a carrier that notes what it gets.
type recorder struct {
	sink
	began  time.Time
	mu     sync.Mutex
	sounds []sound
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	law, err := base64.StdEncoding.DecodeString(string(value(b, payloadKey)))
	r.sounds = append(r.sounds, sound{time.Since(r.began), len(law)})
	return len(b), err
}

// TestRota plays a voice that makes 100 ms at a time, in virtual time: when every message leaves.
func TestRota(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	full := []int{0, 100, 200}
	for _, c := range []struct {
		name  string
		ahead bool
		comes []int // when 100 ms of voice come, in ms
		want  []sound
	}{
		{"20 ms when they are due", false, []int{0, 50}, []sound{
			{0, 160}, {20 * ms, 160}, {40 * ms, 160}, {60 * ms, 160}, {80 * ms, 160},
			{100 * ms, 160}, {120 * ms, 160}, {140 * ms, 160}, {160 * ms, 160}, {180 * ms, 160},
		}},
		{"100 ms ahead", true, []int{0, 0, 0}, []sound{{0, 800}, {ms, 800}, {100 * ms, 800}}},
		{"100 ms ahead of a voice in real time", true, full, []sound{{0, 800}, {100 * ms, 800}, {200 * ms, 800}}},
		{"a voice that ran dry goes on as soon as it can", false, []int{0, 130}, []sound{
			{0, 160}, {20 * ms, 160}, {40 * ms, 160}, {60 * ms, 160}, {80 * ms, 160},
			{130 * ms, 160}, {150 * ms, 160}, {170 * ms, 160}, {190 * ms, 160}, {210 * ms, 160},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := &OwnWhole{}
				o.rota.start = time.Now()
				ctx, cancel := context.WithCancel(t.Context())
				carrier := &recorder{began: time.Now()}
				k := newTestCall(o, carrier, c.ahead)
				var all sync.WaitGroup
				all.Go(func() { o.rota.run(ctx) })
				k.mouth.ask()
				for _, at := range c.comes {
					time.Sleep(time.Until(carrier.began.Add(time.Duration(at) * ms)))
					if _, begin := k.mouth.add(make([]byte, 800)); begin {
						k.first()
					}
				}
				time.Sleep(time.Second)
				cancel()
				all.Wait()
				if diff := cmp.Diff(c.want, carrier.sounds, cmp.AllowUnexported(sound{})); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

// newTestCall is a call whose greeting is asked of nobody.
func newTestCall(o *OwnWhole, carrier net.Conn, ahead bool) *call {
	k := &call{server: o, conn: carrier, mouth: newMouth(ahead)}
	k.prepare([]byte("MZ1"))
	k.listen = &line{conn: sink{}}
	return k
}

// TestMouth has a voice of odd pieces come faster than it is sent: nothing is lost or changed, and the end is filled up.
func TestMouth(t *testing.T) {
	t.Parallel()
	m := newMouth(false)
	m.ask()
	voice := make([]byte, 50_001)
	for i := range voice {
		voice[i] = byte(i * 7 >> 2)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for rest := voice; len(rest) > 0; {
			piece := rest[:min(len(rest), 777)]
			rest = rest[len(piece):]
			for len(piece) > 0 {
				piece, _ = m.add(piece)
			}
		}
		m.whole()
	})
	var got []byte
	var law [5 * frameBytes]byte
	for tick := int64(0); len(got) < len(voice); tick++ {
		if n, _ := m.take(law[:], tick); n > 0 {
			got = append(got, law[:n]...)
		} else {
			runtime.Gosched() // let the voice come
		}
	}
	all.Wait()
	fill := len(got) - len(voice)
	if len(got)%frameBytes != 0 || !bytes.Equal(got[:len(voice)], voice) || !bytes.Equal(got[len(voice):], bytes.Repeat([]byte{0xFF}, fill)) {
		t.Errorf("%d bytes of voice came as %d", len(voice), len(got))
	}
	m.close()
	if left, begin := m.add(make([]byte, 1<<20)); left != nil || begin {
		t.Error("a mouth that is shut takes more")
	}
}

func TestOwnWholeAllocatesNothing(t *testing.T) {
	k := newTestCall(&OwnWhole{}, sink{}, false)
	k.server.rota.start = time.Now().Add(time.Hour) // its time is the ticks'
	k.mouth.ask()
	in := masked(textFrame, fmt.Appendf(nil, mediaText, base64.StdEncoding.EncodeToString(speech()[:frameBytes])), 0x12345678)
	wire, chunk, tick := bytes.NewReader(nil), make([]byte, 800), int64(0)
	k.in.from = wire
	voice := bytes.NewReader(nil)
	k.speak = &line{conn: source{r: voice}, in: make([]byte, 2048)}
	spoken := append([]byte{binaryFrame, 126, 3, 32}, chunk...)
	if n := testing.AllocsPerRun(1000, func() { // 100 ms of a call
		for range 5 {
			wire.Reset(in)
			text, err := k.in.next()
			if err != nil {
				t.Fatal(err)
			}
			if err := k.hear(text); err != nil {
				t.Fatal(err)
			}
		}
		voice.Reset(spoken)
		_, b, err := k.speak.next()
		if err != nil || len(b) != 800 {
			t.Fatal(len(b), err)
		}
		if _, begin := k.mouth.add(b); begin {
			k.first()
		}
		for range 100 {
			k.server.rota.beat(tick)
			tick++
		}
	}); n != 0 {
		t.Errorf("%v allocations in 100 ms, want 0", n)
	}
	if k.server.Stats.Out.Load() < 4000 || k.server.Stats.In.Load() < 5000 {
		t.Errorf("in %d, out %d", k.server.Stats.In.Load(), k.server.Stats.Out.Load())
	}
}

// A source is a vendor that was recorded.
type source struct {
	sink
	r io.Reader
}

func (s source) Read(b []byte) (int, error) { return s.r.Read(b) }
