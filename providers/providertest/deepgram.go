package providertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/media/pace"
)

// A Deepgram is a stand-in for Deepgram's listen v1, listen v2 (Flux), speak v1 and speak v2 (Flux) over real sockets, for tests and load. It understands
// nothing: it answers each stretch of sound with the next of Transcripts, and it speaks in tones (see Tones). Its fields must not
// change while it runs. It may be shared by a thousand calls: audio is neither copied nor kept, what voices say is framed once, and one
// wheel keeps the time of all of them.
//
//	/v1/listen, /v2/listen ──▶ reader ──▶ stretch (energy) ──▶ post ──▶ results, turns
//	/v1/speak ──▶ reader ──▶ orders ──▶ voice ──▶ sound, beaten by the wheel
type Deepgram struct {
	Key         string        // wanted in the Authorization header; empty: any, or none
	Transcripts []string      // what each call's stretches of sound turn out to say, over and over; default DefaultTranscript
	Delay       time.Duration // between Finalize, or the end of a turn of Flux, and its answer
	Hangover    time.Duration // silence after which Flux takes a turn for over, and after half of which for likely so; default 300 ms
	Reticent    bool          // Flux never says that a turn is likely over (EagerEndOfTurn), whoever asks for it
	FirstAudio  time.Duration // between Flush and its first audio
	Pace        float64       // of the voice, as a multiple of real time; 0: all at once
	Piece       time.Duration // of audio in a message of the voice; default 100 ms
	Listen      Trouble
	Speak       Trouble
	Asked       func(path string, query url.Values) // told of each connection that was admitted, by any goroutine; nil: nobody is
	Hooks       DeepgramHooks

	counts  DeepgramCounts
	running handlers
	wheel   pace.Wheel
	sounds  sounds
}

// DeepgramHooks let a load test see and shape what a fake Deepgram does. Each may be nil, and is called by any goroutine.
type DeepgramHooks struct {
	Delay      func() time.Duration                // comes before Deepgram.Delay
	FirstAudio func() time.Duration                // comes before Deepgram.FirstAudio
	Voice      func(text string, rate int) []int16 // how text sounds, instead of as Tones; the last few hundred texts are remembered
	Heard      func(law []byte)                    // given each message of mu-law as it is read; lent
	// Begins is given the first message of mu-law of what will be heard at once: not of a Flush whose sound queues behind another's. It
	// may write into it, and the message is written when it returns.
	Begins     func(law []byte)
	Configured func(keyterms []string)  // told of each Configure of listen v2
	Paced      func(late time.Duration) // told of each message of a paced voice how long after its time it is written
}

// DefaultTranscript is what callers say where nothing else was scripted.
const DefaultTranscript = "I would like to book a table for two."

// DeepgramCounts is what a fake Deepgram has seen. They are read with Load at any time.
type DeepgramCounts struct {
	Listens, Speaks                       atomic.Int64 // handshakes that were answered with an upgrade
	Refused                               atomic.Int64
	Open                                  atomic.Int64 // sockets now
	Audio                                 atomic.Int64 // binary messages
	KeepAlives, Finalizes, CloseStreams   atomic.Int64
	Turns, Forced                         atomic.Int64 // EndOfTurn, and ForceEndTurn
	Texts, Flushes, Clears, Closes        atomic.Int64
	Utterances                            atomic.Int64 // Flushes of text
	Voiced                                atomic.Int64 // binary messages of voices
	listenStrikes, speakStrikes, requests atomic.Int64
}

// Counts is what it has seen so far.
func (d *Deepgram) Counts() *DeepgramCounts { return &d.counts }

// StartDeepgram runs d on a loopback port until the test ends, and returns its base URL.
func StartDeepgram(t testing.TB, d *Deepgram) (baseURL string) {
	t.Helper()
	var local net.ListenConfig
	ln, err := local.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run fake Deepgram: %v", err)
		}
	})
	return "ws://" + ln.Addr().String()
}

// Run serves on ln until ctx ends, then closes every socket and waits for their goroutines.
func (d *Deepgram) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/listen", func(w http.ResponseWriter, r *http.Request) {
		d.serve(ctx, w, r, d.Listen, &d.counts.listenStrikes, &d.counts.Listens, d.listen)
	})
	mux.HandleFunc("GET /v2/listen", func(w http.ResponseWriter, r *http.Request) {
		d.serve(ctx, w, r, d.Listen, &d.counts.listenStrikes, &d.counts.Listens, d.flux)
	})
	mux.HandleFunc("GET /v1/speak", func(w http.ResponseWriter, r *http.Request) {
		d.serve(ctx, w, r, d.Speak, &d.counts.speakStrikes, &d.counts.Speaks, d.speak)
	})
	mux.HandleFunc("GET /v2/speak", func(w http.ResponseWriter, r *http.Request) {
		d.serve(ctx, w, r, d.Speak, &d.counts.speakStrikes, &d.counts.Speaks, d.speakTurns)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	turning, stopTurning := context.WithCancel(context.WithoutCancel(ctx))
	turned := make(chan error, 1)
	go func() { turned <- d.wheel.Run(turning) }()
	err := server.Serve(ln)
	stopped()
	d.running.end()
	stopTurning()
	if werr := <-turned; werr != nil {
		return fmt.Errorf("turn the wheel: %w", werr)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// serve takes one connection through its handshake and then hands it to talk.
func (d *Deepgram) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, trouble Trouble,
	strikes, upgrades *atomic.Int64, talk func(context.Context, *deepgramSocket)) {
	if !d.running.begin() {
		return
	}
	defer d.running.done()
	if n := strikes.Add(1); trouble.Times > 0 && n > int64(trouble.Times) {
		trouble = Trouble{}
	}
	s := &deepgramSocket{trouble: trouble, request: "fake-" + strconv.FormatInt(d.counts.requests.Add(1), 10)}
	status, code, message := d.admit(r, s)
	if status != 0 {
		d.counts.Refused.Add(1)
		w.Header().Set("Dg-Request-Id", s.request)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"err_code":%q,"err_msg":%q,"request_id":%q}`, code, message, s.request)
		return
	}
	if d.Asked != nil {
		d.Asked(r.URL.Path, r.URL.Query())
	}
	if trouble.Fault == Mute {
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
		return
	}
	upgrader := websocket.Upgrader{ReadBufferSize: 2048, WriteBufferSize: 2048}
	conn, err := upgrader.Upgrade(w, r, http.Header{"Dg-Request-Id": {s.request}})
	if err != nil {
		return // the upgrader has answered
	}
	upgrades.Add(1)
	d.counts.Open.Add(1)
	defer d.counts.Open.Add(-1)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	s.Conn = conn
	s.post.write, s.post.fail = s.write, func() { _ = conn.Close() }
	defer s.post.end()
	if trouble.Fault == Deaf {
		<-ctx.Done()
		return
	}
	talk(ctx, s)
}

// admit checks the key and the parameters that matter, and says how to refuse.
func (d *Deepgram) admit(r *http.Request, s *deepgramSocket) (status int, code, message string) {
	if s.trouble.Fault == Refuse {
		status := s.trouble.Status
		if status == 0 {
			status = http.StatusUnauthorized
		}
		return status, "FAKE_TROUBLE", http.StatusText(status)
	}
	if d.Key != "" && r.Header.Get("Authorization") != "Token "+d.Key {
		return http.StatusUnauthorized, "INVALID_AUTH", "Invalid credentials."
	}
	q := r.URL.Query()
	if q.Get("model") == "" {
		return http.StatusBadRequest, "Bad Request", "Bad Request: model is missing"
	}
	if why := fluxRefuses(r.URL.Path, q); why != "" {
		return http.StatusBadRequest, "Bad Request", "Bad Request: " + why
	}
	s.rate, _ = strconv.Atoi(q.Get("sample_rate"))
	if s.rate < 8000 || s.rate > 48000 {
		return http.StatusBadRequest, "Bad Request", "Bad Request: sample_rate " + q.Get("sample_rate")
	}
	switch q.Get("encoding") {
	case "mulaw":
		s.width = 1
	case "linear16":
		s.width = 2
	default:
		return http.StatusBadRequest, "Bad Request", "Bad Request: encoding " + q.Get("encoding")
	}
	s.endpointing, _ = strconv.Atoi(q.Get("endpointing"))
	s.utteranceEnd, _ = strconv.Atoi(q.Get("utterance_end_ms"))
	s.eager = q.Has("eager_eot_threshold")
	return 0, "", ""
}

// A deepgramSocket is one connection and what it was opened with.
type deepgramSocket struct {
	*websocket.Conn
	post         post // of text
	trouble      Trouble
	request      string
	rate, width  int
	endpointing  int  // ms; 0: off
	utteranceEnd int  // ms; 0: off
	eager        bool // of Flux: likely ends are told
	alive        time.Time
}

// say writes one text message, as the trouble will have it, after a time and what was to be said before it.
func (s *deepgramSocket) say(text []byte, after time.Duration) error {
	switch s.trouble.Fault {
	case Garbage:
		text = []byte(`{"type":"Results","channel":` + "\x00\xff")
	case Giant:
		text = bytes.Repeat([]byte{'{'}, 4<<20)
	}
	return s.post.send(websocket.TextMessage, text, after)
}

// answerAfter is how long an answer takes.
func (s *deepgramSocket) answerAfter(d *Deepgram) time.Duration {
	after := d.Delay
	if d.Hooks.Delay != nil {
		after = d.Hooks.Delay()
	}
	if s.trouble.Fault == Drip {
		after += dripDelay
	}
	return after
}

func (s *deepgramSocket) write(kind int, b []byte) error {
	if kind == websocket.CloseMessage {
		return s.WriteControl(kind, b, time.Now().Add(time.Second))
	}
	_ = s.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a write that follows says what is wrong
	return s.WriteMessage(kind, b)
}

// hangUp closes with a code and a reason.
func (s *deepgramSocket) hangUp(code int, reason string) {
	_ = s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
}

// closeEarly is the close of CloseEarly.
func (s *deepgramSocket) closeEarly() {
	code := s.trouble.Close
	if code == 0 {
		code = websocket.CloseInternalServerErr
	}
	s.hangUp(code, s.trouble.Reason)
}

// next reads one message into buf, which it returns grown if it had to. A socket that hears nothing for idle, or up to a second more, is
// closed as Deepgram does.
func (s *deepgramSocket) next(buf []byte, idle time.Duration) (kind int, message []byte, err error) {
	if now := time.Now(); idle > 0 && now.Sub(s.alive) > time.Second { // one a message would be a timer changed 12,500 times a second
		s.alive = now
		_ = s.SetReadDeadline(now.Add(idle + time.Second)) // the read that follows says what is wrong
	}
	kind, r, err := s.NextReader()
	if err != nil {
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			s.hangUp(websocket.CloseInternalServerErr, "NET-0001: did not receive audio data or a text message within the timeout window")
		}
		return 0, nil, err
	}
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return kind, buf, nil
		}
		if err != nil {
			return 0, nil, err
		}
	}
}
