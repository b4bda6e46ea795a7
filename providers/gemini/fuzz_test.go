package gemini

import (
	"testing"

	"parley/providers/providertest"
)

// FuzzReply: whatever a server sends, it makes whole deltas and at most one error, the same however it is cut into reads.
func FuzzReply(f *testing.F) {
	providertest.Reading(f, newReply,
		`data: {"candidates":[{"content":{"parts":[{"text":"Sure."}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3}}`+"\n\n",
		`data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"b","args":{"n":1}},"thoughtSignature":"x"}]}}]}`+"\r\n\r\n",
		`data: {"candidates":[{"content":{"parts":[{"functionCall":{"args":[1]}}]},"finishReason":"SAFETY"}]}`+"\n\n",
		`data: {"promptFeedback":{"blockReason":"OTHER"}}`+"\n\n",
		`data: {"error":{"code":503,"status":"UNAVAILABLE"}}`+"\n\n", "data: [\n\n",
	)
}
