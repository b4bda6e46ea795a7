package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// A Resolver asks DNS. *net.Resolver is one but for its names.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// hosts knows where the hosts of trunks are. Who asks on the way of a call is answered from memory, but for the first time.
type hosts struct {
	dns Resolver

	mu    sync.Mutex
	addrs map[string][]netip.Addr // by the host's name, as trunks write it
}

func newHosts(dns Resolver) *hosts { return &hosts{dns: dns, addrs: map[string][]netip.Addr{}} }

// known are a host's addresses, as far as they have been asked for.
func (h *hosts) known(host string) []netip.Addr {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.addrs[host]
}

// where are the places to which a message to a host is sent, in order (RFC 3263, section 4.2).
func (h *hosts) where(ctx context.Context, host string, port int, transport string) (places []netip.AddrPort, err error) {
	usual := uint16(gosip.DefaultPort(transport))
	if port != 0 {
		usual = uint16(port)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip.Unmap(), usual)}, nil
	}
	if port == 0 {
		service, proto := "sip", strings.ToLower(transport)
		if proto == "tls" {
			service, proto = "sips", "tcp"
		}
		if _, records, err := h.dns.LookupSRV(ctx, service, proto, host); err == nil {
			for _, r := range records {
				places = h.resolve(ctx, places, strings.TrimSuffix(r.Target, "."), r.Port)
			}
		}
	}
	if len(places) == 0 {
		places = h.resolve(ctx, places, host, usual)
	}
	if len(places) == 0 {
		return nil, fmt.Errorf("find host %s: %w", host, errNoAddress)
	}
	return places, nil
}

var errNoAddress = errors.New("DNS knows no address")

func (h *hosts) resolve(ctx context.Context, places []netip.AddrPort, host string, port uint16) []netip.AddrPort {
	ips, err := h.dns.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return places // the next record, or none
	}
	for _, ip := range ips {
		places = append(places, netip.AddrPortFrom(ip.Unmap(), port))
	}
	return places
}

// refresh asks where the hosts of trunks are now. What DNS does not answer stays as it was.
func (h *hosts) refresh(ctx context.Context, trunks []Trunk) {
	named := map[string][]netip.Addr{}
	for i := range trunks {
		t := &trunks[i]
		if _, err := netip.ParseAddr(t.Host); err == nil {
			continue
		}
		places, err := h.where(ctx, t.Host, t.Port, t.transport())
		if err != nil {
			named[t.Host] = append(named[t.Host], h.known(t.Host)...)
			continue
		}
		for _, p := range places {
			named[t.Host] = append(named[t.Host], p.Addr())
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addrs = named
}

// fresh says that the hosts of all trunks have been asked for.
func (h *hosts) fresh(trunks []Trunk) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range trunks {
		if _, err := netip.ParseAddr(trunks[i].Host); err == nil {
			continue
		}
		if _, ok := h.addrs[trunks[i].Host]; !ok {
			return false
		}
	}
	return true
}

// How often the hosts of trunks are looked for: all of them, and those of trunks that are new.
const (
	lookEvery = time.Minute
	lookNew   = time.Second
)

// lookAround keeps the addresses of trunks known, and their registrations and keep-alives going.
func (a *Agent) lookAround(ctx context.Context) {
	tick := time.NewTicker(lookNew)
	defer tick.Stop()
	var last time.Time
	for {
		trunks := a.o.Trunks()
		if time.Since(last) >= lookEvery || !a.hosts.fresh(trunks) {
			a.hosts.refresh(ctx, trunks)
			last = time.Now()
			a.phones.sweep(last)
		}
		a.watch(ctx, trunks)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
