package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"parley/control/directory"
	"parley/control/preanswer"
	"parley/media"
	"parley/store"
)

// otherNode has what another node was told of one call.
type otherNode struct {
	store.PreAnswers
	kept store.KeptPreAnswer
	err  error
}

func (e otherNode) PreAnswer(_ context.Context, leg, carrierID string, _ time.Time) (store.KeptPreAnswer, error) {
	if e.err == nil && (leg != e.kept.Leg || carrierID != e.kept.CarrierID) {
		return store.KeptPreAnswer{}, store.ErrNotFound
	}
	return e.kept, e.err
}

// TestPreAnswerElsewhere: what another node was told of a call counts where its sound comes, once, and for its own organisation alone.
func TestPreAnswerElsewhere(t *testing.T) {
	t.Parallel()
	known := store.Directory{
		Organisations: []store.Organisation{{ID: "acme", DefaultAgent: "anna", PreAnswer: `{"url":"https://example.com/in"}`}},
		Agents:        []store.Agent{{ID: "anna", Org: "acme", Enabled: true, StartingMessage: "Hello."}, {ID: "carl", Org: "acme", Enabled: true}, {ID: "olga", Org: "acme"}, {ID: "bob", Org: "beta", Enabled: true}},
	}
	dir := directory.New(directory.Options{Router: register{known}})
	if err := dir.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer := func(org, agent string) store.KeptPreAnswer {
		return store.KeptPreAnswer{Leg: "twilio", CarrierID: "CA1", Call: "c1", Org: org, Expires: time.Now().Add(preanswer.Life),
			Answer: store.PreAnswer{Outcome: "heeded", Agent: agent, Greeting: "Welcome {{name}}.", Variables: map[string]string{"name": "Ana"}}}
	}
	for name, c := range map[string]struct {
		rows  otherNode
		leg   string
		agent string
		told  bool
	}{
		"chosen":                 {otherNode{kept: answer("acme", "carl")}, "twilio", "carl", true},
		"words alone":            {otherNode{kept: answer("acme", "")}, "twilio", "anna", true},
		"switched off meanwhile": {otherNode{kept: answer("acme", "olga")}, "twilio", "anna", true},
		"another organisation's": {otherNode{kept: answer("beta", "bob")}, "twilio", "anna", false},
		"another carrier's":      {otherNode{kept: answer("acme", "carl")}, "telnyx", "anna", false},
		"the database is away":   {otherNode{err: errors.Join(store.ErrUnavailable)}, "twilio", "anna", false},
	} {
		o := &office{directory: dir, log: slog.New(slog.DiscardHandler)}
		o.pre.rows = c.rows
		info := media.Info{Kind: c.leg, ID: "CA1", To: "+15550100002", Params: map[string]string{"campaign": "spring"}}
		o.fetch(t.Context(), info)
		r, err := o.route(info)
		if err != nil || r.Agent.ID != c.agent {
			t.Errorf("%s: %s answers, %v", name, r.Agent.ID, err)
		}
		said := o.pre.take(info, r.Org)
		agent, now := asSaid(said, r.Agent, info)
		if (said != nil) != c.told || c.told && (agent.StartingMessage != "Welcome {{name}}." || now.Params["name"] != "Ana" || now.Params["campaign"] != "spring") || info.Params["name"] != "" {
			t.Errorf("%s: told %+v: %+v, %+v", name, said, agent, now)
		}
		if c.told && o.pre.take(info, r.Org) != nil {
			t.Errorf("%s: told twice", name)
		}
	}
	legs := &office{}
	legs.pre.answers.Keep(store.KeptPreAnswer{Leg: "sip", CarrierID: "a@b", Org: "acme", Expires: time.Now().Add(time.Minute)}, time.Now())
	if _, ok := legs.pre.answer(media.Info{Kind: "sip", ID: "a@b/1234"}); !ok {
		t.Error("a leg by SIP that has a namesake is not known")
	}
}
