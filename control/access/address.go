package access

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Address is where a request comes from: the peer of the connection, unless that is a trusted proxy. Then it is the last address of
// X-Forwarded-For that is not one itself: what stands before it, anybody may have written.
func Address(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer := host(r.RemoteAddr)
	if !within(peer, trusted) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a := host(strings.TrimSpace(hop))
		if !a.IsValid() {
			break
		}
		peer = a
		if !within(a, trusted) {
			break
		}
	}
	return peer
}

// host reads an address with or without a port; what is none is the zero Addr.
func host(text string) netip.Addr {
	if p, err := netip.ParseAddrPort(text); err == nil {
		return p.Addr().Unmap()
	}
	a, _ := netip.ParseAddr(text)
	return a.Unmap()
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	return a.IsValid() && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}
