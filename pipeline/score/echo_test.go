package score_test

import (
	"testing"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// A speakerphone returns the agent's own voice. It must not interrupt itself, answer itself, or fail to hear the caller.
func TestEcho(t *testing.T) {
	ask := Says("tell me", 2.3, 2.9)
	greets := Lines(map[string]string{"greeting": long})
	self := func(t *testing.T, p *Performance) { // heard out, and answered nobody
		t.Helper()
		times(t, p, pipeline.Interrupted, 0)
		times(t, p, pipeline.TurnEnded, 1)
		if turn(t, p, 1).Heard != long {
			t.Errorf("heard %q", turn(t, p, 1).Heard)
		}
	}
	echo := func(delay float64) Score {
		return Score{Echo: Echo{Delay: delay}, Model: Model{Answer: greets}, Voice: Voice{Times: true}, Caller: []Cue{HangsUp(14)}}
	}
	said := func(want string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			for _, e := range p.Events {
				if e.Turn != nil && e.Turn.Said == want {
					return
				}
			}
			t.Errorf("%q was not answered", want)
		}
	}
	with := func(s Score, f func(*Score)) Score { f(&s); return s }
	play(t, []scene{
		{name: "echo at once", waits: true, score: echo(0.06), check: self},
		{name: "echo of a slow line", score: echo(0.35), check: self},
		{name: "echo of a very slow line", score: echo(0.65), check: self},
		{name: "echo that is garbled", score: with(echo(0.2), func(s *Score) { s.Echo.Garble = 3 }), check: self},
		{name: "echo and no partials", waits: true, score: with(echo(0.2), func(s *Score) { s.Recogniser.Mute = true }), check: self},
		{name: "echo on a leg without lead", score: with(echo(0.2), func(s *Score) { s.Line = plain() }), check: self},
		{name: "echo of a short sentence", score: Score{Echo: Echo{Delay: 0.3}, Caller: []Cue{HangsUp(6)}},
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.TurnEnded, 1) }},
		{name: "a stop in the echo", score: with(echo(0.2), func(s *Score) { s.Caller = []Cue{Says("stop", 5, 5.3), HangsUp(11)} }),
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "a sentence in the echo", score: with(echo(0.2), func(s *Score) { s.Caller = []Cue{Says("I want something else please", 5, 6.4), HangsUp(12)} }),
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "the echo is over and the caller speaks", score: with(echo(0.2), func(s *Score) { s.Caller = []Cue{Says("thank you so much", 9, 9.9), HangsUp(14)} }),
			check: said("thank you so much")},
		{name: "the caller picks up the handset", score: with(echo(0.2), func(s *Score) {
			s.Echo.Upto, s.Model.Answer = 3, chatty
			s.Caller = []Cue{ask, Says("what about Mondays", 6, 7.2), HangsUp(13)}
		}), check: said("what about Mondays")},
		{name: "a filler in the echo", waits: true, score: Score{
			Echo: Echo{Delay: 0.2}, Model: Model{Think: 2.5013}, Caller: []Cue{Says("hello", 7, 7.4), HangsUp(16)},
		}, check: said("hello")},
		{name: "a line that is known not to echo", score: Score{ // and is held from the first sound on
			Manners: pipeline.Manners{Interrupt: pipeline.Interrupt{NoEcho: true}}, Model: Model{Answer: greets}, Caller: []Cue{Says("hello there", 1, 1.7), HangsUp(6)},
		}, check: func(t *testing.T, p *Performance) {
			silentFrom(t, p, 1.07, 2.4)
			said("hello there")(t, p)
		}},
		{name: "a line that is not", score: Score{ // two words are not enough, so early
			Model: Model{Answer: greets}, Caller: []Cue{Says("hello there", 1, 1.7), HangsUp(10)},
		}, check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 0) }},
		{name: "a line that has not echoed so far", score: Score{ // which would have come by now
			Model: Model{Answer: greets}, Caller: []Cue{Says("Sunday", 2, 2.6), HangsUp(7)},
		}, check: said("Sunday")},
		{name: "a word after a backchannel", score: Score{ // by which the line is no less known
			Model: Model{Answer: greets}, Caller: []Cue{Says("mhm", 2, 2.5), Says("Sunday", 4, 4.6), HangsUp(9)},
		}, check: func(t *testing.T, p *Performance) {
			times(t, p, pipeline.Interrupted, 1)
			said("Sunday")(t, p)
		}},
		{name: "Friday after the question", score: Score{
			Model: Model{Answer: Lines(map[string]string{"greeting": "Would you like Tuesday or Friday?"})}, Caller: []Cue{Says("Friday", 2.5, 2.9), HangsUp(8)},
		}, check: said("Friday")},
		{name: "Friday right after the question", score: Score{
			Model: Model{Answer: Lines(map[string]string{"greeting": "Would you like Tuesday or Friday?"})}, Caller: []Cue{Says("Friday", 2.3, 2.7), HangsUp(8)},
		}, check: said("Friday")},
		{name: "Friday in the question's last word", score: Score{
			Model: Model{Answer: Lines(map[string]string{"greeting": "Would you like Tuesday or Friday?"})}, Caller: []Cue{Says("Friday", 2.15, 2.6), HangsUp(8)},
		}, check: said("Friday")},
		{name: "Friday on a line that echoes", score: Score{
			Echo: Echo{Delay: 0.2}, Model: Model{Answer: Lines(map[string]string{"greeting": "Would you like Tuesday or Friday?"})}, Caller: []Cue{Says("Friday", 4, 4.4), HangsUp(9)},
		}, check: said("Friday")},
		{name: "Friday into the echo of Friday", score: Score{
			Echo: Echo{Delay: 0.2}, Model: Model{Answer: Lines(map[string]string{"greeting": "Would you like Tuesday or Friday?"})}, Caller: []Cue{Says("Friday", 2.7, 3.3), HangsUp(9)},
		}, check: said("Friday")},
		{name: "the agent's sentence said back later", score: Score{
			Caller: []Cue{Says("welcome to Parley", 3, 3.9), HangsUp(9)},
		}, check: said("welcome to Parley")},
		{name: "the agent's words in a protected passage", waits: true, score: Score{
			Echo: Echo{Delay: 0.2}, Model: Model{Answer: protect("This call is recorded for quality.")}, Caller: []Cue{HangsUp(7)},
		}, check: func(t *testing.T, p *Performance) { times(t, p, pipeline.TurnEnded, 1) }},
		{name: "an interruption with the agent's words", score: Score{ // on a line that has shown that it does not echo
			Model: Model{Answer: tells}, Caller: []Cue{Says("tell me", 2, 2.6), Says("from nine", 6, 6.6), HangsUp(11)},
		}, check: said("from nine")},
	})
}
