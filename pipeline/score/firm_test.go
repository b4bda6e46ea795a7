package score_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// books is a tool of a name that takes some seconds for what must not be left half done, and whether it was let.
func books(name string, takes float64, done *bool) pipeline.Tool {
	t := clock(takes)
	run := t.Run
	t.Name, t.Firm = name, true
	t.Run = func(ctx context.Context, args json.RawMessage) (string, *pipeline.Command, error) {
		_, do, err := run(ctx, args)
		*done = err == nil
		return name + " is done", do, err
	}
	return t
}

// results are what a model was told by tools, in the order of the history.
func results(p *Performance) (all []string) {
	for _, m := range p.Ending.History {
		if m.Role == pipeline.ToolRole {
			all = append(all, m.Text)
		}
	}
	return all
}

// notes are what the model was told besides.
func notes(p *Performance, about string) (n int) {
	for _, m := range p.Ending.History {
		if m.Role == pipeline.Narrator && strings.Contains(m.Text, about) {
			n++
		}
	}
	return n
}

// What becomes of a tool when the caller interrupts, by what it allows.
func TestFirmTools(t *testing.T) {
	ask, stop := Says("what time", 2, 2.5), Says("stop please", 4.2, 4.9)
	tells := pipeline.Manners{Interrupt: pipeline.Interrupt{Tool: pipeline.Bar{Words: 1, Speech: 300 * time.Millisecond}}}
	only := func(name string) Model {
		return Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForWords && k.Text == "what time" {
				return uses("Let me look.", name)(k)
			}
			return Parrot(k)
		}}
	}
	told := func(want ...string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			if got := results(p); !slices.Equal(got, want) {
				t.Errorf("the model was told %q, want %q", got, want)
			}
		}
	}
	const runs = "This is still being done. You will be told when it has ended; do not ask for it again."
	done := make([]bool, 9)
	finished := func(i int, want bool, note int, checks ...func(*testing.T, *Performance)) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			for _, c := range checks {
				c(t, p)
			}
			if done[i] != want {
				t.Errorf("the tool was done: %v", done[i])
			}
			if got := notes(p, "book is done"); got != note {
				t.Errorf("the model was told its end %d times, want %d", got, note)
			}
		}
	}
	play(t, []scene{
		{name: "tool that may be cancelled is", score: Score{Manners: tells, Tools: []pipeline.Tool{clock(4)}, Model: only("clock"), Caller: []Cue{ask, stop, HangsUp(14)}}, check: told("cancelled")},
		{name: "firm tool goes on", score: Score{Manners: tells, Tools: []pipeline.Tool{books("book", 5, &done[0])}, Model: only("book"), Caller: []Cue{ask, stop, HangsUp(16)}},
			check: finished(0, true, 1, told(runs), func(t *testing.T, p *Performance) {
				if k := p.Talks[len(p.Talks)-1]; k.Why != pipeline.ForCommand {
					t.Errorf("the model was asked last %q", k.Why)
				}
			})},
		{name: "firm tool ends while the caller speaks", score: Score{Manners: tells, Tools: []pipeline.Tool{books("book", 5, &done[1])}, Model: only("book"), Caller: []Cue{ask, stop, Says("and one more thing", 7.5, 9.5), HangsUp(16)}},
			check: finished(1, true, 1, told(runs), func(t *testing.T, p *Performance) {
				if k := p.Talks[len(p.Talks)-1]; k.Why != pipeline.ForWords {
					t.Errorf("the model was asked %q besides", k.Why)
				}
			})},
		{name: "firm tool and a caller who hangs up", score: Score{Tools: []pipeline.Tool{books("book", 5, &done[2])}, Model: only("book"), Caller: []Cue{ask, HangsUp(5)}}, check: finished(2, true, 0)},
		{name: "firm tool that takes too long after the end", score: Score{Tools: []pipeline.Tool{books("book", 14, &done[3])}, Model: only("book"), Caller: []Cue{ask, HangsUp(5)}},
			check: finished(3, false, 0, func(t *testing.T, p *Performance) { near(t, "the end", p.Took.Seconds(), 10, 0.1) })},
		{name: "firm tool that is late", score: Score{Manners: tells, Tools: []pipeline.Tool{books("book", 60, &done[4])}, Model: only("book"), Caller: []Cue{ask, stop, HangsUp(24)}},
			check: func(t *testing.T, p *Performance) {
				if notes(p, "did not answer in time") != 1 {
					t.Errorf("the model was told %+v", p.Ending.History)
				}
			}},
		{name: "firm tool and a command on hold", waits: true, score: Score{Tools: []pipeline.Tool{books("book", 5, &done[5])}, Model: only("book"), Caller: []Cue{ask,
			Orders(pipeline.Command{Kind: pipeline.Hold}, 5), Orders(pipeline.Command{Kind: pipeline.Unhold, Ask: true}, 12), HangsUp(16)}}, check: finished(5, true, 1, told(runs))},
		{name: "firm tool of a response that fails", score: Score{Tools: []pipeline.Tool{books("book", 2, &done[6])}, Model: Model{Fault: Fault{Kind: Fails, On: 2, After: 1}, Answer: uses("", "book", "book")}, Caller: []Cue{ask, HangsUp(14)}},
			check: finished(6, true, 1)},
		{name: "one tool that is firm and one that is not", score: Score{Manners: tells, Tools: []pipeline.Tool{clock(4), books("book", 4, &done[7])}, Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForWords && k.Text == "what time" {
				return uses("Let me look.", "clock", "book")(k)
			}
			return Parrot(k)
		}}, Caller: []Cue{ask, stop, HangsUp(14)}}, check: finished(7, true, 1, told("cancelled", runs))},
		{name: "firm tool that panics after its turn", score: Score{Manners: tells, Tools: []pipeline.Tool{{Name: "book", Firm: true, Run: func(context.Context, json.RawMessage) (string, *pipeline.Command, error) {
			time.Sleep(5 * time.Second)
			panic("scripted panic")
		}}}, Model: only("book"), Caller: []Cue{ask, stop, HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			if notes(p, "broke down") != 1 {
				t.Errorf("the model was told %+v", p.Ending.History)
			}
		}},
	})
}

// Results and commands are in the order in which the model asked, tools speak for themselves, and each has its own time.
func TestToolTerms(t *testing.T) {
	ask := Says("what time", 2, 2.5)
	named := func(name string, takes float64, do *pipeline.Command) pipeline.Tool {
		c := clock(takes)
		return pipeline.Tool{Name: name, Run: func(ctx context.Context, args json.RawMessage) (string, *pipeline.Command, error) {
			_, _, err := c.Run(ctx, args)
			return name + " done", do, err
		}}
	}
	say := func(text string) *pipeline.Command { return &pipeline.Command{Kind: pipeline.Say, Text: text} }
	speaking := func(t pipeline.Tool, filler string) pipeline.Tool { t.Filler = filler; return t }
	within := func(t pipeline.Tool, limit time.Duration) pipeline.Tool { t.Limit = limit; return t }
	mine := pipeline.Manners{Filler: pipeline.Filler{Say: []string{"Wait a little."}}}
	said := func(want ...string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			if got := fillers(p); !slices.Equal(got, want) {
				t.Errorf("fillers %q, want %q", got, want)
			}
		}
	}
	order := func(want ...string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			if got := results(p); !slices.Equal(got, want) {
				t.Errorf("results %q, want %q", got, want)
			}
		}
	}
	play(t, []scene{
		{name: "results in the order in which they were asked for", score: Score{
			Tools: []pipeline.Tool{named("slow", 2, say("Slow.")), named("quick", 0.2, say("Quick.")), named("medium", 1, nil)},
			Model: Model{Answer: uses("Let me look.", "slow", "quick", "medium")}, Caller: []Cue{ask, HangsUp(14)},
		}, check: func(t *testing.T, p *Performance) {
			order("slow done", "quick done", "medium done")(t, p)
			if h := p.Heard(); !strings.Contains(h, "Slow. Quick.") {
				t.Errorf("heard %q", h)
			}
		}},
		{name: "a tool's own filler", score: Score{Manners: mine, Tools: []pipeline.Tool{speaking(named("slow", 7, nil), "I am looking into the calendar.")},
			Model: Model{Answer: uses("", "slow")}, Caller: []Cue{ask, HangsUp(16)}}, check: said("I am looking into the calendar.", "Wait a little.")},
		{name: "two tools' own fillers", score: Score{Manners: mine, Tools: []pipeline.Tool{speaking(named("slow", 7, nil), "Calendar first."), speaking(named("slower", 8, nil), "And the map.")},
			Model: Model{Answer: uses("", "slow", "slower")}, Caller: []Cue{ask, HangsUp(18)}}, check: said("Calendar first.", "And the map.", "Wait a little.")},
		{name: "no filler of a tool that is quick", score: Score{Manners: mine, Tools: []pipeline.Tool{speaking(named("quick", 0.3, nil), "I am looking.")},
			Model: Model{Answer: uses("", "quick")}, Caller: []Cue{ask, HangsUp(9)}}, check: said()},
		{name: "no filler of a tool where none is wanted", score: Score{Manners: pipeline.Manners{Filler: pipeline.Filler{After: -1}}, Tools: []pipeline.Tool{speaking(named("slow", 4, nil), "I am looking.")},
			Model: Model{Answer: uses("", "slow")}, Caller: []Cue{ask, HangsUp(14)}}, check: said()},
		{name: "a foreign agent's tool has a filler of its own", score: Score{Lang: "de-DE", Tools: []pipeline.Tool{speaking(named("slow", 4, nil), "Ich sehe nach.")},
			Model: Model{Answer: uses("", "slow")}, Caller: []Cue{ask, HangsUp(14)}}, check: said("Ich sehe nach.", "")},
		{name: "a tool with a limit of its own", score: Score{Tools: []pipeline.Tool{within(named("slow", 9, nil), 2*time.Second), named("other", 1, nil)},
			Model: Model{Answer: uses("", "slow", "other")}, Caller: []Cue{ask, HangsUp(14)}}, check: func(t *testing.T, p *Performance) {
			order("error: the tool did not answer in time", "other done")(t, p)
			near(t, "given up", when(t, p, pipeline.ToolUsed, 5), 3.43+2, 0.05)
		}},
		{name: "a tool with a limit of its own that heeds nothing", score: Score{Tools: []pipeline.Tool{within(pipeline.Tool{Name: "deaf", Run: func(context.Context, json.RawMessage) (string, *pipeline.Command, error) {
			time.Sleep(9 * time.Second)
			return "too late", nil, nil
		}}, 2*time.Second), named("other", 4, nil)}, Model: Model{Answer: uses("", "deaf", "other")}, Caller: []Cue{ask, HangsUp(16)}},
			check: order("error: the tool did not answer in time", "other done")},
		{name: "a tool that may take longer than others", score: Score{Tools: []pipeline.Tool{within(named("slow", 18, nil), 20*time.Second)}, Model: Model{Answer: uses("", "slow")}, Caller: []Cue{ask, HangsUp(30)}},
			check: order("slow done")},
		{name: "a tool that says far too much", score: Score{Tools: []pipeline.Tool{{Name: "book", Run: func(context.Context, json.RawMessage) (string, *pipeline.Command, error) {
			return strings.Repeat("\xff", 1<<20), nil, nil
		}}}, Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForToolResult {
				return Text("Done.")
			}
			return uses("", "book")(k)
		}}, Caller: []Cue{ask, HangsUp(9)}}},
	})
}

// The commands with which the built-in tools act.
func TestToolCommands(t *testing.T) {
	ask := Says("what time", 2, 2.5)
	by := func(c pipeline.Command) Model {
		return Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForWords && k.Text == "what time" {
				return []pipeline.Delta{{Text: "Very well."}, {Do: &c}}
			}
			return Parrot(k)
		}}
	}
	to := pipeline.Command{Kind: pipeline.Transfer, To: "+15550123", Text: "I connect you now."}
	transfers := func(takes float64, err error) func(context.Context, string) error {
		return func(ctx context.Context, to string) error {
			select {
			case <-time.After(time.Duration(takes*float64(time.Second)) + 3*time.Millisecond):
				return err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	wait := pipeline.Command{Kind: pipeline.Wait, For: 30 * time.Second}
	play(t, []scene{
		{name: "transfer", score: Score{Transfer: transfers(1, nil), Model: by(to), Caller: []Cue{ask}}, check: func(t *testing.T, p *Performance) {
			if p.Ending.Cause != "transfer" || !strings.HasSuffix(p.Heard(), "I connect you now.") {
				t.Errorf("ended %q after %q", p.Ending.Cause, p.Heard())
			}
		}},
		{name: "transfer without words", score: Score{Transfer: transfers(1, nil), Model: by(pipeline.Command{Kind: pipeline.Transfer, To: "+15550123"}), Caller: []Cue{ask}}},
		{name: "transfer fails", waits: true, score: Score{Transfer: transfers(3, errors.New("the line is busy")), Model: by(to), Caller: []Cue{ask, Says("hello", 8, 8.5), HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			if notes(p, "the line is busy") != 1 {
				t.Errorf("the model was told %+v", p.Ending.History)
			}
		}},
		{name: "transfer interrupted", score: Score{Transfer: transfers(1, nil), Model: by(to), Caller: []Cue{ask, Says("wait no", 4.4, 5.2), HangsUp(12)}}},
		{name: "transfer that comes too late", waits: true, score: Score{Transfer: transfers(90, nil), Model: by(to), Caller: []Cue{ask, HangsUp(60)}}},
		{name: "transfer where there is none", waits: true, score: Score{Model: by(to), Caller: []Cue{ask, HangsUp(12)}}},
		{name: "transfer by a carrier that lets go first", score: Score{Transfer: transfers(5, nil), Model: by(to), Caller: []Cue{ask, HangsUp(6)}}},
		{name: "transfer in vain, and the caller has gone", score: Score{Transfer: transfers(5, errors.New("the line is busy")), Model: by(to), Caller: []Cue{ask, HangsUp(6)}}},
		{name: "transfer of a line that breaks, without an answer", waits: true, score: Score{Transfer: transfers(40, nil), Model: by(to), Caller: []Cue{ask, LosesLine(6)}}},
		{name: "transfer twice", score: Score{Transfer: transfers(5, nil), Caller: []Cue{Orders(to, 5), Orders(to, 8)}}},
		{name: "transfer from outside", score: Score{Transfer: transfers(1, nil), Caller: []Cue{Orders(to, 5)}}},
		{name: "transfer and the caller leaves", waits: true, score: Score{Transfer: transfers(5, nil), Model: by(to), Caller: []Cue{ask, HangsUp(8)}}},
		{name: "wait", waits: true, score: Score{Model: by(wait), Caller: []Cue{ask, Coughs(10, 11), HangsUp(50)}}, check: func(t *testing.T, p *Performance) {
			near(t, "asked again", when(t, p, pipeline.FellSilent, 0), 41.6, 0.6)
		}},
		{name: "wait until the caller speaks", waits: true, score: Score{Model: by(wait), Caller: []Cue{ask, Says("back again", 20, 20.6), HangsUp(34)}}, check: func(t *testing.T, p *Performance) {
			near(t, "asked again", when(t, p, pipeline.FellSilent, 0), 22.5+8, 0.6)
		}},
		{name: "wait from outside", waits: true, score: Score{Caller: []Cue{Orders(wait, 5), HangsUp(30)}}},
	})
}
