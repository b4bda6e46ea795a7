package score_test

import (
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// says answers words with text.
func says(text string) func(pipeline.Talk) []pipeline.Delta {
	return func(k pipeline.Talk) []pipeline.Delta {
		if k.Why == pipeline.ForWords && k.Text == "tell me" {
			return Text(text)
		}
		return Parrot(k)
	}
}

// tells checks how often the call told an event.
func times(t *testing.T, p *Performance, kind pipeline.EventKind, want int) {
	t.Helper()
	n := 0
	for _, e := range p.Events {
		if e.Kind == kind {
			n++
		}
	}
	if n != want {
		t.Errorf("%d times %s, want %d", n, kind, want)
	}
}

// uncut checks that turn 2 was heard to its end, and that words were not answered.
func uncut(text string) func(*testing.T, *Performance) {
	return func(t *testing.T, p *Performance) {
		t.Helper()
		whole(t, p, text)
		times(t, p, pipeline.Interrupted, 0)
		times(t, p, pipeline.TurnEnded, 2)
	}
}

func TestInterrupt(t *testing.T) {
	ask := Says("tell me", 2, 2.6)
	const digits = "Your number is four seven one one nine two and that is all."
	bars := func(i pipeline.Interrupt) pipeline.Manners { return pipeline.Manners{Interrupt: i} }
	play(t, []scene{
		{name: "mhm lets the agent go on", score: Score{Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{ask, Says("mhm", 5, 5.3), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) {
				uncut(long)(t, p)
				times(t, p, pipeline.Backchannel, 1)
				near(t, "resumed", when(t, p, pipeline.FalseAlarm, 5), 5.52, 0.05) // at the first silence, not after the final
			}},
		{name: "mhm on a leg without lead", score: Score{Line: plain(), Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{ask, Says("mhm", 5, 5.3), HangsUp(14)}},
			check: uncut(long)},
		{name: "mhm of a recogniser without partials", score: Score{Recogniser: Recogniser{Mute: true}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("Mhm.", 5, 5.2), HangsUp(14)}},
			check: uncut(long)},
		{name: "backchannels in a row", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("okay yeah right", 5, 5.8), HangsUp(14)}}, check: uncut(long)},
		{name: "backchannels one after the other", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("okay", 4, 4.3), Says("uh huh", 6.5, 6.9), HangsUp(16)}},
			check: uncut(long)},
		{name: "okay but", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("okay but what about Sundays", 5, 6.4), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) {
				if got := turn(t, p, 3).Said; got != "okay but what about Sundays" {
					t.Errorf("said %q", got)
				}
			}},
		{name: "backchannel of another language", score: Score{
			Manners: bars(pipeline.Interrupt{Never: []string{"genau", "ja ja"}}), Model: Model{Answer: tells}, Caller: []Cue{ask, Says("Ja, ja.", 5, 5.4), HangsUp(14)},
		}, check: uncut(long)},
		{name: "a hum however it is spelt", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("Mm-h", 5, 5.5), HangsUp(14)}}, check: uncut(long)},
		{name: "no more than the beginning of a backchannel", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("I", 5, 5.5), HangsUp(14)}}, check: uncut(long)},
		{name: "a backchannel misheard", score: Score{Recogniser: Recogniser{Mute: true}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("make sense", 5, 5.7), HangsUp(14)}}, check: uncut(long)},
		{name: "a scrap of a word", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("we", 5, 5.35), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) {
				uncut(long)(t, p)
				times(t, p, pipeline.Backchannel, 1)
			}},
		{name: "a scrap of a word in the greeting", score: Score{Model: Model{Answer: Lines(map[string]string{"greeting": long})}, Caller: []Cue{Says("we", 1.2, 1.5), HangsUp(10)}},
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.TurnEnded, 1) }},
		{name: "a curt word", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("two", 5, 5.35), HangsUp(12)}},
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "a whole word", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("Sunday", 5, 5.5), HangsUp(12)}},
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "a scrap and what follows", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Says("we", 5, 5.3), Says("we need a plumber", 6.2, 7.2), HangsUp(13)}},
			check: func(t *testing.T, p *Performance) {
				if got := turn(t, p, 3).Said; got != "we need a plumber" {
					t.Errorf("said %q", got)
				}
			}},
		{name: "a scrap of a word in answer to a question", score: Score{
			Model: Model{Answer: says("Shall we book it? We are open all day on Tuesday and on most Fridays.")}, Caller: []Cue{ask, Says("do", 4.9, 5.2), HangsUp(12)},
		}, check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "a scrap of a word while the answer is made", score: Score{Model: Model{Think: 1.5013, Answer: tells}, Caller: []Cue{ask, Says("now", 3.8, 4.1), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) {
				if got := turn(t, p, 3).Said; got != "tell me now" {
					t.Errorf("said %q", got)
				}
			}},
		{name: "no backchannels", score: Score{
			Manners: bars(pipeline.Interrupt{Never: []string{}}), Model: Model{Answer: tells}, Caller: []Cue{ask, Says("okay", 5, 5.4), HangsUp(12)},
		}, check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "yes to a question at its end", score: Score{ // it begins while the last word sounds
			Model: Model{Answer: says("Shall we book it for Tuesday?")}, Caller: []Cue{ask, Says("yes", 5.2, 5.5), HangsUp(12)},
		}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 2); got.Heard != "Shall we book it for Tuesday?" || turn(t, p, 3).Said != "yes" {
				t.Errorf("heard %q, then said %q", got.Heard, turn(t, p, 3).Said)
			}
		}},
		{name: "yes to a question that is not the end", score: Score{
			Model: Model{Answer: says("Shall we book it? We are open all day on Tuesday and on most Fridays.")}, Caller: []Cue{ask, Says("yes", 4.9, 5.2), HangsUp(12)},
		}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 3).Said; got != "yes" {
				t.Errorf("said %q", got)
			}
		}},
		{name: "yes after a question", score: Score{Model: Model{Answer: says("Shall we book it?")}, Caller: []Cue{ask, Says("yes", 5.2, 5.5), HangsUp(11)}},
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Backchannel, 0) }},
		{name: "okay as the last word sounds", score: Score{ // it is the caller's turn by the time that it is understood
			Model: Model{Answer: says("It is booked.")}, Caller: []Cue{ask, Says("okay", 4.42, 4.7), HangsUp(10)},
		}},
		{name: "okay while the answer is made", score: Score{Model: Model{Think: 1.5013, Answer: tells}, Caller: []Cue{ask, Says("okay", 3.8, 4.1), HangsUp(14)}},
			check: func(t *testing.T, p *Performance) {
				if got := turn(t, p, 3).Said; got != "tell me okay" {
					t.Errorf("said %q", got)
				}
			}},

		{name: "stop below the bar", score: Score{
			Manners: pipeline.Manners{BargeInWords: 4, BargeIn: 5 * time.Second}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("please stop it", 5, 5.9), HangsUp(12)},
		}, check: func(t *testing.T, p *Performance) { near(t, "cut", when(t, p, pipeline.Interrupted, 5), 5.82, 0.05) }},
		{name: "no phrase that always stops", score: Score{
			Manners: pipeline.Manners{BargeInWords: 4, BargeIn: 5 * time.Second, Interrupt: pipeline.Interrupt{Always: []string{}}},
			Model:   Model{Answer: tells}, Caller: []Cue{ask, Says("stop", 5, 5.3), HangsUp(14)},
		}, check: uncut(long)},
		{name: "a higher bar for the greeting", score: Score{
			Manners: bars(pipeline.Interrupt{Greeting: pipeline.Bar{Words: 3, Speech: pipeline.Never}}), Model: Model{Answer: Lines(map[string]string{"greeting": long})},
			Caller: []Cue{Says("hello there", 2, 2.7), HangsUp(10)},
		}, check: func(t *testing.T, p *Performance) {
			times(t, p, pipeline.Interrupted, 0)
			if turn(t, p, 1).Heard != long {
				t.Errorf("heard %q", turn(t, p, 1).Heard)
			}
		}},
		{name: "over the bar of the greeting", score: Score{
			Manners: bars(pipeline.Interrupt{Greeting: pipeline.Bar{Words: 3, Speech: pipeline.Never}}), Model: Model{Answer: Lines(map[string]string{"greeting": long})},
			Caller: []Cue{Says("hello I need help", 2, 3), HangsUp(9)},
		}, check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "one word while digits are read", score: Score{Model: Model{Answer: says(digits)}, Caller: []Cue{ask, Says("hello", 5.2, 5.5), HangsUp(12)}}, check: uncut(digits)},
		{name: "two words while digits are read", score: Score{Model: Model{Answer: says(digits)}, Caller: []Cue{ask, Says("slower please", 5.2, 5.9), HangsUp(13)}},
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "mumbling while digits are read", score: Score{
			Recogniser: Recogniser{Deaf: true}, Model: Model{Answer: Lines(map[string]string{"greeting": digits})}, Caller: []Cue{Says("mumble mumble", 2, 3.5), HangsUp(10)},
		}, check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 0) }},
		{name: "stop while digits are read", score: Score{Model: Model{Answer: says(digits)}, Caller: []Cue{ask, Says("wait", 5.2, 5.5), HangsUp(12)}},
			check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "words while a tool runs", score: Score{
			Tools: []pipeline.Tool{clock(3)}, Model: Model{Answer: asksClock}, Caller: []Cue{Says("what time", 2, 2.5), Says("in Paris please", 4.5, 5.2), HangsUp(11)},
		}, check: func(t *testing.T, p *Performance) {
			times(t, p, pipeline.Interrupted, 0)
			times(t, p, pipeline.ToolUsed, 2) // the parrot asks the clock again, with the first result in its history
			if talk := p.Talks[2]; talk.Text != "in Paris please" || talk.History[len(talk.History)-2].Text != "noon" {
				t.Errorf("asked %q after %+v", talk.Text, talk.History)
			}
		}},
		{name: "okay while a tool runs", score: Score{
			Tools: []pipeline.Tool{clock(3)}, Model: Model{Answer: asksClock}, Caller: []Cue{Says("what time", 2, 2.5), Says("okay", 4.5, 4.8), HangsUp(10)},
		}, check: func(t *testing.T, p *Performance) {
			times(t, p, pipeline.Backchannel, 1)
			times(t, p, pipeline.TurnEnded, 2)
		}},
		{name: "a tool that words interrupt", score: Score{
			Manners: bars(pipeline.Interrupt{Tool: pipeline.Bar{Words: 1}}), Tools: []pipeline.Tool{clock(3)}, Model: Model{Answer: asksClock},
			Caller: []Cue{Says("what time", 2, 2.5), Says("in Paris", 4.5, 5.2), HangsUp(11)},
		}, check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 1) }},
		{name: "okay in a protected passage", score: Score{
			Model: Model{Answer: protect("This call is recorded for quality.")}, Caller: []Cue{Says("okay", 1, 1.3), HangsUp(7)},
		}, check: func(t *testing.T, p *Performance) {
			times(t, p, pipeline.TurnEnded, 1)
			times(t, p, pipeline.Backchannel, 1)
		}},
		{name: "stop in a protected passage", score: Score{
			Model: Model{Answer: protect("This call is recorded for quality.")}, Caller: []Cue{Says("stop", 1, 1.3), HangsUp(8)},
		}, check: func(t *testing.T, p *Performance) { times(t, p, pipeline.Interrupted, 0) }},
		{name: "yes to a protected question", score: Score{
			Model: Model{Answer: protect("This call is recorded, is that all right?")}, Caller: []Cue{Says("yes", 2.4, 2.7), HangsUp(9)},
		}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 2).Said; got != "yes" {
				t.Errorf("said %q", got)
			}
		}},
		{name: "an arbiter that knows better", score: Score{
			Manners: bars(pipeline.Interrupt{Arbiter: deaf{}}), Model: Model{Answer: tells}, Caller: []Cue{ask, Says("what about Sundays", 5, 6.2), HangsUp(14)},
		}, check: uncut(long)},
		{name: "an arbiter that cannot make up its mind", score: Score{
			Manners: bars(pipeline.Interrupt{Arbiter: hamlet{}}), Recogniser: Recogniser{Mute: true}, Model: Model{Answer: tells}, Caller: []Cue{ask, Coughs(5, 12), HangsUp(16)},
		}, check: func(t *testing.T, p *Performance) {
			times(t, p, pipeline.Interrupted, 0)
			near(t, "went on", when(t, p, pipeline.FalseAlarm, 5), 7.5, 0.05)
		}},
		{name: "long backchannel before its word is known", score: Score{
			Recogniser: Recogniser{Lag: 0.5}, Model: Model{Answer: tells}, Caller: []Cue{ask, Says("mhm", 5, 5.6), HangsUp(14)},
		}, check: uncut(long)},
	})
}

// deaf is an arbiter to whom nothing is meant.
type deaf struct{}

func (deaf) Judge(pipeline.Overlap) pipeline.Verdict { return pipeline.NotMeant }

// hamlet is one who waits.
type hamlet struct{}

func (hamlet) Judge(pipeline.Overlap) pipeline.Verdict { return pipeline.Undecided }
