package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/control/dialer"
	"parley/media"
	"parley/media/sip"
	"parley/pipeline"
	"parley/pipeline/tool"
)

// overSIP is the Kind of the legs that transfer by REFER, where the far end lets them.
const overSIP = "sip"

// ways are how the callers of a leg can be connected to somebody else. A page has no carrier that could.
func (s *server) ways(info media.Info) tool.Ways {
	blind := info.Kind == overSIP || s.leadsByREST(info)
	return tool.Ways{Blind: blind, Join: s.dial("", info) != nil}
}

// may is pipeline.Parts.May of an organisation's calls: its own rules for those that it places.
func (s *server) may(org string) func(context.Context, string) error {
	return func(ctx context.Context, to string) error {
		err := s.office.dialer.MayConnect(ctx, org, to)
		if no := (*dialer.Unfit)(nil); err == nil || errors.As(err, &no) {
			return err
		}
		s.log.Warn("it cannot be looked up whether a number may be called", "error", err)
		return errors.New("it cannot be looked up whether the number may be called")
	}
}

// byREST says whether the carrier of a media stream can be asked for more.
func (s *server) byREST(info media.Info) bool {
	if restOf(info.Kind) == nil {
		return false
	}
	return len(info.Owners) > 0 && s.cfg.PublicURL != "" || s.house[info.Kind] != nil
}

// leadsByREST says whether that carrier leads live calls elsewhere.
func (s *server) leadsByREST(info media.Info) bool { return s.byREST(info) && !restOf(info.Kind).stays }

// transfer is pipeline.Parts.Transfer of a call of an organisation; nil: its carrier cannot be asked.
func (s *server) transfer(org string, info media.Info) func(context.Context, string) error {
	switch {
	case !s.byREST(info):
		return nil
	case !s.leadsByREST(info): // they are called instead
		return func(context.Context, string) error { return media.ErrNoTransfer }
	}
	return func(ctx context.Context, to string) error {
		if strings.HasPrefix(to, sip.LinePrefix) {
			return media.ErrNoTransfer // the carrier does not know our extensions
		}
		account, err := s.account(org, info)
		if err != nil {
			return err
		}
		dial := pipeline.Onward{To: to}
		if info.Outbound { // whom we have called is not to be shown as who calls
			dial.CallerID = info.From
		}
		return s.plainly(account.Transfer(ctx, info.ID, dial), info)
	}
}

// plainly is what a model may be told of why a carrier does not transfer a call.
func (s *server) plainly(err error, info media.Info) error {
	var no *pipeline.Refusal
	switch {
	case err == nil || errors.Is(err, media.ErrNoTransfer):
		return err
	case errors.As(err, &no):
		return no
	case errors.Is(err, pipeline.ErrNoCall):
		return pipeline.ErrNoCall
	}
	s.log.Warn("a call is not transferred", "carrier_id", info.ID, "error", err)
	return errors.New("the carrier does not answer") // what exactly, is no model's business
}

// A conferrer is a restAccount that has two of its calls talk with each other, without us.
type conferrer interface {
	Confer(ctx context.Context, caller, other string) error
}

// connect is pipeline.Parts.Connect of a call of an organisation; nil: its carrier cannot be asked.
func (s *server) connect(org string, info media.Info) func(context.Context, media.Leg) error {
	if !s.byREST(info) {
		return nil
	}
	return func(ctx context.Context, other media.Leg) error {
		account, err := s.account(org, info)
		if err != nil {
			return err
		}
		with := other.Info()
		c, ok := account.(conferrer)
		if !ok || with.Kind != info.Kind || !sameAccount(org, info.Owners, with.Owners) {
			return media.ErrNoTransfer
		}
		err = c.Confer(ctx, info.ID, with.ID)
		plain := s.plainly(err, info)
		if errors.Is(err, media.ErrOtherGone) {
			return fmt.Errorf("%w: %w", media.ErrOtherGone, plain)
		}
		return plain
	}
}

// sameAccount says whether two calls came by the account that a call of an organisation has: the server's own, or one of its own.
func sameAccount(org string, of, other []string) bool {
	if len(of) == 0 {
		return len(other) == 0
	}
	return slices.Contains(other, org)
}

// dial is pipeline.Parts.Dial of a call of an organisation; nil: nobody can be called. Its softphones are called wherever it came by
// ("ext:anna"), everybody else by the account or the trunk that the call came by.
func (s *server) dial(org string, info media.Info) func(context.Context, string) (media.Leg, error) {
	outside := s.outside(org, info)
	if outside == nil && s.sip == nil {
		return nil
	}
	return func(ctx context.Context, to string) (media.Leg, error) {
		switch name, ext := strings.CutPrefix(to, sip.LinePrefix); {
		case ext:
			return s.ring(ctx, org, name, info)
		case outside == nil:
			return nil, errors.New("only extensions can be called on this call")
		}
		return outside(ctx, to)
	}
}

// outside calls those who are no softphones of ours; nil: they cannot be called.
func (s *server) outside(org string, info media.Info) func(context.Context, string) (media.Leg, error) {
	switch {
	case info.Kind == overSIP && s.sip != nil:
		return func(ctx context.Context, to string) (media.Leg, error) { return s.byTrunk(ctx, org, to, info) }
	case s.byREST(info) && s.cfg.PublicURL != "":
		return func(ctx context.Context, to string) (media.Leg, error) {
			account, err := s.account(org, info)
			if err != nil {
				return nil, err
			}
			return s.guests.call(ctx, account, org, pipeline.Order{From: oursOf(info), To: to, Ring: longestRing, Asked: time.Now()})
		}
	}
	return nil
}

// longestRing is how long a carrier lets a guest's telephone ring; most are given up on before (pipeline.Join.Ring).
const longestRing = 3 * time.Minute

// oursOf is our own number of a call.
func oursOf(info media.Info) string {
	if info.Outbound {
		return info.From
	}
	return info.To
}

// account is by whose account a call came: its organisation's, or the server's.
func (s *server) account(org string, info media.Info) (restAccount, error) {
	if house, ok := s.house[info.Kind]; ok && len(info.Owners) == 0 {
		return house, nil
	}
	c, ok := s.office.accounts.carrierCredential(org, oursOf(info), info.Kind)
	if !ok {
		s.log.Warn("a call's account is no longer there", "carrier_id", info.ID, "org", org)
		return nil, errUnusable
	}
	account, err := s.office.accounts.rest(c)
	if err != nil {
		s.log.Warn("a call's account cannot be used", "carrier_id", info.ID, "error", err)
		return nil, errUnusable
	}
	return account, nil
}

// errUnusable is what a model may be told of an account.
var errUnusable = errors.New("the account that the call came by cannot be used")
