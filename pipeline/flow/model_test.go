package flow

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
)

// A model answers as its script says, one list of deltas a turn, and remembers what it was given.
type model struct {
	script [][]pipeline.Delta
	errs   []error // at the end of an answer
	talks  []pipeline.Talk
}

func (m *model) Respond(_ context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		n := len(m.talks)
		m.talks = append(m.talks, talk)
		if n < len(m.script) {
			for _, d := range m.script[n] {
				if !yield(d, nil) {
					return
				}
			}
		}
		if n < len(m.errs) && m.errs[n] != nil {
			yield(pipeline.Delta{}, m.errs[n])
		}
	}
}

func says(text string) pipeline.Delta { return pipeline.Delta{Text: text} }

func calls(name, args string) pipeline.Delta {
	return pipeline.Delta{Call: &pipeline.ToolCall{ID: "1", Name: name, Args: json.RawMessage(args)}}
}

const withModel = `
flow: test
start: main
commands: [{phrases: goodbye, goto: bye}]
nodes:
  main: {menu: {prompt: "Chat or card?", choices: [{digit: 1, phrases: chat, goto: chat}, {digit: 2, phrases: card, goto: card}]}}
  card: {gather: {slot: card, type: digits, length: 4, masked: true, prompt: "Card?", goto: chat}}
  chat:
    model: {instructions: "Talk about {topic}.", slot: topic, phrase: "[done]", turns: 3, give_up: enough, unavailable: nobody,
      choices: [{digit: "*", phrases: menu, goto: main}], goto: after}
  after: {say: "So {topic}.", goto: main}
  enough: {say: "Enough.", goto: main}
  nobody: {say: "Nobody is there.", goto: main}
  bye: {hang_up: Bye.}`

func TestModelNode(t *testing.T) {
	t.Parallel()
	done := calls(ReturnTool, `{"result": "the  weather\n"}`)
	for name, tt := range map[string]struct {
		model  *model
		script [][2]string
		topic  string
	}{
		"it speaks, is asked again, and is done": {
			&model{script: [][]pipeline.Delta{{says("Hello. "), says("What about?")}, {says("Fine.")}, {done}}},
			[][2]string{{"chat", "Hello. What about?"}, {"The weather", "Fine."}, {"That's it", "So the weather. Chat or card?"}, {"goodbye", "Bye. [hang up]"}},
			"the weather",
		},
		"it is done while it speaks": {
			&model{script: [][]pipeline.Delta{{says("Very well."), done, says("More.")}}},
			[][2]string{{"chat", "Very well. So the weather. Chat or card?"}}, "the weather",
		},
		"it says the phrase, in pieces": {
			&model{script: [][]pipeline.Delta{{says("Well [then]. [do"), says("ne"), says("] sun"), says("shine")}}},
			[][2]string{{"chat", "Well [then].  So sunshine. Chat or card?"}}, "sunshine",
		},
		"it begins the phrase and does not end it": {
			&model{script: [][]pipeline.Delta{{says("It is [do")}}}, [][2]string{{"chat", "It is [do"}}, "",
		},
		"it fails at once": {&model{errs: []error{errors.New("gone")}}, [][2]string{{"chat", "Nobody is there. Chat or card?"}}, ""},
		"it looks up and fails": {&model{script: [][]pipeline.Delta{{{Lookup: &pipeline.Lookup{}}}}, errs: []error{errors.New("gone")}},
			[][2]string{{"chat", "Nobody is there. Chat or card?"}}, ""},
		"there is none":            {nil, [][2]string{{"chat", "Nobody is there. Chat or card?"}}, ""},
		"it fails when it is done": {&model{script: [][]pipeline.Delta{{done}}, errs: []error{errors.New("gone")}}, [][2]string{{"chat", "So the weather. Chat or card?"}}, "the weather"},
		"it has had its turns": {
			&model{script: [][]pipeline.Delta{{says("1")}, {says("2")}, {says("3")}, {says("4")}}},
			[][2]string{{"chat", "1"}, {"a", "2"}, {"", "3"}, {"b", "4"}, {"c", "Enough. Chat or card?"}}, "",
		},
		"a command and a choice end it when nothing else is said": {
			&model{script: [][]pipeline.Delta{{says("1")}, {says("2")}, {says("3")}}},
			[][2]string{{"chat", "1"}, {"I said goodbye to her", "2"}, {"menu please", "Chat or card?"}, {"/1", "3"}, {"/*", "Chat or card?"}}, "",
		},
		"a result that is no text": {&model{script: [][]pipeline.Delta{{calls(ReturnTool, `{"result": {"a": 1}}`)}}}, [][2]string{{"chat", `So {"a":1}. Chat or card?`}}, `{"a":1}`},
		"no result":                {&model{script: [][]pipeline.Delta{{calls(ReturnTool, `nonsense`)}}}, [][2]string{{"chat", `So . Chat or card?`}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{}
			if tt.model != nil {
				o.Model = tt.model
			}
			c := dialWith(t, withModel, o)
			c.say("")
			for _, line := range tt.script {
				if got := c.say(line[0]); got != line[1] {
					t.Fatalf("%q: the agent says %q, want %q", line[0], got, line[1])
				}
			}
			if got := c.here.frames[0].slots["topic"]; got != tt.topic {
				t.Errorf("the result is %q, want %q", got, tt.topic)
			}
		})
	}
}

// TestModelIsBriefed: it gets the agent's prompt and tools, its own instructions, and the whole history.
func TestModelIsBriefed(t *testing.T) {
	t.Parallel()
	m := &model{script: [][]pipeline.Delta{{calls("look_up", `{}`)}, {says("Found.")}}}
	c := dialWith(t, withModel, Options{Model: m})
	c.say("")
	history := []pipeline.Message{{Role: pipeline.Caller, Text: "chat", Turn: 2}}
	agent := &pipeline.Agent{Prompt: "Be kind.", Tools: []pipeline.Tool{{Name: "look_up"}}}
	var got []string
	for _, talk := range []pipeline.Talk{
		{Turn: 2, Why: pipeline.ForWords, Text: "chat", History: history, Agent: agent},
		{Turn: 2, Why: pipeline.ForToolResult, Step: 1, History: history, Agent: agent},
	} {
		for d, err := range c.Respond(t.Context(), talk) {
			if err != nil {
				t.Fatal(err)
			}
			if d.Call != nil {
				got = append(got, d.Call.Name)
			}
			got = append(got, d.Text)
		}
	}
	if want := "look_up Found."; strings.Join(strings.Fields(strings.Join(got, " ")), " ") != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	for _, talk := range m.talks {
		if !strings.HasPrefix(talk.Agent.Prompt, "Be kind.\n\nTalk about .\n\nWhen this is done") || len(talk.Agent.Tools) != 2 || talk.Agent.Tools[1].Name != ReturnTool {
			t.Errorf("the model is told %q and has %d tools", talk.Agent.Prompt, len(talk.Agent.Tools))
		}
		if diff := cmp.Diff(history, talk.History); diff != "" {
			t.Error(diff)
		}
	}
	if len(agent.Tools) != 1 || agent.Prompt != "Be kind." {
		t.Error("the agent itself was changed")
	}
}

// TestSecretsDoNotLeave: a masked value is in nothing that the flow says, tells, expects or gives to a model.
func TestSecretsDoNotLeave(t *testing.T) {
	t.Parallel()
	m := &model{script: [][]pipeline.Delta{{says("Thank you.")}, {says("Yes?")}}}
	for _, entry := range []string{"/4711", "four seven one one", "4711 please"} {
		m.talks = nil
		c := dialWith(t, withModel, Options{Model: m})
		c.say("")
		c.say("card")
		talk := talkFor(2, entry)
		talk.History = []pipeline.Message{{Role: pipeline.Caller, Text: "card", Turn: 2}, {Role: pipeline.Caller, Text: entry, Turn: 3}}
		if talk.Why == pipeline.ForKeys {
			talk.History[1] = pipeline.Message{Role: pipeline.Narrator, Text: "The caller pressed 4711.", Turn: 3}
		}
		var deltas []pipeline.Delta
		for d, err := range c.Respond(t.Context(), talk) {
			if err != nil {
				t.Fatal(err)
			}
			deltas = append(deltas, d)
		}
		told, _ := json.Marshal(deltas)
		briefs := ""
		for _, talk := range m.talks {
			b, _ := json.Marshal([]any{talk.Text, talk.Keys, talk.History, talk.Agent.Prompt})
			briefs += string(b)
		}
		for _, secret := range []string{"4711", "four seven"} {
			if strings.Contains(string(told), secret) || strings.Contains(briefs, secret) {
				t.Errorf("%s is told:\n%s\n%s", entry, told, briefs)
			}
		}
		if c.here.frames[0].slots["card"] != "4711" || !strings.Contains(string(told), `"card":"***"`) {
			t.Errorf("the slot holds %q; %s", c.here.frames[0].slots["card"], told)
		}
	}
	c := dialWith(t, withModel, Options{})
	c.say("")
	masked := slices.ContainsFunc(c.deltas(t, talkFor(1, "card")), func(d pipeline.Delta) bool { return d.Expect != nil && d.Expect.Masked })
	if !masked {
		t.Error("the entry is not expected to be masked")
	}
}

func (c *call) deltas(t *testing.T, talk pipeline.Talk) (ds []pipeline.Delta) {
	t.Helper()
	for d, err := range c.Respond(t.Context(), talk) {
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	return ds
}

// TestMaskedWordsMayNotBeSaid: the parser refuses every way in which a masked value could get out.
func TestMaskedWordsMayNotBeSaid(t *testing.T) {
	t.Parallel()
	for name, node := range map[string]string{
		"said": `{say: "{card}", goto: bye}`, "copied": `{set: {other: "{card}"}, goto: bye}`, "asked": `{menu: {prompt: "{card}?", choices: [{digit: 1, goto: bye}]}}`,
		"an argument": `{call: {flow: f, with: {x: "{card}"}}, goto: bye}`, "a model's": `{model: {instructions: "{card}", unavailable: bye, goto: bye}}`,
		"compared with":  `{if: [{slot: other, is: "{card}", goto: bye}], else: bye}`,
		"filled plainly": `{gather: {slot: card, type: digits, length: 4, prompt: "Again?", goto: bye}}`,
	} {
		file := `
flow: test
start: card
context: {other: }
flows: {f: {takes: {x: }, start: a, nodes: {a: {return: ok}}}}
nodes:
  card: {gather: {slot: card, type: digits, length: 4, masked: true, prompt: "Card?", goto: next}}
  next: ` + node + `
  unused: {call: {flow: f, with: {x: a}}, goto: bye}
  bye: {hang_up: Bye.}`
		_, err := Parse([]byte(file))
		if err == nil || !strings.Contains(err.Error(), "masked") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMessageHasItsPlace: where a message is in the recording comes from the history.
func TestMessageHasItsPlace(t *testing.T) {
	t.Parallel()
	c := dial(t, nodeDialogs["voicemail without a question"].file, nil)
	c.say("")
	at := func(turn int, text string, from, length time.Duration) pipeline.Talk {
		c.history = append(c.history, pipeline.Message{Role: pipeline.Caller, Turn: turn, Text: text, At: from, Length: length})
		return pipeline.Talk{Turn: turn, Why: pipeline.ForWords, Text: text, History: c.history}
	}
	c.respond(at(2, "This is Ana.", 12340*time.Millisecond, 2*time.Second))
	c.respond(at(3, "Call me.", 15*time.Second, 1500*time.Millisecond))
	want := map[string]string{"words": "This is Ana. Call me.", "words_at": "12.3", "words_length": "4.2"}
	if diff := cmp.Diff(want, c.told); diff != "" {
		t.Errorf("who hangs up has left (-want +got):\n%s", diff)
	}
	if got := c.respond(at(4, "And on and on.", 18*time.Second, 115*time.Second)); got != "Kept. [hang up]" {
		t.Errorf("after two minutes the agent says %q", got)
	}
}

// TestWithdrawnSlotsAreTakenBack: what a guess had filled is told anew as it is.
func TestWithdrawnSlotsAreTakenBack(t *testing.T) {
	t.Parallel()
	c := dial(t, "flow: t\nstart: a\nnodes: {a: {gather: {slot: who, type: name, prompt: Who., goto: b}}, b: {gather: {slot: age, type: number, prompt: Age., goto: c}}, c: {hang_up: Bye.}}", nil)
	c.say("")
	first := []pipeline.Message{{Role: pipeline.Assistant, Text: "Who?", Turn: 1}}
	said := func(turn int, text string) pipeline.Talk {
		return pipeline.Talk{Turn: turn, Why: pipeline.ForWords, Text: text, History: append(slices.Clip(first), pipeline.Message{Role: pipeline.Caller, Text: text, Turn: turn})}
	}
	c.respond(said(2, "Ana"))
	c.respond(said(3, "Ana Maria"))
	if diff := cmp.Diff(map[string]string{"who": "Ana Maria"}, c.told); diff != "" {
		t.Error(diff)
	}
}
