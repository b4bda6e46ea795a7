package tool

import (
	"context"
	"strings"

	"parley/pipeline"
)

// PressKeys is the tool "press_keys", with which a model gets through the menus of another machine.
func PressKeys() pipeline.Tool {
	return made("press_keys", "Press telephone keys, to get through the menu of a machine that you are talking to. They are pressed after what you have said so far.", &Schema{
		Properties: map[string]*Schema{
			"keys": {Type: "string", Description: "0-9, *, #, A-D in order; w is a pause of half a second, p of one second. For example 1, or 4w2077#."},
		},
		Required: []string{"keys"},
	}, func(_ context.Context, a arguments) (string, *pipeline.Command, error) {
		do := &pipeline.Command{Kind: pipeline.Press, Keys: strings.NewReplacer(" ", "", ",", "p", "P", "p", "a", "A", "b", "B", "c", "C", "d", "D").Replace(a.text("keys"))}
		if err := do.Check(); err != nil {
			return "", nil, err
		}
		return "The keys are pressed. Say nothing until you hear what comes of it.", do, nil
	})
}
