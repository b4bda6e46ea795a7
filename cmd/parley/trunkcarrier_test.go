package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/control/dialer"
	"parley/control/nodes"
	"parley/media"
	"parley/media/sip"
	"parley/pipeline"
	"parley/store"
)

// dialsAway is a store that cannot be reached, until it can: then it knows of no dial.
type dialsAway struct {
	dialer.Store
	back bool
}

func (d *dialsAway) Dial(context.Context, string) (store.Dial, error) {
	if d.back {
		return store.Dial{}, store.ErrNotFound
	}
	return store.Dial{}, store.ErrUnavailable
}

// TestTrunkNewsIsKept: what becomes of a call by a trunk while the database is away can be looked up until it is written down, or for an hour.
func TestTrunkNewsIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &dialsAway{}
		s := &server{log: slog.New(slog.DiscardHandler), quality: newLineQuality(prometheus.NewRegistry()), sip: &switchroom{},
			office: &office{dialer: dialer.New(dialer.Options{Store: db})}}
		c := &trunkCarrier{room: s.sip}
		end := func(token string) {
			s.trunkEnded(sip.End{Answered: time.Now(), Info: media.Info{ID: "call of " + token, Params: map[string]string{pipeline.TokenParam: token}}})
		}
		for _, token := range []string{"one", "two"} {
			s.sip.placed.note(token, pipeline.Placed{ID: "call of " + token, State: pipeline.PlacedAnswered})
			end(token)
			if how, err := c.Look(t.Context(), "call of "+token); err != nil || how.State != pipeline.PlacedHungUp {
				t.Errorf("%s is over, and nobody has been told: %+v, %v", token, how, err)
			}
		}
		if n := s.sip.placed.going(); n != 0 {
			t.Errorf("%d calls go on", n)
		}
		db.back = true
		end("one")
		if _, err := c.Look(t.Context(), "call of one"); !errors.Is(err, pipeline.ErrNoCall) {
			t.Errorf("everybody knows that one is over: %v", err)
		}
		time.Sleep(2 * keepOver)
		s.sip.placed.note("three", pipeline.Placed{ID: "3", State: pipeline.PlacedRinging})
		if len(s.sip.placed.all) != 1 || s.sip.placed.going() != 1 {
			t.Errorf("kept: %+v", s.sip.placed.all)
		}
	})
}

// TestGiveUp: a call that is being placed from here is ended by who wants it cancelled; other orders are for calls that are live.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	var given []string
	h := &hangUp{board: &pipeline.Switchboard{}, giveUp: func(call string) bool { given = append(given, call); return call == "here" }}
	for _, c := range []struct {
		order nodes.Order
		want  error
	}{
		{nodes.Order{Act: nodes.Cancel, Call: "here"}, nil},
		{nodes.Order{Act: nodes.Cancel, Call: "elsewhere"}, nodes.ErrNotLive},
		{nodes.Order{Act: nodes.End, Call: "here"}, nodes.ErrNotLive},
	} {
		if err := h.here(t.Context(), c.order); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.order, err)
		}
	}
	if len(given) != 2 {
		t.Errorf("given up: %v", given)
	}
}

// TestStrangeOrders: what a newer node may ask is refused, and hangs up on nobody.
func TestStrangeOrders(t *testing.T) {
	t.Parallel()
	for _, o := range []nodes.Order{{Act: "whisper"}, {Act: nodes.Do}, {}} {
		if c, known := commandOf(o); known {
			t.Errorf("%+v is taken for %+v", o, c)
		}
	}
	for want, o := range map[pipeline.CommandKind]nodes.Order{
		pipeline.HangUp: {Act: nodes.End}, pipeline.Unbridge: {Act: nodes.Do, Command: &pipeline.Command{Kind: pipeline.Unbridge}},
	} {
		if c, known := commandOf(o); !known || c.Kind != want {
			t.Errorf("%+v is taken for %+v", o, c)
		}
	}
}
