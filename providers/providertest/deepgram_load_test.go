package providertest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// dial opens a socket of a fake and drains it without allocating: heard gets a value whenever something came.
func dial(t *testing.T, address string) (conn net.Conn, heard chan struct{}) {
	t.Helper()
	c, _, err := websocket.DefaultDialer.DialContext(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, heard = c.NetConn(), make(chan struct{}, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		buf := make([]byte, 64<<10)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-drained
	})
	return conn, heard
}

// masked is a client's frame, with a key that changes nothing.
func masked(opcode byte, payload []byte) []byte {
	b := []byte{0x80 | opcode, 0x80 | 126}
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	return append(append(b, 0, 0, 0, 0), payload...)
}

// mallocs is how many objects this process allocates while f runs.
func mallocs(f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}

// until waits until a count has been reached.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !reached(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
		runtime.Gosched()
	}
}

// TestListeningDoesNotAllocate: what a message of sound costs a fake recogniser is gorilla's reader of it. It is not parallel: all of the
// process's allocations are counted.
func TestListeningDoesNotAllocate(t *testing.T) {
	for path, model := range map[string]string{"/v1/listen": "nova-3&interim_results=true&utterance_end_ms=1000", "/v2/listen": "flux-general-en"} {
		var found int
		d := &Deepgram{Hooks: DeepgramHooks{Heard: func(law []byte) { found += len(law) }}}
		base := StartDeepgram(t, d)
		conn, _ := dial(t, base+path+"?encoding=mulaw&sample_rate=8000&model="+model)
		frame := masked(websocket.BinaryMessage, bytes.Repeat([]byte{0xFF}, 640))
		sent := int64(0)
		send := func(n int64) {
			for range n {
				if _, err := conn.Write(frame); err != nil {
					t.Fatal(err)
				}
			}
			sent += n
			until(t, path, func() bool { return d.Counts().Audio.Load() == sent })
		}
		send(500)
		const n = 5000
		if each := mallocs(func() { send(n) }) / n; each > 1.1 {
			t.Errorf("%s: %.2f allocations a message, want gorilla's 1", path, each)
		}
		if found != int(sent)*640 {
			t.Errorf("%s: the hook was given %d bytes, want %d", path, found, sent*640)
		}
	}
}

// TestSpeakingDoesNotAllocate is not parallel either.
func TestSpeakingDoesNotAllocate(t *testing.T) {
	for name, pace := range map[string]float64{"at once": 0, "paced": 200} {
		late := 0
		d := &Deepgram{Pace: pace, Hooks: DeepgramHooks{Paced: func(d time.Duration) {
			if d < 0 {
				late++ // that would be early
			}
		}}}
		conn, _ := dial(t, StartDeepgram(t, d)+"/v1/speak?encoding=mulaw&sample_rate=8000&model=aura-2-thalia-en")
		text, err := json.Marshal(map[string]string{"type": "Speak", "text": strings.Repeat("words ", 300)})
		if err != nil {
			t.Fatal(err)
		}
		flush := masked(websocket.TextMessage, []byte(`{"type":"Flush"}`+strings.Repeat(" ", 120)))
		utterance := append(masked(websocket.TextMessage, text), flush...)
		said := int64(0)
		speak := func() {
			if _, err := conn.Write(utterance); err != nil {
				t.Fatal(err)
			}
			said++
			pieces := said * int64((TonesLength(strings.Repeat("words ", 300))+voicePiece-1)/voicePiece)
			until(t, name, func() bool { return d.Counts().Voiced.Load() == pieces })
		}
		speak() // it is made here
		if n := mallocs(speak); n > 200 {
			t.Errorf("%s: %v allocations for %d messages, want next to none", name, n, d.Counts().Voiced.Load()/2)
		}
		if late > 0 {
			t.Errorf("%s: %d messages came early", name, late)
		}
	}
}

// TestThinkingDoesNotDeafen: while an answer takes its time, what is said meanwhile is heard, and no answer overtakes another.
func TestThinkingDoesNotDeafen(t *testing.T) {
	t.Parallel()
	delays := make(chan time.Duration, 2)
	delays <- 200 * time.Millisecond
	delays <- 0
	d := &Deepgram{Transcripts: []string{"One.", "Two."}, Hooks: DeepgramHooks{Delay: func() time.Duration { return <-delays }}}
	c, _, err := websocket.DefaultDialer.DialContext(t.Context(), StartDeepgram(t, d)+"/v1/listen?encoding=linear16&sample_rate=8000&model=nova-3", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	began := time.Now()
	for range 2 {
		if err := c.WriteMessage(websocket.BinaryMessage, wired(Tones("hm", 8000), 2)); err != nil {
			t.Fatal(err)
		}
		if err := c.WriteMessage(websocket.TextMessage, []byte(`{"type":"Finalize"}`)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "both questions", func() bool { return d.Counts().Finalizes.Load() == 2 })
	if took := time.Since(began); took > 150*time.Millisecond {
		t.Logf("the machine is slow: both were read after %v", took)
	}
	for _, want := range []string{"One.", "Two."} {
		var m struct {
			Channel struct {
				Alternatives []struct{ Transcript string }
			}
		}
		_, r, err := c.NextReader()
		if err == nil {
			err = json.NewDecoder(r).Decode(&m)
		}
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if got := m.Channel.Alternatives[0].Transcript; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("the first answer came after %v, want 200ms", took)
	}
}

// TestFluxRefuses: what listen v2 does not know is refused, as is Flux at listen v1.
func TestFluxRefuses(t *testing.T) {
	t.Parallel()
	base := StartDeepgram(t, &Deepgram{})
	for query, ok := range map[string]bool{
		"/v2/listen?encoding=mulaw&sample_rate=8000&model=flux-general-en&eager_eot_threshold=0.5&eot_threshold=0.7&eot_timeout_ms=500": true,
		"/v2/listen?encoding=mulaw&sample_rate=8000&model=flux-general-multi&language_hint=de":                                          true,
		"/v2/listen?encoding=mulaw&sample_rate=8000&model=flux-general-en&language_hint=de":                                             false,
		"/v2/listen?encoding=mulaw&sample_rate=8000&model=flux-general-en&interim_results=true":                                         false,
		"/v2/listen?encoding=mulaw&sample_rate=8000&model=flux-general-en&eot_threshold=0.4":                                            false,
		"/v2/listen?encoding=mulaw&sample_rate=8000&model=flux-general-en&eot_timeout_ms=soon":                                          false,
		"/v2/listen?encoding=mulaw&sample_rate=8000&model=nova-3":                                                                       false,
		"/v1/listen?encoding=mulaw&sample_rate=8000&model=flux-general-en":                                                              false,
	} {
		c, answer, err := websocket.DefaultDialer.DialContext(t.Context(), base+query, nil)
		if (err == nil) != ok {
			t.Errorf("%s: got %v", query, err)
		}
		if err == nil {
			_ = c.Close()
		} else if answer == nil || answer.StatusCode != 400 {
			t.Errorf("%s: got %v, want 400", query, answer)
		}
	}
}

// TestBegins: the hook is given the first message of what is heard at once, and of nothing that queues behind it.
func TestBegins(t *testing.T) {
	t.Parallel()
	for name, pace := range map[string]float64{"at once": 0, "in real time": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := make(chan int, 10)
			d := &Deepgram{Pace: pace, FirstAudio: 300 * time.Millisecond, Hooks: DeepgramHooks{Begins: func(law []byte) {
				law[0] = 0x7F
				began <- len(law)
			}}}
			c, _, err := websocket.DefaultDialer.DialContext(t.Context(), StartDeepgram(t, d)+"/v1/speak?encoding=mulaw&sample_rate=8000&model=aura-2-thalia-en", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			first := true
			hear := func(kind string) {
				for {
					opcode, message, err := c.ReadMessage()
					if err != nil {
						t.Fatal(err)
					}
					if opcode == websocket.BinaryMessage && first {
						if first = false; message[0] != 0x7F {
							t.Error("what the hook wrote was not sent")
						}
					}
					if opcode == websocket.TextMessage && strings.Contains(string(message), kind) {
						return
					}
				}
			}
			tell := func(messages ...string) {
				for _, m := range messages {
					if err := c.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
						t.Fatal(err)
					}
				}
			}
			const speak, flush = `{"type":"Speak","text":"ab"}`, `{"type":"Flush"}`
			tell(speak, flush, speak, flush)
			hear("Flushed")
			hear("Flushed")
			tell(`{"type":"Clear"}`)
			hear("Cleared")
			tell(speak, flush)
			hear("Flushed")
			if got := len(began); got != 2 {
				t.Errorf("%d sounds began, want 2: of the first breath, and after Clear", got)
			}
			if n := <-began; n != 800 {
				t.Errorf("the first message has %d bytes, want 800", n)
			}
		})
	}
}
