package main

import "math"

// search finds the most streams that a server carries, by bisection in ratios: a step passes or fails, and next says with how many
// streams the next one is to run.
type search struct {
	guess  int
	factor float64 // of the first steps away from guess
	fine   float64 // how near lo and hi must come

	lo, hi int // the most that passed, the least that failed; 0: none yet
	steps  int
	voids  int  // steps in a row that said nothing
	capped bool // by the generator: the server may carry more than lo
}

// mostVoids is how often a step is tried that says nothing.
const mostVoids = 4

// patient takes a step that said nothing and says whether it is to be tried again; else it counts as failed.
func (s *search) patient() bool {
	s.voids++
	return s.voids < mostVoids
}

// most is more streams than a machine's descriptors and the generator can bear.
const most = 8000

// next is how many streams to try; done says that lo is the answer.
func (s *search) next() (n int, done bool) {
	switch {
	case s.lo == 0 && s.hi == 0:
		return round(s.guess), false
	case s.hi == 0:
		n = round(min(most, int(float64(s.lo)*s.factor)))
		return n, n <= s.lo
	case s.lo == 0:
		n = round(int(float64(s.hi) / s.factor))
		return n, n >= s.hi || n < 10
	case float64(s.hi)/float64(s.lo) <= s.fine:
		return s.lo, true
	}
	n = round(int(math.Sqrt(float64(s.lo) * float64(s.hi))))
	return n, n <= s.lo || n >= s.hi
}

// exhaust says that the generator cannot make n streams.
func (s *search) exhaust(n int) {
	s.report(n, false)
	s.capped = true
}

// report takes the outcome of a step with n streams.
func (s *search) report(n int, passed bool) {
	s.steps++
	s.voids = 0
	if passed {
		s.lo = max(s.lo, n)
	} else if s.hi == 0 || n < s.hi {
		s.hi = n
	}
	if s.hi != 0 && s.lo >= s.hi { // a step that failed below one that passed: a neighbour's load; the one that passed stands
		s.hi = 0
	}
}

// round makes a number of streams a round one.
func round(n int) int {
	if n < 300 {
		return max(10, n/10*10)
	}
	return (n + 12) / 25 * 25
}
