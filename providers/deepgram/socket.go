package deepgram

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/gorilla/websocket"

	"parley/providers/wire"
)

// How a listen socket is watched.
const (
	keepAlive    = 4 * time.Second        // Deepgram gives up after 10 s without audio or KeepAlive (NET-0001)
	silenceLimit = 10 * time.Second       // without so much as a pong the server is gone
	maxGarbage   = 5                      // unreadable messages in a row
	reasonLimit  = 200 * time.Millisecond // for the reason of a socket that can no longer be written
)

func (t *transcription) dial(ctx context.Context) (*websocket.Conn, error) {
	return t.client.dial(ctx, "listen", t.path, t.query, t.chunk+t.reel.Frame())
}

// serve sends and reads on conn until Close has been answered (nil) or the socket is lost. conn is closed and its reader gone when
// it returns.
func (t *transcription) serve(life context.Context, conn *websocket.Conn) error {
	defer context.AfterFunc(life, func() { _ = conn.Close() })()
	read := make(chan error, 1)
	go func() { read <- t.read(conn) }()
	ended, err := t.send(conn, read)
	if !ended {
		select {
		case rerr := <-read: // the server's reason says more than a broken pipe
			ended, err = true, or(rerr, err)
		case <-time.After(reasonLimit):
		}
	}
	_ = conn.Close() // all that matters was said
	if !ended {
		err = or(err, <-read)
	}
	return err
}

// A task is what is to be sent next. Key terms come before the audio that they are for, audio before Finalize, and Finalize before
// CloseStream.
type task struct {
	terms    []byte
	audio    []byte
	finalize bool
	close    bool
}

// next takes the next task; none if there is nothing to do yet. Audio goes out in full messages, except before a Finalize, at the
// end, and where a turn may end.
func (t *transcription) next(buf []byte) task {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.untoldTerms {
		t.untoldTerms = false
		return task{terms: t.terms}
	}
	upTo := t.reel.Head()
	q := t.hearing.unasked()
	if q != nil {
		upTo = min(upTo, q.head)
	}
	rushed := q != nil || t.closing || t.near > 0
	if rushed && t.reel.Unsent(upTo) > 0 || t.reel.Unsent(upTo) >= t.chunk {
		return task{audio: t.reel.Take(buf[:0], t.chunk, upTo, &t.clock)}
	}
	if q != nil {
		q.asked, q.reach = true, t.clock.Sent()
		return task{finalize: true}
	}
	return task{close: t.closing}
}

// send is the socket's one writer. ended says that the reader has ended, which it then need not be waited for.
func (t *transcription) send(conn *websocket.Conn, read <-chan error) (ended bool, err error) {
	buf := make([]byte, 0, t.chunk+t.reel.Frame())
	pulse, ask := keepAlive, `{"type":"Finalize"}`
	if t.flux {
		pulse, ask = stillAfter, `{"type":"ForceEndTurn"}`
	}
	beat := time.NewTicker(pulse)
	defer beat.Stop()
	spoke := time.Now()
	pinged := spoke
	for {
		do := t.next(buf)
		switch {
		case do.terms != nil:
			err = wire.Write(conn, websocket.TextMessage, do.terms)
		case len(do.audio) > 0:
			err, spoke = wire.Write(conn, websocket.BinaryMessage, do.audio), time.Now()
		case do.finalize:
			err = wire.Write(conn, websocket.TextMessage, []byte(ask))
		case do.close:
			if err = wire.Write(conn, websocket.TextMessage, []byte(`{"type":"CloseStream"}`)); err == nil {
				return true, <-read // bounded by Close, which ends life
			}
		default:
			select {
			case <-t.wake:
			case err := <-read:
				return true, or[error](err, errHungUp)
			case now := <-beat.C:
				if t.flux {
					err = t.fillStillness(conn, buf)
				}
				if err == nil && now.Sub(pinged) >= keepAlive-pulse/2 {
					err, pinged = t.beat(conn, !t.flux && now.Sub(spoke) >= keepAlive), now
				}
			}
		}
		if err != nil {
			return false, broken("listen", err)
		}
	}
}

// beat asks for a pong, by which the reader knows that the server is there, and keeps a stream without audio alive.
func (t *transcription) beat(conn *websocket.Conn, idle bool) error {
	if idle {
		if err := wire.Write(conn, websocket.TextMessage, []byte(`{"type":"KeepAlive"}`)); err != nil {
			return err
		}
	}
	return conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit))
}

// errHungUp is the server's goodbye when we had not asked for it.
var errHungUp = &Error{Op: "listen", Close: websocket.CloseNormalClosure, Message: "the server hung up"}

// read is the socket's one reader. A goodbye of the server's is nil.
func (t *transcription) read(conn *websocket.Conn) error {
	listen := func() error { return conn.SetReadDeadline(time.Now().Add(silenceLimit)) }
	conn.SetPongHandler(func(string) error { return listen() })
	last := latest{update: message{kind: "TurnInfo", event: "Update", again: true}}
	for {
		if err := listen(); err != nil {
			return broken("listen", err)
		}
		kind, r, err := conn.NextReader()
		switch {
		case wire.Goodbye(err):
			return nil
		case err != nil:
			return broken("listen", err)
		case kind != websocket.TextMessage:
			continue // listen has no binary messages
		}
		if over, err := t.message(r, &last); over || err != nil {
			return err
		}
	}
}

// latest is what a socket's reader knows of what it has read.
type latest struct {
	update  message // to be told again: the words of a turn have not changed
	garbage int     // unreadable messages in a row
}

// message reads one message, and says whether it broke off with a goodbye.
func (t *transcription) message(r io.Reader, last *latest) (over bool, err error) {
	buf := t.client.buffer()
	defer t.client.buffers.Put(buf)
	switch _, err := buf.ReadFrom(r); {
	case wire.Goodbye(err):
		return true, nil
	case err != nil:
		return false, broken("listen", err)
	}
	if end, same := repeats(buf.Bytes(), last.update.text); same && t.flux {
		last.update.end, last.update.lang = end, ""
		return false, t.hear(&last.update)
	}
	m, err := understand(buf.Bytes())
	if err != nil {
		if last.garbage++; last.garbage == maxGarbage {
			return false, fmt.Errorf("deepgram listen: %d unreadable messages in a row: %w", last.garbage, err)
		}
		return false, nil
	}
	last.garbage = 0
	if m.kind == "TurnInfo" {
		last.update.text = m.text
	}
	return false, t.hear(m)
}

// hear takes one message of the server.
func (t *transcription) hear(m *message) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.kind != "Connected" { // which says no more than the handshake did
		t.hearing.heard++
	}
	switch m.kind {
	case "Results", "TurnInfo":
		m.end = t.clock.At(m.end)
		for i := range m.words {
			w := &m.words[i]
			w.Start, w.End = t.clock.At(w.Start), t.clock.At(w.End)
		}
		if m.lang == "" {
			m.lang = t.lang
		}
		if m.kind == "TurnInfo" {
			t.hearing.turn(m, time.Now(), t.out)
			if m.event == "EndOfTurn" {
				t.near = 0
			}
		} else {
			t.hearing.result(m, time.Now(), t.out)
		}
		t.reel.Settle(t.hearing.settled)
		t.arm()
	case "UtteranceEnd":
		t.afterthought()
	case "Error":
		return &Error{Op: "listen", Code: m.code, Message: m.about}
	case "Warning":
		t.log.Warn("deepgram warns", "code", m.code, "warning", m.about)
	case "ConfigureFailure":
		t.log.Warn("deepgram refuses the words that are expected", "request_id", m.request)
	case "Metadata", "Connected":
		t.log.Debug("transcription", "request_id", m.request)
	}
	return nil
}

// afterthought asks for words that were understood where the call's Ear heard no speech, when Deepgram says that they have ended.
func (t *transcription) afterthought() {
	switch {
	case !t.hearing.quiet():
	case t.hearing.interim == nil:
		t.hearing.stray(t.out)
	default:
		limit := or(t.client.FinalLimit, defaultFinalLimit)
		t.hearing.expect(question{at: math.MaxInt64, head: t.reel.Head(), due: time.Now().Add(limit)}, t.out)
		t.arm()
		t.nudge()
	}
}
