package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/dialer"
	"parley/control/envelope"
	"parley/store"
)

// BridgeSlot names, among what is known of a call that was placed, whom its callee is to be joined with at once.
const BridgeSlot = "parley.bridge_to"

// BridgeCall is the body of POST /calls/bridge.
type BridgeCall struct {
	From           string                     `json:"from,omitempty" maxLength:"20" doc:"The telephone of the user, who is rung first: a number in E.164. Users have no number of their own here, so it has to be there." example:"+442071234567"`
	To             string                     `json:"to" minLength:"1" maxLength:"20" doc:"The contact, who is rung when the user has answered: a number in E.164." example:"+1234567890"`
	ProviderData   Any                        `json:"providerData,omitempty" doc:"JSON of any kind, up to 64 KiB: kept as the call's metadata."`
	CallCustomData map[string]json.RawMessage `json:"callCustomData,omitempty" doc:"Kept with the call, and given back as customData."`
}

// Resolve implements huma.ResolverWithPath.
func (b *BridgeCall) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	for name, number := range map[string]string{"from": b.From, "to": b.To} {
		if number != "" && !envelope.E164(number) {
			bad = append(bad, envelope.Complain(at, name, envelope.NoE164))
		}
	}
	if b.From == "" {
		bad = append(bad, envelope.Complain(at, "from", "is needed: the telephone of the user, who is rung first"))
	}
	return append(bad, tooLong(at, "providerData", b.ProviderData)...)
}

// StartBridgeCall is what POST /calls/bridge asks.
type StartBridgeCall struct {
	envelope.Strict
	Tenant

	Body BridgeCall
}

// StartBridge handles POST /calls/bridge: the user is called as of a task, and joined with the contact when they answer.
func (h *Calls) StartBridge(ctx context.Context, in *StartBridgeCall) (*One[PhoneCall], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	b := in.Body
	err = h.Starter.Dialer.MayConnect(ctx, org, b.To)
	if no := (*dialer.Unfit)(nil); errors.As(err, &no) {
		return nil, &envelope.Fault{Status: http.StatusBadRequest, Message: no.Message, Details: no.Fields, Cause: err}
	}
	if err != nil {
		return nil, fmt.Errorf("judge number: %w", err)
	}
	agent, err := h.connector(ctx, org)
	if err != nil {
		return nil, err
	}
	t := store.Task{
		Org: org, Agent: agent, Name: "Bridge call to " + b.To, To: b.From,
		Context: jsonOf(map[string]any{"parley": map[string]any{"bridge_to": b.To}}),
	}
	k := store.Card{Redirected: b.To, Metadata: compact(b.ProviderData.Text), Custom: jsonOf(b.CallCustomData)}
	return h.start(ctx, t, k, map[string]string{"to_number": "from"})
}

// connector is the agent that holds bridge calls, and says nothing on them.
func (h *Calls) connector(ctx context.Context, org string) (string, error) {
	const digest = "bridge"
	made, err := h.Store.CallAgent(ctx, org, digest)
	if err == nil {
		row, e := h.Starter.Agents.Store.Agent(ctx, org, made)
		if e == nil && row.Enabled {
			return made, nil
		}
		err = e
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("find agent: %w", err)
	}
	a := store.Agent{
		ID: store.NewID(), Org: org, Name: "Bridge calls", Description: "Made for calls of POST /crm/api/v1/calls/bridge.",
		SystemPrompt: "You connect a user with a contact, and say nothing yourself.", Enabled: true, Settings: `{"recording":{"enabled":true}}`, Created: now(),
	}
	a.Updated = a.Created
	if a, err = h.Starter.Agents.Make(ctx, a); err != nil {
		return "", err
	}
	if err := h.Store.PutCallAgent(ctx, org, digest, a.ID); err != nil {
		return "", fmt.Errorf("keep agent: %w", err)
	}
	return a.ID, nil
}
