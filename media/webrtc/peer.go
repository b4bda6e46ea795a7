package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"

	"parley/media/rtp"
)

// A Peer is a call with another server. SDP, Finish and the Leg's own Hangup may be called by any goroutine; all else by one.
type Peer struct {
	peers      *Peers
	path       *path
	candidates []candidate
	records    *rtp.Records
	leg        *Leg
	sdp        string
	ours       bool         // we have called
	offer      *offer       // what is agreed on
	far        *description // nil: not told yet
	active     bool         // we begin DTLS

	way  atomic.Pointer[ice.Conn]
	up   chan struct{} // closed when there is a way
	down chan struct{} // closed when there is none any more
	once struct{ up, down, over, closed sync.Once }
	over chan struct{} // closed when it is hung up

	mu      sync.Mutex
	conn    *dtls.Conn // nil: not yet
	running sync.WaitGroup
}

// SDP is what the far end is to be told: our offer, or our answer.
func (p *Peer) SDP() string { return p.sdp }

// Name says by which id the leg goes, where that was not known before the offer was told. It is called before Connect.
func (p *Peer) Name(id string) { p.leg.info.ID = id }

// describe writes it.
func (p *Peer) describe() string {
	d := description{
		offer: *p.offer, setup: "actpass", ssrc: p.leg.session.SSRC(), candidates: p.peers.told(p.candidates),
	}
	d.ice, d.print = p.path.ours, p.peers.certificate.Fingerprint()
	if !p.ours {
		d.setup = "passive"
		if p.active {
			d.setup = "active"
		}
	}
	return d.sdp()
}

// Answered takes the answer to our offer. Its errors are the far end's fault.
func (p *Peer) Answered(answer string) error {
	if !p.ours || p.far != nil {
		return errors.New("an answer, and no offer waits for one")
	}
	d, err := readDescription([]byte(answer), "answer")
	if err != nil {
		return err
	}
	p.offer, p.far, p.active = &d.offer, d, d.setup == "passive"
	return p.start(true)
}

// start seeks a way to the far end. Where it is the lite side or has answered, we control how (RFC 8445, section 6.1.1).
func (p *Peer) start(control bool) error {
	some := false
	for _, c := range p.far.remote {
		if at, err := netip.ParseAddr(c.Address()); p.peers.o.Reaches != nil && (err != nil || !p.peers.o.Reaches(at)) {
			continue
		}
		if err := p.path.agent.AddRemoteCandidate(c); err != nil {
			return fmt.Errorf("open ICE: %w", err)
		}
		some = true
	}
	if !some && len(p.far.remote) > 0 {
		return errors.New("open ICE: none of the far end's addresses may be sent to: they are private")
	}
	begin := p.path.agent.StartAccept
	if control {
		begin = p.path.agent.StartDial
	}
	var err error
	if p.path.conn, err = begin(p.far.ice.ufrag, p.far.ice.pwd); err != nil {
		return fmt.Errorf("open ICE: %w", err)
	}
	p.way.Store(p.path.conn)
	go p.path.read(p.take)
	return nil
}

// news is told by ICE how the way does.
func (p *Peer) news(s ice.ConnectionState) {
	switch s {
	case ice.ConnectionStateConnected:
		p.once.up.Do(func() { close(p.up) })
	case ice.ConnectionStateFailed:
		p.once.down.Do(func() { close(p.down) })
	default:
	}
}

// take tells what came apart (RFC 7983). It runs on the path's goroutine.
func (p *Peer) take(packet []byte) {
	if len(packet) > 0 && packet[0] >= 128 && packet[0] <= 191 {
		p.leg.session.Deliver(packet)
		return
	}
	p.records.Take(packet)
}

// write sends a packet. It does not wait.
func (p *Peer) write(packet []byte) error {
	conn := p.way.Load()
	if conn == nil {
		return errNoPath
	}
	_, err := conn.Write(packet)
	return err
}

// Connect waits for ICE and DTLS, and is the leg: nothing is sent before its first Send. It is called once.
func (p *Peer) Connect(ctx context.Context) (*Leg, error) {
	if p.far == nil {
		return nil, errors.New("connect: the offer has not been answered")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.peers.o.Limits.Connect, errors.New("it took too long"))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watched := make(chan struct{})
	defer func() { stop(nil); <-watched }()
	go func() {
		defer close(watched)
		select {
		case <-p.over:
			stop(errHungUp)
		case <-ctx.Done():
		}
	}()
	select {
	case <-p.up:
	case <-p.down:
		return nil, errors.New("connect: there is no way to the far end")
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for ICE: %w", context.Cause(ctx))
	}
	hands := rtp.Handshake{Certificate: p.peers.certificate, Theirs: p.far.print, Active: p.active}
	conn, keys, err := hands.Make(ctx, p.records, true, rtp.Logs(p.peers.o.Log))
	if err != nil {
		return nil, err
	}
	o := p.offer
	err = p.leg.session.Configure(rtp.Config{
		Codec: o.codec, Events: o.events, EventsClock: o.eventsClock, Direction: rtp.SendRecv, Keys: keys, Timeout: -1, KeepAlive: -1,
		Jitter: p.peers.o.Jitter, Rate: p.leg.info.Rate,
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	p.mu.Lock()
	p.conn = conn
	p.mu.Unlock()
	p.running.Go(func() { p.listen(conn) })
	p.running.Go(p.watch)
	return p.leg, nil
}

// listen waits for the far end to close its connection, which is the end of the call.
func (p *Peer) listen(conn net.Conn) {
	_, _ = io.Copy(io.Discard, conn)
	p.Finish()
}

// watch ends the call when the far end cannot be reached any more.
func (p *Peer) watch() {
	select {
	case <-p.down:
		p.leg.session.Finish(errLost)
	case <-p.over:
	}
}

// Finish says that the far end has hung up, as signalling tells: the leg ends.
func (p *Peer) Finish() { p.leg.session.Finish(io.EOF) }

// disconnect says goodbye to the far end.
func (p *Peer) disconnect() {
	p.once.over.Do(func() { close(p.over) })
	p.mu.Lock()
	conn := p.conn
	p.mu.Unlock()
	if conn != nil {
		_ = conn.Close() // who is not there cannot be told
	}
}

// Close hangs up, and lets go of all that is the call's. It may be called again.
func (p *Peer) Close() {
	_ = p.leg.Hangup("")
	p.once.closed.Do(func() {
		if p.path.conn == nil {
			close(p.path.closed) // nobody reads
		}
		p.path.close()
		_ = p.records.Close()
		p.running.Wait()
		p.peers.leave()
	})
}
