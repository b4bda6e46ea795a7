package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"parley/bench/machine"
	"parley/bench/phones"
)

// methods are what is sent; strangers may ask for all of it.
var methods = []string{"INVITE", "REGISTER", "OPTIONS", "MESSAGE"}

// tick is how often a storm sends.
const tick = 2 * time.Millisecond

// variety is how many different messages a storm has: no two in a row are of one transaction.
const variety = 20_000

// A storm is one method from so many sources.
type storm struct {
	method  string
	sources int
	rate    int // messages a second
	lasts   time.Duration
}

func (s storm) String() string { return fmt.Sprintf("%s from %d", s.method, s.sources) }

// source is the address of the i-th attacker.
func (s storm) source(i int) netip.Addr {
	if s.sources == 1 {
		return netip.MustParseAddr("127.2.0.1")
	}
	i %= s.sources
	return netip.AddrFrom4([4]byte{127, 3, byte(i >> 8), byte(i)})
}

// messages are prebuilt: to make them must not slow down the sending.
func (s storm) messages(to netip.AddrPort, port uint16) []phones.Datagram {
	all := make([]phones.Datagram, variety)
	for i := range all {
		from := s.source(i)
		body, kind := "", ""
		switch s.method {
		case "INVITE":
			kind, body = "application/sdp", fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n", from)
		case "MESSAGE":
			kind, body = "text/plain", "hello"
		}
		if kind != "" {
			kind = "Content-Type: " + kind + "\r\n"
		}
		at := netip.AddrPortFrom(from, port)
		text := fmt.Sprintf("%[1]s sip:+15550100002@%[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bK%[4]s%[5]d;rport\r\nMax-Forwards: 70\r\n"+
			"From: <sip:stranger@%[3]s>;tag=%[5]d\r\nTo: <sip:+15550100002@%[2]s>\r\nCall-ID: storm-%[4]s-%[5]d\r\nCSeq: 1 %[1]s\r\n"+
			"Contact: <sip:stranger@%[3]s>\r\n%[6]sContent-Length: %[7]d\r\n\r\n%[8]s", s.method, to, at, s.method, i+s.sources*variety, kind, len(body), body)
		all[i] = phones.Datagram{From: from, To: to, Data: []byte(text)}
	}
	return all
}

// rage sends them, over and over, and says how many went. What comes back is not read: attackers do not listen.
func (s storm) rage(ctx context.Context, to netip.AddrPort) (sent int, err error) {
	socket, err := phones.Listen(4096)
	if err != nil {
		return 0, err
	}
	defer socket.Close() //nolint:errcheck // nothing waits to be written
	all := s.messages(to, socket.Port())
	clock := machine.NewClock()
	began := clock.Now()
	for next := 0; ctx.Err() == nil; {
		elapsed := clock.Now() - began
		if elapsed >= s.lasts {
			break
		}
		due := int(elapsed.Seconds() * float64(s.rate))
		for next < due {
			at := next % len(all)
			some := all[at:min(len(all), at+due-next)]
			n, err := socket.Send(some)
			if err != nil {
				return sent, fmt.Errorf("%s: %w", s, err)
			}
			sent, next = sent+n, next+len(some) // what the kernel has no room for is lost, as on any network
		}
		machine.SleepUntil(began + elapsed + tick)
	}
	return sent, context.Cause(ctx)
}
