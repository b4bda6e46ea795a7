package tool

import (
	"context"
	"fmt"
	"strings"

	"parley/pipeline"
)

// A Colleague is another agent that can take over.
type Colleague struct {
	Name string
	When string // for the model: when to hand over
}

// HandOver is the tool "hand_over": another agent goes on with the call, and knows what was said. Without colleagues it is not offered.
func HandOver(colleagues []Colleague) pipeline.Tool {
	var names []any
	about := "Hand the call over to a colleague, who knows what has been said so far. Colleagues: "
	for _, c := range colleagues {
		names = append(names, c.Name)
		about += c.Name
		if c.When != "" {
			about += " (" + c.When + ")"
		}
		about += "; "
	}
	f := func(_ context.Context, a arguments) (string, *pipeline.Command, error) {
		name := a.text("agent")
		return fmt.Sprintf("%s takes over as soon as you have finished. Say one short sentence about that, and nothing else.", name),
			&pipeline.Command{Kind: pipeline.Change, Agent: name, Ask: true}, nil
	}
	if len(names) == 0 {
		f = nil
	}
	return made("hand_over", strings.TrimSuffix(about, "; ")+".", &Schema{
		Properties: map[string]*Schema{"agent": {Type: "string", Description: "The colleague's name.", Enum: names}},
		Required:   []string{"agent"},
	}, f)
}
