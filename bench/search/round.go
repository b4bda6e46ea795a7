package search

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Verdict is what a step says of the server.
type Verdict uint8

// The verdicts.
const (
	Void      Verdict = iota // nothing
	Carried                  // it carried the calls
	Failed                   // it did not
	Exhausted                // nothing: whoever made the calls was at their end
)

// mostSteps is how many steps that say something a search of one server has.
const mostSteps = 9

// Found is what searches have found: the most calls of each server, one a round.
type Found map[string][]int

// Median is the middle of what was found of a server, the lower one of two; 0: nothing was.
func (f Found) Median(server string) int {
	all := f[server]
	if len(all) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(all))[(len(all)-1)/2]
}

// A Round searches several servers at once, a step of each in turn, so that the machine's moods come to all of them alike.
type Round struct {
	N       int // from 1: the first begins at Guesses and strides, later ones begin where those before them came to
	Servers []string
	Guesses map[string]int
	Fine    float64   // as of Search
	Until   time.Time // no step begins after it

	// Step has a server carry so many calls.
	Step func(ctx context.Context, server string, calls int) (Verdict, error)
}

// A Cap says that a server could have carried more: the generator was at its end first.
type Cap struct {
	Round  int
	Server string
	Calls  int // that it carried
}

func (c Cap) String() string {
	return fmt.Sprintf("Round %d: the generator was at its end before %s was: it carries %d or more.", c.Round, c.Server, c.Calls)
}

// Run adds what it finds to what was found before, and says of which servers that is not all.
func (r Round) Run(ctx context.Context, found Found) (caps []Cap, err error) {
	searches := r.begin(found)
	for left := true; left; {
		left = false
		for _, server := range r.Servers {
			s := searches[server]
			n, done := s.Next()
			if done || s.Steps >= mostSteps || time.Now().After(r.Until) {
				continue
			}
			left = true
			verdict, err := r.Step(ctx, server, n)
			if err != nil {
				return nil, err
			}
			s.take(n, verdict)
		}
	}
	for _, server := range r.Servers {
		s := searches[server]
		if _, done := s.Next(); s.Lo > 0 && (done || len(found[server]) == 0) { // half a search is better than none, and worse than others
			found[server] = append(found[server], s.Lo)
		}
		if s.Capped {
			caps = append(caps, Cap{r.N, server, s.Lo})
		}
	}
	return caps, nil
}

// begin makes the searches.
func (r Round) begin(found Found) map[string]*Search {
	searches := map[string]*Search{}
	for _, server := range r.Servers {
		s := &Search{Guess: r.Guesses[server], Factor: 1.1, Fine: r.Fine}
		if r.N == 1 {
			s.Factor = 1.25
		} else if m := found.Median(server); m > 0 {
			s.Guess = m
		}
		searches[server] = s
	}
	return searches
}

// take takes what a step said.
func (s *Search) take(n int, v Verdict) {
	switch {
	case v == Carried, v == Failed:
		s.Report(n, v == Carried)
	case v == Exhausted:
		s.Exhaust(n)
	case !s.Patient():
		s.Report(n, false)
	}
}
