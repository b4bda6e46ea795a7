package edge

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Sealed are the options of a sipgo user agent that neither connects nor looks anything up by itself. Left alone, sipgo answers a request whose connection
// is gone by looking up and dialling whatever the request's Via names, which may be a machine that only we can reach. Who calls somebody
// looks him up himself, sets the request's destination to an address, and calls Streams.Dial where it goes by TCP or TLS.
func Sealed() []sipgo.UserAgentOption {
	tcp := func() *sip.TransportTCP { return &sip.TransportTCP{DialerCreate: noDial} }
	return []sipgo.UserAgentOption{
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerTransports(sip.TransportsConfig{TCP: tcp(), TLS: &sip.TransportTLS{TransportTCP: tcp()}})),
		sipgo.WithUserAgentDNSResolver(&net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errSealed }}),
	}
}

var errSealed = errors.New("sipgo opens no connections of its own: see edge.Sealed")

// noDial is a dialer that refuses when its socket is about to connect.
func noDial(net.Addr) net.Dialer {
	return net.Dialer{Control: func(string, string, syscall.RawConn) error { return errSealed }}
}
