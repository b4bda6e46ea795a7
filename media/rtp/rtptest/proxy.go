package rtptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Proxy is a port with a bad network behind it: what comes to it goes on to the far address, and what that answers goes back to whoever sent
// to the port last. Run must be called.
type Proxy struct {
	near, far net.PacketConn
	to        netip.AddrPort
	out, back Impairment
	began     time.Time
	from      atomic.Pointer[netip.AddrPort]
	Stats     ProxyStats
}

// ProxyStats count packets, both ways. They are read with Load at any time.
type ProxyStats struct{ Came, Went, Lost atomic.Int64 }

// NewProxy opens a port of loopback in front of to. Out impairs what goes there, back what comes from it.
func NewProxy(ctx context.Context, to netip.AddrPort, out, back Impairment) (*Proxy, error) {
	for _, i := range [...]Impairment{out, back} {
		if err := i.check(); err != nil {
			return nil, fmt.Errorf("open proxy: %w", err)
		}
	}
	p := &Proxy{to: to, out: out, back: back, began: time.Now()}
	var options net.ListenConfig
	var err error
	host := "127.0.0.1:0"
	if to.Addr().Is6() {
		host = "[::1]:0"
	}
	if p.near, err = options.ListenPacket(ctx, "udp", host); err != nil {
		return nil, fmt.Errorf("open proxy: %w", err)
	}
	if p.far, err = options.ListenPacket(ctx, "udp", host); err != nil {
		_ = p.near.Close()
		return nil, fmt.Errorf("open proxy: %w", err)
	}
	return p, nil
}

// Near is the port to send to.
func (p *Proxy) Near() netip.AddrPort { return p.near.LocalAddr().(*net.UDPAddr).AddrPort() }

// Far is the address that the far end sees.
func (p *Proxy) Far() netip.AddrPort { return p.far.LocalAddr().(*net.UDPAddr).AddrPort() }

// Run carries packets until ctx ends; then it closes the ports, and returns nil once nothing of it is left.
func (p *Proxy) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _, _ = p.near.Close(), p.far.Close() })()
	var all sync.WaitGroup
	var failed [2]error
	all.Go(func() {
		failed[0] = p.carry(p.near, p.far, p.out, func(from netip.AddrPort) *netip.AddrPort { p.from.Store(&from); return &p.to })
	})
	all.Go(func() {
		failed[1] = p.carry(p.far, p.near, p.back, func(netip.AddrPort) *netip.AddrPort { return p.from.Load() })
	})
	all.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(failed[:]...)
}

// carry carries one way until its socket is closed, and the packets on their way have arrived or cannot.
func (p *Proxy) carry(in, out net.PacketConn, how Impairment, route func(from netip.AddrPort) *netip.AddrPort) error {
	line, err := NewLine(how)
	if err != nil {
		return err
	}
	var flying sync.WaitGroup
	defer flying.Wait()
	buf := make([]byte, 2048)
	for {
		n, from, err := in.(*net.UDPConn).ReadFromUDPAddrPort(buf)
		if err != nil {
			return fmt.Errorf("read a packet: %w", err)
		}
		p.Stats.Came.Add(1)
		to := route(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		fate := line.Fate(time.Since(p.began))
		if len(fate) == 0 || to == nil {
			p.Stats.Lost.Add(1)
			continue
		}
		for _, later := range fate {
			packet := append([]byte(nil), buf[:n]...)
			flying.Add(1)
			time.AfterFunc(later, func() {
				defer flying.Done()
				if _, err := out.(*net.UDPConn).WriteToUDPAddrPort(packet, *to); err == nil {
					p.Stats.Went.Add(1)
				}
			})
		}
	}
}
