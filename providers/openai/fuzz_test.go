package openai

import (
	"bytes"
	"testing"
	"time"

	"parley/providers/chat"
	"parley/providers/providertest"
)

// FuzzCompletion: whatever a server sends, it makes whole deltas and at most one error, the same however it is cut into reads.
func FuzzCompletion(f *testing.F) {
	providertest.Reading(f, newCompletion,
		"data: {\"choices\":[{\"delta\":{\"content\":\"Sure.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		": x\r\n\r\ndata:{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"b\",\"arguments\":\"{}\"}}]}}]}\r\rdata: [DONE]",
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"b\",\"arguments\":{\"n\":1}}},{\"id\":\"c\"}]},\"finish_reason\":\"stop\"}]}\n\n",
		"data: {\"error\":{\"message\":\"x\"}}\n\n", "\xef\xbb\xbfdata: {\"usage\":{\"prompt_tokens\":3}}\n\n", "data: [\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":[{\"text\":\"<think>\"}]}}]}\n\n",
	)
}

// FuzzResponse is FuzzCompletion of the other protocol.
func FuzzResponse(f *testing.F) {
	providertest.Reading(f, newResponse,
		`data: {"type":"response.output_text.delta","delta":"Sure."}`+"\n\n"+`data: {"type":"response.completed","response":{"usage":{"input_tokens":3}}}`+"\n\n",
		`data: {"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"a","name":"b"}}`+"\n\n"+
			`data: {"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"}`+"\n\n"+`data: {"type":"response.incomplete"}`+"\n\n",
		`data: {"type":"response.output_item.done","item":{"type":"function_call","name":"b","arguments":{"n":1}}}`+"\n\n",
		`data: {"type":"response.failed","response":{"error":{"code":"server_error"}}}`+"\n\n", "data: {}\n\n", "data: [\n\n",
	)
}

// FuzzTranscription: whatever a recogniser's server answers, there are words that the call can use, or an error.
func FuzzTranscription(f *testing.F) {
	for _, s := range []string{
		`{"text":" I need help.","language":"en","words":[{"word":" I","start":0.1,"end":0.2},{"word":"need","start":-1,"end":1e300},{"word":""}]}`,
		`{"error":{"message":"no","code":"x"}}`, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"I need\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"I\"}\n\n",
		"data: {\"error\":\"x\"}\n\n", "data: [DONE]\n\n", "data: {}\n\n", "[]", "null", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		whole, err := readWords(answer)
		if err != nil && chat.AsError(err) == nil {
			t.Errorf("%v is no *chat.Error", err)
		}
		var last time.Duration
		for _, w := range whole.words {
			if w.Text == "" || w.Start < last || w.End < w.Start {
				t.Errorf("word %+v after one that began at %v", w, last)
			}
			last = w.Start
		}
		if _, err := readEvents(bytes.NewReader(answer), func(string) {}); err == nil && len(answer) == 0 {
			t.Error("nothing is an answer")
		}
	})
}
