package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"parley/control/assignee"
	"parley/control/dialer"
	"parley/control/lines"
	"parley/control/nodes"
	"parley/control/voice"
	"parley/media"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/twilio"
	"parley/store"
)

// line is what the office needs of the telephone.
type line struct {
	board     *pipeline.Switchboard
	carrier   pipeline.Carrier // nil: no calls are placed
	leg       string           // the kind of the legs that its calls come in by
	accepting func() bool
	admit     func(call string, agent store.Agent, ring time.Duration) bool // keeps a place for a call that is placed
	release   func(call string)
	draining  func() bool
	cost      func(call string) *store.Cost                  // of one that has ended, once
	trunk     func(org, id string) (pipeline.Carrier, error) // nil: no calls are placed by SIP
	giveUp    func(call string) bool                         // hangs up a call that is being placed so, or on WhatsApp
	letGo     func(ctx context.Context, call string) error   // leaves a call whose line was lost to another node

	trunkState func(id string) *lines.TrunkState   // nil: of none it is known
	relays     func(host string) []voice.ICEServer // for pages; nil: none
}

// follow has a call that is live here tell how far its agent is heard.
func (l line) follow(call string) (leave func()) {
	if c := l.board.Call(call); c != nil {
		return c.Follow()
	}
	return func() {} // it is over
}

// newDialer makes what carries out tasks.
func (o *office) newDialer(boot string, l line, live *hangUp, observe dialer.Observe) *dialer.Dialer {
	var own dialer.Accounts
	if o.cfg.PublicURL != "" || l.trunk != nil { // else no carrier could tell what becomes of a call
		own = o.accounts
	}
	o.accounts.trunk = l.trunk
	return dialer.New(dialer.Options{
		Store: o.store, Node: boot, Carrier: l.carrier, Accounts: own, Trunkless: l.trunk == nil, Leg: l.leg, LegOf: o.accounts.legOf, Observe: observe, Log: o.log,
		Accepting: l.accepting, Admit: l.admit, Release: l.release,
		Caller: func(org, agent string) string {
			if n := o.directory.Caller(org, agent); n != "" {
				return n
			}
			return o.cfg.CallerID
		},
		Chat: func(ctx context.Context, org, bot string) (string, error) { return o.channels.caller(ctx, org, bot) },
		HangUp: func(ctx context.Context, c store.Call) { // the carrier is asked too, whatever comes of it
			if err := live.anywhere(ctx, nodes.Cancel, c); err != nil && !errors.Is(err, nodes.ErrNotLive) {
				o.log.Warn("a call is ended by its carrier alone", "call", c.ID, "error", err)
			}
		},
		Rules: dialer.Rules{MaxCalls: o.cfg.DialCalls, CallsPerSecond: o.cfg.DialRate, RingSeconds: int(o.cfg.DialRing / time.Second)},
	})
}

// callID names a call: one that was placed, or asked about, has its name already.
func (s *server) callID(info media.Info) string {
	if token := info.Params[pipeline.TokenParam]; uuid.Validate(token) == nil {
		return token
	}
	if said, ok := s.office.pre.answer(info); ok {
		return said.Call
	}
	return store.NewID()
}

// beginPlaced is begin of a call that was placed for a task.
func (o *office) beginPlaced(ctx context.Context, call, token string, info media.Info, now time.Time) (store.Agent, media.Info, error) {
	if call != token {
		return store.Agent{}, info, errors.New("the call that was placed is live already")
	}
	plan, err := o.dialer.Answered(ctx, token)
	if err != nil {
		return store.Agent{}, info, err
	}
	if len(info.Owners) > 0 && !slices.Contains(info.Owners, plan.Task.Org) {
		return store.Agent{}, info, errors.New("the call came by an account that is not its organisation's")
	}
	row := plan.Agent
	row.StartingMessage, row.SystemPrompt = plan.Opening(), assignee.Prompt(row.SystemPrompt, plan.Task)
	o.opened(store.Call{
		ID: call, Org: plan.Task.Org, Agent: row.ID, AgentVersion: row.Version, Task: plan.Task.ID, Bot: plan.Task.Bot, Direction: store.Outbound,
		Status: store.InProgress, Leg: info.Kind, CarrierID: info.ID, From: info.From, To: info.To, Created: plan.Dial.Created, Answered: now,
	})
	info.Params = filled(plan.Slots(), info.Params)
	return row, info, nil
}

// expected says whether a call that asks what to do is wanted: each is that was not placed by us.
func (s *server) expected(ctx context.Context, carrierID string, owners []string, params url.Values) bool {
	token := params.Get(pipeline.TokenParam)
	if token == "" || s.guests.find(token, owners) != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := s.owns(ctx, owners, token)
	if err == nil {
		err = s.office.dialer.Expected(ctx, token, carrierID)
	}
	if err != nil {
		s.log.Warn("a placed call is not wanted", "call", token, "carrier_id", carrierID, "error", err)
	}
	return err == nil
}

// owns refuses what an organisation's own account says of a call that is another's.
func (s *server) owns(ctx context.Context, owners []string, token string) error {
	if len(owners) == 0 {
		return nil
	}
	org, err := s.office.dialer.Org(ctx, token)
	if err == nil && !slices.Contains(owners, org) {
		err = errors.New("it came by an account that is not its organisation's")
	}
	return err
}

// judged takes Twilio's word for who has answered a call that was placed. The call is told, on whichever node it is, as soon as it has begun.
func (s *server) judged(ctx context.Context, v stream.Verdict) {
	token, party := v.Params.Get(pipeline.TokenParam), twilio.Party(v.AnsweredBy)
	log := s.log.With("call", token, "carrier_id", v.CallSID, "answered_by", v.AnsweredBy)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	org, err := s.office.dialer.Org(ctx, token)
	if err == nil {
		err = s.owns(ctx, v.Owners, token)
	}
	again := time.NewTicker(250 * time.Millisecond) // its stream may be on its way
	defer again.Stop()
	for err == nil {
		var c store.Call
		if c, err = s.office.store.Call(ctx, org, token); err != nil || c.Status.Final() {
			break
		}
		err = s.office.calls.Do(ctx, c, pipeline.Command{Kind: pipeline.Identify, Text: string(party)})
		if !errors.Is(err, nodes.ErrNotLive) {
			break
		}
		select {
		case <-again.C:
			err = nil
		case <-ctx.Done():
		}
	}
	if err != nil {
		log.Warn("a call is not told who has answered it", "error", err)
		return
	}
	log.Info("the carrier says who has answered")
}

// progress takes a carrier's news of its calls, in words of its own that are read by state.
func (s *server) progress(state func(status string) pipeline.PlacedState) func(context.Context, stream.StatusUpdate) {
	return func(ctx context.Context, u stream.StatusUpdate) {
		p := pipeline.Placed{ID: u.CallSID, From: u.From, To: u.To, State: state(u.Status), Code: u.SIPCode}
		s.heard(ctx, u, p)
	}
}

// heard takes the news of a call.
func (s *server) heard(ctx context.Context, u stream.StatusUpdate, p pipeline.Placed) {
	s.log.Info("call status", "carrier_id", u.CallSID, "status", u.Status, "duration", u.Duration, "sip_code", u.SIPCode)
	token := u.Params.Get(pipeline.TokenParam)
	if p.State.Over() { // also of a call whose stream never came
		s.gate.Forget(u.CallSID)
		s.gate.Forget(token)
		s.resuming.over(u.CallSID)
	}
	if token == "" || s.guests.told(token, u.Owners, p) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // the carrier may not wait; what it said is kept all the same
	defer cancel()
	err := s.owns(ctx, u.Owners, token)
	if errors.Is(err, store.ErrNotFound) {
		return // nobody dialled it
	}
	if err == nil {
		err = s.office.dialer.Heard(ctx, token, p)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) { // a guest who has been here
		s.log.Warn("news of a call is not written down", "call", token, "carrier_id", u.CallSID, "error", err)
	}
}
