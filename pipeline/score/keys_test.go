package score_test

import (
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

func count(s string) int { return len(strings.Fields(s)) }

// expects says a menu and expects what e says.
func expects(e pipeline.Expect) Model {
	return Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
		if k.Why != pipeline.ForGreeting {
			return Parrot(k)
		}
		return []pipeline.Delta{{Expect: &e}, {Text: "For opening hours press one, for an appointment press two, for the operator wait."}}
	}}
}

func TestKeys(t *testing.T) {
	play(t, []scene{
		{name: "one key of a menu", score: Score{Model: expects(pipeline.Expect{Digits: 1}), Caller: []Cue{Presses("2", 2), HangsUp(6)}},
			check: func(t *testing.T, p *Performance) { near(t, "cut", when(t, p, pipeline.Interrupted, 0), 2.007, 0.002) }},
		{name: "two keys of a menu of one", score: Score{Model: expects(pipeline.Expect{Digits: 1}), Caller: []Cue{Presses("12", 2), HangsUp(7)}}},
		{name: "keys with a terminator", score: Score{Model: expects(pipeline.Expect{Digits: 10, Terminator: '#'}), Caller: []Cue{Presses("4071#", 2), HangsUp(8)}}},
		{name: "as many keys as expected", score: Score{Model: expects(pipeline.Expect{Digits: 4}), Caller: []Cue{Presses("4071", 7), HangsUp(12)}}},
		{name: "keys and then a gap", score: Score{Model: expects(pipeline.Expect{Digits: 10, KeyGap: 2 * time.Second}), Caller: []Cue{Presses("407", 2), HangsUp(9)}},
			check: func(t *testing.T, p *Performance) {
				near(t, "answer", when(t, p, pipeline.ReplyBegan, 2), 2.407+2+0.42, 0.03)
			}},
		{name: "keys that nobody asked for", score: Score{Caller: []Cue{Presses("42", 2), HangsUp(9)}},
			check: func(t *testing.T, p *Performance) { // half of KeyGap after the last key
				near(t, "answer", when(t, p, pipeline.ReplyBegan, 2), 2.207+1.5+0.42, 0.03)
			}},
		{name: "keys that nobody asked for and a hash", score: Score{Caller: []Cue{Presses("42#", 2), HangsUp(6)}}},
		{name: "hash alone", score: Score{Caller: []Cue{Presses("#", 2), HangsUp(6)}}},
		{name: "key into a protected passage", score: Score{Model: Model{Answer: protect("This call is recorded for quality.")}, Caller: []Cue{Presses("1#", 1), HangsUp(6)}}},
		{name: "key while thinking", score: Score{Caller: []Cue{Says("one", 2, 2.5), Presses("1#", 3.2), HangsUp(8)}}},
		{name: "keys while speaking", score: Score{Caller: []Cue{Says("my pin is one", 2, 4), Presses("1#", 2.5), HangsUp(10)}}},
		{name: "keys that sound", score: Score{Tones: true, Model: expects(pipeline.Expect{Digits: 4}), Caller: []Cue{Sounds("4071", 7), HangsUp(12)}}},
		{name: "keys that sound and are not listened for", score: Score{Model: expects(pipeline.Expect{Digits: 4}), Caller: []Cue{Sounds("4071", 7), HangsUp(10)}}},
		{name: "key in the goodbye", score: Score{Manners: pipeline.Manners{Reprompts: -1, Silence: 2 * time.Second}, Caller: []Cue{Presses("1#", 4.5), HangsUp(8)}}},
	})
}

func TestSilence(t *testing.T) {
	play(t, []scene{
		{name: "silence to the end", score: Score{}, check: func(t *testing.T, p *Performance) {
			near(t, "first prompt", when(t, p, pipeline.FellSilent, 0), 1.322+8, 0.03)
			if n := p.Talks[len(p.Talks)-1].Silence; n != 2 {
				t.Errorf("asked for silence %d", n)
			}
		}},
		{name: "silence broken", score: Score{Caller: []Cue{Says("yes", 11, 11.4), HangsUp(25)}}, check: func(t *testing.T, p *Performance) {
			if n := p.Talks[len(p.Talks)-1].Silence; n != 1 {
				t.Errorf("asked for silence %d after words", n)
			}
		}},
		{name: "patience", score: Score{Model: expects(pipeline.Expect{Patience: 3 * time.Second}), Caller: []Cue{HangsUp(11)}}},
		{name: "no reprompts", score: Score{Manners: pipeline.Manners{Reprompts: -1}}},
		{name: "goodbye interrupted", score: Score{Manners: pipeline.Manners{Reprompts: -1}, Caller: []Cue{Says("wait", 10.5, 10.9), HangsUp(16)}}},
		{name: "on hold", score: Score{Caller: []Cue{Parks(3, 30), HangsUp(32)}}, check: func(t *testing.T, p *Performance) {
			for _, e := range p.Events {
				if e.Kind == pipeline.FellSilent {
					t.Errorf("silence was counted on hold, at %v", e.At)
				}
			}
		}},
		{name: "longest call", score: Score{Manners: pipeline.Manners{MaxLength: 5 * time.Second}}},
		{name: "longest call while the agent speaks", score: Score{Manners: pipeline.Manners{MaxLength: 3 * time.Second}, Model: Model{Answer: Lines(map[string]string{"greeting": long})}}},
		{name: "longest call while the caller speaks", score: Score{Manners: pipeline.Manners{MaxLength: 3 * time.Second}, Caller: []Cue{Says("a b c d e f g h", 2, 9)}}},
		{name: "hold music", waits: true, score: Score{Caller: []Cue{Coughs(2, 200)}}, check: func(t *testing.T, p *Performance) {
			near(t, "asked", when(t, p, pipeline.Drifted, 0), 2+30, 0.05)
			near(t, "the end", p.Ending.Length.Seconds(), 32+300, 0.05)
		}},
		{name: "noisy line", score: Score{Caller: []Cue{Coughs(2, 2.6), Coughs(6, 6.6), Coughs(10, 10.6), Coughs(14, 14.6), HangsUp(17)}}},
	})
}
