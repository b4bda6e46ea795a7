package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"parley/control/admission"
	"parley/control/preanswer"
	"parley/media"
	"parley/media/stream"
	"parley/pipeline"
	"parley/store"
)

// capacity is how much a node takes on.
type capacity struct {
	MaxCalls    int           `help:"Most calls at once on this node; more are politely refused. 0: as many as the signals below allow." default:"1000" var:"PARLEY_MAX_CALLS"`
	OrgCalls    int           `help:"Most calls at once of one organisation on this node, inbound and outbound together. 0: no limit; set it where organisations share a node." default:"0" var:"PARLEY_ORG_CALLS"`
	MaxCPU      float64       `name:"max-cpu" help:"Share of the processors (of those that the process may use, and its quota pays for) beyond which calls are refused; up to 1. 0: any." default:"0.85" var:"PARLEY_MAX_CPU"`
	MaxLateness time.Duration `help:"Calls are refused while more than 1 of 100 frames of the last 5 s leave later than this; up to 1s. 0: however late." default:"20ms" var:"PARLEY_MAX_LATENESS"`
	MaxWait     time.Duration `name:"max-speech-wait" help:"Calls of agents that hear or speak by local speech are refused while more than 1 of 10 of its tasks wait longer than this, or would; up to 1m. 0: however long." default:"1s" var:"PARLEY_MAX_SPEECH_WAIT"`
	Drain       time.Duration `help:"After SIGTERM, calls in progress may last so long (seconds, minutes: 90s, 5m)." default:"5m" var:"PARLEY_DRAIN"`
}

// check says what is wrong with it.
func (c *capacity) check() (bad []error) {
	for name, n := range map[string]int{"max-calls": c.MaxCalls, "org-calls": c.OrgCalls} {
		if n < 0 {
			bad = append(bad, fmt.Errorf("--%s is %d: want 0 or more", name, n))
		}
	}
	if !(c.MaxCPU >= 0 && c.MaxCPU <= 1) {
		bad = append(bad, fmt.Errorf("--max-cpu is %v: want 0 to 1", c.MaxCPU))
	}
	if c.MaxLateness < 0 || c.MaxLateness > time.Second {
		bad = append(bad, fmt.Errorf("--max-lateness is %v: want 0 to 1s", c.MaxLateness))
	}
	if c.MaxWait < 0 || c.MaxWait > time.Minute {
		bad = append(bad, fmt.Errorf("--max-speech-wait is %v: want 0 to 1m", c.MaxWait))
	}
	if c.Drain < 0 {
		bad = append(bad, fmt.Errorf("--drain is %v: want 0 or more", c.Drain))
	}
	return bad
}

// newGate makes what says whether a call is taken.
func (s *server) newGate() *admission.Gate {
	g := &admission.Gate{
		Limits: admission.Limits{
			Calls: s.cfg.MaxCalls, OrgCalls: s.cfg.OrgCalls, CPU: s.cfg.MaxCPU, Lateness: s.cfg.MaxLateness, Wait: s.cfg.MaxWait,
		},
		Signals:  admission.Signals{Late: s.punctuality.Late.Counts},
		Draining: s.draining.Load, Log: s.log,
	}
	var yielding func() time.Duration
	if e := s.vendors.engine; e != nil {
		yielding = func() time.Duration { return e.Work().Used }
		g.Signals.Speech = func() admission.Work {
			w := e.Work()
			return admission.Work{Workers: w.Workers, Busy: w.Busy, Waits: w.Waits, Oldest: w.Oldest}
		}
	}
	s.processors = admission.NewProcessors(yielding)
	g.Signals.Processor = s.processors.Read
	return g
}

// accepting says whether new calls are welcome, by and large: one organisation may have all that it may have.
func (s *server) accepting() bool { return s.refusing() == "" }

// refusing says why new calls of the server's usual kind are not welcome; empty: they are.
func (s *server) refusing() admission.Reason {
	return s.gate.Refusing(s.vendors.hears == "local" || s.vendors.speaks == "local")
}

// welcome gives calls of a carrier that ask what to do a place, or says that there is none, or that their organisation's server does not
// want them.
func (s *server) welcome(carrier string) func(context.Context, stream.Incoming) bool {
	return func(ctx context.Context, in stream.Incoming) bool {
		r := admission.Request{Key: in.CallSID}
		if token := in.Params.Get(pipeline.TokenParam); token != "" {
			if s.guests.find(token, in.Owners) != nil {
				return true // two legs, but one conversation
			}
			return s.gate.Admit(s.placedRequest(ctx, token)) == ""
		}
		route, err := s.office.directory.RouteAmong(in.Owners, in.To)
		if err == nil {
			r.Org, r.Speech = route.Org, s.company.speaksLocally(route.Agent)
		}
		r.Wait = s.office.patient(route)
		if s.gate.Admit(r) != "" {
			return false
		}
		info := media.Info{Kind: carrier, ID: in.CallSID, From: in.From, To: in.To, Owners: in.Owners}
		if s.office.ask(ctx, route, info, firstOf(in.Params), nil) != "" {
			s.gate.Forget(in.CallSID)
			return false
		}
		return true
	}
}

// rejecting says of calls of a carrier that were not welcome whether their organisation's server has rejected them.
func (s *server) rejecting(carrier string) func(id string) bool {
	return func(id string) bool {
		said, ok := s.office.pre.answer(media.Info{Kind: carrier, ID: id})
		return ok && said.Answer.Reject == preanswer.Rejected
	}
}

// placedRequest is a placed call that was answered.
func (s *server) placedRequest(ctx context.Context, token string) admission.Request {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // the node that dialled knows it; another asks the database
	defer cancel()
	org, err := s.office.dialer.Org(ctx, token)
	if err != nil {
		s.log.Debug("a placed call is nobody's yet", "call", token, "error", err)
	}
	return admission.Request{Key: token, Org: org, Answered: true}
}

// arrived makes the call of an answered leg live, and says whether there is a place for it.
func (s *server) arrived(ctx context.Context, info media.Info) bool {
	r := admission.Request{Key: info.ID, Answered: info.Resumes != ""}
	if token := info.Params[pipeline.TokenParam]; token != "" {
		r = s.placedRequest(ctx, token)
	} else {
		s.office.fetch(ctx, info)
		if route, err := s.office.route(info); err == nil {
			r.Org, r.Speech = route.Org, s.company.speaksLocally(route.Agent)
		}
	}
	return s.gate.Begin(info.ID, r) == ""
}

// dialled gives a call that is about to be placed a place, until it is answered.
func (s *server) dialled(call string, agent store.Agent, ring time.Duration) bool {
	return s.gate.Admit(admission.Request{Key: call, Org: agent.Org, Speech: s.company.speaksLocally(agent), Wait: ring + comes}) == ""
}

// speaksLocally says whether an agent hears or speaks by local speech.
func (c *company) speaksLocally(row store.Agent) (local bool) {
	if c.vendors.engine == nil {
		return false
	}
	c.now(row, func(r *role) { local = r.hears == "local" || r.speaks == "local" })
	return local
}

// room is what the machine and the settings have for calls.
func (c *doctorCmd) room() finding {
	p := admission.NewProcessors(nil)
	had := p.Read()
	says := []string{fmt.Sprintf("%g of %d processors", had.Allowed, runtime.NumCPU())}
	f := finding{what: "capacity"}
	if q := p.Quota(); q > 0 {
		says = append(says, fmt.Sprintf("by a quota of %g", q))
	}
	if share, ok := p.Pressure(); ok {
		says = append(says, fmt.Sprintf("others wait for one %.0f %% of the time", 100*share))
	}
	if c.MaxCalls > 0 {
		says = append(says, "at most "+strconv.Itoa(c.MaxCalls)+" calls")
	}
	if c.MaxCPU == 0 && c.MaxLateness == 0 {
		f.fix = "set PARLEY_MAX_CPU or PARLEY_MAX_LATENESS: without them a flood makes every call late"
	}
	f.says = strings.Join(says, ", ")
	return f
}
