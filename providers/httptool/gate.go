package httptool

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// A Gate is the guard of HTTP tools for other clients, whose servers are named by others than the operator: it refuses private addresses
// right before they are dialled. It may be used by any goroutine.
type Gate struct{ guard *guard }

// NewGate reads what may be asked although it is private: hosts (also with :port), addresses and networks. The error names what it cannot
// read.
func NewGate(allow []string) (*Gate, error) {
	g, err := newGuard(allow)
	if err != nil {
		return nil, err
	}
	return &Gate{g}, nil
}

// Reaches says whether an address may be sent to: it is public, or the operator has named it.
func (g *Gate) Reaches(a netip.Addr) bool { return g.guard.named(a) || public(a) }

// Transport dials what the gate lets through, and uses no proxy: behind one nobody could say what is dialled. It is the caller's.
func (g *Gate) Transport() *http.Transport { return g.guard.transport() }

// Check says why a URL may not be asked, as far as that can be told without looking up its host: it must be https or wss, unless its host
// is allowed, and no private address.
func (g *Gate) Check(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" {
		return errors.New("is no URL")
	}
	if g.allows(u) {
		return nil
	}
	if u.Scheme != "https" && u.Scheme != "wss" {
		return errors.New("must be https or wss: other servers have to be allowed by the operator of this server")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if a, err := netip.ParseAddr(host); err == nil && !public(a) || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return errors.New("is a private address, which the operator of this server has to allow")
	}
	return nil
}

// allows says whether the operator has named a URL's host.
func (g *Gate) allows(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	if a, err := netip.ParseAddr(host); err == nil {
		if g.guard.named(a) {
			return true
		}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "wss": "443", "http": "80", "ws": "80"}[u.Scheme]
	}
	return g.guard.hosts[host] || g.guard.hosts[host+":"+port]
}
