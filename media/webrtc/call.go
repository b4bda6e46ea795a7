package webrtc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"

	"github.com/pion/dtls/v3"

	"parley/media"
	"parley/media/rtp"
)

// A call is one that a browser has opened, from its offer until nothing of it is left. Its goroutine is run's.
//
//	offer ─▶ ICE ─▶ DTLS ─▶ Options.Answer ─▶ over
type call struct {
	server *Server
	secret string   // the last part of its URL
	token  [32]byte // a hash of what opened it
	grant  Grant
	offer  *offer
	wire   *wire
	leg    *Leg
	hung   context.Context //nolint:containedctx // done when the leg is hung up: it is the call's life
	hangUp context.CancelCauseFunc

	patching sync.Mutex // held by PATCH
	theirs   credentials
	restarts int

	mu   sync.Mutex
	conn *dtls.Conn // nil: not yet
	over bool
}

// newCall makes the call of an offer, and what is answered to it.
func (s *Server) newCall(ctx context.Context, id, token string, g Grant, o *offer) (*call, *answer, error) {
	c := &call{server: s, secret: newSecret(), token: sha256.Sum256([]byte(token)), grant: g, offer: o, theirs: o.ice}
	c.hung, c.hangUp = context.WithCancelCause(context.WithoutCancel(ctx))
	c.wire = newWire(s.doors, s.o.Limits.Lost, func(b []byte) { c.leg.session.Deliver(b) })
	c.leg = &Leg{session: rtp.Carry(c.wire.write), bye: c.disconnect, info: media.Info{
		Kind: "webrtc", ID: id, Rate: 8000, Chunk: media.FrameTime, Owners: []string{g.Owner}, From: g.From, Params: g.Params,
	}}
	if isOpus(o.codec) {
		c.leg.info.Rate = 16000
	}
	c.leg.channel = &channel{waiting: make(chan []byte, maxWaiting), log: s.doors.log, take: func(text []byte) { s.message(c.leg, text) }}
	ours, at, err := c.wire.open(ctx, o.ice)
	if err != nil {
		c.close()
		return nil, nil, err
	}
	return c, &answer{offer: o, ice: ours, print: s.certificate.Fingerprint(), candidates: s.advertised(ctx, at), ssrc: c.leg.session.SSRC()}, nil
}

// etag names the present generation of ICE.
func (c *call) etag() string { return strconv.Quote("ice-" + strconv.Itoa(c.restarts+1)) }

// opened says whether a token is the one that opened the call.
func (c *call) opened(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], c.token[:]) == 1
}

// run holds the call, and ends all of it.
func (c *call) run(ctx context.Context) {
	defer c.close()
	open, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.hung, func() { cancel(context.Cause(c.hung)) })()
	log := c.server.o.Log.With("leg", "webrtc", "carrier_id", c.leg.info.ID)
	conn, err := c.connect(open)
	if err != nil {
		c.server.Stats.Unconnected.Add(1)
		log.Info("a browser has not come", "error", err)
		return
	}
	var served sync.WaitGroup
	served.Go(func() { c.listen(conn) })
	served.Go(func() { c.watch(open) })
	defer served.Wait()
	defer func() { _ = c.leg.Hangup("") }()
	log.Info("browser connected", "codec", c.offer.codec.Name, "direction", c.offer.direction.String(), "messages", c.offer.data != "")
	c.server.answer(ctx, c.leg, log)
	log.LogAttrs(ctx, slog.LevelInfo, "browser let go", slog.Int("ice_restarts", c.restartsSoFar()), slog.Float64("mos", c.leg.Quality().MOS))
}

func (c *call) restartsSoFar() int {
	c.patching.Lock()
	defer c.patching.Unlock()
	return c.restarts
}

// connect waits for the browser, and agrees with it on keys.
func (c *call) connect(ctx context.Context) (*dtls.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.server.o.Limits.Connect, errors.New("it took too long"))
	defer cancel()
	select {
	case <-c.wire.up:
	case <-c.wire.down:
		return nil, errLost
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for ICE: %w", context.Cause(ctx))
	}
	hands := rtp.Handshake{Certificate: c.server.certificate, Theirs: c.offer.print}
	conn, keys, err := hands.Make(ctx, c.wire.records, true, c.server.doors.log)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.conn = conn
	over := c.over
	c.mu.Unlock()
	if over {
		return nil, errors.Join(context.Cause(ctx), conn.Close())
	}
	if err := c.leg.session.Configure(c.agreement(keys)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// agreement is what offer, answer and handshake come to. Silence is not a loss: ICE knows whether the browser is there.
func (c *call) agreement(keys *rtp.Keys) rtp.Config {
	codec := c.offer.codec
	if isOpus(codec) {
		codec.Fmtp += ";usedtx=1" // ours to decide: nobody need hear our silence
	}
	return rtp.Config{
		Codec: codec, Events: c.offer.events, Direction: c.offer.direction, Keys: keys, Timeout: -1, KeepAlive: -1,
		Jitter: c.server.o.Jitter, Rate: c.leg.info.Rate,
	}
}

// listen serves the data channel, or only waits; it returns when the browser has closed its connection, which is the end of the call.
func (c *call) listen(conn net.Conn) {
	defer c.leg.session.Finish(io.EOF)
	if c.offer.data != "" {
		c.leg.channel.run(conn)
		return
	}
	_, _ = io.Copy(io.Discard, conn)
}

// watch ends the call when the browser cannot be reached any more, or the server stops.
func (c *call) watch(ctx context.Context) {
	select {
	case <-c.wire.down:
		c.leg.session.Finish(errLost)
	case <-ctx.Done():
	}
}

// disconnect says goodbye to the browser.
func (c *call) disconnect() {
	c.mu.Lock()
	conn := c.conn
	c.over = true
	c.mu.Unlock()
	if conn != nil {
		_ = conn.Close() // who is not there cannot be told
	}
	c.hangUp(errHungUp)
}

// end is the browser's goodbye by HTTP.
func (c *call) end() {
	c.leg.session.Finish(io.EOF)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		c.hangUp(errGone)
	}
}

var (
	errHungUp = errors.New("hung up")
	errGone   = errors.New("the page has given up")
)

// close lets go of all that is the call's.
func (c *call) close() {
	_ = c.leg.Hangup("")
	c.wire.close()
}
