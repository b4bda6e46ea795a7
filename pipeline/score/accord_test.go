package score_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// firmly answers all with text, which neither speech nor keys interrupt.
func firmly(talk pipeline.Talk) []pipeline.Delta {
	text := "Very well."
	if talk.Why == pipeline.ForWords {
		text = long
	}
	return []pipeline.Delta{{Expect: &pipeline.Expect{Digits: 1, Protected: true, KeysWait: true}}, {Text: text}}
}

// witness is a Watcher that notes what it is told.
type witness struct {
	mu     sync.Mutex
	kinds  []pipeline.EventKind
	closed int
}

// Watch implements pipeline.Watcher.
func (w *witness) Watch(e pipeline.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kinds = append(w.kinds, e.Kind)
}

// Close implements pipeline.Watcher.
func (w *witness) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed++
	return nil
}

// why are the reasons for which the responder was asked.
func why(p *Performance) string {
	var all []string
	for _, talk := range p.Talks {
		all = append(all, string(talk.Why))
	}
	return strings.Join(all, " ")
}

// A responder whose mind is elsewhere may speak of its own accord, is not asked ahead, may let keys wait, and has somebody told of the call.
func TestOwnAccord(t *testing.T) {
	ask := Says("tell me", 2, 2.6)
	seen := &witness{}
	play(t, []scene{
		{name: "keys wait for the end of a reply", score: Score{Model: Model{Answer: firmly}, Caller: []Cue{ask, Presses("1", 5), HangsUp(15)}},
			check: func(t *testing.T, p *Performance) {
				if heard := turn(t, p, 2); heard.Cut || heard.Heard != long || why(p) != "greeting words keys" {
					t.Errorf("%q was heard, and the responder asked for %s", heard.Heard, why(p))
				}
			}},
		{name: "asks of its own accord", score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Ask}, 4), HangsUp(8)}},
			check: func(t *testing.T, p *Performance) {
				if why(p) != "greeting command" || slices.ContainsFunc(p.Events, func(e pipeline.Event) bool { return e.Kind == pipeline.Commanded }) {
					t.Errorf("the responder was asked for %s", why(p))
				}
			}},
		{name: "asks of its own accord at once", score: Score{Watcher: seen, Model: Model{Answer: tells}, Caller: []Cue{ask, Orders(pipeline.Command{Kind: pipeline.Ask, Now: true}, 5), HangsUp(9)}},
			check: func(t *testing.T, p *Performance) {
				if cut := turn(t, p, 2); !cut.Cut || cut.Sounded > 3*time.Second || why(p) != "greeting words command" {
					t.Errorf("%v of the turn was heard, and the responder asked for %s", cut.Sounded, why(p))
				}
				if n := len(seen.kinds); n == 0 || seen.kinds[0] != pipeline.CallStarted || seen.closed != 1 || !slices.Contains(seen.kinds, pipeline.TurnEnded) {
					t.Errorf("the watcher was told %v, and closed %d times", seen.kinds, seen.closed)
				}
			}},
		{name: "is not asked ahead", score: Score{
			Agent: func(a *pipeline.Agent) { a.Settled = true }, Recogniser: Recogniser{Eager: true, Finished: 0.9},
			Caller: []Cue{Says("I would like", 2, 2.8), Says("a table", 3.2, 3.8), HangsUp(8)},
		}, check: func(t *testing.T, p *Performance) {
			if n := len(p.Talks); n > 3 {
				t.Errorf("the responder was asked %d times", n)
			}
		}},
	})
}
