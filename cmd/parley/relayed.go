package main

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"parley/control/traits"
	"parley/media"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/httptool"
	brain "parley/providers/relay"
	"parley/store"
)

// relaying is an app that answers an agent's calls, made ready.
type relaying struct {
	set    traits.Relay
	header http.Header // of its handshake: the signature
	gate   *httptool.Gate
	ways   *http.Transport
	log    *slog.Logger
}

// relayVendor is the name of apps among those that answer, in metrics and traces.
const relayVendor = "relay"

// relay lets the app that an agent names answer. What is only written is the server's own model's.
func (c *company) relay(r *role, org string) {
	const path = "settings.relay."
	set := r.plan.Set.Relay
	if set == nil {
		return
	}
	gate, err := httptool.NewGate(c.cfg.AgentHosts)
	if err == nil {
		err = gate.Check(set.URL)
	}
	if err != nil {
		r.refuse(path+"url", err.Error())
		return
	}
	app := &relaying{set: *set, gate: gate, header: http.Header{}, log: c.log}
	if set.Secret != "" {
		token, err := c.secretsOf(org, r.lent)(set.URL, set.Secret)
		if err != nil {
			r.refuse(path+"secret", strings.TrimPrefix(err.Error(), "secret "))
			return
		}
		app.header.Set("X-Twilio-Signature", stream.Sign(token, set.URL, nil))
	}
	for i, l := range set.Languages {
		if entryOf(r.speaks).speaks.english && !english(l.Code) {
			r.refuse(path+"languages["+strconv.Itoa(i)+"].code", "the "+r.speaks+" voice speaks English alone")
			return
		}
	}
	if r.plan.Flow != nil {
		r.refuse("settings.flow", "is not used: settings.relay answers")
	}
	if vendor := or(or(r.plan.Set.Providers).LLM).Vendor; vendor != "" && vendor != traits.Auto {
		r.refuse("settings.providers.llm.vendor", "is not used: settings.relay answers")
	}
	app.ways = gate.Transport()
	r.relay, r.thinks, r.asks, r.script, r.conversant = app, relayVendor, "", nil, nil
	r.agent.Settled = true
	m := &r.agent.Manners
	switch set.Sensitivity {
	case "medium":
		m.BargeInWords, m.BargeIn = 2, 2*pipeline.DefaultManners().BargeIn
	case "low":
		m.BargeInWords, m.BargeIn = 3, 4*pipeline.DefaultManners().BargeIn
	case "high":
		m.BargeInWords, m.BargeIn = 1, pipeline.DefaultManners().BargeIn
	}
}

// A relayLine is what an app's session knows of its call, besides what an agent does.
type relayLine struct {
	call, org string
	do        func(context.Context, pipeline.Command) error
}

// relayLine is that of a call in progress.
func (s *server) relayLine(call string, row store.Agent) relayLine {
	return relayLine{call, row.Org, func(ctx context.Context, cmd pipeline.Command) error {
		c := s.board.Call(call)
		if c == nil {
			return pipeline.ErrEnded
		}
		return c.Do(ctx, cmd)
	}}
}

// relayed has an app answer a call.
func (r *role) relayed(agent *pipeline.Agent, info media.Info, on relayLine) pipeline.Parts {
	set := r.relay.set
	slots := pipeline.Slots(info)
	known := make(map[string]string, len(set.Parameters))
	for name, value := range set.Parameters {
		known[name], _ = pipeline.Fill(value, slots)
	}
	var tongues []brain.Tongue
	for _, l := range set.Languages {
		tongues = append(tongues, brain.Tongue{Lang: l.Code, Voice: l.Voice})
	}
	if own := agent.VoiceAt(0); len(tongues) > 0 && !slices.ContainsFunc(tongues, func(t brain.Tongue) bool { return t.Lang == own.Lang }) {
		tongues = append(tongues, brain.Tongue{Lang: own.Lang})
	}
	agent.Tools = nil // the app has its own
	s := brain.New(brain.Options{
		URL: set.URL, Header: r.relay.header, NetDial: r.relay.ways.DialContext, Sounds: brain.Sounds{Transport: r.relay.ways, Check: r.relay.gate.Check},
		Call: pipeline.Talk{Info: info, Agent: agent}, ID: on.call, Org: on.org, Parameters: known, Do: on.do,
		Welcome: brain.Interruptible(set.Welcome), Interruptible: brain.Interruptible(set.Interruptible), Preemptible: set.Preemptible,
		Keys: set.Keys == nil || *set.Keys, Partial: set.Partial, Tongues: tongues, HandOver: set.HandOver, Log: r.relay.log,
	})
	measured := r.vendors.meter(relayVendor, providers.LLM, "").Responder(s)
	return pipeline.Parts{Responder: app{measured, s}, Watcher: s, Synthesizer: s.Speaks(r.voice())}
}

// An app is measured when it is asked. Its greeting is said without it.
type app struct {
	pipeline.Responder
	greets pipeline.Greeter
}

// Greet implements pipeline.Greeter.
func (a app) Greet(ctx context.Context, talk pipeline.Talk, text string) iter.Seq2[pipeline.Delta, error] {
	return a.greets.Greet(ctx, talk, text)
}
