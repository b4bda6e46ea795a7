package whatsapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"parley/media"
	"parley/media/webrtc"
	"parley/providers/message"
)

// An Order is a call to a person, who must have allowed it.
type Order struct {
	Line message.Line
	To   message.Party
	Info media.Info    // what is known of the leg; its ID, From and To are the call's
	Tag  string        // comes back with what Meta tells of the call; no two calls have one
	Ring time.Duration // for which it may ring; zero: a minute
	// Made is told Meta's id of the call, once there is one; Taken is asked, when the person has taken it and before Talk, whether it is still
	// wanted. Either may be nil.
	Made  func(id string)
	Taken func(ctx context.Context, id string) error
}

// Place calls a person, holds the call, and returns when it is over: nil if there was a talk. ErrRefused and ErrUnanswered say that the person did
// not want it, or did not take it; a *message.Error what Meta has against it. If Meta's answer is lost the call goes on as soon as something is told
// of it by its tag.
func (c *Calls) Place(ctx context.Context, n *Number, order Order) error {
	info := order.Info
	info.From, info.To = order.Line.Number, order.To.Address()
	peer, err := c.Peers.Offer(ctx, info)
	if err != nil {
		return fmt.Errorf("place call: %w", err)
	}
	defer peer.Close()
	o := newOngoing()
	tag := key(order.Tag, info.Owners)
	if order.Tag != "" {
		c.await(tag, o)
		defer c.unawait(tag)
	}
	id, err := n.request(ctx, order, peer.SDP())
	if e := message.As(err); e != nil && e.Unsure() && order.Tag != "" {
		id, err = o.hear(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("place call: %w", err)
	}
	if !c.known(key(id, info.Owners), o) {
		return &message.Error{Reason: message.Garbled, Message: "the answer names a call that there was already"}
	}
	defer c.end(key(id, info.Owners))
	peer.Name(id)
	if order.Made != nil {
		order.Made(id)
	}
	going, stop := o.follow(ctx, peer)
	defer stop()
	leg, err := o.ring(going, peer, cmp.Or(order.Ring, ringTime))
	if err == nil && order.Taken != nil {
		err = order.Taken(going, id)
	}
	switch {
	case o.ended():
		return o.why()
	case err != nil:
		return errors.Join(err, n.bye(ctx, id, n.Terminate))
	}
	c.Talk(ctx, leg)
	if o.ended() {
		return nil
	}
	_ = leg.Hangup("")
	return n.bye(ctx, id, n.Terminate)
}

// request asks Meta for a call, and hears the answer to its end, whatever becomes of ctx: what has been asked for is to be hung up.
func (n *Number) request(ctx context.Context, order Order, offer string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	return n.Connect(ctx, order.To, offer, order.Tag)
}

// await has a call be told what comes with a tag.
func (c *Calls) await(tag string, o *ongoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tags == nil {
		c.tags = make(map[string]*ongoing)
	}
	c.tags[tag] = o
}

func (c *Calls) unawait(tag string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tags, tag)
}

// known makes a call of ours known by its key; false: there is such a call, or was.
func (c *Calls) known(id string, o *ongoing) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if before := c.past[id]; c.live[id] != nil || before != nil && before.over {
		return false
	}
	c.adopt(id, o)
	return true
}

// hear waits until something is told of a call of which it is not known whether there is one, which is its id then; lost is why.
func (o *ongoing) hear(ctx context.Context, lost error) (string, error) {
	late := time.NewTimer(lostTime)
	defer late.Stop()
	select {
	case id := <-o.id:
		return id, nil
	case <-late.C:
	case <-ctx.Done():
	}
	return "", lost
}

// why says why a call of ours has ended that nobody took.
func (o *ongoing) why() error {
	switch {
	case o.end.Step == message.CallRejected:
		return ErrRefused
	case len(o.end.Errors) > 0:
		return o.end.Errors[0]
	}
	return ErrUnanswered
}

// ring waits until a person has accepted our call, and there is a way to them.
func (o *ongoing) ring(ctx context.Context, peer *webrtc.Peer, limit time.Duration) (leg *webrtc.Leg, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrUnanswered)
	defer cancel()
	for accepted := false; leg == nil || !accepted; {
		select {
		case n := <-o.news:
			switch {
			case n.Step == message.CallAccepted:
				accepted = true
			case n.Step == message.CallAnswered && leg == nil:
				if err := peer.Answered(n.SDP); err != nil {
					return nil, fmt.Errorf("take answer: %w", err)
				}
				if leg, err = peer.Connect(ctx); err != nil {
					return nil, fmt.Errorf("take answer: %w", err)
				}
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the person: %w", context.Cause(ctx))
		}
	}
	return leg, nil
}
