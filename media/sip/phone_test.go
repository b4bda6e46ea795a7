package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
	"parley/media/rtp"
	"parley/media/sip/sdp"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// A phone is a far end made of a socket: it writes its messages by hand, so that it can say what no user agent would.
type phone struct {
	t     *testing.T
	conn  *net.UDPConn
	to    netip.AddrPort
	from  string // its user
	tag   string
	call  string
	seq   int
	peer  string // the tag of the other end
	got   *gosip.Response
	alone bool            // its Contact is among the headers that a test gives
	seen  map[string]bool // requests, by their branches and methods
}

func newPhone(t *testing.T, to netip.AddrPort) *phone {
	t.Helper()
	return newPhoneAt(t, to, "127.0.0.1")
}

// newPhoneAt is a phone of another address of the loopback's.
func newPhoneAt(t *testing.T, to netip.AddrPort, at string) *phone {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(at)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &phone{t: t, conn: c, to: to, from: "+15550100001", tag: word(), call: word(), seen: map[string]bool{}}
}

func (p *phone) addr() string { return p.conn.LocalAddr().String() }

// request is a request with the headers that every one has. A method of "INVITE branch=x" has that branch.
func (p *phone) request(method, to, body string, headers ...string) string {
	method, branch, ok := strings.Cut(method, " branch=")
	if !ok {
		branch = word()
	}
	if method != "ACK" && method != "CANCEL" {
		p.seq++
	}
	toTag := ""
	if p.peer != "" {
		toTag = ";tag=" + p.peer
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s sip:%s@%s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\nMax-Forwards: 70\n", method, to, p.to, p.addr(), branch)
	fmt.Fprintf(&b, "From: <sip:%s@127.0.0.1>;tag=%s\nTo: <sip:%s@127.0.0.1>%s\n", p.from, p.tag, to, toTag)
	fmt.Fprintf(&b, "Call-ID: %s\nCSeq: %d %s\n", p.call, p.seq, method)
	if !p.alone {
		fmt.Fprintf(&b, "Contact: <sip:%s@%s>\n", p.from, p.addr())
	}
	for _, h := range headers {
		b.WriteString(h + "\n")
	}
	body = strings.ReplaceAll(body, "\n", "\r\n")
	if strings.HasPrefix(body, "v=0") {
		b.WriteString("Content-Type: application/sdp\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\n\n", len(body))
	return strings.ReplaceAll(b.String(), "\n", "\r\n") + body
}

// send sends a request, and returns its text, to be sent again.
func (p *phone) send(method, to, body string, headers ...string) string {
	p.t.Helper()
	text := p.request(method, to, body, headers...)
	p.raw(text)
	return text
}

func (p *phone) raw(text string) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort([]byte(text), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// next is the next message.
func (p *phone) next() gosip.Message {
	p.t.Helper()
	buf := make([]byte, 64<<10)
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := p.conn.Read(buf)
	for err == nil && n > 0 && buf[0] >= 0x80 { // RTP for who had the port before
		n, err = p.conn.Read(buf)
	}
	if err != nil {
		p.t.Fatalf("nothing comes: %v", err)
	}
	m, err := gosip.ParseMessage(buf[:n])
	if err != nil {
		p.t.Fatalf("%v in %s", err, buf[:n])
	}
	return m
}

// wants waits for an answer of a status to the last request, and passes over others than final ones.
func (p *phone) wants(status int) *gosip.Response {
	p.t.Helper()
	for {
		res, ok := p.next().(*gosip.Response)
		if !ok || int(res.CSeq().SeqNo) != p.seq {
			continue
		}
		if res.StatusCode != status && res.IsProvisional() {
			continue
		}
		if res.StatusCode != status {
			p.t.Fatalf("got %d, want %d:\n%s", res.StatusCode, status, res)
		}
		if res.StatusCode > 100 && p.peer == "" {
			p.peer, _ = res.To().Params.Get("tag")
		}
		p.got = res
		return res
	}
}

// asked waits for a request of a method.
func (p *phone) asked(method string) *gosip.Request {
	p.t.Helper()
	for {
		req, ok := p.next().(*gosip.Request)
		if !ok || string(req.Method) != method {
			continue
		}
		if branch, _ := req.Via().Params.Get("branch"); !p.seen[branch+method] { // else it is repeated
			p.seen[branch+method] = true
			return req
		}
	}
}

// answer answers a request.
func (p *phone) answer(req *gosip.Request, status int, body string, headers ...string) {
	p.t.Helper()
	res := gosip.NewResponseFromRequest(req, status, reasonOf(status), nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		res.AppendHeader(gosip.NewHeader(name, value))
	}
	if body != "" {
		res.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody([]byte(strings.ReplaceAll(body, "\n", "\r\n")))
	}
	p.raw(res.String())
}

// ack acknowledges the last answer.
func (p *phone) ack(to, body string) { p.send("ACK", to, body) }

// An account is an Agent on loopback whose calls a test holds.
type account struct {
	*Agent
	legs chan *Leg // that were answered
	let  chan struct{}
	ends chan End
}

// newAgent makes an Agent that takes all calls from loopback, as change says.
func newAgent(t *testing.T, change func(*Options)) *account {
	t.Helper()
	a := &account{legs: make(chan *Leg, 100), let: make(chan struct{}), ends: make(chan End, 100)}
	loop := netip.MustParsePrefix("127.0.0.0/8")
	o := Options{
		Listen: []Listener{{"udp", netip.MustParseAddrPort("127.0.0.1:0")}, {"tcp", netip.MustParseAddrPort("127.0.0.1:0")}},
		Ports:  portsAt(t, netip.MustParseAddr("127.0.0.1")), Open: []netip.Prefix{loop}, Codecs: sdp.Codecs()[2:],
		Admit: func(context.Context, Incoming) Verdict { return Verdict{} },
		Answer: func(ctx context.Context, leg media.Leg) {
			l := leg.(*Leg)
			a.legs <- l
			select {
			case <-l.hung:
			case <-ctx.Done():
			}
		},
		Ended: func(e End) { a.ends <- e },
	}
	if change != nil {
		change(&o)
	}
	var err error
	if a.Agent, err = New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end")
		}
		if n := a.Dialogs(); n != 0 {
			t.Errorf("%d dialogs are left", n)
		}
		if n := a.Stats.Panics.Load(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
	return a
}

// portsAt are ports for an agent's sound.
func portsAt(t *testing.T, bind netip.Addr) *rtp.Ports {
	t.Helper()
	ports, err := rtp.NewPorts(rtp.PortsOptions{Bind: bind, First: 20000, Last: 40000, Quarantine: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	return ports
}

// udp is where it listens.
func (a *account) udp() netip.AddrPort { return a.Addresses()[0] }

// take is the next leg that was answered.
func (a *account) take(t *testing.T) *Leg {
	t.Helper()
	return within(t, a.legs, "call")
}

func within[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s within %v", what, patience)
		panic("unreachable")
	}
}

// described is a session on loopback; extra lines follow its payload types.
func described(port int, extra ...string) string {
	return "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio " + strconv.Itoa(port) +
		" RTP/AVP 0 101\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\n" + strings.Join(append(extra, ""), "\n")
}
