package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// quickly is within what a probe is to be answered.
const quickly = 200 * time.Millisecond

// A probe is one OPTIONS from elsewhere.
type probe struct {
	asked, answered int
	slowest         time.Duration // of those answered
}

// asking is the request, as a stranger at an address asks.
func asking(transport string, from net.Addr, to netip.AddrPort, n int) string {
	return fmt.Sprintf("OPTIONS sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/%[2]s %[3]s;branch=z9hG4bKprobe%[4]d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:probe@%[3]s>;tag=%[4]d\r\nTo: <sip:%[1]s>\r\nCall-ID: probe-%[4]d@%[3]s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", to, transport, from, n)
}

// run asks over UDP, four times a second from an address of its own, until ctx ends. An answer counts that comes within a second.
func (p *probe) run(ctx context.Context, to netip.AddrPort) error {
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 5, 0, 1)}, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing waits to be written
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for b := make([]byte, 4096); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		p.asked++
		began := time.Now()
		if _, err := conn.Write([]byte(asking("UDP", conn.LocalAddr(), to, p.asked))); err != nil {
			continue
		}
		_ = conn.SetReadDeadline(began.Add(time.Second))
		mine := fmt.Sprintf("probe-%d@", p.asked)
		for {
			n, err := conn.Read(b)
			if err != nil {
				break
			}
			if strings.HasPrefix(string(b[:n]), "SIP/2.0 200") && strings.Contains(string(b[:n]), mine) {
				p.answered, p.slowest = p.answered+1, max(p.slowest, time.Since(began))
				break
			}
		}
	}
}

// A crowd is TCP connections that say nothing, and some that ask without end and never read.
type crowd struct {
	conns []net.Conn
	deaf  sync.WaitGroup
}

// gather opens them, each kind from addresses of its own. What the server does not take, or ends, it need not bear.
func gather(ctx context.Context, to netip.AddrPort, idle, deaf int) (c *crowd, taken int) {
	c = &crowd{}
	for i := range idle + deaf {
		d := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 6, byte(i>>8), byte(1+i%250))}}
		conn, err := d.DialContext(ctx, "tcp4", to.String())
		if err != nil {
			continue
		}
		taken++
		c.conns = append(c.conns, conn)
		if i < idle {
			continue
		}
		c.deaf.Go(func() {
			for n := 0; ; n++ {
				if _, err := conn.Write([]byte(asking("TCP", conn.LocalAddr(), to, n))); err != nil {
					return // leave has closed it, or the server has
				}
			}
		})
	}
	return c, taken
}

// leave closes all.
func (c *crowd) leave() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.deaf.Wait()
}

// knock asks on a new TCP connection and says how long the answer took.
func knock(ctx context.Context, to netip.AddrPort, n int) (time.Duration, error) {
	began := time.Now()
	d := net.Dialer{Timeout: 2 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 5, 0, 2)}}
	conn, err := d.DialContext(ctx, "tcp4", to.String())
	if err != nil {
		return 0, fmt.Errorf("knock: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(began.Add(2 * time.Second))
	if _, err := conn.Write([]byte(asking("TCP", conn.LocalAddr(), to, n))); err != nil {
		return 0, fmt.Errorf("knock: %w", err)
	}
	b := make([]byte, 4096)
	got, err := conn.Read(b)
	if err != nil {
		return 0, fmt.Errorf("knock: %w", err)
	}
	if !strings.HasPrefix(string(b[:got]), "SIP/2.0 200") {
		return 0, errors.New("knock: answered " + strings.SplitN(string(b[:got]), "\r\n", 2)[0])
	}
	return time.Since(began), nil
}
