package main

import (
	"context"
	"errors"

	"parley/media"
	"parley/media/sip"
)

// ring calls an organisation's softphones of a username, all at once.
func (s *server) ring(ctx context.Context, org, username string, info media.Info) (media.Leg, error) {
	if s.sip == nil {
		return nil, errors.New("this server calls no extensions")
	}
	e, ok := s.office.directory.Extension(org, username)
	if !ok {
		return nil, errors.New("there is no extension " + username)
	}
	leg, err := s.sip.agent.Ring(ctx, e.ID, sip.Order{From: shownTo(info), Ring: longestRing})
	if err != nil {
		return nil, s.unanswered(err)
	}
	return leg, nil
}

// shownTo is who softphones see: the caller, or if those say nothing of themselves, the number that they have called.
func shownTo(info media.Info) string {
	theirs, ours := info.From, info.To
	if info.Outbound {
		theirs, ours = ours, theirs
	}
	for _, shown := range []string{theirs, ours} {
		if sip.Dialable(shown) {
			return shown
		}
	}
	return "anonymous"
}

// byTrunk calls somebody by the trunk that a call came by: its number's, or where that has none, as the call came from an extension, that of
// the number which the organisation calls from.
func (s *server) byTrunk(ctx context.Context, org, to string, info media.Info) (media.Leg, error) {
	t, from, err := s.trunkOf(org, info)
	if err != nil {
		return nil, err
	}
	leg, err := s.sip.agent.Dial(ctx, sip.Order{Trunk: t, From: from, To: to, Ring: longestRing})
	if err != nil {
		return nil, s.unanswered(err)
	}
	return leg, nil
}

// trunkOf is the trunk by which others are called for the sake of a call, and the number that they are shown.
func (s *server) trunkOf(org string, info media.Info) (t sip.Trunk, from string, err error) {
	from = oursOf(info)
	n, ok := s.office.directory.Number(org, from)
	if !ok || n.Trunk == "" {
		from = s.office.directory.Caller(org, "")
		n, _ = s.office.directory.Number(org, from)
	}
	for _, t := range s.sip.trunks.all() {
		if n.Trunk != "" && t.ID == n.Trunk && t.Org == org {
			return t, from, nil
		}
	}
	return t, "", errors.New("there is no trunk by which others can be called")
}

// refer is sip.Options.Refer: it judges a far end that asks us to go on with somebody else, as an organisation's own transfers are judged.
func (s *server) refer(ctx context.Context, info media.Info, to string) (by sip.Trunk, from string, err error) {
	if len(info.Owners) == 0 {
		return by, "", errors.New("the call is no organisation's")
	}
	org := info.Owners[0]
	if !info.Outbound {
		route, err := s.office.route(info)
		if err != nil {
			return by, "", errors.New("nobody knows whose call it is")
		}
		org = route.Org
	}
	if err := s.may(org)(ctx, to); err != nil {
		return by, "", err
	}
	return s.trunkOf(org, info)
}

// unanswered is what a model may be told of a call that was not answered; the log has the rest.
func (s *server) unanswered(err error) error {
	var f *sip.Failure
	switch {
	case errors.Is(err, sip.ErrNoPhone):
		return sip.ErrNoPhone
	case errors.As(err, &f):
		s.log.Info("a guest has not answered", "outcome", f.Outcome, "code", f.Code, "reason", f.Reason)
		return noAnswer(placedState(f.Outcome))
	}
	s.log.Info("a guest is not called", "error", err)
	return err
}
