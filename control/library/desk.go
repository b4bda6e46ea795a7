package library

import (
	"context"

	"parley/pipeline"
	"parley/pipeline/knowledge"
)

// A Desk is where the calls of one agent ask.
type Desk struct {
	Library    *Library
	Org, Agent string
}

var _ knowledge.Librarian = Desk{}

// offered is how many passages a question may bring: more of them than a model is given room for, by default.
const offered = 8

// Look implements [knowledge.Librarian].
func (d Desk) Look(ctx context.Context, question string) ([]knowledge.Passage, error) {
	found, err := d.Library.Look(ctx, d.Org, d.Agent, question, offered)
	var passages []knowledge.Passage
	for _, p := range found {
		passages = append(passages, knowledge.Passage{Source: pipeline.Source{Document: p.Name, Place: p.Place}, Text: p.Text})
	}
	return passages, err
}
