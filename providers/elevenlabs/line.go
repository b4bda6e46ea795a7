package elevenlabs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/pool"
)

// How a line is kept.
const (
	lineBeat     = 10 * time.Second // between signs of life, both ways; idle lines of a kind but one go after it
	lineSilence  = 25 * time.Second // without so much as a pong the server is gone
	inactivity   = 3 * time.Minute  // until the server closes what is told nothing: the most that it grants; it would be 20 s
	idleLimit    = 3 * time.Minute  // the last idle line of a kind goes after so long
	lineAudio    = 15 * time.Second // sound that waits for a slow caller; then the socket waits
	mostContexts = 4                // at once; the server hangs up at the sixth, and may be slower than we are to know of an end
	maxGarbage   = 5                // unreadable messages in a row
	writeLimit   = 3 * time.Second  // a server that reads nothing for so long is gone
	messageLimit = 8 << 20          // bytes; a minute of speech at 24 kHz in one message is less
	reasonLimit  = 200 * time.Millisecond
)

var errIdle = errors.New("idle for too long")

type lineState uint8

// The states of a line. Only a speaking one has a Speak that owns it and may write to it; one that is being nudged is its timer's.
const (
	lineIdling lineState = iota
	lineSpeaking
	lineNudged
)

// A line is one voice socket. It serves one utterance at a time, in a context of its own, and its reader never stops reading but for a
// full buffer.
type line struct {
	conn *websocket.Conn
	pool *pool.Pool[*line]
	most int // idle lines that the pool keeps
	want want
	key  string // of the account
	full int    // bytes of sound that may wait
	news chan struct{}

	mu      sync.Mutex
	room    *sync.Cond
	timer   *time.Timer
	state   lineState
	since   time.Time // when it came to its state
	context string    // whose sound is wanted; empty: nobody's
	final   bool      // all of it has come
	left    int       // contexts that were cut, of which the end has not come yet
	sounded int       // bytes of the context so far
	audio   []byte    // that wait
	times   words
	words   []pipeline.Word // that wait
	err     error
}

// openLine dials a line, which begins as speaking.
func (c *Client) openLine(ctx context.Context, w want) (*line, error) {
	conn, err := c.dial(ctx, w.address)
	if err != nil {
		return nil, err
	}
	l := &line{
		conn: conn, pool: &c.pool, most: cmp.Or(c.Idle, defaultIdle), want: w, key: c.Key, full: w.format.bytes(lineAudio),
		news: make(chan struct{}, 1), state: lineSpeaking, since: time.Now(),
	}
	l.room = sync.NewCond(&l.mu)
	if err := c.pool.Start(l); err != nil {
		_ = conn.Close()
		return nil, lost(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(lineBeat, l.beat)
	return l, nil
}

// dial opens a socket.
func (c *Client) dial(calling context.Context, address string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, ReadBufferSize: 4096, WriteBufferSize: 2048}
	if c.NetDial != nil {
		dialer.Proxy, dialer.NetDialContext = nil, c.NetDial
	}
	limit := cmp.Or(c.DialLimit, defaultDialLimit)
	ctx, cancel := context.WithTimeoutCause(calling, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	conn, answer, err := dialer.DialContext(ctx, address, http.Header{"Xi-Api-Key": {c.Key}})
	if err == nil {
		conn.SetReadLimit(messageLimit)
		return conn, nil
	}
	if answer != nil {
		defer func() { _ = answer.Body.Close() }() // its beginning is in memory already
		return nil, declined(answer, c.Key)
	}
	if end, _ := ctx.Deadline(); timedOut(err) && time.Until(end) < 10*time.Millisecond {
		<-ctx.Done() // the connection's deadline is ctx's own, and may have come a moment earlier
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if calling.Err() != nil {
		return nil, err // not ElevenLabs' fault
	}
	return nil, lost(fmt.Errorf("dial: %w", err))
}

// Key implements pool.Line.
func (l *line) Key() string { return l.want.address }

// Begin implements pool.Line: it makes an idle line a speaking one. One on which too many cut utterances are still being spoken rests.
func (l *line) Begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.state != lineIdling || l.left >= mostContexts {
		return false
	}
	l.state, l.since = lineSpeaking, time.Now()
	return true
}

// open makes the context id the one whose sound is wanted.
func (l *line) open(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.context, l.final, l.sounded, l.times = id, false, 0, words{}
}

// expect says that there is more to come of the context than what came so far.
func (l *line) expect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.final = false
}

// hush drops what waits of the context and all that is to come of it.
func (l *line) hush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.context != "" && !l.final {
		l.left++
	}
	l.context, l.audio, l.words = "", l.audio[:0], nil
	l.room.Signal()
}

// release gives the line back after an utterance.
func (l *line) release() {
	l.hush()
	l.mu.Lock()
	l.state, l.since = lineIdling, time.Now()
	l.mu.Unlock()
	l.pool.Give(l, l.most)
}

// take moves whole samples and the words that came out of the line; memory is for samples to come. final says that all has come of the
// context, and nothing is left. An error comes when all before it was taken.
func (l *line) take(memory []byte) (audio []byte, said []pipeline.Word, final bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole := len(l.audio) / l.want.format.width * l.want.format.width
	audio, l.audio = l.audio[:whole], append(memory[:0], l.audio[whole:]...)
	said, l.words = l.words, nil
	l.room.Signal()
	if whole > 0 || len(said) > 0 {
		return audio, said, false, nil
	}
	return audio, said, l.final, l.err
}

// write sends one message. Only the line's Speak calls it, or the timer of one that nobody speaks on.
func (l *line) write(b []byte) error {
	err := l.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	if err == nil {
		err = l.conn.WriteMessage(websocket.TextMessage, b)
	}
	if err != nil {
		return l.reason(broken(err, l.key))
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

// beat asks for a pong, keeps the server from closing an idle line, and closes one that has been idle for too long.
func (l *line) beat() {
	l.mu.Lock()
	idling, since, dead := l.state == lineIdling, time.Since(l.since), l.err != nil
	if idling {
		l.state = lineNudged // nobody takes it meanwhile
	}
	l.mu.Unlock()
	switch {
	case dead:
		return
	case idling && (since >= idleLimit || since >= lineBeat && l.pool.Surplus(l)):
		l.Fail(lost(errIdle))
		return
	case idling && l.write(alive("")) != nil:
		return
	}
	if err := l.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit)); err != nil {
		l.Fail(broken(err, l.key))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if idling {
		l.state = lineIdling
	}
	if l.err == nil {
		l.timer.Reset(lineBeat)
	}
}

// Read implements pool.Line: it is the socket's one reader, and ends when the socket does.
func (l *line) Read() {
	listen := func() error { return l.conn.SetReadDeadline(time.Now().Add(lineSilence)) }
	l.conn.SetPongHandler(func(string) error { return listen() })
	var buf bytes.Buffer
	for garbage := 0; garbage < maxGarbage; {
		err := listen()
		if err == nil {
			err = l.next(&buf)
		}
		if err != nil {
			l.Fail(broken(err, l.key))
			return
		}
		m, err := decode(buf.Bytes())
		if err != nil {
			garbage++
			continue
		}
		garbage = 0
		if refused := m.refused(l.key); refused != nil {
			l.Fail(refused)
			return
		}
		if err := l.hear(&m); err != nil {
			l.Fail(err)
			return
		}
	}
	l.Fail(lost(fmt.Errorf("%d unreadable messages in a row", maxGarbage)))
}

// next reads a message into buf. There are only texts: what is none is read as one, and comes to nothing.
func (l *line) next(buf *bytes.Buffer) error {
	_, r, err := l.conn.NextReader()
	if err != nil {
		return err
	}
	buf.Reset()
	_, err = buf.ReadFrom(r)
	return err
}

// hear keeps sound and words for the line's Speak, and drops what is of a context that was cut. When too much waits it waits too.
func (l *line) hear(m *message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ours := func() bool { return l.context != "" && m.Context == l.context && l.err == nil }
	for ours() && len(l.audio) >= l.full {
		l.room.Wait()
	}
	if !ours() {
		if m.Final && l.left > 0 {
			l.left--
		}
		return nil
	}
	if l.sounded == 0 {
		if wrong := container(m.Audio); wrong != "" {
			return &Error{Reason: BadRequest, Message: wrong + " came where " + l.want.format.name + " was asked for"}
		}
	}
	if m.Alignment != nil {
		l.words = l.times.add(l.words, m.Alignment, l.want.format.length(l.sounded))
	}
	l.audio = append(l.audio, m.Audio...)
	l.sounded += len(m.Audio)
	if m.Final {
		l.words = l.times.finish(l.words)
		l.final = true
	}
	l.tell()
	return nil
}

// container names a format that begins with a name, unlike those that are asked for: it would be heard as noise.
func container(sound []byte) string {
	for name, mark := range map[string]string{"MP3": "ID3", "WAV": "RIFF", "Ogg": "OggS"} {
		if bytes.HasPrefix(sound, []byte(mark)) {
			return name
		}
	}
	return ""
}
