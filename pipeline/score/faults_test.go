package score_test

import (
	"errors"
	"testing"

	"parley/media/legtest"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// A provider misbehaves in every way at every step: the caller always hears something, and the next turn works.
func TestFaults(t *testing.T) {
	script := []Cue{Says("one two", 2, 2.6), Says("three", 22, 22.4), HangsUp(28)}
	model := func(f Fault) Score { return Score{Model: Model{Fault: f}, Caller: script} }
	voice := func(f Fault) Score { return Score{Voice: Voice{Fault: f}, Caller: script} }
	recogniser := func(r Recogniser) Score { return Score{Recogniser: r, Caller: script} }
	works := func(t *testing.T, p *Performance) { // the last turn
		t.Helper()
		for _, e := range p.Events {
			if e.Turn != nil && e.Turn.Said == "three" && e.Turn.Heard == "You said three." {
				return
			}
		}
		t.Error("the call did not go on")
	}
	within := func(limit float64) func(*testing.T, *Performance) { // from the caller's words to the next sound
		return func(t *testing.T, p *Performance) {
			t.Helper()
			works(t, p)
			for _, s := range sounds(p) {
				if at := s.from.Seconds(); at > 3 {
					if at > 3.2+limit {
						t.Errorf("the caller was left alone until %.2f s", at)
					}
					break
				}
			}
		}
	}
	play(t, []scene{
		{name: "model hangs", score: model(Fault{Kind: Hangs, On: 2}), check: within(2)},
		{name: "model hangs after two words", score: model(Fault{Kind: Hangs, On: 2, After: 2}), check: works},
		{name: "model hangs at the end", score: model(Fault{Kind: Hangs, On: 2, After: 4}), check: works},
		{name: "model does not let go", score: model(Fault{Kind: Ignores, On: 2}), check: within(2)},
		{name: "model fails", score: model(Fault{Kind: Fails, On: 2}), check: within(1)},
		{name: "model fails after two words", score: model(Fault{Kind: Fails, On: 2, After: 2}), check: works},
		{name: "model fails at the end", score: model(Fault{Kind: Fails, On: 2, After: 4}), check: works},
		{name: "model says nothing", score: model(Fault{Kind: StopsDry, On: 2}), check: within(1)},
		{name: "model stops short", score: model(Fault{Kind: StopsDry, On: 2, After: 2}), check: works},
		{name: "model drips", score: model(Fault{Kind: Drips, On: 2}), check: works},
		{name: "model panics", score: model(Fault{Kind: Panics, On: 2})},
		{name: "model panics after two words", score: model(Fault{Kind: Panics, On: 2, After: 2})},
		{name: "model fails at the greeting", score: model(Fault{Kind: Fails, On: 1}), check: works},
		{name: "model hangs at the greeting", score: Score{Model: Model{Fault: Fault{Kind: Hangs, On: 1}}, Caller: script[1:]}, check: works},
		{name: "model panics at the greeting", score: model(Fault{Kind: Panics, On: 1})},
		{name: "model always fails", score: Score{Model: Model{Fault: Fault{Kind: Fails}}}},
		{name: "model says nothing but spaces", score: Score{Model: Model{Answer: Lines(map[string]string{"one two": " ... "})}, Caller: script}, check: works},

		{name: "voice hangs", score: voice(Fault{Kind: Hangs, On: 2}), check: within(2)},
		{name: "voice hangs after two words", score: voice(Fault{Kind: Hangs, On: 2, After: 2}), check: works},
		{name: "voice hangs at the end", score: voice(Fault{Kind: Hangs, On: 2, After: 4}), check: works},
		{name: "voice does not let go", score: voice(Fault{Kind: Ignores, On: 2}), check: within(2)},
		{name: "voice fails", score: voice(Fault{Kind: Fails, On: 2}), check: within(1)},
		{name: "voice fails after two words", score: voice(Fault{Kind: Fails, On: 2, After: 2}), check: works},
		{name: "voice is mute", score: voice(Fault{Kind: StopsDry, On: 2}), check: within(1.3)},
		{name: "voice stops short", score: voice(Fault{Kind: StopsDry, On: 2, After: 2}), check: works, lied: true},
		{name: "voice drips", score: voice(Fault{Kind: Drips, On: 2}), check: works},
		{name: "voice panics", score: voice(Fault{Kind: Panics, On: 2})},
		{name: "voice panics after two words", score: voice(Fault{Kind: Panics, On: 2, After: 2})},
		{name: "voice fails at the greeting", score: voice(Fault{Kind: Fails, On: 1}), check: works},
		{name: "voice always fails", score: Score{Voice: Voice{Fault: Fault{Kind: Fails}}}},
		{name: "voice always hangs", score: Score{Voice: Voice{Fault: Fault{Kind: Hangs}}}},
		{name: "voice never lets go", score: Score{Voice: Voice{Fault: Fault{Kind: Ignores}}}},
		{name: "voice fails in the goodbye", score: Score{Manners: pipeline.Manners{Reprompts: -1}, Voice: Voice{Fault: Fault{Kind: Fails, On: 2}}}},
		{name: "voice fails while held", score: Score{Voice: Voice{Fault: Fault{Kind: Fails, On: 2, After: 2}, Delay: 0.9011}, Caller: []Cue{
			Says("one two", 2, 2.6), Coughs(4.15, 4.35), Says("three", 22, 22.4), HangsUp(28),
		}}, check: works},

		{name: "recogniser gives no final", score: recogniser(Recogniser{Finals: Fault{Kind: Hangs, On: 1}}), check: within(2)},
		{name: "recogniser fails", score: recogniser(Recogniser{Finals: Fault{Kind: Fails, On: 1}})},
		{name: "recogniser stops", score: recogniser(Recogniser{Finals: Fault{Kind: StopsDry, On: 1}})},
		{name: "recogniser panics", score: recogniser(Recogniser{Finals: Fault{Kind: Panics, On: 1}})},
		{name: "recogniser takes no audio", score: recogniser(Recogniser{WritesAt: 3})},
		{name: "recogniser takes no audio while the agent speaks", score: recogniser(Recogniser{WritesAt: 0.8})},
		{name: "recogniser panics on audio", score: recogniser(Recogniser{PanicsAt: 3})},
		{name: "recogniser is behind", score: recogniser(Recogniser{Behind: 7}), check: func(t *testing.T, p *Performance) {
			if p.Ending.Drops != 7 {
				t.Errorf("%d drops", p.Ending.Drops)
			}
		}},
		{name: "recogniser flushes slowly", score: recogniser(Recogniser{ClosesIn: 5}), check: works},
		{name: "ear panics", score: Score{Ear: Ear{PanicsAt: 2.5}, Caller: script}},

		{name: "leg fails to send", score: Score{Line: failing(30), Caller: script}},
		{name: "cast fails", score: Score{SetupFails: errors.New("no such agent")}},
		{name: "cast takes its time", score: Score{Setup: 1.2, Caller: script}, check: works},
		{name: "hangs up before anybody is there", score: Score{Setup: 3, Caller: []Cue{HangsUp(1)}}},
		{name: "watch panics", score: Score{Caller: script, Watch: func(e pipeline.Event) {
			if e.Kind == pipeline.SpeechEnded {
				panic("scripted panic")
			}
		}}},
	})
}

func failing(send int) (l legtest.Line) {
	l = plain()
	l.Send = func(n int) error {
		if n >= send {
			return errors.New("wire cut")
		}
		return nil
	}
	return l
}
