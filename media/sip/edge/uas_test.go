package edge

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// A uas is sipgo's user agent behind an Edge: OPTIONS 200, INVITE 486, REGISTER 200, or 401 to credentials that it does not know. It is the smallest that
// can say whether a message reached it.
type uas struct {
	edge   *Edge
	server *sipgo.Server
	wire   *sniffed // UDP
	tcp    net.Addr
}

// sniffed is a UDP socket whose answers all go to the test, whatever port a Via asks for.
type sniffed struct {
	net.PacketConn
	said chan string
}

func (s *sniffed) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case s.said <- string(b):
	default: // retransmissions, of which the test has seen enough
	}
	return len(b), nil
}

func start(t testing.TB, p Policy) *uas {
	t.Helper()
	if p.Methods == nil {
		p.Methods = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER"}
	}
	ua, err := sipgo.NewUA(Sealed()...)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	answer := func(status int) sipgo.RequestHandler {
		return func(req *sip.Request, tx sip.ServerTransaction) {
			_ = tx.Respond(sip.NewResponseFromRequest(req, status, reason(status), nil))
		}
	}
	server.OnOptions(answer(200))
	server.OnInvite(answer(486))
	server.OnBye(answer(481))
	server.OnCancel(answer(481))
	server.OnAck(func(*sip.Request, sip.ServerTransaction) {})
	server.OnRegister(func(req *sip.Request, tx sip.ServerTransaction) {
		if req.GetHeader("Authorization") != nil {
			answer(401)(req, tx)
			return
		}
		answer(200)(req, tx)
	})
	u := &uas{edge: New(p), server: server}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.wire, u.tcp = &sniffed{socket, make(chan string, 4096)}, listener.Addr()
	packets, streams := u.edge.Packets(u.wire), u.edge.Streams(narrow{listener})
	ended := make(chan error, 2)
	go func() { ended <- packets.Serve(server.ServeUDP) }()
	go func() { ended <- streams.Serve(server.ServeTCP) }()
	t.Cleanup(func() {
		packets.Close()
		streams.Close()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		ua.Close()
	})
	return u
}

// patience is how long a test waits for what must come.
const patience = time.Minute

// a caller plays messages by UDP or TCP, and hears what comes back.
type caller struct {
	u    *uas
	n    int
	udp  net.Conn
	late map[string]int // answers by Call-ID
}

func newCaller(t testing.TB, u *uas) *caller {
	t.Helper()
	conn, err := net.Dial("udp", u.wire.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &caller{u: u, udp: conn, late: make(map[string]int)}
}

func options(id string, network string) []byte {
	return fmt.Appendf(nil, "OPTIONS sip:probe@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:5060;branch=z9hG4bK-%s;rport\r\nMax-Forwards: 70\r\nFrom: <sip:probe@127.0.0.1>;tag=1\r\nTo: <sip:probe@127.0.0.1>\r\n"+
		"Call-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", network, id, id)
}

// idOf is a message's Call-ID, as it stands.
func idOf(message string) string {
	for line := range strings.SplitSeq(message, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if n := strings.ToLower(strings.TrimSpace(name)); n == "call-id" || n == "i" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func statusOf(message string) (status int) {
	_, _ = fmt.Sscanf(message, "SIP/2.0 %d", &status)
	return status
}

// packet plays a datagram and a probe after it. It returns the answer to the datagram, 0 if there is none until the probe's.
func (c *caller) packet(t testing.TB, data []byte, wait bool) string {
	t.Helper()
	c.n++
	probe := fmt.Sprintf("probe-%d", c.n)
	if _, err := c.udp.Write(data); err != nil {
		t.Fatal(err)
	}
	answer := ""
	timeout := time.After(patience)
	id := idOf(string(data))
	asked := false
	for {
		if !asked && (answer != "" || !wait) {
			asked = true
			if _, err := c.udp.Write(options(probe, "UDP")); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case said := <-c.u.wire.said:
			switch got := idOf(said); {
			case got == probe && statusOf(said) == 200:
				return answer
			case got == id && statusOf(said) != 100:
				answer = said
			default:
				c.late[got]++
			}
		case <-timeout:
			t.Fatalf("no answer to the probe %v after %q", asked, data)
		}
	}
}

// stream plays a message on a connection of its own, and then probes on another. It returns all answers until the connection ends, or the first.
func (c *caller) stream(t testing.TB, data []byte, toEnd bool) string {
	t.Helper()
	said := c.connect(t, data, toEnd)
	c.n++
	probe := fmt.Sprintf("stream-probe-%d", c.n)
	if got := c.connect(t, options(probe, "TCP"), false); statusOf(got) != 200 {
		t.Fatalf("the probe after %q is answered %q", data, got)
	}
	return said
}

func (c *caller) connect(t testing.TB, data []byte, toEnd bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", c.u.tcp.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
	if toEnd {
		all, err := io.ReadAll(conn)
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Fatalf("%q: %v", data, err)
		}
		return string(all)
	}
	var all []byte
	b := make([]byte, 4096)
	for !bytes.Contains(all, []byte("\r\n\r\n")) {
		n, err := conn.Read(b)
		all = append(all, b[:n]...)
		if err != nil {
			t.Fatalf("%q is answered %q: %v", data, all, err)
		}
	}
	return string(all)
}

// flood writes on a connection of its own until all is written or the connection is closed, and reads whatever comes.
func (c *caller) flood(t testing.TB, data []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", c.u.tcp.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	read := make(chan struct{})
	go func() { defer close(read); _, _ = io.Copy(io.Discard, conn) }()
	_, _ = conn.Write(data)
	_ = conn.(*net.TCPConn).CloseWrite()
	<-read
}

// discard is a socket that nobody hears.
type discard struct{ net.PacketConn }

func (discard) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

// narrow is a listener whose connections hold little that a peer does not read: the kernel would take megabytes.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if err == nil {
		_ = conn.(*net.TCPConn).SetWriteBuffer(4096)
	}
	return conn, err
}
