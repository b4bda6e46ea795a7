package score_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	"parley/pipeline/flow"
	. "parley/pipeline/score"
)

// script is a flow that answers in place of the model; o.Model, if it is wanted, is the scripted one.
func script(t *testing.T, file string, withModel bool) func(pipeline.Responder) pipeline.Responder {
	t.Helper()
	f, err := flow.Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return func(m pipeline.Responder) pipeline.Responder {
		o := flow.Options{Context: map[string]string{"from": "+442071234567"}}
		if withModel {
			o.Model = m
		}
		return f.Responder(o)
	}
}

// slots are what was collected at the end of a performance.
func slots(p *Performance) (last map[string]string) {
	for _, e := range p.Events {
		if e.Kind == pipeline.Collected {
			last = e.Slots
		}
	}
	return last
}

// holds checks what was collected.
func holds(want map[string]string) func(*testing.T, *Performance) {
	return func(t *testing.T, p *Performance) {
		if got := slots(p); !maps.Equal(got, want) {
			t.Errorf("collected %v, want %v", got, want)
		}
	}
}

// TestFlowGather: each type of slot, by voice and where it can be by keys. The bubble's clock begins on Saturday, 2000-01-01.
func TestFlowGather(t *testing.T) {
	var scenes []scene
	for _, tt := range []struct{ kind, options, said, keys, want string }{
		{"digits", ", min: 3, max: 6", "four two seven one", "4271#", "4271"},
		{"digits", ", length: 4, luhn: true", "one two three zero", "1230", "1230"},
		{"number", ", max: 40", "twenty five people", "25", "25"},
		{"yes_no", "", "yes please", "1", "yes"},
		{"name", "", "my name is Ana", "", "Ana"},
		{"text", "", "the heating is broken", "", "the heating is broken"},
		{"one_of", ", options: [{value: small, digit: 1}, {value: large, digit: 2, phrases: big}]", "the big one", "2", "large"},
		{"date", ", min: today, max: +60d", "next Tuesday", "0104", "2000-01-04"},
		{"date", ", past: true", "March fifth nineteen eighty two", "03051982", "1982-03-05"},
		{"time", ", min: '08:00', max: '18:00', every: 30m", "half past three", "0330", "15:30"},
		{"spelling", ", min: 2", "S M I T H", "", "SMITH"},
		{"email", "", "ana at example dot com", "", "ana@example.com"},
		{"phone", ", country: 44", "oh two oh seven one two three four five six seven", "02071234567#", "+442071234567"},
	} {
		file := fmt.Sprintf("flow: t\nstart: a\nnodes:\n  a: {gather: {slot: v, type: %s%s, prompt: Please answer., goto: b}}\n  b: {hang_up: 'You gave {v}.'}\n", tt.kind, tt.options)
		name := "flow gathers " + tt.kind + map[bool]string{true: " of the past", false: ""}[strings.Contains(tt.options, "past")] + map[bool]string{true: " with a check digit", false: ""}[strings.Contains(tt.options, "luhn")]
		until := 2 + 0.35*float64(count(tt.said))
		scenes = append(scenes, scene{name: name + " by voice", check: holds(map[string]string{"v": tt.want}),
			score: Score{Responder: script(t, file, false), Caller: []Cue{Says(tt.said, 2, until), HangsUp(until + 15)}}})
		if tt.keys != "" {
			scenes = append(scenes, scene{name: name + " by keys", check: holds(map[string]string{"v": tt.want}),
				score: Score{Responder: script(t, file, false), Caller: []Cue{Presses(tt.keys, 2), HangsUp(20)}}})
		}
	}
	play(t, scenes)
}

const office = `
flow: office
start: hello
context: {from: }
commands: [{phrases: repeat, repeat: true}, {phrases: goodbye, goto: bye}]
hours: {desk: {open: {%s: 08:00-18:00}}}
flows:
  age: {takes: {who: }, gives: [years], start: a, nodes: {a: {gather: {slot: years, type: number, max: 120, prompt: "How old is {who}?", confirm: "{years}?", choices: [{phrases: secret, goto: no}], goto: ok}}, ok: {return: ok}, no: {return: none}}}
nodes:
  hello: {barge_in: false, say: "Welcome to the office.", goto: main}
  main:
    menu:
      prompt: Sales, age, desk or clock?
      again: Anything else?
      no_match: ["Pardon?", "Say sales, age, desk or clock."]
      no_input: "Are you there?"
      tries: 3
      give_up: bye
      choices:
        - {digit: 1, phrases: sales, goto: sales}
        - {digit: 2, phrases: age, goto: age}
        - {digit: 3, phrases: desk, goto: desk}
        - {digit: 4, phrases: clock, goto: clock}
  sales: {set: {asked: "sales for {from}"}, goto: sold}
  sold: {say: "We sell.", goto: main}
  age: {call: {flow: age, with: {who: Ana}, into: {age: years}, then: {none: hidden}}, goto: grown}
  grown: {if: [{slot: age, at_least: 18, goto: adult}], else: child}
  adult: {say: "Grown up.", goto: main}
  child: {say: "A child.", goto: main}
  hidden: {say: "Never mind.", goto: main}
  desk: {transfer: {to: "+442070000000", say: "I connect you.", failed: busy}}
  busy: {say: "Nobody answers.", goto: main}
  clock: {hours: {of: desk, open: open, closed: closed, change: until}}
  open: {say: "Open until {until}.", goto: main}
  closed: {say: "Closed until {until}.", goto: main}
  bye: {hang_up: "Goodbye then."}
`

// TestFlowNodes: menus, commands, conditions, values, sub-flows, the clock, transfers and the end.
func TestFlowNodes(t *testing.T) {
	desk := func(days string) func(pipeline.Responder) pipeline.Responder {
		return script(t, fmt.Sprintf(office, days), false)
	}
	answers := func(err error) func(context.Context, string) error {
		return func(ctx context.Context, to string) error {
			if to != "+442070000000" {
				return fmt.Errorf("connected to %q", to)
			}
			time.Sleep(2 * time.Second)
			return err
		}
	}
	play(t, []scene{
		{name: "flow menu by words and by key", score: Score{Responder: desk("daily"), Caller: []Cue{Says("sales please", 4, 4.8), Presses("1", 8), HangsUp(12)}}},
		{name: "flow menu is not understood", score: Score{Responder: desk("daily"), Caller: []Cue{Says("xyzzy", 5, 5.5), Says("xyzzy", 9, 9.5), Says("xyzzy", 14, 14.5), HangsUp(30)}}},
		{name: "flow menu and silence", score: Score{Responder: desk("daily"), Manners: pipeline.Manners{Silence: 4 * time.Second}, Caller: []Cue{Says("repeat", 12, 12.5), HangsUp(16)}}},
		{name: "flow passage without barge-in", score: Score{Responder: desk("daily"), Caller: []Cue{Says("sales please now", 0.5, 1.2), HangsUp(6)}}},
		{name: "flow collects what it sets and asks", score: Score{Responder: desk("daily"), Caller: []Cue{Presses("1", 4), Presses("2", 8), Says("thirty", 12, 12.5), Says("yes", 16, 16.4), HangsUp(21)}},
			check: holds(map[string]string{"age": "30"})},
		{name: "flow of a flow by keys, and refused", score: Score{Responder: desk("daily"), Caller: []Cue{Presses("2", 4), Presses("30#", 7), Presses("2", 11), Presses("7#", 14), Presses("1", 18), HangsUp(23)}},
			check: holds(map[string]string{"age": "7"})},
		{name: "flow of a flow with another outcome", score: Score{Responder: desk("daily"), Caller: []Cue{Presses("2", 4), Says("secret", 8, 8.6), HangsUp(13)}}},
		{name: "flow of a flow left by a command", score: Score{Responder: desk("daily"), Caller: []Cue{Presses("2", 4), Says("goodbye", 8, 8.6), HangsUp(20)}}},
		{name: "flow while open", score: Score{Responder: script(t, strings.Replace(fmt.Sprintf(office, "saturday"), "08:00", "00:00", 1), false), Caller: []Cue{Presses("4", 4), HangsUp(9)}}},
		{name: "flow while closed", score: Score{Responder: desk("monday-friday"), Caller: []Cue{Presses("4", 4), HangsUp(9)}}},
		{name: "flow transfers", score: Score{Responder: desk("daily"), Transfer: answers(nil), Caller: []Cue{Presses("3", 4)}}},
		{name: "flow transfers in vain", score: Score{Responder: desk("daily"), Transfer: answers(errors.New("the line is busy")), Caller: []Cue{Presses("3", 4), HangsUp(14)}}},
		{name: "flow transfers nowhere", score: Score{Responder: desk("daily"), Caller: []Cue{Presses("3", 4), HangsUp(12)}}},
		{name: "flow transfers, and the caller stays", score: Score{Responder: desk("daily"), Transfer: answers(nil), Caller: []Cue{Presses("3", 4), Presses("4", 4.6), HangsUp(12)}}},
		{name: "flow hangs up", score: Score{Responder: desk("daily"), Caller: []Cue{Says("goodbye", 4, 4.6)}}},
		{name: "flow is talked out of hanging up", score: Score{Responder: desk("daily"), Caller: []Cue{Says("goodbye", 4, 4.6), Presses("1", 5.6), HangsUp(9)}}},
	})
}

const lent = `
flow: lent
start: main
commands: [{phrases: goodbye, goto: bye}]
nodes:
  main: {menu: {prompt: "Chat or code?", choices: [{digit: 1, phrases: chat, goto: chat}, {digit: 2, phrases: code, goto: code}]}}
  chat: {model: {instructions: Find out what is wrong., prompt: "What is wrong?", slot: trouble, turns: 3, unavailable: nobody, choices: [{digit: "*", goto: main}], goto: after}}
  after: {say: "So it is {trouble}.", goto: bye}
  nobody: {say: "Nobody is there.", goto: main}
  code: {gather: {slot: code, type: digits, length: 4, masked: true, prompt: "Your code?", goto: checked}}
  checked: {if: [{slot: code, is: "4711", goto: chat}], else: wrong}
  wrong: {say: "That is wrong.", goto: main}
  bye: {hang_up: "Goodbye then."}
`

// TestFlowModel: a model is given the conversation, and gives it back.
func TestFlowModel(t *testing.T) {
	back := pipeline.Delta{Call: &pipeline.ToolCall{ID: "1", Name: flow.ReturnTool, Args: json.RawMessage(`{"result":"the heating"}`)}}
	helper := Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
		if strings.Contains(k.Text, "heating") {
			return []pipeline.Delta{{Text: "I see."}, back}
		}
		return Parrot(k)
	}}
	play(t, []scene{
		{name: "flow hands over to a model and takes it back", score: Score{Responder: script(t, lent, true), Model: helper,
			Caller: []Cue{Says("chat", 3, 3.4), Says("it is cold", 7, 7.9), Says("the heating", 12, 12.7), HangsUp(30)}}, check: func(t *testing.T, p *Performance) {
			holds(map[string]string{"trouble": "the heating"})(t, p)
			if len(p.Talks) != 2 || !strings.Contains(p.Talks[0].Agent.Prompt, "Find out what is wrong.") {
				t.Errorf("the model was asked %d times, the first with %q", len(p.Talks), p.Talks[0].Agent.Prompt)
			}
		}},
		{name: "flow takes the caller back by key", score: Score{Responder: script(t, lent, true), Model: helper, Caller: []Cue{Presses("1", 3), Says("it is cold", 7, 7.9), Presses("*", 12), HangsUp(16)}}},
		{name: "flow hears a command while the model has the caller", score: Score{Responder: script(t, lent, true), Model: helper, Caller: []Cue{Presses("1", 3), Says("goodbye", 7, 7.6), HangsUp(16)}}},
		{name: "flow without a model", score: Score{Responder: script(t, lent, false), Caller: []Cue{Presses("1", 3), HangsUp(9)}}},
		{name: "flow whose model fails", score: Score{Responder: script(t, lent, true), Model: Model{Fault: Fault{Kind: Fails, On: 1}}, Caller: []Cue{Presses("1", 3), Says("it is cold", 7, 7.9), HangsUp(14)}}},
	})
}

// TestFlowSecret: a masked entry, typed or spoken, is told as given and nothing more; nothing of it is said, and a model does not get it.
// What keypad and recogniser make of it in history and log is for the pipeline's own scores.
func TestFlowSecret(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]Cue{"typed": Presses("4711", 7), "spoken": Says("four seven one one", 7, 8.6)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Score{Responder: script(t, lent, true), Caller: []Cue{Presses("2", 3), answer, Says("it is cold", 16, 16.9), HangsUp(24)}}
			s.Play(t, func(t *testing.T, p *Performance) {
				holds(map[string]string{"code": pipeline.MaskedSlot})(t, p)
				if heard := p.Heard(); !strings.Contains(heard, "What is wrong?") || strings.Contains(heard, "4711") || strings.Contains(heard, "four") {
					t.Errorf("heard %q", heard)
				}
				if len(p.Talks) != 1 {
					t.Fatalf("the model was asked %d times, want once", len(p.Talks))
				}
				told, err := json.Marshal([]any{p.Talks[0].Text, p.Talks[0].Keys, p.Talks[0].History, p.Talks[0].Agent.Prompt})
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(told), "4711") || strings.Contains(string(told), "four seven") {
					t.Errorf("the model was told %s", told)
				}
			})
		})
	}
}
