package preanswer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/pipeline"
	"parley/store"
)

// A verdict is what may be answered. Fields that are not here are ignored.
type verdict struct {
	AgentID   string                     `json:"agent_id"`
	Agent     string                     `json:"agent"` // its name, instead
	Variables map[string]json.RawMessage `json:"variables"`
	Greeting  string                     `json:"greeting"`
	Reject    *struct {
		Reason string `json:"reason"`
	} `json:"reject"`
}

// The reasons for which a call may be rejected.
const (
	Busy     = "busy"
	Rejected = "rejected"
)

// What an answer may hold. A greeting is as long as an agent's starting message.
const (
	maxAnswer    = 64 << 10 // bytes
	maxVariables = 64
	maxName      = 64   // characters
	maxValue     = 2000 // characters
	maxGreeting  = 5000 // characters
)

// Agents are those that may be chosen. A directory.Directory does.
type Agents interface {
	Agent(org, id string) (store.Agent, error)
	Agents() []store.Agent
}

// read makes of an answer what is kept of it. An error names the field, and the answer is worth nothing then: neither is a part of it heeded.
func read(text []byte, org string, agents Agents) (p store.PreAnswer, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return store.PreAnswer{Outcome: Empty}, nil
	}
	var v verdict
	in := json.NewDecoder(bytes.NewReader(text))
	if err := in.Decode(&v); err != nil {
		return p, fmt.Errorf("the answer is no JSON object of the kind that is wanted: %s", fault(err))
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return p, errors.New("there is something behind the answer's JSON object")
	}
	if v.Reject != nil {
		return rejected(v.Reject.Reason)
	}
	if p.Agent, err = v.chosen(org, agents); err != nil {
		return p, err
	}
	if n := utf8.RuneCountInString(v.Greeting); n > maxGreeting {
		return p, fmt.Errorf("greeting has %d characters: at most %d are taken", n, maxGreeting)
	}
	p.Greeting = v.Greeting
	if p.Variables, err = v.variables(); err != nil {
		return p, err
	}
	p.Outcome = Heeded
	if p.Agent == "" && p.Greeting == "" && len(p.Variables) == 0 {
		p.Outcome = Empty
	}
	return p, nil
}

// fault is what is wrong with JSON, without the values, which are the client's.
func fault(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		return kind.Field + " cannot be a " + kind.Value
	}
	return "it cannot be read"
}

func rejected(reason string) (p store.PreAnswer, err error) {
	switch reason {
	case "":
		reason = Rejected
	case Busy, Rejected:
	default:
		return p, fmt.Errorf("reject.reason is %.40q: want busy or rejected", reason)
	}
	return store.PreAnswer{Outcome: Rejected, Reject: reason}, nil
}

// chosen is the agent that is to answer, by its id; empty: the number's own.
func (v verdict) chosen(org string, agents Agents) (id string, err error) {
	switch {
	case v.AgentID != "" && v.Agent != "":
		return "", errors.New("agent_id and agent are both there: want one of them")
	case v.AgentID != "":
		a, err := agents.Agent(org, v.AgentID)
		if err != nil || !a.Enabled {
			return "", errors.New("agent_id is of no agent of the organisation that is enabled")
		}
		return a.ID, nil
	case v.Agent != "":
		all := agents.Agents()
		i := slices.IndexFunc(all, func(a store.Agent) bool { return a.Org == org && a.Name == v.Agent && a.Enabled })
		if i < 0 {
			return "", errors.New("agent names no agent of the organisation that is enabled")
		}
		return all[i].ID, nil
	}
	return "", nil
}

// variables are texts for the places of the agent's words. Numbers and truth values are taken as they are written, null is none.
func (v verdict) variables() (map[string]string, error) {
	if len(v.Variables) > maxVariables {
		return nil, fmt.Errorf("variables are %d: at most %d are taken", len(v.Variables), maxVariables)
	}
	var all map[string]string
	for name, raw := range v.Variables {
		if err := nameable(name); err != nil {
			return nil, fmt.Errorf("variables.%.64q %w", name, err)
		}
		text := string(raw)
		switch raw[0] {
		case 'n':
			continue
		case '{', '[':
			return nil, fmt.Errorf("variables.%s is neither a text nor a number", name)
		case '"':
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, fmt.Errorf("variables.%s cannot be read", name)
			}
		}
		if n := utf8.RuneCountInString(text); n > maxValue {
			return nil, fmt.Errorf("variables.%s has %d characters: at most %d are taken", name, n, maxValue)
		}
		if all == nil {
			all = make(map[string]string, len(v.Variables))
		}
		all[name] = text
	}
	return all, nil
}

// reserved begins the names of parameters that are the server's own: one of them could make the call another's.
const reserved = "parley_"

// nameable says why a variable cannot have a name.
func nameable(name string) error {
	switch {
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Errorf("is longer than %d characters", maxName)
	case !pipeline.Nameable(name):
		return errors.New("is no name: letters, digits and _ . - alone")
	case name == "from", name == "to", name == "token", strings.HasPrefix(strings.ToLower(name), reserved):
		return errors.New("is a name of the server's own")
	}
	return nil
}
