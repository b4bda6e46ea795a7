package webrtc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"

	"parley/media"
	"parley/media/opus"
	"parley/media/rtp"
)

// PeerOptions say where the sound of calls with other servers goes. All may be left out.
type PeerOptions struct {
	Host             string       // the one address of this machine that is used; "": all but loopback
	LeastPort, Ports uint16       // each call has a port of its own, one of so many from the least on; 0: any that is free
	Public           []netip.Addr // where others reach this machine, if that is none of its own addresses
	Jitter           rtp.Jitter
	// Reaches says whether an address that the far end names may be sent to; nil: any. Whoever signs an offer could have us knock anywhere.
	Reaches func(netip.Addr) bool
	Limits  Limits       // Body is not looked at
	Log     *slog.Logger // nil: silent
}

// Peers makes calls with other servers, such as Meta's of WhatsApp, where signalling carries offer and answer. They are the lite side of ICE, or
// may be: so we are its full side here, and speak first. Each call has a port of its own, since theirs is often one for all. Its methods may be
// called by any goroutine.
//
//	their offer ─▶ Answer ─▶ Peer.SDP, to be told ─▶ Peer.Connect: ICE, DTLS ─▶ Leg
//	Offer ─▶ Peer.SDP, to be told ─▶ their answer ─▶ Peer.Answered ─▶ Peer.Connect ─▶ Leg
type Peers struct {
	o           PeerOptions
	only        netip.Addr // zero: all addresses
	certificate *rtp.Certificate

	mu     sync.Mutex
	live   int
	closed bool
	left   sync.WaitGroup
}

// ErrFull is what Answer and Offer say where no further calls are taken.
var ErrFull = errors.New("no further calls are taken now")

// NewPeers checks the options. There must be Opus in this build.
func NewPeers(o PeerOptions) (*Peers, error) {
	p := &Peers{o: o}
	p.o.Limits = o.Limits.orDefaults()
	if o.Log == nil {
		p.o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ports == 0 && o.LeastPort != 0 || int(o.LeastPort)+int(o.Ports) > 65536 {
		return nil, fmt.Errorf("ports: %d from %d on: want a range below 65536", o.Ports, o.LeastPort)
	}
	if o.Host != "" {
		at, err := netip.ParseAddr(o.Host)
		if err != nil {
			return nil, fmt.Errorf("host %q: want an address", o.Host)
		}
		p.only = at.Unmap()
	}
	err := opus.Available()
	if err == nil {
		p.certificate, err = rtp.NewCertificate()
	}
	if err != nil {
		return nil, fmt.Errorf("open peers: %w", err)
	}
	return p, nil
}

// Answer takes an offer that came by signalling. What of the leg is known is given: its Kind, ID, From, To, Owners and Params. The Peer must be
// closed, and connected within Limits.Connect of being answered. An error that names an attribute is the far end's fault.
func (p *Peers) Answer(ctx context.Context, info media.Info, offer string) (*Peer, error) {
	d, err := readDescription([]byte(offer), "offer")
	if err != nil {
		return nil, err
	}
	peer, err := p.open(ctx, info)
	if err != nil {
		return nil, err
	}
	peer.offer, peer.far = &d.offer, d
	peer.active = d.setup != "active"
	peer.sdp = peer.describe()
	if err := peer.start(d.lite); err != nil {
		peer.Close()
		return nil, err
	}
	return peer, nil
}

// Offer begins a call of ours, whose Peer.SDP is to be told by signalling. The Peer must be closed.
func (p *Peers) Offer(ctx context.Context, info media.Info) (*Peer, error) {
	peer, err := p.open(ctx, info)
	if err != nil {
		return nil, err
	}
	peer.offer = &offer{
		audio: "audio", bundle: []string{"audio"}, codec: rtp.Codec{Name: "opus", PT: 111, Clock: opus.Clock}, events: 126, eventsClock: 8000,
	}
	peer.ours = true
	peer.sdp = peer.describe()
	return peer, nil
}

// enter counts a call; false: there are too many.
func (p *Peers) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.live >= p.o.Limits.Calls {
		return false
	}
	p.live++
	p.left.Add(1)
	return true
}

func (p *Peers) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live--
	p.left.Done()
}

// Live is how many calls there are, those that are not connected yet included.
func (p *Peers) Live() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live
}

// Close takes no further calls, and waits until all have been closed, or ctx ends.
func (p *Peers) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	done := make(chan struct{})
	go func() { p.left.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close: %d peers still connected: %w", p.Live(), context.Cause(ctx))
	}
}

// agent is the full side of ICE, on a port of its own.
func (p *Peers) agent() (*ice.Agent, error) {
	lost := p.o.Limits.Lost
	all := []ice.AgentOption{
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}), ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled), ice.WithDisconnectedTimeout(lost / 3), ice.WithFailedTimeout(lost - lost/3),
		ice.WithMaxBindingRequests(uint16(min(p.o.Limits.Connect/checkEvery, 1000))), ice.WithCheckInterval(checkEvery), //nolint:gosec // it is bounded
		ice.WithLoggerFactory(rtp.Logs(p.o.Log)), ice.WithIPFilter(p.uses),
	}
	if p.only.IsLoopback() {
		all = append(all, ice.WithIncludeLoopback())
	}
	if p.o.Ports > 0 {
		all = append(all, ice.WithPortRange(p.o.LeastPort, p.o.LeastPort+p.o.Ports-1))
	}
	return ice.NewAgentWithOptions(all...)
}

// checkEvery is how often the way is tried until there is one.
const checkEvery = 100 * time.Millisecond

// uses says whether an address of this machine is used.
func (p *Peers) uses(ip net.IP) bool {
	at, ok := netip.AddrFromSlice(ip)
	at = at.Unmap()
	return ok && !at.IsLinkLocalUnicast() && (p.only == netip.Addr{} || at == p.only)
}

// told are the candidates that the far end is told of: the public addresses in place of this machine's own, where there are any.
func (p *Peers) told(all []candidate) (told []candidate) {
	for _, public := range p.o.Public {
		for _, c := range all {
			if c.addr.Addr().Is4() == public.Is4() {
				told = append(told, candidate{addr: netip.AddrPortFrom(public, c.addr.Port())})
			}
		}
	}
	if len(told) == 0 {
		return all
	}
	return told
}

// open begins a call.
func (p *Peers) open(ctx context.Context, info media.Info) (*Peer, error) {
	if !p.enter() {
		return nil, ErrFull
	}
	agent, err := p.agent()
	if err != nil {
		p.leave()
		return nil, fmt.Errorf("open ICE: %w", err)
	}
	peer := &Peer{
		peers: p, path: &path{agent: agent, closed: make(chan struct{})}, up: make(chan struct{}), down: make(chan struct{}), over: make(chan struct{}),
	}
	info.Kind, info.Rate, info.Chunk, info.Comfort = cmp.Or(info.Kind, "webrtc"), 16000, media.FrameTime, true
	peer.leg = &Leg{info: info, session: rtp.Carry(peer.write), bye: peer.disconnect}
	peer.records = rtp.NewRecords(peer.write)
	err = agent.OnConnectionStateChange(peer.news)
	if err == nil {
		peer.candidates, err = peer.path.gather(ctx)
	}
	if err != nil {
		peer.Close()
		return nil, fmt.Errorf("open ICE: %w", err)
	}
	return peer, nil
}
