package sdp

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// Offer is what l can do: every codec with its keys, and encryption as l.Crypto says. Who calls Settle with the answer passes the same l.
func Offer(l Local) []byte {
	w := writer{}
	w.session(l)
	payloads := l.payloads()
	var formats strings.Builder
	for _, c := range payloads {
		fmt.Fprintf(&formats, " %d", c.PT)
	}
	w.line("m=audio %d %s%s", l.Address.Port(), l.proto(), formats.String())
	for _, c := range payloads {
		w.codec(c)
	}
	w.ptime(l)
	if !l.DTLS && l.Crypto != None {
		for i, k := range l.Keys {
			w.line("a=crypto:%s", Crypto{uint32(i + 1), k}.line())
		}
	}
	if l.DTLS {
		w.line("a=fingerprint:%s", l.Fingerprint)
		w.line("a=setup:actpass")
	}
	w.line("a=%s", l.Direction)
	w.rtcp(l, l.Mux)
	return w.b
}

// proto is the profile of l's offers.
func (l Local) proto() string {
	switch {
	case l.DTLS:
		return "UDP/TLS/RTP/SAVP"
	case l.Crypto == Require:
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}

// payloads are l's codecs, and after them a telephone-event for each of their clocks, under numbers that no codec has.
func (l Local) payloads() []Codec {
	all := append([]Codec(nil), l.Codecs...)
	if !l.Events {
		return all
	}
	clocks := make(map[int]bool)
	taken := make(map[uint8]bool)
	for _, c := range l.Codecs {
		taken[c.PT] = true
	}
	for _, c := range l.Codecs {
		if clocks[c.Clock] {
			continue
		}
		clocks[c.Clock] = true
		next := uint8(110)
		if c.Clock == 8000 {
			next = 101 // what the field uses, and some take for granted
		}
		for taken[next] {
			next++
		}
		taken[next] = true
		all = append(all, Codec{Name: event, PT: next, Clock: c.Clock, Fmtp: digits})
	}
	return all
}

// digits are the events that we know: 0-9, *, #, A-D (RFC 4733, section 3.2).
const digits = "0-15"

// A writer writes a description, line after line.
type writer struct{ b []byte }

func (w *writer) line(format string, args ...any) {
	w.b = fmt.Appendf(w.b, format+"\r\n", args...)
}

// session writes what comes before the first m=. The name of who speaks, "-", tells nobody anything.
func (w *writer) session(l Local) {
	a := l.Address.Addr().Unmap().WithZone("")
	kind := "IP4"
	if a.Is6() {
		kind = "IP6"
	}
	w.line("v=0")
	w.line("o=- %d %d IN %s %s", l.ID, l.Version, kind, a)
	w.line("s=-")
	w.line("c=IN %s %s", kind, a)
	w.line("t=0 0")
}

func (w *writer) codec(c Codec) {
	channels := ""
	if c.Channels > 1 {
		channels = fmt.Sprintf("/%d", c.Channels)
	}
	w.line("a=rtpmap:%d %s/%d%s", c.PT, c.Name, c.Clock, channels)
	if c.Fmtp != "" {
		w.line("a=fmtp:%d %s", c.PT, c.Fmtp)
	}
}

func (w *writer) ptime(l Local) {
	ptime := l.Ptime
	if ptime == 0 {
		ptime = usualPtime
	}
	w.line("a=ptime:%s", milliseconds(ptime))
	if l.MaxPtime >= time.Millisecond {
		w.line("a=maxptime:%s", milliseconds(l.MaxPtime))
	}
}

func (w *writer) rtcp(l Local, mux bool) {
	if mux {
		w.line("a=rtcp-mux")
		return
	}
	if port := l.Address.Port(); port < 65535 {
		w.line("a=rtcp:%d", port+1)
	}
}

// answer writes the section that was chosen. What we say of a codec is ours: the far end's parameters bind what we send, not it.
func (w *writer) answer(m Media, c Chosen, l Local) {
	formats := fmt.Sprintf("%d", c.Codec.PT)
	if c.Events != 0 {
		formats += fmt.Sprintf(" %d", c.Events)
	}
	w.line("m=audio %d %s %s", l.Address.Port(), m.Proto, formats)
	ours := c.Codec
	ours.Fmtp = ""
	for _, o := range l.Codecs {
		if o.Same(c.Codec) {
			ours.Fmtp = o.Fmtp
			break
		}
	}
	w.codec(ours)
	if c.Events != 0 {
		w.codec(Codec{Name: event, PT: c.Events, Clock: c.EventClock, Fmtp: digits})
	}
	w.ptime(l)
	if c.Send != nil {
		for _, theirs := range m.Crypto {
			if theirs.Key.Suite == c.Send.Suite {
				w.line("a=crypto:%s", Crypto{theirs.Tag, *c.Send}.line())
				break
			}
		}
	}
	if c.Print != "" {
		setup := "passive"
		if c.Active {
			setup = "active"
		}
		w.line("a=fingerprint:%s", l.Fingerprint)
		w.line("a=setup:%s", setup)
	}
	w.line("a=%s", c.Direction)
	w.rtcp(l, c.Mux)
}

// A Session is our side of one dialog's descriptions: its id stays, and its version grows by one whenever what we say differs from what
// we said last, and only then (RFC 3264, section 8). It belongs to its dialog's goroutine.
type Session struct {
	ID, Version uint64 // of the o= line; ID must differ from those of other dialogs at the same address
	said        []byte // the last description, under version 0
}

// Offer is Offer with the session's o= line.
func (s *Session) Offer(l Local) []byte {
	l.ID, l.Version = s.ID, 0
	l.Version = s.next(Offer(l))
	return Offer(l)
}

// Answer is Answer with the session's o= line.
func (s *Session) Answer(d Description, l Local) ([]byte, Chosen, error) {
	l.ID, l.Version = s.ID, 0
	plain, chosen, err := Answer(d, l)
	if err != nil {
		return nil, Chosen{}, err
	}
	l.Version = s.next(plain)
	answer, _, err := Answer(d, l)
	return answer, chosen, err
}

// next is the version under which body is said.
func (s *Session) next(body []byte) uint64 {
	if s.said != nil && !bytes.Equal(s.said, body) {
		s.Version++
	}
	s.said = body
	return s.Version
}
