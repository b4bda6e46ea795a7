package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// guests are those who are being called for a caller, by a carrier that connects them to this server like any call. A token tells them.
//
//	pipeline.Parts.Dial ──▶ call ──Carrier.Place──▶ Twilio ──▶ rings ──▶ webhook: expects ──▶ stream: arrive ──▶ the leg
//	                                                   └── status: told ──▶ busy, nobody, ...
//
// Another node does not know them: there the carrier is told to hang up.
type guests struct {
	log *slog.Logger

	mu      sync.Mutex
	awaited map[string]*awaited // by token
}

// awaited is somebody whose telephone rings.
type awaited struct {
	org     string
	leg     chan media.Leg // 1
	refused chan error     // 1
}

// expect makes a token for somebody who is about to be called; forget ends that, and hangs up if they have come and nobody has taken their leg.
func (g *guests) expect(org string) (token string, a *awaited, forget func()) {
	token, a = store.NewID(), &awaited{org: org, leg: make(chan media.Leg, 1), refused: make(chan error, 1)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.awaited == nil {
		g.awaited = map[string]*awaited{}
	}
	g.awaited[token] = a
	return token, a, func() {
		g.mu.Lock()
		delete(g.awaited, token)
		g.mu.Unlock()
		select {
		case leg := <-a.leg:
			if err := leg.Hangup(media.CauseTransfer); err != nil {
				g.log.Warn("a guest for whom nobody waits is not hung up on", "carrier_id", leg.Info().ID, "error", err)
			}
		default:
		}
	}
}

// find is who has a token, if the accounts that tell of them may; nil: nobody.
func (g *guests) find(token string, owners []string) *awaited {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known(token, owners)
}

// known is find. The lock is held.
func (g *guests) known(token string, owners []string) *awaited {
	if a := g.awaited[token]; a != nil && (len(owners) == 0 || slices.Contains(owners, a.org)) {
		return a
	}
	return nil
}

// arrive hands over a leg to whoever waits for it, and returns when it is hung up; false: nobody waits.
func (g *guests) arrive(ctx context.Context, token string, leg media.Leg) bool {
	kept, gone := keepLeg(leg)
	if !g.hand(token, kept) {
		return false
	}
	select {
	case <-gone:
	case <-ctx.Done():
	}
	return true
}

// hand gives a leg to whoever waits for it, before they are forgotten or not at all; false: nobody does, or the carrier connects it twice.
func (g *guests) hand(token string, leg media.Leg) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.known(token, leg.Info().Owners)
	if a == nil {
		return false
	}
	select {
	case a.leg <- leg:
		return true
	default:
		return false
	}
}

// told takes the carrier's news of somebody; false: they are no guest of ours.
func (g *guests) told(token string, owners []string, p pipeline.Placed) bool {
	a := g.find(token, owners)
	if a == nil {
		return false
	}
	if p.State.Over() {
		select {
		case a.refused <- noAnswer(p.State):
		default:
		}
	}
	return true
}

// noAnswer is what a model may be told of a call that is over.
func noAnswer(s pipeline.PlacedState) error {
	switch s {
	case pipeline.PlacedBusy:
		return errors.New("the line is busy")
	case pipeline.PlacedNoAnswer, pipeline.PlacedCancelled:
		return errors.New("nobody has answered")
	case pipeline.PlacedHungUp:
		return errors.New("they have hung up")
	}
	return errors.New("they could not be reached")
}

// call has a carrier call somebody, and waits for their leg as long as ctx lasts.
func (g *guests) call(ctx context.Context, carrier pipeline.Carrier, org string, o pipeline.Order) (media.Leg, error) {
	token, a, forget := g.expect(org)
	defer forget()
	o.Token = token
	placed, err := carrier.Place(ctx, o)
	var no *pipeline.Refusal
	switch {
	case errors.As(err, &no):
		return nil, err
	case err != nil: // if it rings all the same, its webhook finds nobody who waits
		g.log.Warn("nobody is called for a caller", "error", err)
		return nil, errors.New("the carrier does not answer")
	}
	select {
	case leg := <-a.leg:
		return leg, nil
	case err := <-a.refused:
		return nil, err
	case <-ctx.Done():
	}
	forget()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := carrier.HangUp(last, placed.ID); err != nil {
		g.log.Warn("a telephone may go on ringing", "carrier_id", placed.ID, "error", err)
	}
	return nil, fmt.Errorf("wait for an answer: %w", context.Cause(ctx))
}

// keptLeg tells when it is hung up.
type keptLeg struct {
	media.Leg
	hungUp func()
}

// Hangup implements media.Leg.
func (l *keptLeg) Hangup(why media.Cause) error {
	defer l.hungUp()
	return l.Leg.Hangup(why)
}

// keepLeg is leg, with what else it can do towards a Playout, and when it is hung up.
func keepLeg(leg media.Leg) (kept media.Leg, gone <-chan struct{}) {
	end := make(chan struct{})
	l := &keptLeg{leg, sync.OnceFunc(func() { close(end) })}
	if m, ok := leg.(media.Marker); ok {
		return struct {
			*keptLeg
			media.Marker
		}{l, m}, end
	}
	return l, end
}
