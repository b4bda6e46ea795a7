package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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

func (t *turn) usedTools() bool {
	return slices.ContainsFunc(t.steps, func(s *step) bool { return len(s.calls) > 0 })
}

// tooled takes a tool's result.
func (d *dialog) tooled(n tooled) {
	t := d.turn
	s := t.last()
	i := slices.IndexFunc(s.calls, func(c ToolCall) bool { return c.ID == n.id })
	if _, known := s.results[n.id]; t.cut || i < 0 || known || s.followed {
		return
	}
	if n.err != nil {
		n.result = "error: " + n.err.Error()
	}
	if s.results == nil {
		s.results = make(map[string]string)
	}
	s.results[n.id] = n.result
	if n.do != nil {
		t.then = append(t.then, *n.do)
	}
	d.tell(Event{Kind: ToolUsed, Text: s.calls[i].Name, Err: n.err})
	if !s.toolsOut() {
		d.clear(toolAlarm)
	}
	d.proceed(t)
}

// toolsLate answers for the tools that have not.
func (d *dialog) toolsLate() {
	t := d.turn
	if t == nil || t.cut || t.last() == nil {
		return
	}
	for _, c := range t.last().calls {
		d.tooled(tooled{turn: t.n, id: c.ID, err: errToolLate})
	}
}
