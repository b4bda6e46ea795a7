package floor

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/asm/base64"
)

// OwnWhole is the floor of a whole call: Own's leg, a socket to the recogniser and one to the voice, all with own framing.
//
//	carrier ── 20 ms ──▶ decode ── 80 ms, binary ──▶ recogniser ── a turn is over ──▶ ask
//	carrier ◀── 20 or 100 ms, encoded ◀── rota ◀── mouth ◀── 100 ms, binary ◀── voice ◀─┘
//
// A call is three goroutines, each of which reads a socket. The first message of what is said is sent by whoever read it, those after it
// by the rota. It allocates nothing for a frame.
type OwnWhole struct {
	Conversation
	Ahead bool // 100 ms a message, 100 ms or more ahead of its time; else 20 ms, when it is due
	Stats Stats

	rota          rota
	greet, answer []byte // what the voice is asked
}

// Serve answers calls on ln until ctx ends, then hangs up on all and waits for them.
func (o *OwnWhole) Serve(ctx context.Context, ln net.Listener) (err error) {
	if o.Conversation, err = o.withDefaults(); err != nil {
		return errors.Join(err, ln.Close())
	}
	o.greet, o.answer = speakText(o.Greeting), speakText(o.Answer)
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer all.Wait()
	defer cancel()
	o.rota.start = time.Now()
	all.Go(func() { o.rota.run(ctx) })
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		all.Go(func() {
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			defer conn.Close()
			if open(conn) {
				c := &call{server: o, conn: conn, mouth: newMouth(o.Ahead)}
				c.in.from = conn
				c.run(ctx)
			}
		})
	}
}

// open answers a connection's requests until one of them has opened a stream.
func open(conn net.Conn) (stream bool) {
	r := bufio.NewReaderSize(conn, 1024)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return false
		}
		if req.URL.Path == mediaPath {
			return r.Buffered() == 0 && welcome(conn, req) == nil
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return false
		}
		status, body := "404 Not Found", []byte(nil)
		if req.URL.Path == voicePath && req.Method == http.MethodPost {
			status, body = "200 OK", twiml(req.Host)
		}
		head := fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n", status, len(body))
		if _, err := conn.Write(append(head, body...)); err != nil || req.Close {
			return false
		}
	}
}

// A call is one of OwnWhole's.
type call struct {
	server *OwnWhole
	conn   net.Conn // the carrier's
	in     frames

	listen, speak *line
	heard         [2 * listenBytes]byte // what the recogniser has not got
	n             int                   // of heard

	mouth *mouth
	out   []byte               // a message to the carrier: its beginning is written once
	audio int                  // where the payload begins
	law   [5 * frameBytes]byte // of out
}

var (
	stopEvent = []byte(`"event":"stop"`)
	flush     = []byte(`{"type":"Flush"}`)
)

// run is the call until the carrier's stream ends, or a vendor's does.
func (c *call) run(ctx context.Context) {
	ctx, hangUp := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer c.mouth.close()
	defer hangUp()
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	for {
		text, err := c.in.next()
		switch {
		case err != nil:
			return
		case c.listen != nil && bytes.Contains(text, mediaEvent):
			err = c.hear(text)
		case c.listen == nil && bytes.Contains(text, startEvent):
			err = c.begin(ctx, hangUp, &others, text)
		case bytes.Contains(text, stopEvent):
			return
		}
		if err != nil {
			c.server.Stats.Bad.Add(1)
			return
		}
	}
}

// begin connects to the vendors, asks for the greeting, and has others read what they say; the call ends with either socket.
func (c *call) begin(ctx context.Context, hangUp context.CancelFunc, others *sync.WaitGroup, start []byte) (err error) {
	sid := value(start, sidKey)
	if sid == nil {
		return errors.New("start without streamSid")
	}
	c.prepare(sid)
	o := c.server
	if c.listen, err = dialLine(ctx, o.Listen, o.Key); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { c.listen.conn.Close() })
	if c.speak, err = dialLine(ctx, o.Speak, o.Key); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { c.speak.conn.Close() })
	o.Stats.Calls.Add(1)
	if err := c.ask(o.greet); err != nil {
		return err
	}
	others.Go(func() {
		defer hangUp()
		c.converse()
	})
	others.Go(func() {
		defer hangUp()
		c.utter()
	})
	return nil
}

// mediaTail is what a media message ends with.
const mediaTail = `"}}`

// prepare writes what every message to a stream begins with, and makes room for the rest.
func (c *call) prepare(sid []byte) {
	c.out = append(make([]byte, 4), `{"event":"media","streamSid":"`...)
	c.out = append(c.out, sid...)
	c.out = append(c.out, `","media":{"payload":"`...)
	c.audio = len(c.out)
	c.out = slices.Grow(c.out, base64.StdEncoding.EncodedLen(c.mouth.message)+len(mediaTail))
}

// hear takes one media message.
func (c *call) hear(text []byte) error {
	payload := value(text, payloadKey)
	if c.n+base64.StdEncoding.DecodedLen(len(payload)) > len(c.heard) {
		return errTooLong
	}
	n, err := base64.StdEncoding.Decode(c.heard[c.n:], payload)
	if err != nil {
		return err
	}
	c.server.Stats.In.Add(1)
	if c.n += n; c.n < listenBytes {
		return nil
	}
	n, c.n = c.n, 0
	return c.listen.send(binaryFrame, c.heard[:n])
}

// converse reads what the recogniser understands, and answers.
func (c *call) converse() {
	for {
		kind, text, err := c.listen.next()
		if err != nil {
			return
		}
		if kind != textFrame || !turnOver(text) {
			continue
		}
		if c.ask(c.server.answer) != nil {
			return
		}
	}
}

// ask has the voice say something.
func (c *call) ask(words []byte) error {
	c.mouth.ask()
	c.server.Stats.Turns.Add(1)
	return c.speak.send(textFrame, words, flush)
}

// utter reads what the voice makes.
func (c *call) utter() {
	for {
		kind, b, err := c.speak.next()
		switch {
		case err != nil:
			return
		case kind == binaryFrame:
			for begin := false; len(b) > 0; {
				if b, begin = c.mouth.add(b); begin {
					c.first()
				}
			}
		case bytes.Contains(b, flushedType):
			if c.mouth.whole() {
				c.first()
			}
		}
	}
}

// first sends a message that nobody waited for, at once.
func (c *call) first() {
	if at, more := c.beat(c.server.rota.now()); more {
		c.server.rota.join(c, at)
	}
}

// beat sends the next message, if there is one, and says when the one after it is due. A write that fails shows in run too.
func (c *call) beat(tick int64) (at int64, more bool) {
	n, at := c.mouth.take(c.law[:], tick)
	if n == 0 {
		return 0, false
	}
	b := c.out[:c.audio+base64.StdEncoding.EncodedLen(n)]
	base64.StdEncoding.Encode(b[c.audio:], c.law[:n])
	b = append(b, mediaTail...)
	b[0], b[1] = textFrame, 126 // never under 126 bytes: 20 ms have 216
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-4))
	if _, err := c.conn.Write(b); err == nil {
		c.server.Stats.Out.Add(int64(n / frameBytes))
	}
	return at, true
}
