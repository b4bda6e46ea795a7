package flow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
)

// FuzzParse: whatever a file holds, it is a flow that can be played, or every error names a line and a reason.
//
//	go test ./pipeline/flow -run xxx -fuzz FuzzParse -fuzztime 100000x
func FuzzParse(f *testing.F) {
	f.Add(receptionist)
	for _, d := range allDialogs() {
		f.Add([]byte(d.file))
	}
	f.Add([]byte(head + "    {say: 'a {b}', goto: end}\n"))
	f.Add([]byte("a: &a [*a, *a]\n<<: *a\n? [x]\n: y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		flow, err := Parse(data)
		if (flow == nil) == (err == nil) {
			t.Fatalf("parsed %v with error %v", flow, err)
		}
		if err != nil {
			understandable(t, err)
			return
		}
		play(t, flow, rand.New(rand.NewPCG(uint64(len(data)), 1)), 24)
	})
}

// understandable holds that an error names a line and a reason for each finding.
func understandable(t *testing.T, err error) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v is not joined", err)
	}
	for _, e := range joined.Unwrap() {
		var fe *Error
		if !errors.As(e, &fe) || fe.Line < 1 || fe.Reason == "" {
			t.Fatalf("%#v tells no line and reason", e)
		}
	}
}

// FuzzSession plays whole calls: random words and keys against random flows, with a random model. Of four flows one is made up of all
// kinds of nodes and sound, and three are flows of the tests with something changed: those have an error, or are played.
//
//	go test ./pipeline/flow -run xxx -fuzz FuzzSession -fuzztime 100000x
func FuzzSession(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed)
	}
	seeds := [][]byte{receptionist}
	for _, d := range allDialogs() {
		seeds = append(seeds, []byte(d.file))
	}
	slices.SortFunc(seeds, func(a, b []byte) int { return strings.Compare(string(a), string(b)) })
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 7))
		sound := rng.IntN(4) == 0
		file := []byte(randomFlow(rng))
		if !sound {
			file = mutated(t, rng, seeds)
		}
		flow, err := Parse(file)
		if err != nil && sound {
			t.Fatalf("%v in:\n%s", err, file)
		}
		if err != nil {
			understandable(t, err)
			return
		}
		play(t, flow, rng, 40)
	})
}

// play has a random caller talk to a flow. Whatever it hears, it waits, hangs up or lets the model go on; it says nothing of a secret.
func play(t *testing.T, f *Flow, rng *rand.Rand, turns int) {
	t.Helper()
	now := time.Date(2026, time.Month(1+rng.IntN(12)), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), 0, 0, time.UTC)
	o := Options{Now: func() time.Time { return now }}
	if rng.IntN(3) > 0 {
		o.Model = babbler{rng}
	}
	s := newSession(f, o)
	var history []pipeline.Message
	for turn := range turns {
		talk := talkFor(turn, randomAnswer(rng))
		if talk.Why == pipeline.ForSilence {
			talk.Silence = 1 + rng.IntN(3)
		}
		history = append(history, pipeline.Message{Role: pipeline.Caller, Text: talk.Text, Turn: talk.Turn})
		if rng.IntN(10) == 0 && turn > 0 { // it was a guess, and is taken back
			history = slices.DeleteFunc(history, func(m pipeline.Message) bool { return m.Turn == talk.Turn-1 })
		}
		talk.History = history
		var text strings.Builder
		var waits bool
		for d, err := range s.Respond(t.Context(), talk) {
			if err != nil && !errors.Is(err, errBabble) && !errors.Is(err, errHandovers) {
				t.Fatal(err)
			}
			waits = waits || d.Expect != nil || d.Do != nil || err != nil || s.model != nil
			text.WriteString(d.Text)
			secretless(t, s, d)
			if rng.IntN(60) == 0 {
				waits = true
				break // the caller interrupts
			}
		}
		if !waits {
			t.Fatalf("turn %d neither waits nor hangs up: %q", turn, text.String())
		}
		history = append(history, pipeline.Message{Role: pipeline.Assistant, Text: text.String(), Turn: talk.Turn})
		now = now.Add(time.Duration(rng.IntN(120)) * time.Second)
	}
}

// secretless holds that a Delta has none of the session's secrets, unless the caller has also given the same where it is none.
func secretless(t *testing.T, s *session, d pipeline.Delta) {
	t.Helper()
	var open, hidden []string
	for _, fr := range s.here.frames {
		for slot, v := range fr.slots {
			if fr.script.masked[slot] {
				hidden = append(hidden, v)
			} else {
				open = append(open, v)
			}
		}
	}
	for slot, v := range d.Slots {
		if s.flow.main.masked[slot] && v != pipeline.MaskedSlot {
			t.Fatalf("%s is told as %q", slot, v)
		}
	}
	for _, v := range hidden {
		if len(v) > 6 && strings.Contains(d.Text, v) && !strings.Contains(strings.Join(open, " "), v) {
			t.Fatalf("a secret is said: %q", d.Text)
		}
	}
}

// randomAnswer is what a caller may say or press.
func randomAnswer(rng *rand.Rand) string {
	words := strings.Fields(`yes no one two three four seven hundred operator repeat main menu Tuesday tomorrow half past ten o'clock March fifth nineteen
		eighty-two john dot smith at example com S M I T H double plus 4155550123 4111111111111111 next week please uh the a to for not that's right
		goodbye Ana menu free sales book appointment message é ’ ? #`)
	keys := "0123456789*#"
	switch n := 1 + rng.IntN(8); rng.IntN(6) {
	case 0:
		return ""
	case 1, 2:
		b := []byte{'/'}
		for range n {
			b = append(b, keys[rng.IntN(len(keys))])
		}
		return string(b)
	default:
		var said []string
		for range n {
			said = append(said, words[rng.IntN(len(words))])
		}
		return strings.Join(said, " ")
	}
}

var errBabble = errors.New("the model has failed")

// A babbler is a model of which anything may come.
type babbler struct{ rng *rand.Rand }

func (b babbler) Respond(context.Context, pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	results := []string{`{"result":"babble"}`, `{}`, ``, `null`, `[`, `{"result":[1,{"a":"b"}]}`, `{"result":"` + strings.Repeat("x", 3000) + `"}`, "{\"result\":\"\\u0000\\n\"}", `"s"`, "\xff"}
	return func(yield func(pipeline.Delta, error) bool) {
		for range b.rng.IntN(5) {
			d := pipeline.Delta{Text: "babble "}
			switch b.rng.IntN(8) {
			case 0:
				d = calls(ReturnTool, results[b.rng.IntN(len(results))])
			case 1:
				d = calls("other", "{}")
			case 2:
				d.Text = "[do"
			case 3:
				d.Text = "ne] "
			case 4:
				yield(pipeline.Delta{}, errBabble)
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// randomFlow makes a sound flow of all kinds of nodes: those that wait may lead anywhere, the others ahead only.
func randomFlow(rng *rand.Rand) string {
	var b strings.Builder
	b.WriteString("flow: random\nstart: n0\ncontext: {from: }\nno_match: [\"Pardon? {prompt}\", \"Again?\"]\nambiguous: \"{options}?\"\n" +
		"commands: [{phrases: repeat, repeat: true}, {phrases: main menu, goto: n0}]\n" +
		"hours: {h: {zone: Europe/London, open: {monday-friday: 08:00-18:00, saturday: 22:00-04:00}, holidays: {12-25: closed}}}\n" +
		"flows:\n  sub:\n    takes: {x: a}\n    gives: [r, s]\n    start: a\n    nodes:\n" +
		"      a: {gather: {slot: r, type: name, prompt: \"{x}?\", choices: [{phrases: no, goto: no}], goto: b}}\n" +
		"      b: {gather: {slot: s, type: digits, min: 2, max: 8, masked: true, prompt: Digits., confirm: Right., goto: ok}}\n" +
		"      ok: {return: ok}\n      no: {return: none}\nnodes:\n")
	n := 3 + rng.IntN(10)
	types := []string{"type: digits, length: 4", "type: digits, min: 2, max: 16, luhn: true, masked: true", "type: number, max: 90", "type: yes_no", "type: name",
		"type: text", "type: one_of, options: [small, {value: large, digit: 2}]", "type: date, min: today, max: +90d", "type: date, past: true",
		"type: time, min: '08:00', max: '18:00', every: 15m", "type: spelling", "type: email", "type: phone, country: 44"}
	for i := range n {
		ahead, any := fmt.Sprintf("n%d", i+1), fmt.Sprintf("n%d", rng.IntN(n+1))
		fmt.Fprintf(&b, "  n%d: ", i)
		switch rng.IntN(10) {
		case 0:
			fmt.Fprintf(&b, "{say: \"At {now} of {today}.\", goto: %s}\n", ahead)
		case 1:
			fmt.Fprintf(&b, "{menu: {prompt: Menu %d., again: Again., interrupted: Yes., silences: 3, tries: 2, give_up: %s, choices: [{digit: 1, phrases: sales, goto: %s}, {phrases: [book, free], goto: %s}]}}\n", i, any, ahead, any)
		case 2:
			slot := fmt.Sprintf("s%d", i)
			typ := types[rng.IntN(len(types))]
			confirm := fmt.Sprintf("confirm: \"{%s}?\", retry: \"No? {prompt}\", invalid: \"Not {%s}.\", ", slot, slot)
			if strings.Contains(typ, "masked") || rng.IntN(2) == 0 {
				confirm = ""
			}
			fmt.Fprintf(&b, "{gather: {slot: %s, %s, prompt: Ask %d., %stries: 4, give_up: %s, goto: %s}}\n", slot, typ, i, confirm, any, ahead)
		case 3:
			fmt.Fprintf(&b, "{set: {t%d: \"{from} {now}\", u%d: \"\"}, goto: %s}\n", i, i, ahead)
		case 4:
			fmt.Fprintf(&b, "{if: [{all: [{open: h}, {not: {slot: from, empty: true}}], goto: %s}, {any: [{open: h, at: \"{today} 10:00\"}, {slot: from, at_least: \"{today}\", matches: \"2.*\"}], goto: %s}], else: %s}\n", ahead, ahead, ahead)
		case 5:
			fmt.Fprintf(&b, "{hours: {of: h, open: %s, closed: %s, change: c%d}}\n", ahead, ahead, i)
		case 6:
			fmt.Fprintf(&b, "{call: {flow: sub, with: {x: \"{from} of %d\"}, into: {r%d: r, q%d: s}, then: {none: %s}}, goto: %s}\n", i, i, i, any, ahead)
		case 7:
			fmt.Fprintf(&b, "{voicemail: {slot: v%d, prompt: Speak., empty: Nothing., confirm: \"{v%d}?\", max: 5s, tries: 2, give_up: %s, goto: %s}}\n", i, i, any, ahead)
		case 8:
			fmt.Fprintf(&b, "{transfer: {to: \"%s\", say: One moment., failed: %s}}\n", []string{"+442071234567", "{from}", "sip:{from}"}[rng.IntN(3)], ahead)
		case 9:
			fmt.Fprintf(&b, "{model: {instructions: \"Talk to {from}.\", slot: m%d, phrase: \"[done]\", turns: 4, give_up: %s, unavailable: %s, choices: [{digit: \"*\", goto: %s}], goto: %s}}\n", i, any, ahead, any, ahead)
		}
	}
	fmt.Fprintf(&b, "  n%d: {hang_up: Bye.}\n  spare: {call: {flow: sub, into: {spare: r}}, goto: n%d}\n", n, n)
	return strings.Replace(b.String(), "phrases: main menu, goto: n0}", "phrases: main menu, goto: n0}, {phrases: spare, goto: spare}", 1)
}
