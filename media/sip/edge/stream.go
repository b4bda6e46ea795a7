package edge

import (
	"bytes"
	"container/list"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"parley/media/sip/rate"
)

// A stream is one connection of TCP or TLS. Read gives whole messages that passed, and answers the rest; Write sends what is well formed, and gives up a
// peer that does not read. One goroutine reads: prove's, and then sipgo's.
type stream struct {
	net.Conn
	s      *Streams
	source netip.AddrPort
	rate   *rate.Gate    // of its messages; nil: it is ours
	fresh  bool          // no message of it has passed
	taken  chan struct{} // of Dial: closed when sipgo has it

	m       Message
	in      []byte // what was read and not yet understood
	scanned int    // how much of it is known to have no end of a head
	out     []byte // what passed, and sipgo has not read
	dead    bool   // nothing more is to be read

	place *list.Element // in Streams.begun, under its mu
	holds int           // bytes, under its mu
	since time.Time     // when the unfinished message began; the reader's

	write sync.Mutex
	once  sync.Once
	gone  chan struct{}
}

// firstRead is how much is read of a peer that has said nothing: most messages of telephones are shorter than four times that.
const firstRead = 512

// keep is how large a buffer may be that an idle connection keeps.
const keep = 4 << 10

// prove reads until the first message has passed, and gives the connection to sipgo.
func (c *stream) prove() {
	if c.fill() != nil || !c.hand(c.gone) {
		c.cut()
	}
}

// hand gives the connection to sipgo's Accept.
func (c *stream) hand(until <-chan struct{}) bool {
	select {
	case c.s.ready <- c:
		return true
	case <-until:
	case <-c.s.done:
	}
	return false
}

// Read gives messages that passed.
func (c *stream) Read(b []byte) (int, error) {
	if len(c.out) == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.out)
	if c.out = c.out[n:]; len(c.out) == 0 {
		c.out = nil
	}
	return n, nil
}

// fill reads until a message has passed.
func (c *stream) fill() error {
	for {
		if n := c.message(); n > 0 {
			if err := c.take(n); err != nil {
				return err
			}
			if len(c.out) > 0 {
				return nil
			}
			continue
		}
		if c.dead {
			c.linger()
			c.cut()
			return net.ErrClosed
		}
		if err := c.more(); err != nil {
			return err
		}
	}
}

// linger leaves the answers to what passed before some time to go out.
func (c *stream) linger() {
	if c.fresh {
		return
	}
	t := time.NewTimer(lastWords)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.gone:
	}
}

// lastWords is how long a stream stays open that nothing more can be read from.
const lastWords = time.Second

// more reads what is there, and waits if nothing is: for the rest of a message Head, else Idle.
func (c *stream) more() error {
	if len(c.in) == cap(c.in) {
		c.in = append(make([]byte, 0, max(2*cap(c.in), firstRead)), c.in...)
		c.s.grown(c, cap(c.in))
	}
	until := time.Now().Add(c.s.e.policy.Idle)
	if !c.since.IsZero() {
		until = c.since.Add(c.s.e.policy.Head)
	}
	if err := c.SetReadDeadline(until); err != nil {
		return err
	}
	n, err := c.Conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if n > 0 {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.s.e.note(closed, c.source, "too slow")
		err = net.ErrClosed // as sipgo knows it
	}
	c.cut()
	return err
}

// message is how long the whole message is that c.in begins with; 0: it is not whole. Keep-alives before it are answered and gone (RFC 5626, section 4.4.1).
func (c *stream) message() int {
	if half := c.keepAlive(); half || len(c.in) == 0 {
		c.unmark()
		return 0
	}
	if c.in[0] == '\r' || c.in[0] == '\n' {
		return 0 // half of a line end: the other half is on its way
	}
	if c.since.IsZero() {
		c.begin()
	}
	if !tokens[c.in[0]] {
		return c.broken("does not begin as one of SIP does")
	}
	end := bytes.Index(c.in[max(c.scanned-3, 0):], []byte("\r\n\r\n"))
	if end < 0 {
		if c.scanned = len(c.in); c.scanned > maxHead {
			return c.broken("has a head of more than 32 KiB")
		}
		return 0
	}
	end += max(c.scanned-3, 0)
	length, ok := bodyLength(c.in[:end+2])
	switch {
	case !ok || end > maxHead || end+4+length > MaxMessage:
		return len(c.in) // Parse says what is wrong, and nothing after it can be understood
	case len(c.in) < end+4+length:
		c.scanned = end
		return 0
	}
	return end + 4 + length
}

// broken gives up a stream that nobody can answer.
func (c *stream) broken(why string) int {
	c.s.e.note(malformed, c.source, "message: "+why)
	c.dead = true
	c.in = c.in[:0]
	return 0
}

// keepAlive takes the line ends before a message: two are a ping, whose pong is one. It says whether there is half of one, whose rest is to come.
func (c *stream) keepAlive() (half bool) {
	n := 0
	for n < len(c.in) && (c.in[n] == '\r' || c.in[n] == '\n') {
		n++
	}
	if n == 0 || n == 1 && len(c.in) == 1 {
		return n == 1
	}
	if n == len(c.in) && c.pace() == nil && n >= 4 {
		_, _ = c.send([]byte("\r\n")) // who does not read is closed, and the next read says so
	}
	c.in = c.in[:copy(c.in, c.in[n:])]
	c.scanned = 0
	return false
}

// bodyLength finds the Content-Length of a head; false: there is none that can be relied on (RFC 3261, section 18.3).
func bodyLength(head []byte) (n int, ok bool) {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		colon := bytes.IndexByte(line, ':')
		if colon < 0 || kindOf(bytes.TrimRight(line[:colon], " \t")) != contentLength {
			continue
		}
		length, fine := number(trim(line[colon+1:]), MaxMessage)
		if !fine || ok {
			return 0, false
		}
		n, ok = int(length), true
	}
	return n, ok
}

// take deals with the message in c.in[:n]; what passes is in c.out.
func (c *stream) take(n int) error {
	if err := c.pace(); err != nil {
		return err
	}
	size, fault := c.m.Parse(c.in[:n])
	if fault == nil && c.m.first[contentLength] == 0 {
		fault = lost("Content-Length", "is missing, and a stream needs it")
	}
	wrong := (*Fault)(nil)
	c.dead = errors.As(fault, &wrong) && wrong.unframed
	reply, pass := c.s.e.admit(&c.m, fault, c.source)
	if reply != nil {
		if _, err := c.send(reply); err != nil { // it may have to repeat what is malformed
			return err
		}
	}
	if pass {
		if c.m.odd {
			c.out = c.m.appendCanonical(nil)
		} else {
			c.out = append([]byte(nil), c.in[:size]...)
		}
		c.fresh = false
	}
	if c.dead {
		n = len(c.in)
	}
	c.in = c.in[:copy(c.in, c.in[n:])]
	c.scanned = 0
	c.unmark()
	if len(c.in) == 0 && cap(c.in) > keep {
		c.in = nil
	}
	return nil
}

// pace waits until the connection's bucket and its source's have a token: a stream's peer can be slowed down.
func (c *stream) pace() error {
	if c.s.e.trusted(c.source.Addr()) {
		return nil
	}
	if c.rate != nil {
		if err := c.wait(c.rate.Take); err != nil {
			return err
		}
	}
	return c.wait(func(now time.Time) (time.Duration, bool) { return c.s.e.sources.Take(c.source.Addr(), now) })
}

// wait waits until there is a token.
func (c *stream) wait(take func(now time.Time) (time.Duration, bool)) error {
	for {
		wait, ok := take(time.Now())
		if ok {
			return nil
		}
		c.s.e.counts[limited].Add(1)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-c.gone:
			t.Stop()
			return net.ErrClosed
		}
	}
}

// mark notes when what is unfinished began. Of a new connection that is its beginning.
func (c *stream) mark(place *list.Element, at time.Time) { c.place, c.since = place, at }

// begin says that an unfinished message is in c.in.
func (c *stream) begin() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if _, ok := c.s.all[c]; ok && c.place == nil {
		c.mark(c.s.begun.PushBack(c), time.Now())
		c.s.hold(c, cap(c.in))
	}
}

// unmark says that no message is unfinished; of a connection whose first has not passed, time runs on.
func (c *stream) unmark() {
	if c.fresh || c.since.IsZero() {
		return
	}
	c.since = time.Time{}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.place != nil {
		c.s.begun.Remove(c.place)
		c.place = nil
	}
	c.s.hold(c, 0)
}

// Write sends a message of ours, if it is well formed. A peer that does not take it in time is closed: it wedges nobody but itself.
func (c *stream) Write(b []byte) (int, error) {
	sound, err := c.s.e.sound(b)
	if err != nil {
		return 0, err
	}
	if _, err := c.send(sound); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *stream) send(b []byte) (int, error) {
	c.write.Lock()
	defer c.write.Unlock()
	if err := c.SetWriteDeadline(time.Now().Add(c.s.e.policy.Stall)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.s.e.note(closed, c.source, "does not read")
		}
		c.cut()
	}
	return n, err
}

// Close closes the connection.
func (c *stream) Close() error {
	c.cut()
	return nil
}

// cut closes the connection and forgets it.
func (c *stream) cut() {
	c.s.mu.Lock()
	c.s.drop(c)
	c.s.mu.Unlock()
	c.hangUp()
}

// hangUp closes the connection without a word: TLS's last one would wait for a peer that does not read.
func (c *stream) hangUp() {
	c.once.Do(func() {
		close(c.gone)
		if t, ok := c.Conn.(*tls.Conn); ok {
			t.NetConn().Close()
			return
		}
		c.Conn.Close()
	})
}
