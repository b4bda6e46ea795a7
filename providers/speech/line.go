package speech

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/wire"
)

// How a line is kept.
const (
	lineBeat    = 10 * time.Second // between pings; idle lines of a kind but one go after it
	lineSilence = 25 * time.Second // without so much as a pong the server is gone
	idleLimit   = 3 * time.Minute  // the last idle line of a kind goes after so long
	lineAudio   = 15 * time.Second // sound that waits for a slow caller; then the socket waits
	maxGarbage  = 5                // unreadable messages in a row
	writeLimit  = 3 * time.Second  // of a ping
	reasonLimit = 200 * time.Millisecond
)

// Why lines end that could serve.
var (
	errIdle = errors.New("idle for too long")
	errCut  = errors.New("what it spoke was cut")
)

// A line is one socket. It serves one utterance at a time, and its reader never stops reading but for a full buffer.
type line struct {
	conn    *websocket.Conn
	sockets *Sockets
	vendor  Vendor
	full    int           // bytes of sound that may wait
	news    chan struct{} // something came

	mu      sync.Mutex
	room    *sync.Cond
	timer   *time.Timer
	idle    bool
	since   time.Time // when it became so
	wanted  []string  // contexts of the utterance; none: nobody speaks
	over    bool      // the last of them is
	audio   []byte    // that wait
	words   []pipeline.Word
	sounded int           // bytes of the utterance so far
	base    time.Duration // when the last of its contexts began to sound
	last    time.Duration // when its last word began
	failed  error         // why the context did
	err     error         // why the line ended
}

// open dials a line, which begins as one that is spoken on.
func (s *Sockets) open(ctx context.Context, v Vendor) (*line, error) {
	conn, err := v.Dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, sockets: s, vendor: v, full: v.Encoding.Bytes(lineAudio), news: make(chan struct{}, 1)}
	l.room = sync.NewCond(&l.mu)
	if err := s.pool.Start(l); err != nil {
		_ = conn.Close()
		return nil, v.Dialect.Broken(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(lineBeat, l.beat)
	return l, nil
}

// Key implements pool.Line.
func (l *line) Key() string { return l.vendor.Key }

// Begin implements pool.Line.
func (l *line) Begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	began := l.err == nil && l.idle
	l.idle = l.idle && !began
	return began
}

// serve takes over how an utterance is spoken, of which nothing has sounded yet.
func (l *line) serve(v Vendor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vendor.Encoding, l.vendor.AudioLimit, l.full = v.Encoding, v.AudioLimit, v.Encoding.Bytes(lineAudio)
	l.sounded, l.base, l.last, l.failed = 0, 0, 0, nil
}

// begin makes the context id one whose sound is wanted, after those before it.
func (l *line) begin(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted, l.over = append(l.wanted, id), false
}

// hush drops what waits and all that is to come.
func (l *line) hush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted, l.audio, l.words = nil, l.audio[:0], nil
	l.room.Signal()
}

// release gives the line back after an utterance.
func (l *line) release() {
	l.hush()
	l.mu.Lock()
	l.idle, l.since = true, time.Now()
	l.mu.Unlock()
	l.sockets.pool.Give(l, l.vendor.Idle)
}

// take moves whole samples and the words that came out of the line; memory is for samples to come. over says that all has come of the last
// context, and nothing is left. An error comes when all before it was taken.
func (l *line) take(memory []byte) (audio []byte, said []pipeline.Word, over bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	width := l.vendor.Encoding.Width
	whole := len(l.audio) / width * width
	audio, l.audio = l.audio[:whole], append(memory[:0], l.audio[whole:]...)
	said, l.words = l.words, nil
	l.room.Signal()
	if whole > 0 || len(said) > 0 {
		return audio, said, false, nil
	}
	if l.failed != nil {
		return audio, said, false, l.failed
	}
	return audio, said, l.over, l.err
}

// write sends one message. Only the line's utterance calls it.
func (l *line) write(b []byte) error {
	if err := wire.Write(l.conn, websocket.TextMessage, b); err != nil {
		return l.reason(l.vendor.Dialect.Broken(err))
	}
	return nil
}

// reason prefers what the reader learned of a socket's end to the broken pipe that the writer met.
func (l *line) reason(err error) error {
	late := time.NewTimer(reasonLimit)
	defer late.Stop()
	for {
		l.mu.Lock()
		known := l.err
		l.mu.Unlock()
		if known != nil {
			return known
		}
		select {
		case <-l.news:
		case <-late.C:
			l.Fail(err)
			return err
		}
	}
}

// Fail implements pool.Line: it ends the line; only the first reason counts.
func (l *line) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = err
	if l.timer != nil {
		l.timer.Stop()
	}
	_ = l.conn.Close()
	l.room.Signal()
	l.tell()
}

func (l *line) tell() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// beat asks for a pong, and closes a line that has been idle for too long.
func (l *line) beat() {
	l.mu.Lock()
	dead, since := l.err != nil, time.Since(l.since)
	old := l.idle && (since >= idleLimit || since >= lineBeat && l.sockets.pool.Surplus(l))
	if old {
		l.idle = false // nobody takes it meanwhile
	}
	l.mu.Unlock()
	switch {
	case dead:
		return
	case old:
		l.Fail(l.vendor.Dialect.Broken(errIdle))
		return
	}
	if err := l.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit)); err != nil {
		l.Fail(l.vendor.Dialect.Broken(err))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.timer.Reset(lineBeat)
	}
}

// Read implements pool.Line: it is the socket's one reader, and ends when the socket does.
func (l *line) Read() {
	listen := func() error { return l.conn.SetReadDeadline(time.Now().Add(lineSilence)) }
	l.conn.SetPongHandler(func(string) error { return listen() })
	dialect := l.vendor.Dialect
	var buf bytes.Buffer
	for garbage := 0; garbage < maxGarbage; {
		err := listen()
		if err == nil {
			err = l.next(&buf)
		}
		if err != nil {
			l.Fail(dialect.Broken(err))
			return
		}
		m, err := dialect.Understand(buf.Bytes())
		if err != nil {
			garbage++
			continue
		}
		garbage = 0
		if m.Failure != nil && m.Context == "" {
			l.Fail(m.Failure)
			return
		}
		l.hear(&m)
	}
	l.Fail(dialect.Broken(fmt.Errorf("%d unreadable messages in a row", maxGarbage)))
}

// next reads a message into buf.
func (l *line) next(buf *bytes.Buffer) error {
	_, r, err := l.conn.NextReader()
	if err != nil {
		return err
	}
	buf.Reset()
	_, err = buf.ReadFrom(r)
	return err
}

// hear keeps sound and words for the line's utterance, and drops what is of a context that was cut. When too much waits it waits too.
func (l *line) hear(m *Heard) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.find(m.Context)
	for at >= 0 && l.err == nil && len(l.audio) >= l.full {
		l.room.Wait()
		at = l.find(m.Context)
	}
	if at < 0 || l.err != nil {
		return
	}
	if at > 0 { // those before it say no more
		l.wanted = append(l.wanted[:0], l.wanted[at:]...)
		l.base = l.length()
	}
	for _, w := range m.Words {
		w.Start = max(w.Start+l.base, l.last)
		w.End = max(w.End+l.base, w.Start)
		l.words, l.last = append(l.words, w), w.Start
	}
	l.audio = append(l.audio, m.Audio...)
	l.sounded += len(m.Audio)
	l.over = l.over || m.Over && len(l.wanted) == 1
	if m.Failure != nil && l.failed == nil {
		l.failed = m.Failure
	}
	l.tell()
}

// find is which of the contexts that are wanted id is; -1: none.
func (l *line) find(id string) int {
	for i, w := range l.wanted {
		if w == id {
			return i
		}
	}
	return -1
}

// length is how long what came of the utterance sounds.
func (l *line) length() time.Duration {
	e := l.vendor.Encoding
	return time.Duration(l.sounded/e.Width) * time.Second / time.Duration(e.Rate)
}
