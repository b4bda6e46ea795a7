package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"parley/media/sip"
	"parley/pipeline"
	"parley/store"
)

// placedCalls are those that were placed by SIP from here and are not forgotten yet, by their tokens.
type placedCalls struct {
	mu  sync.Mutex
	all map[string]placedCall
}

// A placedCall is one of them.
type placedCall struct {
	pipeline.Placed
	noted time.Time
}

// keepOver is how long a call is kept that is over and of which nobody could be told: then whoever asks learns that it is gone.
const keepOver = time.Hour

// note writes down how a call stands.
func (p *placedCalls) note(token string, how pipeline.Placed) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string]placedCall{}
	}
	maps.DeleteFunc(p.all, func(_ string, c placedCall) bool { return c.State.Over() && now.Sub(c.noted) > keepOver })
	p.all[token] = placedCall{how, now}
}

// name says by which id a call goes that was noted, if it is not over yet.
func (p *placedCalls) name(token, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if how, ok := p.all[token]; ok {
		how.ID = id
		p.all[token] = how
	}
}

// forget lets go of a call of whose end everybody knows.
func (p *placedCalls) forget(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, token)
}

// find is a call by its token, or else by its id.
func (p *placedCalls) find(token, id string) (pipeline.Placed, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if how, ok := p.all[token]; ok {
		return how.Placed, true
	}
	for _, how := range p.all {
		if id != "" && how.ID == id {
			return how.Placed, true
		}
	}
	return pipeline.Placed{}, false
}

// going is how many ring, or talk.
func (p *placedCalls) going() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, how := range p.all {
		if !how.State.Over() {
			n++
		}
	}
	return n
}

// trunkCarrier places an organisation's calls by a SIP trunk of its own. It is a pipeline.Carrier, and this node's: what another node has
// placed it knows nothing of, and is not asked about (store.OverdueDials) before that node is gone.
type trunkCarrier struct {
	room  *switchroom
	trunk sip.Trunk
	told  func(token string, n sip.News, o pipeline.Order)
}

// Place implements pipeline.Carrier. The call's INVITE is not waited for.
func (c *trunkCarrier) Place(_ context.Context, o pipeline.Order) (pipeline.Placed, error) {
	how := pipeline.Placed{From: o.From, To: o.To, State: pipeline.PlacedRinging, Made: time.Now()}
	c.room.placed.note(o.Token, how) // the call is here from now on, though nothing has been heard of it
	id, err := c.room.agent.Place(sip.Order{
		Trunk: c.trunk, From: o.From, To: o.To, Ring: o.Ring, Params: map[string]string{pipeline.TokenParam: o.Token},
		Told: func(n sip.News) { c.told(o.Token, n, o) },
	})
	if err != nil {
		c.room.placed.forget(o.Token)
	}
	switch {
	case errors.Is(err, sip.ErrClosed):
		return how, fmt.Errorf("%w: %w", pipeline.ErrUntaken, err)
	case err != nil:
		return how, &pipeline.Refusal{Message: err.Error()}
	}
	c.room.placed.name(o.Token, id)
	how.ID = id
	return how, nil
}

// Find implements pipeline.Carrier.
func (c *trunkCarrier) Find(_ context.Context, o pipeline.Order) ([]pipeline.Placed, error) {
	if how, ok := c.room.placed.find(o.Token, ""); ok {
		return []pipeline.Placed{how}, nil
	}
	return nil, nil
}

// Look implements pipeline.Carrier.
func (c *trunkCarrier) Look(_ context.Context, id string) (pipeline.Placed, error) {
	if how, ok := c.room.placed.find("", id); ok {
		return how, nil
	}
	return pipeline.Placed{}, pipeline.ErrNoCall
}

// HangUp implements pipeline.Carrier.
func (c *trunkCarrier) HangUp(_ context.Context, id string) error {
	c.room.agent.HangUp(id)
	return nil
}

// trunkCarrier is a trunk of an organisation's that calls are placed by.
func (s *server) trunkCarrier(org, id string) (pipeline.Carrier, error) {
	if s.sip == nil {
		return nil, errNoSIP
	}
	for _, t := range s.sip.trunks.all() {
		if t.ID == id && t.Org == org {
			return &trunkCarrier{room: s.sip, trunk: t, told: s.trunkTold}, nil
		}
	}
	return nil, fmt.Errorf("%w: the trunk that the call is to be placed by is not known", store.ErrUnavailable)
}

// giveUp hangs up a call that is being placed by SIP or on WhatsApp from here, by its token; false: there is none such.
func (s *server) giveUp(token string) bool {
	if s.chats.giveUp(token, "") {
		return true
	}
	if s.sip == nil {
		return false
	}
	how, ok := s.sip.placed.find(token, "")
	if !ok || how.State.Over() {
		return false
	}
	s.sip.agent.HangUp(how.ID)
	return true
}

var errNoSIP = errors.New("the number to call from is reached by a SIP trunk: this server places no calls by SIP (PARLEY_SIP_LISTEN)")

// trunkTold takes news of a call that is being placed by SIP. It is called on the call's own goroutine, before the agent speaks.
func (s *server) trunkTold(token string, n sip.News, o pipeline.Order) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	how := pipeline.Placed{ID: n.ID, From: o.From, To: o.To, State: pipeline.PlacedRinging, Made: o.Asked}
	switch {
	case n.Leg != nil:
		how.State = pipeline.PlacedAnswered
		if err := s.office.dialer.Expected(ctx, token, n.ID); err != nil {
			s.log.Warn("a placed call is not wanted", "call", token, "carrier_id", n.ID, "error", err)
			s.sip.agent.HangUp(n.ID)
		}
	case n.Failure != nil:
		how.State, how.Code = placedState(n.Failure.Outcome), n.Failure.Code
		s.gate.Forget(token)
	}
	s.sip.placed.note(token, how)
	s.heardOf(ctx, token, how)
}

// trunkEnded is told of the end of every leg by SIP: of one that we have placed, the dialer is told too.
func (s *server) trunkEnded(e sip.End) {
	if !e.Answered.IsZero() {
		s.quality.note(e.Quality)
		q := e.Quality
		s.log.Debug("sound of a leg", "leg", "sip", "carrier_id", e.Info.ID, "received", q.Received, "lost", q.Lost, "late", q.Late, "sent", q.Sent, "refused", q.Refused,
			"foreign", q.Foreign, "bad", q.Bad, "unopened", q.Unopened) // of a call, "call ended" tells the rest
	}
	token := e.Info.Params[pipeline.TokenParam]
	if token == "" {
		s.gate.Forget(strings.SplitN(e.Info.ID, "/", 2)[0])
		return
	}
	if e.Answered.IsZero() {
		return // why is told by its Failure
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	how := pipeline.Placed{ID: e.Info.ID, From: e.Info.From, To: e.Info.To, State: pipeline.PlacedHungUp}
	s.sip.placed.note(token, how)
	s.heardOf(ctx, token, how)
}

// heardOf tells the dialer how a call stands. If that cannot be written down, the dialer looks it up later.
func (s *server) heardOf(ctx context.Context, token string, how pipeline.Placed) {
	if err := s.office.dialer.Heard(ctx, token, how); err != nil {
		s.log.Warn("news of a call is not written down", "call", token, "carrier_id", how.ID, "error", err)
		return
	}
	if how.State.Over() {
		s.sip.placed.forget(token)
	}
}

// placedState is an outcome in the dialer's words. docs/sip.md has the table.
func placedState(o sip.Outcome) pipeline.PlacedState {
	switch o {
	case sip.Answered:
		return pipeline.PlacedAnswered
	case sip.Busy, sip.Declined:
		return pipeline.PlacedBusy
	case sip.NoAnswer:
		return pipeline.PlacedNoAnswer
	case sip.Cancelled:
		return pipeline.PlacedCancelled
	}
	return pipeline.PlacedFailed
}
