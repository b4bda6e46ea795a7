package wyoming

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/providers/wire"
)

const (
	idleLimit = time.Minute // after which a line that nobody speaks on is closed
	ahead     = 32          // events that wait for a slow caller; then the server waits
)

var errIdle = errors.New("wyoming: idle for too long")

// A line is one connection of a voice. It serves one utterance at a time.
type line struct {
	*conn
	client  *Client
	streams bool          // the server takes text as it arrives
	sounds  chan sounding // of the reader, which closes it when the connection ends
	gone    chan struct{} // the line has ended

	mu       sync.Mutex
	timer    *time.Timer
	speaking bool
	err      error
}

// A sounding is what the reader of a line makes of an event.
type sounding struct {
	format format // of the sound that follows; with pcm
	pcm    []byte
	ended  bool // a request of a server that takes whole texts is spoken to its end
	closed bool // a stream of text is
}

// openLine dials a line, which begins as speaking.
func (c *Client) openLine(ctx context.Context) (*line, error) {
	base := cmp.Or(c.BaseURL, SpeakURL)
	k, i, err := c.dial(ctx, base)
	if err != nil {
		return nil, err
	}
	if !i.speaks {
		_ = k.Close()
		return nil, &wire.Error{Vendor: "wyoming", Status: 400, Message: "the server at " + base + " has no voice"}
	}
	l := &line{conn: k, client: c, streams: i.streamsText, sounds: make(chan sounding, ahead), gone: make(chan struct{}), speaking: true}
	l.timer = time.AfterFunc(idleLimit, func() { l.rest() })
	l.timer.Stop()
	if err := c.pool.Start(l); err != nil {
		_ = k.Close()
		return nil, err
	}
	return l, nil
}

// Key implements pool.Line: all lines are alike.
func (l *line) Key() string { return "" }

// Begin implements pool.Line.
func (l *line) Begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.speaking {
		return false
	}
	l.timer.Stop()
	l.speaking = true
	return true
}

// rest closes a line that has been idle for too long.
func (l *line) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.speaking {
		l.end(errIdle)
	}
}

// release gives the line back after an utterance that was spoken to its end.
func (l *line) release() {
	l.mu.Lock()
	l.speaking = false
	if l.err == nil {
		l.timer.Reset(idleLimit)
	}
	l.mu.Unlock()
	l.client.pool.Give(l, cmp.Or(l.client.Idle, defaultIdle))
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
	l.timer.Stop()
	close(l.gone)
	_ = l.Close()
}

// reason is why the line has ended.
func (l *line) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Read implements pool.Line: it is the connection's one reader.
func (l *line) Read() {
	defer close(l.sounds)
	for {
		e, err := l.hear()
		if err == nil && e.kind == "error" {
			err = e.failure()
		}
		if err != nil {
			l.Fail(failure(fmt.Errorf("hear: %w", err)))
			return
		}
		s, tell := soundOf(&e)
		if !tell || !l.busy() {
			continue
		}
		select {
		case l.sounds <- s:
		case <-l.gone:
			return
		}
	}
}

// busy says that an utterance has the line.
func (l *line) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.speaking
}

// soundOf is what an event of a voice says; tell is false of those that say nothing.
func soundOf(e *event) (s sounding, tell bool) {
	switch e.kind {
	case "audio-start", "audio-chunk":
		s.format = format{Width: 2, Channels: 1}
		if e.into(&s.format) != nil {
			s.format = format{} // and nobody can play it
		}
		s.pcm = append([]byte(nil), e.payload...)
	case "audio-stop":
		s.ended = true
	case "synthesize-stopped":
		s.closed = true
	default:
		return s, false
	}
	return s, true
}
