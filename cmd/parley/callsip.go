package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
	"parley/media/rtp"
	"parley/media/sip"
	"parley/media/sip/sdp"
)

// bySIP is how parley call calls by SIP.
type bySIP struct {
	SIP         string `name:"sip" help:"Call this address by SIP, in place of a webhook as Twilio: sip:+15550100002@127.0.0.1:5060, with ;transport=tcp or ;transport=tls where it is not UDP." placeholder:"URI"`
	SIPUser     string `name:"sip-username" help:"Name of the extension or trunk to call as; empty: the call is not signed." placeholder:"NAME"`
	SIPPassword string `name:"sip-password" help:"Its password." placeholder:"PASSWORD" var:"PARLEY_SIP_PASSWORD"`
	SIPRealm    string `name:"sip-realm" help:"The realm that is answered with it: Parley's." default:"parley"`
}

// A testLine is a user agent that places one call.
type testLine struct {
	order sip.Order
	agent *sip.Agent
	ports *rtp.Ports
	done  chan struct{}
}

// open makes a user agent for a call from a number to --sip.
func (o *bySIP) open(from string) (*testLine, error) {
	order, err := o.order(from)
	if err != nil {
		return nil, err
	}
	all := netip.IPv4Unspecified()
	if a, err := netip.ParseAddr(order.Trunk.Host); err == nil && a.Is6() {
		all = netip.IPv6Unspecified()
	}
	ports, err := rtp.NewPorts(rtp.PortsOptions{Bind: all, First: 20000, Last: 40000, Quarantine: time.Millisecond})
	if err != nil {
		return nil, fmt.Errorf("open ports of sound: %w", err)
	}
	agent, err := sip.New(sip.Options{
		Listen: []sip.Listener{{Transport: "udp", Address: netip.AddrPortFrom(all, 0)}},
		Ports:  ports, Codecs: narrow(), SRTP: sdp.Allow,
		Admit:  func(context.Context, sip.Incoming) sip.Verdict { return sip.Verdict{Status: gosip.StatusNotFound} },
		Answer: func(context.Context, media.Leg) {},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open SIP: %w", err), ports.Close())
	}
	l := &testLine{order: order, agent: agent, ports: ports, done: make(chan struct{})}
	go func() { // until close
		defer close(l.done)
		_ = agent.Run(context.Background()) // what comes of the call is told by it
	}()
	return l, nil
}

// narrow are the codecs whose sound has the rate of scripts.
func narrow() (all []sdp.Codec) {
	for _, c := range sdp.Codecs() {
		if strings.HasPrefix(c.Name, "PCM") {
			all = append(all, c)
		}
	}
	return all
}

// order is the call to --sip.
func (o *bySIP) order(from string) (sip.Order, error) {
	var to gosip.Uri
	if err := gosip.ParseUri(o.SIP, &to); err != nil || to.Scheme != "sip" || to.Host == "" || to.User == "" {
		return sip.Order{}, usageError{fmt.Errorf("--sip is %q: want an address such as sip:+15550100002@127.0.0.1:5060", o.SIP)}
	}
	transport, _ := to.UriParams.Get("transport")
	switch transport = strings.ToLower(transport); transport {
	case "":
		transport = "udp"
	case "udp", "tcp", "tls":
	default:
		return sip.Order{}, usageError{fmt.Errorf("--sip has transport %q: want udp, tcp or tls", transport)}
	}
	if (o.SIPUser == "") != (o.SIPPassword == "") {
		return sip.Order{}, usageError{errors.New("--sip-username and --sip-password: want both, or none")}
	}
	return sip.Order{
		Trunk: sip.Trunk{
			Name: "parley call", Host: strings.Trim(to.Host, "[]"), Port: to.Port, Transport: transport, Outbound: true,
			Username: o.SIPUser, Realm: o.SIPRealm, Password: func() (string, error) { return o.SIPPassword, nil },
		},
		From: from, To: to.User,
	}, nil
}

// dial places the call, and returns when it is answered.
func (l *testLine) dial(ctx context.Context) (media.Leg, error) {
	leg, err := l.agent.Dial(ctx, l.order)
	if err != nil {
		return nil, err
	}
	return leg, nil
}

// goodbye is how long the far end has to answer our BYE.
const goodbye = 5 * time.Second

// close hangs up what is left of the call.
func (l *testLine) close() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	l.agent.Close(ctx)
	<-l.done
	_ = l.ports.Close() // nobody listens there any more
}
