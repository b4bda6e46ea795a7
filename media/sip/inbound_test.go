package sip

import (
	"strconv"
	"strings"
	"sync/atomic"

	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/google/go-cmp/cmp"
	"github.com/icholy/digest"

	"parley/media"
)

const number = "+15550100002"

// TestInbound: INVITE, ringing, answer, ACK, BYE from either side.
func TestInbound(t *testing.T) {
	t.Parallel()
	for name, theirs := range map[string]bool{"they hang up": true, "we hang up": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, nil)
			p := newPhone(t, a.udp())
			p.send("INVITE", number, described(40000))
			p.wants(180)
			p.wants(200)
			p.ack(number, "")
			l := a.take(t)
			if i := l.Info(); i.Kind != "sip" || i.From != p.from || i.To != number || i.Rate != 8000 || i.ID != p.call {
				t.Errorf("info %+v", i)
			}
			if theirs {
				p.send("BYE", number, "")
				p.wants(200)
				if err := ending(t, l); !errors.Is(err, io.EOF) {
					t.Errorf("Receive ended with %v", err)
				}
				_ = l.Hangup(media.CauseCaller)
			} else {
				_ = l.Hangup(media.CauseAgent)
				bye := p.asked("BYE")
				if r := value(bye, "Reason"); r != `Q.850;cause=16;text="agent"` {
					t.Errorf("Reason %s", r)
				}
				p.answer(bye, 200, "")
			}
			if e := within(t, a.ends, "end"); e.Answered.IsZero() || e.Info.ID != p.call {
				t.Errorf("end %+v", e)
			}
		})
	}
}

// TestEarlyMedia: a call may ring before it is answered, and be told meanwhile where its sound goes.
func TestEarlyMedia(t *testing.T) {
	t.Parallel()
	const rings = 300 * time.Millisecond
	for status, early := range map[int]bool{180: false, 183: true} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, func(o *Options) {
				o.Admit = func(context.Context, Incoming) Verdict { return Verdict{Ring: rings, Early: early} }
			})
			p := newPhone(t, a.udp())
			began := time.Now()
			p.send("INVITE", number, described(40000))
			if res := p.wants(status); (len(res.Body()) > 0) != early {
				t.Errorf("%d with the body %q", status, res.Body())
			}
			p.wants(200)
			if took := time.Since(began); took < rings {
				t.Errorf("answered after %v, want %v", took, rings)
			}
			p.ack(number, "")
			_ = a.take(t).Hangup(media.CauseAgent)
			p.answer(p.asked("BYE"), 200, "")
		})
	}
}

// ending reads a leg until it ends.
func ending(t *testing.T, l *Leg) error {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		for {
			if _, err := l.Receive(); err != nil {
				failed <- err
				return
			}
		}
	}()
	return within(t, failed, "end of the leg")
}

// TestLateOffer: the offer is in the 200, the answer in the ACK, and the call begins with it.
func TestLateOffer(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	p := newPhone(t, a.udp())
	p.send("INVITE", number, "")
	if res := p.wants(200); len(res.Body()) == 0 {
		t.Fatal("there is no offer")
	}
	select {
	case <-a.legs:
		t.Fatal("the call has begun without an answer")
	case <-time.After(50 * time.Millisecond):
	}
	p.ack(number, described(40000))
	if l := a.take(t); l.Info().Rate != 8000 {
		t.Errorf("rate %d", l.Info().Rate)
	}
}

// TestCancel: a call that rings is cancelled.
func TestCancel(t *testing.T) {
	t.Parallel()
	a := newAgent(t, func(o *Options) { o.Admit = ringing })
	p := newPhone(t, a.udp())
	p.send("INVITE branch=cancelled", number, described(40000))
	p.wants(180)
	peer := p.peer
	p.peer = ""
	p.send("CANCEL branch=cancelled", number, "")
	for _, status := range []int{200, 487} { // of the CANCEL, and of the INVITE
		if tag, _ := p.wants(status).To().Params.Get("tag"); tag != peer {
			t.Errorf("the To of %d has the tag %q, that of 180 %q", status, tag, peer)
		}
	}
	p.peer = peer
	p.send("ACK branch=cancelled", number, "")
	if e := within(t, a.ends, "end"); !e.Answered.IsZero() {
		t.Errorf("end %+v", e)
	}
}

// TestCancelOvertakes: a call is cancelled before it rings. Nobody answers it.
func TestCancelOvertakes(t *testing.T) {
	t.Parallel()
	for name, ring := range map[string]time.Duration{"it would be answered": 0, "it would ring": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, judged := make(chan struct{}), make(chan struct{})
			a := newAgent(t, func(o *Options) {
				o.Admit = func(context.Context, Incoming) Verdict {
					close(asked)
					<-judged
					return Verdict{Ring: ring}
				}
			})
			p := newPhone(t, a.udp())
			p.send("INVITE branch=cancelled", number, described(40000))
			within(t, asked, "call")
			p.send("CANCEL branch=cancelled", number, "")
			p.wants(200)
			p.wants(487)
			close(judged)
			if e := within(t, a.ends, "end"); !e.Answered.IsZero() {
				t.Errorf("end %+v", e)
			}
			if len(a.legs) > 0 {
				t.Error("somebody holds the call")
			}
		})
	}
}

// TestCancelCrosses: a call is cancelled while it is being answered. It is answered or cancelled, and nobody holds one that is cancelled.
func TestCancelCrosses(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	for i := range 300 {
		p := newPhone(t, a.udp())
		branch := " branch=" + strconv.Itoa(i)
		p.send("INVITE"+branch, number, described(40000))
		p.send("CANCEL"+branch, number, "")
		status := 0
		for status == 0 {
			if res, ok := p.next().(*gosip.Response); ok && res.StatusCode >= 200 && res.CSeq().MethodName == gosip.INVITE {
				status = res.StatusCode
				p.peer, _ = res.To().Params.Get("tag")
			}
		}
		if status == 200 {
			p.ack(number, "")
			p.leave()
			_ = a.take(t).Hangup(media.CauseCaller)
		}
		if e := within(t, a.ends, "end"); e.Answered.IsZero() != (status != 200) {
			t.Fatalf("call %d has %d, and the end %+v", i, status, e)
		}
	}
}

// ringing lets a call ring until it is cancelled.
func ringing(context.Context, Incoming) Verdict { return Verdict{Ring: time.Hour} }

// TestAckAsInvite: an ACK with the branch of the INVITE is that of a far end which takes it for a part of that. It counts.
func TestAckAsInvite(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	p := newPhone(t, a.udp())
	p.send("INVITE branch=one", number, described(40000))
	p.wants(200)
	p.send("ACK branch=one", number, "")
	_ = a.take(t).Hangup(media.CauseAgent)
	for repeated := 0; ; {
		switch m := p.next().(type) {
		case *gosip.Request:
			p.answer(m, 200, "")
			return
		case *gosip.Response:
			if repeated++; repeated > 5 { // one or two may be, on a machine that is busy
				t.Fatal("the answer is sent again and again")
			}
		}
	}
}

// TestNoAck: who never acknowledges the answer is told BYE when it is not sent any more (RFC 3261, section 13.3.1.4).
func TestNoAck(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	p := newPhone(t, a.udp())
	p.send("INVITE", number, described(40000))
	p.wants(200)
	bye := p.asked("BYE") // half a minute passes, in which the answer is repeated
	if r := value(bye, "Reason"); !strings.Contains(r, "carrier") {
		t.Errorf("Reason %s", r)
	}
	p.answer(bye, 200, "")
	within(t, a.ends, "end")
}

// TestCallingNumbers: who calls is told by a telephone number as well as by an address of SIP.
func TestCallingNumbers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers []string
		trusted bool
		want    string
	}{
		"asserted":       {[]string{"From: <sip:anonymous@anonymous.invalid>;tag=1", "P-Asserted-Identity: <tel:+15550100009;cpc=ordinary>"}, true, "+15550100009"},
		"asserted twice": {[]string{"From: <sip:1@a>;tag=1", "P-Asserted-Identity: <sip:desk@a>", "P-Asserted-Identity: <sip:+15550100009@a>"}, true, "+15550100009"},
		"not trusted":    {[]string{"From: <sip:1@a>;tag=1", "P-Asserted-Identity: <tel:+15550100009>"}, false, "1"},
		"From":           {[]string{"From: <tel:+15550100009>;tag=1"}, false, "+15550100009"},
	} {
		m, err := gosip.ParseMessage([]byte("INVITE sip:1@a SIP/2.0\r\n" + strings.Join(c.headers, "\r\n") + "\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := fromNumber(m.(*gosip.Request), c.trusted); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	a := newAgent(t, nil)
	p := newPhone(t, a.udp())
	invite := p.request("INVITE", "trunk", described(40000))
	for _, change := range [][2]string{{"From: <sip:" + p.from + "@127.0.0.1>", "From: <tel:+15550100009>"}, {"To: <sip:trunk@127.0.0.1>", "To: <tel:" + number + ">"}} {
		invite = strings.Replace(invite, change[0], change[1], 1)
	}
	p.raw(invite)
	p.wants(200)
	p.ack("trunk", "")
	l := a.take(t)
	if i := l.Info(); i.From != "+15550100009" || i.To != number {
		t.Errorf("info %+v", i)
	}
	p.leave()
	_ = l.Hangup(media.CauseCaller)
}

// TestSharedAddresses: an address that a carrier's subscribers share (RFC 6598) is one behind a translation, as those of private networks are.
func TestSharedAddresses(t *testing.T) {
	t.Parallel()
	at := gosip.Uri{Scheme: "sip", Host: "100.72.1.2", Port: 5060}
	if hop := behind(at, nil, "192.0.2.7:1024", "UDP"); hop != "192.0.2.7:1024" {
		t.Errorf("it is reached at %q", hop)
	}
	v := voice{source: netip.MustParseAddr("192.0.2.7")}
	if !v.elsewhere(netip.MustParseAddr("100.72.1.2")) {
		t.Error("its sound may come from nowhere else")
	}
}

// TestSignedCalls: who calls from nowhere that we know is challenged, whoever they call; with the password they are let in, as their
// organisation's.
func TestSignedCalls(t *testing.T) {
	t.Parallel()
	var came atomic.Pointer[Incoming]
	a := newAgent(t, func(o *Options) {
		o.Open = nil
		o.Account = func(user string) (Account, bool) { return Account{Org: "acme", Password: "secret"}, user == "alice" }
		o.Admit = func(_ context.Context, in Incoming) Verdict { came.Store(&in); return Verdict{} }
	})
	for _, to := range []string{number, "nobody"} {
		p := newPhone(t, a.udp())
		p.send("INVITE", to, described(40000))
		res := p.wants(401)
		p.send("ACK", to, "")
		challenge, err := digest.ParseChallenge(value(res, "WWW-Authenticate"))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"wrong", "secret"} {
			p.peer = ""
			answer, err := digest.Digest(challenge, digest.Options{Method: "INVITE", URI: "sip:" + to + "@" + p.to.String(), Username: "alice", Password: secret, Count: 1})
			if err != nil {
				t.Fatal(err)
			}
			p.send("INVITE", to, described(40000), "Authorization: "+answer.String())
			if secret == "wrong" {
				p.wants(401)
				p.send("ACK", to, "")
				continue
			}
			p.wants(200)
			p.ack(to, "")
		}
		if in := came.Load(); in == nil || in.User != "alice" || len(in.Owners) != 1 || in.Owners[0] != "acme" {
			t.Errorf("incoming %+v", in)
		}
		p.leave()
	}
}

// TestStrangers: who has not signed, or with a nonce that is not ours, is challenged by the edge, and what belongs to no call is refused there:
// nothing of it is remembered.
func TestStrangers(t *testing.T) {
	t.Parallel()
	a := newAgent(t, func(o *Options) {
		o.Open = nil
		o.Account = func(string) (Account, bool) { return Account{Org: "acme", Password: "secret"}, true }
		o.Lines = func(string) []Line { return nil }
	})
	p := newPhone(t, a.udp())
	foreign := `Authorization: Digest username="alice", realm="parley", nonce="bm90aGluZw", uri="sip:1@127.0.0.1", qop=auth, nc=00000001, cnonce="c", response="00", algorithm=MD5`
	for _, method := range []string{"INVITE", "REGISTER"} {
		for _, c := range []struct {
			headers []string
			stale   bool
		}{{nil, false}, {[]string{"Authorization: Basic eDp5"}, false}, {[]string{foreign}, true}} {
			again := p.send(method, number, described(40000), c.headers...)
			first := p.wants(401)
			p.raw(again)
			second := p.wants(401)
			if a, b := values(first, "WWW-Authenticate"), values(second, "WWW-Authenticate"); len(a) != 1 || len(b) != 1 || a[0] == b[0] {
				t.Errorf("%s: challenged by %q, and when it comes again by %q: want another", method, a, b)
			} else if strings.Contains(strings.ToLower(a[0]), "stale=true") != c.stale {
				t.Errorf("%s with %q: %s, want stale %v", method, c.headers, a[0], c.stale)
			}
			p.send("ACK", number, "")
			p.peer = ""
		}
	}
	for _, method := range []string{"BYE", "INFO", "REFER"} {
		p.send(method, number, "")
		p.wants(481)
		p.peer = ""
	}
	if s := a.Edge(); s.Passed != 0 || s.Answered != 15 {
		t.Errorf("%+v: want 15 answered and none passed", s)
	}
	if n := a.Stats.Requests()[Count{In, "REGISTER", 401}]; n != 6 {
		t.Errorf("%d challenges of a REGISTER are counted, want 6", n)
	}
}

// TestRefused: what is refused is refused with the right status, and what belongs to it.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict Verdict
		headers []string
		body    string
		want    int
		header  string
	}{
		"nobody answers": {Verdict{Status: 404}, nil, described(40000), 404, ""},
		"busy":           {Verdict{Status: 486}, nil, described(40000), 486, ""},
		"full":           {Verdict{Status: 503, RetryAfter: 10 * time.Second}, nil, described(40000), 503, "Retry-After: 10"},
		"codec":          {Verdict{}, nil, strings.ReplaceAll(described(40000), "PCMU", "EVIL"), 488, ""},
		"malformed":      {Verdict{}, nil, "v=0\nm=audio x RTP/AVP 0\n", 400, ""},
		"body":           {Verdict{}, []string{"Content-Type: text/plain"}, "hello", 415, "Accept: application/sdp"},
		"extension":      {Verdict{}, []string{"Require: magic"}, described(40000), 420, "Unsupported: magic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, func(o *Options) { o.Admit = func(context.Context, Incoming) Verdict { return c.verdict } })
			p := newPhone(t, a.udp())
			p.send("INVITE", number, c.body, c.headers...)
			res := p.wants(c.want)
			if name, want, ok := strings.Cut(c.header, ": "); ok && !strings.HasPrefix(value(res, name), want) {
				t.Errorf("%s: %s, want %s", name, value(res, name), want)
			}
		})
	}
}

// TestMerged: the same request by two ways is one call (482).
func TestMerged(t *testing.T) {
	t.Parallel()
	a := newAgent(t, func(o *Options) { o.Admit = ringing })
	p := newPhone(t, a.udp())
	p.send("INVITE branch=first", number, described(40000))
	p.wants(180)
	p.peer = ""
	p.seq--
	p.send("INVITE branch=second", number, described(40000))
	p.wants(482)
}

// TestReliableRinging: a caller that insists on it acknowledges that it rings, before it is answered.
func TestReliableRinging(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	p := newPhone(t, a.udp())
	p.send("INVITE", number, described(40000), "Require: 100rel")
	invite := p.seq
	res := p.wants(180)
	rack := "RAck: " + value(res, "RSeq") + " " + strconv.Itoa(invite) + " INVITE"
	p.send("PRACK", number, "", "RAck: 1 1 INVITE")
	p.wants(481)
	p.send("PRACK", number, "", rack)
	for prack, answer := false, false; !prack || !answer; {
		res, ok := p.next().(*gosip.Response)
		if !ok || res.StatusCode != 200 {
			continue
		}
		prack, answer = prack || res.CSeq().MethodName == gosip.PRACK, answer || res.CSeq().MethodName == gosip.INVITE
	}
	seq := p.seq
	p.seq = invite
	p.ack(number, "")
	p.seq = seq
	a.take(t)
	p.leave()
}

// TestTold: what an INVITE's sender has made up is told before the call is answered, and no more than is reasonable.
func TestTold(t *testing.T) {
	t.Parallel()
	var came atomic.Pointer[Incoming]
	a := newAgent(t, func(o *Options) {
		o.Admit = func(_ context.Context, in Incoming) Verdict { came.Store(&in); return Verdict{Status: 603} }
	})
	p := newPhone(t, a.udp())
	more := []string{"X-Account: 42, gold", "x-account: 43", "X-Account: 44", "User-to-User: 56a3;encoding=hex", "Diversion: <sip:1@example.com>;reason=unknown", "Subject: hello",
		"X-Long: " + strings.Repeat("a", 1025)}
	p.send("INVITE", number, described(40000), more...)
	p.wants(603)
	p.send("ACK", number, "")
	in := came.Load()
	if in == nil {
		t.Fatal("nobody was asked")
	}
	want := map[string]string{"X-Account": "42, gold", "x-account": "43", "User-to-User": "56a3;encoding=hex", "Diversion": "<sip:1@example.com>;reason=unknown"}
	if d := cmp.Diff(want, in.Headers); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("X-%d: a", i)
	}
	p = newPhone(t, a.udp())
	p.send("INVITE", number, described(40000), many...)
	p.wants(603)
	p.send("ACK", number, "")
	if n := len(came.Load().Headers); n != maxTold {
		t.Errorf("%d headers are told, want %d", n, maxTold)
	}
}
