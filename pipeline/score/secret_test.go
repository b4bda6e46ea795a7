package score_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media/legtest"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// safe answers the greeting, silence and whatever else with a question for a secret, until one has been given and it has said so.
type safe struct {
	expect pipeline.Expect
	given  []string // what was said and pressed, as the responder was told
	fails  int      // of its answers, that many fail at first
	always bool     // it goes on asking for a secret
}

func (s *safe) answer(k pipeline.Talk) []pipeline.Delta {
	e := s.expect
	e.Masked = true
	asks := []pipeline.Delta{{Expect: &e}, {Text: "Please enter or say the number of your card now."}}
	if k.Text+k.Keys == "" {
		return asks
	}
	s.given = append(s.given, k.Text+k.Keys)
	if s.always {
		return asks
	}
	return Text("Thank you very much for that.")
}

// Respond is answer, but for what fails.
func (s *safe) Respond(_ context.Context, k pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if k.Why != pipeline.ForGreeting && s.fails > 0 {
			s.fails--
			yield(pipeline.Delta{}, errors.New("out of order"))
			return
		}
		for _, d := range s.answer(k) {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// traces are the places in which one of the words, or a run of the keys, is found that must not be.
func traces(p *Performance, words ...string) (all []string) {
	look := func(where, text string) {
		for _, w := range words {
			if strings.Contains(strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(w, " ", "")) {
				all = append(all, fmt.Sprintf("%s: %q in %q", where, w, text))
			}
		}
	}
	for _, e := range p.Events {
		look("event "+string(e.Kind), e.Text)
		if t := e.Turn; t != nil {
			look("said", t.Said)
			look("text", t.Text)
			for _, m := range t.Messages {
				look("message", m.Text)
			}
		}
	}
	for _, m := range p.Ending.History {
		look("history", m.Text)
	}
	for _, k := range p.Talks {
		for _, m := range k.History {
			look("talk", m.Text)
		}
	}
	for line := range strings.Lines(p.Log) {
		if _, text, _ := strings.Cut(turnNumber.ReplaceAllString(line, ""), "msg="); !strings.HasPrefix(text, `"call ended"`) && !strings.HasPrefix(text, "panic") { // these are numbers
			look("log", text)
		}
	}
	return all
}

// turnNumber is where a log line says which turn it is about.
var turnNumber = regexp.MustCompile(` turn=\d+`)

// blank checks whether the recording is silent from one time to another, in seconds.
func blank(t *testing.T, p *Performance, from, to float64, want bool) {
	t.Helper()
	for n := int(from * 50); n < int(to*50); n++ {
		if p.Tap.Blank[n] != want {
			t.Errorf("recorded at %.2f s: silence %v, want %v", float64(n)/50, p.Tap.Blank[n], want)
			return
		}
	}
}

// A wary arbiter is one that may not see a secret.
type wary struct{ saw *[]string }

func (w wary) Judge(o pipeline.Overlap) pipeline.Verdict {
	*w.saw = append(*w.saw, o.Text)
	return pipeline.Reflex{}.Judge(o)
}

func TestSecrets(t *testing.T) {
	four := pipeline.Expect{Digits: 4}
	after := Says("and what now", 12, 12.8)
	words := []string{"four", "zero", "seven", "one"}
	secret := append([]string{"4071", "40", "07", "71"}, words...)
	spoken := strings.Join(words, " ")
	eager := Recogniser{Eager: true}
	type secretScene struct {
		name  string
		safe  safe
		score Score
		given string // what the responder was told in the end; empty: nothing
		also  func(*testing.T, *Performance)
	}
	var saw []string
	var scenes []scene
	for _, c := range []secretScene{
		{name: "secret keys", safe: safe{expect: four}, score: Score{Caller: []Cue{Presses("4071", 6), after, HangsUp(16)}}, given: "4071", also: func(t *testing.T, p *Performance) {
			blank(t, p, 0.5, 7.4, true) // from the question on, until half a second after the answer to it began
			blank(t, p, 8, 15, false)
			if got := turn(t, p, 2); got.Said != pipeline.MaskedSlot || got.Masked < 2500*time.Millisecond || got.Masked > 5*time.Second {
				t.Errorf("the record: %+v", got)
			}
			if m := p.Ending.History; m[1].Text != "The caller pressed ***." || m[3].Text != "and what now" {
				t.Errorf("the history: %+v", m)
			}
		}},
		{name: "secret keys with a terminator", safe: safe{expect: pipeline.Expect{Terminator: '#'}}, score: Score{Caller: []Cue{Presses("4071#", 6), after, HangsUp(16)}}, given: "4071"},
		{name: "secret keys into the question", safe: safe{expect: four}, score: Score{Caller: []Cue{Presses("4071", 1.5), after, HangsUp(16)}}, given: "4071"},
		{name: "secret keys and too many of them", safe: safe{expect: four}, score: Score{Model: Model{Think: 0.0113}, Caller: []Cue{Presses("407140", 6), after, HangsUp(18)}}, given: "4071"},
		{name: "secret words", safe: safe{}, score: Score{Caller: []Cue{Says(spoken, 5, 7), after, HangsUp(16)}}, given: spoken, also: func(t *testing.T, p *Performance) {
			blank(t, p, 0.5, 8.3, true)
			blank(t, p, 10.5, 15, false)
		}},
		{name: "secret words, guessed at", safe: safe{}, score: Score{Recogniser: eager, Caller: []Cue{Says(spoken, 5, 7), after, HangsUp(16)}}, given: spoken},
		{name: "secret words into the question", safe: safe{}, score: Score{Manners: pipeline.Manners{Interrupt: pipeline.Interrupt{Arbiter: wary{&saw}}}, Caller: []Cue{Says(spoken, 1.5, 3.5), after, HangsUp(16)}},
			given: spoken, also: func(t *testing.T, _ *Performance) {
				for _, text := range saw {
					if strings.Trim(text, "* ") != "" {
						t.Errorf("the arbiter was shown %q", text)
					}
				}
			}},
		{name: "secret words in two pieces", safe: safe{}, score: Score{Recogniser: eager, Model: Model{Think: 0.8013}, Caller: []Cue{Says("four zero", 5, 6), Says("seven one", 6.7, 7.5), after, HangsUp(16)}}, given: spoken},
		{name: "secret keys after words", safe: safe{expect: four}, score: Score{Caller: []Cue{Says("seven is it", 5, 6), Presses("4071", 6.2), after, HangsUp(16)}}, given: "4071"},
		{name: "secret words while thinking", safe: safe{expect: four}, score: Score{Model: Model{Think: 1.2013}, Caller: []Cue{Presses("4071", 6), Says("seven one", 6.8, 7.4), after, HangsUp(18)}}, given: "seven one"},
		{name: "secret keys after a rung", safe: safe{expect: four}, score: Score{Manners: pipeline.Manners{Ladder: []pipeline.Rung{{After: 2 * time.Second, Say: "Are you there?"}, {After: 20 * time.Second, HangUp: true}}},
			Caller: []Cue{Presses("4071", 9), after, HangsUp(16)}}, given: "4071"},
		{name: "secret keys after silence", safe: safe{expect: four}, score: Score{Manners: pipeline.Manners{Silence: 2 * time.Second}, Caller: []Cue{Presses("4071", 5.9), Says("and what now", 10, 10.8), HangsUp(13)}}, given: "4071"},
		{name: "secret keys after a notice", safe: safe{expect: four}, score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Say, Text: "A word from the house."}, 5), Presses("4071", 7.5), after, HangsUp(16)}}, given: "4071"},
		{name: "secret keys around a hold", safe: safe{expect: four}, score: Score{Caller: []Cue{Presses("40", 5), Orders(pipeline.Command{Kind: pipeline.Hold}, 5.5), Presses("7", 6), Orders(pipeline.Command{Kind: pipeline.Unhold}, 7), Presses("71", 7.5), after, HangsUp(18)}},
			given: "4071"},
		{name: "secret keys and the far end parks", safe: safe{expect: four}, score: Score{Caller: []Cue{Presses("40", 5), Parks(5.6, 7), Presses("71", 7.2), after, HangsUp(18)}}, given: "4071"},
		{name: "secret keys again after a failure", safe: safe{expect: four, fails: 1}, score: Score{Caller: []Cue{Presses("4071", 5), Presses("4071", 10.5), Says("and what now", 14, 15), HangsUp(20)}}, given: "4071"},
		{name: "secret words that come too late", safe: safe{}, score: Score{Recogniser: Recogniser{Late: 5}, Caller: []Cue{Says(spoken, 5, 7), HangsUp(20)}}, given: spoken},
		{name: "secret that is a backchannel", safe: safe{}, score: Score{Manners: pipeline.Manners{Interrupt: pipeline.Interrupt{Never: []string{"seven"}}}, Caller: []Cue{Says("seven", 1.5, 1.9), Says(spoken, 6, 8), after, HangsUp(16)}}, given: spoken},
		{name: "secret and the caller leaves", safe: safe{expect: four}, score: Score{Caller: []Cue{Presses("407", 5), Says("seven one", 5.2, 6.2), HangsUp(6)}}},
		{name: "secret from a monologue", safe: safe{}, score: Score{Manners: pipeline.Manners{Monologue: pipeline.Monologue{After: 5 * time.Second}},
			Caller: []Cue{Says(strings.Repeat(spoken+" ", 8), 5, 18), Says("and what now", 26, 27), HangsUp(31)}}, also: func(t *testing.T, p *Performance) { blank(t, p, 0.5, 10, true) }},
	} {
		score, s := c.score, c.safe
		if c.safe.fails > 0 {
			score.Responder = func(pipeline.Responder) pipeline.Responder { return &s }
		}
		score.Model.Answer = s.answer
		scenes = append(scenes, scene{name: c.name, score: score, check: func(t *testing.T, p *Performance) {
			if found := traces(p, secret...); len(found) > 0 {
				t.Errorf("found is\n%s", strings.Join(found, "\n"))
			}
			if c.given != "" && !slices.Contains(s.given, c.given) {
				t.Errorf("the responder was given %q, want %q", s.given, c.given)
			}
			if c.also != nil {
				c.also(t, p)
			}
		}})
	}
	play(t, scenes)
}

// TestSecretTypedAhead: who knows the menu does not wait for the question.
func TestSecretTypedAhead(t *testing.T) {
	t.Parallel()
	for n := range 12 {
		after := 0.02 + 0.02*float64(n)
		var keys []string
		masked := pipeline.Expect{Digits: 4, Masked: true}
		answer := func(k pipeline.Talk) []pipeline.Delta {
			switch {
			case k.Why == pipeline.ForGreeting:
				return append([]pipeline.Delta{{Expect: &pipeline.Expect{Digits: 1}}}, Text("For your balance, press nine.")...)
			case k.Keys == "9":
				return append([]pipeline.Delta{{Expect: &masked}}, Text("Your number, please.")...)
			}
			keys = append(keys, k.Keys)
			return Text("Thank you.")
		}
		Score{Model: Model{Think: 0.0113, Answer: answer}, Caller: []Cue{Presses("9", 4), Presses("4071", 4+after), HangsUp(9)}}.Play(t, func(t *testing.T, p *Performance) {
			if found := traces(p, "4", "0", "7", "1"); len(found) > 0 || !slices.Equal(keys, []string{"4071"}) {
				t.Errorf("after %.2f s: given %q, found %q\n%s", after, keys, found, p)
			}
			blank(t, p, 4+after, 5, true)
		})
	}
}

// TestSecretAndAnotherAgent: who takes over while a secret is being given is not told what it is.
func TestSecretAndAnotherAgent(t *testing.T) {
	t.Parallel()
	told := 0
	for i, cues := range [][]Cue{
		{Presses("40", 5), Presses("71", 5.9)},
		{Says("four zero seven one", 5, 7)},
		{Presses("40", 5), Says("seven one", 6.5, 7.5)},
		{Says("four zero seven one", 7, 9)}, // to whom has not asked
		{Presses("4071#", 7)},
	} {
		for _, ask := range []bool{false, true} {
			if ask && i > 2 {
				continue // who has been asked, and wants no secret, has ended it
			}
			s := safe{expect: pipeline.Expect{Digits: 4}}
			var asked []pipeline.Talk
			score := Score{Model: Model{Answer: s.answer}, Change: relief(0.3, &asked), Caller: append(slices.Clone(cues), Orders(pipeline.Command{Kind: pipeline.Change, Agent: "second", Ask: ask}, 5.1), HangsUp(20))}
			score.Play(t, func(t *testing.T, p *Performance) {
				p.Talks = append(p.Talks, asked...)
				found := traces(p, "4071", "40", "71", "four", "seven")
				for _, k := range asked {
					if text := k.Text + k.Keys; strings.Trim(text, "*") != "" {
						found = append(found, "told: "+text)
					}
				}
				told += len(asked)
				if len(found) > 0 {
					t.Errorf("asked %d times; found %q\n%s", len(asked), found, p)
				}
			})
		}
	}
	if told < 5 {
		t.Errorf("the other agent was asked %d times", told)
	}
}

// TestSecretsAreNowhere: whatever happens in a call that asks for nothing but secrets, none is found anywhere.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	seeds := 300
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		at := func() float64 { return 1.6 + 40*r.Float64() } // when the first response is there
		kinds := []pipeline.Command{{Kind: pipeline.Say, Text: "A word from the house."}, {Kind: pipeline.Inject, Text: "Be kind.", Ask: true}, {Kind: pipeline.Hold}, {Kind: pipeline.Unhold, Ask: true},
			{Kind: pipeline.Mute}, {Kind: pipeline.Unmute}, {Kind: pipeline.Press, Keys: "5"}}
		s := &safe{always: true, expect: pipeline.Expect{Digits: 4 * r.IntN(2)}}
		score := Score{
			Caller:     []Cue{HangsUp(45)},
			Recogniser: Recogniser{Eager: r.IntN(2) == 0, Mute: r.IntN(4) == 0, Late: 5 * float64(r.IntN(4)/3), Finished: r.Float64()},
			Model:      Model{Think: 0.0113 + r.Float64(), Answer: s.answer, Fault: Fault{Kind: []Kind{None, None, Fails, StopsDry, Panics}[r.IntN(5)], On: 1 + r.IntN(4), After: r.IntN(6)}},
			Voice:      Voice{Fault: Fault{Kind: []Kind{None, None, None, Fails}[r.IntN(4)], On: 2 + r.IntN(3), After: r.IntN(6)}},
			Line:       legtest.Line{},
		}
		if score.Model.Fault.Kind != None {
			score.Model.Fault.On = 2 + r.IntN(4) // the first time it says that it asks for a secret
		}
		for range 2 + r.IntN(5) {
			from := at()
			score.Caller = append(score.Caller, Says(strings.Repeat("zulu xray ", 1+r.IntN(4)), from, from+0.5+2*r.Float64()))
		}
		for range r.IntN(4) {
			score.Caller = append(score.Caller, Presses(strings.Repeat("7", 1+r.IntN(6)), at()))
		}
		for range r.IntN(4) {
			score.Caller = append(score.Caller, Orders(kinds[r.IntN(len(kinds))], at()))
		}
		score.Play(t, func(t *testing.T, p *Performance) {
			if found := traces(p, "zulu", "xray", "7"); len(found) > 0 {
				t.Errorf("seed %d: %q\n%s", seed, found, p)
			}
			if end := int(min(p.Ending.Length.Seconds(), 45) * 50); end > 100 {
				blank(t, p, 1.6, float64(end)/50-0.2, true)
			}
		})
	}
}
