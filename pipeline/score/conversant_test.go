package score_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// A speech-to-speech model is led by the dialog as any other: what it knows of the call is what was said and heard in it.
func TestConversant(t *testing.T) {
	ask := Says("tell me", 2, 2.6)
	talks := &Conversant{}
	play(t, []scene{
		{name: "conversant", score: Score{Conversant: talks, Caller: []Cue{Says("one two", 2, 2.8), Presses("1", 6), HangsUp(20)}},
			check: func(t *testing.T, p *Performance) {
				knew(t, p, 0, "narrator: The call has just been answered. Greet the caller.", "caller: one two", "narrator: The caller pressed 1.", "narrator: The caller is silent.")
				for _, sound := range p.Sessions[0].Sounds {
					if sound < 1200*time.Millisecond || sound > 1800*time.Millisecond { // 0.8 s of words, the silence before and after
						t.Errorf("the model heard %v of the caller", sound)
					}
				}
			}},
		{name: "conversant is interrupted", score: Score{Conversant: talks, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("stop", 5, 5.4), HangsUp(10)}},
			check: func(t *testing.T, p *Performance) {
				near(t, "cut", when(t, p, pipeline.Interrupted, 0), 5.5, 0.15)
				silentFrom(t, p, 5.07, 6.4)
				cut := turn(t, p, 2)
				for _, e := range p.Sessions[0].Edits {
					if e.Kind == pipeline.Cut && (e.Message.Text != cut.Heard || e.Message.Length != cut.Sounded) {
						t.Errorf("the model was told that %q was heard, %v; it was %q, %v", e.Message.Text, e.Message.Length, cut.Heard, cut.Sounded)
					}
				}
				if n := edits(p, pipeline.Cut); n != 1 {
					t.Errorf("the model was told of %d cuts", n)
				}
			}},
		{name: "conversant, words behind their sound", score: Score{
			Conversant: &Conversant{Behind: true}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("stop", 5, 5.4), HangsUp(10)},
		}},
		{name: "conversant uses a tool", score: Score{
			Conversant: talks, Tools: []pipeline.Tool{clock(1)}, Model: Model{Answer: asksClock}, Caller: []Cue{Says("what time", 2, 2.5), HangsUp(8)},
		}, check: func(t *testing.T, p *Performance) {
			knew(t, p, 0, "narrator: The call has just been answered. Greet the caller.", "caller: what time", "tool: noon")
		}},
		{name: "conversant does not hear a backchannel", score: Score{
			Conversant: talks, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("yeah", 5, 5.3), Says("thank you", 13, 13.6), HangsUp(16)},
		}, check: func(t *testing.T, p *Performance) {
			whole(t, p, long)
			if s := p.Sessions[0]; s.Clears != 1 || s.Sounds[1] > 1500*time.Millisecond {
				t.Errorf("the backchannel was cleared %d times, and the model heard %v of what came after it", s.Clears, s.Sounds[1])
			}
		}},
		{name: "conversant waits for the caller to go on", score: Score{
			Conversant: talks, Recogniser: Recogniser{Eager: true, Finished: 0.9}, Caller: []Cue{Says("I would like", 2, 2.8), Says("a table", 3.2, 3.8), HangsUp(8)},
		}, check: func(t *testing.T, p *Performance) {
			if s := p.Sessions[0]; len(s.Sounds) != 2 || s.Sounds[1] < s.Sounds[0]+800*time.Millisecond {
				t.Errorf("the model heard %v", s.Sounds)
			}
			if h := turn(t, p, p.Ending.Turns+1).Heard; !strings.Contains(h, "I would like a table") {
				t.Errorf("the answer was %q", h)
			}
		}},
		{name: "conversant's session ends", score: Score{
			Conversant: &Conversant{Lasts: 6}, Caller: []Cue{Says("one", 2, 2.5), Says("two", 8, 8.5), HangsUp(12)},
		}, check: func(t *testing.T, p *Performance) {
			if len(p.Sessions) != 2 {
				t.Fatalf("%d sessions", len(p.Sessions))
			}
			knew(t, p, 1, "assistant: Welcome to Parley.", "caller: one", "assistant: You said one.", "caller: two")
		}},
		{name: "conversant's session will end", score: Score{
			Conversant: &Conversant{Lasts: 7, Warns: 3}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("two", 13, 13.5), HangsUp(16.5)},
		}, check: func(t *testing.T, p *Performance) {
			if len(p.Sessions) < 3 {
				t.Fatalf("%d sessions", len(p.Sessions))
			}
			whole(t, p, long)
		}},
		{name: "conversant hangs", score: Score{
			Conversant: talks, Model: Model{Fault: Fault{Kind: Hangs, On: 2}}, Caller: []Cue{Says("one", 2, 2.5), Says("two", 16, 16.5), HangsUp(20)},
		}, check: func(t *testing.T, p *Performance) {
			if len(p.Sessions) != 2 || !p.Sessions[0].Closed {
				t.Errorf("%d sessions", len(p.Sessions))
			}
			if h := turn(t, p, 3).Heard; h != "You said two." {
				t.Errorf("then %q was heard", h)
			}
		}},
		{name: "conversant is refused", score: Score{Conversant: &Conversant{Refuse: 99}, Caller: []Cue{Says("one", 4, 4.5), HangsUp(9)}}},
		{name: "conversant is refused once", score: Score{Conversant: &Conversant{Refuse: 1}, Caller: []Cue{Says("one", 4, 4.5), HangsUp(9)}}},
		{name: "conversant is commanded", score: Score{Conversant: talks, Caller: []Cue{
			Orders(pipeline.Command{Kind: pipeline.Say, Text: "A word of the house."}, 2.5), Orders(pipeline.Command{Kind: pipeline.Inject, Text: "They are a member."}, 4), Says("one", 6, 6.5), HangsUp(10),
		}}, check: func(t *testing.T, p *Performance) {
			knew(t, p, 0, "narrator: The call has just been answered. Greet the caller.", "assistant: A word of the house.", "narrator: They are a member.", "caller: one")
		}},
		{name: "conversant is not told secrets", score: Score{Conversant: talks, Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForGreeting {
				return []pipeline.Delta{{Expect: &pipeline.Expect{Masked: true}}, {Text: "Your pin?"}}
			}
			return Text("Thank you.")
		}}, Caller: []Cue{Says("one two three", 2, 3), HangsUp(7)}}, check: func(t *testing.T, p *Performance) {
			knew(t, p, 0, "narrator: The call has just been answered. Greet the caller.", "caller: "+pipeline.MaskedSlot)
			if n := len(p.Sessions[0].Sounds); n != 0 {
				t.Errorf("the model heard %d secrets", n)
			}
		}},
		{name: "conversant does not hear what is said to others", waits: true, score: Score{
			Conversant: talks, Guest: &Guest{Rings: 1},
			Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Bridge, To: "+15550123", Text: "One moment."}, 2), Says("tell nobody about it", 9, 11), HangsUp(13)},
		}, check: func(t *testing.T, p *Performance) {
			if n := p.Sessions[0].Wrote; n != 0 {
				t.Errorf("%d samples were written", n)
			}
		}},
		{name: "conversant hands over", score: Score{
			Conversant: talks, Change: func(context.Context, string) (pipeline.Agent, pipeline.Parts, error) {
				return pipeline.Agent{Name: "Billing"}, pipeline.Parts{Responder: pipeline.Greeting("Billing here.", nil)}, nil
			},
			Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Change, Agent: "Billing", Text: "Billing here."}, 3), Says("one", 6, 6.5), HangsUp(6.9)},
		}, check: func(t *testing.T, p *Performance) {
			if s := p.Sessions[0]; !s.Closed || s.Late != 0 {
				t.Errorf("the session of the agent before is closed: %v; %d samples came late", s.Closed, s.Late)
			}
		}},
	})
}

// edits counts those of a kind in the first session.
func edits(p *Performance, kind pipeline.EditKind) (n int) {
	for _, e := range p.Sessions[0].Edits {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// knew checks what was added to a session's conversation.
func knew(t *testing.T, p *Performance, session int, want ...string) {
	t.Helper()
	var got []string
	for _, e := range p.Sessions[session].Edits {
		if e.Kind == pipeline.Told || e.Kind == pipeline.Heard {
			got = append(got, string(e.Message.Role)+": "+e.Message.Text)
		}
	}
	if !slices.Equal(got[:min(len(got), len(want))], want) {
		t.Errorf("the session was told %q, want %q", got, want)
	}
}

// The model's conversation is the call's history whenever it is asked, however the call goes.
func TestConversantKnowsTheHistory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		s := interrupting(r)
		s.Line, s.Voice.Human, s.Conversant = lines()["marks"](r), true, &Conversant{Behind: seed%3 == 0}
		if seed%2 == 0 {
			s.Recogniser.Eager = true
		}
		if seed%5 == 0 { // what was heard of an answer whose words do not come any more nobody knows
			*s.Conversant = Conversant{Lasts: 9, Warns: 3 * float64(seed%2)}
		}
		s.Play(t, func(t *testing.T, p *Performance) {
			for _, k := range p.Talks {
				remembers(t, k, p.Ending.History)
			}
			if s.Conversant.Behind { // who interrupts before the words have come has heard none that are known
				return
			}
			for _, e := range ledger(t, p) {
				if e.audio > 300*time.Millisecond {
					t.Errorf("seed %d, turn %d: off by %v", seed, e.turn.N, e.audio)
				}
			}
		})
	}
}

// remembers checks that what a model was asked by is the beginning of a call's history, up to the turn that it is asked in.
func remembers(t *testing.T, k pipeline.Talk, history []pipeline.Message) {
	t.Helper()
	var got, want []string
	for _, m := range k.History {
		if m.Turn < k.Turn && (m.Role != pipeline.Narrator || !strings.HasPrefix(m.Text, "The call has just") && m.Text != "Go on.") {
			got = append(got, string(m.Role)+": "+strings.TrimSpace(m.Text))
		}
	}
	for _, m := range history {
		if m.Turn < k.Turn {
			want = append(want, string(m.Role)+": "+strings.TrimSpace(m.Text))
		}
	}
	slices.Sort(got) // what is noted while an answer is made comes before it in the history, and after it to the model
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("in turn %d the model believed\n%q, it was\n%q", k.Turn, got, want)
	}
}
