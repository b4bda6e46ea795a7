package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media/sip/digest"
	"parley/media/sip/edge"
)

// policy is what the edge lets in: what is valid, of a method that we take, of a dialog that we know or from somebody whom we may know, and not
// too much of it. OPTIONS are answered there.
func (a *Agent) policy() edge.Policy {
	methods := splitList(allowed)
	if a.o.Lines != nil {
		methods = append(methods, string(gosip.REGISTER))
	}
	trusted := func(addr netip.Addr) bool { return a.open(addr) || len(a.from(addr)) > 0 }
	return edge.Policy{
		Screen: func(m *edge.Message, source netip.AddrPort) *edge.Refusal {
			if trusted(source.Addr()) {
				return nil
			}
			return a.screen(m, source.Addr())
		},
		Methods: methods, Extensions: splitList(supported), Agent: "Parley", Options: true,
		Dialog: func(call string) bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.known[call] > 0
		},
		Trusted: trusted,
		Log:     a.log,
	}
}

// screen answers strangers before they cost a transaction, which would be kept for half a minute: of a flood nothing is remembered. Those who call
// or register are challenged until their signature has a nonce of ours; what belongs in a dialog, and has none, is refused (RFC 3261, section 12.2.2).
func (a *Agent) screen(m *edge.Message, source netip.Addr) *edge.Refusal {
	method := m.Method()
	switch gosip.RequestMethod(method) {
	case gosip.INVITE, gosip.REGISTER:
	case gosip.CANCEL: // sipgo knows its INVITE
		return nil
	default:
		a.Stats.count(In, method, gosip.StatusCallTransactionDoesNotExists)
		return &edge.Refusal{Status: gosip.StatusCallTransactionDoesNotExists}
	}
	err := error(digest.ErrMissing)
	if asked := m.Values("Authorization"); len(asked) > 0 {
		err = a.digest.Screen(digest.Request{Credentials: asked, Method: method, URI: m.URI(), Realm: realm, Source: source})
	}
	if err == nil {
		return nil
	}
	v := a.challenge(source, err)
	a.Stats.count(In, method, v.status)
	r := &edge.Refusal{Status: v.status}
	for _, h := range v.headers {
		r.Headers = append(r.Headers, h.name+": "+h.value)
	}
	return r
}

// prepare makes a request ready to leave: by our own socket, or over a connection.
func (a *Agent) prepare(ctx context.Context, req *gosip.Request) error {
	if req.Body() == nil {
		req.SetBody(nil) // which says how long it is
	}
	next := req.Recipient
	if r := req.Route(); r != nil {
		next = r.Address
	}
	host := strings.Trim(next.Host, "[]")
	to, err := netip.ParseAddrPort(req.MessageData.Destination())
	if err != nil {
		places, err := a.where(ctx, host, next.Port, req.Transport())
		if err != nil {
			return err
		}
		to = places[0]
		req.SetDestination(to.String())
	}
	if tooLarge(req) {
		a.overTCP(ctx, req, to, host)
	}
	if req.Transport() != "UDP" {
		err := a.reach(ctx, req.Transport(), to, host)
		if err != nil && req.To().Params.Has("tag") {
			return a.reachAgain(ctx, req, to, next, err)
		}
		return err
	}
	w := a.wireTo("UDP", to.Addr())
	if w == nil { // sipgo would open a socket, past the edge
		return fmt.Errorf("send by UDP to %s: %w", to.Addr(), errors.ErrUnsupported)
	}
	req.Laddr = gosip.Addr{IP: net.IP(w.local.Addr().AsSlice()), Port: int(w.local.Port())}
	return nil
}

// reachAgain sends a request in a dialog, whose connection is gone, over another to where the far end says that it is. No other machine is
// connected to on its word. lost is why the connection is no more.
func (a *Agent) reachAgain(ctx context.Context, req *gosip.Request, was netip.AddrPort, next gosip.Uri, lost error) error {
	host := strings.Trim(next.Host, "[]")
	places, err := a.where(ctx, host, next.Port, req.Transport())
	if err != nil || places[0] == was || places[0].Addr() != was.Addr().Unmap() {
		return lost
	}
	req.SetDestination(places[0].String())
	return a.reach(ctx, req.Transport(), places[0], host)
}

// unconnected is a transport of sipgo's that makes no connections by itself: ours go through the edge (see reach).
func unconnected() *gosip.TransportTCP {
	return &gosip.TransportTCP{DialerCreate: func(net.Addr) net.Dialer {
		return net.Dialer{Control: func(string, string, syscall.RawConn) error { return errUnconnected }}
	}}
}

var errUnconnected = errors.New("there is no connection, and none is made")
