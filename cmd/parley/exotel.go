package main

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/exotel"
	"parley/store"
)

// exotelKind is the Kind of legs by Exotel, of which no organisation's own accounts are kept.
const exotelKind = "exotel"

// An ordering is an account whose carrier may tell no token when somebody has answered: it remembers what it was asked for on this node, and by which
// ids the carrier has that. What others were asked for, the database knows.
//
//	Place ──▶ orders: token ──answer, or a status──▶ id      stream: id ──▶ order
type ordering struct {
	restAccount

	mu     sync.Mutex
	orders map[string]*ordered // by token
	next   time.Time           // sweep
}

// ordered is a call that was asked for.
type ordered struct {
	pipeline.Order
	id string // the carrier's; empty: it is not known yet
}

// remembered is for how long an order is: longer than any number rings.
const remembered = 15 * time.Minute

// Place implements pipeline.Carrier.
func (o *ordering) Place(ctx context.Context, order pipeline.Order) (pipeline.Placed, error) {
	o.remember(order, time.Now())
	placed, err := o.restAccount.Place(ctx, order)
	var no *pipeline.Refusal
	switch {
	case err == nil:
		o.note(order.Token, placed.ID)
	case errors.As(err, &no) || errors.Is(err, pipeline.ErrUntaken):
		o.forget(order.Token)
	}
	return placed, err
}

// remember keeps an order, and lets go of those that are too old once a minute.
func (o *ordering) remember(order pipeline.Order, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.orders == nil {
		o.orders = map[string]*ordered{}
	}
	o.orders[order.Token] = &ordered{Order: order}
	if now.Before(o.next) {
		return
	}
	o.next = now.Add(time.Minute)
	for token, old := range o.orders {
		if now.Sub(old.Asked) > remembered {
			delete(o.orders, token)
		}
	}
}

func (o *ordering) forget(token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.orders, token)
}

// note says by which id the carrier has what was ordered.
func (o *ordering) note(token, id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if order := o.orders[token]; order != nil && order.id == "" {
		order.id = id
	}
}

// find is the order of a call, by its token or by its id. Awaited says that there is none, and that one of its numbers has been ordered whose id is
// still to come.
func (o *ordering) find(token, id, from, to string) (order pipeline.Order, ok, awaited bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, known := range o.orders {
		if known.Token == token || known.id == id {
			return known.Order, true, false
		}
		awaited = awaited || known.id == "" && (exotel.Same(known.To, from) && exotel.Same(known.From, to) || exotel.Same(known.To, to) && exotel.Same(known.From, from))
	}
	return pipeline.Order{}, false, awaited
}

// answerWait is how long a call that may be one of those under way waits for its order's answer, or for the news that it was answered.
const answerWait = 3 * time.Second

// whose is stream.Exotel's Order: a call by the order that this node remembers, or that the database has.
func (s *server) whose(o *ordering) func(context.Context, stream.Incoming) (stream.Incoming, bool) {
	return func(ctx context.Context, in stream.Incoming) (stream.Incoming, bool) {
		ctx, cancel := context.WithTimeout(ctx, answerWait)
		defer cancel()
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		token := in.Params.Get(pipeline.TokenParam)
		for {
			order, ok, awaited := o.find(token, in.CallSID, in.From, in.To)
			if !ok {
				order, ok = s.dialledBy(ctx, token, in.CallSID)
			}
			if ok {
				in.From, in.To, in.Params = order.From, order.To, url.Values{pipeline.TokenParam: {order.Token}}
				return in, true
			}
			if !awaited {
				return in, false
			}
			select {
			case <-again.C:
			case <-ctx.Done():
				return in, false
			}
		}
	}
}

// dialledBy is the order of a task's call, as the database has it.
func (s *server) dialledBy(ctx context.Context, token, id string) (pipeline.Order, bool) {
	dial, err := s.office.dialer.Dialled(ctx, token, id)
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			s.log.Warn("it cannot be looked up whether a call was placed", "carrier_id", id, "error", err)
		}
		return pipeline.Order{}, false
	}
	return pipeline.Order{Token: dial.Call, From: dial.From, To: dial.To}, true
}
