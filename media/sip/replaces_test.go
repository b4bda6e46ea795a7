package sip

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"parley/media"
)

// replaced is the header by which another takes the phone's place.
func (p *phone) replaced(more string) string {
	return "Replaces: " + p.call + ";to-tag=" + p.peer + ";from-tag=" + p.tag + more
}

// A mouthpiece is the sound of a phone: PCMU on a socket of its own.
type mouthpiece struct {
	t    *testing.T
	conn *net.UDPConn
	ssrc uint32
	seq  uint16
}

func newMouthpiece(t *testing.T, ssrc uint32) *mouthpiece {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &mouthpiece{t: t, conn: c, ssrc: ssrc}
}

func (m *mouthpiece) port() int { return m.conn.LocalAddr().(*net.UDPAddr).Port }

// says sends 20 ms: a loud tone, or silence.
func (m *mouthpiece) says(l *Leg, loud bool) {
	m.t.Helper()
	b := binary.BigEndian.AppendUint16([]byte{0x80, 0}, m.seq)
	b = binary.BigEndian.AppendUint32(b, uint32(m.seq)*160)
	b = binary.BigEndian.AppendUint32(b, m.ssrc)
	for i := range 160 {
		code := byte(0xff)
		if loud {
			code = 0x10 | byte(i&4)<<5 // a square wave of 1 kHz
		}
		b = append(b, code)
	}
	m.seq++
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), l.voice.session.Local().Port())
	if _, err := m.conn.WriteToUDPAddrPort(b, to); err != nil {
		m.t.Fatal(err)
	}
}

// hears are the sequence numbers of all packets that have come.
func (m *mouthpiece) hears() (all []uint16) {
	b := make([]byte, 1500)
	for {
		_ = m.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := m.conn.Read(b)
		if err != nil {
			return all
		}
		if n > 12 && b[1]&0x7f == 0 {
			all = append(all, binary.BigEndian.Uint16(b[2:]))
		}
	}
}

// exchange lets a leg speak and hear for so many frames, and says how many came before it heard a tone.
func exchange(t *testing.T, l *Leg, m *mouthpiece, loud bool, frames int) (before int) {
	t.Helper()
	before = -1
	for n := 0; n < frames; {
		p, err := l.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if p.Frame.PCM == nil {
			continue
		}
		for _, s := range p.Frame.PCM {
			if before < 0 && (s > 4000 || s < -4000) {
				before = n
			}
		}
		n++
		m.says(l, loud)
		if err := l.Send(media.Frame{Rate: p.Frame.Rate, PCM: make([]int16, len(p.Frame.PCM))}); err != nil {
			t.Fatal(err)
		}
	}
	return before
}

// TestReplaced: another far end takes a call over. The same conversation goes on with it, without a packet of ours that is lost and within
// 200 ms of theirs; the old far end is told BYE, and can say nothing any more.
func TestReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ held, late bool }{"talking": {}, "on hold": {held: true}, "offer in the answer": {late: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, nil)
			p, q := newPhone(t, a.udp()), newPhone(t, a.udp())
			old, next := newMouthpiece(t, 1), newMouthpiece(t, 2)
			p.send("INVITE", number, described(old.port()))
			p.wants(200)
			p.ack(number, "")
			l := a.take(t)
			exchange(t, l, old, false, 10)
			spoken := old.hears()
			if c.held {
				p.send("INVITE", number, described(old.port(), "a=sendonly"))
				p.wants(200)
				p.ack(number, "")
			}
			offer, answer := described(next.port()), ""
			if c.late {
				offer, answer = "", offer
			}
			q.send("INVITE", number, offer, p.replaced(""), "Require: replaces")
			if res := q.wants(200); res.Body() == nil || !strings.Contains(value(res, "Supported"), "replaces") {
				t.Errorf("the answer is\n%s", res)
			}
			q.ack(number, answer)
			bye := p.asked("BYE")
			if tag, _ := bye.From().Params.Get("tag"); tag != p.peer || bye.CallID().Value() != p.call {
				t.Errorf("BYE:\n%s", bye)
			}
			p.answer(bye, 200, "")
			p.send("INFO", number, "")
			p.wants(481)
			acknowledged(l)
			if before := exchange(t, l, next, true, 25); before < 0 || before > 10 {
				t.Errorf("the new far end is heard after %d frames, want at most 10", before)
			}
			went := next.hears()
			if late := old.hears(); len(late) > 0 {
				t.Errorf("the old far end has heard %d packets of what was said to the new one", len(late))
			}
			if len(spoken) == 0 || len(went) != 25 || went[0] != spoken[len(spoken)-1]+1 {
				t.Errorf("packets %v went to the old far end, %v to the new one", spoken, went)
			}
			q.leave()
			if err := ending(t, l); !errors.Is(err, io.EOF) {
				t.Errorf("Receive ended with %v", err)
			}
			_ = l.Hangup(media.CauseCaller)
			if e := within(t, a.ends, "end"); e.Info.ID != p.call {
				t.Errorf("end %+v", e)
			}
		})
	}
}

// acknowledged returns when the far end's ACK has been taken in.
func acknowledged(l *Leg) {
	for done := make(chan bool, 1); ; {
		l.post(func() { done <- !l.changes.answering })
		if <-done {
			return
		}
	}
}

// TestReplacedPlaced: a call that we have placed is taken over too, and ended by us.
func TestReplacedPlaced(t *testing.T) {
	t.Parallel()
	d := dialBy(t, newAgent(t, func(o *Options) {
		o.Open = nil
		o.Trunks = func() []Trunk {
			return []Trunk{{ID: "t", Org: "o", Host: "127.0.0.1", Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}
		}
	}), nil)
	invite := d.p.asked("INVITE")
	d.p.tagged(invite, "b", 200, described(40000))
	d.p.asked("ACK")
	l := d.answered()
	tag, _ := invite.From().Params.Get("tag")
	q := newPhone(t, d.a.udp()) // of the trunk's address
	q.send("INVITE", number, described(40002), "Replaces: "+d.id+";to-tag="+tag+";from-tag=b")
	q.wants(200)
	q.ack(number, "")
	d.p.answer(d.p.asked("BYE"), 200, "")
	_ = l.Hangup(media.CauseAgent)
	q.answer(q.asked("BYE"), 200, "")
}

// TestNotReplaced: who must not take a call over is refused, and the call goes on.
func TestNotReplaced(t *testing.T) {
	t.Parallel()
	networks := map[string]string{"127.0.0.1/32": "acme", "127.0.0.2/32": "acme", "127.0.0.3/32": "other"}
	a := newAgent(t, func(o *Options) {
		o.Open = nil
		o.Trunks = func() (all []Trunk) {
			for network, org := range networks {
				all = append(all, Trunk{ID: network, Org: org, Name: network, Host: "127.0.0.9", Allowed: []netip.Prefix{netip.MustParsePrefix(network)}})
			}
			return all
		}
	})
	p := newPhone(t, a.udp())
	p.send("INVITE", number, described(40000))
	p.wants(200)
	p.ack(number, "")
	l := a.take(t)
	acknowledged(l)
	strange := &phone{call: p.call, peer: "x", tag: p.tag}
	for name, c := range map[string]struct {
		from    string
		headers []string
		body    string
		want    int
	}{
		"another organisation's trunk": {"127.0.0.3", []string{p.replaced("")}, described(40002), 481},
		"another trunk":                {"127.0.0.2", []string{p.replaced("")}, described(40002), 403},
		"no such dialog":               {"127.0.0.1", []string{strange.replaced("")}, described(40002), 481},
		"answered already":             {"127.0.0.1", []string{p.replaced(";early-only")}, described(40002), 486},
		"two":                          {"127.0.0.1", []string{p.replaced(""), p.replaced("")}, described(40002), 400},
		"no tags":                      {"127.0.0.1", []string{"Replaces: " + p.call}, described(40002), 400},
		"no codec":                     {"127.0.0.1", []string{p.replaced("")}, strings.ReplaceAll(described(40002), "PCMU", "EVIL"), 488},
		"too short a session":          {"127.0.0.1", []string{p.replaced(""), "Supported: timer", "Session-Expires: 60"}, described(40002), 422},
	} {
		q := newPhoneAt(t, a.udp(), c.from)
		q.send("INVITE", number, c.body, c.headers...)
		t.Log(name)
		q.wants(c.want)
		q.send("ACK", number, "")
	}
	p.send("INFO", number, "", p.replaced("")) // no other request has it
	p.wants(400)
	p.send("INVITE", number, described(40000)) // nothing has changed
	p.wants(200)
	p.ack(number, "")
	p.leave()
	_ = l.Hangup(media.CauseCaller)
}

// TestRingingIsNotReplaced: a call that has not been answered is no successor's (RFC 3891, section 3).
func TestRingingIsNotReplaced(t *testing.T) {
	t.Parallel()
	a := newAgent(t, func(o *Options) { o.Admit = ringing })
	p, q := newPhone(t, a.udp()), newPhone(t, a.udp())
	p.send("INVITE branch=rings", number, described(40000))
	p.wants(180)
	q.send("INVITE", number, described(40002), p.replaced(""))
	q.wants(481)
	q.send("ACK", number, "")
	p.leave()
}
