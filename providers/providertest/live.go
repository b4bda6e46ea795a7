package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A Live is a stand-in for a speech-to-speech model over real sockets: OpenAI's Realtime or Google's Gemini Live, as it is started. It
// understands nothing: what it says is Answer's, by what it was told in words and how much sound it heard, and it speaks in tones (see
// Tones). It keeps the rules of its protocol, and refuses what breaks them. Its fields must not change while it runs.
type Live struct {
	Key     string                    // wanted as the vendor wants it; empty: any
	Answer  func(LiveTurn) LiveAnswer // nil: LiveParrot
	First   time.Duration             // before the first of an answer
	Pace    float64                   // of its sound, as a multiple of real time; 0: all at once
	Beta    bool                      // OpenAI: events have the names of before it was generally available
	Lasts   time.Duration             // a session ends after so long; 0: never
	Trouble Trouble
	Told    func(message string) // told of each message of a client's but sound, by any goroutine; nil: nobody is

	counts  LiveCounts
	running handlers
}

// LiveCounts is what a fake has seen. They are read with Load at any time.
type LiveCounts struct {
	Sockets, Refused, Open atomic.Int64
	Sound                  atomic.Int64 // bytes of the caller's
	Answers, Cancelled     atomic.Int64
	Wrong                  atomic.Int64 // messages that break a rule
	strikes                atomic.Int64
}

// Counts is what it has seen so far.
func (l *Live) Counts() *LiveCounts { return &l.counts }

// A LiveTurn is what is to be answered.
type LiveTurn struct {
	N        int // the number of the answer in this session, from 1
	Messages []LiveMessage
}

// A LiveMessage is an entry of a session's conversation.
type LiveMessage struct {
	Role   string // user, assistant, system, tool
	Text   string
	Sound  time.Duration // of what was heard or said: not in words
	CallID string        // of a call or its result
}

// A LiveAnswer is what it says, and then wants a tool for.
type LiveAnswer struct {
	Text string
	Call *Piece
}

// LiveParrot says what it was told last.
func LiveParrot(turn LiveTurn) LiveAnswer {
	last := turn.Messages[len(turn.Messages)-1]
	switch {
	case last.Role == "tool":
		return LiveAnswer{Text: "The tool says " + last.Text + "."}
	case last.Text != "":
		return LiveAnswer{Text: "You told me: " + last.Text}
	}
	return LiveAnswer{Text: fmt.Sprintf("You spoke for %d tenths of a second.", last.Sound.Milliseconds()/100)}
}

// answer is what it says.
func (l *Live) answer(turn LiveTurn) LiveAnswer {
	l.counts.Answers.Add(1)
	if l.Answer != nil {
		return l.Answer(turn)
	}
	return LiveParrot(turn)
}

// start runs a fake on a loopback port until the test ends, and returns its base URL.
func (l *Live) start(t testing.TB, pattern string, admit func(*http.Request) (status int, body string), serve func(context.Context, *liveSocket)) string {
	t.Helper()
	var local net.ListenConfig
	ln, err := local.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) { l.serve(ctx, w, r, admit, serve) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ran := make(chan error, 1)
	go func() { ran <- server.Serve(ln) }()
	t.Cleanup(func() {
		cancel()
		_ = server.Close()
		if err := <-ran; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("run fake: %v", err)
		}
		l.running.end()
	})
	return "http://" + ln.Addr().String()
}

// serve takes one connection through its handshake.
func (l *Live) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, admit func(*http.Request) (int, string), serve func(context.Context, *liveSocket)) {
	if !l.running.begin() {
		return
	}
	defer l.running.done()
	trouble := l.Trouble
	if n := l.counts.strikes.Add(1); trouble.Times > 0 && n > int64(trouble.Times) {
		trouble = Trouble{}
	}
	status, body := admit(r)
	if trouble.Fault == Refuse {
		if status = trouble.Status; status == 0 {
			status = http.StatusUnauthorized
		}
		body = fmt.Sprintf(`{"error":{"message":"Refused: %s","type":"invalid_request_error","code":%q}}`, http.StatusText(status), trouble.Reason)
	}
	switch {
	case trouble.Fault == Mute:
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
		return
	case status != 0:
		l.counts.Refused.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return
	}
	upgrader := websocket.Upgrader{ReadBufferSize: 4096, WriteBufferSize: 4096}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	l.counts.Sockets.Add(1)
	l.counts.Open.Add(1)
	defer l.counts.Open.Add(-1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if trouble.Fault == Deaf {
		<-ctx.Done()
		return
	}
	s := &liveSocket{Conn: conn, live: l, trouble: trouble}
	serve(ctx, s)
	cancel()
	s.work.Wait()
}

// A liveSocket is one session. One goroutine reads, and the answer is made on another.
type liveSocket struct {
	*websocket.Conn
	live    *Live
	trouble Trouble
	work    sync.WaitGroup
	writing sync.Mutex

	mu       sync.Mutex
	messages []*liveMessage
	answers  int
	cancel   context.CancelFunc // of the answer in progress; nil: there is none
	ids      int
}

// liveMessage is an entry as the server keeps it.
type liveMessage struct {
	LiveMessage
	id string
}

// turn is what is to be answered now. It holds the lock.
func (s *liveSocket) turn() LiveTurn {
	s.answers++
	turn := LiveTurn{N: s.answers}
	for _, m := range s.messages {
		turn.Messages = append(turn.Messages, m.LiveMessage)
	}
	return turn
}

// id is a new one.
func (s *liveSocket) id(prefix string) string {
	s.ids++
	return fmt.Sprintf("%s_%d", prefix, s.ids)
}

// say writes one message, as the trouble will have it. Two goroutines do.
func (s *liveSocket) say(message map[string]any) {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	switch s.trouble.Fault {
	case Garbage:
		text = []byte(`{"type":` + "\x00\xff")
	case Giant:
		text = slices.Repeat([]byte{'{'}, 9<<20)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.SetWriteDeadline(time.Now().Add(10 * time.Second)) // the write that follows says what is wrong
	_ = s.WriteMessage(websocket.TextMessage, text)
}

// read yields the client's messages to obey, until the session ends.
func (s *liveSocket) read(sound func(text []byte) bool, obey func(text []byte) bool) {
	if d := s.live.Lasts; d > 0 {
		timer := time.AfterFunc(d, func() { s.hangUp(websocket.CloseNormalClosure, "Your session hit the maximum duration.") })
		defer timer.Stop()
	}
	for {
		_, text, err := s.ReadMessage()
		if err != nil {
			return
		}
		if !sound(text) && s.live.Told != nil {
			s.live.Told(string(text))
		}
		if !obey(text) {
			return
		}
	}
}

// hangUp closes with a code and a reason.
func (s *liveSocket) hangUp(code int, reason string) {
	_ = s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
	_ = s.Close()
}

// strikes lets the trouble strike at the first of an answer; true: there is no answer.
func (s *liveSocket) strikes() bool {
	switch s.trouble.Fault {
	case CloseEarly:
		code := s.trouble.Close
		if code == 0 {
			code = websocket.CloseInternalServerErr
		}
		s.hangUp(code, s.trouble.Reason)
		return true
	case NeverAnswers:
		return true
	}
	return false
}

// wait is for d; false: it was cancelled.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// thinks waits for the first of an answer; false: it was cancelled.
func (s *liveSocket) thinks(ctx context.Context) bool {
	first := s.live.First
	if s.trouble.Fault == Drip {
		first += 3 * time.Second
	}
	return wait(ctx, first)
}

// speak gives sound in pieces of 200 ms, each after its words, as fast as it should; false: it was cancelled.
func (s *liveSocket) speak(ctx context.Context, pcm []int16, rate int, words func(share float64), sound func(pcm []int16)) bool {
	size := rate / 5
	began, n := time.Now(), 0
	for part := range slices.Chunk(pcm, size) {
		if s.live.Pace > 0 && !wait(ctx, time.Until(began.Add(time.Duration(float64(n)*200/s.live.Pace)*time.Millisecond))) {
			return false
		}
		words(float64(min((n+1)*size, len(pcm))) / float64(len(pcm)))
		sound(part)
		if n++; s.trouble.Fault == CutOff && n == 3 {
			_ = s.NetConn().Close()
			return false
		}
		if ctx.Err() != nil {
			return false
		}
	}
	return true
}
