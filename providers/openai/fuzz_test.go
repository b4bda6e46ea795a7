package openai

import (
	"testing"

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
