package sip

import (
	"net/netip"
	"runtime"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// talking is a call that a phone has made, and that was answered.
func talking(t *testing.T, change func(*Options), headers ...string) (*account, *phone, *Leg) {
	t.Helper()
	a := newAgent(t, change)
	p := newPhone(t, a.udp())
	p.send("INVITE", number, described(40000), headers...)
	p.wants(200)
	p.ack(number, "")
	l := a.take(t)
	return a, p, l
}

// leave ends the call from the phone's side.
func (p *phone) leave() {
	p.send("BYE", number, "")
	p.wants(200)
}

// notes are what a leg tells of itself.
func notes(l *Leg) <-chan media.Note {
	c := make(chan media.Note, 100)
	go func() {
		defer close(c)
		for {
			packet, err := l.Receive()
			if err != nil {
				return
			}
			if packet.Note.Kind != media.NoNote {
				c <- packet.Note
			}
			if packet.Digit != 0 {
				c <- media.Note{Code: int(packet.Digit)}
			}
		}
	}()
	return c
}

// TestHold: hold and resume, by re-INVITE and by UPDATE, are answered and told.
func TestHold(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			_, p, l := talking(t, nil)
			told := notes(l)
			for _, step := range []struct {
				line, answer string
				note         media.NoteKind
			}{{"a=sendonly", "a=recvonly", media.Held}, {"a=sendrecv", "a=sendrecv", media.Resumed}, {"a=inactive", "a=inactive", media.Held}, {"a=sendrecv", "a=sendrecv", media.Resumed}} {
				p.send(method, number, described(40000, step.line))
				if res := p.wants(200); !strings.Contains(string(res.Body()), step.answer) {
					t.Errorf("%s is answered by\n%s", step.line, res.Body())
				}
				if method == "INVITE" {
					p.ack(number, "")
				}
				if n := within(t, told, "note"); n.Kind != step.note {
					t.Errorf("%s is told as %d, want %d", step.line, n.Kind, step.note)
				}
			}
			p.leave()
		})
	}
}

// TestRefusedChange: what cannot be agreed on leaves the call as it was, with the time by which its session must be refreshed.
func TestRefusedChange(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			_, p, l := talking(t, nil)
			p.send(method, number, strings.ReplaceAll(described(40000), "PCMU", "EVIL"))
			p.wants(488)
			if method == "INVITE" {
				p.ack(number, "")
			}
			ticks := make(chan bool, 1)
			l.post(func() { ticks <- l.timer.timer.Stop() })
			if !<-ticks {
				t.Error("nobody refreshes the session any more")
			}
			p.leave()
		})
	}
}

// TestInfo: keys come by INFO, in both forms; other bodies are refused.
func TestInfo(t *testing.T) {
	t.Parallel()
	_, p, l := talking(t, nil)
	told := notes(l)
	for _, c := range []struct {
		kind, body string
		status     int
		key        rune
	}{
		{"application/dtmf-relay", "Signal=5\nDuration=160\n", 200, '5'}, {"application/dtmf-relay", "Signal= *\nDuration= 160\n", 200, '*'},
		{"application/dtmf", "11", 200, '#'}, {"text/plain", "5", 415, 0},
	} {
		p.send("INFO", number, c.body, "Content-Type: "+c.kind)
		p.wants(c.status)
		if c.key == 0 {
			continue
		}
		if n := within(t, told, "key"); rune(n.Code) != c.key {
			t.Errorf("%q is %q", c.body, rune(n.Code))
		}
	}
	p.leave()
}

// TestAcksCross: the next change of a session may be answered before the ACK of the last one is there. Each ACK comes to who waits for it.
func TestAcksCross(t *testing.T) {
	t.Parallel()
	p := newPhone(t, netip.MustParseAddrPort("127.0.0.1:5060"))
	ask := func(method string) *gosip.Request {
		m, err := gosip.ParseMessage([]byte(p.request(method, number, "")))
		if err != nil {
			t.Fatal(err)
		}
		return m.(*gosip.Request)
	}
	var waiting acks
	for range 2 {
		first := ask("INVITE")
		acked := ask("ACK")
		second := ask("INVITE")
		a, done := waiting.expect(first)
		b, too := waiting.expect(second)
		next := ask("ACK")
		for range 2 { // the second time it is a repetition
			waiting.bring(next)
			waiting.bring(acked)
		}
		if <-a != acked || <-b != next || len(a)+len(b) > 0 {
			t.Error("an ACK came to who waits for another")
		}
		done()
		too()
	}
	if len(waiting.due) > 0 {
		t.Errorf("%d are still waited for", len(waiting.due))
	}
}

// TestOldRequests: one with a number that has passed is refused, and one of no dialog too.
func TestOldRequests(t *testing.T) {
	t.Parallel()
	_, p, _ := talking(t, nil)
	p.seq = -1
	p.send("INFO", number, "")
	p.wants(500)
	p.seq = 10
	peer := p.peer
	p.peer = "nobody"
	p.send("BYE", number, "")
	p.wants(481)
	p.peer = peer
	p.leave()
	p.send("INVITE", number, "") // a re-INVITE after BYE, without a description
	p.wants(481)
}

// TestSessionTimer: what the far end asks for is agreed on; too short a session is refused.
func TestSessionTimer(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	for _, c := range []struct {
		headers []string
		status  int
		want    string
	}{
		{[]string{"Supported: timer", "Session-Expires: 60"}, 422, ""},
		{[]string{"Supported: timer", "Session-Expires: 300;refresher=uac"}, 200, "300;refresher=uac"},
		{[]string{"Supported: timer", "Session-Expires: 300;refresher=uas"}, 200, "300;refresher=uas"},
		{[]string{"Supported: timer", "Session-Expires: 300"}, 200, "300;refresher=uac"},
		{[]string{"Supported: timer", "Session-Expires: 7200", "Min-SE: 3600"}, 200, "3600;refresher=uac"},
		{[]string{"k: timer", "x: 300;refresher=uac"}, 200, "300;refresher=uac"},
		{nil, 200, "1800;refresher=uas"},
	} {
		p := newPhone(t, a.udp())
		p.send("INVITE", number, described(40000), c.headers...)
		res := p.wants(c.status)
		p.ack(number, "")
		if c.status != 200 {
			if value(res, "Min-SE") != "90" {
				t.Errorf("%s: Min-SE %s", c.headers, value(res, "Min-SE"))
			}
			continue
		}
		if got := value(res, "Session-Expires"); got != c.want {
			t.Errorf("%s: %s, want %s", c.headers, got, c.want)
		}
		p.leave()
	}
}

// TestRefresh: we refresh when it is ours to do so, by UPDATE or by INVITE; glare waits; and a far end that is gone ends the call.
func TestRefresh(t *testing.T) {
	t.Parallel()
	for name, allow := range map[string]string{"UPDATE": "Allow: INVITE, ACK, BYE, UPDATE", "INVITE": "Allow: INVITE, ACK, BYE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p, l := talking(t, nil, allow)
			l.post(func() { l.timer.again(0) })
			req := p.asked(name)
			p.seq++
			p.send("UPDATE", number, described(40000)) // it crosses ours
			p.wants(491)
			p.answer(req, 491, "")
			req = p.asked(name)
			body := ""
			if name == "INVITE" {
				if !strings.Contains(string(req.Body()), "m=audio") {
					t.Errorf("INVITE:\n%s", req)
				}
				body = described(40000)
			}
			p.answer(req, 200, body, "Session-Expires: 300;refresher=uac")
			if name == "INVITE" {
				p.asked("ACK")
			}
			for asking := make(chan bool, 1); ; runtime.Gosched() {
				l.post(func() { asking <- l.changes.asking })
				if !<-asking {
					break
				}
			}
			l.post(func() { l.timer.again(0) })
			p.answer(p.asked(name), 481, "")
			p.answer(p.asked("BYE"), 481, "")
			within(t, a.ends, "end")
		})
	}
}
