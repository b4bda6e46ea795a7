package main

import (
	"fmt"
	"io"
	"time"

	"parley/bench/load"
)

// progress shows how far a load test is: in one line of a terminal, or else in a line for each phase, and for every ten seconds of it.
type progress struct {
	to            io.Writer
	steps, rounds int
	fleeting      bool // a line may be written over

	phase string
	last  time.Duration // of the phase, as of the last line
}

func newProgress(to io.Writer, steps, rounds int) *progress {
	return &progress{to: to, steps: steps, rounds: rounds, fleeting: terminal(to)}
}

// tell shows where it is.
func (s *progress) tell(round int, p load.Progress) {
	if p.Phase == "end" {
		return
	}
	phase := fmt.Sprintf("round %d/%d, step %d/%d, %s", round, s.rounds, p.Step, s.steps, p.Phase)
	if s.rounds == 1 {
		phase = fmt.Sprintf("step %d/%d, %s", p.Step, s.steps, p.Phase)
	}
	line := fmt.Sprintf("%s, %.0f s left: %d calls", phase, p.Left.Seconds(), p.Calls)
	if p.Rate > 0 {
		line += fmt.Sprintf(", %.1f new a second", p.Rate)
	}
	if p.Refused > 0 {
		line += fmt.Sprintf(", %d refused", p.Refused)
	}
	if p.Broken > 0 {
		line += fmt.Sprintf(", %d broken", p.Broken)
	}
	line += fmt.Sprintf(", lateness %.1f ms, generator %.0f %% busy", p.Lateness, 100*p.Busy)
	const every = 10 * time.Second
	switch {
	case s.fleeting:
		fmt.Fprint(s.to, "\r\x1b[K\x1b[?7l"+line+"\x1b[?7h") // cut off at the edge, for a second line would stay
	case phase != s.phase || s.last-p.Left >= every:
		fmt.Fprintln(s.to, line)
	default:
		return
	}
	s.phase, s.last = phase, p.Left
}

// end leaves the line to others.
func (s *progress) end() {
	if s.fleeting {
		fmt.Fprint(s.to, "\r\x1b[K")
	}
}
