package score_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/legtest"
	"parley/pipeline"
	. "parley/pipeline/score"
	"parley/pipeline/tool"
)

// presses answers "dial" with text and keys, and nothing that is said later.
func presses(text, keys string, then ...pipeline.Delta) Model {
	return Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
		switch {
		case k.Why == pipeline.ForWords && k.Text == "dial":
			d := append(Text(text), pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.Press, Keys: keys}})
			if text == "" {
				d = d[1:]
			}
			return append(d, then...)
		}
		return Parrot(k)
	}}
}

// keypads is a line with a keypad, with the lead that a carrier lets us send ahead.
func keypads(lead time.Duration) legtest.Line {
	return legtest.Line{Keys: true, Marks: true, Info: media.Info{Kind: "pad", ID: "CA1", Lead: lead, Chunk: 100 * time.Millisecond}}
}

func pressKey(keys string) pipeline.Command {
	return pipeline.Command{Kind: pipeline.Press, Keys: keys}
}

// keyTimes are when the far end was pressed each key, in seconds from the answer.
func keyTimes(p *Performance) (all []float64) {
	for _, w := range p.Wire {
		if w.Word == Tone {
			all = append(all, (p.Origin + w.From).Seconds())
		}
	}
	return all
}

func TestPress(t *testing.T) {
	dial := Says("dial", 2, 2.4)
	usesPad := Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
		switch {
		case k.Why == pipeline.ForWords && k.Text == "dial":
			return append(Text("One moment."), pipeline.Delta{Call: &pipeline.ToolCall{ID: "a", Name: "press_keys", Args: json.RawMessage(`{"keys":"4p2#"}`)}})
		case k.Why == pipeline.ForToolResult:
			return nil
		}
		return Parrot(k)
	}}
	tools := []pipeline.Tool{tool.PressKeys()}
	say := pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.Say, Text: "That was it."}}
	play(t, []scene{
		{name: "press after words", score: Score{Model: presses("I dial now.", "12#"), Caller: []Cue{dial, HangsUp(9)}}, check: func(t *testing.T, p *Performance) {
			last := p.Wire[len(p.Wire)-1]
			if words := 1.3; (p.Origin+last.From+last.Took).Seconds() < 3.3+words || last.Word != Tone {
				t.Errorf("the keys sounded at %v", keyTimes(p))
			}
			if got := turn(t, p, 2); got.Pressed != "12#" || got.Heard != "I dial now." || got.Sounded != 3*300*time.Millisecond+3*(dtmf.Tone+dtmf.Gap) {
				t.Errorf("the record: %+v", got)
			}
		}},
		{name: "press without a word", score: Score{Model: presses("", "0"), Caller: []Cue{dial, HangsUp(6)}}},
		{name: "press between words", score: Score{Model: presses("I dial now.", "1w2", say), Caller: []Cue{dial, HangsUp(9)}}},
		{name: "press with pauses", score: Score{Model: presses("", "1w2p3W4"), Caller: []Cue{dial, HangsUp(9)}}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 2).Sounded; got != 4*(dtmf.Tone+dtmf.Gap)+2500*time.Millisecond {
				t.Errorf("it took %v", got)
			}
		}},
		{name: "press by a tool", score: Score{Model: usesPad, Tools: tools, Caller: []Cue{dial, HangsUp(9)}}, check: func(t *testing.T, p *Performance) {
			asked := p.Talks[len(p.Talks)-1]
			if asked.Why != pipeline.ForToolResult || asked.History[len(asked.History)-1].Text != "You pressed 4 2 #." {
				t.Errorf("the model was asked %s about %+v", asked.Why, asked.History)
			}
		}},
		{name: "press on a keypad", score: Score{Line: keypads(0), Model: presses("I dial now.", "12#", say), Caller: []Cue{dial, HangsUp(9)}}},
		{name: "press on a keypad that buffers", score: Score{Line: keypads(400 * time.Millisecond), Model: presses("I dial now.", "12#", say), Caller: []Cue{dial, HangsUp(9)}}},
		{name: "press while the far end talks", score: Score{Model: presses("", "1234567890"), Caller: []Cue{dial, Says("for sales press one for billing press two", 3.5, 5.6), HangsUp(10)}},
			check: func(t *testing.T, p *Performance) {
				if got := turn(t, p, 2); got.Cut || got.Counts.Held != 0 || got.Pressed != "1234567890" {
					t.Errorf("the record: %+v", got)
				}
			}},
		{name: "press while the far end presses", score: Score{Model: presses("", "1234567890"), Caller: []Cue{dial, Presses("9#", 3.4), HangsUp(8)}}},
		{name: "press though the words before are interrupted", score: Score{Model: presses("I dial the number of the office in the capital now.", "12#"),
			Caller: []Cue{dial, Says("no no wait", 4, 5.2), HangsUp(10)}}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 2); !got.Cut || got.Pressed != "" {
				t.Errorf("the record: %+v", got)
			}
			if got := turn(t, p, 3); got.Cut || got.Pressed != "12#" || got.Why != pipeline.ForCommand {
				t.Errorf("the record of the keys: %+v", got)
			}
		}},
		{name: "press before the answer is withdrawn", score: Score{Model: presses("I dial the number now.", "12#"), Caller: []Cue{dial, Says("no wait", 2.95, 3.6), HangsUp(9)}}},
		{name: "press from outside", score: Score{Caller: []Cue{Orders(pressKey("7*"), 5), HangsUp(8)}}},
		{name: "press from outside while the far end talks", score: Score{Caller: []Cue{Says("for sales press one for billing press two", 4, 9), Orders(pressKey("1"), 5), HangsUp(13)}},
			check: func(t *testing.T, p *Performance) { near(t, "pressed", when(t, p, pipeline.AgentPressed, 0), 5.2, 0.1) }},
		{name: "press from outside while the agent talks", score: Score{Model: Model{Answer: Lines(map[string]string{"greeting": long})}, Caller: []Cue{Orders(pressKey("1"), 2), HangsUp(12)}}},
		{name: "press and say from outside", score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Say, Text: "First."}, 5), Orders(pressKey("12"), 5.1), Orders(pipeline.Command{Kind: pipeline.Say, Text: "Last."}, 5.2), HangsUp(9)}}},
		{name: "press cut by a hold", waits: true, score: Score{Model: presses("", "123456789"), Caller: []Cue{dial, Orders(pipeline.Command{Kind: pipeline.Hold}, 3.5), Orders(pipeline.Command{Kind: pipeline.Unhold}, 6), HangsUp(9)}}},
		{name: "press dropped by a hold", waits: true, score: Score{Model: presses("I dial the number of the office now.", "12#"), Caller: []Cue{dial, Orders(pipeline.Command{Kind: pipeline.Hold}, 4), Orders(pipeline.Command{Kind: pipeline.Unhold, Ask: true}, 6), HangsUp(9)}},
			check: func(t *testing.T, p *Performance) {
				if notes(p, "were not pressed: the agent is on hold") != 1 {
					t.Errorf("the model was told %+v", p.Ending.History)
				}
			}},
		{name: "press and the far end parks", waits: true, score: Score{Model: presses("", "123456789"), Caller: []Cue{dial, Parks(3.5, 6), HangsUp(9)}}},
		{name: "press and the caller leaves", score: Score{Model: presses("", "123456789"), Caller: []Cue{dial, HangsUp(3.8)}}},
		{name: "press and hang up", score: Score{Model: presses("I dial now.", "12#", pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.HangUp, Text: "Goodbye."}}), Caller: []Cue{dial}}},
		{name: "press what is no key", score: Score{Model: presses("I dial now.", "1x"), Caller: []Cue{dial, HangsUp(7)}}},
	})
}

// Keys that a leg presses are pressed when the words before them have sounded, and those after them wait, wherever on the way the line is.
func TestPressInItsTurn(t *testing.T) {
	t.Parallel()
	say := pipeline.Delta{Do: &pipeline.Command{Kind: pipeline.Say, Text: "That was it."}}
	for _, lead := range []time.Duration{0, 200 * time.Millisecond, time.Second} {
		line := keypads(lead)
		line.Down, line.Up = 40*time.Millisecond, 40*time.Millisecond
		var st *Stage
		s := Score{Line: line, Model: presses("I dial now.", "12#", say), Caller: []Cue{Does(0.1, func(s *Stage) { st = s }), Says("dial", 2, 2.4), HangsUp(12)}}
		s.Play(t, func(t *testing.T, p *Performance) {
			var before, after time.Time // the words around the keys
			for _, s := range st.Carrier.Sounded() {
				for i, v := range s.PCM {
					at := s.At.Add(media.Samples(i, 8000))
					switch keys := st.Carrier.Pressed(); {
					case v == 0:
					case at.Before(keys[0].At):
						before = at
					case after.IsZero():
						after = at
					}
				}
			}
			keys := st.Carrier.Pressed()
			if len(keys) != 3 {
				t.Fatalf("pressed %v", keys)
			}
			if gap := keys[0].At.Sub(before); gap < 0 || gap > 300*time.Millisecond {
				t.Errorf("lead %v: pressed %v after the words", lead, gap)
			}
			if gap := after.Sub(keys[2].At); gap < dtmf.Tone || gap > 600*time.Millisecond {
				t.Errorf("lead %v: words %v after the last key", lead, gap)
			}
			for i := range 2 {
				if d := keys[i+1].At.Sub(keys[i].At) - dtmf.Tone - dtmf.Gap; d.Abs() > 25*time.Millisecond {
					t.Errorf("lead %v: key %d is off by %v", lead, i+1, d)
				}
			}
		})
	}
}

// Whenever somebody interrupts, a number is pressed whole or not begun.
func TestPressIsWhole(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		at := 2.6 + 0.1*float64(n)
		Score{Model: presses("I dial the number.", "1234"), Caller: []Cue{Says("dial", 2, 2.4), Says("no stop please", at, at+0.8), Presses("5", at+0.3), HangsUp(14)}}.Play(t, func(t *testing.T, p *Performance) {
			if p.Keys != "" && strings.ReplaceAll(p.Keys, "1234", "") != "" {
				t.Errorf("interrupted at %.1f s: pressed %q\n%s", at, p.Keys, p)
			}
		})
	}
}
