package score_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	"parley/pipeline/knowledge"
	. "parley/pipeline/score"
)

// shelf is a librarian as a function.
type shelf func(ctx context.Context, question string) ([]knowledge.Passage, error)

func (s shelf) Look(ctx context.Context, question string) ([]knowledge.Passage, error) {
	return s(ctx, question)
}

// alone is from the caller's last word to the first sound, where nothing is looked up.
const alone = 1025 * time.Millisecond

// TestKnowledge: whatever becomes of a search, the caller is answered in time, and the record says what was offered.
func TestKnowledge(t *testing.T) {
	passages := []knowledge.Passage{{Source: pipeline.Source{Document: "prices.md", Place: "Fees"}, Text: "A visit is forty euros."}}
	after := func(wait time.Duration, found []knowledge.Passage, err error) shelf {
		return func(ctx context.Context, _ string) ([]knowledge.Passage, error) {
			select {
			case <-time.After(wait):
				return found, err
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
	asked := 0
	// answers from the note, if there is one, as a model would
	reads := Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
		for _, m := range k.History {
			if m.Role == pipeline.Narrator && strings.Contains(m.Text, "forty euros") {
				return Text("It is forty euros.")
			}
		}
		return Parrot(k)
	}}
	informed := func(l knowledge.Librarian) func(pipeline.Responder) pipeline.Responder {
		return func(m pipeline.Responder) pipeline.Responder {
			return knowledge.Responder(m, knowledge.Options{Librarian: l})
		}
	}
	// recorded checks what the turn's record says, and how much later than without knowledge the answer came.
	recorded := func(sources int, err string, late time.Duration) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			for _, e := range p.Events {
				if e.Kind != pipeline.TurnEnded {
					continue
				}
				if e.Turn.Why != pipeline.ForWords {
					if e.Turn.Lookup != nil {
						t.Errorf("turn %d, for %s, looked up %+v", e.Turn.N, e.Turn.Why, e.Turn.Lookup)
					}
					continue
				}
				l := e.Turn.Lookup
				if l == nil || len(l.Sources) != sources || l.Err != err || sources > 0 && l.Sources[0] != passages[0].Source {
					t.Errorf("turn %d looked up %+v; want %d sources, error %q", e.Turn.N, l, sources, err)
				}
				near(t, "voice to voice", e.Turn.Latency.VoiceToVoice.Seconds(), (alone + late).Seconds(), 0.045)
			}
			for _, m := range p.Ending.History {
				if m.Role == pipeline.Narrator {
					t.Errorf("the history has %q", m.Text)
				}
			}
		}
	}
	quick := reads
	quick.Think = 0.05
	prepared := func(t *testing.T, p *Performance) {
		t.Helper()
		for _, e := range p.Events {
			if e.Turn != nil && e.Turn.Why == pipeline.ForWords {
				near(t, "voice to voice", e.Turn.Latency.VoiceToVoice.Seconds(), 0.551, 0.001) // the same with and without
			}
		}
	}
	ask := Says("what does a visit cost", 2, 3)
	play(t, []scene{
		{name: "knowledge", score: Score{Model: reads, Responder: informed(after(20*time.Millisecond, passages, nil)), Caller: []Cue{ask, HangsUp(8)}}, check: recorded(1, "", 20*time.Millisecond)},
		{name: "knowledge that is empty", score: Score{Model: reads, Responder: informed(after(20*time.Millisecond, nil, nil)), Caller: []Cue{ask, HangsUp(8)}}, check: recorded(0, "", 20*time.Millisecond)},
		{name: "knowledge that is slow", score: Score{Model: reads, Responder: informed(after(10*time.Second, passages, nil)), Caller: []Cue{ask, HangsUp(8)}}, check: recorded(0, "late", 150*time.Millisecond)},
		{name: "knowledge that fails", score: Score{Model: reads, Responder: informed(after(time.Millisecond, nil, errors.New("the database is away"))), Caller: []Cue{ask, HangsUp(8)}}, check: recorded(0, "failed", 0)},
		{name: "knowledge that panics", score: Score{Model: reads, Responder: informed(shelf(func(context.Context, string) ([]knowledge.Passage, error) { panic("scripted panic") })), Caller: []Cue{ask, HangsUp(8)}}, check: recorded(0, "failed", 0)},
		{name: "knowledge deaf to its context", score: Score{Model: reads, Responder: informed(shelf(func(context.Context, string) ([]knowledge.Passage, error) {
			time.Sleep(4 * time.Second)
			return passages, nil
		})), Caller: []Cue{ask, HangsUp(8)}}, check: recorded(0, "late", 150*time.Millisecond)},
		{name: "nothing to be looked up while the pause lasts", score: Score{Recogniser: Recogniser{Eager: true, Delay: 0.0511}, Model: quick, Caller: []Cue{ask, HangsUp(8)}}, check: prepared},
		{name: "knowledge looked up while the pause lasts", score: Score{Recogniser: Recogniser{Eager: true, Delay: 0.0511}, Model: quick, Responder: informed(after(80*time.Millisecond, passages, nil)),
			Caller: []Cue{ask, HangsUp(8)}}, check: prepared},
		{name: "knowledge and a caller who goes on", score: Score{Model: reads, Caller: []Cue{Says("what does a visit", 2, 2.8), Says("cost today", 3.1, 3.6), HangsUp(8)},
			Responder: informed(shelf(func(_ context.Context, q string) ([]knowledge.Passage, error) {
				asked++
				if asked > 1 && q != "what does a visit cost today" {
					t.Errorf("asked %q", q)
				}
				return passages, nil
			}))}, check: func(t *testing.T, p *Performance) {
			if !strings.Contains(p.Heard(), "forty") || asked > 2 {
				t.Errorf("heard %q after %d searches", p.Heard(), asked)
			}
		}},
	})
}
