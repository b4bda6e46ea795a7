package wire

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gorilla/websocket"
)

// How a socket is watched.
const (
	keepAlive    = 4 * time.Second        // between pings, and between messages without audio
	silenceLimit = 10 * time.Second       // without so much as a pong the server is gone
	maxGarbage   = 5                      // unreadable messages in a row
	reasonLimit  = 200 * time.Millisecond // for the reason of a socket that can no longer be written
)

// hungUp is the server's goodbye when we had not asked for it.
type hungUp struct{}

func (hungUp) Error() string { return "the server hung up" }

// Is says that it is an end of the connection like any other.
func (hungUp) Is(target error) bool { return target == io.EOF }

// First is a socket's first message. It waits for it no longer than limit, or until ctx ends; conn is closed if it did not come.
func First(ctx context.Context, conn *websocket.Conn, limit time.Duration) ([]byte, error) {
	stopped := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err := conn.SetReadDeadline(time.Now().Add(limit))
	var text []byte
	if err == nil {
		_, text, err = conn.ReadMessage()
	}
	switch {
	case !stopped() && ctx.Err() != nil:
		err = context.Cause(ctx)
	case TimedOut(err):
		err = Late("first message", limit)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return text, nil
}

// serve sends and reads on conn until Close has been answered (nil) or the socket is lost. conn is closed and its reader gone when
// it returns.
func (t *Transcription) serve(life context.Context, conn *websocket.Conn) error {
	defer context.AfterFunc(life, func() { _ = conn.Close() })()
	read := make(chan error, 1)
	go func() { read <- t.read(conn) }()
	ended, err := t.send(conn, read)
	if !ended {
		select {
		case rerr := <-read: // the server's reason says more than a broken pipe
			ended = true
			if rerr != nil {
				err = rerr
			}
		case <-time.After(reasonLimit):
		}
	}
	_ = conn.Close() // all that matters was said
	if !ended {
		if rerr := <-read; err == nil {
			err = rerr
		}
	}
	return err
}

// A task is what is to be sent next: words to be expected before the audio that they are for, audio before Ask, and Ask before Bye.
type task struct {
	expect []byte
	audio  []byte
	ask    bool
	close  bool
}

// next takes the next task; none if there is nothing to do yet. Audio goes out in full messages, except before an Ask and at the end.
func (t *Transcription) next(buf []byte) task {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.untold {
		t.untold = false
		return task{expect: t.expected}
	}
	upTo := t.reel.Head()
	q := t.hearing.unasked()
	if q != nil {
		upTo = min(upTo, q.head)
	}
	if n := t.reel.Unsent(upTo); !t.gated() && (n >= t.chunk || n > 0 && (q != nil || t.closing)) {
		return task{audio: t.fill(t.reel.Take(buf[:0], t.chunk, upTo, &t.clock))}
	}
	if q != nil {
		t.hearing.asking(q, t.clock.sent, t.clock.Sent())
		return task{ask: true}
	}
	return task{close: t.closing}
}

// fill makes audio as long as the least that a message may have.
func (t *Transcription) fill(audio []byte) []byte {
	short := t.Encoding.Bytes(t.Least) - len(audio)
	if short <= 0 {
		return audio
	}
	t.clock.Skip(time.Duration(short/t.Encoding.Width) * time.Second / time.Duration(t.Encoding.Rate))
	return append(audio, t.silence(short)...)
}

// silence is n bytes of it.
func (t *Transcription) silence(n int) []byte {
	b := make([]byte, n)
	t.Encoding.Encode(b, make([]int16, n/t.Encoding.Width))
	return b
}

// send is the socket's one writer. ended says that the reader has ended, which it then need not be waited for.
func (t *Transcription) send(conn *websocket.Conn, read <-chan error) (ended bool, err error) {
	buf := make([]byte, 0, t.chunk+t.reel.Frame())
	var message []byte
	pulse := cmp.Or(t.Still, keepAlive)
	beat := time.NewTicker(pulse)
	defer beat.Stop()
	spoke := time.Now()
	for {
		do := t.next(buf)
		switch {
		case do.expect != nil:
			err = Write(conn, websocket.TextMessage, do.expect)
		case len(do.audio) > 0:
			message, err = t.carry(conn, message, do.audio)
			spoke = time.Now()
		case do.ask:
			err = Write(conn, websocket.TextMessage, t.dialect.Ask())
		case do.close && t.dialect.Bye() != nil:
			if err = Write(conn, websocket.TextMessage, t.dialect.Bye()); err == nil {
				return true, <-read // bounded by Close, which ends life
			}
		case do.close && t.answered():
			return true, t.leave(conn, read)
		default:
			select {
			case <-t.wake:
			case err := <-read:
				if err == nil {
					err = t.dialect.Broken(hungUp{})
				}
				return true, err
			case now := <-beat.C:
				err = t.beat(conn, now.Sub(spoke) >= pulse*3/4)
			}
		}
		if err != nil {
			return false, t.dialect.Broken(err)
		}
	}
}

// leave closes the socket in good order.
func (t *Transcription) leave(conn *websocket.Conn, read <-chan error) error {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(writeLimit)); err != nil {
		_ = conn.Close() // what ends the reader
	}
	return <-read // bounded by Close, which ends life
}

// carry sends audio; message is memory for what carries it.
func (t *Transcription) carry(conn *websocket.Conn, message, audio []byte) ([]byte, error) {
	b, kind := t.dialect.Audio(message[:0], audio)
	err := Write(conn, kind, b)
	if kind == websocket.BinaryMessage {
		return message, err
	}
	return b, err
}

// answered says that no question waits for its answer.
func (t *Transcription) answered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.hearing.questions) == 0
}

// beat asks for a pong, by which the reader knows that the server is there, and keeps a stream without audio alive.
func (t *Transcription) beat(conn *websocket.Conn, idle bool) (err error) {
	alive := t.dialect.Alive()
	switch {
	case !idle:
	case alive != nil:
		err = Write(conn, websocket.TextMessage, alive)
	case !t.Gated:
		err = t.still(conn)
	}
	if err != nil {
		return err
	}
	return conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit))
}

// still sends what waits to fill a message, and then silence: a little, or nearly as much as there was none.
func (t *Transcription) still(conn *websocket.Conn) error {
	n := max(int(t.Still*4/5/t.Chunk), 1)
	t.mu.Lock()
	rest := t.reel.Take(nil, t.chunk, t.reel.Head(), &t.clock)
	t.clock.Skip(time.Duration(n) * t.Chunk)
	t.mu.Unlock()
	var message []byte
	var err error
	if len(rest) > 0 {
		message, err = t.carry(conn, message, rest)
	}
	for silence := t.silence(t.chunk); n > 0 && err == nil; n-- {
		message, err = t.carry(conn, message, silence)
	}
	return err
}

// read is the socket's one reader. A goodbye of the server's is nil.
func (t *Transcription) read(conn *websocket.Conn) error {
	listen := func() error { return conn.SetReadDeadline(time.Now().Add(silenceLimit)) }
	conn.SetPongHandler(func(string) error { return listen() })
	var buf bytes.Buffer
	for garbage := 0; ; {
		err := listen()
		var kind int
		var r io.Reader
		if err == nil {
			kind, r, err = conn.NextReader()
		}
		if err == nil {
			buf.Reset()
			_, err = buf.ReadFrom(r)
		}
		switch {
		case Goodbye(err):
			return nil
		case err != nil:
			return t.dialect.Broken(err)
		case kind != websocket.TextMessage:
			continue // no recogniser answers in sound
		}
		m, err := t.dialect.Understand(buf.Bytes(), t.since())
		if err != nil {
			if garbage++; garbage == maxGarbage {
				return t.dialect.Broken(fmt.Errorf("%d unreadable messages in a row: %w", garbage, err))
			}
			continue
		}
		garbage = 0
		if last, err := t.hear(&m); last || err != nil {
			return err
		}
	}
}

// since is where on the socket the last Ask that was answered had come.
func (t *Transcription) since() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hearing.since
}

// hear takes what one message says.
func (t *Transcription) hear(m *Heard) (last bool, err error) {
	for ; m != nil; m = m.Then {
		if m.Warning != "" {
			t.Log.Warn("recogniser warns", "provider", t.Name, "warning", m.Warning)
		}
		if m.Failure != nil {
			return false, m.Failure
		}
		t.mu.Lock()
		t.heed(m)
		t.mu.Unlock()
		last = last || m.Last
	}
	return last, nil
}

// heed takes what is told. It is called under mu.
func (t *Transcription) heed(m *Heard) {
	t.hearing.heard++
	if !m.Told && !m.Answer && m.Turn == 0 {
		return
	}
	for i := range m.Words {
		w := &m.Words[i]
		w.Start, w.End = t.clock.Begin(w.Start), t.clock.At(w.End)
		w.End = max(w.Start, w.End)
	}
	m.End = t.reach(m)
	t.hearing.take(m, time.Now(), t.out)
	t.reel.Settle(t.hearing.settled)
	t.arm()
	t.nudge() // who is closing may have waited for this
}

// reach is how far into the call a message reaches; 0: nobody knows. It is called under mu.
func (t *Transcription) reach(m *Heard) time.Duration {
	switch n := len(m.Words); {
	case m.Turn != 0: // no further than what was sent, without the silence that took the place of audio
		return min(t.clock.Sent(), t.written)
	case m.End > 0:
		return t.clock.At(m.End)
	case n > 0:
		return m.Words[n-1].End
	case m.Answer && t.Exact:
		return t.clock.At(t.hearing.reach())
	}
	return 0
}
