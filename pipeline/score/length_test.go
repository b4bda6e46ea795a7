package score_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// talk is a caller who says numbers, two a second, with pauses that are too short to be an end: from..to in stretches of two seconds.
func talk(from, to float64) (cues []Cue) {
	n := 0
	for at := from; at < to; at += 2 {
		var words []string
		for range 4 {
			n++
			words = append(words, fmt.Sprintf("w%d", n))
		}
		cues = append(cues, Says(strings.Join(words, " "), at, min(at+1.7, to)))
	}
	return cues
}

func TestMonologue(t *testing.T) {
	five := pipeline.Manners{Monologue: pipeline.Monologue{After: 5 * time.Second}}
	says := pipeline.Manners{Monologue: pipeline.Monologue{After: 5 * time.Second, Say: "Let me stop you there."}}
	breathless := Says(strings.TrimSpace(strings.Repeat("word ", 60)), 2, 26)
	cutAt := func(from, to float64, said string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			if at := when(t, p, pipeline.ReplyBegan, 2); at < from || at > to {
				t.Errorf("the agent cut in at %.3f s, want %.1f to %.1f s", at, from, to)
			}
			if got := turn(t, p, 2).Said; !strings.HasPrefix(got, said) {
				t.Errorf("it answers %q, want %q at its beginning", got, said)
			}
		}
	}
	play(t, []scene{
		{name: "monologue is cut in on at a pause", score: Score{Voice: Voice{Times: true}, Manners: five, Caller: append(talk(2, 12), HangsUp(22))}, check: cutAt(7.7, 8.6, "w1 w2 w3")},
		{name: "monologue without a pause", score: Score{Voice: Voice{Times: true}, Manners: five, Caller: []Cue{breathless, HangsUp(34)}}, check: cutAt(17.3, 17.7, "word word")},
		{name: "monologue of many words", score: Score{Voice: Voice{Times: true}, Manners: pipeline.Manners{Monologue: pipeline.Monologue{Words: 20}}, Caller: append(talk(2, 16), HangsUp(26))},
			check: cutAt(12, 14.5, "w1 w2")},
		{name: "monologue and a text of the house", score: Score{Voice: Voice{Times: true}, Manners: says, Caller: append(talk(2, 9), HangsUp(18))}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 2).Heard; got != "Let me stop you there." {
				t.Errorf("heard %q", got)
			}
		}},
		{name: "monologue goes on while it is cut in on", score: Score{Voice: Voice{Times: true}, Manners: says, Caller: append(talk(2, 11), HangsUp(26))}, check: func(t *testing.T, p *Performance) {
			if c := turn(t, p, 2).Cut; c {
				t.Error("what was still being said cut the agent off")
			}
			if got := turn(t, p, 3).Said; !strings.HasSuffix(got, "w20") || strings.Contains(got, "w4 ") {
				t.Errorf("then it answers %q: words are lost, or answered twice", got)
			}
		}},
		{name: "monologue does not stop for the agent", score: Score{Voice: Voice{Times: true}, Manners: says, Caller: append(talk(2, 24), HangsUp(32))}, check: func(t *testing.T, p *Performance) {
			if a, b := turn(t, p, 2), turn(t, p, 3); a.Heard != b.Heard || a.Heard != "Let me stop you there." {
				t.Errorf("%q and %q", a.Heard, b.Heard)
			}
		}},
		{name: "monologue ended, and the agent interrupted", score: Score{Voice: Voice{Times: true}, Manners: five, Caller: append(talk(2, 7.7), Says("stop stop", 10, 10.8), HangsUp(18))}},
		{name: "monologue without partials", score: Score{Voice: Voice{Times: true}, Manners: five, Recogniser: Recogniser{Mute: true}, Caller: append(talk(2, 12), HangsUp(20))},
			check: cutAt(12.5, 14, "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16 w17 w18 w19 w20")},
		{name: "monologue that nobody minds", score: Score{Voice: Voice{Times: true}, Manners: pipeline.Manners{Monologue: pipeline.Monologue{After: -1}}, Caller: append(talk(2, 30), HangsUp(36))},
			check: cutAt(29, 31.5, "w1 w2")},
		{name: "monologue by default", score: Score{Voice: Voice{Times: true}, Caller: append(talk(2, 80), HangsUp(96))}, check: cutAt(62, 65, "w1 w2")},
	})
}

func TestNotice(t *testing.T) {
	short := pipeline.Manners{MaxLength: 20 * time.Second, Notice: pipeline.Notice{Before: 8 * time.Second, Say: "Eight seconds more."}}
	at := func(want float64) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			for _, e := range p.Events {
				if e.Turn != nil && e.Turn.Heard == "Eight seconds more." {
					near(t, "the notice", e.Turn.At.Seconds(), want, 0.05)
					return
				}
			}
			t.Error("there was no notice")
		}
	}
	play(t, []scene{
		{name: "notice in silence", score: Score{Manners: short}, check: at(12.12)},
		{name: "notice while the agent speaks", score: Score{Manners: short, Model: Model{Answer: tells}, Caller: []Cue{Says("tell me", 9, 9.6)}}, check: at(16.746)},
		{name: "notice while the caller speaks", score: Score{Manners: short, Caller: []Cue{Says("one two three", 11.5, 13)}}, check: at(15.646)},
		{name: "notice while a tool runs", score: Score{Manners: short, Tools: []pipeline.Tool{clock(2)}, Model: Model{Answer: asksClock}, Caller: []Cue{Says("what time", 9, 9.6)}}, check: at(14.40)},
		{name: "notice and no time for it", score: Score{Manners: short, Caller: talk(8, 30)}, check: func(t *testing.T, p *Performance) {
			if strings.Contains(p.Heard(), "Eight") || p.Ending.Cause != media.CauseMaxLength {
				t.Errorf("heard %q, ended %q", p.Heard(), p.Ending.Cause)
			}
		}},
		{name: "notice by default", waits: true, score: Score{Manners: pipeline.Manners{MaxLength: 6 * time.Minute, Silence: 10 * time.Minute}}, check: func(t *testing.T, p *Performance) {
			near(t, "the notice", turn(t, p, 2).At.Seconds(), 330.12, 0.05)
		}},
		{name: "notice unwanted", waits: true, score: Score{Manners: pipeline.Manners{MaxLength: 6 * time.Minute, Silence: 10 * time.Minute, Notice: pipeline.Notice{Before: -1}}}},
	})
}

func TestOnHold(t *testing.T) {
	ask := Says("tell me", 2, 2.6)
	brief := pipeline.OnHold{Noticed: 10 * time.Second, Longest: 30 * time.Second, Goodbye: "Nobody is there. Goodbye."}
	say := pipeline.Command{Kind: pipeline.Say, Text: "Your table is ready."}
	once := func(t *testing.T, p *Performance) { // asked once, and then quiet
		t.Helper()
		n := 0
		for _, k := range p.Talks {
			if k.Why == pipeline.ForSilence {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the caller was asked %d times", n)
		}
	}
	end := func(cause media.Cause, at float64) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			if p.Ending.Cause != cause {
				t.Errorf("cause %q", p.Ending.Cause)
			}
			near(t, "the end", p.Ending.Length.Seconds(), at, 0.1)
		}
	}
	var pieces []Cue // music with gaps
	for at := 2.0; at < 60; at += 5 {
		pieces = append(pieces, Coughs(at, at+3.5))
	}
	play(t, []scene{
		{name: "music, and then a caller", waits: true, score: Score{Manners: pipeline.Manners{OnHold: brief}, Caller: []Cue{Coughs(2, 25), Says("hello there", 30, 31), HangsUp(36)}}, check: once},
		{name: "music, and then a key", waits: true, score: Score{Manners: pipeline.Manners{OnHold: brief}, Caller: []Cue{Coughs(2, 25), Presses("1#", 28), HangsUp(32)}}, check: once},
		{name: "music in pieces", waits: true, score: Score{Manners: pipeline.Manners{OnHold: brief, Reprompts: 1}, Caller: append(pieces, HangsUp(40))}},
		{name: "music without an end", waits: true, score: Score{Manners: pipeline.Manners{OnHold: brief}, Caller: []Cue{Coughs(2, 200)}}, check: func(t *testing.T, p *Performance) {
			once(t, p)
			if !strings.HasSuffix(p.Heard(), brief.Goodbye) {
				t.Errorf("heard %q", p.Heard())
			}
			near(t, "last words", when(t, p, pipeline.ReplyBegan, 20), 2+10+30+0.15, 0.1)
		}},
		{name: "held for too long", waits: true, score: Score{Manners: pipeline.Manners{OnHold: brief}, Caller: []Cue{Parks(5, 300)}}, check: end(media.CauseSilence, 35)},
		{name: "held while the agent speaks", waits: true, score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Parks(5, 15), HangsUp(24)}}, check: func(t *testing.T, p *Performance) {
			whole(t, p, long)
			silentFrom(t, p, 5.1, 14.9)
		}},
		{name: "held while the agent speaks on a leg without lead", waits: true, score: Score{Line: plain(), Model: Model{Answer: tells}, Caller: []Cue{ask, Parks(5, 15), HangsUp(24)}}, check: func(t *testing.T, p *Performance) {
			whole(t, p, long)
			silentFrom(t, p, 5.1, 14.9)
		}},
		{name: "held while thinking", waits: true, score: Score{Model: Model{Think: 1.5013}, Caller: []Cue{ask, Parks(3.8, 10), HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			near(t, "the answer", when(t, p, pipeline.ReplyBegan, 2), 10.007, 0.03)
		}},
		{name: "held while the caller speaks", score: Score{Caller: []Cue{Says("one two three four", 2, 4), Parks(3.5, 10), HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 2).Said; got != "one two" {
				t.Errorf("answered %q", got)
			}
		}},
		{name: "held before the words are there", waits: true, score: Score{Recogniser: Recogniser{Delay: 1.0011}, Caller: []Cue{Says("one two", 2, 3), Parks(3.8, 10), HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 2).Said; got != "one two" {
				t.Errorf("answered %q", got)
			}
		}},
		{name: "announcements on hold", score: Score{Caller: []Cue{Parks(3, 20), Says("your call is important to us", 5, 8), Says("please hold the line", 12, 15), Says("hello again", 22, 23), HangsUp(28)}},
			check: func(t *testing.T, p *Performance) {
				if got := turn(t, p, 2).Said; got != "hello again" {
					t.Errorf("answered %q", got)
				}
			}},
		{name: "an announcement that outlasts the hold", score: Score{Caller: []Cue{Parks(3, 10), Says("please hold the line", 8, 11), Says("hello again", 13, 14), HangsUp(19)}},
			check: func(t *testing.T, p *Performance) {
				if got := turn(t, p, 2).Said; got != "hello again" {
					t.Errorf("answered %q", got)
				}
			}},
		{name: "told to say something on hold", score: Score{Caller: []Cue{Parks(3, 20), Orders(say, 8), HangsUp(25)}}, check: func(t *testing.T, p *Performance) {
			near(t, "said", turn(t, p, 2).At.Seconds(), 20.13, 0.05)
		}},
		{name: "told to hang up on hold", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Parks(5, 60), Orders(pipeline.Command{Kind: pipeline.HangUp, Text: "Goodbye."}, 8)}}, check: end(media.CauseAgent, 8)},
		{name: "held during the last words", score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.HangUp, Text: "We close now, good night to all."}, 3), Parks(4, 60)}}, check: end(media.CauseAgent, 4)},
		{name: "longest call on hold", score: Score{Manners: pipeline.Manners{MaxLength: 20 * time.Second}, Caller: []Cue{Parks(3, 60)}}, check: end(media.CauseMaxLength, 20)},
		{name: "held twice", score: Score{Caller: []Cue{Parks(3, 6), Parks(8, 12), Says("one", 14, 14.5), HangsUp(19)}}},
	})
}
