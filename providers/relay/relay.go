// Package relay lets a user's own app be the brain of a call: it is asked by a WebSocket shaped like Twilio's ConversationRelay, in text alone.
// Hearing, barge-in, voice, leg and record are Parley's, as with a model.
//
//	caller ──▶ Call ──Respond, Watch──▶ Session ──setup, prompt, dtmf, interrupt, error──▶ the app's wss://
//	             ▲                         │  ▲                                              │
//	             └──Text, Aloud, Press─────┘  └──text, play, sendDigits, language, end───────┘
//	             └──Ask: the app speaks of its own accord
//
// A Session is a [pipeline.Responder] and [pipeline.Watcher] of one call. What the app says waits in a queue, from which Respond takes one reply
// after the other: up to the token that is last, or until no further one comes for a while. What comes while nobody asks has the call ask
// (pipeline.Ask). When the caller cuts a reply, the queue is emptied, the app is told what was heard, and what it still sends of that reply is
// dropped: up to its last token, or the caller's next words.
//
// A socket that breaks is opened again, with the same setup, and what the app owes an answer to is told once more; one that the app closes in
// good order (1000) ends its part. Source: twilio.com/docs/voice/conversationrelay/websocket-messages.
package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/socket"
)

// Options are what a Session needs to know. They are not changed any more.
type Options struct {
	URL    string
	Header http.Header // of the handshake: its signature
	// NetDial opens connections, and refuses those that may not be; nil: as net/http does.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)
	Sounds  Sounds

	Call pipeline.Talk // whom the call is with: its Info, and the Agent
	ID   string        // of the call, in Parley's own words
	Org  string        // whose agent it is
	// Parameters are told to the app.
	Parameters map[string]string
	// Do gives the call commands.
	Do func(context.Context, pipeline.Command) error

	Welcome       Interruptible // of the greeting
	Interruptible Interruptible // of what the app does not say it of
	Preemptible   bool          // likewise: more of the app's words take its place
	Keys          bool          // the app is told of keys
	Partial       bool          // it is told words that may change
	Tongues       []Tongue      // that it may have spoken; none: the agent's alone
	HandOver      string        // the agent that takes over when the app's part has ended; empty: the call ends

	Log *slog.Logger // nil: no log
}

// A Tongue is a language in which a Session may speak.
type Tongue struct {
	Lang  string
	Voice string // by its vendor's name; empty: the agent's own
}

const (
	tries    = 6                      // to open a socket, in a row
	backoff  = 250 * time.Millisecond // before the second; it doubles
	steady   = 10 * time.Second       // a socket that lasted so long has worked
	lull     = time.Second            // without a token, after which a reply that has begun is over
	patience = 2 * time.Second        // for what the app need not say: a greeting, an answer to a key
	most     = 1 << 20                // bytes of text that wait to be spoken
	mostWait = 1024                   // messages that do
	unsent   = 64                     // messages that wait for a socket
)

// handoffSlot is under what name the call's record has handoffData.
const handoffSlot = "handoff_data"

var errOver = errors.New("the app's part has ended")

// A Session is one call's. All methods may be called by any goroutine.
type Session struct {
	o    Options
	ctx  context.Context //nolint:containedctx // it is the session's own life, which ends with Close
	halt context.CancelFunc
	work sync.WaitGroup
	once sync.Once

	mu         sync.Mutex
	line       *socket.Socket // nil: there is none
	unsent     [][]byte
	owed       []byte        // the prompt that has no answer yet
	queue      []message     // of the app's
	size       int           // bytes of text in queue
	fresh      chan struct{} // there is more in queue, or an end
	responding bool          // Respond takes from queue
	asked      bool          // the call is to ask
	open       bool          // the last token of a reply is still to come
	drops      bool          // of a reply that was cut
	yields     bool          // the reply being heard makes way for the next
	preempting bool          // it is to be cut for that
	said       string        // the last prompt
	saidTurn   int           // in this turn
	begun      bool          // Respond was called
	speaking   Tongue
	over       bool // the app's part has ended
	closed     bool
	err        error // nobody answers any more
}

// New makes a session. It dials when it is told of the call's beginning; Close ends it.
func New(o Options) *Session {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Session{o: o, ctx: ctx, halt: cancel, fresh: make(chan struct{}, 1)}
	s.speaking = Tongue{Lang: o.Call.Agent.VoiceAt(0).Lang}
	if len(o.Tongues) > 0 {
		s.speaking = s.tongue(s.speaking.Lang)
	}
	return s
}

// Close implements [pipeline.Watcher].
func (s *Session) Close() error {
	s.mu.Lock()
	s.closed = true
	line := s.line
	s.line = nil
	s.mu.Unlock()
	s.halt()
	var err error
	if line != nil {
		err = line.Leave()
	}
	s.work.Wait()
	return err
}

// begin dials, once.
func (s *Session) begin() {
	s.once.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			s.work.Go(s.run)
		}
	})
}

// run keeps a socket open until the session is over.
func (s *Session) run() {
	for failed := 0; ; {
		since := time.Now()
		line, err := s.dial()
		if err == nil {
			err = s.read(line)
			if time.Since(since) > steady {
				failed = 0
			}
		}
		s.mu.Lock()
		s.line = nil
		done := s.over || s.closed
		s.mu.Unlock()
		if done {
			return
		}
		if failed++; failed >= tries || hopeless(err) {
			s.fail(err)
			return
		}
		s.o.Log.Warn("the app's socket is opened again", "call", s.o.ID, "err", err)
		select {
		case <-time.After(backoff << (failed - 1)):
		case <-s.ctx.Done():
			return
		}
	}
}

// hopeless says of a handshake that was refused that the next one will be, too.
func hopeless(err error) bool {
	e, ok := errors.AsType[*chat.Error](err)
	return ok && e.Status/100 == 4 && e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooManyRequests
}

// fail: nobody answers any more. The call says so whenever the app should speak.
func (s *Session) fail(err error) {
	s.o.Log.Error("the app cannot be reached", "call", s.o.ID, "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.wake()
}

// dial opens a socket, and tells the app whom it is about.
func (s *Session) dial() (*socket.Socket, error) {
	line, err := socket.Dial(s.ctx, socket.Target{URL: s.o.URL, Header: s.o.Header, NetDial: s.o.NetDial})
	if err != nil {
		return nil, fmt.Errorf("dial the app: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(errOver, line.Close())
	}
	s.line, s.open, s.drops = line, false, false
	s.send(s.setup())
	waiting := s.unsent
	s.unsent = nil
	if s.owed != nil && !slices.ContainsFunc(waiting, func(m []byte) bool { return bytes.Equal(m, s.owed) }) {
		waiting = slices.Insert(waiting, 0, s.owed)
	}
	for _, m := range waiting {
		_ = line.Send(m) // who cannot be sent to is noticed by read
	}
	return line, nil
}

// setup is the beginning of every socket.
func (s *Session) setup() setup {
	info := s.o.Call.Info
	direction := "inbound"
	if info.Outbound {
		direction = "outbound-api"
	}
	kind := map[string]string{"sip": "SIP", "webrtc": "Client"}[info.Kind]
	if kind == "" {
		kind = "PSTN"
	}
	return setup{
		Type: "setup", SessionID: "VX" + hex32(s.o.ID), AccountSid: s.o.Org, CallSid: info.ID, From: info.From, To: info.To,
		CallType: kind, Direction: direction, CallStatus: "in-progress", CallID: s.o.ID, CustomParameters: s.o.Parameters,
	}
}

// hex32 is an id as 32 hexadecimal digits, or its beginning.
func hex32(id string) string {
	var b []byte
	for i := 0; i < len(id) && len(b) < 32; i++ {
		if c := id[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'f' {
			b = append(b, c)
		}
	}
	for len(b) < 32 {
		b = append(b, '0')
	}
	return string(b)
}

// send tells the app, or keeps it until there is a socket. mu is held.
func (s *Session) send(v any) {
	text := marshal(v)
	switch {
	case s.closed || s.over || s.err != nil:
	case s.line != nil:
		_ = s.line.Send(text) // who cannot be sent to is noticed by read
	case len(s.unsent) < unsent:
		s.unsent = append(s.unsent, text)
	}
}

// read takes what an app says until its socket ends.
func (s *Session) read(line *socket.Socket) error {
	for text, err := range line.Messages() {
		if err != nil {
			if line.Code() == 1000 {
				s.finish("")
			}
			return err
		}
		s.take(text)
	}
	return errOver
}

// take queues a message.
func (s *Session) take(text []byte) {
	m, err := parse(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = s.accept(m)
	}
	if err != nil {
		s.o.Log.Debug("the app's message is refused", "call", s.o.ID, "err", err)
		s.send(failure{"error", "Invalid message received: " + err.Error()})
		return
	}
	if m.kind == "text" {
		stale := s.drops
		s.open, s.drops = !m.last, s.drops && !m.last
		if stale {
			return
		}
	}
	if s.over || m.kind == "text" && m.token == "" && !s.responding { // there is nothing to say
		return
	}
	if m.kind == "end" && !s.responding && len(s.queue) == 0 && !s.closed {
		s.work.Go(func() { s.finish(m.handoff) })
		return
	}
	s.queue, s.size = append(s.queue, m), s.size+len(m.token)
	s.wake()
	if !s.responding {
		s.ask()
	}
}

// accept says why a message cannot be carried out. mu is held.
func (s *Session) accept(m message) error {
	if len(s.queue) >= mostWait || s.size+len(m.token) > most {
		return fmt.Errorf("%s: too much waits to be heard already", m.kind)
	}
	if m.source != "" {
		if err := s.o.Sounds.Check(m.source); err != nil {
			return fmt.Errorf("play: source: %w", err)
		}
	}
	field, wanted := "text: lang", m.lang
	if m.kind == "language" {
		field, wanted = "language: ttsLanguage", m.speaking
	}
	if wanted != "" && s.tongue(wanted).Lang == "" {
		return fmt.Errorf("%s: %s is not among the agent's languages", field, clip(wanted))
	}
	if heard := s.listening(); m.listening != "" && !sameTongue(m.listening, heard) {
		return fmt.Errorf("language: transcriptionLanguage: is %s: callers are heard in %s, and that does not change during a call", clip(m.listening), heard)
	}
	return nil
}

// listening is the language in which callers are heard.
func (s *Session) listening() string {
	if l := s.o.Call.Agent.Lang; l != "" {
		return l
	}
	return "en-US"
}

// tongue is the one of a language; its Lang is empty if there is none.
func (s *Session) tongue(lang string) Tongue {
	for _, exact := range []bool{true, false} {
		for _, t := range s.o.Tongues {
			if t.Lang == lang || !exact && sameTongue(t.Lang, lang) {
				return t
			}
		}
	}
	if own := s.o.Call.Agent.VoiceAt(0).Lang; len(s.o.Tongues) == 0 && (own == "" || sameTongue(own, lang)) {
		return Tongue{Lang: lang}
	}
	return Tongue{}
}

// ask has the call ask, once, for what waits in the queue. mu is held.
func (s *Session) ask() {
	if s.asked || s.closed || s.over {
		return
	}
	s.asked = true
	s.preempting = s.yields
	now := s.preempting
	s.work.Go(func() { s.do(pipeline.Command{Kind: pipeline.Ask, Now: now}) })
}

// do gives the call a command. One that has ended takes none.
func (s *Session) do(c pipeline.Command) {
	if err := s.o.Do(s.ctx, c); err != nil && s.ctx.Err() == nil && !errors.Is(err, pipeline.ErrEnded) {
		s.o.Log.Warn("the app's wish cannot be carried out", "call", s.o.ID, "command", string(c.Kind), "err", err)
	}
}

// finish ends the app's part: what it hands over is noted, and another agent takes over, or the call ends when all has been heard.
func (s *Session) finish(handoff string) {
	s.mu.Lock()
	if s.over || s.closed {
		s.mu.Unlock()
		return
	}
	s.over = true
	s.wake()
	line := s.line
	s.mu.Unlock()
	if handoff != "" {
		s.do(pipeline.Command{Kind: pipeline.Collect, Slots: map[string]string{handoffSlot: handoff}})
	}
	if s.o.HandOver != "" {
		s.do(pipeline.Command{Kind: pipeline.Change, Agent: s.o.HandOver, Ask: true})
	} else {
		s.do(pipeline.Command{Kind: pipeline.HangUp})
	}
	if line != nil {
		_ = line.Leave()
	}
}

func (s *Session) wake() {
	select {
	case s.fresh <- struct{}{}:
	default:
	}
}
