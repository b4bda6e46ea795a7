package score_test

import (
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// follows has somebody follow the call from one second to another.
func follows(from, to float64) Cue {
	return Does(from, func(st *Stage) {
		leave := st.Call.Follow()
		time.AfterFunc(time.Duration((to-from)*float64(time.Second)), func() { leave(); leave() })
	})
}

// kinds are the events of a kind, in order.
func kinds(p *Performance, k pipeline.EventKind) (all []pipeline.Event) {
	for _, e := range p.Events {
		if e.Kind == k {
			all = append(all, e)
		}
	}
	return all
}

// While a turn goes on, those who follow are told what was heard of it, never more; its record agrees with the last that they were told.
func TestFollow(t *testing.T) {
	ask := Says("tell me", 2, 2.6)
	play(t, []scene{
		{name: "follow a turn that is cut", score: Score{Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{follows(0.5, 20), ask, Says("stop", 5, 5.4), HangsUp(10)}},
			check: func(t *testing.T, p *Performance) {
				told := map[int][]*pipeline.Turn{}
				for _, e := range kinds(p, pipeline.Spoken) {
					told[e.Turn.N] = append(told[e.Turn.N], e.Turn)
				}
				cut := kinds(p, pipeline.TurnEnded)[1].Turn
				if !cut.Cut || len(told[cut.N]) < 4 {
					t.Fatalf("turn %d (cut: %v) was told of %d times", cut.N, cut.Cut, len(told[cut.N]))
				}
				before := ""
				for i, r := range told[cut.N] {
					if !strings.HasPrefix(cut.Heard, r.Heard) || !strings.HasPrefix(r.Heard, before) {
						t.Errorf("told %q after %q; heard was %q", r.Heard, before, cut.Heard)
					}
					before = r.Heard
					if m := r.Messages[0]; m.Role != pipeline.Caller || m.Text != "tell me" || r.First != cut.First {
						t.Errorf("time %d begins with %+v at %d", i, m, r.First)
					}
					if n := len(r.Messages); (n == 2) != (r.Heard != "") || n == 2 && r.Messages[1].Text != r.Heard {
						t.Errorf("heard %q, and the messages are %+v", r.Heard, r.Messages)
					}
				}
			}},
		{name: "nobody follows", score: Score{Caller: []Cue{Says("one", 2, 2.5), HangsUp(6)}},
			check: func(t *testing.T, p *Performance) {
				if n := len(kinds(p, pipeline.Spoken)); n != 0 {
					t.Errorf("it was told %d times", n)
				}
			}},
		{name: "follow for a while", score: Score{Model: Model{Answer: tells}, Caller: []Cue{follows(4, 5), ask, HangsUp(12)}},
			check: func(t *testing.T, p *Performance) {
				for _, e := range kinds(p, pipeline.Spoken) {
					if e.At < 4*time.Second || e.At > 5300*time.Millisecond {
						t.Errorf("told at %v", e.At)
					}
				}
				if len(kinds(p, pipeline.Spoken)) < 3 {
					t.Errorf("it was told %d times", len(kinds(p, pipeline.Spoken)))
				}
			}},
	})
}

// The words of a secret are not told while its turn goes on either.
func TestFollowKeepsSecrets(t *testing.T) {
	s := &safe{}
	play(t, []scene{{name: "follow a secret", score: Score{
		Model: Model{Answer: s.answer}, Caller: []Cue{follows(0.1, 20), Says("four seven one one", 4, 5), Presses("4711#", 9), HangsUp(16)},
	}, check: func(t *testing.T, p *Performance) {
		if len(kinds(p, pipeline.Spoken)) == 0 {
			t.Error("nothing was told")
		}
		if found := traces(p, "four seven one one"); len(found) > 0 {
			t.Error(found)
		}
	}}})
}
