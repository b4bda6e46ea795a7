//go:build e2e

package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// A holder is a telephone made of two sockets, whose user puts the agent on hold.
type holder struct {
	t    *testing.T
	sip  *net.UDPConn
	rtp  *net.UDPConn
	to   string // of the server
	seq  int
	peer string // the tag of the server
}

func newHolder(t *testing.T, server string) *holder {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp4", server)
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{t: t, to: server}
	if h.sip, err = net.DialUDP("udp4", nil, at); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.sip.Close() })
	if h.rtp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.rtp.Close() })
	return h
}

// say sends a request, and waits for the answer to it, 200, unless it is an ACK.
func (h *holder) say(method, body string) *gosip.Response {
	h.t.Helper()
	if method != "ACK" {
		h.seq++
	}
	own, tag := h.sip.LocalAddr(), ""
	if h.peer != "" {
		tag = ";tag=" + h.peer
	}
	body = strings.ReplaceAll(body, "\n", "\r\n")
	text := fmt.Sprintf("%s sip:100@%s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bKhold%d%s;rport\nMax-Forwards: 70\nFrom: <sip:+15550100001@127.0.0.1>;tag=holder\n"+
		"To: <sip:100@127.0.0.1>%s\nCall-ID: hold-%s\nCSeq: %d %s\nContact: <sip:holder@%s>\nContent-Type: application/sdp\nContent-Length: %d\n\n",
		method, h.to, own, h.seq, method, tag, own, h.seq, method, own, len(body))
	if _, err := h.sip.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n") + body)); err != nil {
		h.t.Fatal(err)
	}
	for method != "ACK" {
		buf := make([]byte, 64<<10)
		_ = h.sip.SetReadDeadline(time.Now().Add(time.Minute))
		n, err := h.sip.Read(buf)
		if err != nil {
			h.t.Fatalf("%s is not answered: %v", method, err)
		}
		m, err := gosip.ParseMessage(buf[:n])
		if err != nil {
			h.t.Fatal(err)
		}
		res, ok := m.(*gosip.Response)
		if !ok || int(res.CSeq().SeqNo) != h.seq || res.IsProvisional() {
			continue
		}
		if res.StatusCode != 200 {
			h.t.Fatalf("%s is answered %d", method, res.StatusCode)
		}
		h.peer, _ = res.To().Params.Get("tag")
		return res
	}
	return nil
}

// offer says INVITE with a direction, and ACK to what comes of it, which must have another.
func (h *holder) offer(direction, answer string) {
	h.t.Helper()
	port := h.rtp.LocalAddr().(*net.UDPAddr).Port
	res := h.say("INVITE", fmt.Sprintf("v=0\no=- 1 %d IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio %d RTP/AVP 0\na=%s\n", h.seq+1, port, direction))
	if !strings.Contains(string(res.Body()), "a="+answer) {
		h.t.Errorf("%s is answered by\n%s", direction, res.Body())
	}
	h.say("ACK", "")
}

// packet waits for a packet of sound, and says whether there is something to be heard in it; nothing: none has come in time.
func (h *holder) packet(wait time.Duration) (loud, came bool) {
	buf := make([]byte, 2048)
	_ = h.rtp.SetReadDeadline(time.Now().Add(wait))
	n, err := h.rtp.Read(buf)
	if err != nil {
		return false, false
	}
	for _, b := range buf[12:max(n, 12)] { // PCMU: the nearer to 0xff or 0x7f, the softer
		loud = loud || b&0x7f < 0x50
	}
	return loud, true
}

// hears waits until the agent is heard.
func (h *holder) hears(what string) {
	h.t.Helper()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); {
		if loud, _ := h.packet(5 * time.Second); loud {
			return
		}
	}
	h.t.Fatalf("%s is not heard", what)
}

// TestEndToEndHold: a caller puts the agent on hold in the middle of its greeting: it pauses, not a packet comes, it goes on when the caller is
// back, and the record has both.
func TestEndToEndHold(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0")
	h := newHolder(t, n.sipAddress())
	h.offer("sendrecv", "sendrecv")
	h.hears("the greeting")
	h.offer("sendonly", "recvonly")
	for came := true; came; { // those on their way are let go by
		_, came = h.packet(300 * time.Millisecond)
	}
	if _, came := h.packet(3 * time.Second); came {
		t.Error("the agent speaks on hold")
	}
	h.offer("sendrecv", "sendrecv")
	h.hears("the rest of the greeting")
	h.say("BYE", "")
	call := n.record("hold-" + h.sip.LocalAddr().String())
	if said := call.text("system"); !strings.Contains(said, "has put the call on hold.") || !strings.Contains(said, "The caller is back.") {
		t.Errorf("the record says %q", said)
	}
	if call.Cause != "caller" {
		t.Errorf("the call ended by %q", call.Cause)
	}
}
