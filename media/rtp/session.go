package rtp

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"parley/media"
)

// behind is how late a frame may be, before those that were missed are left out instead of being given at once.
const behind = time.Second

// A Session is one call's sound. It hears nothing, and sends nothing, before the first Configure.
//
// One goroutine calls Receive; Send, Clear and Press are called one at a time, as the Playout of a media.Leg does; all other methods may be
// called by any goroutine.
type Session struct {
	ports  *Ports
	pair   pair
	began  time.Time // the origin of all times
	ended  chan struct{}
	ear    ear
	mouth  mouth
	report report // the ear's lock guards it

	setting sync.Mutex // held by Configure
	agreed  agreement  // what it was told last
	closing sync.Once
}

func newSession(p *Ports, bound pair) *Session {
	s := &Session{ports: p, pair: bound, began: time.Now(), ended: make(chan struct{})}
	s.mouth.begin(bound.rtp)
	s.report.begin(s.mouth.ssrc)
	return s
}

// now is the session's clock: monotonic, from its beginning.
func (s *Session) now() time.Duration { return time.Since(s.began) }

// Local is where the far end's RTP is expected; RTCP is on the next port. The address is that of PortsOptions.Bind.
func (s *Session) Local() netip.AddrPort { return s.pair.rtp.local() }

// Rate is how many samples a second all frames have, both ways; zero before the first Configure.
func (s *Session) Rate() int {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	return s.ear.rate
}

// String names the way that the sound takes.
func (s *Session) String() string {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	if s.ear.coding == nil {
		return fmt.Sprintf("rtp %v", s.Local())
	}
	secured := ""
	if s.ear.association != nil {
		secured = " DTLS"
	}
	if opener := s.ear.opener; opener != nil {
		secured += " " + string(opener.suite)
	}
	return fmt.Sprintf("rtp %v ↔ %v %s/%d%s %v", s.Local(), s.ear.door.open, s.ear.coding.name, s.ear.coding.clock, secured, s.ear.Direction)
}

// Configure says what signalling has agreed on, first and with each later agreement. An error names what of it cannot be, and changes
// nothing. The rate of frames stays what the first one made it. Where the far end puts us on hold or takes us off, Receive tells.
func (s *Session) Configure(c Config) error {
	s.setting.Lock()
	defer s.setting.Unlock()
	if s.carried() {
		c.Remote, c.Control, c.Mux, c.Symmetric = elsewhere, elsewhere, true, false
	}
	a, err := s.agreed.next(c, s.pair)
	if err == nil && c.DTLS != nil && s.carried() {
		err = errors.New("DTLS: it is the transport's business")
	}
	if err == nil && s.Local().Addr().Is4() && !a.Remote.Addr().Is4() {
		err = fmt.Errorf("remote %v: the port is one of IPv4", a.Remote)
	}
	if err == nil && (!s.ear.agree(a, s.now()) || !s.mouth.agree(a)) {
		err = ErrClosed
	}
	if err != nil {
		if a.fresh {
			a.coding.close()
		}
		return fmt.Errorf("configure RTP: %w", err)
	}
	s.agreeControl(a)
	if a.fresh {
		s.agreed.coding.close()
	}
	if a.association != s.agreed.association {
		s.agreed.association.close()
	}
	s.agreed = a
	return nil
}

// Receive waits for the next frame, key or note (Held, Resumed). A frame comes every 20 ms, whatever has arrived. It ends with the error of
// Finish, with media.ErrSilent when nothing has come for Config.Timeout, or with ErrClosed, and then always does. It does not allocate.
func (s *Session) Receive() (media.Packet, error) {
	e := &s.ear
	e.receiving.Lock()
	defer e.receiving.Unlock()
	for {
		if p, ok, err := e.next(); ok || err != nil {
			return p, err
		}
		s.wait()
		s.listen(s.now())
	}
}

// wait returns when the next frame is due, or the session is over.
func (s *Session) wait() {
	e := &s.ear
	now := s.now()
	if e.timer == nil {
		e.timer = time.NewTimer(time.Hour)
		e.due = now
	}
	e.due += media.FrameTime
	if late := now - e.due; late > behind {
		e.missed(int64(late / media.FrameTime))
	}
	if e.due <= now {
		return
	}
	e.timer.Reset(e.due - now)
	select {
	case <-e.timer.C:
	case <-s.ended:
		e.timer.Stop()
	}
}

// listen takes all that has come and makes a frame of it.
func (s *Session) listen(now time.Duration) {
	e := &s.ear
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		e.end(ErrClosed)
		return
	}
	if err := s.drain(s.pair.rtp, &e.looked, now, s.heard); err != nil {
		e.end(fmt.Errorf("read RTP: %w", err))
		return
	}
	if e.finish != nil {
		e.end(e.finish)
		return
	}
	if e.coding == nil {
		return
	}
	if err := s.control(now); err != nil {
		e.end(err)
		return
	}
	e.frame(now)
	if e.Direction == SendRecv && e.Timeout > 0 && now-e.last > e.Timeout {
		e.end(fmt.Errorf("%w: no packet in %v", media.ErrSilent, e.Timeout))
	}
}

// drain reads a socket, which was looked at before, until it is empty, but not for ever: who sends faster than we read is not waited for.
func (s *Session) drain(from socket, looked *time.Duration, now time.Duration, take func(packet []byte, from netip.AddrPort, at time.Duration)) error {
	if s.carried() {
		return nil
	}
	b := s.ports.batches.Get().(*batch)
	defer s.ports.batches.Put(b)
	clock := time.Now().UnixNano()
	for range mostReads {
		if err := from.read(b); err != nil {
			return err
		}
		for i := range b.n {
			age := time.Duration(0)
			if b.when[i] != 0 {
				// What came before the last look would have been seen then: more than that is a clock that was set.
				age = max(0, min(time.Duration(clock-b.when[i]), now-*looked))
			}
			take(b.packet(i), b.from[i], now-age)
		}
		if b.n < batchSize {
			break
		}
	}
	*looked = now
	return nil
}

// Finish makes Receive end with err, of what signalling has told (io.EOF: the far end has hung up), once it has given the keys that have come
// until now. Only the first counts.
func (s *Session) Finish(err error) {
	s.ear.mu.Lock()
	if s.ear.finish == nil {
		s.ear.finish = err
	}
	s.ear.mu.Unlock()
	s.closing.Do(func() { close(s.ended) })
}

// Close says goodbye to the far end's RTCP and gives the ports into quarantine. Receive and Send fail from then on. It may be called any
// number of times.
func (s *Session) Close() error {
	s.closing.Do(func() { close(s.ended) })
	s.ear.mu.Lock()
	closed := s.ear.closed
	s.ear.closed = true
	if !closed {
		s.goodbye()
	}
	s.ear.mu.Unlock()
	if !closed {
		s.setting.Lock()
		s.agreed.association.close() // while it may still say goodbye
		s.setting.Unlock()
	}
	s.mouth.close()
	if !closed {
		s.setting.Lock()
		s.agreed.coding.close() // neither ear nor mouth uses it any more
		s.setting.Unlock()
		if s.ports != nil {
			s.ports.giveBack(s)
		}
	}
	return nil
}

// Note has Receive give news that signalling has brought.
func (s *Session) Note(n media.Note) {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	s.ear.tell(media.Packet{Note: n})
}

// Digit takes a key that signalling has brought (SIP INFO). If the same comes as a packet or as sound, Receive gives it once.
func (s *Session) Digit(key rune) {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	s.ear.key(key, byMessage, s.now())
}
