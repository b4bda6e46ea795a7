package score_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// deadAir is the longest that it may be silent in the agent's turn, whatever the providers do.
const deadAir = 4 * time.Second

// span is a stretch of time since the answer.
type span struct{ from, to time.Duration }

// sounds are the stretches in which the agent was heard.
func sounds(p *Performance) (all []span) {
	for _, w := range p.Wire {
		all = append(all, span{p.Origin + w.From, p.Origin + w.From + w.Took})
	}
	return all
}

// turns are the stretches in which it was the agent's turn: from the caller's last word, the answer of the call, or the end of
// patience to the turn's end. What the caller said meanwhile, and the hold, is not among them; nor is a turn of which it is not known when it was due.
//
// Whether words were meant for the agent it knows best: only where all are, those that are never answered count too.
func turns(p *Performance, meant bool) (all []span) {
	due, owed := time.Duration(-1), false // owed: the agent has something to say
	for _, e := range p.Events {
		switch {
		case owed && due >= 0 && (e.Kind == pipeline.FellSilent || e.Kind == pipeline.CallEnded): // never answered
			all = append(all, span{due, e.At})
			due = e.At
		case e.Kind == pipeline.CallStarted, e.Kind == pipeline.FellSilent:
			due, owed = e.At, true
		case e.Kind == pipeline.SpeechEnded, e.Kind == pipeline.Interrupted && due >= 0:
			due = e.At
		case e.Kind == pipeline.Transcribed:
			owed = owed || meant && e.Final && due >= 0
		case e.Kind == pipeline.SpeechBegan: // an agent that stops for this is no longer to blame
			if due >= 0 && owed {
				all = append(all, span{due, e.At})
			}
			due = -1
		case e.Kind == pipeline.ToolUsed, e.Kind == pipeline.ReplyBegan, e.Kind == pipeline.FalseAlarm:
			if owed = true; due < 0 {
				due = e.At
			}
		case e.Turn != nil && e.Turn.Latency.VoiceToVoice > 0: // the turn was due when it was judged to be
			all = append(all, span{e.Turn.At - e.Turn.Latency.VoiceToVoice + e.Turn.Latency.Endpoint, e.At})
			due, owed = -1, false
		case e.Turn != nil:
			if due >= 0 {
				all = append(all, span{due, e.At})
			}
			due, owed = -1, false
		}
	}
	return all
}

// silence is the longest silence in one of the agent's turns, and that turn.
func silence(p *Performance, meant bool) (longest time.Duration, in span) {
	heard := sounds(p)
	for _, t := range turns(p, meant) {
		at := t.from
		measure := func(to time.Duration) {
			if to-at > longest {
				longest, in = to-at, span{at, to}
			}
		}
		for _, s := range heard {
			if s.to <= at || s.from >= t.to {
				continue
			}
			measure(s.from)
			at = max(at, s.to)
		}
		measure(t.to)
	}
	return longest, in
}

// summary says in a line what a caller has to put up with.
func summary(p *Performance) string {
	var all []string
	add := func(s string) { all = append(all, s) }
	words, tones := 0, 0
	flush := func() {
		if words > 0 {
			add(fmt.Sprintf("%d fillers", words))
		}
		if tones > 0 {
			add(fmt.Sprintf("%d tones", tones))
		}
		words, tones = 0, 0
	}
	sorry, sick := pipeline.DefaultManners().Sorry, pipeline.DefaultManners().Faults.Say
	for _, e := range p.Events {
		switch {
		case e.Kind == pipeline.Filled && e.Text != "":
			words++
		case e.Kind == pipeline.Filled:
			tones++
		case e.Kind == pipeline.ProviderFail:
			flush()
			add(e.Text + " failed")
		case e.Turn != nil:
			flush()
			heard, apology := strings.CutSuffix(e.Turn.Heard, sorry)
			switch {
			case e.Turn.Heard == sick:
				add("gives up")
			case apology && heard != "":
				add("part, apology")
			case apology:
				add("apology")
			case e.Turn.Heard == "":
				add("nothing")
			case e.Turn.Heard != e.Turn.Text:
				add("part")
			default:
				add(string(e.Turn.Why))
			}
		}
	}
	flush()
	return strings.Join(append(all, string(p.Ending.Cause)), ", ")
}

// ways are the ways in which a provider fails, beside its panic.
var ways = map[string]Kind{"hangs": Hangs, "ignores": Ignores, "fails": Fails, "stops dry": StopsDry, "drips": Drips, "panics": Panics}

// A step is a place in a call at which a provider is used.
type step struct {
	score Score
	model int // which use of the model it is; 0: it is not used
	voice int
	final int
	at    float64 // media time
}

func steps() map[string]step {
	two := []Cue{Says("one two", 2, 2.6), Says("three", 32, 32.4), HangsUp(46)}
	late := []Cue{Says("three", 32, 32.4), HangsUp(46)}
	quiet := pipeline.Manners{Ladder: []pipeline.Rung{{After: 4 * time.Second}, {After: 20 * time.Second, HangUp: true}}}
	last := pipeline.Manners{Ladder: []pipeline.Rung{{After: 4 * time.Second, Say: "Goodbye to you.", HangUp: true}}}
	calm := pipeline.Manners{Silence: time.Minute}
	tool := Score{Manners: calm, Tools: []pipeline.Tool{clock(0.5)}, Model: Model{Answer: asksClock}, Caller: []Cue{Says("what time", 2, 2.6), HangsUp(40)}}
	return map[string]step{
		"the greeting":   {Score{Manners: calm, Caller: late}, 1, 1, 0, 0.5},
		"the first turn": {Score{Manners: calm, Caller: two}, 2, 2, 1, 2.3},
		"a later turn":   {Score{Manners: calm, Caller: two}, 0, 0, 2, 32.2},
		"a tool round":   {tool, 3, 3, 0, 3.5},
		"a re-prompt":    {Score{Manners: quiet}, 2, 2, 0, 5.5},
		"the last words": {Score{Manners: last}, 0, 2, 0, 5.5},
	}
}

// faulty are the scores of every provider that misbehaves in every way at every step at which it is used.
func faulty() map[string]Score {
	all := map[string]Score{}
	for place, st := range steps() {
		for way, kind := range ways {
			put := func(part string, on int, set func(*Score, Fault)) {
				if s := st.score; on > 0 {
					set(&s, Fault{Kind: kind, On: on})
					all[part+" "+way+" at "+place] = s
				}
			}
			half := func(part string, on int, set func(*Score, Fault)) {
				if s := st.score; on > 0 {
					set(&s, Fault{Kind: kind, On: on, After: 1})
					all[part+" "+way+" after a word at "+place] = s
				}
			}
			model := func(s *Score, f Fault) { s.Model.Fault = f }
			voice := func(s *Score, f Fault) { s.Voice.Fault = f }
			put("model", st.model, model)
			half("model", st.model, model)
			put("voice", st.voice, voice)
			half("voice", st.voice, voice)
			if kind != Ignores && kind != Drips {
				put("recogniser", st.final, func(s *Score, f Fault) { s.Recogniser.Finals = f })
				put("mute recogniser", st.final, func(s *Score, f Fault) { s.Recogniser.Finals, s.Recogniser.Mute = f, true })
			}
			if place == "a tool round" {
				put("tool", 1, func(s *Score, f Fault) { s.Tools = []pipeline.Tool{broken(f)} })
			}
		}
		for way, set := range map[string]func(*Score){
			"ear hangs":                func(s *Score) { s.Ear.HangsAt = st.at },
			"ear hears nothing":        func(s *Score) { s.Ear.DeafAt = st.at },
			"ear panics":               func(s *Score) { s.Ear.PanicsAt = st.at },
			"recogniser takes nothing": func(s *Score) { s.Recogniser.WritesAt = st.at },
			"recogniser blocks":        func(s *Score) { s.Recogniser.BlocksAt = st.at },
			"recogniser panics":        func(s *Score) { s.Recogniser.PanicsAt = st.at },
		} {
			s := st.score
			set(&s)
			all[way+" in "+place] = s
		}
	}
	return all
}

// No provider, whatever it does, leaves the caller in silence; and what becomes of the call is as written.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	want := expectations(t)
	scores := faulty()
	longest := make(chan time.Duration, len(scores))
	t.Run("all", func(t *testing.T) {
		for name, s := range scores {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.Play(t, func(t *testing.T, p *Performance) {
					got := summary(p)
					if *update {
						want.put(name, got)
					} else if got != want.of(name) {
						t.Errorf("got  %q\nwant %q", got, want.of(name))
					}
					truths(t, &scene{score: s, lied: true, waits: true}, p)
					l, _ := silence(p, true)
					longest <- l
				})
			})
		}
	})
	close(longest)
	var all []time.Duration
	for l := range longest {
		all = append(all, l)
	}
	slices.Sort(all)
	if p95 := all[len(all)*95/100]; p95 > 2100*time.Millisecond {
		t.Errorf("the longest silence of a call: p50 %v, p95 %v, most %v", all[len(all)/2], p95, all[len(all)-1])
	}
	t.Logf("%d faults, the longest silence of a call: p50 %v, p95 %v, most %v", len(all), all[len(all)/2], all[len(all)*95/100], all[len(all)-1])
	want.write(t)
}
