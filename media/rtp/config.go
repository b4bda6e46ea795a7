package rtp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"parley/media/jitter"
	"parley/media/resample"
)

// The defaults of Config.
const (
	DefaultTimeout   = 30 * time.Second
	DefaultKeepAlive = 15 * time.Second // RFC 6263, section 7
)

// A Direction is which ways sound goes, as we see it.
type Direction uint8

// The directions.
const (
	SendRecv Direction = iota
	SendOnly           // we have put the far end on hold: nothing is expected of it
	RecvOnly           // the far end has put us on hold, and may play music
	Inactive           // the far end has put us on hold, and plays nothing
)

// String is the direction's word in SDP.
func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d&3]
}

// sends says whether our sound goes out. Where it does not, the far end has put us on hold.
func (d Direction) sends() bool { return d == SendRecv || d == SendOnly }

// A Config is what signalling has agreed on for a session.
type Config struct {
	Remote  netip.AddrPort // of the far end's RTP: where ours goes, and the only source that is heard
	Control netip.AddrPort // of its RTCP; zero: the port after Remote's, or Remote with Mux
	Mux     bool           // RTCP comes and goes on the RTP port (RFC 5761)

	Codec  Codec
	Events uint8 // payload type of telephone-event (RFC 4733); 0: keys come and go as sound
	// Hear and HearEvents are the payload types under which the far end sends, where they are others (RFC 3264, section 5.1); 0: the same.
	Hear, HearEvents uint8
	EventsClock      int   // its ticks a second; zero: those of the codec
	Comfort          uint8 // payload type of comfort noise that the far end may send (RFC 3389); 0: none

	Direction Direction
	// Symmetric takes another address than Remote for the far end's, once: that of the first packet of the agreed payload type, source and
	// key. It is for a Remote that cannot be true, as behind a translator of addresses: till then, anybody who guesses the port may speak.
	Symmetric bool
	SSRC      uint32 // of the far end, where it has told it (RFC 5576); 0: that of its first packet
	Keys      *Keys  // nil: nothing is secured, unless DTLS is; else nothing goes unsecured
	// DTLS makes the keys between both ends, on the ports of RTP and RTCP themselves: see Secure. The same Handshake again keeps what was made of
	// it; another is made anew.
	DTLS *Handshake

	Timeout   time.Duration // without a packet while the call is not on hold: the far end is lost; zero: 30 s, negative: never
	KeepAlive time.Duration // between packets that keep the way open while we are on hold; zero: 15 s, negative: none are sent
	Jitter    Jitter
	Rate      int // samples a second of all frames, from the first Configure on; zero: the codec's
}

// Jitter bounds how long packets are held back to make up for those that are late.
type Jitter struct {
	Min, Max time.Duration // zero: 20 and 400 ms
	Fixed    time.Duration // the same for the whole call, and nothing is made up: to compare with; zero: adaptive
}

// complete checks a Config and fills in what it leaves out.
func (c Config) complete() (Config, error) {
	c.Remote = unmapped(c.Remote)
	switch {
	case !c.Remote.IsValid():
		return c, errors.New("remote: want the far end's address")
	case c.Remote.Port() == 0:
		return c, errors.New("remote: want a port")
	case c.Remote.Addr().IsUnspecified() && c.Direction.sends():
		return c, fmt.Errorf("remote %v: sound cannot be sent there", c.Remote)
	case c.Remote.Addr().IsMulticast():
		return c, fmt.Errorf("remote %v: want one far end, not a group", c.Remote)
	case c.Direction > Inactive:
		return c, fmt.Errorf("direction %d: want one from 0 to %d", c.Direction, Inactive)
	case c.Events != 0 && (c.Events < 96 || c.Events > 127):
		return c, fmt.Errorf("payload type %d of telephone-event: want one from 96 to 127", c.Events)
	case c.Comfort > 127 || c.Comfort >= 64 && c.Comfort <= 95:
		return c, fmt.Errorf("payload type %d of comfort noise: want one from 0 to 63 or 96 to 127", c.Comfort)
	case c.Events != 0 && c.Events == c.Codec.PT, c.Comfort != 0 && (c.Comfort == c.Codec.PT || c.Comfort == c.Events):
		return c, fmt.Errorf("payload types %d, %d and %d: want them to differ", c.Codec.PT, c.Events, c.Comfort)
	case c.EventsClock < 0 || c.EventsClock > 192000:
		return c, fmt.Errorf("telephone-event clock of %d ticks a second: want 1 to 192000, or 0 for the codec's", c.EventsClock)
	case c.Jitter.Min < 0 || c.Jitter.Max < 0 || c.Jitter.Max > 0 && c.Jitter.Min > c.Jitter.Max:
		return c, fmt.Errorf("jitter from %v to %v: want 0 <= least <= most", c.Jitter.Min, c.Jitter.Max)
	}
	if err := c.Codec.check(); err != nil {
		return c, err
	}
	if err := errors.Join(c.Keys.check(), c.DTLS.check()); err != nil {
		return c, err
	}
	if c.Keys != nil && c.DTLS != nil {
		return c, errors.New("keys: want none where DTLS makes them")
	}
	switch {
	case c.Mux:
		c.Control = c.Remote
	case !c.Control.IsValid() && c.Remote.Port() == 65535: // it has none
	case !c.Control.IsValid():
		c.Control = netip.AddrPortFrom(c.Remote.Addr(), c.Remote.Port()+1)
	}
	c.Control = unmapped(c.Control)
	if c.Codec.Ptime == 0 || strings.EqualFold(c.Codec.Name, "opus") && 120*time.Millisecond%c.Codec.Ptime != 0 {
		c.Codec.Ptime = 20 * time.Millisecond // Opus has no packets of 50 ms (RFC 6716, section 2.1.4)
	}
	if c.Hear == 0 {
		c.Hear = c.Codec.PT
	}
	if c.HearEvents == 0 {
		c.HearEvents = c.Events
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.KeepAlive == 0 {
		c.KeepAlive = DefaultKeepAlive
	}
	return c, nil
}

// unmapped is an IPv4 address in its own form.
func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// An agreement is a Config and what was made for it. Of one that follows another, what both have in common goes on.
type agreement struct {
	Config
	coding    *coding // nil: nothing is agreed on yet
	fresh     bool    // coding is not that of the agreement before
	buffer    *jitter.Buffer
	rate      int                 // of frames
	resampler *resample.Resampler // from the frames' rate to the codec's; nil: it is the same
	opener    *lock               // of the far end's packets; nil: nothing is secured, or there are no keys yet
	sealer    *lock               // of ours

	openerControl, sealerControl *lock // of RTCP: the same, but where DTLS has made others

	association *association // of DTLS; nil: it is not used
}

// next is the agreement that c makes after a, of a session with these sockets.
func (a agreement) next(c Config, p pair) (b agreement, err error) {
	if b.Config, err = c.complete(); err != nil {
		return b, err
	}
	b.coding, b.resampler, b.rate = a.coding, a.resampler, a.rate
	if a.coding == nil || !a.Codec.like(c.Codec) {
		if b.coding, err = b.Codec.open(); err != nil {
			return b, err
		}
		b.fresh = true
	}
	if b.rate == 0 {
		b.rate = c.Rate
	}
	if b.rate == 0 {
		b.rate = b.coding.rate
	}
	if !slices.Contains([]int{8000, 16000, 24000, 48000}, b.rate) {
		return b, fmt.Errorf("rate of %d samples a second: want 8000, 16000, 24000 or 48000", b.rate)
	}
	if b.fresh {
		b.resampler = nil
		if b.coding.rate != b.rate {
			if b.resampler, err = resample.New(b.rate, b.coding.rate); err != nil {
				return b, err
			}
		}
	}
	if b.buffer = a.buffer; b.fresh || a.Jitter != b.Jitter {
		if b.buffer, err = jitter.New(jitter.Options{
			Rate: b.rate, Decoders: []jitter.Decoder{b.coding.decoder}, Min: b.Jitter.Min, Max: b.Jitter.Max, Fixed: b.Jitter.Fixed,
		}); err != nil {
			return b, err
		}
	}
	if b.EventsClock == 0 {
		b.EventsClock = b.coding.clock
	}
	if b.association = a.association.associate(b.Config, p); b.association != nil && b.association == a.association {
		b.opener, b.sealer, b.openerControl, b.sealerControl = a.opener, a.sealer, a.openerControl, a.sealerControl
	}
	if c.Keys == nil {
		return b, nil
	}
	if b.opener, err = a.opener.of(c.Keys.Suite, c.Keys.Remote); err != nil {
		return b, fmt.Errorf("remote key: %w", err)
	}
	if b.sealer, err = a.sealer.of(c.Keys.Suite, c.Keys.Local); err != nil {
		return b, fmt.Errorf("local key: %w", err)
	}
	b.openerControl, b.sealerControl = b.opener, b.sealer
	return b, nil
}
