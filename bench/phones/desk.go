package phones

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// firstAgain is when a request is sent again that nothing has answered (RFC 3261, section 17.1.1.2: T1); then it doubles.
const firstAgain = 500 * time.Millisecond

// A Desk makes the calls of all phones, over one UDP port. Its methods may be called by any goroutine, but for Run, which one runs.
type Desk struct {
	conn *net.UDPConn
	to   netip.AddrPort
	tag  string // of this desk: Call-IDs and tags are made with it

	mu    sync.Mutex
	calls map[string]*Call
	count int
	hung  int // calls that the server has hung up
}

// A Call is one that was answered.
type Call struct {
	Sound netip.AddrPort // where the server takes the phone's sound
	Took  time.Duration  // from INVITE to its 200
	To    string

	id, peer string // Call-ID, and the To header with the server's tag
	target   string // of requests in the dialog
	answers  chan answer
	known    bool // it is answered, and acknowledged: the desk's lock guards it
}

// An answer is a response to one of our requests.
type answer struct {
	status int
	text   string
	method string
}

// Open opens a desk that calls a server at an address.
func Open(to netip.AddrPort) (*Desk, error) {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, fmt.Errorf("open desk: %w", err)
	}
	_ = conn.SetReadBuffer(4 << 20) // what the kernel grants
	return &Desk{conn: conn, to: to, tag: strconv.FormatInt(time.Now().UnixNano(), 36), calls: map[string]*Call{}}, nil
}

// Run reads what comes until Close.
func (d *Desk) Run() error {
	b := make([]byte, 64<<10)
	for {
		n, err := d.conn.Read(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			continue // a port was unreachable: the server is not there yet, or no more
		}
		d.take(string(b[:n]))
	}
}

// Close lets go of the port. Calls that go on are not hung up.
func (d *Desk) Close() error { return d.conn.Close() }

// Hung is how many calls the server has hung up.
func (d *Desk) Hung() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hung
}

// take hands a message to its call.
func (d *Desk) take(text string) {
	d.mu.Lock()
	c := d.calls[Header(text, "Call-ID")]
	d.mu.Unlock()
	if c == nil {
		return
	}
	if !strings.HasPrefix(text, "SIP/2.0 ") {
		if strings.HasPrefix(text, "BYE ") {
			d.mu.Lock()
			d.hung++
			d.mu.Unlock()
		}
		d.accept(text)
		return
	}
	status, err := strconv.Atoi(text[8:min(len(text), 11)])
	if err != nil {
		return
	}
	_, method, _ := strings.Cut(Header(text, "CSeq"), " ")
	d.mu.Lock()
	again := c.known && method == "INVITE"
	d.mu.Unlock()
	if again { // the ACK was lost
		d.acknowledge(c)
		return
	}
	select {
	case c.answers <- answer{status, text, method}:
	default: // who waits has what it needs
	}
}

// acknowledge tells the server that its 200 has come.
func (d *Desk) acknowledge(c *Call) {
	d.mu.Lock()
	c.known = true
	d.mu.Unlock()
	d.send(c, "ACK", "ACK", 1, "")
}

// accept answers a request of the server's with 200.
func (d *Desk) accept(request string) {
	if strings.HasPrefix(request, "ACK ") {
		return
	}
	var b bytes.Buffer
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		fmt.Fprintf(&b, "%s: %s\r\n", name, Header(request, name))
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	_, _ = d.conn.Write(b.Bytes()) // it comes again if it was lost
}

// Call calls a number; the phone's sound is expected at its address. It waits for the answer, and acknowledges it.
func (d *Desk) Call(ctx context.Context, number string, sound netip.AddrPort) (*Call, error) {
	d.mu.Lock()
	d.count++
	c := &Call{To: number, id: fmt.Sprintf("%s-%d@phones", d.tag, d.count), answers: make(chan answer, 8)}
	d.calls[c.id] = c
	d.mu.Unlock()
	offer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0\r\na=ptime:20\r\n", sound.Addr(), sound.Port())
	began := time.Now()
	c.peer, c.target = "<sip:"+number+"@"+d.to.String()+">", "sip:"+number+"@"+d.to.String()
	got, err := d.ask(ctx, c, "INVITE", 1, offer)
	if err == nil && got.status != 200 {
		err = fmt.Errorf("answered %d", got.status)
		c.peer = Header(got.text, "To")
		d.send(c, "ACK", "INVITE", 1, "") // a refusal's is of the INVITE's transaction (RFC 3261, section 17.1.1.3)
	}
	if err == nil {
		c.Took = time.Since(began)
		c.peer, c.target = Header(got.text, "To"), strings.Trim(Header(got.text, "Contact"), "<>")
		c.Sound, err = place(got.text)
	}
	if err != nil {
		d.forget(c)
		return nil, fmt.Errorf("call %s: %w", number, err)
	}
	d.acknowledge(c)
	return c, nil
}

// Hangup says BYE and waits for its answer.
func (d *Desk) Hangup(ctx context.Context, c *Call) error {
	defer d.forget(c)
	got, err := d.ask(ctx, c, "BYE", 2, "")
	if err == nil && got.status != 200 {
		err = fmt.Errorf("answered %d", got.status)
	}
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}

func (d *Desk) forget(c *Call) {
	d.mu.Lock()
	delete(d.calls, c.id)
	d.mu.Unlock()
}

// ask sends a request until it is answered, and returns the final answer.
func (d *Desk) ask(ctx context.Context, c *Call, method string, seq int, body string) (answer, error) {
	again := firstAgain
	timer := time.NewTimer(again)
	defer timer.Stop()
	d.send(c, method, method, seq, body)
	for provisional := false; ; {
		select {
		case a := <-c.answers:
			if a.method == method && a.status >= 200 {
				return a, nil
			}
			provisional = provisional || a.method == method
		case <-timer.C:
			if !provisional || method != "INVITE" {
				d.send(c, method, method, seq, body)
			}
			again *= 2
			timer.Reset(again)
		case <-ctx.Done():
			return answer{}, fmt.Errorf("no final answer to %s: %w", method, context.Cause(ctx))
		}
	}
}

// send sends a request of a call, of a transaction of that name. One that is lost is sent again by ask.
func (d *Desk) send(c *Call, method, transaction string, seq int, body string) {
	from := d.conn.LocalAddr()
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\r\n"
	}
	branch := fmt.Sprintf("z9hG4bK-%s-%s-%d", strings.TrimSuffix(c.id, "@phones"), transaction, seq)
	_, _ = fmt.Fprintf(d.conn, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: <sip:phone@%s>;tag=%s\r\nTo: %s\r\n"+
		"Call-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:phone@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, c.target, from, branch, from, d.tag, c.peer, c.id, seq, method, from, kind, len(body), body)
}

// Header is the first value of a header in a message, as it stands; empty: it has none.
func Header(text, name string) string {
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// place finds in an answer where sound is to go.
func place(text string) (netip.AddrPort, error) {
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	var host, port string
	for line := range strings.SplitSeq(body, "\r\n") {
		if at, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			host = at
		}
		if media, ok := strings.CutPrefix(line, "m=audio "); ok {
			port, _, _ = strings.Cut(media, " ")
		}
	}
	at, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return at, fmt.Errorf("find the sound's place in %q: %w", body, err)
	}
	return at, nil
}
