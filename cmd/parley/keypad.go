package main

import (
	"log/slog"
	"sync"

	"parley/media"
	"parley/pipeline"
	"parley/pipeline/keypad"
	"parley/store"
)

// keypads are the agents' rules for keys, each read once a version.
type keypads struct {
	log   *slog.Logger
	nodes func(row store.Agent) func(name string) bool // whether the flow that answers for an agent has a node; nil: no flow answers

	mu    sync.Mutex
	known map[string]keypadOf // by agent
}

// keypadOf is what came of one version of an agent's rules; nil: it has none that can be used.
type keypadOf struct {
	version int
	rules   *keypad.Rules
}

// of are an agent's rules; nil: it has none. Rules that were kept before they were checked, and are wrong, are as none: the agent
// answers all the same, and the log says why, once.
func (k *keypads) of(row store.Agent) *keypad.Rules {
	if row.DTMFRules == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.known[row.ID]; ok && row.Version != 0 && known.version == row.Version {
		return known.rules
	}
	rules, err := keypad.Parse([]byte(row.DTMFRules))
	if err != nil {
		k.log.Warn("the rules for keys are left out: they are wrong", "agent", row.ID, "version", row.Version, "error", err)
	} else {
		k.lead(row, rules)
	}
	if err != nil || rules.Empty() {
		rules = nil
	}
	if k.known == nil {
		k.known = map[string]keypadOf{}
	}
	if row.Version != 0 { // a draft is of one call
		k.known[row.ID] = keypadOf{row.Version, rules}
	}
	return rules
}

// lead says which keys lead nowhere.
func (k *keypads) lead(row store.Agent, rules *keypad.Rules) {
	names := rules.Nodes()
	if len(names) == 0 {
		return
	}
	has := k.nodes(row)
	for _, name := range names {
		switch {
		case has == nil:
			k.log.Warn("keys lead to a flow's node, and no flow answers: the agent is told them", "agent", row.ID, "node", name)
		case !has(name):
			k.log.Warn("keys lead to a node that the flow does not have: the agent is told them", "agent", row.ID, "node", name)
		}
	}
}

// before puts an agent's rules for keys before what answers its call: greeted is that with the agent's own greeting.
func (k *keypads) before(row store.Agent, answers, greeted pipeline.Responder, info media.Info) pipeline.Responder {
	rules := k.of(row)
	if rules == nil {
		return greeted
	}
	script, _ := answers.(keypad.Script)
	return rules.Responder(keypad.Options{Agent: greeted, Script: script, Slots: pipeline.Slots(info)})
}
