package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
)

// ringing is a carrier whose calls ring, and do what a test says.
type ringing struct {
	pipeline.Carrier
	placed func(o pipeline.Order)
	err    error
	hungUp []string
}

func (r *ringing) Place(_ context.Context, o pipeline.Order) (pipeline.Placed, error) {
	if r.err != nil {
		return pipeline.Placed{}, r.err
	}
	if r.placed != nil {
		go r.placed(o)
	}
	return pipeline.Placed{ID: "CA2"}, nil
}

func (r *ringing) HangUp(_ context.Context, id string) error {
	r.hungUp = append(r.hungUp, id)
	return nil
}

// TestGuests: whoever is called arrives as a leg by their token, once, and by the accounts of their organisation alone; or it is told why not.
func TestGuests(t *testing.T) {
	t.Parallel()
	g := &guests{log: slog.New(slog.DiscardHandler)}
	over := func(state pipeline.PlacedState, owners ...string) func(pipeline.Order) {
		return func(o pipeline.Order) {
			g.told(o.Token, owners, pipeline.Placed{State: pipeline.PlacedRinging})
			g.told(o.Token, owners, pipeline.Placed{State: state})
		}
	}
	for name, c := range map[string]struct {
		carrier ringing
		want    string
		hungUp  int
	}{
		"busy":              {ringing{placed: over(pipeline.PlacedBusy)}, "the line is busy", 0},
		"nobody":            {ringing{placed: over(pipeline.PlacedNoAnswer, "acme")}, "nobody has answered", 0},
		"not reached":       {ringing{placed: over(pipeline.PlacedFailed)}, "could not be reached", 0},
		"hung up":           {ringing{placed: over(pipeline.PlacedHungUp)}, "they have hung up", 0},
		"another's account": {ringing{placed: over(pipeline.PlacedBusy, "bolt")}, "wait for an answer", 1},
		"no answer":         {ringing{}, "wait for an answer", 1},
		"refused":           {ringing{err: &pipeline.Refusal{Code: 21211, Message: "no such number"}}, "no such number", 0},
		"carrier is down":   {ringing{err: errors.New("dial tcp 10.0.0.1: refused")}, "the carrier does not answer", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := g.call(ctx, &c.carrier, "acme", pipeline.Order{From: "+1", To: "+2"})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "10.0.0.1") || len(c.carrier.hungUp) != c.hungUp {
				t.Errorf("%s: %v, hung up %v", name, err, c.carrier.hungUp)
			}
			if len(g.awaited) > 0 {
				t.Errorf("%s: a token is left", name)
			}
		})
	}
}

// TestGuestArrives: the stream is kept until the call hangs up on it; a second one of the same token is nobody's.
func TestGuestArrives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &guests{log: slog.New(slog.DiscardHandler)}
		stream := func() media.Leg {
			leg, _ := legtest.New(legtest.Line{Info: media.Info{ID: "CA2", Owners: []string{"acme"}}, Marks: true})
			return leg
		}
		ended := make(chan bool, 1)
		carrier := &ringing{placed: func(o pipeline.Order) {
			second := g.find(o.Token, nil)
			ended <- g.arrive(t.Context(), o.Token, stream())
			if second == nil || g.arrive(t.Context(), o.Token, stream()) {
				t.Error("a token is good twice")
			}
		}}
		leg, err := g.call(t.Context(), carrier, "acme", pipeline.Order{})
		if err != nil {
			t.Fatal(err)
		}
		if _, marks := leg.(media.Marker); !marks {
			t.Error("the leg's marks are lost")
		}
		synctest.Wait()
		if len(ended) > 0 {
			t.Fatal("the stream is let go of while it is used")
		}
		for range 2 {
			if err := leg.Hangup(media.CauseTransfer); err != nil {
				t.Error(err)
			}
		}
		if !<-ended {
			t.Error("it was nobody's")
		}
		synctest.Wait()
	})
}

// slow is a carrier that answers only when what it has placed has done all that it will.
type slow struct {
	ringing
	first func(o pipeline.Order)
}

func (s *slow) Place(ctx context.Context, o pipeline.Order) (pipeline.Placed, error) {
	s.first(o)
	return s.ringing.Place(ctx, o)
}

// TestGuestComesTooEarly: a stream that comes before the carrier has answered for the call is not left open, whatever the carrier says then.
func TestGuestComesTooEarly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		over bool
	}{
		"the answer is lost":         {errors.New("i/o timeout"), false},
		"the call is refused":        {&pipeline.Refusal{Message: "no"}, false},
		"they have hung up again":    {nil, true},
		"it is lost, and they too":   {errors.New("i/o timeout"), true},
		"they are there, and remain": {nil, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := &guests{log: slog.New(slog.DiscardHandler)}
			for range 20 { // of two that are ready, either may be taken
				let := make(chan bool, 1)
				carrier := &slow{ringing: ringing{err: c.err}, first: func(o pipeline.Order) {
					stream, _ := legtest.New(legtest.Line{Info: media.Info{ID: "CA2", Owners: []string{"acme"}}})
					go func() { let <- g.arrive(t.Context(), o.Token, stream) }()
					synctest.Wait()
					if c.over {
						g.told(o.Token, nil, pipeline.Placed{State: pipeline.PlacedHungUp})
					}
				}}
				leg, err := g.call(t.Context(), carrier, "acme", pipeline.Order{})
				if err == nil {
					err = leg.Hangup(media.CauseTransfer)
				} else if c.err == nil && !c.over {
					t.Errorf("%s: %v", name, err)
				}
				synctest.Wait()
				if len(let) == 0 {
					t.Fatalf("%s: the stream stays open: %v", name, err)
				}
			}
		})
	}
}
