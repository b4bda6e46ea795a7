package score_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	"parley/pipeline/flow"
	. "parley/pipeline/score"
)

// mailbox takes a message and asks for a name.
const mailbox = `
flow: mailbox
start: leave
nodes:
  leave: {voicemail: {slot: words, silence: 3s, prompt: "Speak after the tone.", empty: "Nothing.", confirm: "Press one to keep it.", goto: who}}
  who: {gather: {slot: who, type: name, prompt: "Who are you?", goto: bye}}
  bye: {hang_up: "Goodbye."}`

// TestFlow: a flow on a call in virtual time.
func TestFlow(t *testing.T) {
	f, err := flow.Parse([]byte(mailbox))
	if err != nil {
		t.Fatal(err)
	}
	answers := func(pipeline.Responder) pipeline.Responder { return f.Responder(flow.Options{}) }
	play(t, []scene{
		{name: "a message with pauses", score: Score{Responder: answers, Caller: []Cue{
			Says("this is Ana", 4, 5), Says("please call me", 6.5, 7.5), Presses("1", 13), Says("Ana", 16, 16.5), HangsUp(30),
		}}, check: func(t *testing.T, p *Performance) {
			near(t, "the end of the message", when(t, p, pipeline.FellSilent, 0), 8.1+3, 0.05) // from its last words
			var told map[string]string
			for _, e := range p.Events {
				if e.Kind == pipeline.ProviderFail || e.Kind == pipeline.Filled {
					t.Errorf("%s: %s %v", e.Kind, e.Text, e.Err)
				}
				if e.Kind == pipeline.Collected {
					told = e.Slots
				}
			}
			from, _ := strconv.ParseFloat(told["words_at"], 64)
			length, _ := strconv.ParseFloat(told["words_length"], 64)
			near(t, "the message's place", from, 4, 0.15)
			near(t, "the message's length", length, 3.5, 0.3)
			if told["words"] != "this is Ana please call me" || told["who"] != "Ana" {
				t.Errorf("collected %v", told)
			}
			var recorded map[string]string
			for _, e := range p.Events {
				if e.Turn != nil && e.Turn.Slots != nil {
					recorded = e.Turn.Slots
				}
			}
			if !maps.Equal(recorded, told) {
				t.Errorf("the turns have %v, the events %v", recorded, told)
			}
			first := p.Events[1]
			for _, e := range p.Events {
				if e.Turn != nil && e.Turn.N == 1 {
					first = e
				}
			}
			if d := first.Turn.Sounded - 400*time.Millisecond; d < 500*time.Millisecond || !strings.HasSuffix(first.Turn.Heard, "tone.") {
				t.Errorf("%q took %v with its tone", first.Turn.Heard, first.Turn.Sounded)
			}
		}},
		{name: "a message whose answers are prepared", score: Score{Responder: answers, Recogniser: Recogniser{Eager: true, Delay: 0.0511}, Caller: []Cue{
			Says("this is Ana", 4, 5), Says("please call me", 6.5, 7.5), Presses("1", 13), HangsUp(20),
		}}, check: holds(map[string]string{"words": "this is Ana please call me", "words_at": "4.0", "words_length": "3.5"})},
		{name: "a message over the tone, and a key", score: Score{Responder: answers, Caller: []Cue{Says("call me back", 1, 2), Presses("#", 3), HangsUp(8)}}},
		{name: "a message cut short by the end", score: Score{Responder: answers, Caller: []Cue{Says("this is Ana", 4, 5), HangsUp(6.5)}}},
	})
}
