package score_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
	"parley/pipeline/tool"
)

// clock is a tool that takes some seconds to tell the time.
func clock(takes float64) pipeline.Tool {
	return pipeline.Tool{Name: "clock", Run: func(ctx context.Context, _ json.RawMessage) (string, *pipeline.Command, error) {
		select {
		case <-time.After(time.Duration(takes*float64(time.Second)) + 3*time.Millisecond):
			return "noon", nil, nil
		case <-ctx.Done():
			return "", nil, ctx.Err()
		}
	}}
}

func call(name, id string) pipeline.Delta {
	return pipeline.Delta{Call: &pipeline.ToolCall{ID: id, Name: name, Args: json.RawMessage(`{}`)}}
}

// uses answers words with text and calls.
func uses(text string, calls ...string) func(pipeline.Talk) []pipeline.Delta {
	return func(k pipeline.Talk) []pipeline.Delta {
		if k.Why != pipeline.ForWords {
			return Parrot(k)
		}
		var d []pipeline.Delta
		if text != "" {
			d = Text(text)
		}
		for i, c := range calls {
			d = append(d, call(c, string(rune('a'+i))))
		}
		return d
	}
}

var asksClock = uses("Let me look.", "clock")

func TestTools(t *testing.T) {
	ask := Says("what time", 2, 2.5)
	farewell := pipeline.Delta{Call: &pipeline.ToolCall{ID: "x", Name: "end_call", Args: json.RawMessage(`{"farewell":"Goodbye and thank you for calling."}`)}}
	ends := func(k pipeline.Talk) []pipeline.Delta {
		if k.Why == pipeline.ForWords && k.Text == "what time" {
			return []pipeline.Delta{farewell}
		}
		return Parrot(k)
	}
	play(t, []scene{
		{name: "tool", score: Score{Tools: []pipeline.Tool{clock(0.5)}, Model: Model{Answer: asksClock}, Caller: []Cue{ask, HangsUp(9)}}},
		{name: "tool at once", score: Score{Tools: []pipeline.Tool{clock(0)}, Model: Model{Answer: uses("", "clock")}, Caller: []Cue{ask, HangsUp(9)}}},
		{name: "two tools", score: Score{Tools: []pipeline.Tool{clock(0.5)}, Model: Model{Answer: uses("One moment.", "clock", "clock")}, Caller: []Cue{ask, HangsUp(9)}}},
		{name: "tool without a name to call it by", score: Score{Tools: []pipeline.Tool{clock(0.5)}, Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForWords {
				return []pipeline.Delta{call("clock", ""), call("clock", "")}
			}
			return Parrot(k)
		}}, Caller: []Cue{ask, HangsUp(9)}}},
		{name: "unknown tool", score: Score{Model: Model{Answer: uses("", "abacus")}, Caller: []Cue{ask, HangsUp(11)}}},
		{name: "tool fails", score: Score{Tools: []pipeline.Tool{{Name: "clock", Run: func(context.Context, json.RawMessage) (string, *pipeline.Command, error) {
			return "", nil, errors.New("stopped")
		}}}, Model: Model{Answer: asksClock}, Caller: []Cue{ask, HangsUp(9)}}},
		{name: "tool is late", score: Score{Tools: []pipeline.Tool{clock(60)}, Model: Model{Answer: asksClock}, Caller: []Cue{ask, HangsUp(28)}},
			check: func(t *testing.T, p *Performance) {
				near(t, "given up", when(t, p, pipeline.ToolUsed, 0), 3.555+15, 0.03)
			}},
		{name: "tool ignores its context", score: Score{Tools: []pipeline.Tool{{Name: "clock", Run: func(context.Context, json.RawMessage) (string, *pipeline.Command, error) {
			time.Sleep(25 * time.Second)
			return "too late", nil, nil
		}}}, Model: Model{Answer: asksClock}, Caller: []Cue{ask, HangsUp(32)}}},
		{name: "tools without end", score: Score{Manners: pipeline.Manners{ToolSteps: 2}, Tools: []pipeline.Tool{clock(0)}, Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForGreeting {
				return Parrot(k)
			}
			return []pipeline.Delta{call("clock", "a")}
		}}, Caller: []Cue{ask, HangsUp(12)}}},
		{name: "tool panics", score: Score{Tools: []pipeline.Tool{{Name: "clock", Run: func(context.Context, json.RawMessage) (string, *pipeline.Command, error) {
			panic("scripted panic")
		}}}, Model: Model{Answer: asksClock}, Caller: []Cue{ask, Says("and now", 9, 9.5), HangsUp(14)}}, check: func(t *testing.T, p *Performance) {
			if p.Ending.Cause != "caller" || strings.Contains(p.String(), "scripted") {
				t.Errorf("ended %q, and the model was told %+v", p.Ending.Cause, p.Ending.History)
			}
		}},
		{name: "tool and a failing voice", score: Score{
			Tools: []pipeline.Tool{clock(0.5)}, Model: Model{Answer: asksClock}, Voice: Voice{Fault: Fault{Kind: Fails, On: 2}}, Caller: []Cue{ask, HangsUp(9)},
		}},
		{name: "end_call", score: Score{Tools: []pipeline.Tool{tool.EndCall()}, Model: Model{Answer: ends}, Caller: []Cue{ask}}},
		{name: "end_call interrupted", score: Score{Tools: []pipeline.Tool{tool.EndCall()}, Model: Model{Answer: ends}, Caller: []Cue{ask, Says("wait please", 4, 4.7), HangsUp(9)}}},
		{name: "end_call that cannot be read", score: Score{Tools: []pipeline.Tool{tool.EndCall()}, Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why != pipeline.ForWords {
				return Parrot(k)
			}
			return []pipeline.Delta{{Call: &pipeline.ToolCall{ID: "x", Name: "end_call", Args: json.RawMessage(`[`)}}}
		}}, Caller: []Cue{ask, HangsUp(12)}}},
		{name: "hang-up by the response", score: Score{Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why != pipeline.ForWords {
				return Parrot(k)
			}
			return []pipeline.Delta{{Text: "Bye then."}, {Do: &pipeline.Command{Kind: pipeline.HangUp}}}
		}}, Caller: []Cue{ask}}},
		{name: "say by the response", score: Score{Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why != pipeline.ForWords {
				return Parrot(k)
			}
			return []pipeline.Delta{{Text: "First."}, {Do: &pipeline.Command{Kind: pipeline.Say, Text: "Second."}}}
		}}, Caller: []Cue{ask, HangsUp(8)}}},
	})
}
