package providertest

import (
	"encoding/json"
	"strings"
	"time"

	"parley/pipeline"
)

// chatAnswers are streams of chat completions, as OpenAI makes them and as its clones do, and what must come of them.
// They are made when they are asked for: the program links this package for its mock vendors, and some are large.
func chatAnswers() map[string]responderAnswer {
	return map[string]responderAnswer{
		"text": {answer: OpenAISay("Sure. At eight?"), want: response{Text: "Sure. At eight?", Finish: "stop", Usage: pipeline.Usage{Input: 120, Output: 3}}},
		"byte by byte": {answer: drip(OpenAISay("Où? À huit heures — 😀.")),
			want: response{Text: "Où? À huit heures — 😀.", Finish: "stop", Usage: pipeline.Usage{Input: 120, Output: 6}}},
		"lines end in CRLF, with comments and other fields": {
			answer: stream(": ping\r\n\r\nevent: x\r\nid: 1\r\nretry: 5\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"Sure.\"}}]}\r\n\r\n:\r\n" +
				"data: {\"choices\":[{\"delta\":{},\r\ndata: \"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n"),
			want: response{Text: "Sure.", Finish: "stop"}},
		"lines end in CR, after a byte order mark": {
			answer: stream("\xef\xbb\xbfdata: {\"choices\":[{\"delta\":{\"content\":\"Sure.\"},\"finish_reason\":\"stop\"}]}\r\rdata: [DONE]\r\r"),
			want:   response{Text: "Sure.", Finish: "stop"}},
		"a tool call in pieces": {
			answer: drip(steps(OpenAIText("One moment. "), OpenAIToolCall(0, "call_A", "book", ""), OpenAIToolCall(0, "", "", `{"n`), OpenAIToolCall(0, "", "", `":2}`),
				OpenAIFinish("tool_calls"), OpenAIUsage(120, 18, 64), OpenAIDone())),
			want: response{Text: "One moment. ", Calls: []pipeline.ToolCall{bookTwo}, Finish: "tool_calls", Usage: pipeline.Usage{Input: 120, Output: 18, Cached: 64}}},
		"two tool calls": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n":`), OpenAIToolCall(0, "", "", `2}`), OpenAIToolCall(1, "call_B", "book", `{"n":5}`), OpenAIFinish("tool_calls"), OpenAIDone()),
			want:   response{Calls: []pipeline.ToolCall{bookTwo, bookFive}, Finish: "tool_calls"}},
		"a clone's tool calls: all in one delta, no index, then stop": {
			answer: stream(`data: {"choices":[{"delta":{"tool_calls":[{"id":"call_A","function":{"name":"book","arguments":"{\"n\":2}"}},` +
				`{"id":"call_B","function":{"name":"book","arguments":{"n":5}}}]},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"),
			want: response{Calls: []pipeline.ToolCall{bookTwo, bookFive}, Finish: "tool_calls"}},
		"a clone's tool call: id and name in every piece": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n"`), OpenAIToolCall(0, "call_A", "book", `:2}`), OpenAIFinish("tool_calls"), OpenAIDone()),
			want:   response{Calls: []pipeline.ToolCall{bookTwo}, Finish: "tool_calls"}},
		"a clone's tool calls: the same index for all": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n":2}`), OpenAIToolCall(0, "call_B", "book", `{"n":5}`), OpenAIFinish("tool_calls"), OpenAIDone()),
			want:   response{Calls: []pipeline.ToolCall{bookTwo, bookFive}, Finish: "tool_calls"}},
		"a tool call without arguments": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", ""), OpenAIFinish("tool_calls"), OpenAIDone()),
			want:   response{Calls: []pipeline.ToolCall{{ID: "call_A", Name: "book", Args: json.RawMessage("{}")}}, Finish: "tool_calls"}},
		"a tool call that is cut by length": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n":`), OpenAIFinish("length"), OpenAIDone()), want: response{}, fails: true},
		"tool calls with arguments that are no object": {
			answer: steps(OpenAIToolCall(0, "call_A", "book", `{"n":`), OpenAIToolCall(0, "", "", `two}`), OpenAIToolCall(1, "call_B", "book", `[5]`), OpenAIFinish("tool_calls"), OpenAIDone()),
			want: response{Calls: []pipeline.ToolCall{
				{ID: "call_A", Name: "book", Args: json.RawMessage(`"{\"n\":two}"`)}, {ID: "call_B", Name: "book", Args: json.RawMessage(`"[5]"`)},
			}, Finish: "tool_calls"}},
		"a tool call without a name": {
			answer: steps(OpenAIToolCall(0, "call_A", "", "{}"), OpenAIFinish("tool_calls"), OpenAIDone()), want: response{}, fails: true},
		"no [DONE], no usage":      {answer: steps(OpenAIText("Sure. "), OpenAIFinish("stop")), want: response{Text: "Sure. ", Finish: "stop"}},
		"[DONE] without a reason":  {answer: steps(OpenAIText("Sure. "), OpenAIDone()), want: response{Text: "Sure. ", Finish: "stop"}},
		"no blank line at the end": {answer: stream(`data: {"choices":[{"delta":{"content":"Sure. "},"finish_reason":"stop"}]}`), want: response{Text: "Sure. ", Finish: "stop"}},
		"null content":             {answer: stream(`data: {"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":"length"}]}` + "\n\ndata: [DONE]\n\n"), want: response{Finish: "length"}},
		"an answer that does not stream": {
			answer: OpenAIAnswer{Body: `{"choices":[{"index":0,"message":{"role":"assistant","content":"Sure. "},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}`},
			want:   response{Text: "Sure. ", Finish: "stop", Usage: pipeline.Usage{Input: 9, Output: 2}}},
		"an error in the stream":    {answer: steps(OpenAIText("Sure. "), OpenAIData(`{"error":{"message":"overloaded","code":503}}`)), want: partial, fails: true},
		"garbage in the stream":     {answer: steps(OpenAIText("Sure. "), OpenAIStep{Write: "data: <html>oops\n\n"}), want: partial, fails: true},
		"the stream ends too early": {answer: steps(OpenAIText("Sure. ")), want: partial, fails: true},
		"half-closed":               {answer: steps(OpenAIText("Sure. "), OpenAIStep{Then: ModelHalfClose}), want: partial, fails: true},
		"reset":                     {answer: steps(OpenAIText("Sure. "), OpenAIStep{After: 50 * time.Millisecond, Then: ModelReset}), want: partial, fails: true},
		"a line without end":        {answer: steps(OpenAIText("Sure. "), OpenAIStep{Write: "data: " + strings.Repeat("x", 4<<20)}), want: partial, fails: true},
		"an event without end": {answer: steps(OpenAIText("Sure. "), OpenAIStep{Write: strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 4<<10)}),
			want: partial, fails: true},
	}
}
