package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// dialling places a call to a phone, and collects its news.
type dialling struct {
	t    *testing.T
	a    *account
	p    *phone
	id   string
	news chan News
}

// dial places a call by a trunk that leads to a phone.
func dial(t *testing.T, change func(*Order)) *dialling {
	t.Helper()
	return dialBy(t, newAgent(t, func(o *Options) { o.Open = nil }), change)
}

// dialBy places it by an account.
func dialBy(t *testing.T, a *account, change func(*Order)) *dialling {
	t.Helper()
	p := newPhone(t, a.udp())
	d := &dialling{t: t, a: a, p: p, news: make(chan News, 100)}
	o := Order{
		Trunk: Trunk{ID: "t", Org: "o", Name: "trunk", Host: "127.0.0.1", Port: p.conn.LocalAddr().(*net.UDPAddr).Port, Outbound: true},
		From:  "+15550100002", To: "+15550100003", Ring: time.Minute, Told: func(n News) { d.news <- n },
	}
	if change != nil {
		change(&o)
	}
	var err error
	if d.id, err = a.Place(o); err != nil {
		t.Fatal(err)
	}
	return d
}

// failed waits for how the call fails.
func (d *dialling) failed(want Outcome, code int) {
	d.t.Helper()
	for {
		n := within(d.t, d.news, "news")
		if n.Leg != nil {
			d.t.Fatal("it was answered")
		}
		if n.Failure == nil {
			continue
		}
		if n.Failure.Outcome != want || n.Failure.Code != code {
			d.t.Errorf("%v, want %s %d", n.Failure, want, code)
		}
		return
	}
}

// answered waits for the leg.
func (d *dialling) answered() *Leg {
	d.t.Helper()
	for {
		n := within(d.t, d.news, "news")
		if n.Failure != nil {
			d.t.Fatal(n.Failure)
		}
		if n.Leg != nil {
			return n.Leg
		}
	}
}

// tagged answers with a tag of the test's own.
func (p *phone) tagged(req *gosip.Request, tag string, status int, body string, headers ...string) {
	p.t.Helper()
	req = req.Clone()
	req.To().Params.Add("tag", tag)
	p.answer(req, status, body, append(headers, "Contact: <sip:"+tag+"@"+p.addr()+">")...)
}

// TestPlaced: a call is placed, rings long and often, is answered, and ended by us.
func TestPlaced(t *testing.T) {
	t.Parallel()
	d := dial(t, nil)
	invite := d.p.asked("INVITE")
	if u := invite.Recipient.String(); !strings.HasPrefix(u, "sip:+15550100003@127.0.0.1:") {
		t.Errorf("Request-URI %s", u)
	}
	for range 15 {
		d.p.tagged(invite, "b", 180, "")
	}
	d.p.tagged(invite, "b", 200, described(40000))
	if ack := d.p.asked("ACK"); ack.Recipient.User != "b" || ack.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("ACK:\n%s", ack)
	}
	l := d.answered()
	if i := l.Info(); !i.Outbound || i.Rate != 8000 || i.ID != d.id || i.Owners[0] != "o" {
		t.Errorf("info %+v", i)
	}
	d.p.tagged(invite, "b", 200, described(40000)) // our ACK was lost
	if ack := d.p.asked("ACK"); ack.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("ACK:\n%s", ack)
	}
	_ = l.Hangup(media.CauseAgent)
	bye := d.p.asked("BYE")
	if bye.CSeq().SeqNo <= invite.CSeq().SeqNo {
		t.Errorf("BYE:\n%s", bye)
	}
	d.p.answer(bye, 200, "")
}

// TestOutcomes: each final status ends the call as the table of docs/sip.md says.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]Outcome{486: Busy, 480: NoAnswer, 404: Invalid, 603: Declined, 403: Refused, 488: Incompatible, 503: Overloaded, 500: Failed, 302: Failed} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			d := dial(t, nil)
			d.p.tagged(d.p.asked("INVITE"), "b", code, "")
			d.p.asked("ACK")
			d.failed(want, code)
		})
	}
}

// TestOutcomesAsDocumented: the table of docs/sip.md names each status in the row of its outcome, and no status twice.
func TestOutcomesAsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/sip.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[int]Outcome{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]*) \| (\w+) \| [^|]* \|$`).FindAllStringSubmatch(string(text), -1) {
		for _, number := range regexp.MustCompile(`\b[1-6]\d\d\b`).FindAllString(row[1], -1) {
			code, _ := strconv.Atoi(number)
			if told[code] != "" {
				t.Errorf("%d is both %s and %s", code, told[code], row[2])
			}
			told[code] = Outcome(row[2])
		}
	}
	if len(told) < 30 {
		t.Fatalf("the table is not found: it has %d statuses", len(told))
	}
	for code := 300; code < 700; code++ {
		want := told[code]
		if want == "" {
			want = Failed // "every other one"
		}
		if got := OutcomeOf(code); got != want {
			t.Errorf("%d is %s, and %s in the table", code, got, want)
		}
	}
}

// TestKeysOfAnotherType: whom we call may number keys otherwise than we have offered. They come under our number (RFC 3264, section 5.1).
func TestKeysOfAnotherType(t *testing.T) {
	t.Parallel()
	d := dial(t, nil)
	m := newMouthpiece(t, 7)
	d.p.tagged(d.p.asked("INVITE"), "b", 200, strings.ReplaceAll(described(m.port()), "101", "97"))
	d.p.asked("ACK")
	l := d.answered()
	told := notes(l)
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), l.voice.session.Local().Port())
	if _, err := m.conn.WriteToUDPAddrPort([]byte{0x80, 0x80 | 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 5, 0x80 | 10, 3, 0x20}, to); err != nil {
		t.Fatal(err)
	}
	if n := within(t, told, "key"); n.Code != '5' {
		t.Errorf("note %+v", n)
	}
	_ = l.Hangup(media.CauseAgent)
	d.p.answer(d.p.asked("BYE"), 200, "")
}

// TestRedirected: a 3xx is followed as often as the Agent is told, to the contact with the highest q.
func TestRedirected(t *testing.T) {
	t.Parallel()
	a := newAgent(t, func(o *Options) { o.Redirects = 1 })
	p, worse, better := newPhone(t, a.udp()), newPhone(t, a.udp()), newPhone(t, a.udp())
	d := &dialling{t: t, a: a, p: p, news: make(chan News, 100)}
	_, err := a.Place(Order{
		Trunk: Trunk{ID: "t", Org: "o", Host: "127.0.0.1", Port: p.conn.LocalAddr().(*net.UDPAddr).Port, Outbound: true},
		From:  "+15550100002", To: "+15550100003", Ring: time.Minute, Told: func(n News) { d.news <- n },
	})
	if err != nil {
		t.Fatal(err)
	}
	p.answer(p.asked("INVITE"), 302, "", "Contact: <sip:w@"+worse.addr()+">;q=0.2, <sip:b@"+better.addr()+">;q=0.7")
	p.asked("ACK")
	again := better.asked("INVITE")
	if again.Recipient.User != "b" {
		t.Errorf("asked for %s", again.Recipient.String())
	}
	better.answer(again, 302, "", "Contact: <sip:w@"+worse.addr()+">")
	better.asked("ACK")
	worse.answer(worse.asked("INVITE"), 486, "") // the other contact of the first 302
	worse.asked("ACK")
	d.failed(Busy, 486)
}

// TestRingsTooLong: it is cancelled, and the call has no answer.
func TestRingsTooLong(t *testing.T) {
	t.Parallel()
	d := dial(t, func(o *Order) { o.Ring = 300 * time.Millisecond })
	invite := d.p.asked("INVITE")
	d.p.tagged(invite, "b", 180, "")
	cancel := d.p.asked("CANCEL")
	if cancel.CSeq().SeqNo != invite.CSeq().SeqNo || cancel.Via().Value() != invite.Via().Value() {
		t.Errorf("CANCEL:\n%s", cancel)
	}
	d.p.answer(cancel, 200, "")
	d.p.tagged(invite, "b", 487, "")
	d.p.asked("ACK")
	d.failed(NoAnswer, 0)
}

// TestCancelCrossesAnswer: the 200 is acknowledged, and hung up at once.
func TestCancelCrossesAnswer(t *testing.T) {
	t.Parallel()
	d := dial(t, nil)
	invite := d.p.asked("INVITE")
	d.p.tagged(invite, "b", 180, "")
	if n := within(t, d.news, "ringing"); !n.Ringing {
		t.Errorf("news %+v", n)
	}
	d.a.HangUp(d.id)
	cancel := d.p.asked("CANCEL")
	d.p.tagged(invite, "b", 200, described(40000))
	d.p.answer(cancel, 200, "")
	d.p.asked("ACK")
	d.p.answer(d.p.asked("BYE"), 200, "")
	d.failed(Cancelled, 0)
}

// TestCancelCrossesChallenge: who does not want the call any more when it is challenged does not call again.
func TestCancelCrossesChallenge(t *testing.T) {
	t.Parallel()
	d := dial(t, func(o *Order) {
		o.Trunk.Username, o.Trunk.Realm = "acme", "pbx"
		o.Trunk.Password = func() (string, error) { return "secret", nil }
	})
	invite := d.p.asked("INVITE")
	d.a.HangUp(d.id)
	d.p.tagged(invite, "b", 407, "", `Proxy-Authenticate: Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"`)
	d.p.asked("ACK")
	d.failed(Cancelled, 0)
}

// TestCloseCancels: calls that ring are cancelled when the node goes down.
func TestCloseCancels(t *testing.T) {
	t.Parallel()
	d := dial(t, nil)
	invite := d.p.asked("INVITE")
	d.p.tagged(invite, "b", 180, "")
	if n := within(t, d.news, "ringing"); !n.Ringing {
		t.Errorf("news %+v", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	closed := make(chan struct{})
	go func() { d.a.Close(ctx); close(closed) }()
	d.p.answer(d.p.asked("CANCEL"), 200, "")
	d.p.tagged(invite, "b", 487, "")
	d.p.asked("ACK")
	d.failed(Cancelled, 0)
	within(t, closed, "end of Close")
}

// TestFork: the second that answers is acknowledged and hung up, and the call goes on with the first.
func TestFork(t *testing.T) {
	t.Parallel()
	d := dial(t, nil)
	invite := d.p.asked("INVITE")
	d.p.tagged(invite, "a", 180, "")
	d.p.tagged(invite, "b", 183, described(40002))
	d.p.tagged(invite, "b", 200, described(40000))
	d.p.asked("ACK")
	l := d.answered()
	d.p.tagged(invite, "a", 200, described(40004))
	if ack := d.p.asked("ACK"); ack.Recipient.User != "a" {
		t.Errorf("ACK:\n%s", ack)
	}
	bye := d.p.asked("BYE")
	if tag, _ := bye.To().Params.Get("tag"); tag != "a" {
		t.Errorf("BYE:\n%s", bye)
	}
	d.p.answer(bye, 200, "")
	_ = l.Hangup(media.CauseAgent)
	bye = d.p.asked("BYE")
	if tag, _ := bye.To().Params.Get("tag"); tag != "b" {
		t.Errorf("BYE:\n%s", bye)
	}
	d.p.answer(bye, 200, "")
}

// TestReliableProvisional: a 183 that must be acknowledged is, once, and its description stands when the 200 has none.
func TestReliableProvisional(t *testing.T) {
	t.Parallel()
	d := dial(t, nil)
	invite := d.p.asked("INVITE")
	for range 2 {
		d.p.tagged(invite, "b", 183, described(40000), "Require: 100rel", "RSeq: 7")
	}
	prack := d.p.asked("PRACK")
	want := "7 " + strconv.Itoa(int(invite.CSeq().SeqNo)) + " INVITE"
	if got := value(prack, "RAck"); got != want {
		t.Errorf("RAck %s, want %s", got, want)
	}
	d.p.answer(prack, 200, "")
	d.p.tagged(invite, "b", 200, "")
	d.p.asked("ACK")
	_ = d.answered().Hangup(media.CauseAgent)
	d.p.answer(d.p.asked("BYE"), 200, "")
}

// TestSigned: a challenge of the trunk's own realm is answered once; of another, or when the password was wrong, it is not.
func TestSigned(t *testing.T) {
	t.Parallel()
	trunk := func(o *Order) {
		o.Trunk.Username, o.Trunk.Realm = "acme", "pbx"
		o.Trunk.Password = func() (string, error) { return "secret", nil }
	}
	challenge := `Proxy-Authenticate: Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"`
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		d := dial(t, trunk)
		first := d.p.asked("INVITE")
		d.p.tagged(first, "b", 407, "", challenge)
		d.p.asked("ACK")
		second := d.p.asked("INVITE")
		if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || !strings.Contains(value(second, "Proxy-Authorization"), `username="acme"`) {
			t.Errorf("second INVITE:\n%s", second)
		}
		d.p.tagged(second, "b", 200, described(40000))
		d.p.asked("ACK")
		_ = d.answered().Hangup(media.CauseAgent)
		d.p.answer(d.p.asked("BYE"), 200, "")
	})
	t.Run("wrong", func(t *testing.T) {
		t.Parallel()
		d := dial(t, trunk)
		for range 2 {
			d.p.tagged(d.p.asked("INVITE"), "b", 407, "", challenge)
			d.p.asked("ACK")
		}
		d.failed(Refused, 407)
	})
	t.Run("another realm", func(t *testing.T) {
		t.Parallel()
		d := dial(t, trunk)
		d.p.tagged(d.p.asked("INVITE"), "b", 407, "", strings.Replace(challenge, `"pbx"`, `"evil"`, 1))
		d.p.asked("ACK")
		d.failed(Refused, 407)
	})
}

// TestSignedInDialog: a trunk may ask for the password in a call too: of BYE, of a refresh and of a transfer. Its ACK has what the INVITE had.
func TestSignedInDialog(t *testing.T) {
	t.Parallel()
	d := dial(t, secured)
	challenge := `Proxy-Authenticate: Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"`
	// challenged is a request that is asked for a password, as it comes with one.
	challenged := func(method, by string) *gosip.Request {
		t.Helper()
		first := d.p.asked(method)
		d.p.tagged(first, "b", 407, "", strings.Replace(challenge, "pbx", by, 1))
		if method == "INVITE" {
			d.p.asked("ACK")
		}
		if by != "pbx" {
			return first
		}
		second := d.p.asked(method)
		if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || !strings.Contains(value(second, "Proxy-Authorization"), `username="acme"`) {
			t.Errorf("second %s:\n%s", method, second)
		}
		return second
	}
	signed := func(ack, invite *gosip.Request) {
		t.Helper()
		if ack.CSeq().SeqNo != invite.CSeq().SeqNo || value(ack, "Proxy-Authorization") != value(invite, "Proxy-Authorization") {
			t.Errorf("ACK:\n%s", ack)
		}
	}
	invite := challenged("INVITE", "pbx")
	d.p.tagged(invite, "b", 200, described(40000))
	signed(d.p.asked("ACK"), invite)
	l := d.answered()
	l.post(func() { l.timer.again(0) })
	invite = challenged("INVITE", "pbx")
	d.p.tagged(invite, "b", 200, described(40000))
	signed(d.p.asked("ACK"), invite)
	done := make(chan error, 1)
	go func() { done <- l.Transfer(t.Context(), "+15550100099") }()
	refer := challenged("REFER", "pbx")
	d.p.answer(refer, 202, "")
	settledTransfer(l)
	d.p.joins(invite, "b")
	d.p.send("NOTIFY", number, "SIP/2.0 200 OK\n", "Event: refer;id="+strconv.Itoa(int(refer.CSeq().SeqNo)), "Subscription-State: terminated", "Content-Type: message/sipfrag")
	d.p.wants(200)
	if err := within(t, done, "end of the transfer"); err != nil {
		t.Error(err)
	}
	go func() { done <- l.Transfer(t.Context(), "+15550100099") }()
	challenged("REFER", "evil")
	if err := within(t, done, "end of the transfer"); !errors.Is(err, media.ErrNoTransfer) {
		t.Errorf("%v, want %v", err, media.ErrNoTransfer)
	}
	_ = l.Hangup(media.CauseAgent)
	d.p.answer(challenged("BYE", "pbx"), 200, "")
	within(t, d.a.ends, "end")
}

// twofold is a DNS that knows one host, by both families of addresses.
type twofold struct{}

func (twofold) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.IPv6Loopback(), netip.MustParseAddr("127.0.0.1")}, nil
}

func (twofold) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, errors.New("there is none")
}

// TestOneFamily: who listens on IPv4 alone calls a host that has both at its address of IPv4, and by no socket but its own.
func TestOneFamily(t *testing.T) {
	t.Parallel()
	a := newAgent(t, func(o *Options) { o.Resolver = twofold{} })
	d := dialBy(t, a, func(o *Order) { o.Trunk.Host = "both.example" })
	invite := d.p.asked("INVITE")
	if via := invite.Via(); via.Host != "127.0.0.1" || via.Port != int(a.udp().Port()) {
		t.Errorf("Via: %s", via.Value())
	}
	d.p.tagged(invite, "b", 486, "")
	d.p.asked("ACK")
	d.failed(Busy, 486)
	d = dialBy(t, a, func(o *Order) { o.Trunk.Host = "::1" })
	d.failed(Unreachable, 0)
}

// TestBadOrders are refused before anything is sent.
func TestBadOrders(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	for name, o := range map[string]Order{
		"header": {To: "1\r\nX: y", From: "1", Trunk: Trunk{Outbound: true}}, "escape": {To: "1%0d", From: "1", Trunk: Trunk{Outbound: true}},
		"domain": {To: "1@evil.example", From: "1", Trunk: Trunk{Outbound: true}}, "from": {To: "1", From: `"x"`, Trunk: Trunk{Outbound: true}},
		"trunk": {To: "1", From: "1"},
	} {
		if _, err := a.Place(o); err == nil {
			t.Errorf("%s: it is placed", name)
		}
	}
}
