package voice

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"parley/pipeline"
)

// TestMonitor: a page takes a call over and gives it back, and is told how it stands.
func TestMonitor(t *testing.T) {
	t.Parallel()
	var got []string
	m := &Monitor{
		Leg: "web-1", Name: "Ada", Tell: func(b []byte) bool { got = append(got, string(b)); return true },
		Do: func(_ context.Context, c pipeline.Command) error {
			got = append(got, strings.TrimSpace(string(c.Kind)+" "+c.To+" "+c.By+c.Text))
			return c.Check()
		},
	}
	take := func(text string) { m.Take(t.Context(), []byte(text)) }
	m.Changed(false, nil)
	take(`{"type":"ping"}`)
	take(`{"type":"command","command":"hand_back"}`)
	take(`{"type":"command","command":"take_over"}`)
	m.Changed(false, errors.New("the call is ending"))
	m.Changed(true, nil)
	take(`{"type":"command","command":"take_over"}`)
	take(`{"type":"command","command":"hand_back"}`)
	take(`{"type":"command","command":"hand_back","text":"Here is our agent."}`)
	m.Changed(false, nil)
	take(`{"type":"command","command":"hang_up"}`)
	take(`{"type":"text","text":"hello"}`)
	take(`hello`)
	want := []string{
		`{"type":"state","data":{"state":"listening"}}`, `{"type":"pong"}`, `{"type":"error","error":"command: you do not have the call"}`, "take_over web-1 Ada",
		`{"type":"error","error":"take_over: the call is ending"}`, `{"type":"state","data":{"state":"talking"}}`, `{"type":"error","error":"command: you have the call already"}`,
		"unbridge", "unbridge  Here is our agent.", `{"type":"state","data":{"state":"listening"}}`, `{"type":"error","error":"command: command \"hang_up\": want take_over or hand_back"}`,
		`{"type":"error","error":"text: messages of the type \"text\" are not understood: send ping or command"}`, `{"type":"error","error":"not a JSON object: send {\"type\":\"ping\"}"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
