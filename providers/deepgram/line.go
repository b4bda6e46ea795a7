package deepgram

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/providers/wire"
)

// How a line is kept.
const (
	lineBeat      = 10 * time.Second // between pings, which also keep Deepgram from closing an idle socket; idle lines of a voice but one go after it
	lineSilence   = 25 * time.Second // without so much as a pong the server is gone
	idleLimit     = 3 * time.Minute  // the last idle line of a voice goes after so long
	clearLimit    = 2 * time.Second  // longest wait for Cleared
	lineAudio     = 15 * time.Second // audio that waits for a slow caller; then the socket waits
	flushWindow   = time.Minute
	flushBudget   = 20 // Flushes that Deepgram takes in a window (docs/tts-ws-flush)
	spareFlushes  = 6  // below so many, only those that end an utterance are sent
	sparedFlushes = 3  // below so many, a line rests
)

var errIdle = errors.New("deepgram speak: idle for too long")

type lineState uint8

// The states of a line. Only a speaking one has a Speak that owns it and may write to it.
const (
	lineIdling lineState = iota
	lineSpeaking
	lineClearing // waiting for Cleared; what comes until then belongs to nobody
)

// A line is one voice socket. It serves one utterance at a time, and its reader never stops reading but for a full buffer.
type line struct {
	conn   *websocket.Conn
	client *Client
	most   int    // idle lines that the pool keeps
	key    string // the query that it was opened with: voice, encoding, rate, speed
	full   int    // bytes of audio that may wait
	enc    wire.Encoding
	turns  bool // Flux: an utterance is a turn
	news   chan struct{}

	flushes []time.Time // when it was flushed, of the last window; written by its Speak, read when idle

	mu      sync.Mutex
	room    *sync.Cond
	timer   *time.Timer
	state   lineState
	since   time.Time // when it came to its state
	audio   []byte
	flushed int // answers to Flushes of this utterance
	err     error

	taken  int   // bytes of audio that came out of it, ever
	offset int64 // that the last Interrupt told, in milliseconds of them
}

// openLine dials a line, which begins as speaking.
func (c *Client) openLine(ctx context.Context, q url.Values, enc wire.Encoding) (*line, error) {
	path, turns := "/v1/speak", turnTaking(q.Get("model"))
	if turns {
		path = "/v2/speak"
	}
	conn, err := c.dial(ctx, "speak", path, q, 2048)
	if err != nil {
		return nil, err
	}
	l := &line{
		conn: conn, client: c, most: or(c.Idle, defaultIdle), key: q.Encode(), full: enc.Bytes(lineAudio), enc: enc, turns: turns,
		news: make(chan struct{}, 1), state: lineSpeaking, since: time.Now(),
	}
	l.room = sync.NewCond(&l.mu)
	if err := c.pool.Start(l); err != nil {
		_ = conn.Close()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(lineBeat, l.beat)
	return l, nil
}

// Key implements pool.Line.
func (l *line) Key() string { return l.key }

// Begin implements pool.Line: it makes an idle line a speaking one; false if it has died, or was flushed too often.
func (l *line) Begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.state != lineIdling || l.budget(time.Now()) < sparedFlushes {
		return false
	}
	l.enter(lineSpeaking)
	return true
}

func (l *line) enter(s lineState) {
	l.state, l.since = s, time.Now()
	l.audio, l.flushed = l.audio[:0], 0
	l.room.Signal()
}

// budget is how often the line may be flushed now.
func (l *line) budget(now time.Time) int {
	for len(l.flushes) > 0 && now.Sub(l.flushes[0]) >= flushWindow {
		l.flushes = append(l.flushes[:0], l.flushes[1:]...)
	}
	return flushBudget - len(l.flushes)
}

// flush asks for all that was said to be spoken.
func (l *line) flush() error {
	l.flushes = append(l.flushes, time.Now())
	return l.write([]byte(`{"type":"Flush"}`))
}

// write sends one text message. Only the line's Speak calls it.
func (l *line) write(b []byte) error {
	if err := wire.Write(l.conn, websocket.TextMessage, b); err != nil {
		return l.reason(broken("speak", err))
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

// take moves the whole samples that came out of the line; into is the caller's memory for those to come. done says
// that all flushes have been answered and nothing is left.
func (l *line) take(into []byte, width, flushes int) (audio []byte, done bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole := len(l.audio) / width * width
	audio, l.audio = l.audio[:whole], append(into[:0], l.audio[whole:]...)
	l.taken += whole
	l.room.Signal()
	return audio, whole == 0 && l.flushed >= flushes, l.err
}

// release gives the line back after an utterance that was spoken to its end.
func (l *line) release() {
	l.mu.Lock()
	l.enter(lineIdling)
	if l.err == nil {
		l.timer.Reset(lineBeat)
	}
	l.mu.Unlock()
	l.client.pool.Give(l, l.most)
}

// clear gives the line back after an utterance that was cut, as soon as the server has forgotten it; if it does not, the line is closed.
// unheard is how many bytes came out of the line that nobody was given.
func (l *line) clear(unheard int) {
	l.mu.Lock()
	dead := l.err != nil
	if !dead {
		l.enter(lineClearing)
		l.timer.Reset(clearLimit)
	}
	l.mu.Unlock()
	if dead {
		return
	}
	order := []byte(`{"type":"Clear"}`)
	if l.turns {
		order = l.interrupt(unheard)
	}
	_ = l.write(order) // a failed write has closed the line
}

// interrupt ends a turn of Flux's, with how much of the session's audio was given away: what the caller has heard is not known here, and is
// less. It is told only if it has grown, as Flux wants it.
func (l *line) interrupt(unheard int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	given := time.Duration((l.taken-unheard)/l.enc.Width) * time.Second / time.Duration(l.enc.Rate)
	if given.Milliseconds() <= l.offset {
		return []byte(`{"type":"Interrupt"}`)
	}
	l.offset = given.Milliseconds()
	return fmt.Appendf(nil, `{"type":"Interrupt","playback_offset":{"type":"time_ms","value":%d}}`, l.offset)
}

// Fail implements pool.Line: it ends the line; only the first reason counts.
func (l *line) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(err)
}

func (l *line) end(err error) {
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

// beat asks for a pong, and closes a line that has been idle or unanswered for too long.
func (l *line) beat() {
	l.mu.Lock()
	state, since, dead := l.state, time.Since(l.since), l.err != nil
	l.mu.Unlock()
	switch {
	case dead:
		return
	case state == lineClearing && since >= clearLimit:
		l.Fail(fmt.Errorf("deepgram speak: Clear was not answered within %v", clearLimit))
		return
	case state == lineIdling && (since >= idleLimit || since >= lineBeat && l.client.pool.Surplus(l)):
		l.mu.Lock()
		if l.state == lineIdling { // nobody took it meanwhile
			l.end(errIdle)
		}
		l.mu.Unlock()
		return
	}
	if err := l.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit)); err != nil {
		l.Fail(broken("speak", err))
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
	scratch := make([]byte, 2048)
	for garbage := 0; garbage < maxGarbage; {
		err := listen()
		var kind int
		var r io.Reader
		if err == nil {
			kind, r, err = l.conn.NextReader()
		}
		readable := true
		if err == nil && kind == websocket.BinaryMessage {
			err = l.hear(r, scratch, listen)
		} else if err == nil {
			readable, err = l.message(r)
		}
		switch {
		case err != nil:
			l.Fail(broken("speak", err))
			return
		case !readable:
			garbage++
		case kind == websocket.TextMessage:
			garbage = 0
		}
	}
	l.Fail(fmt.Errorf("deepgram speak: %d unreadable messages in a row", maxGarbage))
}

// message reads a text message and obeys it, if it makes sense.
func (l *line) message(r io.Reader) (readable bool, err error) {
	buf := l.client.buffer()
	defer l.client.buffers.Put(buf)
	if _, err := buf.ReadFrom(r); err != nil {
		return false, err
	}
	m, err := decode(buf.Bytes())
	if err != nil {
		return false, nil //nolint:nilerr // the caller counts them
	}
	l.heed(&m)
	return true, nil
}

// hear keeps audio for the line's Speak; when too much waits it waits too.
func (l *line) hear(r io.Reader, scratch []byte, listen func() error) error {
	for {
		n, err := r.Read(scratch)
		l.mu.Lock()
		waited := false
		for l.state == lineSpeaking && l.err == nil && len(l.audio) >= l.full {
			l.room.Wait()
			waited = true
		}
		if n > 0 && l.state == lineSpeaking {
			l.audio = append(l.audio, scratch[:n]...)
			l.tell()
		}
		l.mu.Unlock()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case waited:
			if err := listen(); err != nil {
				return err
			}
		}
	}
}

// heed obeys a text message.
func (l *line) heed(m *message) {
	answer := "Flushed"
	if l.turns {
		answer = "SpeechMetadata" // all of a turn's sound comes before it, but not before Flushed
	}
	switch m.kind {
	case answer:
		l.mu.Lock()
		l.flushed++
		l.mu.Unlock()
		l.tell()
	case "Cleared", "SpeechInterrupted":
		l.mu.Lock()
		cleared := l.state == lineClearing && l.err == nil
		if cleared {
			l.enter(lineIdling)
			l.timer.Reset(lineBeat)
		}
		l.mu.Unlock()
		if cleared {
			l.client.pool.Give(l, l.most)
		}
	case "Warning", "Error":
		l.Fail(&Error{Op: "speak", Code: m.code, Message: m.about})
	}
}
