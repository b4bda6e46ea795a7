package flow

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
)

// talkFor makes a Talk of one word about the caller: "" is silence, "/12#" are keys, "!" is the house, all else is said. Turn 0 is the greeting.
func talkFor(turn int, said string) pipeline.Talk {
	talk := pipeline.Talk{Turn: turn + 1, Why: pipeline.ForWords, Text: said}
	keys, pressed := strings.CutPrefix(said, "/")
	switch {
	case turn == 0:
		talk.Why, talk.Text = pipeline.ForGreeting, ""
	case said == "!":
		talk.Why, talk.Text = pipeline.ForCommand, ""
	case pressed:
		talk.Why, talk.Keys, talk.Text = pipeline.ForKeys, keys, ""
	case said == "":
		talk.Why, talk.Silence = pipeline.ForSilence, 1
	}
	return talk
}

// call is a caller who talks to one session.
type call struct {
	*testing.T
	*session
	turns   int
	silence int
	history []pipeline.Message
	told    map[string]string
}

func dial(t *testing.T, file string, context map[string]string) *call {
	t.Helper()
	return dialWith(t, file, Options{Context: context})
}

func dialWith(t *testing.T, file string, o Options) *call {
	t.Helper()
	f, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if o.Now == nil {
		o.Now = func() time.Time { return sunday }
	}
	return &call{T: t, session: newSession(f, o)}
}

// sunday is when calls of the tests take place, unless they say otherwise.
var sunday = time.Date(2026, time.November, 22, 9, 30, 0, 0, time.UTC)

// A dialog is a flow played line by line.
type dialog struct {
	file    string
	context map[string]string
	now     time.Time // zero: sunday
	script  [][2]string
	slots   map[string]string // at its end, of the script that is in progress
	told    map[string]string // as the call's record has them
}

// say gives one answer and returns the reply as one line: the text, "[hang up]" at a hang-up.
func (c *call) say(said string) string {
	c.Helper()
	talk := talkFor(c.turns, said)
	if c.silence++; talk.Why != pipeline.ForSilence {
		c.silence = 0
	}
	talk.Silence = c.silence
	talk.History = c.history
	c.turns++
	return c.respond(talk)
}

func (c *call) respond(talk pipeline.Talk) string {
	c.Helper()
	var b strings.Builder
	for d, err := range c.Respond(context.Background(), talk) {
		if err != nil {
			c.Fatal(err)
		}
		b.WriteString(d.Text)
		switch {
		case d.Slots != nil:
			c.told = d.Slots
		case d.Do != nil && d.Do.Kind == pipeline.HangUp:
			b.WriteString(" [hang up]")
		case d.Do != nil && d.Do.Kind == pipeline.Beep:
			b.WriteString(" [beep]")
		case d.Do != nil && d.Do.Kind == pipeline.Transfer:
			b.WriteString(" [transfer " + d.Do.To + "]")
		}
	}
	return b.String()
}

// dialogs are flows played line by line: what the caller says, then what the agent answers.
var dialogs = map[string]dialog{
	"say, set, if": {
		file: `
flow: test
context: {caller: stranger, vip: }
start: hello
nodes:
  hello: {say: "Hello, {caller}.", goto: mark}
  mark: {set: {mood: "good, {caller}"}, goto: which}
  which:
    if:
      - {slot: vip, is: ["yes", "true"], goto: gold}
      - {slot: vip, empty: true, goto: plain}
    else: odd
  gold: {say: Welcome back., goto: bye}
  plain: {say: "A {mood} day.", goto: bye}
  odd: {say: "Vip is {vip}.", goto: bye}
  bye: {hang_up: Goodbye.}`,
		context: map[string]string{"caller": "Ana", "other": "ignored"},
		script:  [][2]string{{"", "Hello, Ana. A good, Ana day. Goodbye. [hang up]"}, {"hello?", "Hello, Ana. A good, Ana day. Goodbye. [hang up]"}},
		slots:   map[string]string{"caller": "Ana", "vip": "", "mood": "good, Ana"},
	},
	"menu": {
		file: `
flow: test
start: main
ambiguous: "Did you mean {options}?"
no_input: ["Hello? {prompt}", "Still there?"]
commands: [{phrases: repeat, repeat: true}, {phrases: goodbye, goto: bye}]
nodes:
  main:
    menu:
      prompt: Sales or support?
      again: Anything else?
      interrupted: Yes?
      no_match: ["Pardon?", "Again, please: {prompt}"]
      give_up: bye
      choices:
        - {digit: 1, phrases: [sales, buy], goto: sales}
        - {digit: 2, phrases: support, goto: support}
  sales: {say: We sell., goto: main}
  support: {say: We help., goto: main}
  bye: {hang_up: Goodbye.}`,
		script: [][2]string{
			{"", "Sales or support?"}, {"Sales.", "We sell. Anything else?"}, {"repeat", "We sell. Anything else?"}, {"/2", "We help. Anything else?"},
			{"sales and support", "Did you mean sales, or support?"}, {"Sales, please", "We sell. Anything else?"},
			{"", "Hello? Sales or support?"}, {"", "Still there?"}, {"", "Still there?"}, {"two", "We help. Anything else?"},
			{"blah", "Pardon?"}, {"/7", "Again, please: Sales or support?"}, {"blah", "Goodbye. [hang up]"},
		},
	},
	"digits": {
		file: `
flow: test
start: code
commands: [{phrases: [operator], goto: bye}]
nodes:
  code:
    gather: {slot: code, type: digits, length: 3, prompt: "Your code?", confirm: "I heard {code}. Right?", retry: Once more., no_match: No digits.,
      invalid: "{code} is not three digits.", pattern: "[^9].*", give_up: bye, tries: 5, goto: done}
  done: {say: "Thanks for {code}.", goto: bye}
  bye: {hang_up: Bye.}`,
		script: [][2]string{
			{"", "Your code?"}, {"hello", "No digits."}, {"four two", "four two is not three digits."}, {"/99#", "nine nine is not three digits."},
			{"4 2 7", "I heard four two seven. Right?"}, {"no", "Once more."}, {"/427", "I heard four two seven. Right?"},
			{"No, it's 4 2 8", "I heard four two eight. Right?"}, {"Yes.", "Thanks for four two eight. Bye. [hang up]"},
		},
		slots: map[string]string{"code": "428"},
	},
	"confirm by keys, and silence while confirming": {
		file: `
flow: test
start: code
nodes:
  code: {gather: {slot: code, type: digits, min: 1, max: 3, prompt: "Code?", confirm: "{code}?", goto: bye}}
  bye: {hang_up: Bye.}`,
		script: [][2]string{{"", "Code?"}, {"/12#", "one two?"}, {"", "one two?"}, {"/9", "one two?"}, {"/2", "Code?"}, {"/7#", "seven?"}, {"/1", "Bye. [hang up]"}},
		slots:  map[string]string{"code": "7"},
	},
	"number": {
		file: `
flow: test
start: seats
nodes:
  seats: {gather: {slot: seats, type: number, min: 1, max: 12, prompt: "How many?", invalid: "{seats} are too many.", no_match: "What?", goto: bye}}
  bye: {hang_up: "{seats} seats."}`,
		script: [][2]string{{"", "How many?"}, {"lots", "What?"}, {"twenty five", "25 are too many."}, {"a table for four", "4 seats. [hang up]"}},
		slots:  map[string]string{"seats": "4"},
	},
	"yes or no": {
		file: `
flow: test
start: ask
nodes:
  ask: {gather: {slot: ok, type: yes_no, prompt: "Ready?", goto: which}}
  which: {if: [{slot: ok, is: "yes", goto: go}], else: ask_again}
  ask_again: {gather: {slot: ok, type: yes_no, prompt: "And now?", goto: which}}
  go: {hang_up: Go.}`,
		script: [][2]string{{"", "Ready?"}, {"Not yet.", "And now?"}, {"hm", "And now?"}, {"/2", "And now?"}, {"Yeah, sure", "Go. [hang up]"}},
		slots:  map[string]string{"ok": "yes"},
	},
	"name": {
		file: `
flow: test
start: who
nodes:
  who: {gather: {slot: who, type: name, max: 20, prompt: "Who?", confirm: "{who}?", goto: bye}}
  bye: {hang_up: "Bye, {who}."}`,
		script: [][2]string{{"", "Who?"}, {"Hi, my name is ana.", "Ana?"}, {"nope", "Who?"}, {"Anna-Lena Montgomery-Smythe", "Who?"}, {"It's Bo.", "Bo?"}, {"yes", "Bye, Bo. [hang up]"}},
		slots:  map[string]string{"who": "Bo"},
	},
	"one of": {
		file: `
flow: test
start: size
ambiguous: "{options}?"
commands: [{phrases: stop, goto: bye}]
nodes:
  size:
    gather:
      {slot: size, type: one_of, prompt: "Size?", options: [{value: small, digit: 1, phrases: [little, tiny]}, {value: large, digit: 2, phrases: big}, medium], goto: bye}
  bye: {hang_up: "So {size}."}`,
		script: [][2]string{{"", "Size?"}, {"huge", "Size?"}, {"a big or a little one", "small, or large?"}, {"The tiny one, please.", "So small. [hang up]"}},
		slots:  map[string]string{"size": "small"},
	},
	"free text leaves only by the exact words": {
		file: `
flow: test
start: echo
commands: [{phrases: goodbye, goto: bye}]
nodes:
  echo: {gather: {slot: said, type: text, prompt: Speak., choices: [{digit: "*", phrases: main menu, goto: menu}], goto: back}}
  back: {say: "{said}", goto: echo}
  menu: {menu: {prompt: Menu., choices: [{digit: 1, goto: echo}]}}
  bye: {hang_up: Bye.}`,
		script: [][2]string{
			{"", "Speak."}, {"I was in the main menu.", "I was in the main menu. Speak."}, {"Goodbye to you, sweetheart", "Goodbye to you, sweetheart Speak."},
			{"mean menu", "mean menu Speak."}, {"Main menu, please.", "Menu."}, {"/1", "Speak."}, {"/*", "Menu."}, {"goodbye", "Bye. [hang up]"},
		},
	},
}

func TestDialogs(t *testing.T) {
	t.Parallel()
	for name, tt := range allDialogs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Context: tt.context}
			if !tt.now.IsZero() {
				o.Now = func() time.Time { return tt.now }
			}
			c := dialWith(t, tt.file, o)
			for i, line := range tt.script {
				if got := c.say(line[0]); got != line[1] {
					t.Fatalf("line %d, %q: the agent says %q, want %q", i+1, line[0], got, line[1])
				}
			}
			if tt.slots != nil {
				if diff := cmp.Diff(tt.slots, c.here.top().slots); diff != "" {
					t.Errorf("slots (-want +got):\n%s", diff)
				}
			}
			if tt.told != nil {
				if diff := cmp.Diff(tt.told, c.told); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestExpect shows what each sort of question tells ear, recogniser and keypad.
func TestExpect(t *testing.T) {
	t.Parallel()
	const file = `
flow: test
start: main
commands: [{phrases: goodbye, goto: bye}]
nodes:
  main:
    barge_in: false
    menu: {prompt: Main., patience: 5s, choices: [{digit: 1, phrases: [code], goto: code}, {phrases: free, goto: free}]}
  code: {gather: {slot: code, type: digits, min: 2, max: 6, key_gap: 1500ms, prompt: Code., confirm: "{code}?", goto: free}}
  free: {gather: {slot: said, type: text, prompt: Speak., goto: size}}
  size: {gather: {slot: size, type: one_of, options: [small, large], prompt: Size., commands: false, goto: seats}}
  seats: {gather: {slot: seats, type: number, max: 12, prompt: Seats., commands: false, goto: bye}}
  bye: {barge_in: false, hang_up: Bye.}`
	digitWords := []string{"zero", "oh", "double", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	c := dial(t, file, nil)
	for i, step := range []struct {
		said string
		want *pipeline.Expect
	}{
		{"", &pipeline.Expect{Words: []string{"code", "one", "free", "goodbye"}, Digits: 1, Patience: 5 * time.Second, Protected: true}},
		{"code", &pipeline.Expect{Words: append(digitWords, "goodbye"), Digits: 6, Terminator: '#', KeyGap: 1500 * time.Millisecond, Sole: true}},
		{"/42#", &pipeline.Expect{Words: confirmWords(), Digits: 1, Sole: true}},
		{"yes", &pipeline.Expect{}},
		{"anything", &pipeline.Expect{Words: []string{"small", "large"}}},
		{"large", &pipeline.Expect{Digits: 2, Terminator: '#', Sole: true}},
		{"two", &pipeline.Expect{Protected: true}},
	} {
		var got *pipeline.Expect
		talk := talkFor(i, step.said)
		for d, err := range c.Respond(context.Background(), talk) {
			if err != nil {
				t.Fatal(err)
			}
			if d.Expect != nil {
				got = d.Expect
			} else if got == nil {
				t.Errorf("%q: %+v comes before the expectation", step.said, d)
			}
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", step.said, diff)
		}
	}
}

// TestSentenceBySentence: a clause-by-clause voice gets sentences, and together they are the text.
func TestSentenceBySentence(t *testing.T) {
	t.Parallel()
	var got []string
	s := mustReceptionist(t).Responder(Options{})
	for d, err := range s.Respond(context.Background(), pipeline.Talk{Turn: 1, Why: pipeline.ForGreeting}) {
		if err != nil {
			t.Fatal(err)
		}
		if d.Text != "" {
			got = append(got, d.Text)
		}
	}
	if len(got) < 5 || got[0] != "Hello, and welcome to Northwind Clinic. " || strings.HasSuffix(got[len(got)-1], " ") {
		t.Errorf("the greeting comes as %q", got)
	}
}

// TestInterruptedAnswerCounts: who hears only the first words of a reply has still given the answer before it.
func TestInterruptedAnswerCounts(t *testing.T) {
	t.Parallel()
	c := dial(t, string(receptionist), nil)
	c.say("")
	for range c.Respond(context.Background(), talkFor(1, "book an appointment")) {
		break // cut at once
	}
	c.turns = 2
	if got := c.say("friday"); !strings.HasPrefix(got, "Friday, November twenty-seventh.") {
		t.Errorf("after an interruption the agent says %q", got)
	}
}

// TestWithdrawnAnswerLeavesNoTrace: words whose turn is gone from the history were a guess; the flow hears the longer answer anew.
func TestWithdrawnAnswerLeavesNoTrace(t *testing.T) {
	t.Parallel()
	c := dial(t, string(receptionist), nil)
	c.say("")
	history := []pipeline.Message{{Role: pipeline.Assistant, Text: "Hello", Turn: 1}}
	ask := func(turn int, said string) string {
		history := append(slices.Clip(history), pipeline.Message{Role: pipeline.Caller, Text: said, Turn: turn})
		return c.respond(pipeline.Talk{Turn: turn, Why: pipeline.ForWords, Text: said, History: history})
	}
	if got := ask(2, "I want to book"); !strings.Contains(got, "Which day") {
		t.Fatalf("the guess says %q", got)
	}
	for turn := 3; turn < 5; turn++ {
		if got := ask(turn, "I want to hear about Parley"); !strings.HasPrefix(got, "I'm glad that you ask.") {
			t.Fatalf("turn %d says %q", turn, got)
		}
	}
	history = append(history, pipeline.Message{Role: pipeline.Caller, Text: "I want to hear about Parley", Turn: 4})
	if got := ask(5, "an appointment"); !strings.Contains(got, "Which day") {
		t.Fatalf("after an answer that stands, it says %q", got)
	}
	history = append(history, pipeline.Message{Role: pipeline.Caller, Text: "an appointment", Turn: 5})
	if got := ask(6, "Monday"); !strings.HasPrefix(got, "Monday, November twenty-third.") {
		t.Errorf("the next says %q", got)
	}
}

// TestTalkedOutOfHangingUp: a caller who interrupts the farewell is answered where they were.
func TestTalkedOutOfHangingUp(t *testing.T) {
	t.Parallel()
	c := dial(t, string(receptionist), nil)
	c.say("")
	if got := c.say("goodbye"); !strings.HasSuffix(got, "[hang up]") {
		t.Fatalf("the farewell is %q", got)
	}
	if got := c.say("Wait, when are you open?"); !strings.HasPrefix(got, "We are open") {
		t.Errorf("after wait! it says %q", got)
	}
}

func TestInterruptedWordsAreNotAMiss(t *testing.T) {
	t.Parallel()
	c := dial(t, string(receptionist), nil)
	c.say("")
	c.say("/3")
	c.history = []pipeline.Message{{Role: pipeline.Assistant, Text: "I'm glad", Cut: true}, {Role: pipeline.Caller, Text: "okay then"}}
	for range 6 {
		if got, want := c.say("okay then"), "I stopped, because you spoke."; !strings.HasPrefix(got, want) {
			t.Fatalf("the agent says %q, want %q", got, want)
		}
	}
	if got := c.say("an appointment"); !strings.Contains(got, "Which day") {
		t.Errorf("an interruption that is a choice leads to %q", got)
	}
}

func TestCancelledTurnChangesNothing(t *testing.T) {
	t.Parallel()
	c := dial(t, string(receptionist), nil)
	c.say("")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for d, err := range c.Respond(ctx, talkFor(1, "/2")) {
		if err == nil {
			t.Errorf("a cancelled turn yields %+v", d)
		}
	}
	for d := range c.Respond(context.Background(), pipeline.Talk{Turn: 2, Why: pipeline.ForToolResult}) {
		t.Errorf("a tool result yields %+v", d)
	}
	if c.here.node.name != "main" {
		t.Errorf("the flow is at %s, want main", c.here.node.name)
	}
}

// TestSomebodyElsesGreeting: the flow stands at its first question as if it had greeted itself.
func TestSomebodyElsesGreeting(t *testing.T) {
	t.Parallel()
	const file = `
flow: test
context: {caller: stranger}
start: hello
no_match: "Pardon? {prompt}"
no_input: "Hello? {prompt}"
commands: [{phrases: repeat, repeat: true}, {phrases: goodbye, goto: bye}]
nodes:
  hello: {barge_in: false, say: "Hello, {caller}.", goto: mark}
  mark: {set: {mood: good}, goto: main}
  main: {menu: {prompt: "Sales or support?", again: "Anything else?", patience: 5s, choices: [{digit: 1, phrases: sales, goto: sales}, {digit: 2, phrases: support, goto: bye}]}}
  sales: {say: "Sales is in a {mood} mood.", goto: main}
  bye: {hang_up: Bye.}`
	greeting := func(c *call) (deltas []pipeline.Delta) {
		r := pipeline.Greeting("Acme here. Who is it?", c.session)
		for d, err := range r.Respond(t.Context(), talkFor(0, "")) {
			if err != nil {
				t.Fatal(err)
			}
			deltas = append(deltas, d)
		}
		c.turns++
		return deltas
	}
	want := []pipeline.Delta{
		{Expect: &pipeline.Expect{Words: []string{"sales", "one", "support", "two", "repeat", "goodbye"}, Digits: 1, Patience: 5 * time.Second, Protected: true}},
		{Text: "Acme here. "}, {Text: "Who is it?"},
	}
	for name, script := range map[string][][2]string{
		"words":   {{"sales", "Sales is in a good mood. Sales or support?"}, {"sales", "Sales is in a good mood. Anything else?"}, {"support", "Bye. [hang up]"}},
		"keys":    {{"/2", "Bye. [hang up]"}},
		"silence": {{"", "Hello? Sales or support?"}},
		"no idea": {{"xyzzy", "Pardon? Sales or support?"}},
		"repeat":  {{"repeat", "Acme here. Who is it?"}, {"sales", "Sales is in a good mood. Sales or support?"}, {"repeat", "Sales is in a good mood. Sales or support?"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, file, nil)
			if diff := cmp.Diff(want, greeting(c)); diff != "" {
				t.Fatalf("greeting (-want +got):\n%s", diff)
			}
			for _, line := range script {
				if got := c.say(line[0]); got != line[1] {
					t.Fatalf("%q: the agent says %q, want %q", line[0], got, line[1])
				}
			}
		})
	}
}

// TestSomebodyElsesAnnouncement: a flow that waits for nothing hangs up all the same.
func TestSomebodyElsesAnnouncement(t *testing.T) {
	t.Parallel()
	c := dial(t, "flow: test\nstart: closed\nnodes: {closed: {hang_up: We are closed.}}", nil)
	var got strings.Builder
	for d, err := range pipeline.Greeting("Not today.", c.session).Respond(t.Context(), talkFor(0, "")) {
		if err != nil {
			t.Fatal(err)
		}
		got.WriteString(d.Text)
		if d.Do != nil {
			got.WriteString(" [" + string(d.Do.Kind) + "]")
		}
	}
	if want := "Not today. [hang_up]"; got.String() != want {
		t.Errorf("it says %q, want %q", got.String(), want)
	}
}

// TestGoto: keys that lead somewhere from everywhere leave a flow that was called, and go to a node of the main flow.
func TestGoto(t *testing.T) {
	t.Parallel()
	f, err := Parse([]byte(`
flow: test
start: main
nodes:
  main: {call: {flow: sub}, goto: desk}
  desk: {menu: {prompt: "Desk?", choices: [{digit: 1, phrases: bye, goto: bye}]}}
  bye: {hang_up: Bye.}
flows:
  sub: {start: ask, nodes: {ask: {gather: {slot: code, type: digits, length: 2, prompt: "Code?", goto: back}}, back: {return: done}}}`))
	if err != nil {
		t.Fatal(err)
	}
	said := func(answer iter.Seq2[pipeline.Delta, error]) (text string) {
		for d, err := range answer {
			if err != nil {
				t.Fatal(err)
			}
			text += d.Text
		}
		return text
	}
	s := newSession(f, Options{})
	if got := said(s.Respond(t.Context(), pipeline.Talk{Turn: 1, Why: pipeline.ForGreeting})); got != "Code?" {
		t.Fatalf("greeted by %q", got)
	}
	keys := pipeline.Talk{Turn: 2, Why: pipeline.ForKeys, Keys: "9"}
	if _, ok := s.Goto(t.Context(), keys, "ask"); ok || f.Has("ask") {
		t.Error("it goes to a node of a flow that is called")
	}
	answer, ok := s.Goto(t.Context(), keys, "desk")
	if !ok || !f.Has("desk") {
		t.Fatal("it does not go to the desk")
	}
	if got := said(answer); got != "Desk?" || len(s.here.frames) != 1 {
		t.Errorf("at the desk: %q, in %d scripts", got, len(s.here.frames))
	}
	if got := said(s.Respond(t.Context(), pipeline.Talk{Turn: 3, Why: pipeline.ForKeys, Keys: "1"})); got != "Bye." {
		t.Errorf("from the desk: %q", got)
	}
}
