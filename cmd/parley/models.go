package main

import (
	"cmp"
	"context"

	"parley/control/traits"
	"parley/pipeline"
)

// A thinker is a vendor's language model.
type thinker interface {
	pipeline.Responder
	Warm(ctx context.Context) error
	Check() error
	Close()
}

// think notes the language models that there are, and chooses the one that is meant where none is named: the first, unless a setting names
// another.
func (v *vendors) think() {
	v.models = map[string]thinker{}
	for _, e := range table {
		m := v.opened[e.name].llm
		if m == nil {
			continue
		}
		v.models[e.name] = m
		if v.mind == "" || e.name == v.thinks {
			v.mind = e.name
		}
	}
}

// tuned is a vendor's language model as settings want it, and its name; nil: there is none.
func (v *vendors) tuned(vendor string, set traits.LanguageModel, c *config) (pipeline.Responder, string) {
	m, ok := v.models[vendor]
	if !ok {
		return nil, ""
	}
	t := entryOf(vendor).thinks
	name := cmp.Or(set.Model, t.model(c))
	if !tunes(set) || t.tune == nil {
		return m, name
	}
	return t.tune(m, c, name, set), name
}
