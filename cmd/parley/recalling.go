package main

import (
	"context"

	"parley/control/recall"
	"parley/media"
	"parley/pipeline"
	"parley/pipeline/memory"
	"parley/store"
)

// recalling lets the model of a call know what was said with the other end before, if its agent may. It begins to look now, and nobody waits.
func (s *server) recalling(ctx context.Context, call string, row store.Agent, agent *pipeline.Agent, info media.Info) informed {
	known := s.informed(call, row)
	other := info.From
	if info.Params[pipeline.TokenParam] != "" { // we have called them
		other = info.To
	}
	search, ok := s.company.recall.Search(row, call, recall.Called(info.Kind, other)...)
	if !ok {
		return known
	}
	agent.Prompt = memory.Instructed(agent.Prompt)
	r := memory.Begin(ctx, memory.Options{
		Recall: func(ctx context.Context) ([]memory.Past, error) { return s.company.recall.Recall(ctx, search) },
		Zone:   search.Clock(),
		Failed: func(err error) {
			s.log.Warn("earlier conversations are not recalled", "call", call, "agent", row.ID, "error", err)
		},
	})
	return func(model pipeline.Responder) pipeline.Responder { return r.Responder(known.by(model)) }
}
