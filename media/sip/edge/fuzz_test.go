package edge

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

var somebody = netip.MustParseAddrPort("192.0.2.7:5062")

// agree checks that sipgo reads what passed as we did, and that what it answers is sound.
func agree(t testing.TB, e *Edge, raw []byte) {
	t.Helper()
	var m Message
	b := bytes.Clone(raw)
	n, err := m.Parse(b)
	if err != nil {
		if reply, pass := e.admit(&m, err, somebody); pass || bytes.ContainsAny(bytes.ReplaceAll(reply, []byte("\r\n"), nil), "\r\n") {
			t.Fatalf("a message that is refused for %v passes, or is answered with half a line end: %q", err, reply)
		}
		return
	}
	if r := e.judge(&m, somebody); r != nil {
		return
	}
	wire := b[:n]
	if m.odd {
		wire = m.appendCanonical(nil)
	}
	theirs, err := sip.ParseMessage(bytes.Clone(wire))
	if err != nil {
		t.Fatalf("sipgo refuses what passed: %v\n%q\nfrom %q", err, wire, raw)
	}
	if id := theirs.CallID(); id == nil || string(*id) != m.CallID() {
		t.Fatalf("the Call-ID is %q to us, and sipgo's is %v", m.CallID(), id)
	}
	if tag, _ := theirs.To().Params.Get("tag"); tag != m.ToTag() {
		t.Fatalf("the To tag is %q to us and %q to sipgo:\n%q\nfrom %q", m.ToTag(), tag, wire, raw)
	}
	if !bytes.Equal(theirs.Body(), m.body) {
		t.Fatalf("the body is %q to us and %q to sipgo", m.body, theirs.Body())
	}
	branch, _ := param(m.top.params, "branch")
	if got, _ := theirs.Via().Params.Get("branch"); got != string(branch) {
		t.Fatalf("the branch is %q to us and %q to sipgo:\n%q", branch, got, wire)
	}
	req, ok := theirs.(*sip.Request)
	if !ok {
		return
	}
	if string(req.Method) != m.Method() || int(req.CSeq().SeqNo) > 1<<31-1 || string(req.CSeq().MethodName) != m.Method() {
		t.Fatalf("%s and %v", m.Method(), req.CSeq())
	}
	req.SetSource(somebody.String())
	if _, err := e.sound([]byte(sip.NewResponseFromRequest(req, 200, "OK", nil).String())); err != nil {
		t.Fatalf("sipgo's answer is unsound: %v\n%s\nto %q", err, sip.NewResponseFromRequest(req, 200, "OK", nil), raw)
	}
}

func testEdge() *Edge {
	return New(Policy{Methods: []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "REFER", "NOTIFY"}, Extensions: []string{"timer"}})
}

// FuzzParse gives the parser anything: what passes, sipgo reads as we do.
func FuzzParse(f *testing.F) {
	for _, m := range tortures(f) {
		f.Add(m.data)
	}
	for _, m := range rfc5118() {
		f.Add(m.data)
	}
	f.Add(options("x", "UDP"))
	e := testEdge()
	f.Fuzz(func(t *testing.T, b []byte) { agree(t, e, b) })
}

// generate makes one malformed message, as PROTOS's suite has them: overflow, format strings, UTF-8, IPv4 literals, line ends, what is missing and what is repeated.
func generate(r *rand.Rand, id string) []byte {
	bad := []string{strings.Repeat("a", 1<<r.IntN(14)), strings.Repeat("%s%n%x", 1+r.IntN(50)), "\xc0\xaf\xfe\xff", "é\u2028\u0000", "256.256.256.256", "0.0.0.0", "1.2.3", "127.0.0.1:99999", "[::1", "\r\n", "\n", "\r", "\r\n ", "\r\n\r\n",
		"-1", "0", "4294967296", "99999999999999999999999", "\x00", "\t", ";;;;", "\"", "<>", "<<sip:a@b>>", ",,,", "=", "sip:", "@", ":", " ", ""}
	pick := func() string { return bad[r.IntN(len(bad))] }
	method := []string{"INVITE", "OPTIONS", "REGISTER", "BYE", "ACK", "CANCEL", "NOTIFY", "PUBLISH"}[r.IntN(8)]
	lines := []string{method + " sip:u@example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK" + id, "Max-Forwards: 70", "From: \"N\" <sip:a@example.com>;tag=f", "To: <sip:b@example.com>",
		"Call-ID: " + id, "CSeq: 7 " + method, "Contact: <sip:a@192.0.2.9>", "Content-Type: application/sdp", "Content-Length: 0"}
	for range 1 + r.IntN(3) {
		i := r.IntN(len(lines))
		switch line := lines[i]; r.IntN(6) {
		case 0: // missing
			lines[i] = ""
		case 1: // repeated
			lines = append(lines, line)
		case 2: // in its value
			at := len(line)
			if colon := strings.IndexAny(line, ": "); colon >= 0 {
				at = colon + 1 + r.IntN(len(line)-colon)
			}
			lines[i] = line[:at] + pick() + line[at:]
		case 3: // for its value
			name, _, _ := strings.Cut(line, ":")
			lines[i] = name + ": " + pick()
		case 4: // for its name
			lines[i] = pick() + line
		case 5: // cut
			lines[i] = line[:r.IntN(len(line)+1)]
		}
	}
	message := strings.Join(lines, "\r\n") + "\r\n\r\n"
	if r.IntN(10) == 0 {
		message = message[:r.IntN(len(message))]
	}
	return []byte(message)
}

// TestMalformedAgree gives 5,000 of them to the parser alone, and has sipgo read what passes.
func TestMalformedAgree(t *testing.T) {
	t.Parallel()
	e := testEdge()
	r := rand.New(rand.NewPCG(4475, 1))
	for i := range 5000 {
		agree(t, e, generate(r, fmt.Sprintf("gen-%d", i)))
	}
	t.Log("5,000 malformed messages: what passed, sipgo reads as we do")
}

// TestMalformedWire plays 5,000 to a user agent over UDP, with a probe after each hundred, and as many over TCP, a hundred on a connection or until it is closed.
func TestMalformedWire(t *testing.T) {
	t.Parallel()
	u := start(t, Policy{Source: Rate{PerSecond: 1e6, Burst: 1e6}, All: Rate{PerSecond: 1e6, Burst: 1e6}})
	c := newCaller(t, u)
	r := rand.New(rand.NewPCG(5118, 2))
	for round := range 50 {
		var together []byte
		for i := range 100 {
			m := generate(r, fmt.Sprintf("wire-%d-%d", round, i))
			if _, err := c.udp.Write(m); err != nil && len(m) < 60<<10 {
				t.Fatal(err)
			}
			together = append(together, m...)
			for len(u.wire.said) > 0 {
				<-u.wire.said
			}
		}
		c.packet(t, []byte("\r\n\r\n"), false)
		c.flood(t, together)
		c.stream(t, options(fmt.Sprintf("after-%d", round), "TCP"), false)
	}
	s := u.edge.Stats()
	t.Logf("5,000 malformed messages over UDP and as many over TCP: %d refused as malformed, %d answered, %d passed, a probe after each hundred answered", s.Malformed, s.Answered, s.Passed)
	if s.Malformed < 2000 || s.Passed < 50 {
		t.Errorf("%+v: the generator is too kind, or too harsh", s)
	}
}

func BenchmarkParse(b *testing.B) {
	invite := bytes.ReplaceAll(options("bench", "UDP"), []byte("Max-Forwards: 70"), []byte("Max-Forwards: 70\r\nContact: <sip:a@192.0.2.1>\r\nAllow: INVITE, ACK\r\nUser-Agent: bench"))
	var m Message
	buf := make([]byte, len(invite))
	b.ReportAllocs()
	for b.Loop() {
		copy(buf, invite)
		if _, err := m.Parse(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdmit is the whole way of a datagram that passes, but for the socket.
func BenchmarkAdmit(b *testing.B) {
	e := New(Policy{Methods: []string{"OPTIONS"}, Source: Rate{PerSecond: 1e9, Burst: 1e9}, All: Rate{PerSecond: 1e9, Burst: 1e9}})
	p := e.Packets(nil)
	raw := options("bench", "UDP")
	buf := make([]byte, 32<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := p.receive(buf, copy(buf, raw), somebody); !ok {
			b.Fatal("refused")
		}
	}
}

// BenchmarkOwn is sipgo's own parser on the same message, for comparison.
func BenchmarkOwn(b *testing.B) {
	raw := options("bench", "UDP")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sip.ParseMessage(raw); err != nil {
			b.Fatal(err)
		}
	}
}
