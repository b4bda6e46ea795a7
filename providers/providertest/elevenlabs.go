package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// An ElevenLabs is a stand-in for ElevenLabs' multi-context voice, and its Scribe, over real sockets, for tests and load. It speaks in tones (see Tones),
// and tells when each character sounds. Its fields must not change while it runs.
//
// It keeps the rules that the documentation states: a context begins with its settings and ends when it is closed and all is spoken that
// it was told, texts are spoken when they are flushed (or at once, with auto_mode), a sixth context or a socket that is told
// nothing for too long is the end of the socket. Settings for a context that is open already are as well, as people have found.
//
// It may be shared by hundreds of calls: the messages of what voices say are made once, but for the id of their context.
type ElevenLabs struct {
	Key        string        // wanted in the xi-api-key header; empty: any
	FirstAudio time.Duration // between a text that is to be spoken and its first sound
	Pace       float64       // as a multiple of real time; 0: all at once
	Piece      time.Duration // of sound in a message; default 100 ms
	Trouble    Trouble
	Asked      func(path string, query url.Values) // told of each connection that was admitted, by any goroutine; nil: nobody is
	Told       func(message string)                // told of each message of a client's, by any goroutine; nil: nobody is
	Hooks      ElevenLabsHooks

	// Of Scribe in real time.
	Transcripts    []string // what stretches of sound turn out to say, over and over; default DefaultTranscript
	TimesOfCommits bool     // words' times count from the last commit, not from the socket's beginning
	Listen         Trouble

	counts  ElevenLabsCounts
	running handlers
	made    recitals
	ears    earServer
}

// ElevenLabsHooks let a load test see and shape what a fake ElevenLabs does. Each may be nil, and is called by any goroutine.
type ElevenLabsHooks struct {
	FirstAudio func() time.Duration                // comes before ElevenLabs.FirstAudio
	Voice      func(text string, rate int) []int16 // how text sounds, instead of as Tones; the last few hundred texts are remembered
	// Begins is given the first sound of a context, if it is mu-law. It may write into it, and it is sent when it returns.
	Begins func(law []byte)
	Paced  func(late time.Duration) // told of each message of a paced voice how long after its time it is written
}

// ElevenLabsCounts is what a fake ElevenLabs has seen. They are read with Load at any time.
type ElevenLabsCounts struct {
	Sockets, Refused            atomic.Int64 // handshakes that were answered with an upgrade, or not
	Open                        atomic.Int64 // sockets now
	Contexts                    atomic.Int64 // that were opened
	Texts, KeepAlives, Closures atomic.Int64 // messages to speak, to keep alive, and to close a context
	Voiced                      atomic.Int64 // messages of sound
	strikes                     atomic.Int64
}

// Counts is what it has seen so far.
func (e *ElevenLabs) Counts() *ElevenLabsCounts { return &e.counts }

// StartElevenLabs runs e on a loopback port until the test ends, and returns its base URL.
func StartElevenLabs(t testing.TB, e *ElevenLabs) (baseURL string) {
	t.Helper()
	var local net.ListenConfig
	ln, err := local.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run fake ElevenLabs: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// Run serves on ln until ctx ends, then closes every socket and waits for their goroutines.
func (e *ElevenLabs) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/text-to-speech/{voice}/multi-stream-input", func(w http.ResponseWriter, r *http.Request) { e.serve(ctx, w, r) })
	mux.HandleFunc("GET /v1/speech-to-text/realtime", func(w http.ResponseWriter, r *http.Request) { e.scribe(ctx, w, r) })
	mux.HandleFunc("POST /v1/text-to-speech/{voice}/stream/with-timestamps", func(w http.ResponseWriter, r *http.Request) { e.stream(ctx, w, r) })
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, r *http.Request) { e.models(w, r) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	err := server.Serve(ln)
	stopped()
	e.running.end()
	e.ears.running.end()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// serve takes one connection through its handshake, and listens to it.
func (e *ElevenLabs) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	if !e.running.begin() {
		return
	}
	defer e.running.done()
	s := &elevenLabsSocket{e: e, trouble: e.Trouble, contexts: map[string]*elevenLabsContext{}}
	if n := e.counts.strikes.Add(1); e.Trouble.Times > 0 && n > int64(e.Trouble.Times) {
		s.trouble = Trouble{}
	}
	if status, code, message := e.admit(r, s); status != 0 {
		e.counts.Refused.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"detail":{"status":%q,"message":%q}}`, code, message)
		return
	}
	if e.Asked != nil {
		e.Asked(r.URL.Path, r.URL.Query())
	}
	if s.trouble.Fault == Mute {
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
		return
	}
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 4096}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	e.counts.Sockets.Add(1)
	e.counts.Open.Add(1)
	defer e.counts.Open.Add(-1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	s.Conn = conn
	if s.trouble.Fault == Deaf {
		<-ctx.Done()
		return
	}
	s.read(ctx)
	cancel()
	s.work.Wait()
}

// formats are those of the socket that are no files, as bytes a sample.
var formats = map[string]int{"ulaw_8000": 1, "pcm_8000": 2, "pcm_16000": 2, "pcm_22050": 2, "pcm_24000": 2, "pcm_44100": 2}

// admit checks the key and the parameters that matter, and says how to refuse.
func (e *ElevenLabs) admit(r *http.Request, s *elevenLabsSocket) (status int, code, message string) {
	if s.trouble.Fault == Refuse {
		status = s.trouble.Status
		if status == 0 {
			status = http.StatusUnauthorized
		}
		codes := map[int]string{401: "invalid_api_key", 402: "payment_required", 429: "too_many_concurrent_requests"}
		return status, codes[status], "Refused: " + http.StatusText(status)
	}
	if e.Key != "" && r.Header.Get("xi-api-key") != e.Key {
		return http.StatusUnauthorized, "invalid_api_key", "Invalid API key"
	}
	q := r.URL.Query()
	if q.Get("model_id") == "" {
		return http.StatusBadRequest, "invalid_parameters", "model_id is missing"
	}
	format := q.Get("output_format")
	width, known := formats[format]
	if !known {
		return http.StatusBadRequest, "invalid_parameters", "output_format is " + format
	}
	_, rate, _ := strings.Cut(format, "_")
	s.rate, _ = strconv.Atoi(rate) // it is one of formats
	s.width = width
	s.patience = 20 * time.Second
	if given := q.Get("inactivity_timeout"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > 180 {
			return http.StatusBadRequest, "invalid_parameters", "inactivity_timeout is " + given
		}
		s.patience = time.Duration(n) * time.Second
	}
	s.auto, s.timed = q.Get("auto_mode") == "true", q.Get("sync_alignment") == "true"
	return 0, "", ""
}

// elevenLabsOrder is a message of a client's.
type elevenLabsOrder struct {
	Text         *string         `json:"text"`
	Context      string          `json:"context_id"`
	Settings     json.RawMessage `json:"voice_settings"`
	Flush        bool            `json:"flush"`
	CloseContext bool            `json:"close_context"`
	CloseSocket  bool            `json:"close_socket"`
}

// read obeys the client until the socket ends.
func (s *elevenLabsSocket) read(ctx context.Context) {
	defer s.dismiss()
	for {
		_ = s.SetReadDeadline(time.Now().Add(s.patience)) // the read that follows says what is wrong
		kind, message, err := s.ReadMessage()
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			s.hangUp(websocket.ClosePolicyViolation, fmt.Sprintf("Have not received a new text input within the timeout of %v.", s.patience))
		}
		if err != nil {
			return
		}
		if s.e.Told != nil {
			s.e.Told(string(message))
		}
		var o elevenLabsOrder
		strict := json.NewDecoder(bytes.NewReader(message))
		strict.DisallowUnknownFields()
		if kind != websocket.TextMessage || strict.Decode(&o) != nil {
			s.complain("invalid_request", "The message is not understood.")
			return
		}
		if o.CloseSocket || !s.obey(ctx, &o) {
			return
		}
	}
}

// obey does what a message says; false if the socket ends with it.
func (s *elevenLabsSocket) obey(ctx context.Context, o *elevenLabsOrder) bool {
	at := s.find(o.Context)
	switch {
	case o.CloseContext:
		s.e.counts.Closures.Add(1)
		if at != nil && !at.closed {
			at.closed = true
			close(at.texts)
		}
		return true
	case o.Text != nil && *o.Text == "":
		s.e.counts.KeepAlives.Add(1)
		if o.Context == "" || at != nil {
			return true
		}
	case at != nil && o.Settings != nil:
		s.complain("invalid_request", "The context is open already.")
		return false
	}
	if at == nil {
		if at = s.begin(ctx, o.Context); at == nil {
			s.complain("max_active_conversations", "Maximum simultaneous contexts per WebSocket connection exceeded (5). Please close an existing context before opening a new one.")
			return false
		}
	}
	said := elevenLabsText{flush: o.Flush || s.auto, at: time.Now()}
	if o.Text != nil {
		said.text = *o.Text
	}
	if speakable := len(bytes.TrimSpace([]byte(said.text))) > 0; speakable {
		s.e.counts.Texts.Add(1)
		switch s.trouble.Fault {
		case CloseEarly:
			s.closeEarly()
			return false
		case Complain:
			s.complain(s.trouble.Reason, "There is a trouble.")
			return false
		}
	}
	if at.closed {
		return true // it is being spoken to its end
	}
	select {
	case at.texts <- said:
		return true
	case <-ctx.Done():
		return false
	}
}

// complain tells of an error and hangs up, as the server does.
func (s *elevenLabsSocket) complain(code, about string) {
	text, err := json.Marshal(map[string]any{"message": about, "error": code, "code": websocket.ClosePolicyViolation})
	if err == nil {
		_ = s.say(text)
	}
	s.hangUp(websocket.ClosePolicyViolation, about[:min(len(about), 100)])
}

// closeEarly is the close of CloseEarly.
func (s *elevenLabsSocket) closeEarly() {
	code := s.trouble.Close
	if code == 0 {
		code = websocket.CloseInternalServerErr
	}
	s.hangUp(code, s.trouble.Reason)
}

// hangUp closes with a code and a reason.
func (s *elevenLabsSocket) hangUp(code int, reason string) {
	_ = s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
}

// say writes one message, as the trouble will have it. Several contexts speak at once.
func (s *elevenLabsSocket) say(text []byte) error {
	switch s.trouble.Fault {
	case Garbage:
		text = []byte(`{"audio":` + "\x00\xff")
	case Giant:
		text = slices.Repeat([]byte{'{'}, 9<<20)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.SetWriteDeadline(time.Now().Add(10 * time.Second)) // the write that follows says what is wrong
	return s.WriteMessage(websocket.TextMessage, text)
}
