package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// EarCounts is what a fake recogniser has seen. They are read with Load at any time.
type EarCounts struct {
	Sockets, Refused  atomic.Int64 // handshakes that were answered with an upgrade, or not
	Open              atomic.Int64 // sockets now
	Audio             atomic.Int64 // messages of audio
	Asks, Alives      atomic.Int64 // messages that ask for words, and that keep a socket alive
	Goodbyes, Terms   atomic.Int64 // of clients, and messages that tell which words are expected
	strikes, requests atomic.Int64
}

// An earServer is what fake recognisers on WebSockets have in common.
//
//	handshake ──▶ refused, or admitted ──▶ reader ──▶ stretch (energy) ──▶ post ──▶ what was said
type earServer struct {
	counts  EarCounts
	running handlers
}

// Counts is what it has seen so far.
func (e *earServer) Counts() *EarCounts { return &e.counts }

// startEar runs a fake on a loopback port until the test ends, and returns its address.
func startEar(t testing.TB, run func(ctx context.Context, ln net.Listener) error) (address string) {
	t.Helper()
	var local net.ListenConfig
	ln, err := local.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run fake recogniser: %v", err)
		}
	})
	return ln.Addr().String()
}

// serveEars serves mux on ln until ctx ends, then closes every socket and waits for their goroutines.
func (e *earServer) serveEars(ctx context.Context, ln net.Listener, mux http.Handler) error {
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	err := server.Serve(ln)
	stopped()
	e.running.end()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// An ear is one socket of a fake recogniser: what it hears, and what it will say of it.
type ear struct {
	*websocket.Conn
	stretch
	post    post
	trouble Trouble
	counts  *EarCounts
	request string
	script  []string // what stretches of sound turn out to say, over and over
	said    int      // stretches that were answered
	told    int      // words of this one that were told in a Partial
	delay   time.Duration
}

// listen takes one connection through its handshake, unless admit says with what status and body to refuse it, and hands it to talk.
func (e *earServer) listen(ctx context.Context, w http.ResponseWriter, r *http.Request, s *ear, admit func() (status int, body string), talk func()) {
	if !e.running.begin() {
		return
	}
	defer e.running.done()
	if n := e.counts.strikes.Add(1); s.trouble.Times > 0 && n > int64(s.trouble.Times) {
		s.trouble = Trouble{}
	}
	s.counts, s.request = &e.counts, fmt.Sprintf("fake-%d", e.counts.requests.Add(1))
	s.onset = -1
	status, body := admit()
	if s.trouble.Fault == Refuse {
		status, body = s.trouble.Status, `{"error":"There is a trouble."}`
		if status == 0 {
			status = http.StatusUnauthorized
		}
	}
	if status != 0 {
		e.counts.Refused.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
		return
	}
	if s.trouble.Fault == Mute {
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
		return
	}
	upgrader := websocket.Upgrader{ReadBufferSize: 2048, WriteBufferSize: 2048}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	e.counts.Sockets.Add(1)
	e.counts.Open.Add(1)
	defer e.counts.Open.Add(-1)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	s.Conn = conn
	s.post.write, s.post.fail = s.write, func() { _ = conn.Close() }
	defer s.post.end()
	talk()
}

// attend reads the socket until it ends, or hear or obey say so.
func (s *ear) attend(ctx context.Context, hear, obey func(message []byte) error) {
	if s.trouble.Fault == Deaf {
		<-ctx.Done()
		return
	}
	for {
		kind, message, err := s.ReadMessage()
		if err == nil && kind == websocket.BinaryMessage {
			err = hear(message)
		} else if err == nil {
			err = obey(message)
		}
		if err != nil {
			return
		}
	}
}

// listenTo takes audio. words are those that a Partial tells, if it is time for one.
func (s *ear) listenTo(audio []byte) (words []string, err error) {
	s.counts.Audio.Add(1)
	if s.trouble.Fault == CloseEarly {
		code := s.trouble.Close
		if code == 0 {
			code = websocket.CloseInternalServerErr
		}
		s.hangUp(code, s.trouble.Reason)
		return nil, websocket.ErrCloseSent
	}
	s.hear(audio)
	if s.trouble.Fault == CutOff && s.heard >= s.samples(cutOffAfter) {
		return nil, errors.Join(s.Close(), net.ErrClosed)
	}
	if s.onset < 0 {
		return nil, nil
	}
	all := s.words()
	if n := min(s.heard/s.samples(wordLength), len(all)); n > s.told {
		s.told = n
		return all[:n], nil
	}
	return nil, nil
}

// words is what the stretch of sound that is going on, or the next, says.
func (s *ear) words() []string {
	if len(s.script) == 0 {
		return strings.Fields(DefaultTranscript)
	}
	return strings.Fields(s.script[s.said%len(s.script)])
}

// settle ends the stretch: its words, and when each was said; none if there was no sound.
func (s *ear) settle() (words []string, times [][2]float64) {
	if s.onset < 0 {
		return nil, nil
	}
	words, times = s.words(), s.times(len(s.words()))
	s.said++
	s.told = 0
	s.over()
	return words, times
}

// times are when n words of the stretch were said.
func (s *ear) times(n int) (times [][2]float64) {
	for i := range n {
		from, to := s.spread(i, n)
		times = append(times, [2]float64{from, to})
	}
	return times
}

// answerAfter is how long an answer takes.
func (s *ear) answerAfter() time.Duration {
	if s.trouble.Fault == Drip {
		return s.delay + dripDelay
	}
	return s.delay
}

// final is say, twice if that is the trouble.
func (s *ear) final(after time.Duration, messages ...any) error {
	times := 1
	if s.trouble.Fault == Twice {
		times = 2
	}
	for range times {
		for _, m := range messages {
			if err := s.say(m, after); err != nil {
				return err
			}
		}
	}
	return nil
}

// say writes one message, as the trouble will have it, after a time and what was to be said before it.
func (s *ear) say(message any, after time.Duration) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	switch s.trouble.Fault {
	case Garbage:
		text = []byte(`{"type":"Turn","words":` + "\x00\xff")
	case Giant:
		text = bytes.Repeat([]byte{'{'}, 4<<20)
	}
	return s.post.send(websocket.TextMessage, text, after)
}

func (s *ear) write(kind int, b []byte) error {
	if kind == websocket.CloseMessage {
		return s.WriteControl(kind, b, time.Now().Add(time.Second))
	}
	_ = s.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a write that follows says what is wrong
	return s.WriteMessage(kind, b)
}

// goodbye closes the socket in good order, after what was to be said before; the client's answer to that ends the reading.
func (s *ear) goodbye(after time.Duration) error {
	return s.post.send(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), after)
}

// hangUp closes with a code and a reason.
func (s *ear) hangUp(code int, reason string) {
	_ = s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
}
