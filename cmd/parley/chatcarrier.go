package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/control/bots"
	"parley/control/dialer"
	"parley/control/voice"
	"parley/media"
	"parley/pipeline"
	channel "parley/providers/message"
	"parley/providers/whatsapp"
	"parley/store"
)

// chatCarrier places calls from a bot's number on WhatsApp. It is a pipeline.Carrier, and this node's, as a trunkCarrier is.
type chatCarrier struct {
	*chatCalls
	org    string
	number *whatsapp.Number
	desk   *dialer.Dialer
}

// A chatRing is a call of ours that rings, or is talked on.
type chatRing struct {
	id     string // Meta's; empty: there is none yet
	hangUp context.CancelCauseFunc
}

// errGivenUp is why a call of ours ends that somebody has cancelled.
var errGivenUp = errors.New("the call was cancelled")

// chatCarrier is the number of a bot by which calls are placed.
func (s *server) chatCarrier(org, id string) (pipeline.Carrier, error) {
	if s.chats == nil {
		return nil, fmt.Errorf("%w: this server takes part in no calls on WhatsApp", store.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	b, err := s.office.store.Bot(ctx, org, id)
	if err != nil {
		return nil, fmt.Errorf("find the bot that calls: %w", err)
	}
	w := bots.ChannelOf(b)
	if w == nil || w.Provider != bots.Meta {
		return nil, errors.New("the bot that calls has no number at Meta")
	}
	n, err := s.chats.lines.number(b, w)
	if err != nil {
		return nil, err
	}
	return &chatCarrier{chatCalls: s.chats, org: org, number: n, desk: s.office.dialer}, nil
}

// caller is the number from which a bot calls. Its error is a *dialer.Unfit if there is none.
func (c *channels) caller(ctx context.Context, org, id string) (string, error) {
	b, err := c.bots.Bot(ctx, org, id)
	if errors.Is(err, store.ErrNotFound) {
		return "", &dialer.Unfit{Message: "the bot that is to call is gone"}
	}
	if err != nil {
		return "", fmt.Errorf("read bot: %w", err)
	}
	if why := bots.NoCaller(b); why != "" {
		return "", &dialer.Unfit{Message: "the bot cannot call", Fields: map[string]string{"bot_id": why}}
	}
	return bots.ChannelOf(b).Number, nil
}

// A chatAnswer is what came of asking Meta for a call.
type chatAnswer struct {
	how pipeline.Placed
	err error
}

// Place implements pipeline.Carrier. Who has not allowed it is not called; whether they are asked is for the order to say.
func (c *chatCarrier) Place(ctx context.Context, o pipeline.Order) (pipeline.Placed, error) {
	how := pipeline.Placed{From: o.From, To: o.To, State: pipeline.PlacedRinging, Made: time.Now()}
	may, err := c.number.Allowance(ctx, channel.Party{Number: o.To})
	if err != nil {
		return how, unplaced(err, true)
	}
	if !may.MayCall {
		return how, c.ask(ctx, o, may)
	}
	answer := make(chan chatAnswer, 1)
	if !c.begin(func(ctx context.Context) { c.ring(ctx, o, how, answer) }) {
		return how, fmt.Errorf("%w: the server stops", pipeline.ErrUntaken)
	}
	select {
	case a := <-answer:
		return a.how, a.err
	case <-ctx.Done():
		return how, fmt.Errorf("place call: %w", context.Cause(ctx))
	}
}

// ring holds a call of ours from when Meta is asked for it, which is answered, to its end.
func (c *chatCarrier) ring(ctx context.Context, o pipeline.Order, how pipeline.Placed, answer chan<- chatAnswer) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.rang(o.Token, &chatRing{hangUp: cancel})
	defer c.rang(o.Token, nil)
	made := false
	err := c.Calls.Place(ctx, c.number, whatsapp.Order{
		Line: channel.Line{ID: c.number.ID, Number: o.From}, To: channel.Party{Number: o.To}, Tag: o.Token, Ring: o.Ring,
		Info: media.Info{Kind: chatLeg, Outbound: true, Owners: []string{c.org}, Params: map[string]string{pipeline.TokenParam: o.Token}},
		Made: func(id string) {
			made, how.ID = true, id
			c.rang(o.Token, &chatRing{id, cancel})
			c.placed.note(o.Token, how)
			c.hold(ctx, c.org, id) // for news that do not bring the token back
			answer <- chatAnswer{how: how}
		},
		Taken: func(ctx context.Context, id string) error {
			how.State = pipeline.PlacedAnswered
			c.placed.note(o.Token, how)
			return c.desk.Expected(ctx, o.Token, id)
		},
	})
	if !made {
		answer <- chatAnswer{how, unplaced(err, false)}
		return
	}
	talked := how.State == pipeline.PlacedAnswered
	how.State, how.Reason = c.outcome(ctx, err)
	if !talked {
		c.forget(o.Token)
	}
	c.placed.note(o.Token, how)
	c.told(ctx, o.Token, how)
}

// rang notes a call of ours, or that it is over: nil.
func (c *chatCalls) rang(token string, r *chatRing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rings == nil {
		c.rings = map[string]*chatRing{}
	}
	if r == nil {
		delete(c.rings, token)
		return
	}
	c.rings[token] = r
}

// giveUp hangs up a call of ours, by its token, or else by Meta's id; false: there is none such here.
func (c *chatCalls) giveUp(token, id string) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rings[token]
	for _, other := range c.rings {
		if r == nil && id != "" && other.id == id {
			r = other
		}
	}
	if r != nil {
		r.hangUp(errGivenUp)
	}
	return r != nil
}

// going is how many calls of ours ring, or are talked on.
func (c *chatCalls) going() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.rings)
}

// outcome is how a call of ours has ended, and why it has failed.
func (c *chatCarrier) outcome(ctx context.Context, err error) (pipeline.PlacedState, string) {
	switch e := channel.As(err); {
	case err == nil:
		return pipeline.PlacedHungUp, ""
	case errors.Is(err, whatsapp.ErrRefused):
		return pipeline.PlacedBusy, ""
	case errors.Is(err, whatsapp.ErrUnanswered):
		return pipeline.PlacedNoAnswer, ""
	case errors.Is(context.Cause(ctx), errGivenUp), errors.Is(err, dialer.ErrOver):
		return pipeline.PlacedCancelled, ""
	case ctx.Err() != nil:
		return pipeline.PlacedFailed, "the server stopped"
	case e != nil:
		return pipeline.PlacedFailed, e.Error()
	default:
		c.log.WarnContext(ctx, "a call on WhatsApp went wrong", "org", c.org, "error", err)
		return pipeline.PlacedFailed, ""
	}
}

// told tells the dialer how a call stands. If that cannot be written down, the dialer looks it up later.
func (c *chatCarrier) told(ctx context.Context, token string, how pipeline.Placed) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := c.desk.Heard(ctx, token, how); err != nil {
		c.log.WarnContext(ctx, "news of a call is not written down", "call", token, "carrier_id", how.ID, "error", err)
		return
	}
	c.placed.forget(token)
}

// unplaced is why there is no call, in the dialer's words. Only what was merely looked at may be lost without a doubt.
func unplaced(err error, looked bool) error {
	e := channel.As(err)
	switch {
	case e == nil:
		return &pipeline.Refusal{Message: err.Error()}
	case e.Reason == channel.NoConsent:
		return &pipeline.Unpermitted{Message: noConsent}
	case e.Retry, e.Reason == channel.Unconnected, looked && e.Unsure():
		return fmt.Errorf("%w: %w", pipeline.ErrUntaken, err)
	case e.Unsure():
		return err
	}
	return &pipeline.Refusal{Code: e.Code, Message: strings.TrimSuffix(e.Error(), fmt.Sprintf(" (code %d)", e.Code))}
}

const (
	noConsent   = "the person has not allowed to be called on WhatsApp"
	consentTime = 72 * time.Hour // for which somebody is waited for who has been asked
)

// ask asks somebody whether they may be called, if that is wanted, and says that they may not now.
func (c *chatCarrier) ask(ctx context.Context, o pipeline.Order, may whatsapp.Allowance) error {
	no := &pipeline.Unpermitted{Message: noConsent}
	var p voice.Permission
	if o.Permission == "" || json.Unmarshal([]byte(o.Permission), &p) != nil {
		return no
	}
	if !may.MayAsk {
		no.Message += ", and may not be asked now"
		return no
	}
	m := channel.Outgoing{To: channel.Party{Number: o.To}}
	if t := p.Template; t != nil {
		m.Template = &channel.Template{Name: t.Name, Language: t.Language}
		if len(t.Body) > 0 {
			body := channel.Part{Type: "body"}
			for _, text := range t.Body {
				body.Values = append(body.Values, channel.Value{Text: text})
			}
			m.Template.Parts = []channel.Part{body}
		}
	} else {
		m.Menu = &channel.Menu{Body: p.Text, AskCall: true}
	}
	if _, err := c.number.Send(ctx, &m); err != nil {
		if e := channel.As(err); e == nil || !e.Unsure() {
			no.Message += ", and cannot be asked: " + err.Error()
			return no
		}
	}
	no.Message += " yet: they have been asked"
	no.Until = time.Now().UTC().Add(consentTime)
	return no
}

// Find implements pipeline.Carrier.
func (c *chatCarrier) Find(_ context.Context, o pipeline.Order) ([]pipeline.Placed, error) {
	if how, ok := c.placed.find(o.Token, ""); ok {
		return []pipeline.Placed{how}, nil
	}
	return nil, nil
}

// Look implements pipeline.Carrier. What is not held here has no sound, whatever Meta thinks: it is ended.
func (c *chatCarrier) Look(ctx context.Context, id string) (pipeline.Placed, error) {
	if how, ok := c.placed.find("", id); ok {
		return how, nil
	}
	if err := c.HangUp(ctx, id); err != nil {
		return pipeline.Placed{}, err
	}
	return pipeline.Placed{}, pipeline.ErrNoCall
}

// HangUp implements pipeline.Carrier.
func (c *chatCarrier) HangUp(ctx context.Context, id string) error {
	if c.giveUp("", id) {
		return nil
	}
	err := c.number.Terminate(ctx, id)
	if e := channel.As(err); e != nil && !e.Retry && !e.Unsure() && e.Reason != channel.Unconnected {
		return nil // it is over
	}
	return err
}
