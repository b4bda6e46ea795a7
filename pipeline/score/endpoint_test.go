package score_test

import (
	"slices"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// When the caller's turn ends: by what was said, by what was asked, by how they speak; and what becomes of it when they go on.
func TestEndpoint(t *testing.T) {
	eager := Recogniser{Eager: true, Delay: 0.0511}
	sounds := func(finished float64) Recogniser { return Recogniser{Eager: true, Delay: 0.0511, Finished: finished} }
	quick := Model{Think: 0.0513}
	asks := func(text string) Model {
		return Model{Think: 0.0513, Answer: Lines(map[string]string{"greeting": text})}
	}
	expects := func(e pipeline.Expect) Model {
		return Model{Think: 0.0513, Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForGreeting {
				return append([]pipeline.Delta{{Expect: &e}}, Text("Go on.")...)
			}
			return Parrot(k)
		}}
	}
	said := func(words ...string) func(*testing.T, *Performance) { // what was answered, in turns that sounded
		return func(t *testing.T, p *Performance) {
			t.Helper()
			var got []string
			for _, m := range p.Ending.History {
				if m.Role == pipeline.Caller {
					got = append(got, m.Text)
				}
			}
			if !slices.Equal(got, words) {
				t.Errorf("said %q, want %q", got, words)
			}
		}
	}
	after := func(n int, pause float64, words ...string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			l := turn(t, p, n).Latency
			near(t, "endpoint", l.Endpoint.Seconds(), pause, 0.03)
			if sum := l.Endpoint + l.Transcript + l.FirstToken + l.FirstAudio + l.FirstFrame; sum != l.VoiceToVoice {
				t.Errorf("the stages make %v, voice to voice is %v", sum, l.VoiceToVoice)
			}
			said(words...)(t, p)
		}
	}
	play(t, []scene{
		{name: "a whole sentence ends the turn early", score: Score{Recogniser: eager, Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)}},
			check: func(t *testing.T, p *Performance) {
				after(2, 0.35, "I want a table.")(t, p)
				times(t, p, pipeline.SpeechEnded, 1)
			}},
		{name: "yes to a question", score: Score{Recogniser: eager, Model: asks("Shall I go on?"), Caller: []Cue{Says("yes", 2.2, 2.6), HangsUp(7)}}, check: after(2, 0.35, "yes")},
		{name: "one of two", score: Score{Recogniser: eager, Model: asks("Tuesday or Friday?"), Caller: []Cue{Says("on Friday", 2.2, 2.8), HangsUp(7)}}, check: after(2, 0.35, "on Friday")},
		{name: "an expected answer", score: Score{Recogniser: eager, Model: expects(pipeline.Expect{Words: []string{"sea view"}}), Caller: []Cue{Says("sea view", 2.2, 2.8), HangsUp(7)}},
			check: after(2, 0.35, "sea view")},
		{name: "words that tell nothing", score: Score{Recogniser: eager, Model: quick, Caller: []Cue{Says("I want a table", 2, 3), HangsUp(8)}}, check: after(2, 0.5, "I want a table")},
		{name: "a whole sentence without an early word of it", score: Score{Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)}}, check: after(2, 0.5, "I want a table.")},
		{name: "a whole sentence and fixed patience", score: Score{
			Manners: pipeline.Manners{Patience: pipeline.Patience{Fixed: true}}, Recogniser: eager, Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)},
		}, check: after(2, 0.5, "I want a table.")},
		{name: "a whole sentence and a long hangover", score: Score{
			Manners: pipeline.Manners{Hangover: 1500 * time.Millisecond}, Recogniser: eager, Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)},
		}, check: after(2, 0.35, "I want a table.")},
		{name: "a whole sentence and the least patience", score: Score{
			Manners: pipeline.Manners{Patience: pipeline.Patience{Least: 450 * time.Millisecond}}, Recogniser: eager, Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)},
		}, check: after(2, 0.45, "I want a table.")},
		{name: "a whole sentence that sounds as if it went on", score: Score{Recogniser: sounds(0.05), Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)}},
			check: after(2, 0.75, "I want a table.")},
		{name: "a whole sentence of doubtful sound", score: Score{Recogniser: sounds(0.2), Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)}},
			check: after(2, 0.5, "I want a table.")},
		{name: "a whole sentence that sounds like one", score: Score{Recogniser: sounds(0.9), Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)}},
			check: after(2, 0.35, "I want a table.")},
		{name: "half a sentence with a full stop, and its rest", score: Score{Recogniser: sounds(0.05), Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), Says("For two.", 3.6, 4.2), HangsUp(9)}},
			check: said("I want a table. For two.")},
		{name: "yes that sounds as if it went on", score: Score{Recogniser: sounds(0.05), Model: asks("Shall I go on?"), Caller: []Cue{Says("yes", 2.2, 2.6), HangsUp(7)}},
			check: after(2, 0.35, "yes")},
		{name: "a comma that sounds like the end", score: Score{Recogniser: sounds(0.9), Model: quick, Caller: []Cue{Says("I want a table,", 2, 3), HangsUp(8)}},
			check: after(2, 0.5, "I want a table,")},
		{name: "no punctuation, but the sound of an end", score: Score{Recogniser: sounds(0.9), Model: quick, Caller: []Cue{Says("I want a table", 2, 3), HangsUp(8)}},
			check: after(2, 0.425, "I want a table")},
		{name: "breaks off with the sound of an end", score: Score{Recogniser: sounds(0.98), Model: quick, Caller: []Cue{Says("I would like to", 2, 3), HangsUp(9)}},
			check: after(2, 1, "I would like to")},
		{name: "half a code with the sound of an end", score: Score{Recogniser: sounds(0.98), Model: expects(pipeline.Expect{Kind: pipeline.EntityDigits, Digits: 6}), Caller: []Cue{
			Says("four seven one", 2, 2.9), HangsUp(10),
		}}, check: after(2, 3, "four seven one")},
		{name: "a whole sentence after a pause", score: Score{Recogniser: eager, Model: quick, Caller: []Cue{Says("I want a table", 2, 3), Says("for two.", 3.3, 4), HangsUp(9)}},
			check: after(3, 0.425, "I want a table for two.")},
		{name: "words that come late in the pause", score: Score{
			Recogniser: Recogniser{Eager: true, Delay: 0.2511}, Model: quick, Caller: []Cue{Says("I want a table.", 2, 3), HangsUp(8)},
		}, check: after(2, 0.42, "I want a table.")},

		{name: "goes on before the answer sounds", score: Score{
			Recogniser: eager, Model: Model{Think: 0.4013}, Caller: []Cue{Says("I want a table.", 2, 3), Says("for two people.", 3.4, 4.2), HangsUp(9)},
		}, check: said("I want a table. for two people.")},
		{name: "goes on as the answer sounds", score: Score{
			Recogniser: eager, Model: Model{Think: 0.0113, Answer: chattier}, Voice: Voice{Delay: 0.0207}, Caller: []Cue{Says("I want a table.", 2, 3), Says("for two people.", 3.49, 4.2), HangsUp(16)},
		}, check: said("I want a table.", "for two people.")},
		{name: "goes on twice", score: Score{
			Recogniser: eager, Model: Model{Think: 0.4013}, Caller: []Cue{Says("I want a table.", 2, 3), Says("For two people.", 3.4, 4.2), Says("At eight.", 4.66, 5.2), HangsUp(10)},
		}, check: said("I want a table. For two people. At eight.")},
		{name: "goes on after the hangover", score: Score{
			Recogniser: eager, Model: Model{Think: 0.9013}, Caller: []Cue{Says("I want a table.", 2, 3), Says("for two people.", 3.7, 4.5), HangsUp(10)},
		}, check: said("I want a table. for two people.")},
		{name: "a cough after an early end", score: Score{
			Recogniser: eager, Model: Model{Think: 0.2013}, Caller: []Cue{Says("I want a table.", 2, 3), Coughs(3.4, 3.6), HangsUp(9)},
		}, check: said("I want a table.")},
		{name: "an early end and a tool", score: Score{
			Recogniser: eager, Tools: []pipeline.Tool{clock(0.5)}, Model: Model{Think: 0.0513, Answer: asksClock}, Caller: []Cue{Says("what time is it?", 2, 3), HangsUp(9)},
		}, check: after(2, 0.35, "what time is it?")},
		{name: "goes on while the tool of an early end runs", score: Score{
			Recogniser: eager, Tools: []pipeline.Tool{clock(2)}, Model: Model{Think: 0.0513, Answer: uses("", "clock")}, Caller: []Cue{Says("what time is it?", 2, 3), Says("in Paris?", 3.4, 4), HangsUp(12)},
		}, check: said("what time is it?", "in Paris?")},

		{name: "breaks off", score: Score{Model: quick, Caller: []Cue{Says("I would like to", 2, 3), HangsUp(9)}}, check: after(2, 2, "I would like to")},
		{name: "breaks off and nothing is known before the end", score: Score{Recogniser: Recogniser{Mute: true}, Model: quick, Caller: []Cue{Says("I would like to", 2, 3), HangsUp(9)}},
			check: after(2, 0.5, "I would like to")},
		{name: "breaks off and goes on", score: Score{Model: quick, Caller: []Cue{Says("I would like to", 2, 3), Says("book a table.", 4.5, 5.3), HangsUp(10)}},
			check: after(2, 0.5, "I would like to book a table.")},
		{name: "breaks off, goes on, and ends early", score: Score{Recogniser: eager, Model: quick, Caller: []Cue{Says("I would like to", 2, 3), Says("book a table.", 4.5, 5.3), HangsUp(10)}},
			check: after(3, 0.425, "I would like to book a table.")},
		{name: "um", score: Score{Recogniser: eager, Model: quick, Caller: []Cue{Says("Um.", 2, 2.4), Says("a table please.", 4, 4.9), HangsUp(9)}}, check: said("Um. a table please.")},
		{name: "breaks off and presses a key", score: Score{Model: quick, Caller: []Cue{Says("my number is", 2, 3), Presses("4711#", 4.2), HangsUp(14)}}, check: said("my number is")},
		{name: "breaks off and hangs up", score: Score{Model: quick, Caller: []Cue{Says("I would like to", 2, 3), HangsUp(4.2)}}},
		{name: "breaks off as a command comes", score: Score{Model: quick, Caller: []Cue{
			Says("I would like to", 2, 3), Orders(pipeline.Command{Kind: pipeline.Say, Text: "A note."}, 4), HangsUp(10),
		}}, check: said("I would like to")},
		{name: "breaks off and somebody coughs", score: Score{Model: quick, Caller: []Cue{Says("I would like to", 2, 3), Coughs(4, 4.2), HangsUp(10)}}, check: said("I would like to")},
		{name: "breaks off in another language", score: Score{
			Agent: func(a *pipeline.Agent) { a.Lang = "de-DE" }, Model: quick, Caller: []Cue{Says("Ich möchte einen", 2, 3), HangsUp(8)},
		}, check: after(2, 0.5, "Ich möchte einen")},
		{name: "a comma in another language", score: Score{
			Agent: func(a *pipeline.Agent) { a.Lang = "de-DE" }, Model: quick, Caller: []Cue{Says("Also,", 2, 2.5), Says("einen Tisch bitte.", 3.15, 4.2), HangsUp(9)},
		}, check: said("Also, einen Tisch bitte.")},

		{name: "a telephone number in pieces", score: Score{Recogniser: eager, Model: asks("What is your phone number?"), Caller: []Cue{
			Says("five five five", 2.6, 3.4), Says("oh one oh", 5, 5.8), Says("four four seven seven", 7.6, 8.8), HangsUp(14),
		}}, check: after(4, 0.35, "five five five oh one oh four four seven seven")},
		{name: "a code of known length", score: Score{Recogniser: eager, Model: expects(pipeline.Expect{Kind: pipeline.EntityDigits, Digits: 6}), Caller: []Cue{
			Says("four seven one", 2, 2.9), Says("one nine two", 5, 5.9), HangsUp(11),
		}}, check: after(3, 0.35, "four seven one one nine two")},
		{name: "a code that is never whole", score: Score{Recogniser: eager, Model: expects(pipeline.Expect{Kind: pipeline.EntityDigits, Digits: 6}), Caller: []Cue{
			Says("four seven one", 2, 2.9), HangsUp(10),
		}}, check: after(2, 3, "four seven one")},
		{name: "no code at all", score: Score{Recogniser: eager, Model: expects(pipeline.Expect{Kind: pipeline.EntityDigits, Digits: 6}), Caller: []Cue{
			Says("I do not have it.", 2, 2.9), HangsUp(8),
		}}, check: after(2, 0.35, "I do not have it.")},
		{name: "a name letter by letter", score: Score{Recogniser: eager, Model: asks("How do you spell that?"), Caller: []Cue{
			Says("s m", 2.4, 3), Says("i t h", 4.8, 5.6), Says("that's it", 7, 7.5), HangsUp(12),
		}}, check: after(4, 0.35, "s m i t h that's it")},
		{name: "an e-mail in pieces", score: Score{Recogniser: eager, Model: asks("What is your email address?"), Caller: []Cue{
			Says("john at", 2.6, 3.2), Says("example", 5, 5.5), Says("dot com", 6.8, 7.4), HangsUp(12),
		}}, check: after(4, 0.35, "john at example dot com")},
		{name: "an address in pieces", score: Score{Recogniser: eager, Model: asks("What is your address?"), Caller: []Cue{
			Says("twelve", 2.4, 2.8), Says("Main Street", 4.6, 5.2), Says("in Springfield Illinois", 6.4, 7.4), HangsUp(12),
		}}, check: after(4, 0.35, "twelve Main Street in Springfield Illinois")},
		{name: "a date of birth in pieces", score: Score{Recogniser: eager, Model: asks("What is your date of birth?"), Caller: []Cue{
			Says("March", 2.6, 3), Says("the fifth", 4.8, 5.3), Says("nineteen eighty", 7, 7.8), HangsUp(12),
		}}, check: after(4, 0.35, "March the fifth nineteen eighty")},
		{name: "a slow talker", score: Score{Recogniser: eager, Model: quick, Caller: []Cue{
			Says("I", 2, 2.3), Says("want", 2.76, 3), Says("to", 3.46, 3.7), Says("book", 4.16, 4.4), Says("one", 4.86, 5.2), HangsUp(10),
		}}, check: func(t *testing.T, p *Performance) {
			said("I want to book one")(t, p)
			if l := lastTurn(p).Latency.Endpoint.Seconds(); l < 0.55 || l > 0.7 {
				t.Errorf("endpoint %.3f s", l)
			}
		}},
	})
}

// lastTurn is the record of the last turn.
func lastTurn(p *Performance) (last *pipeline.Turn) {
	for _, e := range p.Events {
		if e.Turn != nil {
			last = e.Turn
		}
	}
	return last
}

// chattier answers words at length.
func chattier(k pipeline.Talk) []pipeline.Delta {
	if k.Why == pipeline.ForWords {
		return Text(long)
	}
	return Parrot(k)
}
