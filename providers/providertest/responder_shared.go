package providertest

import (
	"strings"
	"time"

	"parley/pipeline"
)

// shared are the answers that all protocols have, healthy and not, besides those of one.
func shared(d Dialect, own map[string]responderAnswer) map[string]responderAnswer {
	play := func(acts ...Act) ModelAnswer { return ModelAnswer{Steps: d.script(acts)} }
	raw := func(s ModelStep) Act { return Act{Raw: &s} }
	usage := func(out int) pipeline.Usage { return pipeline.Usage{Input: 120, Output: out} }
	for name, a := range map[string]responderAnswer{
		"text":         {answer: play(said("Sure. "), said("At eight?"), ended("stop")), want: response{Text: "Sure. At eight?", Finish: "stop", Usage: usage(2)}},
		"byte by byte": {answer: drip(ModelSay(d, "Où? À huit heures — 😀.")), want: response{Text: "Où? À huit heures — 😀.", Finish: "stop", Usage: usage(6)}},
		"comments between events": {answer: play(raw(ModelStep{Write: ": ping\r\n\r\n"}), said("Sure. "), raw(ModelStep{Write: ":\n\n"}), ended("stop")),
			want: response{Text: "Sure. ", Finish: "stop", Usage: usage(1)}},
		"two tool calls": {answer: drip(play(said("One moment. "), called("call_A", "book", `{"n`), more(`":2}`), called("call_B", "book", `{"n":5}`), cost("tool_calls", ModelUsed{120, 18, 64}))),
			want: response{Text: "One moment. ", Calls: []pipeline.ToolCall{bookTwo, bookFive}, Finish: "tool_calls", Usage: pipeline.Usage{Input: 120, Output: 18, Cached: 64}}},
		"a tool call without arguments": {answer: play(called("call_A", "book", ""), cost("tool_calls", ModelUsed{120, 9, 0})),
			want: response{Calls: []pipeline.ToolCall{{ID: "call_A", Name: "book", Args: []byte("{}")}}, Finish: "tool_calls", Usage: usage(9)}},
		"a tool call without a name": {answer: play(called("call_A", "", "{}"), ended("tool_calls")), fails: true},
		"cut by length":              {answer: play(said("Sure. "), ended("length")), want: response{Text: "Sure. ", Finish: "length", Usage: usage(1)}},
		"an error in the stream":     {answer: play(said("Sure. "), raw(d.overloaded())), want: partial, fails: true},
		"garbage in the stream":      {answer: play(said("Sure. "), raw(ModelStep{Write: "data: <html>oops\n\n"})), want: partial, fails: true},
		"the stream ends too early":  {answer: play(said("Sure. ")), want: partial, fails: true},
		"half-closed":                {answer: play(said("Sure. "), broken(ModelHalfClose)), want: partial, fails: true},
		"reset":                      {answer: play(said("Sure. "), raw(ModelStep{After: 50 * time.Millisecond, Then: ModelReset})), want: partial, fails: true},
		"a line without end":         {answer: play(said("Sure. "), raw(ModelStep{Write: "data: " + strings.Repeat("x", 4<<20)})), want: partial, fails: true},
		"an event without end": {answer: play(said("Sure. "), raw(ModelStep{Write: strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 4<<10)})),
			want: partial, fails: true},
	} {
		own[name] = a
	}
	if torn := d.torn(); torn != "{}" {
		own["a tool call that is cut by length"] = responderAnswer{answer: play(called("call_A", "book", `{"n":`), ended("length")), fails: true}
		own["arguments that are no object"] = responderAnswer{answer: play(called("call_A", "book", torn), called("call_B", "book", "[5]"), cost("tool_calls", ModelUsed{120, 9, 0})), want: response{
			Calls: []pipeline.ToolCall{{ID: "call_A", Name: "book", Args: []byte(`"{\"n\":two}"`)}, {ID: "call_B", Name: "book", Args: []byte(`"[5]"`)}}, Finish: "tool_calls", Usage: usage(9),
		}}
	}
	return own
}
