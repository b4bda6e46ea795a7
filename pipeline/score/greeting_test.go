package score_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/pipeline/flow"
	. "parley/pipeline/score"
)

// greeted puts an agent's starting message before the model.
func greeted(model pipeline.Responder) pipeline.Responder {
	return pipeline.Greeting("Good day from Acme, how can I help you?", model)
}

// announced puts a longer one there: more than 5 s.
func announced(model pipeline.Responder) pipeline.Responder {
	return pipeline.Greeting(long+" "+long, model)
}

// desk is a flow whose first question waits for one key, and not for long.
const desk = `
flow: desk
start: hello
no_input: "Anybody there? {prompt}"
nodes:
  hello: {say: This is the flow's own hello., goto: main}
  main: {menu: {prompt: "Sales is one.", patience: 4s, choices: [{digit: 1, phrases: sales, goto: sales}]}}
  sales: {say: Sales is closed., goto: main}`

// scripted puts an agent's starting message before the flow, in place of the model.
func scripted(t *testing.T) func(pipeline.Responder) pipeline.Responder {
	f, err := flow.Parse([]byte(desk))
	if err != nil {
		t.Fatal(err)
	}
	return func(pipeline.Responder) pipeline.Responder { return greeted(f.Responder(flow.Options{})) }
}

func TestGreeting(t *testing.T) {
	play(t, []scene{
		{name: "starting message", score: Score{Responder: greeted, Caller: []Cue{Says("one two", 4, 5), HangsUp(10)}},
			check: func(t *testing.T, p *Performance) {
				near(t, "greeting", when(t, p, pipeline.ReplyBegan, 0), 0.12, 0.03) // the voice alone is waited for
				if len(p.Talks) != 1 || p.Talks[0].Why != pipeline.ForWords {
					t.Fatalf("the model was asked %d times, first for %s", len(p.Talks), p.Talks[0].Why)
				}
				var history []string
				for _, m := range p.Talks[0].History {
					history = append(history, string(m.Role)+": "+m.Text)
				}
				want := []string{"assistant: Good day from Acme, how can I help you?", "caller: one two"}
				if diff := cmp.Diff(want, history); diff != "" {
					t.Errorf("what the model knows (-want +got):\n%s", diff)
				}
			}},
		{name: "starting message interrupted", score: Score{Responder: greeted, Voice: Voice{Times: true}, Caller: []Cue{Says("I want to order", 1, 2), HangsUp(7)}},
			check: func(t *testing.T, p *Performance) {
				if m := p.Talks[0].History[0]; !m.Cut || m.Text == "" || !strings.HasPrefix("Good day from Acme, how can I help you?", m.Text) {
					t.Errorf("the model takes it that %+v was heard", m)
				}
			}},
		{name: "starting message in one piece", score: Score{Responder: announced, Voice: Voice{Whole: true}, Caller: []Cue{Says("stop that please", 2, 3), HangsUp(9)}},
			check: func(t *testing.T, p *Performance) { // more than is taken at once: it is known to sound all the same
				near(t, "greeting", when(t, p, pipeline.ReplyBegan, 0), p.Origin.Seconds(), 0.001)
				if m := p.Talks[0].History[0]; !m.Cut || m.Text == "" {
					t.Errorf("the model takes it that %+v was heard", m)
				}
			}},
		{name: "starting message of a flow", score: Score{Responder: scripted(t), Caller: []Cue{Presses("1", 4), HangsUp(8)}},
			check: func(t *testing.T, p *Performance) { // one key is enough: no gap is waited for
				near(t, "answer", when(t, p, pipeline.ReplyBegan, 1), 4.007+0.12, 0.03)
			}},
		{name: "starting message of a flow and silence", score: Score{Responder: scripted(t), Caller: []Cue{HangsUp(12)}},
			check: func(t *testing.T, p *Performance) {
				near(t, "patience", when(t, p, pipeline.FellSilent, 0)-when(t, p, pipeline.TurnEnded, 0), (4 * time.Second).Seconds(), 0.03)
			}},
	})
}
