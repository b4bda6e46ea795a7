package voice

import (
	"context"
	"errors"
	"net/http"
	"time"

	"parley/control/dialer"
	"parley/control/envelope"
	"parley/control/nodes"
	"parley/pipeline"
	"parley/store"
)

// TransferBody is the body of POST /calls/{id}/transfer.
type TransferBody struct {
	To      string         `json:"to" pattern:"^(\\+[1-9][0-9]{6,14}|sips?:[^\\s@]+@[^\\s@]+|ext:[a-z0-9][a-z0-9._-]{0,62})$" patternDescription:"a number in E.164 format, such as +442071234567, a sip: address, or an extension such as ext:anna" doc:"Who is to be connected with the caller." example:"+442071234567"`
	Mode    string         `json:"mode,omitempty" enum:"blind,bridge,attended" default:"blind" doc:"blind: the carrier connects them, and the call ends here. bridge: this server calls them and joins the two, so that the agent can come back. attended: this server calls them, and when they take the call the carrier connects the two, and the call ends here; where it does not, they are joined as by bridge."`
	Say     string         `json:"say,omitempty" maxLength:"500" doc:"Said to the caller first."`
	Brief   string         `json:"brief,omitempty" maxLength:"1000" doc:"Of bridge and attended: said to whoever answers, before the caller is there (a warm transfer)."`
	Confirm bool           `json:"confirm,omitempty" doc:"Of bridge and attended, with brief: whoever answers must press 1 to be joined, which brief should say; any other key is a no."`
	Ring    int            `json:"ring_seconds,omitempty" minimum:"5" maximum:"180" default:"30" doc:"Of bridge and attended: how long it may take until they are joined; then the agent has the caller back."`
	Stay    string         `json:"stay,omitempty" enum:"leave,silent,listen" default:"leave" doc:"Of bridge and attended: what the agent does while they talk. leave: it hears nothing. silent: the caller's words are written down. listen: and ** on either telephone calls it back."`
	After   pipeline.After `json:"after,omitempty" enum:"end,return" doc:"Of bridge and attended: what follows when whoever was called hangs up. end: the call ends. return: the agent goes on with the caller. None given: return with listen, else end."`
}

// command is the body as the pipeline has it.
func (b *TransferBody) command() pipeline.Command {
	c := pipeline.Command{Kind: pipeline.Transfer, To: b.To, Text: b.Say}
	if b.calls() {
		c.Kind = pipeline.Bridge
		c.Join = pipeline.Join{Ring: time.Duration(b.Ring) * time.Second, Brief: b.Brief, Confirm: b.Confirm, After: b.After, Attended: b.Mode == "attended"}
		if b.Stay != "leave" {
			c.Join.Stay = pipeline.Stay(b.Stay)
		}
	}
	return c
}

// calls says that this server calls who is wanted.
func (b *TransferBody) calls() bool { return b.Mode == "bridge" || b.Mode == "attended" }

// check names what does not go together.
func (b *TransferBody) check() error {
	switch {
	case !b.calls() && b.Brief != "":
		return envelope.Wrong("brief", "is of modes bridge and attended alone: nobody is there to hear it")
	case !b.calls() && (b.Confirm || b.After != "" || b.Stay != "" && b.Stay != "leave"):
		return envelope.Wrong("mode", "must be bridge or attended where confirm, stay or after is set")
	case b.Confirm && b.Brief == "":
		return envelope.Wrong("confirm", "is set without brief: nobody would know what to press")
	}
	return nil
}

// TransferOf is what POST /calls/{id}/transfer asks.
type TransferOf struct {
	envelope.ID

	Body TransferBody
}

// Transfer handles POST /calls/{id}/transfer.
func (h *Calls) Transfer(ctx context.Context, in *TransferOf) (*envelope.One[Done], error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	return h.order(ctx, in.ID.ID, "The call is being transferred", in.Body.command(), func(org string) error {
		if h.Judge == nil {
			return nil
		}
		err := h.Judge.MayConnect(ctx, org, in.Body.To)
		if no := (*dialer.Unfit)(nil); errors.As(err, &no) {
			return &envelope.Fault{Status: http.StatusBadRequest, Message: no.Message, Details: no.Fields}
		}
		return err
	})
}

// TakeBackBody is the body of POST /calls/{id}/take-back.
type TakeBackBody struct {
	Say string `json:"say,omitempty" maxLength:"500" doc:"Said to the caller; none given: the agent is told what has happened, and goes on."`
}

// TakeBackOf is what POST /calls/{id}/take-back asks.
type TakeBackOf struct {
	envelope.ID

	Body *TakeBackBody `required:"false"`
}

// TakeBack handles POST /calls/{id}/take-back.
func (h *Calls) TakeBack(ctx context.Context, in *TakeBackOf) (*envelope.One[Done], error) {
	c := pipeline.Command{Kind: pipeline.Unbridge, Ask: true}
	if in.Body != nil && in.Body.Say != "" {
		c.Ask, c.Text = false, in.Body.Say
	}
	return h.order(ctx, in.ID.ID, "The agent has the caller back", c, func(string) error { return nil })
}

// order has a call of an organisation given a command, wherever it lives, unless may has something against it.
func (h *Calls) order(ctx context.Context, id, message string, c pipeline.Command, may func(org string) error) (*envelope.One[Done], error) {
	return h.finish(ctx, id, message, func(l Live, ctx context.Context, row store.Call) error {
		if err := may(row.Org); err != nil {
			return err
		}
		err := l.Do(ctx, row, c)
		if no := (*nodes.Refusal)(nil); errors.As(err, &no) {
			return envelope.Bad(no.Reason)
		}
		return err
	})
}
