package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	gosip "github.com/emiago/sipgo/sip"
)

// lines are two organisations' that have a name in common.
func lines(o *Options) {
	o.Open = nil
	o.Lines = func(user string) []Line {
		if user != "anna" {
			return nil
		}
		return []Line{{ID: "l1", Org: "acme", Password: "one"}, {ID: "l2", Org: "bolt", Password: "two"}}
	}
}

// register registers p as a softphone does: it is challenged, and signs. It returns the last answer.
func (p *phone) register(password string, headers ...string) *gosip.Response {
	p.t.Helper()
	p.send("REGISTER", p.from, "", headers...)
	return p.sign("REGISTER", p.from, "", password, headers...)
}

// sign waits for a challenge to the last request, and sends it again with an answer to that.
func (p *phone) sign(method, to, body, password string, headers ...string) *gosip.Response {
	p.t.Helper()
	res := p.final()
	if res.StatusCode != 401 {
		p.t.Fatalf("got %d, want a challenge", res.StatusCode)
	}
	c, err := digest.ParseChallenge(value(res, "WWW-Authenticate"))
	if err != nil {
		p.t.Fatal(err)
	}
	cred, err := digest.Digest(c, digest.Options{Method: method, URI: fmt.Sprintf("sip:%s@%s", to, p.to), Count: 1, Username: p.from, Password: password, Cnonce: "c"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.peer = ""
	p.send(method, to, body, append([]string{"Authorization: " + cred.String()}, headers...)...)
	return p.final()
}

// final is the final answer to the last request.
func (p *phone) final() *gosip.Response {
	p.t.Helper()
	for {
		if res, ok := p.next().(*gosip.Response); ok && int(res.CSeq().SeqNo) == p.seq && !res.IsProvisional() {
			p.peer, _ = res.To().Params.Get("tag")
			if res.CSeq().MethodName == gosip.REGISTER {
				p.peer = ""
			}
			return res
		}
	}
}

func newSoftphone(t *testing.T, a *account) *phone {
	t.Helper()
	p := newPhone(t, a.udp())
	p.from = "anna"
	return p
}

// TestRegistrar: softphones register, again, and no more, each for its own organisation.
func TestRegistrar(t *testing.T) {
	t.Parallel()
	a := newAgent(t, lines)
	p, q, r := newSoftphone(t, a), newSoftphone(t, a), newSoftphone(t, a)
	steps := []struct {
		name     string
		p        *phone
		password string
		headers  []string
		status   int
		of       [2]int // registered then with l1 and l2
	}{
		{"a wrong password", p, "none", nil, 401, [2]int{0, 0}},
		{"one", p, "one", []string{"Expires: 600"}, 200, [2]int{1, 0}},
		{"again", p, "one", []string{"Expires: 600"}, 200, [2]int{1, 0}},
		{"another of the line", q, "one", nil, 200, [2]int{2, 0}},
		{"another organisation's", r, "two", []string{"Path: <sip:edge.example;lr>", "Supported: path, outbound"}, 200, [2]int{2, 1}},
		{"too briefly", p, "one", []string{"Expires: 5"}, 423, [2]int{2, 1}},
		{"a star that stays", p, "one", []string{"Contact: *"}, 400, [2]int{2, 1}},
		{"no more", q, "one", []string{"Expires: 0"}, 200, [2]int{1, 1}},
		{"none any more", r, "two", []string{"Contact: *", "Expires: 0"}, 200, [2]int{1, 0}},
	}
	for _, s := range steps {
		if s.headers != nil && strings.HasPrefix(s.headers[0], "Contact") {
			s.p.alone = true
		}
		res := s.p.register(s.password, s.headers...)
		s.p.alone = false
		if of := [2]int{a.Phones("l1"), a.Phones("l2")}; res.StatusCode != s.status || of != s.of {
			t.Fatalf("%s: %d with %v registered, want %d with %v", s.name, res.StatusCode, of, s.status, s.of)
		}
		switch {
		case s.status == 423 && value(res, "Min-Expires") != "60":
			t.Errorf("%s: Min-Expires %q", s.name, value(res, "Min-Expires"))
		case s.name == "one" && !strings.Contains(value(res, "Contact"), p.addr()+">;expires=600"):
			t.Errorf("%s: Contact %q", s.name, value(res, "Contact"))
		case s.p == r && s.of[1] == 1 && value(res, "Path") == "":
			t.Errorf("%s: no Path", s.name)
		}
	}
	p.from = "bert"
	p.send("REGISTER", "anna", "")
	if res := p.sign("REGISTER", "anna", "", "one"); res.StatusCode != 401 {
		t.Errorf("an unknown name is answered %d", res.StatusCode)
	}
	p.from = "anna"
	p.send("REGISTER", "bert", "")
	if res := p.sign("REGISTER", "bert", "", "one"); res.StatusCode != 403 {
		t.Errorf("another's registration is answered %d", res.StatusCode)
	}
}

// TestGuesses: after ten wrong passwords a minute no more are looked at, not even right ones.
func TestGuesses(t *testing.T) {
	t.Parallel()
	a := newAgent(t, lines)
	p := newSoftphone(t, a)
	for range 10 {
		if res := p.register("guess"); res.StatusCode != 401 {
			t.Fatalf("a guess is answered %d", res.StatusCode)
		}
	}
	if res := p.register("one"); res.StatusCode != 403 || a.Phones("l1") != 0 {
		t.Errorf("the eleventh is answered %d", res.StatusCode)
	}
}

// TestSoftphoneCalls: a call from a softphone is its line's, also where others may call without a name.
func TestSoftphoneCalls(t *testing.T) {
	t.Parallel()
	incoming := make(chan Incoming, 1)
	a := newAgent(t, func(o *Options) {
		open := o.Open
		lines(o)
		o.Open = open
		o.Admit = func(_ context.Context, in Incoming) Verdict {
			incoming <- in
			return Verdict{}
		}
	})
	p := newSoftphone(t, a)
	if res := p.register("two"); res.StatusCode != 200 {
		t.Fatalf("REGISTER is answered %d", res.StatusCode)
	}
	p.call = word()
	p.send("INVITE", number, described(40000))
	if res := p.final(); res.StatusCode != 401 {
		t.Fatalf("INVITE is answered %d", res.StatusCode)
	} else {
		p.got = res
	}
	c, err := digest.ParseChallenge(value(p.got, "WWW-Authenticate"))
	if err != nil {
		t.Fatal(err)
	}
	p.send("ACK", number, "")
	cred, err := digest.Digest(c, digest.Options{Method: "INVITE", URI: fmt.Sprintf("sip:%s@%s", number, p.to), Count: 1, Username: p.from, Password: "two", Cnonce: "c"})
	if err != nil {
		t.Fatal(err)
	}
	p.peer = ""
	p.send("INVITE", number, described(40000), "Authorization: "+cred.String())
	p.wants(200)
	p.ack(number, "")
	l := a.take(t)
	in := within(t, incoming, "call")
	if in.Line != "l2" || in.From != "anna" || len(in.Owners) != 1 || in.Owners[0] != "bolt" || l.Info().Line != "l2" {
		t.Errorf("%+v", in)
	}
	p.leave()
}

// TestRing: all softphones of a line ring; the first that answers has the call, and the others are told to stop.
func TestRing(t *testing.T) {
	t.Parallel()
	a := newAgent(t, lines)
	if _, err := a.Ring(t.Context(), "l1", Order{From: "+15550100001"}); !errors.Is(err, ErrNoPhone) {
		t.Fatalf("nobody there: %v", err)
	}
	p, q := newSoftphone(t, a), newSoftphone(t, a)
	for _, one := range []*phone{p, q} {
		if res := one.register("one"); res.StatusCode != 200 {
			t.Fatalf("REGISTER is answered %d", res.StatusCode)
		}
	}
	type result struct {
		leg *Leg
		err error
	}
	done := make(chan result, 1)
	ring := func(ctx context.Context) {
		l, err := a.Ring(ctx, "l1", Order{From: "+15550100001"})
		done <- result{l, err}
	}
	go ring(t.Context())
	here, there := p.asked("INVITE"), q.asked("INVITE")
	if here.Recipient.User != "anna" || here.From().Address.User != "+15550100001" || here.CallID().Value() == there.CallID().Value() {
		t.Errorf("INVITE:\n%s", here)
	}
	q.answer(there, 180, "")
	p.answer(here, 200, described(40000), "Contact: <sip:anna@"+p.addr()+">")
	q.answer(q.asked("CANCEL"), 200, "")
	q.answer(there, 487, "")
	p.asked("ACK")
	got := within(t, done, "answer")
	if got.err != nil || got.leg.Info().Line != "l1" {
		t.Fatalf("%v", got.err)
	}
	_ = got.leg.Hangup("agent")
	p.answer(p.asked("BYE"), 200, "")
	q.asked("ACK") // of the 487

	go ring(t.Context()) // both refuse: who is busy says more than who is not there
	p.answer(p.asked("INVITE"), 486, "")
	q.answer(q.asked("INVITE"), 480, "")
	var f *Failure
	if got := within(t, done, "refusal"); !errors.As(got.err, &f) || f.Outcome != Busy {
		t.Errorf("%v, want %s", got.err, Busy)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go ring(ctx) // nobody wants it any more
	for _, one := range []*phone{p, q} {
		one.answer(one.asked("INVITE"), 180, "")
	}
	cancel()
	for _, one := range []*phone{p, q} {
		one.answer(one.asked("CANCEL"), 200, "")
	}
	if a.Dialogs() != 0 {
		t.Error("a dialog is left")
	}
}

// TestBindings: what is kept is bounded, an older REGISTER changes nothing, and who does not come again is forgotten.
func TestBindings(t *testing.T) {
	t.Parallel()
	p, now := newPhones(), time.Now()
	source := netip.MustParseAddrPort("192.0.2.1:5060")
	make := func(id string, seq uint32, lasts time.Duration) *binding {
		return &binding{line: "l", user: "anna", id: id, source: source, call: "c", seq: seq, until: now.Add(lasts)}
	}
	for i := range 3 * mostOfLine {
		if s := p.keep("l", now, []*binding{make(fmt.Sprint(i), 1, time.Duration(i+1)*time.Minute)}); s != kept {
			t.Fatalf("%d: %v", i, s)
		}
	}
	all := p.of("l", now)
	if len(all) != mostOfLine || all[0].id != "29" || p.count != mostOfLine || !p.at("anna", source) {
		t.Errorf("%d are kept, the last %s", len(all), all[0].id)
	}
	if s := p.keep("l", now, []*binding{make("29", 1, 0)}); s != older {
		t.Errorf("an older one: %v", s)
	}
	if s := p.keep("l", now, []*binding{make("29", 2, 0)}); s != kept || len(p.of("l", now)) != mostOfLine-1 {
		t.Errorf("a later one: %v", s)
	}
	if left := p.sweep(now.Add(time.Hour)); left != 0 || len(p.seats) != 0 || len(p.lines) != 0 || p.at("anna", source) {
		t.Errorf("%d are left: %v", left, p.seats)
	}
}
