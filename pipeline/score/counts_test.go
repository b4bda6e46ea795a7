package score_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// TestCounts checks what the records of turns count.
func TestCounts(t *testing.T) {
	t.Parallel()
	ask := Says("tell me", 2, 2.5)
	tells := says("One two three four five six seven eight nine ten eleven twelve.")
	for name, c := range map[string]struct {
		score Score
		turn  int
		want  pipeline.Counts
	}{
		"nothing happens":      {Score{Model: Model{Answer: tells}, Caller: []Cue{ask, HangsUp(14)}}, 2, pipeline.Counts{}},
		"a backchannel":        {Score{Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{ask, Says("mhm", 5, 5.3), HangsUp(14)}}, 2, pipeline.Counts{Held: 1, FalseAlarms: 1}},
		"an interruption":      {Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("stop that please", 5, 6), HangsUp(14)}}, 2, pipeline.Counts{Held: 1}},
		"a model that dawdles": {Score{Model: Model{Answer: tells, Think: 2.5}, Caller: []Cue{ask, HangsUp(20)}}, 2, pipeline.Counts{Fillers: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.score.Play(t, func(t *testing.T, p *Performance) {
				for _, e := range p.Events {
					if e.Turn != nil && e.Turn.N == c.turn {
						if diff := cmp.Diff(c.want, e.Turn.Counts); diff != "" {
							t.Errorf("turn %d (-want +got):\n%s", c.turn, diff)
						}
						return
					}
				}
				t.Errorf("turn %d did not end", c.turn)
			})
		})
	}
}
