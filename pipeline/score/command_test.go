package score_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// second is another agent's responder.
type second struct{ asked *[]pipeline.Talk }

func (s second) Respond(_ context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		talk.History = slices.Clone(talk.History)
		*s.asked = append(*s.asked, talk)
		yield(pipeline.Delta{Text: "Second here."}, nil)
	}
}

// relief lets "second" take over after so many seconds, and nobody else.
func relief(takes float64, asked *[]pipeline.Talk) func(context.Context, string) (pipeline.Agent, pipeline.Parts, error) {
	return func(ctx context.Context, name string) (pipeline.Agent, pipeline.Parts, error) {
		select {
		case <-time.After(time.Duration(takes*float64(time.Second)) + 3*time.Millisecond):
		case <-ctx.Done():
			return pipeline.Agent{}, pipeline.Parts{}, context.Cause(ctx)
		}
		if name != "second" {
			return pipeline.Agent{}, pipeline.Parts{}, errors.New("there is no such agent")
		}
		return pipeline.Agent{Name: name, Lang: "en-US", Manners: pipeline.Manners{Silence: 30 * time.Second}}, pipeline.Parts{Responder: second{asked}}, nil
	}
}

// A moment is a state of a call, and when it is reached.
type moment struct {
	at     float64
	caller []Cue
	tools  []pipeline.Tool
	answer func(pipeline.Talk) []pipeline.Delta
}

func moments() map[string]moment {
	greeting := Lines(map[string]string{"greeting": "Welcome to Parley and to all that it can do for you.", "tell me": long})
	ask := Says("tell me", 5.5, 6.1)
	end := []Cue{Says("and now", 22, 22.6), HangsUp(30)}
	with := func(c ...Cue) []Cue { return append(c, end...) }
	return map[string]moment{
		"while greeting":           {1.8, end, nil, greeting},
		"while listening":          {8, end, nil, nil},
		"while the caller speaks":  {5.8, with(ask), nil, nil},
		"while thinking":           {6.9, with(ask), nil, greeting},
		"while the agent speaks":   {8.5, with(ask), nil, greeting},
		"while a tool runs":        {8.6, with(Says("what time", 5.5, 6.1)), []pipeline.Tool{clock(2)}, asksClock},
		"while the last words are": {8.5, with(Orders(pipeline.Command{Kind: pipeline.HangUp, Text: "We close now, and wish you a very good night, all of you."}, 8)), nil, nil},
	}
}

// Every command at every moment of a call.
func TestCommands(t *testing.T) {
	told := func(text string) func(t *testing.T, p *Performance) { // the model is told text once it is asked again
		return func(t *testing.T, p *Performance) {
			t.Helper()
			last := p.Talks[len(p.Talks)-1]
			n := 0
			for _, m := range last.History {
				if m.Role == pipeline.Narrator && m.Text == text {
					n++
				}
			}
			if n != 1 {
				t.Errorf("the model was told %d times: %+v", n, last.History)
			}
		}
	}
	saidOnce := func(text string) func(t *testing.T, p *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			if n := strings.Count(p.Heard(), text); n != 1 {
				t.Errorf("%q was heard %d times: %q", text, n, p.Heard())
			}
		}
	}
	for name, c := range map[string]struct {
		orders func(at float64) []Cue
		check  func(*testing.T, *Performance) // unless the call was ending
	}{
		"say": {func(at float64) []Cue {
			return []Cue{Orders(pipeline.Command{Kind: pipeline.Say, Text: "Your table is ready."}, at)}
		}, saidOnce("Your table is ready.")},
		"inject": {func(at float64) []Cue {
			return []Cue{Orders(pipeline.Command{Kind: pipeline.Inject, Text: "Offer a discount."}, at)}
		}, told("Offer a discount.")},
		"inject and ask": {func(at float64) []Cue {
			return []Cue{Orders(pipeline.Command{Kind: pipeline.Inject, Text: "Offer a discount.", Ask: true}, at)}
		}, told("Offer a discount.")},
		"mute": {func(at float64) []Cue {
			return []Cue{Orders(pipeline.Command{Kind: pipeline.Mute}, at), Says("four five six", 17, 18), Presses("1#", 18.5), Orders(pipeline.Command{Kind: pipeline.Unmute}, 20)}
		}, func(t *testing.T, p *Performance) {
			for _, e := range p.Events {
				if strings.Contains(e.Text, "five") || e.Kind == pipeline.KeyPressed || e.Turn != nil && e.At > 17*time.Second && e.At < 22*time.Second {
					t.Errorf("the caller was heard while muted: %+v", e)
				}
			}
			if p.Tap.Frames < int(p.Ending.Length/media.FrameTime)-2 {
				t.Errorf("%d frames were recorded of %v", p.Tap.Frames, p.Ending.Length)
			}
		}},
		"hold": {func(at float64) []Cue {
			return []Cue{Orders(pipeline.Command{Kind: pipeline.Hold, Text: "Please hold.", Every: 5 * time.Second}, at), Says("four five six", at+3, at+4), Presses("1#", at+4.5),
				Orders(pipeline.Command{Kind: pipeline.Unhold, Text: "Thank you for waiting."}, 19.5)}
		}, func(t *testing.T, p *Performance) {
			saidOnce("Thank you for waiting.")(t, p)
			if n := strings.Count(p.Heard(), "Please hold."); n < 2 || n > 4 {
				t.Errorf("the caller was told to hold %d times: %q", n, p.Heard())
			}
			for _, e := range p.Events {
				if e.Turn != nil && (strings.Contains(e.Turn.Said, "five") || e.Turn.Why == pipeline.ForSilence && e.At < 22*time.Second) || e.Kind == pipeline.KeyPressed {
					t.Errorf("the agent was not on hold: %+v", e)
				}
			}
		}},
		"change": {func(at float64) []Cue {
			return []Cue{Orders(pipeline.Command{Kind: pipeline.Change, Agent: "second"}, at)}
		}, func(t *testing.T, p *Performance) { saidOnce("Second here.")(t, p) }},
		"change and ask": {func(at float64) []Cue {
			return []Cue{Orders(pipeline.Command{Kind: pipeline.Change, Agent: "second", Ask: true}, at)}
		}, func(t *testing.T, p *Performance) {
			if n := strings.Count(p.Heard(), "Second here."); n < 2 {
				t.Errorf("the other agent was heard %d times: %q", n, p.Heard())
			}
		}},
		"hang up": {func(at float64) []Cue {
			return []Cue{Orders(pipeline.Command{Kind: pipeline.HangUp, Text: "We must stop.", Cause: "blocked"}, at)}
		}, func(t *testing.T, p *Performance) {
			if saidOnce("We must stop.")(t, p); p.Ending.Cause != "blocked" {
				t.Errorf("cause %q", p.Ending.Cause)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var scenes []scene
			for when, m := range moments() {
				asked := new([]pipeline.Talk)
				s := scene{name: name + " " + when, waits: true, score: Score{
					Voice: Voice{Times: true}, Tools: m.tools, Change: relief(0.1, asked), Model: Model{Answer: m.answer}, Caller: append(c.orders(m.at), m.caller...),
					Manners: pipeline.Manners{Silence: 30 * time.Second},
				}}
				if s.check = c.check; when == "while the last words are" {
					s.check = func(t *testing.T, p *Performance) {
						if p.Ending.Cause != media.CauseAgent || p.Ending.Length > 15*time.Second {
							t.Errorf("ended %q after %v", p.Ending.Cause, p.Ending.Length)
						}
					}
				}
				scenes = append(scenes, s)
			}
			play(t, scenes)
		})
	}
}

func TestMoreCommands(t *testing.T) {
	asked := new([]pipeline.Talk)
	change := pipeline.Command{Kind: pipeline.Change, Agent: "second"}
	failed := func(err string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			for _, e := range p.Events {
				if e.Kind == pipeline.CommandFailed && strings.Contains(e.Err.Error(), err) {
					return
				}
			}
			t.Errorf("no command failed with %q", err)
		}
	}
	by := func(c pipeline.Command) Model { // the model gives a command in its answer to words
		return Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why != pipeline.ForWords {
				return Parrot(k)
			}
			return []pipeline.Delta{{Text: "Very well."}, {Do: &c}}
		}}
	}
	play(t, []scene{
		{name: "change keeps the history", score: Score{Change: relief(0.1, asked), Caller: []Cue{Says("one", 2, 2.5), Orders(change, 6), Says("two", 7, 7.5), HangsUp(11)}},
			check: func(t *testing.T, p *Performance) {
				var roles []string
				for _, m := range (*asked)[0].History {
					roles = append(roles, string(m.Role)+": "+m.Text)
				}
				want := []string{"assistant: Welcome to Parley.", "caller: one", "assistant: You said one.", "narrator: Another agent has led this call until now. You take over.", "caller: two"}
				if !slices.Equal(roles, want) {
					t.Errorf("it knows %q, want %q", roles, want)
				}
			}},
		{name: "change with words", score: Score{Change: relief(0.1, new([]pipeline.Talk)), Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Change, Agent: "second", Text: "Now I am here."}, 3), HangsUp(8)}}},
		{name: "change takes its time", score: Score{Change: relief(6, new([]pipeline.Talk)), Caller: []Cue{Orders(change, 2), Says("one", 3, 3.5), Says("two", 9, 9.5), HangsUp(14)}}},
		{name: "change to nobody", score: Score{Change: relief(0.1, nil), Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Change, Agent: "third"}, 3), HangsUp(6)}}, check: failed("no such agent")},
		{name: "change that comes too late", score: Score{Change: relief(60, nil), Manners: pipeline.Manners{Silence: 30 * time.Second}, Caller: []Cue{Orders(change, 3), HangsUp(22)}}, check: failed("deadline")},
		{name: "change before anybody is there", score: Score{Setup: 2, Caller: []Cue{Orders(change, 1), HangsUp(6)}}, check: failed("no other agents")},
		{name: "change to an agent with bad manners", score: Score{Change: func(context.Context, string) (pipeline.Agent, pipeline.Parts, error) {
			return pipeline.Agent{Manners: pipeline.Manners{ToolSteps: -1}}, pipeline.Parts{}, nil
		}, Caller: []Cue{Orders(change, 3), HangsUp(6)}}, check: failed("ToolSteps is -1")},
		{name: "change panics", score: Score{Change: func(context.Context, string) (pipeline.Agent, pipeline.Parts, error) { panic("scripted panic") }, Caller: []Cue{Orders(change, 3)}},
			check: func(t *testing.T, p *Performance) {
				if p.Ending.Cause != media.CausePanic {
					t.Errorf("cause %q", p.Ending.Cause)
				}
			}},
		{name: "change to a silent type", score: Score{Change: func(context.Context, string) (pipeline.Agent, pipeline.Parts, error) {
			return pipeline.Agent{Name: "second", Manners: pipeline.Manners{Silence: 2 * time.Second, Reprompts: -1, Goodbye: "Enough."}}, pipeline.Parts{}, nil
		}, Caller: []Cue{Orders(change, 3)}}, check: func(t *testing.T, p *Performance) {
			near(t, "the end", p.Ending.Length.Seconds(), 3.01+2+0.42, 0.05)
		}},
		{name: "change by the response", score: Score{Change: relief(0.1, new([]pipeline.Talk)), Model: by(pipeline.Command{Kind: pipeline.Change, Agent: "second", Ask: true}), Caller: []Cue{Says("one", 2, 2.5), HangsUp(9)}}},
		{name: "mute by the response", score: Score{Model: by(pipeline.Command{Kind: pipeline.Mute}), Caller: []Cue{Says("one", 2, 2.5), HangsUp(9)}}, check: failed("not for an agent")},
		{name: "change to nobody by the response", score: Score{Model: by(pipeline.Command{Kind: pipeline.Change}), Caller: []Cue{Says("one", 2, 2.5), HangsUp(9)}}, check: failed("no agent")},
		{name: "two instructions", score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Inject, Text: "First."}, 2), Orders(pipeline.Command{Kind: pipeline.Inject, Text: "Second.", Ask: true}, 2.1), HangsUp(6)}},
			check: func(t *testing.T, p *Performance) {
				h := p.Talks[len(p.Talks)-1].History
				if n := len(h); n < 2 || h[n-2].Text != "First." || h[n-1].Text != "Second." || p.Talks[len(p.Talks)-1].Why != pipeline.ForCommand {
					t.Errorf("the model was told %+v", h)
				}
			}},
		{name: "instruction and an answer that is withdrawn", score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Inject, Text: "Be kind."}, 2), Says("one", 3, 3.4), Says("two", 4.2, 4.8), HangsUp(10)}},
			check: func(t *testing.T, p *Performance) {
				n := 0
				for _, m := range p.Talks[len(p.Talks)-1].History {
					if m.Text == "Be kind." {
						n++
					}
				}
				if n != 1 {
					t.Errorf("the model was told %d times", n)
				}
			}},
		{name: "instruction to a prepared answer", score: Score{Recogniser: Recogniser{Eager: true, Delay: 0.0511}, Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Inject, Text: "Be kind."}, 2), Says("one two", 3, 4), HangsUp(9)}},
			check: func(t *testing.T, p *Performance) {
				if len(p.Talks) != 2 || p.Talks[1].History[1].Text != "Be kind." {
					t.Errorf("the model was told %+v", p.Talks)
				}
			}},
		{name: "hold and go on", score: Score{Model: Model{Answer: tells}, Caller: []Cue{Says("tell me", 2, 2.6), Orders(pipeline.Command{Kind: pipeline.Hold}, 5), Orders(pipeline.Command{Kind: pipeline.Unhold, Ask: true}, 15), HangsUp(20)}},
			check: func(t *testing.T, p *Performance) {
				silentFrom(t, p, 5.1, 15)
				if k := p.Talks[len(p.Talks)-1]; k.Why != pipeline.ForCommand || !k.History[len(k.History)-1].Cut {
					t.Errorf("the model was asked %+v", k)
				}
			}},
		{name: "hold twice, unhold twice", waits: true, score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Hold, Text: "Hold."}, 3), Orders(pipeline.Command{Kind: pipeline.Hold, Text: "Still hold."}, 6),
			Orders(pipeline.Command{Kind: pipeline.Unhold}, 20), Orders(pipeline.Command{Kind: pipeline.Unhold, Text: "Again?"}, 21), HangsUp(24)}}},
		{name: "hold and say", waits: true, score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Hold}, 3), Orders(pipeline.Command{Kind: pipeline.Say, Text: "You are first in line."}, 6), HangsUp(30)}}},
		{name: "hold and hang up", score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Hold, Text: "Hold."}, 3), Orders(pipeline.Command{Kind: pipeline.HangUp, Text: "Nobody is here."}, 8)}}},
		{name: "hold before the words are there", score: Score{Recogniser: Recogniser{Delay: 1.0011}, Caller: []Cue{Says("one", 2, 2.5), Orders(pipeline.Command{Kind: pipeline.Hold}, 3.3), Orders(pipeline.Command{Kind: pipeline.Unhold}, 9), HangsUp(14)}}, waits: true},
		{name: "mute in mid-sentence", score: Score{Caller: []Cue{Says("one two three four", 2, 4), Orders(pipeline.Command{Kind: pipeline.Mute}, 3), Orders(pipeline.Command{Kind: pipeline.Unmute}, 6), HangsUp(12)}},
			check: func(t *testing.T, p *Performance) {
				if got := turn(t, p, 2).Said; got != "one two" {
					t.Errorf("answered %q", got)
				}
			}},
		{name: "flow goes on after a hold", score: Score{Responder: scripted(t), Caller: []Cue{Presses("1", 4), Orders(pipeline.Command{Kind: pipeline.Hold, Text: "Hold."}, 5.2), Orders(pipeline.Command{Kind: pipeline.Unhold, Ask: true}, 10), Presses("1", 13), HangsUp(17)}},
			check: func(t *testing.T, p *Performance) {
				if n := strings.Count(p.Heard(), "Sales is closed."); n < 2 {
					t.Errorf("heard %q", p.Heard())
				}
			}},
		{name: "mute without an end", waits: true, score: Score{Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Mute}, 3), Says("hello hello", 8, 9), HangsUp(40)}}},
	})
}

// TestMoved: the model and the record are told that the other side has handed the call to somebody else.
func TestMoved(t *testing.T) {
	tell := func(to string) Cue {
		return Does(3, func(st *Stage) { _ = st.Carrier.Tell(media.Note{Kind: media.Moved, To: to}) })
	}
	says := func(text string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			if n := notes(p, text); n != 1 {
				t.Errorf("it is told %d times: %+v", n, p.Ending.History)
			}
		}
	}
	play(t, []scene{
		{name: "handed to a number", score: Score{Caller: []Cue{tell("+15550100077"), HangsUp(6)}}, check: says("The other side has handed the call to +15550100077.")},
		{name: "handed to somebody else", score: Score{Caller: []Cue{tell(""), HangsUp(6)}}, check: says("The other side has handed the call to somebody else.")},
	})
}
