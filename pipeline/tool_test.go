package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"parley/media"
)

// FuzzToolResult lets a tool end with whatever it may: text, an error, a panic, a command. The model is given text, and not too much of it;
// the results stand behind the calls in their order.
func FuzzToolResult(f *testing.F) {
	f.Add("noon", "", uint8(0), "")
	f.Add("", "closed\x00\xff", uint8(1), "+15550123")
	f.Add(strings.Repeat("é", 40000), "", uint8(2), "12w#")
	f.Fuzz(func(t *testing.T, result, fault string, kind uint8, more string) {
		commands := []*Command{nil, {Kind: Transfer, To: more, Text: result}, {Kind: Press, Keys: more}, {Kind: HangUp, Text: more}, {Kind: CommandKind(more)}, {Kind: Wait}}
		tool := Tool{Name: "t", Run: func(context.Context, json.RawMessage) (string, *Command, error) {
			if kind%7 == 6 {
				panic(fault)
			}
			if fault != "" {
				return result, nil, errors.New(fault)
			}
			return result, commands[int(kind)%len(commands)], nil
		}}
		c := &Call{log: slog.New(slog.DiscardHandler)}
		d := newDialog(&Agent{Tools: []Tool{tool}}, media.Info{})
		d.on(event{0, answered{}})
		calls := []ToolCall{{ID: "a", Name: "t", Args: json.RawMessage(more)}, {ID: "b", Name: "t"}}
		for i := range calls {
			d.on(event{ms, told{1, 0, Delta{Call: &calls[i]}}})
		}
		d.on(event{2 * ms, responded{1, 0, "Let me look."}})
		for _, call := range slices.Backward(calls) {
			d.on(event{3 * ms, c.runTool(t.Context(), tool, use{turn: 1, call: call, limit: DefaultManners().ToolLimit})})
		}
		var ids string
		for _, m := range d.history {
			if m.Role != ToolRole {
				continue
			}
			ids += m.CallID
			if len(m.Text) > resultLimit+100 || !utf8.ValidString(m.Text) || (fault != "" || kind%7 == 6) && !strings.HasPrefix(m.Text, "error: ") {
				t.Errorf("the model is told %.100q", m.Text)
			}
		}
		if ids != "ab" {
			t.Errorf("the results are of %q", ids)
		}
	})
}
