package crm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/report"
	"parley/store"
)

// PhoneCall is a call as the API shows it.
type PhoneCall struct {
	ID                   int64           `json:"id" doc:"The number of the call: V's calls show it as number." example:"1"`
	TenantID             string          `json:"tenantId" format:"uuid"`
	ProviderID           *string         `json:"providerId" doc:"Its id at the provider, such as Twilio's CallSid; null until there is one." example:"CA1"`
	ProviderName         *string         `json:"providerName" doc:"By which door it came, or was placed: twilio, sip, webrtc, ...; of a call that was made elsewhere, what its maker says." example:"twilio"`
	FunnelConversationID *float64        `json:"funnelConversationId" doc:"A number of the client's own." example:"1"`
	SessionID            *float64        `json:"sessionId" doc:"A number of the client's own." example:"1"`
	UserID               *float64        `json:"userId" doc:"The number of the user whose call it is." example:"1"`
	ContactID            *float64        `json:"contactId" doc:"The contact who has the other's number; of several the newest." example:"1"`
	OpportunityID        *float64        `json:"opportunityId" doc:"A number of the client's own." example:"1"`
	AnalysisConfigID     *float64        `json:"analysisConfigId" doc:"A number of the client's own." example:"1"`
	TeamID               *float64        `json:"teamId" doc:"A number of the client's own." example:"1"`
	From                 *string         `json:"from" doc:"Who called; null where the caller withheld it." example:"+442071234567"`
	To                   *string         `json:"to" example:"+1234567890"`
	RedirectedTo         *string         `json:"redirectedTo" doc:"Whom the caller was led to." example:"+1234567891"`
	Duration             *float64        `json:"duration" doc:"In seconds, from the answer to the end; null while it goes on." example:"63.24"`
	Direction            string          `json:"direction" doc:"incoming or outgoing; of a call that was made elsewhere, what its maker says." example:"outgoing"`
	Status               string          `json:"status" doc:"initiated, in_progress, completed or failed; of a call that was made elsewhere, what its maker says." example:"completed"`
	StartTime            envelope.Time   `json:"startTime" doc:"When it came in, or was placed."`
	Metadata             json.RawMessage `json:"metadata" doc:"JSON of any kind."`
	CustomData           json.RawMessage `json:"customData" doc:"JSON of any kind."`
	AgentScore           *float64        `json:"agentScore" doc:"From the report's outcome: achieved 100, partly_achieved 50, not_achieved 0; null: it tells neither." example:"100"`
	Category             *string         `json:"category" doc:"The report's outcome; null until the call is over." example:"achieved"`
	CreatedAt            envelope.Time   `json:"createdAt"`
	UpdatedAt            envelope.Time   `json:"updatedAt"`
	LastUpdateSequence   int64           `json:"lastUpdateSequence" doc:"Grows with each change." example:"3"`
}

// scores are what outcomes count.
var scores = map[report.Outcome]float64{report.Achieved: 100, report.Partly: 50, report.NotAchieved: 0}

// shown is a call with what clients keep of it, its contact, and its report.
func (h *Calls) shown(ctx context.Context, c store.Call) (PhoneCall, error) {
	k, err := h.Store.Card(ctx, c.Org, c.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return PhoneCall{}, fmt.Errorf("read card: %w", err)
	}
	out := showCall(c, k)
	if out.ContactID == nil {
		if out.ContactID, err = h.contact(ctx, c, k); err != nil {
			return PhoneCall{}, err
		}
	}
	if !c.Status.Final() {
		return out, nil
	}
	r, err := h.report(ctx, c)
	if err != nil || r == nil {
		return out, err
	}
	category := string(r.Outcome)
	out.Category = &category
	if score, ok := scores[r.Outcome]; ok {
		out.AgentScore = &score
	}
	return out, nil
}

// report is what is known of how a call went: it is made of what is there, and no model is asked. nil: it was made elsewhere, and nobody
// knows what was said.
func (h *Calls) report(ctx context.Context, c store.Call) (*report.Report, error) {
	said, source, err := h.Desk.Transcript(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.Leg == store.LegElsewhere && len(said) == 0 {
		return nil, nil
	}
	turns, err := h.Records.Turns(ctx, c.Org, c.ID)
	if err != nil {
		return nil, fmt.Errorf("read turns: %w", err)
	}
	r, err := h.Desk.Stored(ctx, c, said, turns, source)
	return &r, err
}

// contact is who has the number of a call's other end, or of whom that was joined with; nil: nobody.
func (h *Calls) contact(ctx context.Context, c store.Call, k store.Card) (*float64, error) {
	other := c.From
	if c.Direction == store.Outbound {
		other = c.To
	}
	if c.Leg != store.LegElsewhere {
		other = cmp.Or(k.Redirected, other)
	}
	if other == "" {
		return nil, nil
	}
	test := store.ContactTest{Field: store.ContactAddress, Op: store.ContactIs, Values: []store.Operand{{Text: other}}}
	found, _, err := h.Contacts.FindContacts(ctx, c.Org, store.ContactQuery{Tests: [][]store.ContactTest{{test}}, Page: store.Page{Limit: 1}})
	if err != nil {
		return nil, fmt.Errorf("find contact: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	n := float64(found[0].Number)
	return &n, nil
}

// showCall is a call with its card, which has the last word where it says something.
func showCall(c store.Call, k store.Card) PhoneCall {
	out := PhoneCall{
		ID: c.Number, TenantID: c.Org, ProviderID: envelope.Optional(cmp.Or(k.ProviderID, c.CarrierID)), ProviderName: envelope.Optional(cmp.Or(k.ProviderName, c.Leg)),
		FunnelConversationID: figure(k.Conversation), SessionID: figure(k.Session), UserID: figure(k.User), ContactID: figure(k.Contact),
		OpportunityID: figure(k.Opportunity), AnalysisConfigID: figure(k.Analysis), TeamID: figure(k.Team), From: envelope.Optional(c.From), To: envelope.Optional(c.To),
		RedirectedTo: envelope.Optional(k.Redirected), Duration: figure(k.Duration), Direction: cmp.Or(k.Direction, direction(c.Direction)),
		Status: cmp.Or(k.Status, string(c.Status)), StartTime: envelope.Time(c.Created), Metadata: raw(k.Metadata), CustomData: raw(k.Custom),
		CreatedAt: envelope.Time(c.Created), UpdatedAt: envelope.Time(latest(c.Created, c.Answered, c.Ended, k.Updated)),
		LastUpdateSequence: 1 + int64(c.Turns) + k.Changes,
	}
	if out.Duration == nil && c.Status.Final() && (c.Leg != store.LegElsewhere || c.Length > 0) {
		s := math.Round(c.Length.Seconds()*1000) / 1000
		out.Duration = &s
	}
	for _, at := range []time.Time{c.Answered, c.Ended} {
		if !at.IsZero() {
			out.LastUpdateSequence++
		}
	}
	return out
}

// direction is a call's in the words of this contract.
func direction(d store.Direction) string {
	if d == store.Outbound {
		return "outgoing"
	}
	return "incoming"
}

// directed is a direction of the contract's, or of the clients' own, as calls have it.
func directed(text string) store.Direction {
	if t := strings.ToLower(text); t == "incoming" || t == "inbound" {
		return store.Inbound
	}
	return store.Outbound
}

func latest(all ...time.Time) (last time.Time) {
	for _, at := range all {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// CallCreate is the body of POST /calls: a call that was made elsewhere.
type CallCreate struct {
	Status               string                    `json:"status" minLength:"1" maxLength:"100" doc:"In its maker's words. failed, busy, no_answer, cancelled, missed and rejected make it a failed call, all others a completed one." example:"completed"`
	UserID               envelope.Field[float64]   `json:"userId" doc:"The number of the user whose call it was."`
	Metadata             Any                       `json:"metadata" doc:"JSON of any kind, up to 64 KiB."`
	ProviderID           string                    `json:"providerId,omitempty" maxLength:"200" doc:"Its id where it was made."`
	ProviderName         string                    `json:"providerName,omitempty" maxLength:"200"`
	CustomData           Any                       `json:"customData,omitempty" doc:"JSON of any kind, up to 64 KiB."`
	FunnelConversationID *float64                  `json:"funnelConversationId,omitempty" doc:"A number of the client's own."`
	SessionID            *float64                  `json:"sessionId,omitempty" doc:"A number of the client's own."`
	From                 string                    `json:"from" minLength:"1" maxLength:"200" example:"+442071234567"`
	To                   string                    `json:"to" minLength:"1" maxLength:"200" example:"+1234567890"`
	RedirectedTo         envelope.Field[string]    `json:"redirectedTo,omitempty" maxLength:"200" doc:"Whom the caller was led to."`
	Duration             envelope.Field[float64]   `json:"duration" minimum:"0" maximum:"1000000" doc:"In seconds; null: not known."`
	Direction            string                    `json:"direction" minLength:"1" maxLength:"100" doc:"incoming or outgoing; another word is kept, and the call counts as outgoing." example:"outgoing"`
	StartTime            envelope.Field[time.Time] `json:"startTime" nullable:"false" doc:"When it began, with a time zone."`
	TeamID               envelope.Field[float64]   `json:"teamId,omitempty" doc:"A number of the client's own."`
}

// Resolve implements huma.ResolverWithPath.
func (b *CallCreate) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	for name, text := range map[string]string{
		"status": b.Status, "from": b.From, "to": b.To, "direction": b.Direction, "providerId": b.ProviderID, "providerName": b.ProviderName,
		"redirectedTo": b.RedirectedTo.Value,
	} {
		bad = append(bad, envelope.Blank(at, name, text)...)
	}
	for name, value := range map[string]Any{"metadata": b.Metadata, "customData": b.CustomData} {
		bad = append(bad, tooLong(at, name, value)...)
	}
	bad = append(bad, b.UserID.Check(at, "userId", true)...)
	bad = append(bad, b.RedirectedTo.Check(at, "redirectedTo", true)...)
	bad = append(bad, b.Duration.Check(at, "duration", true)...)
	bad = append(bad, b.TeamID.Check(at, "teamId", true)...)
	bad = append(bad, b.StartTime.Check(at, "startTime", false)...)
	if !happens(b.StartTime.Value, b.length()) {
		bad = append(bad, envelope.Complain(at, "startTime", "has a year that there is not"))
	}
	return bad
}

// length is how long the call was.
func (b *CallCreate) length() time.Duration {
	return time.Duration(b.Duration.Value * float64(time.Second))
}

// happens says whether what begins then, and lasts so long at most, has years that rows can keep.
func happens(began time.Time, length time.Duration) bool {
	return began.UTC().Year() >= 0 && began.Add(length).UTC().Year() <= 9999
}

// tooLong refuses JSON of any kind that is longer than what is kept.
func tooLong(at *huma.PathBuffer, name string, a Any) []error {
	if len(a.Text) > mostMetadata {
		return []error{envelope.Complain(at, name, "is longer than 64 KiB")}
	}
	return nil
}

// failures are the statuses of calls that came to nothing, and their causes.
var failures = map[string]string{
	"failed": store.CauseElsewhere, "error": store.CauseElsewhere, "busy": store.CauseBusy, "no_answer": store.CauseNoAnswer, "unanswered": store.CauseNoAnswer,
	"missed": store.CauseNoAnswer, "cancelled": store.CauseCancelled, "canceled": store.CauseCancelled, "rejected": store.CauseBusy,
}

// call is the body as rows have it.
func (b *CallCreate) call(org string) (store.Call, store.Card) {
	began := b.StartTime.Value.UTC()
	c := store.Call{
		ID: store.NewID(), Org: org, Direction: directed(b.Direction), Status: store.Completed, Leg: store.LegElsewhere, CarrierID: b.ProviderID,
		From: b.From, To: b.To, Created: began, Answered: began,
	}
	c.Cause = store.CauseElsewhere
	word := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(b.Status))
	if cause, failed := failures[word]; failed {
		c.Status, c.Cause, c.Answered = store.Failed, cause, time.Time{}
	}
	c.Length = b.length()
	c.Ended = began.Add(c.Length)
	k := store.Card{
		ProviderID: b.ProviderID, ProviderName: b.ProviderName, Conversation: decimal(b.FunnelConversationID), Session: decimal(b.SessionID),
		User: given(b.UserID), Team: given(b.TeamID), Redirected: b.RedirectedTo.Value, Direction: b.Direction, Status: b.Status,
		Duration: given(b.Duration), Metadata: compact(b.Metadata.Text), Custom: compact(b.CustomData.Text),
	}
	return c, k
}

// given is a number of a body as cards have it.
func given(f envelope.Field[float64]) string {
	if !f.Set || f.Null {
		return ""
	}
	return decimal(&f.Value)
}
