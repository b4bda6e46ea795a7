package rtp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"

	"parley/media"
)

// HandshakeTimeout is how long both ends may take to agree on keys by DTLS.
const HandshakeTimeout = 10 * time.Second

const (
	pumpEvery = 5 * time.Millisecond // while a handshake is under way: Receive may not be called yet, and comes by every 20 ms alone
	tryTime   = 2 * time.Second      // that one address may take, while another waits
	tryPause  = 50 * time.Millisecond
)

var (
	errSlow    = fmt.Errorf("no keys within %v", HandshakeTimeout)
	errAnother = errors.New("something else was agreed on")
)

// An association is what becomes of a Handshake that was agreed on: of the RTP port, and of the RTCP port where both are apart, each of which
// has keys of its own (RFC 5764, section 5.1). It lasts until another is agreed on, or the session is closed.
type association struct {
	Handshake
	rtp, rtcp *way          // rtcp is nil: RTCP comes to the RTP port
	over      chan struct{} // closed when there are keys, or will be none
	once      sync.Once

	cancel context.CancelCauseFunc // the session's setting guards it; nil: Secure has not begun
}

// A way is the DTLS of one port.
type way struct {
	socket socket
	conn   *dtls.Conn // the session's setting guards it; nil: not yet

	// The ear's lock guards these.
	records *Records // nil: nobody listens
	from    netip.AddrPort
	since   time.Duration // from is heard
	refused []netip.AddrPort
	give    context.CancelFunc // gives up on from
}

// associate is what c agrees on: a's own, if it is that.
func (a *association) associate(c Config, p pair) *association {
	switch {
	case c.DTLS == nil:
		return nil
	case a != nil && a.Handshake == *c.DTLS && (a.rtcp == nil) == c.Mux:
		return a
	}
	b := &association{Handshake: *c.DTLS, rtp: &way{socket: p.rtp}, over: make(chan struct{})}
	if !c.Mux {
		b.rtcp = &way{socket: p.rtcp}
	}
	return b
}

// close ends an association. The session's setting is held, and neither ear's nor mouth's lock.
func (a *association) close() {
	if a == nil {
		return
	}
	if a.cancel != nil {
		a.cancel(errAnother)
	}
	for _, w := range [...]*way{a.rtp, a.rtcp} {
		if w != nil && w.conn != nil {
			_ = w.conn.Close() // the far end may be gone
		}
	}
	a.settle()
}

// settle says that there are keys, or will be none.
func (a *association) settle() { a.once.Do(func() { close(a.over) }) }

// Secured is closed when sound may flow: at once, but where keys must be made by DTLS first; also when that came to nothing.
func (s *Session) Secured() <-chan struct{} {
	s.setting.Lock()
	defer s.setting.Unlock()
	if a := s.agreed.association; a != nil {
		return a.over
	}
	none := make(chan struct{})
	close(none)
	return none
}

// Secure makes the handshake that was agreed on last, unless that is done or under way, and returns when it is over. Until then nothing of the
// session's sound comes or goes. If it fails, takes longer than HandshakeTimeout or meets a stranger, Receive ends with media.ErrSilent. That
// of the RTCP port may fail alone: there are no reports then. It is called after each Configure with DTLS, on a goroutine of its own.
func (s *Session) Secure(ctx context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, stop := context.WithTimeoutCause(ctx, HandshakeTimeout, errSlow)
	defer stop()
	a := s.begin(cancel)
	if a == nil {
		return
	}
	defer a.settle()
	pumped := make(chan struct{})
	var pump, reports sync.WaitGroup
	pump.Go(func() { s.pump(cancel, pumped) })
	defer pump.Wait()
	defer close(pumped)
	if a.rtcp != nil {
		reports.Go(func() { _ = s.secure(ctx, a, a.rtcp) })
	}
	defer reports.Wait()
	if err := s.secure(ctx, a, a.rtp); err != nil {
		cancel(err)
		if s.isAgreed(a) {
			s.Finish(fmt.Errorf("%w: secure it by DTLS: %w", media.ErrSilent, err))
		}
	}
	a.settle()
}

// begin is the association that Secure must make; nil: there is none.
func (s *Session) begin(cancel context.CancelCauseFunc) *association {
	s.setting.Lock()
	defer s.setting.Unlock()
	a := s.agreed.association
	if a == nil || a.cancel != nil {
		return nil
	}
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	if s.ear.closed {
		a.settle()
		return nil
	}
	a.cancel = cancel
	return a
}

func (s *Session) isAgreed(a *association) bool {
	s.setting.Lock()
	defer s.setting.Unlock()
	return s.agreed.association == a
}

// pump reads the sockets for as long as a handshake is under way.
func (s *Session) pump(cancel context.CancelCauseFunc, done <-chan struct{}) {
	tick := time.NewTicker(pumpEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-s.ended:
			cancel(ErrClosed)
			return
		case <-tick.C:
			s.look()
		}
	}
}

// look takes what has come to both ports. What is wrong with them, Receive tells.
func (s *Session) look() {
	e := &s.ear
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	now := s.now()
	_ = s.drain(s.pair.rtp, &e.looked, now, s.heard)
	_ = s.drain(s.pair.rtcp, &s.report.looked, now, s.controlled)
}

// secure makes the handshake of one port. While it is not known where the far end is, whoever comes first is tried, and another after it.
func (s *Session) secure(ctx context.Context, a *association, w *way) error {
	var failed error
	for {
		try, give := context.WithCancel(ctx)
		records := NewRecords(func(b []byte) error { return s.sendRecord(a, w, b) })
		s.listenTo(w, records, give)
		conn, keys, err := a.Make(try, records, false, Logs(s.ports.options.Log))
		give()
		if err == nil {
			return s.unlock(a, w, conn, keys)
		}
		failed = errors.Join(err, records.Close())
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), failed)
		}
		if !s.another(a, w) {
			return failed
		}
		select {
		case <-time.After(tryPause):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), failed)
		}
	}
}

// listenTo begins a try.
func (s *Session) listenTo(w *way, r *Records, give context.CancelFunc) {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	w.records, w.give, w.from = r, give, netip.AddrPort{}
}

// another says whether somebody else may be the far end, after a try that has failed.
func (s *Session) another(a *association, w *way) bool {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	w.records = nil
	if !s.latching(a, w) {
		return false
	}
	if w.from.IsValid() {
		w.refused = append(w.refused, w.from)
	}
	return true
}

// unlock takes the keys of a port into use.
func (s *Session) unlock(a *association, w *way, conn *dtls.Conn, keys *Keys) error {
	opener, err := (*lock)(nil).of(keys.Suite, keys.Remote)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	sealer, err := (*lock)(nil).of(keys.Suite, keys.Local)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	s.setting.Lock()
	defer s.setting.Unlock()
	s.ear.mu.Lock()
	if s.agreed.association != a || s.ear.closed {
		s.ear.mu.Unlock()
		return errors.Join(errAnother, conn.Close())
	}
	defer s.ear.mu.Unlock()
	s.mouth.mu.Lock()
	w.conn = conn
	to := s.whereabouts(a, w)
	for _, g := range [...]*agreement{&s.agreed, &s.ear.agreement, &s.mouth.agreement} {
		if w == a.rtp {
			g.opener, g.sealer = opener, sealer
		}
		if w == a.rtcp || a.rtcp == nil {
			g.openerControl, g.sealerControl = opener, sealer
		}
	}
	s.mouth.mu.Unlock()
	switch {
	case w == a.rtcp:
		s.report.to, s.report.latch = to, false
		return nil
	case s.ear.door.settle(to):
		s.mouth.move(to)
		s.report.move(to, s.ear.Mux)
	}
	s.ear.last = s.now() // sound is expected from now on
	return nil
}

// What follows is done under the ear's lock, but for sendRecord.

// latching says whether it is yet to be found out where the far end of a port is.
func (s *Session) latching(a *association, w *way) bool {
	if w == a.rtp {
		return s.ear.door.latch
	}
	return s.report.latch
}

// whereabouts is where the far end of a port is, as far as is known.
func (s *Session) whereabouts(a *association, w *way) netip.AddrPort {
	switch {
	case w.from.IsValid() && s.latching(a, w):
		return w.from
	case w == a.rtp:
		return s.ear.door.open
	}
	return s.report.to
}

// record takes DTLS that has come to a port, from an address that is heard there.
func (s *Session) record(a *association, w *way, b []byte, from netip.AddrPort, at time.Duration) {
	e := &s.ear
	if w == nil || w.records == nil {
		e.counts.malformed++
		return
	}
	if s.latching(a, w) && w.from != from {
		switch {
		case slices.Contains(w.refused, from):
			e.counts.foreign++
			return
		case w.from.IsValid():
			e.counts.foreign++
			if at-w.since > tryTime {
				w.give()
			}
			return
		}
		w.from, w.since = from, at
	}
	w.records.Take(b)
}

// sendRecord sends DTLS from a port.
func (s *Session) sendRecord(a *association, w *way, b []byte) error {
	s.ear.mu.Lock()
	to := s.whereabouts(a, w)
	s.ear.mu.Unlock()
	if !to.IsValid() || to.Addr().IsUnspecified() {
		return nil
	}
	return s.mouth.bare(b, w.socket, to)
}

// locked says that nothing may be sent or heard in the clear, and that there are no keys yet.
func (a *agreement) locked() bool { return a.association != nil && a.opener == nil }
