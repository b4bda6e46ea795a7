package score_test

import (
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
	. "parley/pipeline/score"
)

const (
	greeting = "Hi you have reached Sam and Alex we are out right now so please leave a message after the tone"
	message  = "This is Parley calling about your appointment please call us back"
)

// answers is a score of an outbound call with a message for machines.
func answers(caller ...Cue) Score {
	return Score{
		Line:    legtest.Line{Info: media.Info{Outbound: true}},
		Manners: pipeline.Manners{Answering: pipeline.Answering{On: true, Message: message}},
		Caller:  caller,
	}
}

// with changes what the agent does about an answer.
func with(s Score, change func(*pipeline.Answering)) Score {
	change(&s.Manners.Answering)
	return s
}

func beep(at float64) Cue { return Tones(at, at+0.4, 1000) }

// verdicts checks who was thought to have answered, by what, and when the first of it was told.
func verdicts(t *testing.T, p *Performance, first float64, want ...string) {
	t.Helper()
	var got []string
	for _, e := range p.Events {
		if e.Kind != pipeline.Answered {
			continue
		}
		if got = append(got, string(e.Answer.By)+" "+string(e.Answer.Cue)); len(got) == 1 {
			near(t, "the verdict", e.At.Seconds(), first, 0.06)
		}
	}
	if g, w := strings.Join(got, ", "), strings.Join(want, ", "); g != w {
		t.Errorf("answered by %s, want %s", g, w)
	}
	if last := string(p.Ending.Answer.By) + " " + string(p.Ending.Answer.Cue); len(want) > 0 && last != want[len(want)-1] {
		t.Errorf("the ending says %s", last)
	}
}

// heardAt is when a word began to sound.
func heardAt(t *testing.T, p *Performance, word string, nth int) float64 {
	t.Helper()
	for _, s := range p.Wire {
		if s.Word == word && !s.Rest {
			if nth--; nth == 0 {
				return (s.From + p.Origin).Seconds()
			}
		}
	}
	t.Errorf("%q was not heard", word)
	return 0
}

// opens checks when the opening began to sound.
func opens(t *testing.T, p *Performance, at float64) {
	t.Helper()
	near(t, "the opening", heardAt(t, p, "Welcome", 1), at, 0.1)
}

// leaves checks when the message began for the nth time, and that the call ended with it.
func leaves(t *testing.T, p *Performance, nth int, at float64) {
	t.Helper()
	near(t, "the message", heardAt(t, p, "This", nth), at, 0.2)
	if p.Ending.Cause != media.CauseMachine || !strings.HasSuffix(p.Heard(), message) {
		t.Errorf("ended with %s after %q", p.Ending.Cause, p.Heard())
	}
}

func TestAnsweredByPeople(t *testing.T) {
	play(t, []scene{
		{name: "hello", score: answers(Says("Hello", 0.6, 1), Says("yes it is", 4, 4.8), HangsUp(9)), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 1.62, "human short_speech")
			opens(t, p, 1.62)
			if said := turn(t, p, 1).Said; said != "Hello" {
				t.Errorf("the greeting answers %q", said)
			}
		}},
		{name: "a receptionist's greeting", score: answers(Says("Good morning Acme Plumbing this is Jo speaking how can I help you?", 0.5, 4.3), HangsUp(9)),
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 4.9, "human words") }},
		{name: "would you like to leave a message", score: answers(Says("Hello", 0.6, 1), Says("he is not here would you like to leave a message?", 4.2, 6.6), HangsUp(13)),
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 1.62, "human short_speech") }},
		{name: "three seconds of silence and then hello", score: answers(Says("Hello", 3, 3.4), HangsUp(8)), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 4.02, "human short_speech")
			opens(t, p, 4.02)
		}},
		{name: "a silent person is greeted", score: answers(Says("yes who is this?", 7, 7.8), HangsUp(12)), check: func(t *testing.T, p *Performance) {
			opens(t, p, 4.03)
			verdicts(t, p, 8.4, "human words")
		}},
		{name: "hello before the words are known", score: func() Score {
			s := answers(Says("Hello", 0.6, 1), Says("yes it is", 4.5, 5.3), HangsUp(10))
			s.Recogniser = Recogniser{Mute: true, Delay: 1.5011}
			return s
		}(), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 1.92, "human short_speech")
			opens(t, p, 1.92)
		}},
		{name: "an agent that has no opening answers hello", score: func() Score {
			s := answers(Says("Hello", 0.6, 1), HangsUp(6))
			s.Model.Answer = func(k pipeline.Talk) []pipeline.Delta {
				if k.Why == pipeline.ForGreeting {
					return nil
				}
				return Parrot(k)
			}
			return s
		}(), check: func(t *testing.T, p *Performance) { verdicts(t, p, 1.62, "human short_speech") }},
		{name: "an agent whose opening is late and empty answers hello", score: func() Score {
			s := answers(Says("Hello", 0.3, 0.6), HangsUp(8))
			s.Model.Think = 1.5013
			s.Model.Answer = func(k pipeline.Talk) []pipeline.Delta {
				if k.Why == pipeline.ForGreeting {
					return nil
				}
				return Parrot(k)
			}
			return s
		}()},
		{name: "the opening fails while it is held", score: func() Score {
			s := answers(Says("Hello", 0.6, 1), HangsUp(6))
			s.Model.Fault = Fault{Kind: Fails, On: 1}
			return s
		}(), check: func(t *testing.T, p *Performance) { verdicts(t, p, 1.62, "human short_speech") }},
		{name: "a cough and then hello", score: answers(Coughs(0.4, 0.5), Says("Hello", 2.4, 2.8), HangsUp(8)),
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 3.42, "human short_speech") }},
		{name: "a person presses a key", score: answers(Presses("1", 1), HangsUp(6)), check: func(t *testing.T, p *Performance) { verdicts(t, p, 1.007, "human key") }},
		{name: "an inbound call opens at once", score: Score{Manners: pipeline.Manners{Answering: pipeline.Answering{On: true}}, Caller: []Cue{HangsUp(4)}},
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 0); opens(t, p, 0.42) }},
		{name: "an outbound call that does not ask opens at once", score: with(answers(HangsUp(4)), func(a *pipeline.Answering) { a.On = false }),
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 0); opens(t, p, 0.42) }},
		{name: "the callee hangs up while it is not known who it is", score: answers(HangsUp(0.9))},
		{name: "a command to hang up while it is not known who it is", score: answers(Orders(pipeline.Command{Kind: pipeline.HangUp, Text: "Goodbye."}, 1))},
		{name: "on hold while it is not known who it is", score: answers(Orders(pipeline.Command{Kind: pipeline.Hold}, 1), Says("Hello", 2, 2.5),
			Orders(pipeline.Command{Kind: pipeline.Unhold}, 20), Says("Hello", 21, 21.4), HangsUp(26)), waits: true,
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 22.02, "human short_speech") }},
		{name: "parked while it is not known who it is", score: answers(Parks(1, 30), Says("Hello", 31, 31.4), HangsUp(36)), waits: true,
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 32.02, "human short_speech") }},
		{name: "a command to speak waits for a person", score: answers(Orders(pipeline.Command{Kind: pipeline.Say, Text: "Good news."}, 0.5), Says("Hello", 1, 1.4), HangsUp(7))},
	})
}

func TestAnsweredByMachines(t *testing.T) {
	play(t, []scene{
		{name: "a message after the beep", score: answers(Says(greeting, 0.5, 6.5), beep(7.2)), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 5.8, "machine words")
			leaves(t, p, 1, 7.6+0.3)
			if at := heardAt(t, p, "This", 1); at < 7.6 {
				t.Errorf("the message began at %.2f s, the beep ended at 7.6 s", at)
			}
		}},
		{name: "no message to leave", score: with(answers(Says(greeting, 0.5, 6.5)), func(a *pipeline.Answering) { a.Message = "" }), check: func(t *testing.T, p *Performance) {
			if p.Ending.Cause != media.CauseMachine || p.Heard() != "" {
				t.Errorf("ended with %s after %q", p.Ending.Cause, p.Heard())
			}
		}},
		{name: "a beep without a greeting", score: answers(beep(1)), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 2.1, "machine beep")
			leaves(t, p, 1, 2.22)
		}},
		{name: "a name and a beep", score: answers(Says("Sam Jones", 0.5, 1.3), beep(1.6)), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 1.94, "human short_speech", "machine beep")
			leaves(t, p, 1, 2.4)
		}},
		{name: "no beep ever", score: answers(Says(greeting, 0.5, 6.5)), check: func(t *testing.T, p *Performance) { leaves(t, p, 1, 6.5+3) }},
		{name: "two beeps", score: answers(Says(greeting, 0.5, 6.5), beep(7.2), beep(8.6)), check: func(t *testing.T, p *Performance) { leaves(t, p, 2, 9+0.3) }},
		{name: "a beep in the middle of the greeting", score: answers(
			Says("please leave your message after the tone", 0.5, 3.5), beep(3.6), Says("when done hang up or press the pound key", 4.1, 6.5), beep(7)),
			check: func(t *testing.T, p *Performance) { leaves(t, p, 1, 7.4+0.3) }},
		{name: "a greeting that goes on after the beep", score: answers(
			Says("please leave your message after the tone", 0.5, 3.5), beep(3.6), Says("when done hang up or press the pound key", 4.9, 7.3), beep(8)),
			check: func(t *testing.T, p *Performance) { leaves(t, p, 2, 8.4+0.3) }},
		{name: "a beep that the ear takes for speech", score: answers(Says(greeting, 0.5, 6.5), beep(7.2), Coughs(7.2, 7.66)),
			check: func(t *testing.T, p *Performance) { leaves(t, p, 1, 7.6+0.3) }},
		{name: "a machine that sounds human", score: answers(Says("Hello", 0.5, 0.9), Says("got you please leave a message after the beep", 2.2, 4.6), beep(5.2)),
			check: func(t *testing.T, p *Performance) {
				verdicts(t, p, 1.52, "human short_speech", "machine words")
				leaves(t, p, 1, 5.6+0.3)
			}},
		{name: "a greeting of unknown words", score: answers(Says("we are all at the beach this week and the next one too see you soon then", 0.5, 5), beep(7)),
			check: func(t *testing.T, p *Performance) {
				verdicts(t, p, 6.2, "machine long_speech")
				leaves(t, p, 1, 7.4+0.3)
			}},
		{name: "a greeting in another language", score: func() Score {
			s := answers(Says("guten Tag hier ist der Anschluss von Familie Meier wir sind leider nicht zu Hause", 0.5, 5), beep(7))
			s.Lang = "de-DE"
			return s
		}(), check: func(t *testing.T, p *Performance) { verdicts(t, p, 6.2, "machine long_speech"); leaves(t, p, 1, 7.7) }},
		{name: "a mailbox that is full", score: answers(Says("you have reached the voicemail of Sam the mailbox is full goodbye", 0.5, 5)), check: func(t *testing.T, p *Performance) {
			if p.Ending.Cause != media.CauseMachine || p.Heard() != "" {
				t.Errorf("ended with %s after %q", p.Ending.Cause, p.Heard())
			}
		}},
		{name: "a person picks up during the greeting", score: answers(Says(greeting, 0.5, 6), Says("hello I'm here", 7.2, 8), HangsUp(13)),
			check: func(t *testing.T, p *Performance) {
				verdicts(t, p, 5.38, "machine words", "human picked_up")
				opens(t, p, 8.6)
			}},
		{name: "a person picks up during the message", score: answers(Says(greeting, 0.5, 6.5), beep(7.2), Says("hello hello I'm here", 9.2, 10.2), HangsUp(15)),
			check: func(t *testing.T, p *Performance) {
				verdicts(t, p, 5.8, "machine words", "human picked_up")
				last := p.Talks[len(p.Talks)-1]
				if last.Text != "hello hello I'm here" || !strings.Contains(last.History[len(last.History)-2].Text, "picked up while you were leaving") {
					t.Errorf("the model was asked %q after %+v", last.Text, last.History)
				}
			}},
		{name: "a person speaks over the beep", score: answers(Says(greeting, 0.5, 6.5), Says("hello hello wait I'm here", 7, 8.4), beep(7.2), HangsUp(13)),
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 5.8, "machine words", "human picked_up") }},
		{name: "a backchannel during the message", score: answers(Says(greeting, 0.5, 6.5), beep(7.2), Says("uh", 9, 9.3)),
			check: func(t *testing.T, p *Performance) { leaves(t, p, 1, 7.9) }},
		{name: "a key during the message", score: answers(Says(greeting, 0.5, 6.5), beep(7.2), Presses("1", 9), HangsUp(14)),
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 5.8, "machine words", "human key") }},
		{name: "noise during the message", score: answers(Says(greeting, 0.5, 6.5), beep(7.2), Coughs(8.6, 10.6)),
			check: func(t *testing.T, p *Performance) { leaves(t, p, 1, 7.9) }},
		{name: "a machine that never stops", score: answers(Says(strings.Repeat("please leave a message after the tone ", 40), 0.5, 110)),
			check: func(t *testing.T, p *Performance) { near(t, "the end", p.Ending.Length.Seconds(), 92.2, 1) }},
		{name: "the callee hangs up during the message", score: answers(Says(greeting, 0.5, 6.5), beep(7.2), HangsUp(9))},
		{name: "the voice fails in the message", score: func() Score {
			s := answers(Says(greeting, 0.5, 6.5), beep(7.2))
			s.Voice.Fault = Fault{Kind: Fails, On: 2}
			return s
		}()},
	})
}

func TestAnsweredByServices(t *testing.T) {
	const menu = "thank you for calling Acme for sales press one for support press two"
	const screening = "hi if you record your name and reason for calling I'll see if this person is available"
	play(t, []scene{
		{name: "a phone menu", score: answers(Says(menu, 0.5, 5), HangsUp(9)), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 3.14, "ivr words")
			if last := p.Talks[len(p.Talks)-1]; last.Why != pipeline.ForWords || !strings.Contains(last.History[0].Text, "phone menu") {
				t.Errorf("the model was asked %+v", last)
			}
		}},
		{name: "a phone menu is hung up on", score: with(answers(Says(menu, 0.5, 5)), func(a *pipeline.Answering) { a.HangUpMenu = true }), check: func(t *testing.T, p *Performance) {
			if p.Ending.Cause != media.CauseMachine || p.Ending.Length > 4*time.Second {
				t.Errorf("ended with %s after %v", p.Ending.Cause, p.Ending.Length)
			}
		}},
		{name: "a recording notice and then a voicemail", score: answers(Says("your call may be recorded", 0.5, 2), Says("please leave a message after the tone", 3, 5.4), beep(6)),
			check: func(t *testing.T, p *Performance) {
				verdicts(t, p, 2.2, "ivr words", "machine words")
				leaves(t, p, 1, 6.7)
			}},
		{name: "screening and then the person", score: with(answers(Says(screening, 0.5, 5), Says("thanks please stay on the line", 9.5, 11), Says("hello who is this", 18, 19), HangsUp(24)),
			func(a *pipeline.Answering) { a.Screening = "This is Parley with news for Sam" }), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 2.3, "screening words", "human words")
			near(t, "who calls", heardAt(t, p, "This", 1), 5.75, 0.3)
			opens(t, p, 20.1)
		}},
		{name: "screening is answered by the agent", score: answers(Says(screening, 0.5, 5), Says("hello", 12, 12.5), HangsUp(17)), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 2.3, "screening words", "human words")
		}},
		{name: "screening that wants the name after a tone", score: with(answers(Says("please state your name after the tone and we will try to connect you", 0.5, 4), beep(4.7), Says("hello", 12, 12.5), HangsUp(17)),
			func(a *pipeline.Answering) { a.Screening = "This is Parley with news for Sam" }), check: func(t *testing.T, p *Performance) {
			near(t, "who calls", heardAt(t, p, "This", 1), 5.5, 0.2)
		}},
		{name: "screening and then a voicemail", score: with(answers(Says(screening, 0.5, 5), Says("please leave a message after the tone", 15, 17.4), beep(18)),
			func(a *pipeline.Answering) { a.Screening = "Parley for Sam" }), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 2.3, "screening words", "machine words")
			leaves(t, p, 1, 18.7)
		}},
		{name: "screening and then nobody", score: with(answers(Says(screening, 0.5, 5)), func(a *pipeline.Answering) { a.Screening, a.ScreeningWait = "Parley for Sam", 20*time.Second }),
			check: func(t *testing.T, p *Performance) {
				verdicts(t, p, 2.3, "screening words", "nobody silence")
				if p.Ending.Cause != media.CauseNobody {
					t.Errorf("ended with %s", p.Ending.Cause)
				}
			}},
	})
}

func TestAnsweredByNobody(t *testing.T) {
	ends := func(cause media.Cause, at float64, want ...string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			verdicts(t, p, at, want...)
			if p.Ending.Cause != cause {
				t.Errorf("ended with %s", p.Ending.Cause)
			}
		}
	}
	var ringing, busy []Cue
	for i := range 11 {
		ringing = append(ringing, Tones(0.5+6*float64(i), 2.5+6*float64(i), 440, 480))
		busy = append(busy, Tones(0.5+float64(i), 1+float64(i), 480, 620))
	}
	play(t, []scene{
		{name: "nobody says anything", score: answers(), check: func(t *testing.T, p *Performance) {
			ends(media.CauseNobody, 12.9, "nobody silence")(t, p)
			opens(t, p, 4.03)
		}},
		{name: "it rings and nobody comes", waits: true, score: answers(ringing...), check: ends(media.CauseNobody, 60, "nobody ringing")},
		{name: "it rings and somebody comes", waits: true, score: answers(append(ringing[:2:2], Says("Hello", 9.2, 9.6), HangsUp(14))...),
			check: func(t *testing.T, p *Performance) { verdicts(t, p, 10.2, "human short_speech") }},
		{name: "it rings, and then somebody listens", waits: true, score: answers(append(ringing[:1:1], HangsUp(14))...), check: func(t *testing.T, p *Performance) {
			opens(t, p, 2.5+7)
		}},
		{name: "busy", score: answers(busy...), check: ends(media.CauseNobody, 2.1, "nobody busy_tone")},
		{name: "busy tones that the ear takes for speech", score: answers(append(busy[:4:4], Coughs(0.5, 1.05), Coughs(1.5, 2.05))...), check: ends(media.CauseNobody, 2.1, "nobody busy_tone")},
		{name: "special information tones", score: answers(Tones(0.5, 0.83, 950), Tones(0.83, 1.16, 1400), Tones(1.16, 1.49, 1800), Says("the number you have dialed is not in service", 1.7, 4)),
			check: ends(media.CauseNobody, 1.6, "nobody busy_tone")},
		{name: "a number that is not in service", score: answers(Says("we're sorry the number you have dialed is not in service", 0.5, 4)), check: ends(media.CauseNobody, 2.94, "nobody words")},
		{name: "please call again later", score: answers(Says("the person you are calling is not available please try again later", 0.5, 4)), check: ends(media.CauseNobody, 5.2, "nobody words")},
		{name: "a fax that was called", score: answers(Tones(1, 4.6, 2100)), check: ends(media.CauseFax, 3.32, "fax fax_tone")},
		{name: "a fax that calls", waits: true, score: answers(Tones(1, 1.5, 1100), Tones(4.5, 5, 1100), Tones(8, 8.5, 1100)), check: ends(media.CauseFax, 5.1, "fax fax_tone")},
		{name: "music on hold", score: answers(Coughs(1, 60), HangsUp(40)), check: func(t *testing.T, p *Performance) {
			verdicts(t, p, 20, "unknown limit")
			opens(t, p, 20)
		}},
	})
}
