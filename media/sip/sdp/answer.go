package sdp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Local is what our side can do in a call and where: everything that an offer or an answer says.
type Local struct {
	Address     netip.AddrPort // where we hear RTP, as others see it
	Mux         bool           // take RTCP on RTP's port where the far end can, and offer it; otherwise it is the next port
	Codecs      []Codec        // in our order of preference, which decides; payload types count in offers only
	Events      bool           // keys as telephone-event, for each clock of Codecs
	Ptime       time.Duration  // the length of packets that we want to hear; 0: 20 ms
	MaxPtime    time.Duration  // the longest that we take; 0: not said
	Direction   Direction      // ours: SendOnly or Inactive to hold the far end
	Crypto      Mode
	Keys        []Key  // what we encrypt with: one a suite, in our order of preference. See NewKeys
	Fingerprint string // of our DTLS certificate, "sha-256 AA:BB:..."; empty: DTLS is neither offered nor taken, whatever Crypto says
	DTLS        bool   // our offers ask for DTLS, and nothing else
	Wait        bool   // the far end is to begin DTLS where it leaves that to us: we do not know where it is
	Made        Chosen // what was chosen last: DTLS that was agreed on goes on (RFC 8842, section 5.3)
	Loopback    bool   // the far end may be on this machine
	ID, Version uint64 // of the o= line; see Session
}

// Codecs are those of telephony in our order, with the payload types that our offers give them.
func Codecs() []Codec {
	return []Codec{
		{Name: "opus", PT: 111, Clock: 48000, Channels: 2, Fmtp: "useinbandfec=1;maxaveragebitrate=24000"},
		{Name: "G722", PT: 9, Clock: 8000},
		{Name: "PCMU", PT: 0, Clock: 8000},
		{Name: "PCMA", PT: 8, Clock: 8000},
	}
}

// Chosen is what both sides agreed on.
type Chosen struct {
	Remote     netip.AddrPort // where we send RTP; the zero value: nowhere (held as before RFC 3264)
	RTCP       netip.AddrPort // where we send RTCP: Remote where it is multiplexed
	Mux        bool
	Codec      Codec // as we send it: its payload type is the far end's
	HearPT     uint8 // under which payload type we hear it: that of our own offer, or the same
	Events     uint8 // payload type of the keys that we send; 0: none
	HearEvents uint8 // of those that we hear
	EventClock int   // Hz: Codec's, but where the far end has keys on another clock only
	Ptime      time.Duration
	MaxPtime   time.Duration // the longest packet that the far end takes; 0: not said
	Direction  Direction     // ours
	Held       bool          // the far end does not hear us: it put us on hold
	Send, Hear *Key          // of SRTP by a=crypto: with which we encrypt, and with which the far end does; nil: none
	Print      string        // of the far end's DTLS certificate, "sha-256 AA:BB:..."; empty: no DTLS
	Active     bool          // of DTLS: we begin the handshake
}

// How long packets may be that we send: what far ends wish for is held within these.
const (
	leastPtime = 10 * time.Millisecond
	mostPtime  = 60 * time.Millisecond
	usualPtime = 20 * time.Millisecond
)

// Answer answers an offer: with one codec, the first of l's that the offer has, and its keys, in the first audio section that will do.
// Every other section is refused by port 0, in the offer's order (RFC 3264, section 6). The error is of the first audio section:
// ErrNoCodec, ErrNoCrypto or ErrAddress, or ErrNoAudio where there is none.
func Answer(d Description, l Local) (answer []byte, chosen Chosen, err error) {
	picked := -1
	for i, m := range d.Media {
		if m.Kind != "audio" || m.Port == 0 {
			continue
		}
		c, wrong := choose(m, l)
		if wrong == nil {
			picked, chosen = i, c
			break
		}
		if err == nil {
			err = wrong
		}
	}
	if picked < 0 {
		if err == nil {
			err = ErrNoAudio
		}
		return nil, Chosen{}, fmt.Errorf("answer offer: %w", err)
	}
	w := writer{}
	w.session(l)
	for i, m := range d.Media {
		if i == picked {
			w.answer(m, chosen, l)
			continue
		}
		w.line("m=%s 0 %s %s", m.Kind, m.Proto, m.Formats[0])
	}
	return w.b, chosen, nil
}

// choose agrees on one audio section of an offer.
func choose(m Media, l Local) (Chosen, error) {
	var c Chosen
	if err := c.meet(m, l); err != nil {
		return c, err
	}
	if err := c.pick(m, l.Codecs, l.Events); err != nil {
		return c, err
	}
	c.HearPT, c.HearEvents = c.Codec.PT, c.Events
	return c, c.encrypt(m, l)
}

// meet settles where packets go, which ways, and how long they are.
func (c *Chosen) meet(m Media, l Local) error {
	sends, hears := m.Direction.Sends(), m.Direction.Receives()
	c.Mux = l.Mux && m.Mux
	if m.Address.IsValid() && m.Address.Unmap().IsUnspecified() {
		hears = false // the hold of RFC 2543, which RFC 3264, section 8.4, still wants understood
	} else {
		c.Remote = netip.AddrPortFrom(m.Address, m.Port)
		if err := reachable(c.Remote, l.Loopback); err != nil {
			return err
		}
		if m.Address.Unmap().Is4() != l.Address.Addr().Unmap().Is4() {
			return fmt.Errorf("c=: %w: %s cannot be reached from %s", ErrAddress, m.Address, l.Address.Addr())
		}
		if err := c.control(m, l.Loopback); err != nil {
			return err
		}
	}
	c.Direction = direction(l.Direction.Sends() && hears, l.Direction.Receives() && sends)
	c.Held = !hears
	c.MaxPtime = m.MaxPtime
	c.Ptime = usualPtime
	if m.Ptime != 0 {
		c.Ptime = min(max(m.Ptime.Round(leastPtime), leastPtime), mostPtime)
	}
	if m.MaxPtime != 0 {
		c.Ptime = max(min(c.Ptime, m.MaxPtime.Truncate(leastPtime)), leastPtime)
	}
	return nil
}

// control settles where RTCP goes: to RTP's port, to that of a=rtcp, or to the next one.
func (c *Chosen) control(m Media, loopback bool) error {
	c.RTCP = c.Remote
	if c.Mux {
		return nil
	}
	switch {
	case m.RTCP.Port() != 0 && m.RTCP.Addr().IsValid() && !m.RTCP.Addr().IsUnspecified():
		c.RTCP = m.RTCP
	case m.RTCP.Port() != 0:
		c.RTCP = netip.AddrPortFrom(m.Address, m.RTCP.Port())
	default:
		next := m.Port + 1
		if next == 0 {
			next = m.Port
		}
		c.RTCP = netip.AddrPortFrom(m.Address, next)
	}
	if err := reachable(c.RTCP, loopback); err != nil {
		return fmt.Errorf("a=rtcp: %w", err)
	}
	return nil
}

// usable says whether a payload type can be told from RTCP on the same port (RFC 5761, section 4).
func usable(pt uint8) bool { return pt < 64 || pt > 95 }

// pick takes the first of our codecs that m has, and the keys that go with its clock.
func (c *Chosen) pick(m Media, ours []Codec, events bool) error {
	for _, want := range ours {
		i := slices.IndexFunc(m.Codecs, func(has Codec) bool { return has.Same(want) && usable(has.PT) })
		if i < 0 {
			continue
		}
		c.Codec = m.Codecs[i]
		c.Codec.Name = want.Name
		if events {
			c.keys(m)
		}
		return nil
	}
	return fmt.Errorf("m=audio %s: %w", strings.Join(m.Formats, " "), ErrNoCodec)
}

// keys takes the telephone-event of the codec's clock (RFC 4733, section 2.1), or that of 8000 Hz, which some offer beside opus.
func (c *Chosen) keys(m Media) {
	for _, clock := range []int{c.Codec.Clock, 8000} {
		for _, has := range m.Codecs {
			if has.event() && has.Clock == clock && has.PT != 0 && usable(has.PT) {
				c.Events, c.EventClock = has.PT, clock
				return
			}
		}
	}
}

// encrypt settles SRTP. A plain profile with a=crypto is the way in which many offer it without insisting; RTP/SAVP without one that we know,
// and with a fingerprint, is how some ask for DTLS.
func (c *Chosen) encrypt(m Media, l Local) error {
	plain, sdes, dtls := m.rtp()
	if (plain || sdes) && l.Crypto != None {
		for _, theirs := range m.Crypto {
			if i := slices.IndexFunc(l.Keys, func(k Key) bool { return k.Suite == theirs.Key.Suite }); i >= 0 {
				c.Send, c.Hear = &l.Keys[i], &theirs.Key
				return nil
			}
		}
	}
	switch {
	case plain && l.Crypto != Require:
		return nil
	case l.Fingerprint == "" || !dtls && (!sdes || m.Print == ""):
		return fmt.Errorf("m=audio %s: %w", m.Proto, ErrNoCrypto)
	}
	if err := m.shakes(); err != nil {
		return err
	}
	c.Print = m.Print
	switch {
	case m.Setup != "actpass":
		c.Active = m.Setup == "passive" // not said is active (RFC 4145, section 4)
	case l.Made.Print == m.Print:
		c.Active = l.Made.Active
	default:
		c.Active = !l.Wait // RFC 5763, section 5
	}
	return nil
}

// shakes says what keeps the section from DTLS.
func (m Media) shakes() error {
	switch {
	case m.Print == "":
		return fmt.Errorf("a=fingerprint: %w: want one of sha-256", ErrNoCrypto)
	case m.Setup == "holdconn":
		return fmt.Errorf("a=setup:holdconn: %w: nobody would begin (RFC 8842, section 5.1)", ErrNoCrypto)
	}
	return nil
}

// Settle is what the far end's answer to our offer of l agrees on. ErrNoAudio: it refused the call's sound; ErrNoCodec: it
// answered with what we did not offer, or not at all; ErrNoCrypto: it left out what l requires.
func Settle(l Local, answer Description) (Chosen, error) {
	if len(answer.Media) == 0 || answer.Media[0].Kind != "audio" || answer.Media[0].Port == 0 {
		return Chosen{}, fmt.Errorf("settle answer: %w", ErrNoAudio)
	}
	m := answer.Media[0]
	c, err := settle(l, m)
	if err != nil {
		return Chosen{}, fmt.Errorf("settle answer: %w", err)
	}
	return c, nil
}

func settle(l Local, m Media) (Chosen, error) {
	var c Chosen
	if err := c.meet(m, l); err != nil {
		return c, err
	}
	offered := l.payloads()
	i := slices.IndexFunc(m.Codecs, func(has Codec) bool { // its first is what it prefers (RFC 3264, section 6.1)
		return !has.event() && slices.ContainsFunc(offered, has.Same)
	})
	if i < 0 {
		return c, fmt.Errorf("m=audio %s: %w", strings.Join(m.Formats, " "), ErrNoCodec)
	}
	c.Codec = m.Codecs[i]
	ours := offered[slices.IndexFunc(offered, c.Codec.Same)]
	c.Codec.Name, c.HearPT = ours.Name, ours.PT
	if l.Events {
		c.keys(m)
		if at := slices.IndexFunc(offered, func(o Codec) bool { return o.event() && o.Clock == c.EventClock }); at >= 0 {
			c.HearEvents = offered[at].PT
		} else {
			c.Events, c.EventClock = 0, 0
		}
	}
	return c, c.decrypt(m, l)
}

// decrypt settles SRTP as the answer m has it. Some answer a=crypto in a plain offer with the profile RTP/SAVP, which means the same.
func (c *Chosen) decrypt(m Media, l Local) error {
	plain, sdes, dtls := m.rtp()
	if !plain && !sdes && !dtls || dtls != l.DTLS {
		return fmt.Errorf("m= protocol %s: %w: %s was offered", m.Proto, ErrNoCrypto, l.proto())
	}
	if dtls {
		if m.Setup == "actpass" {
			return fmt.Errorf("a=setup:actpass: %w: an answer says who begins", ErrNoCrypto)
		}
		c.Print, c.Active = m.Print, m.Setup != "active" // not said is passive (RFC 4145, section 4)
		return m.shakes()
	}
	for _, theirs := range m.Crypto { // the tag is that of our line (RFC 4568, section 5.1.2)
		if at := int(theirs.Tag) - 1; l.Crypto != None && at >= 0 && at < len(l.Keys) && l.Keys[at].Suite == theirs.Key.Suite {
			c.Send, c.Hear = &l.Keys[at], &theirs.Key
			return nil
		}
	}
	if sdes || l.Crypto == Require {
		return fmt.Errorf("a=crypto: %w: none of the offered lines is answered", ErrNoCrypto)
	}
	return nil
}

// milliseconds writes a packet's length.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
