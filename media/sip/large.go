package sip

import (
	"context"
	"net/netip"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// large is how many bytes a request may have that leaves over UDP where nobody knows how large its packets may be (RFC 3261, section 18.1.1).
const large = 1300

// hasty is how long a request waits for a connection that it could do without.
const hasty = 2 * time.Second

// deafFor is how long a far end that has taken no connection is not asked for one again; deafMost is how many of them are kept in mind.
const (
	deafFor  = 5 * time.Minute
	deafMost = 1 << 10
)

// tooLarge says that a request has to leave over TCP though it was to go over UDP, if the far end takes it there.
func tooLarge(req *gosip.Request) bool { return req.Transport() == "UDP" && len(req.String()) > large }

// overTCP turns a request that was to go over UDP into one over TCP: what follows it in its transaction goes there too. Where the far end takes no
// connection, it stays as it was.
func (a *Agent) overTCP(ctx context.Context, req *gosip.Request, to netip.AddrPort, host string) {
	if a.deaf(to) {
		return
	}
	soon, cancel := context.WithTimeout(ctx, hasty)
	defer cancel()
	face, err := a.face("TCP", to.Addr())
	if err == nil {
		err = a.reach(soon, "TCP", to, host)
	}
	if err != nil {
		if ctx.Err() == nil {
			a.log.Debug("a request over 1300 bytes leaves over UDP", "method", req.Method, "to", to, "error", err)
			a.deafen(to)
		}
		return
	}
	via := req.Via()
	via.Transport, via.Host, via.Port = "TCP", face.Addr().String(), int(face.Port())
	req.SetTransport("TCP")
}

// deaf says that a far end has taken no connection lately.
func (a *Agent) deaf(to netip.AddrPort) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Before(a.deafs[to])
}

// deafen keeps in mind that a far end takes no connection.
func (a *Agent) deafen(to netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.deafs) >= deafMost {
		clear(a.deafs)
	}
	a.deafs[to] = time.Now().Add(deafFor)
}
