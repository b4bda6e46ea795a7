package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/pipeline"
)

// orderTaker is a carrier that answers orders as it is told.
type orderTaker struct {
	restAccount
	answer error
}

func (o *orderTaker) Place(_ context.Context, order pipeline.Order) (pipeline.Placed, error) {
	if o.answer != nil {
		return pipeline.Placed{}, o.answer
	}
	return pipeline.Placed{ID: "sid-" + order.Token}, nil
}

// TestOrdering: what was asked for is found by its token and by its id, also where the answer is lost and the id comes later; what surely was not
// placed is forgotten, and so is what is too old.
func TestOrdering(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		taker := &orderTaker{}
		o := &ordering{restAccount: taker}
		place := func(token, to string, answer error) {
			taker.answer = answer
			_, err := o.Place(t.Context(), pipeline.Order{Token: token, From: "+918047491899", To: to, Asked: time.Now()})
			if !errors.Is(err, answer) {
				t.Errorf("%s: %v", token, err)
			}
		}
		finds := func(token, id, from, to, want string, wantAwaited bool) {
			t.Helper()
			order, ok, awaited := o.find(token, id, from, to)
			if order.Token != want || ok != (want != "") || awaited != wantAwaited {
				t.Errorf("%q, %q from %s to %s: %+v, %v", token, id, from, to, order, awaited)
			}
		}
		place("one", "+919876543210", nil)
		finds("", "sid-one", "", "", "one", false)
		finds("one", "whatever", "", "", "one", false)
		finds("", "sid-two", "+919876543210", "+918047491899", "", false) // somebody whom we have called calls back

		place("lost", "+919876543211", errors.New("the answer is lost"))
		finds("", "sid-lost", "09876543211", "08047491899", "", true)
		finds("", "sid-lost", "+918047491899", "+919876543211", "", true)
		finds("", "sid-lost", "+919876543212", "+918047491899", "", false)
		o.note("lost", "sid-lost")
		o.note("lost", "sid-other") // the first counts
		o.note("nobody", "sid-nobody")
		finds("", "sid-lost", "", "", "lost", false)
		finds("", "sid-other", "09876543211", "08047491899", "", false)

		place("refused", "+919876543213", &pipeline.Refusal{Message: "no"})
		place("untaken", "+919876543213", pipeline.ErrUntaken)
		finds("refused", "x", "+919876543213", "+918047491899", "", false)
		finds("untaken", "x", "+919876543213", "+918047491899", "", false)

		time.Sleep(remembered + time.Second)
		place("later", "+919876543214", nil)
		if left := slices.Collect(maps.Keys(o.orders)); len(left) != 1 || left[0] != "later" {
			t.Errorf("remembered: %v", left)
		}
	})
}

// TestExotelHouse: the account is there where all of its settings are, and its status URL has the applet's user and password, which nobody reads in the log.
func TestExotelHouse(t *testing.T) {
	t.Parallel()
	whole := func() *config {
		c := &config{PublicURL: "https://gw.example.net/"}
		c.ExotelAccountSID, c.ExotelAPIKey, c.ExotelAPIToken, c.ExotelAppID, c.ExotelStreamAuth = "acme1", "key", "token:with-colon", "926", "applet:16 characters long"
		return c
	}
	r := restOf(exotelKind)
	if at := r.at(whole(), ""); at.status != "https://applet:16%20characters%20long@gw.example.net/exotel/status" {
		t.Errorf("the status URL is %s", at.status)
	}
	if house := whole().restHouse(slog.New(slog.DiscardHandler)); len(house) != 1 || house[exotelKind] == nil || whole().diallingKind(house) != exotelKind {
		t.Errorf("the house has %v", house)
	}
	for what, without := range map[string]func(c *config){
		"API key": func(c *config) { c.ExotelAPIKey = "" }, "API token": func(c *config) { c.ExotelAPIToken = "" }, "app id": func(c *config) { c.ExotelAppID = "" },
		"user and password": func(c *config) { c.ExotelStreamAuth = "" }, "status URL": func(c *config) { c.PublicURL = "" },
	} {
		var said strings.Builder
		c := whole()
		without(c)
		if house := c.restHouse(slog.New(slog.NewTextHandler(&said, nil))); len(house) != 0 || !strings.Contains(said.String(), what) || strings.Contains(said.String(), "long") {
			t.Errorf("without its %s: %v, %s", what, house, said.String())
		}
	}
}
