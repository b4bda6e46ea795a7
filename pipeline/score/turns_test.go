package score_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	. "parley/pipeline/score"
)

func TestTurns(t *testing.T) {
	play(t, []scene{
		{name: "greeting", score: Score{Caller: []Cue{HangsUp(4)}}},
		{name: "no greeting", score: Score{
			Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
				return map[bool][]pipeline.Delta{false: Parrot(k)}[k.Why == pipeline.ForGreeting]
			}},
			Caller: []Cue{Says("hello", 1, 1.5), HangsUp(6)},
		}},
		{name: "one turn", score: Score{Voice: Voice{Times: true}, Caller: []Cue{Says("one two", 2, 3), HangsUp(9)}}, check: func(t *testing.T, p *Performance) {
			l := turn(t, p, 2).Latency
			near(t, "voice to voice", l.VoiceToVoice.Seconds(), 1.025, 0.03)
			near(t, "endpoint", l.Endpoint.Seconds(), 0.5, 0.021)
			near(t, "transcript", l.Transcript.Seconds(), 0.103, 0.002)
			near(t, "first token", l.FirstToken.Seconds(), 0.301, 0.002)
			near(t, "first audio", l.FirstAudio.Seconds(), 0.121, 0.002)
			if sum := l.Endpoint + l.Transcript + l.FirstToken + l.FirstAudio + l.FirstFrame; sum != l.VoiceToVoice {
				t.Errorf("the stages make %v, voice to voice is %v", sum, l.VoiceToVoice)
			}
			timed(t, p, 1, 2, 1)
			heard := turn(t, p, 2)
			timed(t, p, 2, heard.At.Seconds(), heard.Sounded.Seconds())
		}},
		{name: "three turns", score: Score{Caller: []Cue{Says("one", 2, 2.5), Says("two", 6, 6.5), Says("three", 10, 10.5), HangsUp(15)}},
			check: func(t *testing.T, p *Performance) {
				last := p.Talks[len(p.Talks)-1]
				var roles []pipeline.Role
				for _, m := range last.History {
					roles = append(roles, m.Role)
				}
				want := []pipeline.Role{pipeline.Assistant, pipeline.Caller, pipeline.Assistant, pipeline.Caller, pipeline.Assistant, pipeline.Caller}
				if diff := cmp.Diff(want, roles); diff != "" {
					t.Error(diff)
				}
			}},
		{name: "two quick turns become one", score: Score{Caller: []Cue{Says("one", 2, 2.5), Says("two", 3.3, 3.9), HangsUp(9)}},
			check: func(t *testing.T, p *Performance) { timed(t, p, 1, 2, 1.9) }},
		{name: "goes on before the words are there", score: Score{
			Recogniser: Recogniser{Delay: 0.6011}, Caller: []Cue{Says("one", 2, 2.5), Says("two", 3.2, 3.9), HangsUp(9)},
		}, check: func(t *testing.T, p *Performance) { timed(t, p, 1, 2, 1.9) }},
		{name: "pauses within a sentence", score: Score{Caller: []Cue{
			Says("my number is", 2, 2.9), Says("four five", 3.3, 4), Says("six", 4.4, 4.7), HangsUp(13),
		}}, check: func(t *testing.T, p *Performance) { timed(t, p, 1, 2, 2.7) }},
		{name: "keeps talking", score: Score{Caller: []Cue{Says("one two three four five six seven eight nine ten eleven twelve", 2, 32), HangsUp(40)}}},
		{name: "keeps talking and is not understood before the end", score: Score{
			Recogniser: Recogniser{Mute: true}, Caller: []Cue{Says("one two three four", 2, 22), HangsUp(28)},
		}},
		{name: "slow recogniser", score: Score{Recogniser: Recogniser{Delay: 2.5011}, Caller: []Cue{Says("one", 2, 2.5), HangsUp(9)}}},
		{name: "too slow recogniser", score: Score{Recogniser: Recogniser{Late: 5, Mute: true}, Caller: []Cue{Says("one", 2, 2.5), Says("two", 14, 14.5), HangsUp(20)}},
			check: func(t *testing.T, p *Performance) { near(t, "apology", when(t, p, pipeline.ProviderFail, 0), 7, 0.03) }},
		{name: "speech that is not understood", score: Score{Recogniser: Recogniser{Deaf: true}, Caller: []Cue{Says("mumble", 2, 2.8), HangsUp(7)}}},
		{name: "cough while nobody speaks", score: Score{Caller: []Cue{Coughs(2, 2.2), HangsUp(7)}}},
		{name: "prepared answer is kept", score: Score{Recogniser: Recogniser{Eager: true, Delay: 0.0511}, Caller: []Cue{Says("one two", 2, 3), HangsUp(9)}},
			check: func(t *testing.T, p *Performance) {
				l := turn(t, p, 2).Latency
				near(t, "voice to voice", l.VoiceToVoice.Seconds(), 0.63, 0.03)
				if l.FirstToken < 0 || l.VoiceToVoice != l.Endpoint+l.Transcript+l.FirstToken+l.FirstAudio+l.FirstFrame {
					t.Errorf("latency %+v", l)
				}
				if len(p.Talks) != 2 {
					t.Fatalf("the model was asked %d times", len(p.Talks))
				}
				said := p.Talks[1].History[len(p.Talks[1].History)-1]
				near(t, "when the words began", said.At.Seconds(), 2, 0.1)
				near(t, "how long they took", said.Length.Seconds(), 1, 0.1)
			}},
		{name: "prepared answer is thrown away", score: Score{
			Recogniser: Recogniser{Eager: true, Delay: 0.0511}, Caller: []Cue{Says("one two", 2, 3), Says("three", 3.35, 3.8), HangsUp(9)},
		}, check: func(t *testing.T, p *Performance) {
			if len(p.Talks) < 3 || p.Talks[1].Text != "one two" || p.Talks[len(p.Talks)-1].Text != "one two three" {
				t.Errorf("the model was asked %+v", p.Talks)
			}
		}},
		{name: "prepared answer fails", score: Score{
			Recogniser: Recogniser{Eager: true, Delay: 0.0511}, Model: Model{Think: 0.0513, Fault: Fault{Kind: Fails, On: 2}},
			Caller: []Cue{Says("one two", 2, 3), HangsUp(9)},
		}},
		{name: "prepared answer with a tool", score: Score{
			Recogniser: Recogniser{Eager: true, Delay: 0.0511}, Tools: []pipeline.Tool{clock(0)}, Model: Model{Think: 0.0513, Answer: asksClock},
			Caller: []Cue{Says("what time is it", 2, 3), HangsUp(9)},
		}, check: func(t *testing.T, p *Performance) {
			if at := when(t, p, pipeline.ToolUsed, 0); at < 3.5 {
				t.Errorf("the tool ran at %.3f s, before the caller had finished", at)
			}
		}},
		{name: "prepared answer to a cough", score: Score{
			Recogniser: Recogniser{Eager: true}, Caller: []Cue{Coughs(2, 2.6), HangsUp(8)},
		}},
		{name: "narrow band leg without marks", score: Score{Line: plain(), Caller: []Cue{Says("one", 2, 2.5), Says("stop now", 4.4, 5), HangsUp(9)}}},
	})
}
