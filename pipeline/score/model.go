package score

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"parley/pipeline"
)

// A Model is the scripted responder.
type Model struct {
	Think   float64                              // before the first delta; default 0.3
	PerWord float64                              // between two words of text; default 0.01
	Answer  func(pipeline.Talk) []pipeline.Delta // text in one piece is told word by word; nil: Parrot
	Fault   Fault
}

// Parrot answers everything with something that says what it answers.
func Parrot(talk pipeline.Talk) []pipeline.Delta {
	switch talk.Why {
	case pipeline.ForGreeting:
		return Text("Welcome to Parley.")
	case pipeline.ForWords:
		return Text("You said " + talk.Text + ".")
	case pipeline.ForKeys:
		return Text("You pressed " + talk.Keys + ".")
	case pipeline.ForSilence:
		return Text("Are you there?")
	default:
		return Text("The tool says " + talk.History[len(talk.History)-1].Text + ".")
	}
}

// Text is a response of nothing but text.
func Text(s string) []pipeline.Delta { return []pipeline.Delta{{Text: s}} }

// Lines answers by what the caller said, by "keys 12", "greeting", "silence" or "tool"; all else as Parrot does.
func Lines(lines map[string]string) func(pipeline.Talk) []pipeline.Delta {
	return func(talk pipeline.Talk) []pipeline.Delta {
		key := string(talk.Why)
		switch talk.Why {
		case pipeline.ForWords:
			key = talk.Text
		case pipeline.ForKeys:
			key = "keys " + talk.Keys
		case pipeline.ForToolResult:
			key = "tool"
		}
		if s, ok := lines[key]; ok {
			return Text(s)
		}
		return Parrot(talk)
	}
}

type model struct {
	Model
	p    *Performance
	mu   sync.Mutex
	uses int
	busy bool
}

func (m *model) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		m.mu.Lock()
		m.uses++
		use := m.uses
		if m.busy {
			m.mu.Unlock()
			panic("asked again before the last iteration had ended")
		}
		m.busy = true
		talk.History = slices.Clone(talk.History)
		m.p.Talks = append(m.p.Talks, talk)
		m.mu.Unlock()
		defer func() {
			m.mu.Lock()
			m.busy = false
			m.mu.Unlock()
		}()
		think := m.Think
		if think == 0 {
			think = 0.3013
		}
		if err := sleep(ctx, seconds(think)); err != nil {
			yield(pipeline.Delta{}, err)
			return
		}
		m.tell(ctx, talk, use, yield)
	}
}

func (m *model) tell(ctx context.Context, talk pipeline.Talk, use int, yield func(pipeline.Delta, error) bool) {
	answer, pause, piece := m.Answer, m.PerWord, 0
	if answer == nil {
		answer = Parrot
	}
	if pause == 0 {
		pause = 0.01
	}
	for _, d := range pieces(answer(talk)) {
		if over, err := m.Fault.strike(ctx, use, piece); over {
			if err != nil {
				yield(pipeline.Delta{}, err)
			}
			return
		}
		if !yield(d, nil) {
			return
		}
		if piece++; d.Text != "" {
			if err := sleep(ctx, seconds(pause)); err != nil {
				yield(pipeline.Delta{}, err)
				return
			}
		}
	}
	if over, err := m.Fault.strike(ctx, use, piece); over && err != nil {
		yield(pipeline.Delta{}, err)
	}
}

// pieces are deltas with their text word by word.
func pieces(deltas []pipeline.Delta) (all []pipeline.Delta) {
	for _, d := range deltas {
		if d.Text == "" {
			all = append(all, d)
			continue
		}
		for w := range strings.SplitAfterSeq(d.Text, " ") {
			all = append(all, pipeline.Delta{Text: w})
		}
	}
	return all
}
