package floor

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"

	"github.com/segmentio/asm/base64"
)

// Own is the floor: own framing on net.Conn, a hand codec and one wheel. It allocates nothing once a stream runs.
type Own struct {
	Stats Stats
}

// stream is one call of Own.
type stream struct {
	own  *Own
	conn net.Conn
	in   frames
	law  [3 * frameBytes]byte
	slot int

	out    []byte // a whole message; its payload is written anew for each beat
	audio  []byte // of out
	speech []byte
	tick   int
	table  *[256]int64
}

// Serve answers streams on ln until ctx ends, then closes them all and waits for them.
func (o *Own) Serve(ctx context.Context, ln net.Listener) error {
	var (
		w     wheel
		all   sync.WaitGroup
		table = squares()
		voice = speech()
	)
	ctx, cancel := context.WithCancel(ctx)
	defer all.Wait()
	defer cancel()
	all.Go(func() { w.run(ctx) })
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		all.Go(func() {
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			defer conn.Close()
			s := &stream{own: o, conn: conn, table: &table, speech: voice}
			s.in.from = conn
			s.run(&w)
		})
	}
}

// run reads the stream until it ends; the first message that names a stream makes it speak.
func (s *stream) run(w *wheel) {
	if upgrade(s.conn) != nil {
		return
	}
	for {
		text, err := s.in.next()
		if err != nil {
			return
		}
		switch {
		case bytes.Contains(text, mediaEvent):
			s.hear(text)
		case s.out == nil && bytes.Contains(text, startEvent):
			if err := s.greet(text); err != nil {
				s.own.Stats.Bad.Add(1)
				return
			}
			w.join(s)
			defer w.leave(s)
		}
	}
}

var (
	mediaEvent = []byte(`"event":"media"`)
	startEvent = []byte(`"event":"start"`)
	payloadKey = []byte(`"payload":"`)
	sidKey     = []byte(`"streamSid":"`)
)

// value is what stands between key and the next quote.
func value(text, key []byte) []byte {
	i := bytes.Index(text, key)
	if i < 0 {
		return nil
	}
	text = text[i+len(key):]
	if i = bytes.IndexByte(text, '"'); i < 0 {
		return nil
	}
	return text[:i]
}

// greet prepares the message that will be sent again and again.
func (s *stream) greet(start []byte) error {
	sid := value(start, sidKey)
	if sid == nil {
		return errors.New("start without streamSid")
	}
	text := append([]byte(`{"event":"media","streamSid":"`), sid...)
	text = append(text, `","media":{"payload":"`...)
	from := len(text)
	text = append(text, make([]byte, base64.StdEncoding.EncodedLen(frameBytes))...)
	to := len(text)
	text = append(text, `"}}`...)
	s.out = append([]byte{textFrame, 126, 0, 0}, text...)
	binary.BigEndian.PutUint16(s.out[2:], uint16(len(text)))
	s.audio = s.out[4+from : 4+to]
	return nil
}

// hear takes one media message.
func (s *stream) hear(text []byte) {
	payload := value(text, payloadKey)
	if len(payload) > base64.StdEncoding.EncodedLen(len(s.law)) {
		s.own.Stats.Bad.Add(1)
		return
	}
	n, err := base64.StdEncoding.Decode(s.law[:], payload)
	if err != nil {
		s.own.Stats.Bad.Add(1)
		return
	}
	s.own.Stats.heard(energy(s.table, s.law[:n]))
}

// beat sends the next 20 ms. A write that fails shows in run too.
func (s *stream) beat() {
	from := s.tick % ticksASec * frameBytes
	s.tick++
	base64.StdEncoding.Encode(s.audio, s.speech[from:from+frameBytes])
	if _, err := s.conn.Write(s.out); err == nil {
		s.own.Stats.Out.Add(1)
	}
}
