// Package contest has several servers carry the same calls, in turn, and says which carries most and what a packet costs each.
//
//	-quick ──▶ a step of each ──▶ Worked
//	-at N ───▶ a step of each a round
//	else ────▶ a search of each a round (bench/search), then a step of each with -alike calls ──▶ Goals
//
// A step is one server in a process of its own with so many calls; how one is made is its program's (bench/sip, bench/webrtc). The steps with
// as many calls for all are those that costs are compared by.
package contest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"time"

	"parley/bench/report"
	"parley/bench/search"
)

// Options are the command line of a contest.
type Options struct {
	Quick  bool
	JSON   string
	Rounds int
	Hold   time.Duration
	Budget time.Duration
	At     int
	Alike  int
	Only   string
}

// Flags names the options; what they have before is their default. Servers are all that there are, and quick is how many calls they get to
// show that they work.
func (o *Options) Flags(flags *flag.FlagSet, servers []string, quick int) {
	flags.BoolVar(&o.Quick, "quick", false, fmt.Sprintf("%d calls for two seconds each: checks that all works, not how fast", quick))
	flags.StringVar(&o.JSON, "json", "", "write the report to this file, too")
	flags.IntVar(&o.Rounds, "rounds", 2, "searches of each server, and rounds of the steps with as many calls")
	flags.DurationVar(&o.Hold, "hold", 3*time.Second, "measured in a step")
	flags.DurationVar(&o.Budget, "budget", o.Budget, "begin no search's step after so long")
	flags.IntVar(&o.At, "at", 0, "do not search: run each server once a round with so many calls")
	flags.IntVar(&o.Alike, "alike", o.Alike, "calls of the steps that all servers are compared by")
	flags.StringVar(&o.Only, "only", "", fmt.Sprintf("this server alone, one of %v", servers))
}

// Check says what is wrong with the options.
func (o *Options) Check(servers []string) error {
	if o.Only != "" && !slices.Contains(servers, o.Only) {
		return fmt.Errorf("-only is %q: want one of %v", o.Only, servers)
	}
	if o.Rounds < 1 || o.Hold < time.Second || o.At < 0 || o.Alike < 1 {
		return fmt.Errorf("-rounds %d, -hold %v, -at %d, -alike %d: want at least 1, 1s, 0 and 1", o.Rounds, o.Hold, o.At, o.Alike)
	}
	return nil
}

// quickHold is how long a step of -quick is.
const quickHold = 2 * time.Second

// Held is what a step measures.
func (o *Options) Held() time.Duration {
	if o.Quick {
		return quickHold
	}
	return o.Hold
}

// A Contest is one run of a program.
type Contest struct {
	Options
	Servers []string       // all that there are, in the order of a round
	Guesses map[string]int // calls at which a search begins
	Few     int            // calls of -quick
	Report  *report.Report
	Found   search.Found

	// Step has a server carry so many calls; Judge has said what came of it.
	Step func(ctx context.Context, server string, calls, round int) (report.Step, error)
	// Goals says what was aimed at, in the end.
	Goals func(*Contest)
}

// Run runs what was asked for; what there is of the report is there also beside an error.
func (c *Contest) Run(ctx context.Context) error {
	c.Found = search.Found{}
	defer func() { c.Report.Took = time.Since(c.Report.Made).Seconds() }()
	switch {
	case c.Quick:
		if err := c.once(ctx, c.Few, 1, 1); err != nil {
			return err
		}
		return Worked(c.Report.Steps)
	case c.At > 0:
		for round := range c.Rounds {
			if err := c.once(ctx, c.At, round+1, 1); err != nil {
				return err
			}
		}
		return nil
	}
	for round := range c.Rounds {
		if err := c.search(ctx, round+1); err != nil {
			return err
		}
		if err := c.once(ctx, c.Alike, round+1, tries); err != nil {
			return err
		}
	}
	c.Goals(c)
	return nil
}

// asked are the servers that were asked for.
func (c *Contest) asked() []string {
	if c.Only != "" {
		return []string{c.Only}
	}
	return c.Servers
}

// tries is how often a step is taken by which servers are compared, until it says something.
const tries = 3

// once has every server carry so many calls, and tries again so often where that says nothing.
func (c *Contest) once(ctx context.Context, calls, round, tries int) error {
	for _, server := range c.asked() {
		for range tries {
			made, err := c.take(ctx, server, calls, round)
			if err != nil {
				return err
			}
			if made.Void == "" {
				break
			}
		}
	}
	return nil
}

// take runs a step and keeps it.
func (c *Contest) take(ctx context.Context, server string, calls, round int) (report.Step, error) {
	began := time.Since(c.Report.Made).Seconds()
	made, err := c.Step(ctx, server, calls, round)
	if err != nil {
		return made, err
	}
	made.At = began
	c.Report.Steps = append(c.Report.Steps, made)
	return made, nil
}

// search finds the most calls of every server.
func (c *Contest) search(ctx context.Context, n int) error {
	caps, err := search.Round{
		N: n, Servers: c.asked(), Guesses: c.Guesses, Fine: 1.06, Until: c.Report.Made.Add(c.Budget),
		Step: func(ctx context.Context, server string, calls int) (search.Verdict, error) {
			made, err := c.take(ctx, server, calls, n)
			return verdict(made), err
		},
	}.Run(ctx, c.Found)
	for _, capped := range caps {
		c.Report.Remarks = append(c.Report.Remarks, capped.String())
	}
	return err
}

// verdict is what a step says of its server.
func verdict(made report.Step) search.Verdict {
	switch {
	case made.Void == "" && len(made.Failed) == 0:
		return search.Carried
	case made.Void == "":
		return search.Failed
	case made.Generator.Busy > busyBar:
		return search.Exhausted
	}
	return search.Void
}

// Same is the median of a figure over the steps in which all servers had as many calls; 0: it was not measured.
func (c *Contest) Same(server string, of func(report.Step) (float64, bool)) float64 {
	for _, rung := range c.Report.Ladder(server) {
		if rung.Load.Calls == c.Alike {
			v, _ := rung.Median(of)
			return v
		}
	}
	return 0
}

// Calls is the most that a server carries.
func (c *Contest) Calls(server string) float64 { return float64(c.Found.Median(server)) }

// Add adds a goal, if it was measured.
func (c *Contest) Add(g report.Goal) {
	if g.Got > 0 {
		c.Report.Goals = append(c.Report.Goals, g.Judged())
	}
}

// Notes are what goals say of how they were measured: by searches, and by steps of as many calls.
func (c *Contest) Notes() (rounds, same string) {
	return fmt.Sprintf("median of %d rounds", c.Rounds), fmt.Sprintf("of %d calls each", c.Alike)
}

// Ratio is a to b; 0 where b was not measured.
func Ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Worked says of every step that did not work at all, however late it was on a busy machine.
func Worked(steps []report.Step) error {
	var bad []error
	for _, made := range steps {
		if made.Tally.Answered != made.Tally.Offered || made.Counts[report.FramesOut] == 0 || made.Counts[HeardIn] == 0 || made.Counts[HeardBad] > 0 {
			bad = append(bad, fmt.Errorf("%s did not work: %d of %d calls answered, %d frames came, %d of %d were heard, %d bad", made.Server, made.Tally.Answered,
				made.Tally.Offered, made.Counts[report.FramesOut], made.Counts[HeardIn], made.Counts[report.FramesIn], made.Counts[HeardBad]))
		}
	}
	return errors.Join(bad...)
}
