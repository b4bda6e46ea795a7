// Package tool is what a model can do on a call besides talking: the built-in tools, and the reading of arguments.
//
//	model ──ToolCall──▶ Schema.Read ──▶ Run ──▶ a backend of cmd's: Scheduler, Messenger
//	  ▲                     │            ├──▶ Command ──▶ the call: HangUp, Transfer, Press, Wait, Change, Collect
//	  └── what is wrong ◀───┘            └──▶ the result, in words ──▶ model
//
// Each tool is made for one call, by a constructor that is given what it needs of the world. Where that is missing the tool cannot run, and
// Offered leaves it out: a model is not told of what it cannot do. All that a model gets wrong comes back to it as a sentence that says
// what is wanted; nothing that it sends makes a tool panic.
package tool

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"parley/pipeline"
)

// A Line is the call on which tools are used.
type Line struct {
	Call string // its id, which backends are told
	From string // the caller's number, in E.164; empty: not known
	Zone *time.Location
}

// zone is where the caller's times are meant.
func (l Line) zone() *time.Location {
	if l.Zone == nil {
		return time.UTC
	}
	return l.Zone
}

// now is the time of the line.
func (l Line) now() time.Time { return time.Now().In(l.zone()) }

// Offered are the tools that can run; those without what they need are left out. Of two with one name the first counts.
func Offered(tools ...pipeline.Tool) []pipeline.Tool {
	known := make(map[string]bool)
	return slices.DeleteFunc(slices.Clone(tools), func(t pipeline.Tool) bool {
		out := t.Run == nil || known[t.Name]
		known[t.Name] = true
		return out
	})
}

// run is what a tool does with arguments that fit its schema.
type run func(ctx context.Context, a arguments) (result string, do *pipeline.Command, err error)

// made is a tool of a schema that is known to be sound. Without f it is not offered.
func made(name, description string, s *Schema, f run) pipeline.Tool {
	s.Type, s.Closed = "object", true
	raw, err := json.Marshal(s)
	t := pipeline.Tool{Name: name, Description: description, Parameters: raw}
	if f == nil || err != nil || s.prepare("") != nil {
		return t
	}
	t.Run = func(ctx context.Context, args json.RawMessage) (string, *pipeline.Command, error) {
		a, err := s.Read(args)
		if err != nil {
			return "", nil, err
		}
		return f(ctx, a)
	}
	return t
}

// arguments are those of one use of a tool, as Schema.Read leaves them.
type arguments map[string]any

// text is an argument's words; empty: it is missing.
func (a arguments) text(name string) string {
	s, _ := a[name].(string)
	return strings.TrimSpace(s)
}

// EndCall is the tool "end_call", with which a model says goodbye: what it gives as farewell is spoken, heard out, and then the call
// ends with cause agent. A caller who interrupts the farewell keeps the call.
func EndCall() pipeline.Tool {
	return made("end_call", "End the phone call. Use it when the caller has said goodbye or nothing is left to do.", &Schema{
		Properties: map[string]*Schema{
			"farewell": {Type: "string", Description: "What to say before hanging up, unless you have said goodbye already.", MaxLength: at(500)},
		},
	}, func(_ context.Context, a arguments) (string, *pipeline.Command, error) {
		return "The call is ending.", &pipeline.Command{Kind: pipeline.HangUp, Text: a.text("farewell")}, nil
	})
}

func at[T any](v T) *T { return &v }
