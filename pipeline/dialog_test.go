package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/media"
)

const ms = time.Millisecond

// play feeds events to a fresh dialog, which is answered at 0, and returns what it wanted done, one line an event. Cuts are
// answered at once, as the actor does: heard is how many words the caller has heard of each step, by its text.
func play(m Manners, events ...event) (*dialog, []string) {
	d := newDialog(&Agent{Manners: m}, media.Info{})
	var lines []string
	var feed func(e event) []string
	feed = func(e event) (acts []string) {
		for _, a := range d.on(e) {
			acts = append(acts, print(a))
			if c, ok := a.(cut); ok {
				acts = append(acts, feed(event{e.at, silenced{turn: c.turn}})...)
			}
		}
		return acts
	}
	for _, e := range append([]event{{0, answered{}}}, events...) {
		lines = append(lines, strings.Join(feed(e), " | "))
	}
	return d, lines[1:]
}

func print(a act) string {
	switch a := a.(type) {
	case ask:
		s := fmt.Sprintf("ask %d.%d %s %q", a.talk.Turn, a.step, a.talk.Why, a.talk.Text+a.talk.Keys)
		if a.held {
			s += " held"
		}
		return s
	case utter:
		return fmt.Sprintf("utter %d.%d %q", a.turn, a.step, a.text)
	case tell:
		return string(a.event.Kind)
	case hangUp:
		return fmt.Sprintf("hangUp %s", a.cause)
	case use:
		return fmt.Sprintf("use %d %s", a.turn, a.call.Name)
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T %v", a, a), "pipeline.")
	}
}

// The makers of events. Media time and the time of the call are the same here.

func edge(at time.Duration, k EdgeKind, n int, spoke time.Duration, sure bool) event {
	return event{at, edged{Edge{Kind: k, N: n, At: spoke, Sure: sure}, spoke}}
}

func words_(at time.Duration, k TranscriptKind, text string, n int) event {
	return event{at, worded{Transcript{Kind: k, Text: text, Edge: n}}}
}

func heardOut(at time.Duration, turn, step int, text string) event {
	return event{at, voiced{account{turn: turn, step: step, text: text, heard: text, token: at / 2, audio: at / 2, began: at / 2, length: time.Second}}}
}

// greeted is what brings the dialog to listen, at 1 s.
func greeted(more ...event) []event {
	return append([]event{
		{500 * ms, responded{1, 0, "Hello."}},
		{600 * ms, sounded{1, 0}},
		heardOut(1000*ms, 1, 0, "Hello."),
	}, more...)
}

func TestDialog(t *testing.T) {
	t.Parallel()
	began, ended := edge(2060*ms, Began, 1, 2000*ms, true), edge(3000*ms, Ended, 1, 2500*ms, false)
	pause := edge(2700*ms, MaybeEnded, 1, 2500*ms, false)
	for _, c := range []struct {
		name    string
		manners Manners
		events  []event
		want    string // the last line
	}{
		{"words are answered", Manners{}, greeted(began, ended, words_(3100*ms, Final, "yes", 1)), `transcribed | ask 2.0 words "yes"`},
		{"the final of another stretch waits", Manners{}, greeted(began, ended, edge(3050*ms, Began, 2, 3000*ms, true), words_(3100*ms, Final, "yes", 1)), `transcribed`},
		{"a final without an edge is answered", Manners{}, greeted(words_(3100*ms, Final, "yes", 0)), `transcribed | ask 2.0 words "yes"`},
		{"a final of its own while the caller speaks waits", Manners{}, greeted(began, words_(2500*ms, Final, "yes", 0)), `transcribed`},
		{"the recogniser's own end of turn", Manners{}, greeted(began, words_(2700*ms, EndOfTurn, "yes", 0)), `transcribed | ask 2.0 words "yes"`},
		{"and the ear's is not waited for", Manners{}, greeted(began, words_(2700*ms, EndOfTurn, "yes", 0), ended, event{9 * time.Second, ticked{}}), `fill {1 Just a second.}`},
		{"its final comes too late", Manners{}, greeted(began, words_(2700*ms, EndOfTurn, "yes", 0), ended, words_(3100*ms, Final, "yes", 1)), ``},
		{"the caller goes on after it", Manners{}, greeted(began, words_(2700*ms, EndOfTurn, "yes", 0), words_(2800*ms, TurnResumed, "", 0), ended, words_(3100*ms, Final, "but no", 1)),
			`transcribed | ask 3.0 words "yes but no"`},
		{"no transcript in time", Manners{}, greeted(began, ended, event{7000 * ms, ticked{}}), `provider_failed | utter 2.0 "` + DefaultManners().Sorry + `"`},
		{"a transcript after that is late", Manners{}, greeted(began, ended, event{7000 * ms, ticked{}}, words_(7100*ms, Final, "yes", 1)), `transcribed | cut {2} | interrupted | turn_ended | ask 3.0 words "yes"`},
		{"words found before have to do", Manners{}, greeted(began, words_(2400*ms, Final, "yes", 0), ended, event{7000 * ms, ticked{}}), `ask 2.0 words "yes"`},
		{"nothing understood of much", Manners{}, greeted(began, ended, words_(3100*ms, Final, "", 1)), `ask 2.0 silence ""`},
		{"nothing understood of little", Manners{}, greeted(began, edge(2800*ms, Ended, 1, 2300*ms, false), words_(3100*ms, Final, "", 1)), ``},
		{"silence", Manners{}, greeted(event{9000 * ms, ticked{}}), `fell_silent | ask 2.0 silence ""`},
		{"not yet silence", Manners{}, greeted(event{8999 * ms, ticked{}}), ``},
		{"silence is not counted while somebody speaks", Manners{}, greeted(began, event{9000 * ms, ticked{}}), ``},

		{"late text", Manners{}, greeted(event{2 * time.Second, responded{1, 0, "More."}}), ``},
		{"late sound", Manners{}, greeted(heardOut(2*time.Second, 1, 0, "Hello.")), ``},
		{"late failure", Manners{}, greeted(event{2 * time.Second, failed{1, 0, "voice", "", errEmptyReply}}), ``},
		{"late delta", Manners{}, greeted(event{2 * time.Second, told{1, 0, Delta{Do: &Command{Kind: HangUp}}}}), ``},
		{"late tool", Manners{}, greeted(event{2 * time.Second, tooled{turn: 1, id: "a"}}), ``},
		{"news of a turn to come", Manners{}, greeted(event{2 * time.Second, responded{7, 0, "More."}}), ``},
		{"news after the end", Manners{}, greeted(event{2 * time.Second, left{media.CauseCaller, nil}}, began), ``},
		{"the caller leaves", Manners{}, greeted(event{2 * time.Second, left{media.CauseCaller, nil}}), `hangUp caller`},
		{"the caller leaves in mid-turn", Manners{}, []event{{time.Second, left{media.CauseCaller, nil}}}, `cut {1} | turn_ended | hangUp caller`},

		{"speech holds the agent", Manners{}, []event{{500 * ms, responded{1, 0, "Hello."}}, {600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, true)}, `speech_began | duck {1}`},
		{"and cuts it when it lasts", Manners{}, []event{{600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, true), {1150 * ms, ticked{}}, {2050 * ms, ticked{}}}, `cut {1} | interrupted | turn_ended`},
		{"but not when it is not sure", Manners{}, []event{{600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, false), {1150 * ms, ticked{}}}, ``},
		{"which lets it go on", Manners{}, []event{{600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, false), {1650 * ms, ticked{}}}, `carryOn {1} | false_alarm`},
		{"until it is sure", Manners{}, []event{{600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, false), {1650 * ms, ticked{}}, edge(1700*ms, Began, 1, 650*ms, true)}, `duck {1}`},
		{"a short sound does not cut", Manners{}, []event{{600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, true), edge(1050*ms, MaybeEnded, 1, 850*ms, false), {1150 * ms, ticked{}}}, ``},
		{"a longer one does, when it is over", Manners{}, []event{{600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, true), edge(2049*ms, MaybeEnded, 1, 1860*ms, false)}, `cut {1} | interrupted | turn_ended`},
		{"words cut", Manners{}, []event{{600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, true), words_(900*ms, Partial, "stop", 0)}, `transcribed | cut {1} | interrupted | turn_ended`},
		{"too few words do not", Manners{BargeInWords: 2}, []event{{600 * ms, sounded{1, 0}}, edge(700*ms, Began, 1, 650*ms, true), words_(900*ms, Partial, "hello", 0)}, `transcribed`},
		{"a partial of nobody's", Manners{}, []event{{600 * ms, sounded{1, 0}}, words_(900*ms, Partial, "stop", 0)}, ``},
		{"an answer nobody heard is withdrawn", Manners{}, greeted(began, ended, words_(3100*ms, Final, "one", 1), edge(3200*ms, Began, 2, 3150*ms, true), edge(4000*ms, Ended, 2, 3500*ms, false), words_(4100*ms, Final, "two", 2)),
			`transcribed | cut {2} | turn_ended | ask 3.0 words "one two"`},

		{"a prepared answer", Manners{}, greeted(began, words_(2800*ms, EagerEnd, "yes", 0)), `transcribed | ask 2.0 words "yes" held`},
		{"is not prepared twice", Manners{}, greeted(began, words_(2800*ms, EagerEnd, "yes", 0), words_(2900*ms, EagerEnd, "Yes.", 0)), `transcribed`},
		{"is replaced", Manners{}, greeted(began, words_(2800*ms, EagerEnd, "yes", 0), words_(2900*ms, EagerEnd, "yes please", 0)), `transcribed | cut {2} | ask 3.0 words "yes please" held`},
		{"is wanted", Manners{}, greeted(began, words_(2800*ms, EagerEnd, "yes", 0), ended, words_(3100*ms, Final, "Yes.", 1)), `transcribed | carryOn {2}`},
		{"is not wanted", Manners{}, greeted(began, words_(2800*ms, EagerEnd, "yes", 0), ended, words_(3100*ms, Final, "yesterday", 1)), `transcribed | cut {2} | ask 3.0 words "yesterday"`},
		{"keeps its tools to itself", Manners{}, greeted(began, words_(2800*ms, EagerEnd, "yes", 0), event{2900 * ms, told{2, 0, Delta{Call: &ToolCall{Name: "pay"}}}}), ``},
		{"until it is wanted", Manners{}, greeted(began, words_(2800*ms, EagerEnd, "yes", 0), event{2900 * ms, told{2, 0, Delta{Call: &ToolCall{Name: "pay"}}}}, ended, words_(3100*ms, Final, "Yes.", 1)), `transcribed | carryOn {2} | use 2 pay`},
		{"fails and is forgotten", Manners{}, greeted(began, words_(2800*ms, EagerEnd, "yes", 0), event{2900 * ms, failed{2, 0, "responder", "", errEmptyReply}}), `cut {2}`},

		{"a whole sentence is over early", Manners{}, greeted(began, pause, words_(2850*ms, EagerEnd, "I want a table.", 0)), `transcribed | ask 2.0 words "I want a table." held | transcribed | carryOn {2}`},
		{"but not too early", Manners{}, greeted(began, pause, words_(2840*ms, EagerEnd, "I want a table.", 0)), `transcribed | ask 2.0 words "I want a table." held`},
		{"but soon", Manners{}, greeted(began, pause, words_(2840*ms, EagerEnd, "I want a table.", 0), event{2850 * ms, ticked{}}), `transcribed | carryOn {2}`},
		{"unless the words change", Manners{}, greeted(began, pause, words_(2840*ms, EagerEnd, "I want a table.", 0), words_(2845*ms, Partial, "I want a table. For", 0), event{2850 * ms, ticked{}}), ``},
		{"or the caller goes on", Manners{}, greeted(began, pause, words_(2840*ms, EagerEnd, "I want a table.", 0), edge(2845*ms, Resumed, 1, 2830*ms, false), event{2850 * ms, ticked{}}), ``},
		{"the words may come before the pause", Manners{}, greeted(began, words_(2650*ms, EagerEnd, "I want a table.", 0), pause, event{2850 * ms, ticked{}}), `transcribed | carryOn {2}`},
		{"its final says nothing new", Manners{}, greeted(began, pause, words_(2850*ms, EagerEnd, "I want a table.", 0), ended, words_(3100*ms, Final, "I want a table.", 1)), ``},
		{"nor does one of the recogniser's own", Manners{}, greeted(began, pause, words_(2850*ms, EagerEnd, "I want a table.", 0), words_(2900*ms, Final, "I want a table.", 0)), ``},
		{"or one that says more", Manners{}, greeted(began, pause, words_(2850*ms, EagerEnd, "I want a table.", 0), ended, words_(3100*ms, Final, "I want a table. Please hurry.", 1)),
			`transcribed | cut {2} | turn_ended | ask 3.0 words "I want a table. Please hurry."`},
		{"the caller goes on after an early end", Manners{}, greeted(began, pause, words_(2850*ms, EagerEnd, "I want a table.", 0), edge(2900*ms, Resumed, 1, 2860*ms, false)), `duck {2}`},
		{"with words that take the answer back", Manners{}, greeted(began, pause, words_(2850*ms, EagerEnd, "I want a table.", 0), edge(2900*ms, Resumed, 1, 2860*ms, false), words_(3100*ms, Partial, "I want a table for two", 0)),
			`transcribed | cut {2} | turn_ended`},
		{"which are not doubled", Manners{}, greeted(began, pause, words_(2850*ms, EagerEnd, "I want a table.", 0), edge(2900*ms, Resumed, 1, 2860*ms, false), words_(3100*ms, Partial, "I want a table for two", 0),
			edge(4000*ms, Ended, 1, 3500*ms, false), words_(4100*ms, Final, "I want the table for two", 1)), `transcribed | ask 3.0 words "I want a table. for two"`},
		{"a recogniser that ends turns itself is the boss", Manners{}, greeted(began, words_(2700*ms, EndOfTurn, "yes", 0), heardOut(3000*ms, 2, 0, "Fine."), edge(4060*ms, Began, 2, 4000*ms, true),
			edge(4700*ms, MaybeEnded, 2, 4500*ms, false), words_(4800*ms, EagerEnd, "I want a table.", 0), event{4900 * ms, ticked{}}), ``},
		{"and is known by its first word", Manners{}, greeted(began, pause, words_(2850*ms, EagerEnd, "I want a table.", 0), words_(2900*ms, EndOfTurn, "I want a table.", 0), ended,
			heardOut(3100*ms, 2, 0, "Fine."), edge(4060*ms, Began, 2, 4000*ms, true), edge(4700*ms, MaybeEnded, 2, 4500*ms, false), words_(4800*ms, EagerEnd, "I want a chair.", 0), event{4900 * ms, ticked{}}), ``},
		{"and need not be patient", Manners{}, greeted(began, words_(2700*ms, EndOfTurn, "I would like to", 0)), `transcribed | ask 2.0 words "I would like to"`},
		{"words that break off are waited for", Manners{}, greeted(began, words_(2400*ms, Partial, "I would", 0), ended, words_(3100*ms, Final, "I would like to", 1)), `transcribed`},
		{"for a while", Manners{}, greeted(began, words_(2400*ms, Partial, "I would", 0), ended, words_(3100*ms, Final, "I would like to", 1), event{4500 * ms, ticked{}}), `ask 2.0 words "I would like to"`},
		{"not by a recogniser that tells them at the end", Manners{}, greeted(began, ended, words_(3100*ms, Final, "I would like to", 1)), `transcribed | ask 2.0 words "I would like to"`},
		{"a goodbye does not wait for the rest", Manners{}, greeted(began, words_(2400*ms, Partial, "I would", 0), ended, words_(3100*ms, Final, "I would like to", 1), event{3500 * ms, ordered{Command{Kind: HangUp, Text: "Bye."}}}), `commanded | utter 2.0 "Bye."`},

		{"expected words", Manners{}, []event{{time.Second, told{1, 0, Delta{Expect: &Expect{Words: []string{"yes"}}}}}}, `expect {[yes]}`},
		{"are forgotten", Manners{}, append([]event{{400 * ms, told{1, 0, Delta{Expect: &Expect{Words: []string{"yes"}}}}}}, greeted(words_(3100*ms, Final, "yes", 0))...), `transcribed | expect {[]} | ask 2.0 words "yes"`},
		{"a command in mid-speech waits", Manners{}, greeted(began, event{2500 * ms, ordered{Command{Kind: Say, Text: "Hi."}}}), `commanded`},
		{"a goodbye does not", Manners{}, greeted(began, event{2500 * ms, ordered{Command{Kind: HangUp, Text: "Bye."}}}), `commanded | utter 2.0 "Bye."`},
		{"the longest call", Manners{MaxLength: time.Minute}, greeted(event{time.Minute, ticked{}}), `utter 2.0 "` + DefaultManners().TooLong + `"`},
		{"and then hangs up", Manners{MaxLength: 5 * time.Second}, greeted(event{5 * time.Second, ticked{}}, heardOut(9*time.Second, 2, 0, DefaultManners().TooLong)), `turn_ended | hangUp max_length`},
		{"the recogniser dies during the last words", Manners{MaxLength: 5 * time.Second}, greeted(event{5 * time.Second, ticked{}}, event{6 * time.Second, deafened{err: errEmptyReply}}), `provider_failed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, lines := play(c.manners, c.events...)
			if got := lines[len(lines)-1]; got != c.want {
				t.Errorf("got  %s\nwant %s\nall:\n%s", got, c.want, strings.Join(lines, "\n"))
			}
		})
	}
}

// TestResultsFollowTheirCalls: models refuse a history in which something stands between a call and its result, such as that the caller has put the
// call on hold meanwhile.
func TestResultsFollowTheirCalls(t *testing.T) {
	t.Parallel()
	d := newDialog(&Agent{}, media.Info{})
	asks, pressed := &step{calls: []ToolCall{{ID: "a"}, {ID: "b"}}, results: map[string]string{"a": "done"}}, &step{message: 2, keys: "1"}
	d.history = []Message{{Role: Assistant, Calls: asks.calls}, {Role: Narrator, Text: "The caller has put the call on hold."}, {Role: Narrator, Text: "You pressed 1."}}
	d.follow(&turn{n: 1, steps: []*step{asks, pressed}}, asks, "cancelled")
	var got []string
	for _, m := range d.history {
		got = append(got, string(m.Role)+" "+m.CallID)
	}
	if diff := cmp.Diff([]string{"assistant ", "tool a", "tool b", "narrator ", "narrator "}, got); diff != "" || d.history[2].Text != "cancelled" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if pressed.message != 4 {
		t.Errorf("the keys that were pressed are told by message %d, want 4", pressed.message)
	}
}

// Whatever happens in whatever order, the dialog does not panic, its turns have rising numbers, its tool messages answer calls, and
// somebody is always busy or will be woken: no dead air.
func TestDialogProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := newDialog(&Agent{}, media.Info{})
		w := &world{t: t, d: d, busy: map[[2]int]bool{}}
		w.feed(answered{})
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			w.at += time.Duration(rapid.IntRange(0, 3000).Draw(t, "wait")) * ms
			w.feed(w.draw())
			if next, ok := d.next(); !d.over && !ok {
				t.Fatal("nothing will ever happen: no alarm is set")
			} else if ok && !d.over && d.turn == nil && d.caller.floor == quiet && d.caller.keys == "" && !d.parked && !d.adrift && d.onHold == nil && next > w.at+d.manners.Silence {
				t.Fatalf("dead air: nobody is busy at %v and nothing happens before %v", w.at, next)
			}
			if d.turn != nil && len(w.busy) == 0 && !d.turn.cut && !d.turn.last().toolsOut() {
				t.Fatalf("turn %d is in progress, but nobody works on it", d.turn.n)
			}
		}
		calls := map[string]int{}
		for i, m := range d.history {
			if m.Role == ToolRole {
				calls[m.CallID]++
			}
			for _, c := range m.Calls {
				if d.turn == nil && (i+1 >= len(d.history) || d.history[i+1].Role != ToolRole) {
					t.Fatalf("call %s has no result right behind it: %+v", c.ID, d.history)
				}
			}
			if i > 0 && m.Turn < d.history[i-1].Turn {
				t.Fatalf("message %d is of turn %d, the one before of %d", i, m.Turn, d.history[i-1].Turn)
			}
		}
	})
}

// world answers a dialog's acts as an actor would, and draws what happens next.
type world struct {
	t    *rapid.T
	d    *dialog
	at   time.Duration
	busy map[[2]int]bool // replies that go on
	n    int             // stretches of speech
	last int             // turn
}

func (w *world) feed(n news) {
	for _, a := range w.d.on(event{w.at, n}) {
		switch a := a.(type) {
		case ask:
			if a.step == 0 && a.talk.Turn <= w.last {
				w.t.Fatalf("turn %d after %d", a.talk.Turn, w.last)
			}
			w.last = a.talk.Turn
			w.busy[[2]int{a.talk.Turn, a.step}] = true
		case utter:
			w.busy[[2]int{a.turn, a.step}] = true
		case cut:
			s := silenced{turn: a.turn}
			for k := range w.busy {
				if k[0] == a.turn {
					s.accounts = append(s.accounts, account{turn: k[0], step: k[1], text: "one two", heard: "one", length: time.Second})
					delete(w.busy, k)
				}
			}
			w.feed(s)
		}
	}
}

func (w *world) draw() news {
	var k [2]int
	for b := range w.busy {
		if k[0] == 0 || b[0] < k[0] || b[0] == k[0] && b[1] < k[1] {
			k = b
		}
	}
	choices := []func() news{
		func() news { w.n++; return edged{Edge{Kind: Began, N: w.n, At: w.at, Sure: true}, w.at} },
		func() news { return edged{Edge{Kind: Began, N: w.n, At: w.at, Sure: w.n%2 == 0}, w.at} },
		func() news { return edged{Edge{Kind: MaybeEnded, N: w.n, At: w.at}, w.at} },
		func() news { return edged{Edge{Kind: Resumed, N: w.n, At: w.at}, w.at} },
		func() news { return edged{Edge{Kind: Ended, N: w.n, At: w.at}, w.at} },
		func() news { return worded{Transcript{Kind: Final, Edge: w.n}} },
		func() news { return worded{Transcript{Kind: Final, Text: "yes", Edge: w.n}} },
		func() news { return worded{Transcript{Kind: Final, Text: "yes"}} },
		func() news { return worded{Transcript{Kind: Partial, Text: "ye"}} },
		func() news { return worded{Transcript{Kind: EagerEnd, Text: "yes"}} },
		func() news { return worded{Transcript{Kind: EndOfTurn, Text: "yes"}} },
		func() news { return worded{Transcript{Kind: TurnResumed}} },
		func() news { return keyed{key: '1'} },
		func() news { return keyed{key: '#'} },
		func() news { return ticked{} },
		func() news { return ticked{} },
		func() news { return parked{w.at%2 == 0} },
		func() news { return moved{} },
		func() news { return ordered{Command{Kind: Say, Text: "Hi."}} },
		func() news { return ordered{Command{Kind: Inject, Text: "Note.", Ask: w.n%2 == 0}} },
		func() news { return ordered{Command{Kind: Write, Text: "Yes."}} },
		func() news { return ordered{Command{Kind: Hold, Text: "Hold.", Every: time.Minute}} },
		func() news { return ordered{Command{Kind: Unhold, Ask: true}} },
		func() news { return recasted{command: Command{Kind: Change, Agent: "b", Ask: w.n%2 == 0}} },
		func() news { return filled{n: w.d.waiting.n, sounded: true} },
		func() news { return tooled{turn: w.last, id: "a", result: "done"} },
		func() news { return deafened{err: errEmptyReply} },
	}
	if k[0] != 0 {
		choices = append(choices,
			func() news { return responded{k[0], k[1], "one two"} },
			func() news { return responded{k[0], k[1], ""} },
			func() news { return sounded{k[0], k[1]} },
			func() news { return arrived{k[0], k[1]} },
			func() news { return stalled{k[0], k[1]} },
			func() news { return told{k[0], k[1], Delta{Call: &ToolCall{ID: "a", Name: "pay"}}} },
			func() news { return told{k[0], k[1], Delta{Expect: &Expect{Digits: 2, Protected: true}}} },
			func() news { return told{k[0], k[1], Delta{Do: &Command{Kind: HangUp}}} },
			func() news { return failed{k[0], k[1], "responder", "one", errors.New("x")} },
			func() news {
				t := w.d.turn
				if t == nil || t.n != k[0] || !t.steps[k[1]].responded {
					return ticked{}
				}
				delete(w.busy, k)
				return voiced{account{turn: k[0], step: k[1], text: "one two", heard: "one two", length: time.Second}}
			},
		)
	}
	return rapid.SampledFrom(choices).Draw(w.t, "news")()
}

func TestManners(t *testing.T) {
	t.Parallel()
	if err := (Manners{}).Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if got := (Manners{Hangover: 150 * ms}).WithDefaults(); got.Guess != 75*ms {
		t.Errorf("guess %v", got.Guess)
	}
	if diff := cmp.Diff(DefaultManners(), Manners{}.WithDefaults()); diff != "" {
		t.Error(diff)
	}
	err := Manners{Hangover: time.Minute, Guess: time.Hour, Reprompts: 99, ToolSteps: -1, Silence: ms}.Validate()
	for _, field := range []string{"Hangover is 1m0s: want 100ms to 5s", "Guess is", "Guess is 1h0m0s: want less than Hangover", "Reprompts is 99", "ToolSteps is -1", "Silence is 1ms"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%q is not in: %v", field, err)
		}
	}
}
