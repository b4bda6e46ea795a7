package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media/sip/edge"
)

// A Listener is where SIP is listened to.
type Listener struct {
	Transport string // udp, tcp or tls
	Address   netip.AddrPort
}

func (l Listener) String() string { return l.Transport + "://" + l.Address.String() }

// ParseListener reads "udp://0.0.0.0:5060", "tcp://[::]:5060" or "tls://192.0.2.1". Without a port it is 5060, or 5061 over TLS.
func ParseListener(text string) (Listener, error) {
	u, err := url.Parse(text)
	if err != nil || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return Listener{}, fmt.Errorf("%q: want an address such as udp://0.0.0.0:5060", text)
	}
	l := Listener{Transport: strings.ToLower(u.Scheme)}
	switch l.Transport {
	case "udp", "tcp", "tls":
	default:
		return Listener{}, fmt.Errorf("%q: transport %q is none of udp, tcp, tls", text, u.Scheme)
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "0.0.0.0"
	}
	if port == "" {
		port = fmt.Sprint(gosip.DefaultPort(l.Transport))
	}
	if l.Address, err = netip.ParseAddrPort(net.JoinHostPort(host, port)); err != nil {
		return Listener{}, fmt.Errorf("%q: want an address such as udp://0.0.0.0:5060: %w", text, err)
	}
	return l, nil
}

// A wire is an open Listener, behind the edge; or, without an address of its own, the way by which connections are made and none is taken.
type wire struct {
	transport string // UDP, TCP or TLS, as messages have it
	local     netip.AddrPort
	packets   *edge.Packets // of UDP
	streams   *edge.Streams // of the others
}

// receiveBuffer holds what comes while all processors are busy: some thousand messages.
const receiveBuffer = 4 << 20

// openAll opens every listener, or none.
func (a *Agent) openAll(listen []Listener, secure *tls.Config) error {
	if len(listen) == 0 {
		return errors.New("listen: no address is given")
	}
	for _, l := range listen {
		w, err := a.openOne(l, secure)
		if err != nil {
			a.closeAll()
			return fmt.Errorf("listen on %s: %w", l, err)
		}
		a.wires = append(a.wires, w)
	}
	for _, transport := range []string{"TCP", "TLS"} {
		if !slices.ContainsFunc(a.wires, func(w *wire) bool { return w.transport == transport }) {
			a.wires = append(a.wires, &wire{transport: transport, streams: a.edge.Streams(newNobody())})
		}
	}
	return nil
}

func (a *Agent) openOne(l Listener, secure *tls.Config) (*wire, error) {
	w := &wire{transport: strings.ToUpper(l.Transport)}
	family := "4"
	if l.Address.Addr().Is6() {
		family = "6"
	}
	switch l.Transport {
	case "udp":
		c, err := net.ListenUDP("udp"+family, net.UDPAddrFromAddrPort(l.Address))
		if err != nil {
			return nil, err
		}
		_ = c.SetReadBuffer(receiveBuffer) // the kernel gives what it may
		w.packets, w.local = a.edge.Packets(c), c.LocalAddr().(*net.UDPAddr).AddrPort()
	default:
		c, err := net.ListenTCP("tcp"+family, net.TCPAddrFromAddrPort(l.Address))
		if err != nil {
			return nil, err
		}
		w.local = c.Addr().(*net.TCPAddr).AddrPort()
		if l.Transport == "tcp" {
			w.streams = a.edge.Streams(c)
			break
		}
		if secure == nil {
			return nil, errors.Join(errors.New("there is no certificate"), c.Close())
		}
		w.streams = a.edge.Streams(tls.NewListener(c, secure))
	}
	w.local = netip.AddrPortFrom(w.local.Addr().Unmap(), w.local.Port())
	return w, nil
}

// nobody is a listener to which nobody can connect.
type nobody struct {
	done chan struct{}
	once sync.Once
}

func newNobody() *nobody { return &nobody{done: make(chan struct{})} }

func (n *nobody) Accept() (net.Conn, error) { <-n.done; return nil, net.ErrClosed }
func (n *nobody) Close() error              { n.once.Do(func() { close(n.done) }); return nil }
func (n *nobody) Addr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// enrol makes the socket known to sipgo before it is read, so that what we send first leaves by it too.
func (w *wire) enrol(tp *gosip.TransportLayer) {
	if w.packets != nil {
		at := w.local.String()
		tp.Pool("udp").Add(at, &gosip.UDPConnection{PacketConn: w.packets, PacketAddr: at, Listener: true})
	}
}

// serve reads the wire until it is closed.
func (w *wire) serve(tp *gosip.TransportLayer) error {
	switch w.transport {
	case "UDP":
		return w.packets.Serve(tp.ServeUDP)
	case "TCP":
		return w.streams.Serve(tp.ServeTCP)
	}
	return w.streams.Serve(tp.ServeTLS)
}

func (a *Agent) closeAll() {
	for _, w := range a.wires {
		if w.packets != nil {
			_ = w.packets.Close() // nothing is written to it any more
		}
		if w.streams != nil {
			_ = w.streams.Close()
		}
	}
}

// wireTo is the listener by which messages to a far end leave: of its transport and address family. Nil: there is none.
func (a *Agent) wireTo(transport string, peer netip.Addr) *wire {
	for _, w := range a.wires {
		if w.transport == transport && w.local.IsValid() && w.local.Addr().Is4() == peer.Unmap().Is4() {
			return w
		}
	}
	return nil
}

// where are the places to which a message to a host is sent, in order: of the families of addresses in which we listen, if it has any.
func (a *Agent) where(ctx context.Context, host string, port int, transport string) ([]netip.AddrPort, error) {
	places, err := a.hosts.where(ctx, host, port, transport)
	ours := slices.DeleteFunc(slices.Clone(places), func(place netip.AddrPort) bool {
		return !slices.ContainsFunc(a.wires, func(w *wire) bool { return w.local.IsValid() && w.local.Addr().Is4() == place.Addr().Is4() })
	})
	if len(ours) > 0 {
		return ours, nil
	}
	return places, err
}

// reach makes sure that there is a connection to a far end, where the transport needs one.
func (a *Agent) reach(ctx context.Context, transport string, place netip.AddrPort, host string) error {
	if transport == "UDP" {
		return nil
	}
	if c, err := a.ua.TransportLayer().GetConnection(transport, place.String()); err == nil {
		c.Ref(-1) // it was only counted; to let go of it as TryClose does would count below nothing where it has closed meanwhile
		return nil
	}
	var secure *tls.Config
	if transport == "TLS" {
		secure = &tls.Config{MinVersion: tls.VersionTLS12}
		if a.o.Roots != nil {
			secure = a.o.Roots.Clone()
		}
		if secure.ServerName == "" {
			secure.ServerName = strings.Trim(host, "[]")
		}
	}
	for _, w := range a.wires {
		if w.transport == transport {
			ctx, cancel := context.WithTimeout(ctx, connecting)
			defer cancel()
			return w.streams.Dial(ctx, place, secure)
		}
	}
	return fmt.Errorf("connect by %s: %w", transport, errors.ErrUnsupported)
}

// connecting is how long a connection may take.
const connecting = 5 * time.Second

// face is where a far end reaches us: for its Via and Contact, and for its media. The address is the external one, where there is one and
// the far end is not inside.
func (a *Agent) face(transport string, peer netip.Addr) (netip.AddrPort, error) {
	peer = peer.Unmap()
	port := uint16(gosip.DefaultPort(transport))
	w := a.wireTo(transport, peer)
	if w != nil {
		port = w.local.Port()
	}
	if a.o.External.IsValid() && a.o.External.Is4() == peer.Is4() && !inside(peer) {
		return netip.AddrPortFrom(a.o.External, port), nil
	}
	if w != nil && !w.local.Addr().IsUnspecified() {
		return w.local, nil
	}
	own, err := route(peer)
	return netip.AddrPortFrom(own, port), err
}

// inside says that an address is on this machine or in a private network: no translation of addresses lies before it.
func inside(a netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// shared are the addresses that a carrier's subscribers share behind its translation (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// route is our address on the interface that leads to a far end. Nothing is sent.
func route(peer netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, discard)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the way to %s: %w", peer, err)
	}
	own := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	_ = c.Close() // nothing was written to it
	return own, nil
}

// discard is a port to which nothing is sent (RFC 863).
const discard = 9
