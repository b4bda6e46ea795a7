package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
)

// EndCall is the tool "end_call", with which a model says goodbye: what it gives as farewell is spoken, heard out, and then the call
// ends with cause agent. A caller who interrupts the farewell keeps the call.
func EndCall() Tool {
	return Tool{
		Name:        "end_call",
		Description: "End the phone call. Use it when the caller has said goodbye or nothing is left to do.",
		Parameters: json.RawMessage(`{"type":"object","properties":{"farewell":{"type":"string",` +
			`"description":"What to say before hanging up, unless you have said goodbye already."}},"additionalProperties":false}`),
		Run: func(_ context.Context, args json.RawMessage) (string, *Command, error) {
			var a struct {
				Farewell string `json:"farewell"`
			}
			if len(args) > 0 {
				if err := json.Unmarshal(args, &a); err != nil {
					return "", nil, fmt.Errorf("arguments: %w", err)
				}
			}
			return "The call is ending.", &Command{Kind: HangUp, Text: a.Farewell}, nil
		},
	}
}
