package score_test

import (
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// three is a ladder of three rungs: words, the responder, the end.
var three = []pipeline.Rung{
	{After: 3 * time.Second, Say: "Can you hear me?"},
	{After: 2 * time.Second},
	{After: 4 * time.Second, Say: "Then goodbye.", HangUp: true},
}

func TestLadder(t *testing.T) {
	manners := pipeline.Manners{Ladder: three}
	asked := func(silences ...int) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			var got []int
			for _, k := range p.Talks {
				if k.Why == pipeline.ForSilence {
					got = append(got, k.Silence)
				}
			}
			if len(got) != len(silences) {
				t.Fatalf("the responder was asked for silence %v, want %v", got, silences)
			}
			for i, n := range silences {
				if got[i] != n {
					t.Errorf("the responder was asked for silence %v, want %v", got, silences)
				}
			}
		}
	}
	play(t, []scene{
		{name: "ladder to its end", score: Score{Manners: manners}, check: func(t *testing.T, p *Performance) {
			if p.Ending.Cause != media.CauseSilence {
				t.Errorf("cause %q", p.Ending.Cause)
			}
			asked(2)(t, p)
			last := when(t, p, pipeline.TurnEnded, 0)
			for i, after := range []float64{3, 2, 4} {
				fell := when(t, p, pipeline.FellSilent, last)
				near(t, three[i].Say, fell-last, after, 0.01)
				if i < 2 {
					last = when(t, p, pipeline.TurnEnded, fell)
				}
			}
		}},
		{name: "ladder and a word", score: Score{Manners: manners, Caller: []Cue{Says("yes", 10, 10.5), HangsUp(28)}}, check: asked(2, 2)},
		{name: "ladder and a key", score: Score{Manners: manners, Caller: []Cue{Presses("1#", 10), HangsUp(28)}}, check: asked(2, 2)},
		{name: "ladder and a cough", score: Score{Manners: manners, Caller: []Cue{Coughs(6.5, 6.7)}}, check: asked(2)},
		{name: "ladder spoken into", score: Score{Manners: manners, Caller: []Cue{Says("I can", 4.8, 5.4), HangsUp(9)}}, check: asked()},
		{name: "ladder's last words spoken into", score: Score{Manners: manners, Caller: []Cue{Says("wait", 13.4, 13.9), HangsUp(21)}}, check: asked(2)},
		{name: "ladder without last words", score: Score{Manners: pipeline.Manners{Ladder: []pipeline.Rung{{After: 5 * time.Second, HangUp: true}}}}, check: func(t *testing.T, p *Performance) {
			near(t, "end", p.Ending.Length.Seconds(), when(t, p, pipeline.TurnEnded, 0)+5, 0.01)
		}},
		{name: "ladder with the short form's silence", score: Score{Manners: pipeline.Manners{Silence: 2 * time.Second, Ladder: []pipeline.Rung{{Say: "Hello?"}, {HangUp: true}}}}, check: func(t *testing.T, p *Performance) {
			near(t, "first rung", when(t, p, pipeline.FellSilent, 0)-when(t, p, pipeline.TurnEnded, 0), 2, 0.01)
		}},
		{name: "ladder and mumbling", score: Score{Manners: manners, Recogniser: Recogniser{Deaf: true}, Caller: []Cue{Says("mumble", 2, 3), Says("mumble", 6, 7), Says("mumble", 10, 11), HangsUp(20)}}, check: asked(2)},
		{name: "ladder on hold", score: Score{Manners: manners, Caller: []Cue{Parks(2, 30), HangsUp(36)}}, check: asked()},
		{name: "ladder and a patience of the response", score: Score{Manners: manners, Model: expects(pipeline.Expect{Patience: 6 * time.Second}), Caller: []Cue{HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			near(t, "first rung", when(t, p, pipeline.FellSilent, 0)-when(t, p, pipeline.TurnEnded, 0), 6, 0.01)
		}},
	})
}
