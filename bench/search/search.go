// Package search finds the most that a server carries, by bisection in ratios.
//
//	Next ──▶ how many are to be tried ──▶ a step that passes, fails, or says nothing ──▶ Report, Void, Exhaust ──▶ Next ...
package search

import "math"

// A Search is one server's. Guess, Factor and Fine are set by whoever makes it; the rest it finds. It is not safe for concurrent use.
type Search struct {
	Guess  int     // where it begins
	Factor float64 // of the first steps away from Guess; above 1
	Fine   float64 // how near Lo and Hi must come; above 1

	Lo, Hi int  // the most that passed, the least that failed; 0: none yet
	Steps  int  // that said something
	Capped bool // by the generator: the server may carry more than Lo

	voids int // steps in a row that said nothing
}

// mostVoids is how often a step is tried that says nothing.
const mostVoids = 4

// Patient takes a step that said nothing and says whether it is to be tried again; else it is to be reported as failed.
func (s *Search) Patient() bool {
	s.voids++
	return s.voids < mostVoids
}

// most is more calls than a machine's descriptors and the generator can bear.
const most = 8000

// Next is how many to try; done says that Lo is the answer.
func (s *Search) Next() (n int, done bool) {
	switch {
	case s.Lo == 0 && s.Hi == 0:
		return round(s.Guess), false
	case s.Hi == 0:
		n = round(min(most, int(float64(s.Lo)*s.Factor)))
		return n, n <= s.Lo
	case s.Lo == 0:
		n = round(int(float64(s.Hi) / s.Factor))
		return n, n >= s.Hi || n < 10
	case float64(s.Hi)/float64(s.Lo) <= s.Fine:
		return s.Lo, true
	}
	n = round(int(math.Sqrt(float64(s.Lo) * float64(s.Hi))))
	return n, n <= s.Lo || n >= s.Hi
}

// Exhaust says that the generator cannot make so many.
func (s *Search) Exhaust(n int) {
	s.Report(n, false)
	s.Capped = true
}

// Report takes the outcome of a step.
func (s *Search) Report(n int, passed bool) {
	s.Steps++
	s.voids = 0
	if passed {
		s.Lo = max(s.Lo, n)
	} else if s.Hi == 0 || n < s.Hi {
		s.Hi = n
	}
	if s.Hi != 0 && s.Lo >= s.Hi { // a step that failed below one that passed: a neighbour's load; the one that passed stands
		s.Hi = 0
	}
}

// round makes a number a round one.
func round(n int) int {
	if n < 300 {
		return max(10, n/10*10)
	}
	return (n + 12) / 25 * 25
}
