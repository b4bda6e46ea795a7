package webrtc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
)

// A path is one way to the browser that ICE has found, or seeks. A call has one; while ICE restarts, also the one that is to come.
type path struct {
	agent  *ice.Agent
	conn   *ice.Conn
	ours   credentials
	closed chan struct{} // its reader has ended

	connected, failed bool // guarded by the wire
}

// doors are where browsers come in: the same for all calls.
type doors struct {
	udp *port
	tcp ice.TCPMux // nil: no TCP
	log logging.LoggerFactory
}

// options are an agent's. The time after which a silent browser is lost is split into the two that it knows.
func (d doors) options(lost time.Duration) []ice.AgentOption {
	networks := []ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}
	all := []ice.AgentOption{
		ice.WithICELite(true), ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled), ice.WithIncludeLoopback(), ice.WithUDPMux(d.udp),
		ice.WithDisconnectedTimeout(lost / 3), ice.WithFailedTimeout(lost - lost/3), ice.WithLoggerFactory(d.log),
	}
	if d.tcp != nil {
		networks = append(networks, ice.NetworkTypeTCP4, ice.NetworkTypeTCP6)
		all = append(all, ice.WithTCPMux(d.tcp), ice.WithDisableActiveTCP())
	}
	return append(all, ice.WithNetworkTypes(networks))
}

// newPath opens a way for the browser that has the credentials, and says where it leads. Changed is called from some goroutine when the path
// is connected or has failed; it must not block.
func (d doors) newPath(ctx context.Context, theirs credentials, lost time.Duration, changed func(*path, ice.ConnectionState)) (*path, []candidate, error) {
	agent, err := ice.NewAgentWithOptions(d.options(lost)...)
	if err != nil {
		return nil, nil, fmt.Errorf("open ICE: %w", err)
	}
	p := &path{agent: agent, closed: make(chan struct{})}
	all, err := p.gather(ctx)
	if err == nil {
		err = agent.OnConnectionStateChange(func(s ice.ConnectionState) { changed(p, s) })
	}
	if err == nil {
		p.conn, err = agent.StartAccept(theirs.ufrag, theirs.pwd)
	}
	if err != nil {
		_ = agent.Close()
		return nil, nil, fmt.Errorf("open ICE: %w", err)
	}
	return p, all, nil
}

// gather finds out where we are reached, and has the doors let the browser in.
func (p *path) gather(ctx context.Context) (all []candidate, err error) {
	if p.ours.ufrag, p.ours.pwd, err = p.agent.GetLocalUserCredentials(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	if err := p.agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(done)
		}
	}); err != nil {
		return nil, err
	}
	if err := p.agent.GatherCandidates(); err != nil {
		return nil, err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	found, err := p.agent.GetLocalCandidates()
	if err != nil {
		return nil, err
	}
	for _, c := range found {
		addr, err := netip.ParseAddr(c.Address())
		if err != nil || c.Port() == 0 {
			continue
		}
		all = append(all, candidate{netip.AddrPortFrom(addr.Unmap(), uint16(c.Port())), c.NetworkType().IsTCP()}) //nolint:gosec // a port
	}
	if len(all) == 0 {
		return nil, errors.New("there is no address at which this server is reached")
	}
	return all, nil
}

// read hands all that comes to take, until the path is closed.
func (p *path) read(take func(packet []byte)) {
	defer close(p.closed)
	var b [maxDatagram]byte
	for {
		n, err := p.conn.Read(b[:])
		if errors.Is(err, errShortBuffer) {
			continue // longer than any packet of ours
		}
		if err != nil {
			return
		}
		take(b[:n])
	}
}

// close ends the path, and waits until nothing of it runs.
func (p *path) close() {
	_ = p.agent.GracefulClose() // it has nothing to say that anybody could do something about
	<-p.closed
}
