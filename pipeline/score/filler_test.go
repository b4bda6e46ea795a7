package score_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// fillers are the fillers that were heard, the tone as an empty one.
func fillers(p *Performance) (all []string) {
	for _, e := range p.Events {
		if e.Kind == pipeline.Filled {
			all = append(all, e.Text)
		}
	}
	return all
}

func TestFillers(t *testing.T) {
	ask := Says("tell me", 2, 2.6)
	think := func(s float64) Model { return Model{Think: s, Answer: Lines(map[string]string{"greeting": "Hello."})} }
	mine := pipeline.Manners{Filler: pipeline.Filler{Say: []string{"Wait a little.", "Nearly there."}}}
	with := func(f pipeline.Filler) pipeline.Manners { return pipeline.Manners{Filler: f} }
	heard := func(want ...string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			if got := fillers(p); !slices.Equal(got, want) {
				t.Errorf("fillers %q, want %q", got, want)
			}
			for _, k := range p.Talks {
				for _, m := range k.History {
					for _, f := range want {
						if f != "" && strings.Contains(m.Text, f) {
							t.Errorf("the model is told of the filler: %q", m.Text)
						}
					}
				}
			}
		}
	}
	greeted := func(p pipeline.Responder) pipeline.Responder { return pipeline.Greeting("Hello.", p) }
	play(t, []scene{
		{name: "filler and then the answer", score: Score{Manners: mine, Responder: greeted, Model: think(2.5013), Caller: []Cue{ask, HangsUp(9)}},
			check: func(t *testing.T, p *Performance) {
				at := sounds(p)
				first := slices.IndexFunc(p.Wire, func(s Sound) bool { return s.Word == "Wait" || s.Word == "Nearly" })
				near(t, "the filler", at[first].from.Seconds(), 3.08+1.5+0.12, 0.05)
			}},
		{name: "filler cut at the end of a word", score: Score{Manners: mine, Responder: greeted, Model: think(1.6013), Voice: Voice{Times: true}, Caller: []Cue{ask, HangsUp(9)}},
			check: func(t *testing.T, p *Performance) {
				if got := fillers(p); len(got) != 1 || count(got[0]) != 1 {
					t.Fatalf("fillers %q, want one word", got)
				}
				for i, s := range p.Wire {
					if i > 0 && p.Wire[i-1].Word+s.Word == fillers(p)[0]+"You" {
						near(t, "the word", p.Wire[i-1].Took.Seconds(), 0.3, 0.021)
						near(t, "the answer behind it", (s.From - p.Wire[i-1].From).Seconds(), 0.3, 0.021)
						return
					}
				}
				t.Errorf("no answer right behind the filler: %+v", p.Wire)
			}},
		{name: "filler cut by an estimate of the word", score: Score{Manners: mine, Responder: greeted, Model: think(1.6013), Caller: []Cue{ask, HangsUp(9)}}},
		{name: "no filler as the answer is due", score: Score{Manners: mine, Responder: greeted, Model: think(1.3013), Caller: []Cue{ask, HangsUp(9)}}, check: heard()},
		{name: "no filler for those who are quick", score: Score{Manners: mine, Caller: []Cue{ask, HangsUp(9)}}, check: heard()},
		{name: "fillers do not repeat themselves", score: Score{Manners: with(pipeline.Filler{Most: 20}), Responder: greeted, Model: think(30),
			Caller: []Cue{ask, HangsUp(30)}}, check: func(t *testing.T, p *Performance) {
			got := fillers(p)
			for i, f := range got {
				if i > 0 && f == got[i-1] {
					t.Errorf("%q twice in a row: %q", f, got)
				}
			}
		}},
		{name: "fillers come to an end, and then the tone", score: Score{Manners: with(pipeline.Filler{Most: 1, Say: []string{"Wait."}}), Responder: greeted, Model: think(6.5013), Caller: []Cue{ask, HangsUp(14)}},
			check: heard("Wait.", "", "")},
		{name: "fillers of a foreign agent", score: Score{Lang: "de-DE", Responder: greeted, Model: think(4.5013), Caller: []Cue{ask, HangsUp(14)}}, check: heard("", "")},
		{name: "fillers of a foreign agent that has its own", score: Score{Lang: "de-DE", Manners: with(pipeline.Filler{Say: []string{"Einen Moment bitte."}}), Responder: greeted, Model: think(3.5013), Caller: []Cue{ask, HangsUp(14)}},
			check: heard("Einen Moment bitte.")},
		{name: "only the tone", score: Score{Manners: with(pipeline.Filler{Most: -1}), Responder: greeted, Model: think(2.2013), Caller: []Cue{ask, HangsUp(14)}}, check: heard("")},
		{name: "no fillers", score: Score{Manners: with(pipeline.Filler{After: -1}), Responder: greeted, Model: think(7.0013), Caller: []Cue{ask, HangsUp(16)}}, check: heard()},
		{name: "impatient filler", score: Score{Manners: with(pipeline.Filler{After: 500 * time.Millisecond, Say: []string{"Wait."}}), Responder: greeted, Model: think(1.3013), Caller: []Cue{ask, HangsUp(14)}},
			check: heard("Wait.")},
		{name: "filler interrupted", score: Score{Manners: mine, Responder: greeted, Model: think(4.0013), Caller: []Cue{ask, Says("stop stop", 4.9, 5.6), HangsUp(16)}}},
		{name: "filler and a key", score: Score{Manners: mine, Responder: greeted, Model: think(2.2013), Caller: []Cue{ask, Presses("1#", 4.9), HangsUp(12)}}},
		{name: "filler and a cough", score: Score{Manners: mine, Responder: greeted, Model: think(2.2013), Caller: []Cue{ask, Coughs(4.9, 5.1), HangsUp(12)}}},
		{name: "filler while the words are awaited", score: Score{Manners: mine, Responder: greeted, Recogniser: Recogniser{Delay: 2.2011}, Caller: []Cue{ask, HangsUp(12)}}},
		{name: "no filler for a cough that is awaited", score: Score{Manners: mine, Responder: greeted, Recogniser: Recogniser{Delay: 2.2011}, Caller: []Cue{Coughs(2, 2.2), HangsUp(9)}}, check: heard()},
		{name: "filler in mid-sentence", score: Score{Manners: with(pipeline.Filler{Say: []string{"Wait."}}), Responder: greeted, Model: Model{PerWord: 2.5013}, Caller: []Cue{ask, HangsUp(14)}}},
		{name: "filler on a leg without lead", score: Score{Line: plain(), Manners: mine, Responder: greeted, Model: think(2.5013), Caller: []Cue{ask, HangsUp(9)}}},
		{name: "filler while a tool runs", score: Score{Manners: mine, Tools: []pipeline.Tool{clock(4)}, Model: Model{Answer: asksClock}, Caller: []Cue{Says("what time", 2, 2.6), HangsUp(14)}}},
		{name: "filler and then the last words", score: Score{Manners: mine, Responder: greeted, Model: think(5), Caller: []Cue{ask, Orders(pipeline.Command{Kind: pipeline.HangUp, Text: "We close."}, 4.9)}}},
		{name: "caller leaves in a filler", score: Score{Manners: mine, Responder: greeted, Model: think(5), Caller: []Cue{ask, HangsUp(5.1)}}},
		{name: "late words are answered", score: Score{Recogniser: Recogniser{Late: 4.5, Mute: true}, Caller: []Cue{ask, HangsUp(14)}}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 3).Said; got != "tell me" {
				t.Errorf("answered %q", got)
			}
		}},
		{name: "late words of a caller who has said them again", score: Score{Recogniser: Recogniser{Late: 8, Mute: true}, Caller: []Cue{ask, Says("tell me again", 9, 9.8), HangsUp(24)}}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 3).Said; got != "tell me again" {
				t.Errorf("answered %q", got)
			}
		}},
		{name: "too many faults", score: Score{Manners: pipeline.Manners{Faults: pipeline.Faults{Most: 2, Say: "It is no use."}}, Model: Model{Fault: Fault{Kind: Fails}}, Caller: []Cue{Says("one", 5, 5.4)}},
			check: func(t *testing.T, p *Performance) {
				if p.Ending.Cause != "provider" || !strings.HasSuffix(p.Heard(), "It is no use.") {
					t.Errorf("ended %q after %q", p.Ending.Cause, p.Heard())
				}
			}},
		{name: "faults that are not in a row", score: Score{Manners: pipeline.Manners{Faults: pipeline.Faults{Most: 2}}, Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Turn%2 == 0 {
				return nil // a failure
			}
			return Parrot(k)
		}}, Caller: []Cue{Says("one", 3, 3.4), Says("two", 10, 10.4), Says("three", 15, 15.4), HangsUp(22)}}},
	})
}
