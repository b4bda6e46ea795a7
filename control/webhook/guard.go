package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// CheckURL says what is wrong with a webhook's URL, as far as can be seen without asking where it leads: that is looked at each time that it
// is dialled. Credentials are refused: they would stand in the log, and the signature is there to be checked.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("is no URL")
	case u.Scheme != "https" || u.Hostname() == "":
		return errors.New("is no https URL")
	case u.User != nil:
		return errors.New("must not have a name or password in it")
	}
	return nil
}

// An Allow is what webhooks may be sent to although it is not public: in tests, and in networks of one's own.
type Allow struct {
	networks []netip.Prefix
	hosts    map[string]bool
}

// ParseAllow reads a list of networks (10.1.0.0/16), addresses (10.1.2.3) and names of hosts (hooks.intranet).
func ParseAllow(entries []string) (Allow, error) {
	a := Allow{hosts: map[string]bool{}}
	for _, text := range entries {
		text = strings.ToLower(strings.TrimSpace(text))
		addr, aerr := netip.ParseAddr(strings.Trim(text, "[]"))
		network, nerr := netip.ParsePrefix(text)
		switch {
		case aerr == nil:
			addr = addr.Unmap()
			a.networks = append(a.networks, netip.PrefixFrom(addr, addr.BitLen()))
		case nerr == nil:
			a.networks = append(a.networks, network.Masked())
		case text != "" && !strings.ContainsAny(text, ":/@ *"):
			a.hosts[strings.TrimSuffix(text, ".")] = true
		default:
			return Allow{}, fmt.Errorf("%q is no network such as 10.1.0.0/16, address, or name of a host", text)
		}
	}
	return a, nil
}

// takes says whether a host, which the URL names, may have an address.
func (a Allow) takes(host string, addr netip.Addr) bool {
	if a.hosts[strings.TrimSuffix(strings.ToLower(host), ".")] {
		return true
	}
	for _, n := range a.networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// ErrForbidden says that an address is none to which webhooks are sent.
var ErrForbidden = errors.New("webhooks are not sent there")

// A guard dials, and refuses addresses that are not public: by the address itself, once DNS has said it and right before the connection is
// made. So it does not matter what the name said a moment ago, how the address is written, or how many a name has.
type guard struct {
	allow    Allow
	resolver *net.Resolver
	timeout  time.Duration // of a connection, from DNS to its end
}

// client sends through the guard. It follows no redirects, asks no proxy, and keeps no connections: on one that the other side has just
// closed a POST is lost, and there may be no other try.
func (g *guard) client(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: g.dial, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(g.timeout + time.Second) // http.Transport goes on dialling and shaking hands after its request has been given up
	d := net.Dialer{
		Deadline: end, Resolver: g.resolver, KeepAlive: -1, FallbackDelay: 300 * time.Millisecond,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error { return g.check(host, address) },
	}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(end)
}

// check says whether a connection may be made to an address and port. Of the ports below 1024 only 443 is taken: what else listens there
// is no webhook.
func (g *guard) check(host, address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s is no address", ErrForbidden, address)
	}
	addr := to.Addr().WithZone("").Unmap()
	switch {
	case g.allow.takes(host, addr):
		return nil
	case to.Addr().Zone() != "" || !public(addr):
		return fmt.Errorf("%w: %s is not a public address", ErrForbidden, to.Addr())
	case to.Port() != 443 && to.Port() < 1024:
		return fmt.Errorf("%w: port %d is neither 443 nor above 1023", ErrForbidden, to.Port())
	}
	return nil
}

// public says whether an address is of a machine on the internet. Of IPv6 that is 2000::/3 alone.
func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !unicast6.Contains(a) {
		return false
	}
	for _, n := range special {
		if n.Contains(a) {
			return false
		}
	}
	return true
}

var unicast6 = netip.MustParsePrefix("2000::/3")

// special are the networks that are not what they seem, or not reached from the internet (IANA's registries of special-purpose addresses,
// https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-). Loopback, link-local (with clouds' 169.254.169.254), multicast and
// private ones, fc00::/7 too, are told by netip; those of IPv6 that are not in 2000::/3 (NAT64 64:ff9b::/96, v4-compatible ::/96,
// site-local fec0::/10) need no mention.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("100.64.0.0/10"),    // carriers' NAT; Alibaba's metadata
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's metadata
	netip.MustParsePrefix("192.0.0.0/24"),     // protocols; Oracle's metadata
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, broadcast
	netip.MustParsePrefix("2001::/23"),        // Teredo, ORCHID, benchmarks
	netip.MustParsePrefix("2001:db8::/32"),    // documentation
	netip.MustParsePrefix("2002::/16"),        // 6to4: has an IPv4 address in it
	netip.MustParsePrefix("3fff::/20"),        // documentation
}
