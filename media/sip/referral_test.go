package sip

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// A switching is a call whose far end may have it go on with others, by a trunk that leads to a phone of the test's.
type switching struct {
	*account
	t   *testing.T
	old *phone
	new *phone // of the trunk
	leg *Leg
}

var errBarred = errors.New("the number is on a list")

// switched is a call that came by the trunk. Its judge lets all be called but +15550100666.
func switched(t *testing.T) *switching {
	t.Helper()
	s := &switching{t: t, new: newPhone(t, netip.AddrPort{})}
	s.account, s.old, s.leg = talking(t, func(o *Options) {
		o.Open, o.Refer = nil, judgeOf(s.new)
		o.Trunks = func() []Trunk {
			return []Trunk{{ID: "t", Org: "o", Host: "127.0.0.1", Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}
		}
	})
	s.new.to = s.udp()
	return s
}

// judgeOf lets calls be placed by the trunk of a phone.
func judgeOf(p *phone) func(context.Context, media.Info, string) (Trunk, string, error) {
	port := p.conn.LocalAddr().(*net.UDPAddr).Port
	return func(_ context.Context, _ media.Info, to string) (Trunk, string, error) {
		if to == "+15550100666" {
			return Trunk{}, "", errBarred
		}
		return Trunk{ID: "t", Org: "o", Name: "trunk", Host: "127.0.0.1", Port: port, Outbound: true}, "+15550100002", nil
	}
}

// news is what the old far end is told next.
func (s *switching) news(status int, state string) *gosip.Request {
	s.t.Helper()
	req := s.old.asked("NOTIFY")
	if line, _, _ := strings.Cut(string(req.Body()), "\r\n"); !strings.HasPrefix(line, "SIP/2.0 "+strconv.Itoa(status)+" ") {
		s.t.Errorf("told %q, want %d", line, status)
	}
	if is := value(req, "Subscription-State"); !strings.HasPrefix(is, state) {
		s.t.Errorf("told %s, want %s", is, state)
	}
	if value(req, "Content-Type") != "message/sipfrag;version=2.0" {
		s.t.Errorf("NOTIFY:\n%s", req)
	}
	s.old.answer(req, 200, "")
	return req
}

// refer asks, is taken, and returns the INVITE.
func (s *switching) refer(to string, headers ...string) *gosip.Request {
	s.t.Helper()
	s.old.send("REFER", number, "", append(headers, "Refer-To: "+to)...)
	s.old.wants(202)
	s.news(100, "active;expires=60")
	return s.new.asked("INVITE")
}

// joins makes the phone one of the dialog that an INVITE of ours opens.
func (p *phone) joins(invite *gosip.Request, tag string) {
	p.call, p.tag = invite.CallID().Value(), tag
	p.peer, _ = invite.From().Params.Get("tag")
}

const colleague = "<sip:+15550100077@127.0.0.1>"

// TestReferred: the far end has the call go on with somebody else. The same conversation does, without a packet that is lost; the old far end is told
// how far it is, and BYE if it does not say that itself.
func TestReferred(t *testing.T) {
	t.Parallel()
	for name, polite := range map[string]bool{"it says BYE": true, "we say BYE": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := switched(t)
			old, next := newMouthpiece(t, 1), newMouthpiece(t, 2)
			s.old.send("INVITE", number, described(old.port()))
			s.old.wants(200)
			s.old.ack(number, "")
			exchange(t, s.leg, old, false, 10)
			spoken := old.hears()
			invite := s.refer(colleague, "Referred-By: <sip:anna@pbx.example;x=y>")
			if by := value(invite, "Referred-By"); by != "<sip:anna@pbx.example>" || invite.Recipient.User != "+15550100077" || invite.From().Address.User != "+15550100002" {
				t.Errorf("INVITE:\n%s", invite)
			}
			s.new.tagged(invite, "b", 180, "")
			s.news(180, "active")
			s.new.tagged(invite, "b", 200, described(next.port()))
			s.new.asked("ACK")
			if event := value(s.news(200, "terminated;reason=noresource"), "Event"); event != "refer" {
				t.Errorf("Event: %s", event)
			}
			if polite {
				s.old.leave()
			} else {
				bye := s.old.asked("BYE")
				if tag, _ := bye.From().Params.Get("tag"); tag != s.old.peer {
					t.Errorf("BYE:\n%s", bye)
				}
				s.old.answer(bye, 200, "")
			}
			s.old.send("INFO", number, "")
			s.old.wants(481)
			exchange(t, s.leg, next, true, 25)
			went := next.hears()
			if len(spoken) == 0 || len(went) != 25 || went[0] != spoken[len(spoken)-1]+1 {
				t.Errorf("packets %v went to the old far end, %v to the new one", spoken, went)
			}
			s.new.joins(invite, "b")
			s.new.leave()
			if err := ending(t, s.leg); !errors.Is(err, io.EOF) {
				t.Errorf("Receive ended with %v", err)
			}
			_ = s.leg.Hangup(media.CauseCaller)
			if e := within(t, s.ends, "end"); e.Info.ID != s.leg.Info().ID {
				t.Errorf("end %+v", e)
			}
		})
	}
}

// TestReferredPlaced: whom we have called may do so too, and the new far end is told goodbye by us. Of a second fork that answers nothing is left.
func TestReferredPlaced(t *testing.T) {
	t.Parallel()
	next := newPhone(t, netip.AddrPort{})
	d := dialBy(t, newAgent(t, func(o *Options) { o.Refer = judgeOf(next) }), nil)
	next.to = d.a.udp()
	invite := d.p.asked("INVITE")
	d.p.tagged(invite, "b", 200, described(40000))
	d.p.asked("ACK")
	l := d.answered()
	d.p.joins(invite, "b")
	s := &switching{account: d.a, t: t, old: d.p, new: next, leg: l}
	invite = s.refer("tel:+1-555-0100-077")
	next.tagged(invite, "c", 200, described(40002))
	next.asked("ACK")
	s.news(200, "terminated")
	d.p.leave()
	next.tagged(invite, "late", 200, described(40004))
	if ack := next.asked("ACK"); ack.Recipient.User != "late" {
		t.Errorf("ACK:\n%s", ack)
	}
	next.answer(next.asked("BYE"), 200, "")
	_ = l.Hangup(media.CauseAgent)
	bye := next.asked("BYE")
	if tag, _ := bye.To().Params.Get("tag"); tag != "c" {
		t.Errorf("BYE:\n%s", bye)
	}
	next.answer(bye, 200, "")
}

// TestReferredEarly: a description that came before the new far end rang is that of its answer, which has none.
func TestReferredEarly(t *testing.T) {
	t.Parallel()
	s := switched(t)
	invite := s.refer(colleague)
	s.new.tagged(invite, "b", 183, described(40002), "Require: 100rel", "RSeq: 1")
	s.new.answer(s.new.asked("PRACK"), 200, "")
	s.news(180, "active")
	s.new.tagged(invite, "b", 180, "", "Require: 100rel", "RSeq: 2")
	s.new.answer(s.new.asked("PRACK"), 200, "")
	s.new.tagged(invite, "b", 200, "")
	s.new.asked("ACK")
	s.news(200, "terminated")
	s.old.leave()
	s.new.joins(invite, "b")
	s.new.leave()
	_ = s.leg.Hangup(media.CauseCaller)
}

// TestReferredAttended: the INVITE has the place that is to be taken, and nothing else of what stood in the address.
func TestReferredAttended(t *testing.T) {
	t.Parallel()
	s := switched(t)
	invite := s.refer("<sip:12345678@" + s.old.addr() + ";maddr=192.0.2.1?X-Evil=1&Replaces=abc%40pbx%3Bto-tag%3D1%3Bfrom-tag%3D2&Route=%3Csip%3A192.0.2.1%3E>")
	if is := value(invite, "Replaces"); is != "abc@pbx;to-tag=1;from-tag=2" || value(invite, "Require") != "replaces" {
		t.Errorf("Replaces: %s", is)
	}
	if u := invite.Recipient.String(); u != "sip:12345678@"+s.old.addr() {
		t.Errorf("Request-URI %s", u)
	}
	if text := invite.String(); strings.Contains(text, "Evil") || strings.Contains(text, "192.0.2.1") {
		t.Errorf("INVITE:\n%s", text)
	}
	s.new.tagged(invite, "b", 200, described(40002))
	s.new.asked("ACK")
	s.news(200, "terminated")
	s.old.leave()
	s.new.joins(invite, "b")
	s.new.leave()
	_ = s.leg.Hangup(media.CauseCaller)
}

// TestReferredInVain: where nobody answers, the call goes on as it was, and the next one may be tried: three times in all.
func TestReferredInVain(t *testing.T) {
	t.Parallel()
	s := switched(t)
	for i := range mostReferred {
		invite := s.refer(colleague)
		s.old.send("REFER", number, "", "Refer-To: "+colleague)
		s.old.wants(491)
		switch i {
		case 0:
			s.new.tagged(invite, "b", 486, "")
			s.news(486, "terminated")
		case 1: // no codec: it is told BYE
			s.new.tagged(invite, "b", 200, strings.ReplaceAll(described(40002), "PCMU", "EVIL"))
			s.new.asked("ACK")
			s.new.answer(s.new.asked("BYE"), 200, "")
			s.news(488, "terminated")
		case 2: // nobody follows it to where nobody has judged
			s.new.tagged(invite, "b", 302, "", "Contact: <sip:x@192.0.2.1>")
			if event := value(s.news(302, "terminated"), "Event"); !strings.HasPrefix(event, "refer;id=") {
				t.Errorf("Event: %s", event)
			}
		}
		if i != 1 {
			s.new.asked("ACK")
		}
		s.old.send("INVITE", number, described(40000))
		s.old.wants(200)
		s.old.ack(number, "")
		acknowledged(s.leg)
	}
	s.old.send("REFER", number, "", "Refer-To: "+colleague)
	s.old.wants(603)
	s.old.leave()
	_ = s.leg.Hangup(media.CauseCaller)
}

// TestReferredAndGone: the old far end leaves before the new one is there. The agent waits, as on hold; the call goes on if somebody comes, and is over
// if nobody does.
func TestReferredAndGone(t *testing.T) {
	t.Parallel()
	for name, answered := range map[string]bool{"answered": true, "busy": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := switched(t)
			heard := notes(s.leg)
			invite := s.refer(colleague)
			s.old.leave()
			if n := within(t, heard, "note"); n.Kind != media.Held {
				t.Errorf("note %+v", n)
			}
			s.old.send("INFO", number, "")
			s.old.wants(481)
			if !answered {
				s.new.tagged(invite, "b", 486, "")
				s.new.asked("ACK")
				s.news(486, "terminated")
				if _, more := <-heard; more {
					t.Error("there is more to be heard")
				}
				_ = s.leg.Hangup(media.CauseCaller)
				return
			}
			s.new.tagged(invite, "b", 200, described(40002))
			s.new.asked("ACK")
			s.news(200, "terminated")
			if n := within(t, heard, "note"); n.Kind != media.Resumed {
				t.Errorf("note %+v", n)
			}
			if n := within(t, heard, "note"); n.Kind != media.Moved || n.To != "+15550100077" {
				t.Errorf("note %+v", n)
			}
			s.new.joins(invite, "b")
			s.new.leave()
			_ = s.leg.Hangup(media.CauseCaller)
		})
	}
}

// TestReferredAndHungUp: the agent ends the call while the new far end rings. Both far ends are told.
func TestReferredAndHungUp(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]bool{"with the old far end": false, "alone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := switched(t)
			invite := s.refer(colleague)
			s.new.tagged(invite, "b", 180, "")
			s.news(180, "active")
			if left {
				s.old.leave()
			}
			_ = s.leg.Hangup(media.CauseAgent)
			cancel := s.new.asked("CANCEL")
			s.new.answer(cancel, 200, "")
			s.new.tagged(invite, "b", 487, "")
			s.new.asked("ACK")
			if !left {
				s.old.answer(s.old.asked("BYE"), 200, "")
			}
			within(t, s.ends, "end")
		})
	}
}

// TestReferredQuietly: who wants no NOTIFY gets none (RFC 4488).
func TestReferredQuietly(t *testing.T) {
	t.Parallel()
	s := switched(t)
	s.old.send("REFER", number, "", "Refer-To: "+colleague, "Refer-Sub: false", "Require: norefersub")
	if res := s.old.wants(202); value(res, "Refer-Sub") != "false" {
		t.Errorf("the answer is\n%s", res)
	}
	invite := s.new.asked("INVITE")
	s.new.tagged(invite, "b", 200, described(40002))
	s.new.asked("ACK")
	for {
		req, ok := s.old.next().(*gosip.Request)
		if ok && req.Method == gosip.NOTIFY {
			t.Errorf("told\n%s", req)
		}
		if ok && req.Method == gosip.BYE {
			s.old.answer(req, 200, "")
			break
		}
	}
	s.new.joins(invite, "b")
	s.new.leave()
	_ = s.leg.Hangup(media.CauseCaller)
}

// TestReferDeclined: what is malformed, goes elsewhere or is not allowed reaches nobody, and the call goes on.
func TestReferDeclined(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		headers []string
		want    int
		says    string
	}{
		{"the judge", []string{"Refer-To: <sip:+15550100666@127.0.0.1>"}, 603, "on a list"},
		{"the judge, of a number with separators", []string{"Refer-To: <tel:+1-555-0100-666>"}, 603, "on a list"},
		{"the judge, of a number that is written otherwise", []string{"Refer-To: <sip:%2B15550100666@127.0.0.1>"}, 603, "on a list"},
		{"another host", []string{"Refer-To: <sip:+15550100077@192.0.2.1>"}, 603, "192.0.2.1"},
		{"another host, of a dialog", []string{"Refer-To: <sip:x@192.0.2.1?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>"}, 603, "192.0.2.1"},
		{"a host that looks like ours", []string{"Refer-To: <sip:+15550100077@127.0.0.1.example>"}, 603, "own trunk"},
		{"a national number", []string{"Refer-To: <sip:00442071234567@127.0.0.1>"}, 603, "E.164"},
		{"a number in letters", []string{"Refer-To: <sip:1900FLOWERS@127.0.0.1>"}, 603, "E.164"},
		{"an international number in letters", []string{"Refer-To: <sip:+1900FLOWERS@127.0.0.1>"}, 603, "E.164"},
		{"sips", []string{"Refer-To: <sips:+15550100077@127.0.0.1>"}, 603, "TLS"},
		{"none", nil, 400, "Refer-To"},
		{"two", []string{"Refer-To: " + colleague, "Refer-To: " + colleague}, 400, "Refer-To"},
		{"two, one of them short", []string{"Refer-To: " + colleague, "r: " + colleague}, 400, "Refer-To"},
		{"a list", []string{"Refer-To: " + colleague + ", " + colleague}, 400, ""},
		{"too long", []string{"Refer-To: <sip:+15550100077@127.0.0.1;x=" + strings.Repeat("y", 1024) + ">"}, 400, "Refer-To"},
		{"another scheme", []string{"Refer-To: <mailto:a@b.example>"}, 400, "Refer-To"},
		{"no user", []string{"Refer-To: <sip:127.0.0.1>"}, 400, "Refer-To"},
		{"another method", []string{"Refer-To: <sip:+15550100077@127.0.0.1;method=BYE>"}, 400, "Refer-To"},
		{"a line in the user", []string{"Refer-To: <sip:a%0D%0AX-Evil%3A1@127.0.0.1>"}, 400, "Refer-To"},
		{"a line in Replaces", []string{"Refer-To: <sip:a@127.0.0.1?Replaces=a%0D%0AX-Evil%3A1%3Bto-tag%3D1%3Bfrom-tag%3D2>"}, 400, "Refer-To"},
		{"two Replaces", []string{"Refer-To: <sip:a@127.0.0.1?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=b%3Bto-tag%3D1%3Bfrom-tag%3D2>"}, 400, "Refer-To"},
		{"Replaces of nothing", []string{"Refer-To: <sip:a@127.0.0.1?Replaces=a>"}, 400, "Refer-To"},
		{"two Referred-By", []string{"Refer-To: " + colleague, "Referred-By: <sip:a@b>", "b: <sip:a@b>"}, 400, "Referred-By"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := switched(t)
			s.old.send("REFER", number, "", c.headers...)
			if said := value(s.old.wants(c.want), "Warning"); !strings.Contains(said, c.says) {
				t.Errorf("Warning: %s", said)
			}
			s.old.send("INVITE", number, described(40000))
			s.old.wants(200)
			s.old.ack(number, "")
			s.old.leave()
			_ = s.leg.Hangup(media.CauseCaller)
		})
	}
}

// TestReferOutside: a REFER that is in no dialog has nobody called.
func TestReferOutside(t *testing.T) {
	t.Parallel()
	s := switched(t)
	q := newPhone(t, s.udp())
	q.send("REFER", number, "", "Refer-To: "+colleague)
	q.wants(481)
	s.old.leave()
	_ = s.leg.Hangup(media.CauseCaller)
}

// FuzzReferTo: whatever a REFER has, what is made of it can be dialled, and stays on its line.
func FuzzReferTo(f *testing.F) {
	for _, to := range []string{
		colleague, "tel:+1-555-0100;phone-context=x", `"A, <B>" <sip:a?b@[::1]:5060;user=phone?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%3Bearly-only>`,
		"<sip:a%0d%0aX:1@b?Replaces=%0d%0a>", "sip:a@b;method=BYE", "<sips:a@b?replaces=a&Replaces=b>", "<>", "sip:@", "<sip:a@b\x00>",
	} {
		f.Add(to, "<sip:anna@pbx.example;x=y>;cid=1")
	}
	f.Fuzz(func(t *testing.T, to, by string) {
		req := gosip.NewRequest(gosip.REFER, gosip.Uri{Scheme: "sip", Host: "a"})
		req.AppendHeader(gosip.NewHeader("Refer-To", to))
		req.AppendHeader(gosip.NewHeader("Referred-By", by))
		is, err := referTo(req)
		if err != nil {
			return
		}
		if !dialable.MatchString(is.user) || !printable(is.host) || !printable(strings.Trim(is.by, "<>")) {
			t.Errorf("%+v", is)
		}
		if s := is.replaces; s != nil && (!printable(s.call+s.local+s.remote) || s.call == "") {
			t.Errorf("it replaces %+v", s)
		}
	})
}
