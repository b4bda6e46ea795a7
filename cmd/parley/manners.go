package main

import (
	"errors"
	"fmt"
	"os"

	"parley/control/traits"
	"parley/pipeline"
)

// behaviour is how agents behave: by the file of manners, and by the settings that come before it.
func (c *config) behaviour() (pipeline.Manners, error) {
	var m pipeline.Manners
	var file traits.MannersText
	if c.Manners != "" {
		text, err := os.ReadFile(c.Manners)
		if err != nil {
			return m, fmt.Errorf("read --manners: %w", err)
		}
		if file, err = traits.ReadManners(text, &m); err != nil {
			return m, fmt.Errorf("%s: %w", c.Manners, err)
		}
	}
	override(&m.Hangover, c.Hangover)
	override(&m.BargeIn, c.BargeIn)
	override(&m.Silence, c.Silence)
	override(&m.TranscriptLimit, c.WordsWait)
	override(&m.MaxLength, c.MaxLength)
	if override(&m.Reprompts, c.Reprompts); c.Reprompts != nil && *c.Reprompts == 0 {
		m.Reprompts = -1 // never: for Manners 0 is the default
	}
	if err := m.Validate(); err != nil {
		var bad []error
		for _, f := range file.Explain(err) {
			said := fmt.Errorf("manners: %s %s", f.Path, f.Reason)
			if f.Line > 0 {
				said = fmt.Errorf("%w (line %d)", said, f.Line)
			}
			bad = append(bad, said)
		}
		return m, errors.Join(bad...)
	}
	return m, nil
}

func override[T any](field, setting *T) {
	if setting != nil {
		*field = *setting
	}
}
