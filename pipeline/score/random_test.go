package score_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"parley/media/legtest"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// Callers who do anything at any time, on legs of every kind: what the call believes was heard is what the wire carried, to one word
// for each cut (three, where a voice that speaks unlike anybody tells no word times), never a word that was not sent; and nobody is left alone.
func TestRandomCalls(t *testing.T) {
	t.Parallel()
	const calls = 200
	for seed := range uint64(calls) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			s := random(r)
			s.Play(t, func(t *testing.T, p *Performance) {
				truths(t, &scene{score: s, loose: true}, p)
				sent := " " + strings.Join(strings.Fields(said(p)), " ") + " "
				for _, m := range p.Ending.History {
					if m.Role == pipeline.Assistant && !strings.Contains(sent, strings.Join(strings.Fields(m.Text), " ")) {
						t.Errorf("the history has %q, which was never said", m.Text)
					}
				}
				if t.Failed() {
					t.Log("\n" + p.String())
					t.Logf("%+v", p.Wire)
				}
			})
		})
	}
}

// said is all that the agent meant to say.
func said(p *Performance) string {
	var all []string
	for _, e := range p.Events {
		if e.Turn != nil {
			all = append(all, e.Turn.Text)
		}
	}
	return strings.Join(all, " ")
}

func random(r *rand.Rand) Score {
	s := Score{
		Model:      Model{Think: 0.1 + r.Float64(), Answer: chatty},
		Voice:      Voice{Times: r.IntN(2) == 0, PerWord: 0.2 + 0.3*r.Float64(), Delay: 0.05 + 0.4*r.Float64()},
		Recogniser: Recogniser{Eager: r.IntN(2) == 0, Mute: r.IntN(4) == 0, Delay: 0.05 + 0.5*r.Float64()},
	}
	switch r.IntN(3) {
	case 0:
		s.Line = plain()
	case 1:
		s.Line = legtest.Line{}
	}
	at := 0.5 + 2*r.Float64()
	for range 1 + r.IntN(8) {
		length := 0.1 + 1.5*r.Float64()
		switch r.IntN(6) {
		case 0, 1, 2:
			s.Caller = append(s.Caller, Says("one two three", at, at+length))
		case 3:
			s.Caller = append(s.Caller, Coughs(at, at+length/3))
		case 4:
			s.Caller = append(s.Caller, Rustles(at, at+length))
		case 5:
			s.Caller = append(s.Caller, Presses("12#", at))
		}
		at += length + 5*r.Float64()*r.Float64()
	}
	s.Caller = append(s.Caller, HangsUp(at+6*r.Float64()))
	if r.IntN(4) == 0 {
		s.Echo = Echo{Delay: 0.05 + 0.5*r.Float64(), Garble: r.IntN(6)}
	}
	return s
}

func chatty(k pipeline.Talk) []pipeline.Delta {
	if k.Why == pipeline.ForWords && k.Turn%2 == 0 {
		return Text(long)
	}
	return Parrot(k)
}

// Whoever answers an outbound call says and does anything, in any order: every call comes to its end, and the history is what was heard.
func TestRandomAnswers(t *testing.T) {
	t.Parallel()
	const calls = 200
	for seed := range uint64(calls) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := randomAnswer(rand.New(rand.NewPCG(seed, 11)))
			s.Play(t, func(t *testing.T, p *Performance) {
				truths(t, &scene{score: s, loose: true, waits: true}, p)
				sent := " " + strings.Join(strings.Fields(said(p)), " ") + " "
				for _, m := range p.Ending.History {
					if m.Role == pipeline.Assistant && !strings.Contains(sent, strings.Join(strings.Fields(m.Text), " ")) {
						t.Errorf("the history has %q, which was never said", m.Text)
					}
				}
				if p.Ending.Length > 6*time.Minute {
					t.Errorf("the call lasted %v", p.Ending.Length)
				}
				if t.Failed() {
					t.Log("\n" + p.String())
					t.Logf("%+v", p.Wire)
				}
			})
		})
	}
}

// randomAnswer is people, machines, menus and tones in no order.
func randomAnswer(r *rand.Rand) Score {
	s := answers()
	s.Model = Model{Think: 0.1 + r.Float64(), Answer: chatty}
	s.Voice = Voice{Times: true, Delay: 0.05 + 0.4*r.Float64()}
	s.Recogniser = Recogniser{Eager: r.IntN(2) == 0, Mute: r.IntN(4) == 0, Delay: 0.05 + 0.8*r.Float64()}
	a := &s.Manners.Answering
	if r.IntN(4) == 0 {
		a.Message = ""
	}
	a.HangUpMenu = r.IntN(3) == 0
	if r.IntN(2) == 0 {
		a.Screening = "It is Parley."
	}
	lines := []string{"hello", "hello who is this", "you have reached Sam", greeting, "for sales press one", "please say your name and why you're calling", "please hold", "okay",
		"the number you have dialed is not in service", "please try again later", "we are at the beach", "the mailbox is full"}
	at := 0.2 + 3*r.Float64()
	for range r.IntN(9) {
		length := 0.3 + 3*r.Float64()
		switch r.IntN(9) {
		case 0, 1, 2, 3:
			s.Caller = append(s.Caller, Says(lines[r.IntN(len(lines))], at, at+length))
		case 4, 5:
			s.Caller = append(s.Caller, Tones(at, at+length/3, 400+1700*r.Float64()))
		case 6:
			s.Caller = append(s.Caller, Coughs(at, at+length))
		case 7:
			s.Caller = append(s.Caller, Presses("1", at))
		case 8:
			s.Caller = append(s.Caller, []Cue{Parks(at, at+length), Orders(pipeline.Command{Kind: pipeline.Mute}, at), Orders(pipeline.Command{Kind: pipeline.Unmute}, at+length),
				Orders(pipeline.Command{Kind: pipeline.Say, Text: "One thing more."}, at)}[r.IntN(4)])
		}
		at += length + 4*r.Float64()*r.Float64()
	}
	if s.Caller = append(s.Caller, Orders(pipeline.Command{Kind: pipeline.Unmute}, at)); r.IntN(3) == 0 {
		s.Caller = append(s.Caller, HangsUp(at+6*r.Float64()))
	}
	return s
}
