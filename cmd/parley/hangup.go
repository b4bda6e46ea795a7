package main

import (
	"context"
	"errors"

	"parley/control/dialer"
	"parley/control/nodes"
	"parley/control/records"
	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// hangUp ends calls, and gives them commands, on whichever node they live.
//
//	API ──▶ End, Cancel, Do ─▶ here ─────────────▶ the call's goroutine
//	                   ├──▶ nodes.Node.Tell ──▶ here, on the call's node
//	                   └──▶ dialer.Cancel ────▶ the carrier, of calls that are being placed
type hangUp struct {
	board  *pipeline.Switchboard
	dialer *dialer.Dialer
	node   *nodes.Node
	giveUp func(call string) bool  // hangs up a call that is being placed by SIP or on WhatsApp from here; false: there is none such; nil: none is
	news   func(nodes.Order) error // of calls on messaging channels that are held here
	letGo  func(ctx context.Context, call string) error
}

// Quality is how the sound of a call travels that is live here; nil: it is not, or its leg does not say.
func (h *hangUp) Quality(call string) *store.Quality {
	c := h.board.Call(call)
	if c == nil {
		return nil
	}
	q, ok := c.Quality()
	if !ok {
		return nil
	}
	return records.Quality(&q)
}

// End asks a call to say goodbye now: it ends with cause agent. One that is only being placed is cancelled.
func (h *hangUp) End(ctx context.Context, c store.Call) error { return h.finish(ctx, nodes.End, c) }

// Cancel ends a call at once, with cause cancelled.
func (h *hangUp) Cancel(ctx context.Context, c store.Call) error {
	return h.finish(ctx, nodes.Cancel, c)
}

// Do gives a call a command.
func (h *hangUp) Do(ctx context.Context, c store.Call, cmd pipeline.Command) error {
	return h.reach(ctx, nodes.Order{Act: nodes.Do, Call: c.ID, Command: &cmd}, c)
}

func (h *hangUp) finish(ctx context.Context, how nodes.Act, c store.Call) error {
	if err := h.anywhere(ctx, how, c); !errors.Is(err, nodes.ErrNotLive) {
		return err
	}
	if err := h.dialer.Cancel(ctx, c.ID); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nodes.ErrNotLive
}

// anywhere ends a call that lives on this node or another.
func (h *hangUp) anywhere(ctx context.Context, how nodes.Act, c store.Call) error {
	return h.reach(ctx, nodes.Order{Act: how, Call: c.ID}, c)
}

// reach has an order carried out where the call lives.
func (h *hangUp) reach(ctx context.Context, o nodes.Order, c store.Call) error {
	err := h.here(ctx, o)
	if !errors.Is(err, nodes.ErrNotLive) || c.Boot == "" || c.Status.Final() {
		return err
	}
	return h.node.Tell(ctx, c.Boot, o)
}

// here carries out an order on a call that lives on this node, or is being placed from it.
func (h *hangUp) here(ctx context.Context, o nodes.Order) error {
	if o.Act == nodes.News {
		return h.news(o)
	}
	if o.Act == nodes.LetGo {
		return h.letGo(ctx, o.Call)
	}
	c := h.board.Call(o.Call)
	if c == nil && o.Act == nodes.Cancel && h.giveUp != nil && h.giveUp(o.Call) {
		return nil
	}
	if c == nil {
		return nodes.ErrNotLive
	}
	if o.Act == nodes.Cancel {
		c.Stop(media.CauseCancelled)
		return nil
	}
	order, known := commandOf(o)
	if !known {
		return &nodes.Refusal{Reason: "the call's node does not know this order"}
	}
	switch err := c.Do(ctx, order); {
	case errors.Is(err, pipeline.ErrEnded):
		return nodes.ErrNotLive
	case err != nil && ctx.Err() == nil:
		return &nodes.Refusal{Reason: err.Error()}
	default:
		return err
	}
}

// commandOf is what a call is told for an order; false: it is none that we know, as of a newer node.
func commandOf(o nodes.Order) (c pipeline.Command, known bool) {
	switch {
	case o.Act == nodes.End:
		return pipeline.Command{Kind: pipeline.HangUp}, true
	case o.Act == nodes.Do && o.Command != nil:
		return *o.Command, true
	}
	return c, false
}
