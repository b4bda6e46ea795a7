package keypad

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
)

// everything has a rule of each kind.
const everything = `{
	"key_gap": "1500ms",
	"rules": [
		{"keys": "1", "say": "We open at nine, {{name|dear caller}}."},
		{"keys": "2", "ask": "they want billing"},
		{"keys": "22", "say": "One moment.", "ask": "They want billing, now!", "barge_in": false},
		{"keys": "3", "gather": {"prompt": "Your order number?", "slot": "order_number", "min": 3, "max": 6, "invalid": "That is no order.", "key_gap": "4s", "patience": "5s", "tries": 2}},
		{"keys": "4", "barge_in": false, "say": "Now to pay.", "gather": {"prompt": "Your card?", "slot": "card", "length": 4, "masked": true,
			"then": {"gather": {"prompt": "And the PIN?", "slot": "pin", "min": 2, "max": 3, "terminator": "*", "masked": true, "tries": 1,
				"then": {"say": "Thank you, card {{card|hidden}}."}, "give_up": {"hang_up": "Goodbye."}}}}},
		{"keys": "5", "gather": {"prompt": "Year?", "slot": "year", "length": 4, "then": {"say": "{{year}} it is.", "goto": "booking"}, "give_up": {"ask": "help them"}}},
		{"keys": "6", "goto": "nowhere"},
		{"keys": "0", "say": "I connect you.", "transfer": "+442071234567"},
		{"keys": "7", "press": "1w2#"},
		{"keys": "*9", "hang_up": "Bye."},
		{"keys": "*8", "hang_up": true, "say": "So long."},
		{"keys": "*0", "say": "Help is on the way.", "always": true}
	],
	"otherwise": {"say": "That key does nothing."}
}`

// An agent answers all there is with what it was given; it has one node, booking.
type agent struct {
	expect *pipeline.Expect // told with its next answers
	slots  map[string]string
	fails  bool
}

func (a *agent) Respond(_ context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return a.answer(talk, "agent")
}

func (a *agent) Goto(_ context.Context, talk pipeline.Talk, node string) (iter.Seq2[pipeline.Delta, error], bool) {
	return a.answer(talk, node), node == "booking"
}

func (a *agent) answer(talk pipeline.Talk, who string) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if a.fails {
			yield(pipeline.Delta{}, errors.New("out of order"))
			return
		}
		if a.expect != nil && !yield(pipeline.Delta{Expect: a.expect}, nil) {
			return
		}
		if a.slots != nil && !yield(pipeline.Delta{Slots: a.slots}, nil) {
			return
		}
		var told []string
		for _, m := range talk.History {
			if m.Role != pipeline.Assistant {
				told = append(told, m.Text)
			}
		}
		yield(pipeline.Delta{Text: fmt.Sprintf("[%s %s %s%s | %s]", who, talk.Why, talk.Text, talk.Keys, strings.Join(told, " "))}, nil)
	}
}

// A caller talks to rules as a call does.
type caller struct {
	t       testing.TB
	r       pipeline.Responder
	n       int
	history []pipeline.Message
	expect  pipeline.Expect
	slots   map[string]string
}

func newCaller(t testing.TB, rules *Rules, o Options) *caller {
	return &caller{t: t, r: rules.Responder(o)}
}

// turn asks for an answer and writes it down: words, (commands), {what is expected, in short}.
func (c *caller) turn(talk pipeline.Talk) string {
	c.t.Helper()
	c.n++
	m := pipeline.Message{Role: pipeline.Narrator, Turn: c.n}
	switch talk.Why {
	case pipeline.ForWords:
		m.Role, m.Text = pipeline.Caller, talk.Text
	case pipeline.ForKeys:
		m.Text = "The caller pressed " + talk.Keys + "."
	case pipeline.ForSilence:
		m.Text = "The caller is silent."
	}
	if m.Text != "" {
		c.history = append(c.history, m)
	}
	talk.Turn, talk.History, c.expect = c.n, slices.Clone(c.history), pipeline.Expect{}
	var said, all strings.Builder
	for d, err := range c.r.Respond(c.t.Context(), talk) {
		said.WriteString(d.Text)
		all.WriteString(d.Text)
		switch {
		case err != nil:
			fmt.Fprintf(&all, "(%v)", err)
		case d.Expect != nil:
			c.expect = *d.Expect
		case d.Slots != nil:
			c.slots = d.Slots
		case d.Do != nil:
			attended := ""
			if d.Do.Join.Attended {
				attended = " attended"
			}
			fmt.Fprintf(&all, "(%s %s%s)", d.Do.Kind, d.Do.To+d.Do.Keys+d.Do.Text, attended)
			if err := d.Do.Check(); err != nil {
				c.t.Errorf("command: %v", err)
			}
		}
	}
	if said.Len() > 0 {
		c.history = append(c.history, pipeline.Message{Role: pipeline.Assistant, Text: said.String(), Turn: c.n})
	}
	return all.String() + short(c.expect)
}

func short(e pipeline.Expect) string {
	var s []string
	for what, is := range map[string]bool{
		fmt.Sprintf("%d", e.Digits): e.Digits > 0, string(e.Terminator): e.Terminator != 0, e.KeyGap.String(): e.KeyGap > 0, "p" + e.Patience.String(): e.Patience > 0,
		"protected": e.Protected, "sole": e.Sole, "masked": e.Masked,
	} {
		if is {
			s = append(s, what)
		}
	}
	if len(s) == 0 {
		return ""
	}
	slices.Sort(s)
	return " {" + strings.Join(s, " ") + "}"
}

// step is what the caller does, "/12" being keys and "" silence, and what becomes of it.
type step struct{ does, want string }

func (c *caller) play(steps []step) {
	c.t.Helper()
	for i, s := range steps {
		talk := pipeline.Talk{Why: pipeline.ForWords, Text: s.does}
		if keys, ok := strings.CutPrefix(s.does, "/"); ok {
			talk = pipeline.Talk{Why: pipeline.ForKeys, Keys: keys}
		} else if s.does == "" {
			talk = pipeline.Talk{Why: pipeline.ForSilence, Silence: 1}
		} else if s.does == "greet" {
			talk = pipeline.Talk{Why: pipeline.ForGreeting}
		}
		if got := c.turn(talk); got != s.want {
			c.t.Errorf("step %d, %q:\n got %s\nwant %s", i, s.does, got, s.want)
		}
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	menu := &pipeline.Expect{Digits: 1, Words: []string{"hours"}}
	for _, tt := range []struct {
		name  string
		agent agent
		slots map[string]string
		steps []step
		told  map[string]string
	}{
		{name: "say", steps: []step{{"greet", "[agent greeting  | ]"}, {"/1", "We open at nine, dear caller."}, {"hi", "[agent words hi | The caller pressed 1. hi]"}}},
		{name: "say with a place", slots: map[string]string{"name": "Ana"}, steps: []step{{"/1", "We open at nine, Ana."}}},
		{name: "ask", steps: []step{{"/2", "[agent command  | The caller pressed 2: they want billing.]"}, {"yes", "[agent words yes | The caller pressed 2: they want billing. yes]"}}},
		{name: "say and ask", steps: []step{{"/22", "One moment. [agent command  | The caller pressed 22: They want billing, now!] {protected}"}}},
		{name: "transfer", steps: []step{{"/0", "I connect you.(transfer +442071234567)"}}},
		{name: "press", steps: []step{{"/7", "(press 1w2#)"}}},
		{name: "hang up", steps: []step{{"/*9", "(hang_up Bye.)"}, {"/*8", "So long.(hang_up )"}}},
		{name: "goto", steps: []step{{"/6", "[agent keys 6 | The caller pressed 6.]"}}},
		{name: "otherwise", steps: []step{{"/99", "That key does nothing."}, {"hi", "[agent words hi | The caller pressed 99. hi]"}}},
		{name: "what the agent asked for", agent: agent{expect: menu}, steps: []step{
			{"greet", "[agent greeting  | ] {1}"}, {"/9", "[agent keys 9 | The caller pressed 9.] {1}"}, {"/1", "We open at nine, dear caller. {1}"}, {"/9", "[agent keys 9 | The caller pressed 9. The caller pressed 1. The caller pressed 9.] {1}"},
		}},
		{name: "an entry that the agent asked for", agent: agent{expect: &pipeline.Expect{Digits: 4, Sole: true}}, steps: []step{
			{"greet", "[agent greeting  | ] {4 sole}"}, {"/1", "[agent keys 1 | The caller pressed 1.] {4 sole}"}, {"/*0", "Help is on the way. {4 sole}"}, {"/2", "[agent keys 2 | The caller pressed 1. The caller pressed *0. The caller pressed 2.] {4 sole}"},
		}},
		{name: "gather", steps: []step{
			{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"/1234", "[agent command  | The caller pressed 3. The caller entered 1234 as order number.]"},
			{"/1", "We open at nine, dear caller."}, {"so", "[agent words so | The caller pressed 3. The caller entered 1234 as order number. The caller pressed 1. so]"},
		}, told: map[string]string{"order_number": "1234"}},
		{name: "too short, and again", steps: []step{
			{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"/12", "That is no order. Your order number? {# 4s 6 p5s sole}"}, {"/007", "[agent command  | The caller pressed 3. The caller pressed 12, which is no order number. The caller entered 007 as order number.]"},
		}, told: map[string]string{"order_number": "007"}},
		{name: "no digits, and giving up", steps: []step{
			{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"/1#2", "That is no order. Your order number? {# 4s 6 p5s sole}"}, {"/#", "[agent command  | The caller pressed 3. The caller pressed 1#2, which is no order number. The caller did not enter the order number.]"}, {"/1", "We open at nine, dear caller."},
		}},
		{name: "silence", steps: []step{
			{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"", "Your order number? {# 4s 6 p5s sole}"}, {"", "[agent command  | The caller pressed 3. The caller is silent. The caller did not enter the order number.]"}, {"", "[agent silence  | The caller pressed 3. The caller is silent. The caller did not enter the order number. The caller is silent.]"},
		}},
		{name: "words between", steps: []step{
			{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"wait", "[agent words wait | The caller pressed 3. wait] {# 4s 6 p5s sole}"}, {"/555", "[agent command  | The caller pressed 3. wait The caller entered 555 as order number.]"},
		}, told: map[string]string{"order_number": "555"}},
		{name: "words that lead elsewhere", agent: agent{expect: menu}, steps: []step{
			{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"forget it", "[agent words forget it | The caller pressed 3. forget it] {1}"}, {"/1", "We open at nine, dear caller. {1}"},
		}},
		{name: "words to an agent that expects words", agent: agent{expect: &pipeline.Expect{Words: []string{"yes"}, Protected: true}}, steps: []step{
			{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"wait", "[agent words wait | The caller pressed 3. wait] {# 4s 6 p5s protected sole}"},
		}},
		{name: "help within", steps: []step{
			{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"/*0", "Help is on the way. {# 4s 6 p5s sole}"}, {"/123", "[agent command  | The caller pressed 3. The caller pressed *0. The caller entered 123 as order number.]"},
		}, told: map[string]string{"order_number": "123"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := tt.agent
			c := newCaller(t, sound(t, everything), Options{Agent: &a, Script: &a, Slots: tt.slots})
			c.play(tt.steps)
			if !maps.Equal(c.slots, tt.told) {
				t.Errorf("collected %v, want %v", c.slots, tt.told)
			}
		})
	}
}

// TestJoins: keys have somebody called, whom we join with the caller, or the carrier does.
func TestJoins(t *testing.T) {
	t.Parallel()
	a := agent{}
	c := newCaller(t, sound(t, `{"1": {"say": "One moment.", "bridge": "+442071234567"}, "2": {"attended": "ext:anna"}}`), Options{Agent: &a, Script: &a})
	c.play([]step{{"/1", "One moment.(bridge +442071234567)"}, {"/2", "(bridge ext:anna attended)"}})
}

// TestSecrets: what is gathered masked reaches nobody.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const card, pin = "{# 4 masked protected sole}", "{* masked sole}"
	for _, tt := range []struct {
		name  string
		steps []step
		told  map[string]string
	}{
		{"both", []step{
			{"/4", "Now to pay. Your card? " + card}, {"/4711", "And the PIN? " + pin}, {"/081", "Thank you, card hidden."},
			{"what now", "[agent words what now | The caller pressed 4. The caller entered the card, which is secret and not shown. The caller entered the pin, which is secret and not shown. what now]"},
		}, map[string]string{"card": "***", "pin": "***"}},
		{"too long", []step{
			{"/4", "Now to pay. Your card? " + card}, {"/4711", "And the PIN? " + pin}, {"/0815", "(hang_up Goodbye.)"},
			{"no", "[agent words no | The caller pressed 4. The caller entered the card, which is secret and not shown. The caller did not enter the pin. no]"},
		}, map[string]string{"card": "***"}},
		{"spoken", []step{
			{"/4", "Now to pay. Your card? " + card}, {"four seven one", "Your card? " + card}, {"/47", "Your card? " + card},
			{"eight", "[agent command  | The caller pressed 4. The caller has said something that is secret and not shown. " +
				"The caller pressed keys that are secret and not shown, and are no card. The caller did not enter the card.]"},
			{"help", "[agent words help | The caller pressed 4. The caller has said something that is secret and not shown. " +
				"The caller pressed keys that are secret and not shown, and are no card. The caller did not enter the card. help]"},
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCaller(t, sound(t, everything), Options{Agent: &agent{}})
			c.play(tt.steps)
			if !maps.Equal(c.slots, tt.told) {
				t.Errorf("collected %v, want %v", c.slots, tt.told)
			}
		})
	}
}

// TestThen: what follows on a gather, with its value.
func TestThen(t *testing.T) {
	t.Parallel()
	a := &agent{slots: map[string]string{"day": "Friday"}}
	c := newCaller(t, sound(t, everything), Options{Agent: a, Script: a})
	c.play([]step{
		{"hi", "[agent words hi | hi]"}, {"/5", "Year? {# 4 sole}"},
		{"/2026", "2 0 2 6 it is. [booking command  | hi The caller pressed 5. The caller entered 2026 as year.]"},
	})
	if diff := cmp.Diff(map[string]string{"day": "Friday", "year": "2026"}, c.slots); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}
	c = newCaller(t, sound(t, everything), Options{Agent: &agent{}})
	c.play([]step{{"/5", "Year? {# 4 sole}"}, {"", "Year? {# 4 sole}"}, {"/1", "Year? {# 4 sole}"},
		{"", "[agent command  | The caller pressed 5. The caller is silent. The caller pressed 1, which is no year. The caller did not enter the year: help them.]"}})
}

// TestTakenBack: an answer to words that was never heard changes nothing.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	a := &agent{}
	c := newCaller(t, sound(t, everything), Options{Agent: a})
	c.play([]step{{"/3", "Your order number? {# 4s 6 p5s sole}"}})
	a.expect = &pipeline.Expect{Digits: 1}
	c.play([]step{{"never mind", "[agent words never mind | The caller pressed 3. never mind] {1}"}})
	c.history = c.history[:2] // the caller goes on
	a.expect = nil
	c.play([]step{{"/1234", "[agent command  | The caller pressed 3. The caller entered 1234 as order number.]"}})
}

func TestAgentFails(t *testing.T) {
	t.Parallel()
	c := newCaller(t, sound(t, everything), Options{Agent: &agent{fails: true}})
	c.play([]step{{"/3", "Your order number? {# 4s 6 p5s sole}"}, {"hi", "(out of order)"}, {"/123", "(out of order)"}})
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("gone"))
	for _, err := range c.r.Respond(ctx, pipeline.Talk{Why: pipeline.ForKeys, Keys: "1", Turn: 9}) {
		if err == nil || err.Error() != "gone" {
			t.Errorf("cancelled: %v", err)
		}
	}
}

// TestTools: the answer to a tool's result is the agent's, and is told the same history.
func TestTools(t *testing.T) {
	t.Parallel()
	c := newCaller(t, sound(t, everything), Options{Agent: &agent{}})
	c.play([]step{{"/2", "[agent command  | The caller pressed 2: they want billing.]"}})
	history := append(c.history, pipeline.Message{Role: pipeline.ToolRole, Text: "42", Turn: 1})
	var said string
	for d := range c.r.Respond(t.Context(), pipeline.Talk{Why: pipeline.ForToolResult, Turn: 1, Step: 1, History: history}) {
		said += d.Text
	}
	if want := "[agent tool_result  | The caller pressed 2: they want billing. 42]"; said != want {
		t.Errorf("got %s\nwant %s", said, want)
	}
}

func BenchmarkKeys(b *testing.B) {
	r := sound(b, everything)
	b.ReportAllocs()
	for b.Loop() {
		if r.Keys("*", pipeline.Expect{}).Wait != 1500*time.Millisecond {
			b.Fatal("wrong")
		}
	}
}
