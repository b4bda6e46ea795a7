package anthropic

import (
	"testing"

	"parley/providers/providertest"
)

// FuzzReply: whatever a server sends, it makes whole deltas and at most one error, the same however it is cut into reads.
func FuzzReply(f *testing.F) {
	providertest.Reading(f, newReply,
		`data: {"type":"message_start","message":{"usage":{"input_tokens":3}}}`+"\n\n"+`data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Sure."}}`+"\n\n"+`data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}`+"\n\n"+`data: {"type":"message_stop"}`+"\n\n",
		`data: {"type":"content_block_start","content_block":{"type":"tool_use","id":"a","name":"b","input":{}}}`+"\n\n"+`data: {"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"n\""}}`+"\n\n"+`data: {"type":"content_block_stop"}`+"\n\n"+`data: {"type":"message_delta","delta":{"stop_reason":"max_tokens"}}`+"\n\n",
		`data: {"type":"error","error":{"type":"overloaded_error","message":"x"}}`+"\n\n",
		"data: {}\n\n", "data: [\n\n",
	)
}
