package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/bench/carrier"
	"parley/bench/load"
	"parley/bench/report"
)

// plan is what the flags ask of the generator.
func (c *benchRunCmd) plan() (*load.Plan, error) {
	token, key, err := c.proof(&c.asCarrier)
	if err != nil {
		return nil, err
	}
	script, err := c.steps()
	if err != nil {
		return nil, err
	}
	loads, err := c.loads()
	if err != nil {
		return nil, usageError{err}
	}
	for i := range loads {
		loads[i].Ramp, loads[i].Hold = c.Ramp, c.Hold
	}
	return &load.Plan{
		Name: c.Name, Carrier: carrier.Kind(c.Carrier), Key: key, Socket: c.Socket, APIKey: c.GenesysAPIKey, URL: c.URL, Connect: c.Connect, AccountSID: c.AccountSID, AuthToken: token, From: c.From, To: c.To,
		Script: script, Library: carrier.Library{Sounds: c.Sounds}, Repeat: cmp.Or(c.Repeat, -1), MaxLength: c.Max,
		Steps: loads, Poisson: c.Poisson, Seed: c.Seed, Once: c.NoReplace, Settle: c.Settle,
	}, nil
}

// loads are the steps of --calls, --rate or --ladder.
func (c *benchRunCmd) loads() ([]load.Step, error) {
	switch {
	case c.Ladder != "":
		return ladder(c.Ladder)
	case c.Rate != 0:
		if c.Rate < 0 {
			return nil, fmt.Errorf("--rate is %v: want more than 0", c.Rate)
		}
		return []load.Step{{Rate: c.Rate}}, nil
	case c.Calls < 0:
		return nil, fmt.Errorf("--calls is %d: want 1 or more", c.Calls)
	}
	return []load.Step{{Calls: cmp.Or(c.Calls, 10)}}, nil
}

// mostRungs is how many steps a ladder may have.
const mostRungs = 1000

// ladder reads loads: 50,100 or 100..500/100 calls at once, or 5/s,10/s new calls a second.
func ladder(text string) (all []load.Step, err error) {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		from, rest, span := strings.Cut(part, "..")
		rate, second := strings.CutSuffix(part, "/s")
		switch {
		case span:
			to, by, _ := strings.Cut(rest, "/")
			var n [3]int
			for i, word := range []string{from, to, by} {
				if n[i], err = strconv.Atoi(word); err != nil || n[i] < 1 {
					return nil, fmt.Errorf("--ladder has %q: want a span such as 100..1000/100", part)
				}
			}
			if n[1] < n[0] || (n[1]-n[0])/n[2] >= mostRungs {
				return nil, fmt.Errorf("--ladder has %q: want a span that rises, of at most %d steps", part, mostRungs)
			}
			for calls := n[0]; calls <= n[1]; calls += n[2] {
				all = append(all, load.Step{Calls: calls})
			}
		case second:
			a, err := strconv.ParseFloat(rate, 64)
			if err != nil || !(a > 0 && a < 1e6) {
				return nil, fmt.Errorf("--ladder has %q: want new calls a second, such as 5/s", part)
			}
			all = append(all, load.Step{Rate: a})
		default:
			calls, err := strconv.Atoi(part)
			if err != nil || calls < 1 {
				return nil, fmt.Errorf("--ladder has %q: want calls at once, such as 50,100,200", part)
			}
			all = append(all, load.Step{Calls: calls})
		}
	}
	return all, nil
}

// load runs all rounds, and judges their steps. What was measured is returned beside an error, too.
func (c *benchRunCmd) load(ctx context.Context, plan *load.Plan, w *watch, show *progress) (all []report.Step, err error) {
	began := time.Now()
	defer show.end()
	for round := 1; round <= c.Rounds && err == nil; round++ {
		plan.Round = round
		from := time.Since(began).Seconds()
		var steps []report.Step
		steps, err = plan.Run(ctx, func(p load.Progress) {
			step := plan.Steps[p.Step-1]
			w.see(ctx, moment{loadStep: loadStep{round, p.Step}, load: report.Load{Calls: step.Calls, Rate: step.Rate}, measuring: p.Phase == "hold", left: p.Left})
			show.tell(round, p)
		})
		w.wait()
		for i := range steps {
			s := &steps[i]
			s.At += from
			s.Usage = w.usage(round, i+1)
			if s.Void == "" {
				s.Failed = c.bars.bars().Judge(*s)
			}
		}
		all = append(all, steps...)
	}
	return all, err
}
