package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"parley/bench/carrier"
	"parley/bench/report"
	"parley/bench/serve"
)

// sentences are what callers say, in turn: prompts of two to four seconds, of Debian's asterisk-core-sounds-en-wav.
var sentences = []string{"queue-callswaiting", "agent-pass", "conf-getpin", "one-moment-please", "vm-intro", "conf-invalid"}

// perCall is how many of them a caller says before hanging up.
const perCall = 4

// A crowd is the callers of a step, and what became of their calls.
type crowd struct {
	url  string
	flow bool
	work sync.WaitGroup

	mu    sync.Mutex
	calls []call
}

// A call is one that is over.
type call struct {
	began time.Time
	*carrier.Result
	err error
	cut bool // by the end of the step
}

// place makes a call by a script.
func (c *crowd) place(ctx context.Context, steps ...string) (*carrier.Result, error) {
	script, err := carrier.ParseScript("offline", strings.Join(steps, "\n"))
	if err != nil {
		return nil, err
	}
	return carrier.Call{URL: c.url, AuthToken: serve.Token, Script: script}.Place(ctx)
}

// caller is the i-th of n: it calls until ctx is done. They begin one after the other, so that they do not all speak at once.
func (c *crowd) caller(ctx context.Context, i, n int) {
	if rest(ctx, settle*time.Duration(i)/time.Duration(2*n)) != nil {
		return
	}
	for said := i; ctx.Err() == nil; said += perCall {
		steps := []string{"hear quiet=700ms"}
		for k := range perCall {
			steps = append(steps, "say "+sentences[(said+k)%len(sentences)], "hear quiet=700ms")
		}
		one := call{began: time.Now()}
		one.Result, one.err = c.place(ctx, append(steps, "hangup")...)
		one.cut = ctx.Err() != nil
		c.mu.Lock()
		c.calls = append(c.calls, one)
		c.mu.Unlock()
		if one.err != nil && rest(ctx, time.Second) != nil { // who was refused tries again, by and by
			return
		}
	}
}

// patience is how long before the end of a step a turn must have ended for its answer to be missed.
const patience = 6 * time.Second

// tell sums up the calls, and of their turns those that ended between two times.
func (c *crowd) tell(from, to time.Time) report.Step {
	voice, refusals := report.NewHistogram(), report.NewHistogram()
	s := report.Step{
		Tally:  report.Tally{Refused: map[string]int64{}, Broken: map[string]int64{}},
		Counts: map[string]int64{report.Turns: 0, report.Unanswered: 0},
	}
	for _, one := range c.calls {
		s.Tally.Offered++
		switch {
		case one.Result == nil:
			if !one.cut {
				s.Tally.Broken[one.err.Error()]++
			}
			continue
		case errors.Is(one.err, carrier.ErrRejected):
			s.Tally.Refused["busy"]++
			report.Record(refusals, time.Duration(one.Webhook))
		case one.err != nil && !one.cut:
			s.Tally.Broken[cause(one.err)]++
		case one.Answered:
			s.Tally.Answered++
		}
		begun := one.began.Add(time.Duration(one.Webhook + one.Upgrade))
		for _, t := range one.Turns {
			at := begun.Add(time.Duration(t.End))
			switch {
			case t.Caller == "" || at.Before(from) || at.After(to): // the greeting, or not of this step
			case t.Answered:
				s.Counts[report.Turns]++
				report.Record(voice, time.Duration(t.VoiceToVoice))
			case at.Before(to.Add(-patience)):
				s.Counts[report.Unanswered]++
			}
		}
	}
	s.Times = map[string]report.Spread{report.VoiceVoice: report.SpreadOf(voice), report.Refusal: report.SpreadOf(refusals)}
	return s
}

// cause is what went wrong in a call, without what differs from call to call.
func cause(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, ": "); ok {
		text = after // its place in the script
	}
	return text
}
