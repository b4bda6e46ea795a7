package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
)

// conferring is an account whose calls can be put into a room.
type conferring struct {
	restAccount
	err   error
	asked []string
}

func (c *conferring) Confer(_ context.Context, caller, other string) error {
	c.asked = append(c.asked, caller+" and "+other)
	return c.err
}

// TestConnect: two calls of one account are connected by it, others by us; a model is told why not, and nothing of what is no business of its own.
func TestConnect(t *testing.T) {
	t.Parallel()
	lost := func(why error) error { return fmt.Errorf("%w: %w", media.ErrOtherGone, why) }
	no := &pipeline.Refusal{Code: 21218, Message: "Invalid Twiml"}
	inside := errors.New("dial tcp 10.0.0.1:443: refused")
	for name, c := range map[string]struct {
		other media.Info
		err   error
		asked bool
		want  string
		gone  bool
	}{
		"connected":             {media.Info{Kind: "twilio"}, nil, true, "<nil>", false},
		"on a softphone":        {media.Info{Kind: "sip"}, nil, false, media.ErrNoTransfer.Error(), false},
		"of another account":    {media.Info{Kind: "twilio", Owners: []string{"acme"}}, nil, false, media.ErrNoTransfer.Error(), false},
		"refused":               {media.Info{Kind: "twilio"}, no, true, no.Error(), false},
		"out of reach":          {media.Info{Kind: "twilio"}, inside, true, "the carrier does not answer", false},
		"lost, being refused":   {media.Info{Kind: "twilio"}, lost(no), true, "they are no longer there: " + no.Error(), true},
		"lost, being gone":      {media.Info{Kind: "twilio"}, lost(pipeline.ErrNoCall), true, "they are no longer there: the carrier knows no such call", true},
		"lost, nobody says why": {media.Info{Kind: "twilio"}, lost(inside), true, "they are no longer there: the carrier does not answer", true},
	} {
		account := &conferring{err: c.err}
		s := &server{log: slog.New(slog.DiscardHandler), cfg: &config{}, house: map[string]restAccount{"twilio": account}}
		c.other.ID = "CA2"
		leg, _ := legtest.New(legtest.Line{Info: c.other})
		err := s.connect("acme", media.Info{Kind: "twilio", ID: "CA1"})(t.Context(), leg)
		if fmt.Sprint(err) != c.want || errors.Is(err, media.ErrOtherGone) != c.gone {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if asked := len(account.asked) == 1 && account.asked[0] == "CA1 and CA2"; asked != c.asked {
			t.Errorf("%s: asked for %q", name, account.asked)
		}
	}
	if !sameAccount("acme", []string{"acme"}, []string{"bolt", "acme"}) || sameAccount("acme", []string{"acme"}, nil) || sameAccount("acme", []string{"acme"}, []string{"bolt"}) {
		t.Error("an organisation's own account is not told from others")
	}
	none := &server{cfg: &config{}, house: map[string]restAccount{}}
	if none.connect("acme", media.Info{Kind: "twilio"}) != nil || none.connect("acme", media.Info{Kind: "sip"}) != nil {
		t.Error("a carrier that cannot be asked is")
	}
}
