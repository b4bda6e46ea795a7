package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/pipeline/tool"
	"parley/providers/httptool"
	"parley/providers/mcptool"
	"parley/store"
)

// toolbox is what models can do, ready to be given to each call.
type toolbox struct {
	client  *httptool.Client
	http    []*httptool.Tool
	mcp     []*mcptool.Server
	builtIn builtInTools
	forms   []tool.Form
	zone    *time.Location

	// What the tools lean on; nil: there is none, and what needs it is not offered.
	scheduler tool.Scheduler
	messenger tool.Messenger
}

// newToolbox makes the tools that the settings name, and says which of them nobody can be offered.
func newToolbox(c *config, log *slog.Logger) (*toolbox, error) {
	b, err := c.loadTools(func(allow []string) (*httptool.Client, error) {
		return httptool.New(httptool.Options{Allow: allow, Log: log})
	})
	if err != nil {
		return nil, usageError{err}
	}
	for _, m := range b.missing() {
		log.Warn("a tool is missing", "why", m)
	}
	return b, nil
}

// forCall are the tools of one call, which can be transferred in these ways, and on which these colleagues can take over.
func (b *toolbox) forCall(call string, info media.Info, ways tool.Ways, colleagues []tool.Colleague) []pipeline.Tool {
	line := tool.Line{Call: call, From: info.From, Zone: b.zone}
	var all []pipeline.Tool
	if on := b.builtIn.EndCall; on == nil || *on {
		all = append(all, tool.EndCall())
	}
	if on := b.builtIn.Wait; on == nil || *on {
		all = append(all, tool.WaitFor())
	}
	if b.builtIn.PressKeys {
		all = append(all, tool.PressKeys())
	}
	all = append(all, tool.TransferTo(b.builtIn.Transfer.destinations(), ways), tool.HandOver(colleagues))
	if b.builtIn.ScheduleCallback {
		all = append(all, tool.ScheduleCallback(line, b.scheduler))
	}
	if m := b.builtIn.SendMessage; m != nil {
		all = append(all, tool.SendMessage(line, b.messenger, m.Anybody))
	}
	for _, form := range b.forms {
		all = append(all, tool.Collect(line, form))
	}
	known := maps.Clone(pipeline.Slots(info))
	known["id"] = call
	for _, t := range b.http {
		all = append(all, t.For(known))
	}
	for _, s := range b.mcp {
		all = append(all, s.Tools()...)
	}
	return tool.Offered(all...)
}

// missing says which tools are wished for and not offered, and why.
func (b *toolbox) missing() (all []string) {
	say := func(wished, there bool, name, why string) {
		if wished && !there {
			all = append(all, name+" is not offered: "+why)
		}
	}
	say(b.builtIn.ScheduleCallback, b.scheduler != nil, "schedule_callback", "nobody places calls yet")
	say(b.builtIn.SendMessage != nil, b.messenger != nil, "send_message", "no channel for messages is configured")
	return all
}

// close lets go of idle connections, and of sessions with servers: calls that go on make them anew.
func (b *toolbox) close() {
	if b == nil {
		return
	}
	for _, s := range b.mcp {
		s.Close()
	}
	if b.client != nil {
		b.client.Close()
	}
}

// adopt takes over what the tools of before know of the same servers.
func (b *toolbox) adopt(before *toolbox) {
	for _, s := range b.mcp {
		for _, was := range before.mcp {
			s.Adopt(was)
		}
	}
}

// ready waits for what servers tell of their tools, for a while.
func (b *toolbox) ready(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, draftPatience)
	defer cancel()
	for _, s := range b.mcp {
		s.Ready(ctx)
	}
}

// draftPatience is how long the call of a draft waits for tools that nobody has asked for before. Other calls do not wait.
const draftPatience = 2 * time.Second

// colleagues are the agents that the role's tools name and that can take over from row: those that its organisation has.
func (s *server) colleagues(role *role, row store.Agent) (all []tool.Colleague) {
	for _, e := range role.tools.builtIn.HandOver {
		if a, ok := s.colleague(row.Org, e.Name); ok && a.ID != row.ID {
			all = append(all, tool.Colleague{Name: a.Name, When: e.When})
		}
	}
	return all
}

// colleague finds an enabled agent of an organisation by its name.
func (s *server) colleague(org, name string) (store.Agent, bool) {
	agents := s.office.directory.Agents()
	i := slices.IndexFunc(agents, func(a store.Agent) bool {
		return a.Enabled && a.Org == org && strings.EqualFold(a.Name, name)
	})
	if i < 0 {
		return store.Agent{}, false
	}
	return agents[i], true
}

// change lets another agent of an organisation take over a call. It is pipeline.Parts.Change.
func (s *server) change(call, org string, info media.Info) func(context.Context, string) (pipeline.Agent, pipeline.Parts, error) {
	return func(ctx context.Context, name string) (pipeline.Agent, pipeline.Parts, error) {
		next, ok := s.colleague(org, name)
		if !ok {
			return pipeline.Agent{}, pipeline.Parts{}, fmt.Errorf("there is no agent %q", name)
		}
		role := s.company.of(s.players.held(call), next)
		agent := s.persona(call, role, next, info)
		parts := role.answers(&agent, info, s.recalling(ctx, call, next, &agent, info), s.relayLine(call, next))
		parts.Responder = s.traced(ctx, call, role, next, s.keypads.before(next, parts.Responder, parts.Responder, info))
		return agent, parts, nil
	}
}
