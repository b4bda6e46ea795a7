package tool

import (
	"context"
	"time"

	"parley/pipeline"
)

// longestWait is how long a caller may be left alone by WaitFor.
const longestWait = 30 * time.Minute

// WaitFor is the tool "wait", for a caller who has asked for a moment: nobody asks them again until they speak, or the time is over.
func WaitFor() pipeline.Tool {
	return made("wait", "Wait quietly because the caller has asked for a moment, to look for something or to talk to somebody. You are called again when they speak, or when the time is over.", &Schema{
		Properties: map[string]*Schema{
			"seconds": {Type: "integer", Description: "How long to wait; 60 if the caller did not say.", Minimum: at(5.0), Maximum: at(longestWait.Seconds())},
		},
		Required: []string{"seconds"},
	}, func(_ context.Context, a arguments) (string, *pipeline.Command, error) {
		n, _ := a["seconds"].(int64)
		return "You are waiting. Say in a few words that the caller may take their time, and nothing else.",
			&pipeline.Command{Kind: pipeline.Wait, For: time.Duration(n) * time.Second}, nil
	})
}
