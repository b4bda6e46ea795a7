package pipeline

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
)

// TestPast: a call that goes on knows what was said, numbers its turns from there, tells the model that the line was lost, and does not find
// out anew who has answered.
func TestPast(t *testing.T) {
	t.Parallel()
	past := &Past{
		Call: "c", Answered: time.Now().Add(-time.Minute), Turns: 3, Collected: map[string]string{"order": "4711"},
		History: []Message{
			{Role: Assistant, Text: "Hello.", Turn: 1}, {Role: Caller, Text: "Where is my order?", Turn: 2},
			{Role: ToolRole, Text: "find_order: on its way", Turn: 2}, {Role: Assistant, Text: "On its way.", Turn: 2},
		},
	}
	d := newDialog(&Agent{Manners: Manners{Answering: Answering{On: true}}}, media.Info{Outbound: true})
	d.recall(past)
	var asked Talk
	var told []*Turn
	on := func(at time.Duration, n news) {
		for _, a := range d.on(event{at, n}) {
			switch a := a.(type) {
			case ask:
				asked = a.talk
				if a.held {
					t.Error("the opening is held back")
				}
			case tell:
				if a.event.Kind == TurnEnded {
					told = append(told, a.event.Turn)
				}
			}
		}
	}
	on(time.Minute, answered{})
	on(time.Minute+100*ms, responded{4, 0, "I am back."})
	on(time.Minute+200*ms, sounded{4, 0})
	on(time.Minute+time.Second, heardOut(time.Minute+time.Second, 4, 0, "I am back.").news)
	if asked.Turn != 4 || asked.Why != ForGreeting {
		t.Errorf("asked for turn %d, %s", asked.Turn, asked.Why)
	}
	var texts []string
	for _, m := range d.history {
		texts = append(texts, string(m.Role)+": "+m.Text)
	}
	want := []string{
		"assistant: Hello.", "caller: Where is my order?", "tool: find_order: on its way", "assistant: On its way.",
		"narrator: Before that, a tool had told: find_order: on its way", "narrator: " + pastNote, "assistant: I am back.",
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if !d.history[4].Quoted {
		t.Error("what a tool had told is told as the house's own words")
	}
	if len(told) != 1 || told[0].N != 4 || told[0].First != 4 || len(told[0].Messages) != 3 || d.ended != 4 {
		t.Errorf("turns told: %+v, %d in all", told, d.ended)
	}
	if d.collected.slots["order"] != "4711" {
		t.Errorf("collected: %v", d.collected.slots)
	}
	if past.since() < time.Minute || (*Past)(nil).since() != 0 {
		t.Errorf("it has lasted %v", past.since())
	}
}
