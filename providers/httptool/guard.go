package httptool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// errPrivate says that an address is not one of the public internet.
var errPrivate = errors.New("private address")

// reserved are networks of no public server, besides those that net/netip knows. https://www.iana.org/assignments/iana-ipv4-special-registry
// and its sister for IPv6; the forms that carry an IPv4 address within are refused whole.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),    // RFC 6598, carriers' own; Alibaba's metadata
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's host
	netip.MustParsePrefix("192.0.0.0/24"),     // RFC 6890; Oracle's metadata
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),           // IPv4-compatible
	netip.MustParsePrefix("::ffff:0:0:0/96"), // RFC 2765
	netip.MustParsePrefix("64:ff9b::/96"),    // RFC 6052, NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // RFC 2928: Teredo, ORCHID and others
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // RFC 3056, 6to4
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// public says whether an address is one of the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// guard decides which addresses may be dialled.
type guard struct {
	hosts map[string]bool // in small letters; with a port: only that
	nets  []netip.Prefix
	names *net.Resolver // nil: the machine's
}

// newGuard reads an allow-list: host, host:port, address or network.
func newGuard(allow []string) (*guard, error) {
	g := &guard{hosts: make(map[string]bool)}
	for _, a := range allow {
		a = strings.ToLower(strings.TrimSpace(a))
		prefix, err := netip.ParsePrefix(a)
		addr, bad := netip.ParseAddr(a)
		switch {
		case err == nil:
			g.nets = append(g.nets, prefix.Masked())
		case bad == nil:
			g.nets = append(g.nets, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
		case a == "" || strings.ContainsAny(a, "/*@ "):
			return nil, fmt.Errorf("allow: %q is neither host, address nor network (10.1.0.0/16)", a)
		default:
			g.hosts[a] = true
		}
	}
	return g, nil
}

// control refuses an address that a name was resolved to, right before it is dialled: what the name meant earlier, or will mean later, is of
// no account (DNS rebinding).
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q: %w", address, errPrivate)
	}
	if !g.named(ap.Addr()) && !public(ap.Addr()) {
		return errPrivate
	}
	return nil
}

// named says whether an address is of a network that may be asked although it is private.
func (g *guard) named(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(g.nets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// transport dials what the guard lets through. It uses no proxy: behind one nobody could say what is dialled.
func (g *guard) transport() *http.Transport {
	open := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Resolver: g.names}
	guarded := *open
	guarded.Control = g.control
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err == nil && (g.hosts[strings.ToLower(host)] || g.hosts[strings.ToLower(address)]) {
				return open.DialContext(ctx, network, address)
			}
			return guarded.DialContext(ctx, network, address)
		},
		ForceAttemptHTTP2: true, MaxIdleConns: 64, MaxIdleConnsPerHost: 8, MaxConnsPerHost: 64, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
}
