package main

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"parley/control/directory"
	"parley/control/preanswer"
	"parley/control/webhook"
	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// preanswers ask organisations' own servers about calls that come in, and keep what was said until the calls' sound is there.
//
//	welcome, admitted ──▶ ask ──▶ answers (and the store, for other nodes) ──▶ route, begin
type preanswers struct {
	desk    preanswer.Desk
	answers preanswer.Answers
	rows    store.PreAnswers // nil: the sound of every call comes to the node that asked
}

// keeping is the most that the database may take to tell what another node was told.
const keeping = time.Second

// newPreanswers makes what asks, signed as webhooks are.
func (o *office) newPreanswers(signing *webhook.Secrets, observe func(outcome string, took time.Duration)) error {
	allow, err := webhook.ParseAllow(o.cfg.WebhookAllow)
	if err != nil {
		return err
	}
	o.pre.desk = preanswer.Desk{
		Asker: preanswer.NewAsker(webhook.AskOptions{Secrets: signing, Allow: allow}), Agents: o.directory, Observe: observe, Log: o.log,
	}
	if o.cfg.shared() {
		o.pre.rows = o.store
	}
	return nil
}

// patient is how long a call may take to come that is asked about, if it is; 0: it is not.
func (o *office) patient(route directory.Route) time.Duration {
	rule, ok := preanswer.Read(o.directory.PreAnswer(route.Org, route.Number))
	if !ok {
		return 0
	}
	return rule.Left(0) + comes
}

// ask asks about a call that would be answered by route, if that is wanted. It says why the call is not to be taken: busy, rejected, or
// nothing. headers are those of SIP.
func (o *office) ask(ctx context.Context, route directory.Route, info media.Info, params, headers map[string]string) (reject string) {
	rule, ok := preanswer.Read(o.directory.PreAnswer(route.Org, route.Number))
	if !ok {
		return ""
	}
	now := time.Now()
	q := preanswer.Question{
		Call: store.NewID(), Carrier: info.Kind, CarrierID: info.ID, From: info.From, To: info.To, Params: params, Headers: headers,
	}
	if route.Agent.ID != "" {
		q.Agent = &route.Agent.ID
	}
	kept := store.KeptPreAnswer{Leg: info.Kind, CarrierID: info.ID, Call: q.Call, Org: route.Org, Answer: o.pre.desk.Ask(ctx, route.Org, rule, q)}
	kept.Expires = time.Now().Add(preanswer.Life)
	o.pre.answers.Keep(kept, now)
	if kept.Answer.Reject != "" {
		o.turnedAway(route, info, kept, now)
		return kept.Answer.Reject
	}
	o.share(ctx, kept, rule.Left(kept.Answer.Took))
	return ""
}

// share lets other nodes know an answer. The caller waits for that no longer than for the answer itself.
func (o *office) share(ctx context.Context, kept store.KeptPreAnswer, left time.Duration) {
	if o.pre.rows == nil {
		return
	}
	done := make(chan struct{})
	o.ends.Go(func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keeping)
		defer cancel()
		if err := o.pre.rows.KeepPreAnswer(ctx, kept, time.Now()); err != nil {
			o.log.Warn("what was said of a call is not known to other nodes", "call", kept.Call, "error", err)
		}
	})
	enough := time.NewTimer(left)
	defer enough.Stop()
	select {
	case <-done:
	case <-enough.C:
	}
}

// fetch finds out what another node was told of a call whose sound has come here.
func (o *office) fetch(ctx context.Context, info media.Info) {
	if _, here := o.pre.answer(info); here || o.pre.rows == nil || info.Outbound {
		return
	}
	route, _ := o.number(info) // nobody may answer it
	if o.directory.PreAnswer(route.Org, route.Number) == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keeping)
	defer cancel()
	now := time.Now()
	kept, err := o.pre.rows.PreAnswer(ctx, info.Kind, info.ID, now)
	switch {
	case err == nil:
		o.pre.answers.Keep(kept, now)
	case !errors.Is(err, store.ErrNotFound):
		o.log.Warn("what another node was told of a call is not known: its number's agent answers", "carrier_id", info.ID, "error", err)
	}
}

// answer is what was said of a call; false: it was not asked about, or not here. A leg by SIP that has a namesake has a slash in its id.
func (p *preanswers) answer(info media.Info) (store.KeptPreAnswer, bool) {
	kept, ok := p.answers.Find(info.Kind, carrierIDOf(info), time.Now())
	return kept, ok
}

func carrierIDOf(info media.Info) string {
	if info.Kind == overSIP {
		id, _, _ := strings.Cut(info.ID, "/")
		return id
	}
	return info.ID
}

// heed is a route as what was said of the call has it.
func (o *office) heed(info media.Info, route directory.Route, err error) (directory.Route, error) {
	kept, ok := o.pre.answer(info)
	if !ok || kept.Answer.Agent == "" || kept.Org != route.Org {
		return route, err
	}
	agent, aerr := o.directory.Agent(route.Org, kept.Answer.Agent)
	if aerr != nil || !agent.Enabled { // it was a moment ago
		return route, err
	}
	route.Agent = agent
	return route, nil
}

// take is what was said of a call that begins now; nil: nothing. It is not known any more afterwards.
func (p *preanswers) take(info media.Info, org string) *store.PreAnswer {
	kept, ok := p.answer(info)
	if !ok || kept.Org != org {
		return nil
	}
	p.answers.Drop(info.Kind, carrierIDOf(info))
	return &kept.Answer
}

// asSaid gives an agent and a call what was said of it: the greeting, and values for the places of the agent's words.
func asSaid(said *store.PreAnswer, agent store.Agent, info media.Info) (store.Agent, media.Info) {
	if said == nil {
		return agent, info
	}
	if said.Greeting != "" {
		agent.StartingMessage = said.Greeting
	}
	if len(said.Variables) > 0 {
		params := maps.Clone(info.Params)
		if params == nil {
			params = make(map[string]string, len(said.Variables))
		}
		maps.Copy(params, said.Variables)
		info.Params = params
	}
	return agent, info
}

// turnedAway writes down a call that is not answered because of what was said of it.
func (o *office) turnedAway(route directory.Route, info media.Info, kept store.KeptPreAnswer, now time.Time) {
	o.opened(store.Call{
		ID: kept.Call, Org: route.Org, Agent: route.Agent.ID, AgentVersion: route.Agent.Version, Direction: store.Inbound, Status: store.InProgress,
		Leg: info.Kind, CarrierID: info.ID, From: info.From, To: info.To, Created: now, PreAnswer: &kept.Answer,
	})
	o.watch(pipeline.Event{Kind: pipeline.CallEnded, Call: kept.Call, Ending: &pipeline.Ending{Call: kept.Call, Info: info, Cause: media.CauseRejected}})
}

// firstOf are parameters of a URL, each once.
func firstOf(all map[string][]string) map[string]string {
	first := make(map[string]string, len(all))
	for name, values := range all {
		if len(values) > 0 {
			first[name] = values[0]
		}
	}
	return first
}
