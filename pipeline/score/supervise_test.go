package score_test

import (
	"slices"
	"strings"
	"testing"

	"parley/media"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// voices are the tones that sound in a performance: whose is which.
const (
	callers     = 1000
	supervisors = 1700
)

// TestSupervise: somebody listens to both sides, takes the call over, and gives it back to an agent that knows what was said.
func TestSupervise(t *testing.T) {
	hears := func(t *testing.T, who string, pcm []int16, rate int, hz float64, want bool) {
		t.Helper()
		if at := carried(pcm, rate, hz); (at > 3000) != want {
			t.Errorf("%s hears %.0f Hz at %.0f: want it heard: %v", who, hz, at, want)
		}
	}
	told := func(t *testing.T, s Supervised, want ...string) {
		t.Helper()
		if !slices.Equal(s.Told, want) {
			t.Errorf("told %q, want %q", s.Told, want)
		}
	}
	notes := func(t *testing.T, p *Performance, wants ...string) {
		t.Helper()
		var all []string
		for _, m := range p.Ending.History {
			if m.Role == pipeline.Narrator {
				all = append(all, m.Text)
			}
		}
		for _, want := range wants {
			if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("the record has %q, and not %q", all, want)
			}
		}
	}
	ada := func(script ...Cue) Supervisor { return Supervisor{Name: "Ada", At: 0.5, Script: script} }
	live := pipeline.Command{Kind: pipeline.Say, Text: "One two three."}
	play(t, []scene{
		{name: "supervisor listens", waits: true, score: Score{
			Caller: []Cue{Orders(live, 4), Tones(8, 9, callers), HangsUp(12)}, Supervised: []Supervisor{ada(Tones(5, 6, supervisors)), {Name: "Bob", At: 1, Rate: 48000}},
		}, check: func(t *testing.T, p *Performance) {
			for i, rate := range []int{16000, 48000} {
				hears(t, "a supervisor", p.Supervised[i].Heard, rate, callers, true)
			}
			hears(t, "the caller", p.Tap.Spoken, 8000, supervisors, false)
			if agent := p.Supervised[0].Heard[4.5*16000 : 5.5*16000]; slices.Max(agent) < 1000 { // 0.9 s later than the caller
				t.Errorf("of the agent the supervisor hears %d", slices.Max(agent))
			}
			if s := p.Supervised[0]; s.Cause != media.CauseAgent || s.Err != nil {
				t.Errorf("the supervisor's leg ended %q, %v", s.Cause, s.Err)
			}
		}},
		{name: "supervisor takes over, and hands back", waits: true, score: Score{
			Caller:     []Cue{Orders(live, 4), Tones(8, 9, callers), Says("my order is late", 10, 11), HangsUp(20)},
			Supervised: []Supervisor{ada(TakesOver(5), Tones(6, 7, supervisors), HandsBack(13))},
		}, check: func(t *testing.T, p *Performance) {
			hears(t, "the supervisor", p.Supervised[0].Heard, 16000, callers, true)
			hears(t, "the caller", p.Tap.Spoken, 8000, supervisors, true)
			hears(t, "the supervisor", p.Supervised[0].Heard, 16000, supervisors, false)
			told(t, p.Supervised[0], "has", "has not")
			notes(t, p, "Ada has taken over the call.", "The caller is with you again, no longer with Ada.")
			if last := p.Talks[len(p.Talks)-1]; !slices.ContainsFunc(last.History, func(m pipeline.Message) bool { return m.Text == "my order is late" }) {
				t.Errorf("the agent does not know what was said: %+v", last.History)
			}
		}},
		{name: "supervisor takes over in the midst of a sentence", waits: true, score: Score{
			Caller:     []Cue{Orders(pipeline.Command{Kind: pipeline.Say, Text: "One two three four five six seven eight nine ten."}, 4), HangsUp(14)},
			Supervised: []Supervisor{ada(TakesOver(4.8), Tones(6, 7, supervisors))},
		}, check: func(t *testing.T, p *Performance) {
			if hears(t, "the caller", p.Tap.Spoken, 8000, supervisors, true); strings.Contains(p.Heard(), "ten") {
				t.Errorf("the agent went on: %q", p.Heard())
			}
		}},
		{name: "supervisor hangs up, and the agent goes on", waits: true, score: Score{
			Caller: []Cue{HangsUp(16)}, Supervised: []Supervisor{ada(TakesOver(4), HangsUp(8))},
		}, check: func(t *testing.T, p *Performance) {
			notes(t, p, "Ada has taken over the call.", "The caller is with you again, no longer with Ada. They have hung up.")
		}},
		{name: "supervisor has the call, and the caller hangs up", waits: true, score: Score{
			Caller: []Cue{HangsUp(8)}, Supervised: []Supervisor{ada(TakesOver(4))},
		}, check: func(t *testing.T, p *Performance) {
			if told(t, p.Supervised[0], "has", "has not"); p.Ending.Cause != media.CauseCaller || p.Supervised[0].Cause == "" {
				t.Errorf("ended %q, the supervisor %q", p.Ending.Cause, p.Supervised[0].Cause)
			}
		}},
		{name: "supervisor cannot have what another has", waits: true, score: Score{
			Caller: []Cue{Tones(8, 9, callers), HangsUp(16)}, Supervised: []Supervisor{ada(TakesOver(4), Tones(6, 7, supervisors)), {Name: "Bob", At: 1, Script: []Cue{TakesOver(5)}}},
		}, check: func(t *testing.T, p *Performance) {
			told(t, p.Supervised[1], "the caller is with somebody else, or waits for them")
			hears(t, "the other one", p.Supervised[1].Heard, 16000, supervisors, true)
			hears(t, "the other one", p.Supervised[1].Heard, 16000, callers, true)
		}},
		{name: "supervisor has gone before they have the call", waits: true, score: Score{
			Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.TakeOver, To: "SU-Ada", By: "Ada"}, 4), HangsUp(12)},
		}, check: func(t *testing.T, p *Performance) {
			if !slices.ContainsFunc(p.Events, func(e pipeline.Event) bool { return e.Kind == pipeline.CommandFailed && e.Text == "take_over" }) {
				t.Error("nobody is told")
			}
		}},
		{name: "supervisor does not hear a secret, nor is it written down", waits: true, score: Score{
			Model:      Model{Answer: (&safe{always: true}).answer},
			Caller:     []Cue{Tones(5, 6, callers), Says("four two four two", 10, 12), HangsUp(16)},
			Supervised: []Supervisor{ada(TakesOver(8))},
		}, check: func(t *testing.T, p *Performance) {
			hears(t, "the supervisor", p.Supervised[0].Heard, 16000, callers, false)
			if found := traces(p, "four", "two"); len(found) > 0 {
				t.Errorf("the secret is in %q", found)
			}
		}},
		{name: "supervisor whispers, and has the call", waits: true, score: Score{
			Caller: []Cue{HangsUp(16)}, Supervised: []Supervisor{ada(TakesOver(4), Orders(pipeline.Command{Kind: pipeline.Inject, Text: "Offer a refund."}, 6), HandsBack(8))},
		}, check: func(t *testing.T, p *Performance) {
			notes(t, p, "Offer a refund.")
		}},
	})
}
