package sip

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// secured gives a trunk a name and a password.
func secured(o *Order) {
	o.Trunk.Username, o.Trunk.Realm, o.Trunk.Password = "acme", "pbx", func() (string, error) { return "secret", nil }
}

// challenge asks for the password with so long a nonce that the INVITE which answers it has more than 1,300 bytes.
func (d *dialling) challenge() {
	d.t.Helper()
	invite := d.p.asked("INVITE")
	if over := invite.Via().Transport; over != "UDP" {
		d.t.Fatalf("a small INVITE comes over %s", over)
	}
	d.p.answer(invite, 407, "", fmt.Sprintf(`Proxy-Authenticate: Digest realm="pbx", nonce=%q, algorithm=MD5, qop="auth"`, strings.Repeat("n", 900)))
}

// TestLarge: a request that may be too large for a packet leaves over TCP, and so does what cancels it.
func TestLarge(t *testing.T) {
	t.Parallel()
	d := dial(t, secured)
	at := d.p.conn.LocalAddr().(*net.UDPAddr)
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: at.IP, Port: at.Port})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d.challenge()
	_ = l.SetDeadline(time.Now().Add(patience))
	c, err := l.Accept()
	if err != nil {
		t.Fatalf("no connection comes: %v", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	invite := overStream(t, in, "INVITE")
	if via := invite.Via(); via.Transport != "TCP" || via.Port != int(d.a.Addresses()[1].Port()) {
		t.Errorf("its Via is %s", via.Value())
	}
	answerOver(t, c, invite, 180)
	for ringing := false; !ringing; ringing = within(t, d.news, "news").Ringing {
	}
	d.a.HangUp(d.id)
	cancel := overStream(t, in, "CANCEL")
	if cancel.Via().Value() != invite.Via().Value() {
		t.Errorf("the CANCEL of %s has %s", invite.Via().Value(), cancel.Via().Value())
	}
	answerOver(t, c, cancel, 200)
	answerOver(t, c, invite, 487)
	d.failed(Cancelled, 0)
}

// TestLargeFallsBack: where the far end takes no connection, a large request leaves over UDP all the same.
func TestLargeFallsBack(t *testing.T) {
	t.Parallel()
	d := dial(t, secured)
	d.challenge()
	invite := d.p.asked("INVITE")
	if n := len(invite.String()); n <= large || invite.Via().Transport != "UDP" {
		t.Errorf("%d bytes come over %s", n, invite.Via().Transport)
	}
	d.p.answer(invite, 486, "")
	d.failed(Busy, 486)
	if to := d.p.conn.LocalAddr().(*net.UDPAddr).AddrPort(); !d.a.deaf(to) {
		t.Errorf("%s is asked for a connection again at once", to)
	}
}

// overStream is the next request of a method on a connection.
func overStream(t *testing.T, in *bufio.Reader, method string) *gosip.Request {
	t.Helper()
	for {
		if req, ok := messageOver(t, in).(*gosip.Request); ok && string(req.Method) == method {
			return req
		}
	}
}

// messageOver is the next message on a connection.
func messageOver(t *testing.T, in *bufio.Reader) gosip.Message {
	t.Helper()
	line, err := in.ReadString('\n')
	if err != nil {
		t.Fatalf("nothing comes: %v", err)
	}
	head, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(head.Get("Content-Length"))
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(line)
	for name, values := range head {
		for _, v := range values {
			b.WriteString(name + ": " + v + "\r\n")
		}
	}
	m, err := gosip.ParseMessage([]byte(b.String() + "\r\n" + string(body)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// answerOver answers a request on a connection.
func answerOver(t *testing.T, c net.Conn, req *gosip.Request, status int) {
	t.Helper()
	res := gosip.NewResponseFromRequest(req, status, reasonOf(status), nil)
	res.To().Params.Add("tag", "far")
	if _, err := io.WriteString(c, res.String()); err != nil {
		t.Fatal(err)
	}
}
