package rtp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"parley/media"
)

// pause is how long nothing must have been sent before the timestamps tell of it: a playout catches up with less.
const pause = 100 * time.Millisecond

var errUnconfigured = errors.New("not configured")

// A mouth is what a session sends. Its methods take the lock themselves where they say nothing else.
type mouth struct {
	mu     sync.Mutex
	closed bool
	socket socket
	to     netip.AddrPort // the agreed address, or the latched one
	sends  bool           // not on hold
	idle   uint8          // a payload type that nothing has, to keep the way open
	agreement

	ssrc   uint32
	seq    uint16
	time   uint32        // timestamp of what is sent next
	marker bool          // the next packet begins a stretch of sound
	until  time.Duration // when all that was sent has sounded
	opened time.Duration // when a packet was sent last that keeps the way open
	pcm    []int16       // of the codec's rate, waits for a packet to be full
	buf    [maxPacket]byte
	key    pressed
	counts spokenCounts
}

// spokenCounts are of what was sent.
type spokenCounts struct {
	packets  int64
	octets   int64 // of payload
	refused  int64 // packets that the kernel did not take: they are lost
	withheld int64 // frames that were not sent since we are on hold, or have no keys yet
}

func (m *mouth) begin(socket socket) {
	// The first number is in the lower half: packets lost before anybody hears us do not hide from SRTP that numbers begin anew (RFC 3711, section 3.3.1).
	m.socket, m.ssrc, m.seq, m.time, m.marker = socket, rand.Uint32(), uint16(rand.Uint32N(1<<15)), rand.Uint32(), true
}

// agree takes what is agreed; false: the session is closed.
func (m *mouth) agree(a agreement) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	if a.fresh {
		m.pcm, m.marker = make([]int16, 0, a.coding.rate/10), true
	}
	if a.Remote != m.Remote {
		m.to = a.Remote
	}
	m.agreement, m.sends = a, a.Direction.sends()
	for m.idle = 126; slices.Contains([]uint8{a.Codec.PT, a.Events, a.Comfort}, m.idle); {
		m.idle--
	}
	return true
}

// move is told that the far end is elsewhere.
func (m *mouth) move(to netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to = to
}

func (m *mouth) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
}

// Send sends at most 20 ms of sound, at once. It never waits: what the kernel does not take is lost and counted, as on any network. While we
// are on hold nothing is sent. It does not allocate.
func (s *Session) Send(f media.Frame) error {
	m := &s.mouth
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return fmt.Errorf("send: %w", ErrClosed)
	case m.coding == nil:
		return fmt.Errorf("send: %w", errUnconfigured)
	case f.Rate != m.rate:
		return fmt.Errorf("send: frame of %d Hz on a leg of %d Hz", f.Rate, m.rate)
	case len(f.PCM) == 0 || len(f.PCM) > m.rate/50:
		return fmt.Errorf("send: frame of %v, want more than none and at most %v", f.Duration(), media.FrameTime)
	}
	m.catchUp(s.now())
	m.until += f.Duration()
	if !m.sends || m.locked() {
		m.counts.withheld++
		m.time += m.ticks(len(f.PCM), m.rate)
		return nil
	}
	pcm := f.PCM
	if m.key.down {
		if m.Events != 0 {
			return m.press(len(pcm))
		}
		pcm = m.key.sound(pcm)
	}
	if m.key.again > 0 {
		if err := m.repeat(); err != nil {
			return err
		}
	}
	if m.resampler != nil {
		m.pcm = m.resampler.Append(m.pcm, pcm)
	} else {
		m.pcm = append(m.pcm, pcm...)
	}
	return m.say()
}

// Clear forgets what waits for a packet to be full, and lifts the finger from a key. The far end has no more of ours than is on its way.
func (s *Session) Clear() error {
	m := &s.mouth
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return fmt.Errorf("clear: %w", ErrClosed)
	case m.coding == nil:
		return fmt.Errorf("clear: %w", errUnconfigured)
	}
	m.pcm, m.marker = m.pcm[:0], true
	return m.lift()
}

// What follows is done under the lock.

// catchUp makes the timestamps tell of a pause.
func (m *mouth) catchUp(now time.Duration) {
	if gap := now - m.until; gap > pause || m.until == 0 {
		if m.until != 0 {
			m.time += uint32(int64(gap) * int64(m.coding.clock) / int64(time.Second)) //nolint:gosec // it wraps
		}
		m.until, m.marker = now, true
	}
}

// ticks is how many ticks of the codec's clock n samples last.
func (m *mouth) ticks(n, rate int) uint32 { return uint32(n * m.coding.clock / rate) } //nolint:gosec // 20 ms

// say sends the sound that fills packets. What is short of one waits if packets are longer than frames; else it is the end of something, and
// goes as it is.
func (m *mouth) say() error {
	size := int(m.Codec.Ptime * time.Duration(m.coding.rate) / time.Second)
	said := 0
	for ; len(m.pcm)-said >= size; said += size {
		if err := m.encode(m.pcm[said : said+size]); err != nil {
			return err
		}
	}
	m.pcm = m.pcm[:copy(m.pcm, m.pcm[said:])]
	if m.Codec.Ptime > media.FrameTime {
		return nil
	}
	return m.flush()
}

// flush sends what waits for a packet to be full.
func (m *mouth) flush() error {
	if len(m.pcm) == 0 {
		return nil
	}
	for len(m.pcm)%m.coding.coder.least() != 0 {
		m.pcm = append(m.pcm, 0)
	}
	rest := m.pcm
	m.pcm = m.pcm[:0]
	return m.encode(rest)
}

// encode sends a packet of sound.
func (m *mouth) encode(pcm []int16) error {
	n, err := m.coding.coder.encode(m.buf[headerSize:maxPacket-maxSeal], pcm)
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.coding.name, err)
	}
	if n > 0 {
		if err := m.write(m.Codec.PT, m.marker, m.time, n); err != nil {
			return err
		}
		m.marker = false
	}
	m.time += m.ticks(len(pcm), m.coding.rate)
	return nil
}

// maxSeal is by how much SRTP makes a packet longer, at most.
const maxSeal = 16

// write sends the n bytes of payload that follow the header in buf.
func (m *mouth) write(kind uint8, marker bool, stamp uint32, n int) error {
	if m.locked() {
		return nil
	}
	p := packet{marker: marker, kind: kind, seq: m.seq, time: stamp, ssrc: m.ssrc}
	p.put(m.buf[:])
	m.seq++
	b := m.buf[:headerSize+n]
	if m.sealer != nil {
		var err error
		if b, err = m.sealer.seal(b); err != nil {
			return fmt.Errorf("secure a packet: %w", err)
		}
	}
	switch err := m.socket.write(b, m.to); {
	case err == nil:
		m.counts.packets++
		m.counts.octets += int64(n)
	case errors.Is(err, net.ErrClosed):
		return ErrClosed
	default: // full, or no way there: it may be better in a moment
		m.counts.refused++
	}
	return nil
}

// keepOpen sends a packet that says nothing, if the far end has had none for a while: a translator of addresses would forget us otherwise
// (RFC 6263, section 4.6).
func (m *mouth) keepOpen(now time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sends || m.closed || m.coding == nil || m.KeepAlive < 0 || now-m.opened < m.KeepAlive ||
		m.to.Addr().IsUnspecified() {
		return nil
	}
	m.opened = now
	return m.write(m.idle, false, m.time, 0)
}

// sent is what a sender's report tells: the timestamp that now has, and what was sent until now.
func (m *mouth) sent(now time.Duration) (stamp uint32, counts spokenCounts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.coding != nil {
		stamp = m.time + uint32(int64(now-m.until)*int64(m.coding.clock)/int64(time.Second)) //nolint:gosec // it wraps
	}
	return stamp, m.counts
}
