package score_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	"parley/pipeline/flow"
	"parley/pipeline/keypad"
	. "parley/pipeline/score"
)

// keyRules has a rule of each kind.
const keyRules = `{
	"key_gap": "1s",
	"rules": [
		{"keys": "1", "say": "We open at nine."},
		{"keys": "12", "say": "We close at five."},
		{"keys": "2", "ask": "they want billing"},
		{"keys": "3", "gather": {"prompt": "Your order number?", "slot": "order_number", "length": 4, "invalid": "That is no order.", "key_gap": "2s", "patience": "4s", "tries": 3}},
		{"keys": "4", "barge_in": false, "gather": {"prompt": "Please enter your PIN and then the pound key.", "slot": "pin", "min": 2, "max": 4, "terminator": "#", "masked": true,
			"invalid": "That is no PIN.", "then": {"say": "Thank you."}, "give_up": {"hang_up": "Goodbye then."}, "tries": 2}},
		{"keys": "5", "say": "To the desk.", "goto": "desk"},
		{"keys": "6", "say": "I connect you.", "transfer": "+442071234567"},
		{"keys": "7", "say": "Dialling.", "press": "1w2#"},
		{"keys": "8", "say": "Please listen to this notice of how calls are recorded here.", "barge_in": false},
		{"keys": "*9", "hang_up": "Goodbye."},
		{"keys": "*0", "say": "Help is on the way.", "always": true}
	],
	"otherwise": {"say": "That key does nothing."}
}`

// ruled is a call of an agent with rules for keys.
func ruled(t *testing.T, file string, s Score) Score {
	t.Helper()
	rules, err := keypad.Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	before := s.Responder
	s.Responder = func(model pipeline.Responder) pipeline.Responder {
		if before != nil {
			model = before(model)
		}
		script, _ := model.(keypad.Script)
		return rules.Responder(keypad.Options{Agent: model, Script: script})
	}
	s.Agent = func(a *pipeline.Agent) { a.Keys = rules.Keys }
	return s
}

// kept is what the call has collected in the end.
func kept(t *testing.T, p *Performance, want map[string]string) {
	t.Helper()
	var got map[string]string
	for _, e := range p.Events {
		if e.Turn != nil && e.Turn.Slots != nil {
			got = e.Turn.Slots
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("collected %v, want %v", got, want)
	}
}

func TestKeypadActions(t *testing.T) {
	transferred := ""
	transfer := ruled(t, keyRules, Score{Caller: []Cue{Presses("6", 2)}})
	transfer.Transfer = carries(&transferred)
	play(t, []scene{
		{name: "a rule says", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("8", 2), HangsUp(8)}}), check: func(t *testing.T, p *Performance) {
			near(t, "answer", when(t, p, pipeline.ReplyBegan, 2), 2.007+0.12, 0.06) // at once, and nobody thinks
			if len(p.Talks) != 1 {
				t.Errorf("the model was asked %d times, want once, to greet", len(p.Talks))
			}
		}},
		{name: "a rule asks the model", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Caller: []Cue{Presses("2", 2), Says("how much", 7, 7.6), HangsUp(12)}}),
			check: func(t *testing.T, p *Performance) {
				for _, talk := range p.Talks[1:] {
					if m := talk.History[1]; m.Text != "The caller pressed 2: they want billing." {
						t.Errorf("the model was told %q", m.Text)
					}
				}
			}},
		{name: "a rule goes to a node", score: ruled(t, keyRules, Score{Responder: reception(t), Caller: []Cue{Presses("5", 2), Presses("1", 7), HangsUp(12)}})},
		{name: "a rule goes to a node that is not there", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("5", 2), HangsUp(8)}})},
		{name: "a rule transfers", score: transfer, check: func(t *testing.T, _ *Performance) {
			if transferred != "+442071234567" {
				t.Errorf("transferred to %q", transferred)
			}
		}},
		{name: "a rule presses keys", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("7", 2), HangsUp(7)}})},
		{name: "a rule hangs up", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("*9", 2)}})},
		{name: "no rule fits", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("99", 2), HangsUp(8)}})},
		{name: "no rule fits and the model is told", score: ruled(t, `{"1": "sales"}`, Score{Caller: []Cue{Presses("99#", 2), Presses("1", 6), HangsUp(10)}})},
	})
}

// repeats answers with what it was told last.
func repeats(k pipeline.Talk) []pipeline.Delta {
	if k.Why != pipeline.ForCommand {
		return Parrot(k)
	}
	return Text("I know that " + k.History[len(k.History)-1].Text)
}

// carries is a transfer that succeeds.
func carries(to *string) func(context.Context, string) error {
	return func(_ context.Context, number string) error { *to = number; return nil }
}

// reception is a flow with a menu, a gather and a node that keys lead to.
func reception(t *testing.T) func(pipeline.Responder) pipeline.Responder {
	t.Helper()
	f, err := flow.Parse([]byte(`
flow: reception
start: main
nodes:
  main: {menu: {prompt: "Code or desk?", choices: [{digit: 1, phrases: code, goto: code}, {phrases: desk, goto: desk}]}}
  code: {gather: {slot: code, type: digits, length: 4, prompt: "Your code?", confirm: "Is it {code}?", goto: bye}}
  desk: {menu: {prompt: "This is the desk. Ring or leave?", choices: [{phrases: ring, goto: main}, {digit: 9, phrases: leave, goto: bye}]}}
  bye: {hang_up: "Goodbye."}`))
	if err != nil {
		t.Fatal(err)
	}
	return func(pipeline.Responder) pipeline.Responder { return f.Responder(flow.Options{}) }
}

func TestKeypadEntries(t *testing.T) {
	const slow = 600 * time.Millisecond
	play(t, []scene{
		{name: "a prefix and the gap", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("1", 2), HangsUp(7)}}), check: func(t *testing.T, p *Performance) {
			near(t, "answer", when(t, p, pipeline.ReplyBegan, 2), 2.007+1+0.12, 0.06)
		}},
		{name: "the longer of two", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("1", 2), Presses("2", 2+slow.Seconds()), HangsUp(7)}}), check: func(t *testing.T, p *Performance) {
			near(t, "answer", when(t, p, pipeline.ReplyBegan, 2), 2.607+0.12, 0.06)
		}},
		{name: "too slow for the longer of two", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("1", 2), Presses("2", 4.4), HangsUp(9)}})},
		{name: "a hash ends the shorter of two", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("1#", 2), HangsUp(7)}})},
		{name: "two entries in a row", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("2*9", 2)}})},
		{name: "a key where the voice may not interrupt", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("8", 2), Says("stop that please", 3, 4), Presses("*9", 4.5)}}),
			check: func(t *testing.T, p *Performance) {
				if at := when(t, p, pipeline.Interrupted, 0); at < 4.5 {
					t.Errorf("the voice interrupted at %.3f s", at)
				}
				near(t, "cut", when(t, p, pipeline.Interrupted, 0), 4.507, 0.003)
			}},
		{name: "a flow's entry with the keys of rules", score: ruled(t, keyRules, Score{Responder: reception(t), Caller: []Cue{Says("code", 2, 2.5), Presses("1243", 5), Presses("1", 9)}}),
			check: func(t *testing.T, p *Performance) { kept(t, p, map[string]string{"code": "1243"}) }},
		{name: "a rule within a flow's entry", score: ruled(t, keyRules, Score{Responder: reception(t), Caller: []Cue{Says("code", 2, 2.5), Presses("*0", 5), Presses("1243", 8), HangsUp(12)}})},
		{name: "a rule before a flow's menu", score: ruled(t, `{"1": {"say": "We open at nine."}}`, Score{Responder: reception(t), Caller: []Cue{Presses("1", 2), Says("code", 5, 5.5), HangsUp(10)}})},
	})
}

func TestKeypadGathers(t *testing.T) {
	order := map[string]string{"order_number": "4711"}
	play(t, []scene{
		{name: "gathered", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Caller: []Cue{Presses("3", 2), Presses("4711", 4), HangsUp(9)}}),
			check: func(t *testing.T, p *Performance) { kept(t, p, order) }},
		{name: "gathered and a hash out of habit", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Caller: []Cue{Presses("3", 2), Presses("4711#", 4), HangsUp(9)}}),
			check: func(t *testing.T, p *Performance) { kept(t, p, order) }},
		{name: "gathered over the prompt", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Caller: []Cue{Presses("34711", 2), HangsUp(9)}}),
			check: func(t *testing.T, p *Performance) { kept(t, p, order) }},
		{name: "too short and again", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Caller: []Cue{Presses("3", 2), Presses("47", 4), Presses("4711", 9), HangsUp(14)}}),
			check: func(t *testing.T, p *Performance) {
				near(t, "again", when(t, p, pipeline.ReplyBegan, 4), 4.207+2+0.12, 0.06) // after the gap
				kept(t, p, order)
			}},
		{name: "too long and given up", score: ruled(t, keyRules, Score{Caller: []Cue{Presses("4", 2), Presses("12345#", 6), Presses("123456#", 11)}}),
			check: func(t *testing.T, p *Performance) { kept(t, p, nil) }},
		{name: "nothing is pressed", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Manners: pipeline.Manners{Reprompts: 5}, Caller: []Cue{Presses("3", 2), HangsUp(22)}}),
			check: func(t *testing.T, p *Performance) {
				near(t, "asked again", when(t, p, pipeline.FellSilent, 0), 3.15+4, 0.4)
			}},
		{name: "words in a gather", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Caller: []Cue{Presses("3", 2), Says("one moment", 4, 4.6), Presses("4711", 8), HangsUp(13)}}),
			check: func(t *testing.T, p *Performance) { kept(t, p, order) }},
		{name: "words whose end comes among the keys", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Caller: []Cue{Presses("3", 2), Says("it is", 4, 4.6), Presses("4711", 4.9), HangsUp(9)}}),
			check: func(t *testing.T, p *Performance) { kept(t, p, order) }},
		{name: "a secret is gathered", score: ruled(t, keyRules, Score{Model: Model{Answer: repeats}, Caller: []Cue{
			Presses("4", 2), Says("it is four seven", 3, 4), Presses("471#", 7), Says("and now", 11, 11.6), HangsUp(16),
		}}), check: func(t *testing.T, p *Performance) {
			kept(t, p, map[string]string{"pin": pipeline.MaskedSlot})
			for _, talk := range p.Talks {
				for _, m := range talk.History {
					if strings.Contains(m.Text, "471") || strings.Contains(m.Text, "four") {
						t.Errorf("the model was told %q", m.Text)
					}
				}
			}
		}},
	})
}
