package score_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// plain is a leg like RTP: no lead, no marks.
func plain() legtest.Line {
	return legtest.Line{Info: media.Info{Kind: "plain", ID: "plain", Chunk: media.FrameTime}}
}

// tells says the long text when asked.
var tells = Lines(map[string]string{"tell me": long})

// protect says text that speech does not interrupt.
func protect(text string) func(pipeline.Talk) []pipeline.Delta {
	return func(k pipeline.Talk) []pipeline.Delta {
		if k.Why != pipeline.ForGreeting {
			return Parrot(k)
		}
		return []pipeline.Delta{{Expect: &pipeline.Expect{Protected: true}}, {Text: text}}
	}
}

// TestWordTimes: the record has the times at which the agent's words sounded, also after it has stood still, and those of none that nobody heard.
func TestWordTimes(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Score{
		"to its end":              {},
		"interrupted":             {Caller: []Cue{Says("stop", 5, 5.4)}},
		"it stood still":          {Caller: []Cue{Coughs(5, 5.2)}},
		"it stood still, no lead": {Line: plain(), Caller: []Cue{Coughs(5, 5.2)}},
		"the voice stalls":        {Voice: Voice{Stalls: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.Model, s.Voice.Times, s.Caller = Model{Answer: tells}, true, append([]Cue{Says("tell me", 2, 2.6)}, append(s.Caller, HangsUp(16))...)
			s.Play(t, func(t *testing.T, p *Performance) {
				var timed, heard int
				var zero time.Duration // the wire's times begin with the first sound
				for _, m := range p.Ending.History {
					if m.Role != pipeline.Assistant {
						continue
					}
					heard += len(strings.Fields(m.Text))
					from := 0
					for _, w := range m.Words {
						if zero == 0 {
							zero = w.Start
						}
						i := slices.IndexFunc(p.Wire, func(s Sound) bool {
							return s.Word == w.Text && !s.Rest && (zero+s.From-w.Start).Abs() < 60*time.Millisecond
						})
						at := strings.Index(m.Text[from:], w.Text)
						if i < 0 || at < 0 {
							t.Errorf("%q at %v: not heard then, or not in order", w.Text, w.Start)
							continue
						}
						timed, from = timed+1, from+at+len(w.Text)
					}
				}
				if timed == 0 || timed != heard {
					t.Errorf("%d of %d words have their times", timed, heard)
				}
			})
		})
	}
}

func TestBargeIn(t *testing.T) {
	ask := Says("tell me", 2, 2.6)
	play(t, []scene{
		{name: "barge-in with word times", score: Score{Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{ask, Says("stop", 5, 5.4), HangsUp(10)}},
			check: func(t *testing.T, p *Performance) {
				near(t, "cut", when(t, p, pipeline.Interrupted, 0), 5.5, 0.15)
				silentFrom(t, p, 5.07, 6.4)
			}},
		{name: "barge-in without word times", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("stop", 5, 5.4), HangsUp(10)}}},
		{name: "barge-in on a leg without lead", score: Score{Line: plain(), Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{ask, Says("stop", 5, 5.4), HangsUp(10)}},
			check: func(t *testing.T, p *Performance) {
				duckedFrom(t, p, 5.1, when(t, p, pipeline.Interrupted, 0))
				silentFrom(t, p, when(t, p, pipeline.Interrupted, 0)+0.02, 6.4)
			}},
		{name: "barge-in by speech without words", score: Score{
			Recogniser: Recogniser{Deaf: true}, Model: Model{Answer: Lines(map[string]string{"greeting": long})}, Caller: []Cue{Says("mumble mumble", 3, 5), HangsUp(10)},
		}},
		{name: "barge-in into the greeting", score: Score{Caller: []Cue{Says("hello there", 0.8, 1.4), HangsUp(6)}}},
		{name: "barge-in before the greeting sounds", score: Score{Caller: []Cue{Says("hello there", 0.1, 0.9), HangsUp(6)}}},
		{name: "barge-in twice", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("stop", 5, 5.4), Says("no stop", 7.1, 7.6), HangsUp(12)}}},
		{name: "barge-in while the voice waits for room", score: Score{
			Model: Model{Answer: Lines(map[string]string{"tell me": long + " " + long})}, Voice: Voice{Times: true, PerWord: 0.6},
			Caller: []Cue{ask, Says("stop", 14, 14.4), HangsUp(19)},
		}},
		{name: "cough is a false alarm", score: Score{Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{ask, Coughs(5, 5.2), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) {
				whole(t, p, long)
				resumed := when(t, p, pipeline.FalseAlarm, 5)
				silentFrom(t, p, 5.07, resumed-0.01)
			}},
		{name: "cough on a leg without lead", score: Score{Line: plain(), Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{ask, Coughs(5, 5.2), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) {
				whole(t, p, long)
				duckedFrom(t, p, 5.1, when(t, p, pipeline.FalseAlarm, 5))
				loudFrom(t, p, when(t, p, pipeline.FalseAlarm, 5)+0.04)
			}},
		{name: "rustle is a false alarm", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Rustles(5, 5.4), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) { whole(t, p, long) }},
		{name: "rustle that does not end", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Rustles(5, 13), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) { whole(t, p, long) }},
		{name: "two coughs", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Coughs(4, 4.2), Coughs(6, 6.2), HangsUp(15)}},
			check: func(t *testing.T, p *Performance) { whole(t, p, long) }},
		{name: "cough while thinking", score: Score{Model: Model{Think: 1.5013}, Caller: []Cue{Says("one", 2, 2.5), Coughs(3.6, 3.8), HangsUp(9)}}},
		{name: "slow words after a false alarm", score: Score{
			Recogniser: Recogniser{Delay: 1.2011, Mute: true}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("no", 6, 6.3), HangsUp(12)},
		}},
		{name: "backchannel", score: Score{
			Manners: pipeline.Manners{BargeInWords: 2, BargeIn: time.Second}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("yeah", 5, 5.3), HangsUp(14)},
		}, check: func(t *testing.T, p *Performance) { whole(t, p, long) }},
		{name: "more than a backchannel", score: Score{
			Manners: pipeline.Manners{BargeInWords: 2, BargeIn: time.Second}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("yeah but no", 5, 5.8), HangsUp(14)},
		}},
		{name: "protected passage", score: Score{
			Model: Model{Answer: protect("This call is recorded for quality.")}, Caller: []Cue{Says("hello hello", 1, 1.7), HangsUp(8)},
		}, check: func(t *testing.T, p *Performance) {
			if h := turn(t, p, 1).Heard; h != "This call is recorded for quality." {
				t.Errorf("heard %q", h)
			}
		}},
		{name: "barge-in while a tool runs", score: Score{
			Tools: []pipeline.Tool{clock(3)}, Model: Model{Answer: asksClock}, Caller: []Cue{Says("what time", 2, 2.5), Says("never mind", 4.5, 5.2), HangsUp(10)},
		}},
		{name: "interrupts as the last word sounds", score: Score{Caller: []Cue{Says("hello", 1.25, 1.6), HangsUp(6)}}},
	})
}

// silentFrom checks that nothing sounded on the wire in from..to.
func silentFrom(t *testing.T, p *Performance, from, to float64) {
	t.Helper()
	for _, w := range p.Wire { // the wire counts from its first sound
		at := w.From.Seconds() + when(t, p, pipeline.ReplyBegan, 0)
		if at+w.Took.Seconds() > from && at < to {
			t.Errorf("%q sounded from %.3f s for %v", w.Word, at, w.Took)
		}
	}
}

// duckedFrom checks that the agent spoke on, but quietly.
func duckedFrom(t *testing.T, p *Performance, from, to float64) {
	t.Helper()
	n := 0
	for _, w := range p.Wire {
		at := w.From.Seconds() + p.Origin.Seconds()
		if at+w.Took.Seconds() <= from || at >= to-0.04 {
			continue
		}
		if n++; !w.Ducked {
			t.Errorf("%q sounded loudly at %.3f s for %v", w.Word, at, w.Took)
		}
	}
	if n == 0 {
		t.Errorf("the agent was silent from %.3f s to %.3f s", from, to)
	}
}

// loudFrom checks that nothing is ducked any more.
func loudFrom(t *testing.T, p *Performance, from float64) {
	t.Helper()
	for _, w := range p.Wire {
		if at := w.From.Seconds() + p.Origin.Seconds(); w.Ducked && at > from {
			t.Errorf("%q sounded quietly at %.3f s for %v", w.Word, at, w.Took)
		}
	}
}

// whole checks that every sample of text sounded, and once.
func whole(t *testing.T, p *Performance, text string) {
	t.Helper()
	var took, full time.Duration
	for _, w := range p.Wire {
		took += w.Took
		full = w.Full
	}
	words := 0
	for _, e := range p.Events {
		if e.Turn != nil {
			words += count(e.Turn.Heard)
		}
	}
	if turn(t, p, 2).Heard != text {
		t.Errorf("heard %q", turn(t, p, 2).Heard)
	}
	if want := full * time.Duration(words); took < want-time.Millisecond || took > want+time.Millisecond {
		t.Errorf("%v sounded, want %v: %+v", took, want, p.Wire)
	}
}
