package admission

import (
	"math"
	"time"
)

// A share is something of which there is so much, and of which each call uses some: processors, workers of local speech. It predicts.
//
//	predicted = used, measured + cost of a call x (calls there are, with the one that asks - calls that were there while it was measured)
//
// Of two windows the worse one counts: the short one sees a flood, the long one keeps a quiet moment from being taken for room.
type share struct {
	prior float64 // what a call is taken to use, before that is known

	there  float64 // of it
	points []point // oldest first; the last is now
	idle   float64 // the least that was used without a call
	bare   bool    // idle is known
	excess float64 // used above idle, and
	seen   float64 // calls that used it: both times seconds, fading
	full   bool
}

// A point is a sample: since the process began.
type point struct {
	at    time.Time
	used  time.Duration
	calls float64 // call-seconds
	live  int
}

const (
	shortWindow = 2 * time.Second
	longWindow  = 10 * time.Second
	fades       = 20 * time.Second // after which what was learned counts half
	doubt       = 10               // call-seconds that the prior weighs
	reopen      = 0.97             // of the bar, down to which a share that was full stays full
)

// observe takes a sample: what has been used since the process began, and how many calls there are.
func (s *share) observe(now time.Time, used time.Duration, there float64, live int) {
	s.there = there
	p := point{at: now, used: used, live: live}
	if n := len(s.points); n > 0 {
		last := s.points[n-1]
		took := now.Sub(last.at).Seconds()
		if took <= 0 {
			return
		}
		calls := float64(last.live+live) / 2 * took
		p.calls = last.calls + calls
		s.learn((used - last.used).Seconds(), calls, took)
	}
	s.points = append(s.points, p)
	for len(s.points) > 2 && now.Sub(s.points[1].at) >= longWindow {
		s.points = append(s.points[:0], s.points[1:]...)
	}
	if len(s.points) < 2 {
		return
	}
	if rate, calls := s.over(shortWindow); calls == 0 && (!s.bare || rate < s.idle) {
		s.idle, s.bare = rate, true
	}
}

// learn takes in what was used in a stretch of time, by calls.
func (s *share) learn(used, calls, took float64) {
	keep := math.Exp2(-took / fades.Seconds())
	s.excess, s.seen = s.excess*keep, s.seen*keep
	if calls > 0 {
		s.excess += max(0, used-s.idle*took)
		s.seen += calls
	}
}

// cost is what a call is taken to use.
func (s *share) cost() float64 { return (s.prior*doubt + s.excess) / (doubt + s.seen) }

// over is what was used on average over the last of the samples, of which there are two or more, and how many calls there were.
func (s *share) over(window time.Duration) (rate, calls float64) {
	last := len(s.points) - 1
	now, first := s.points[last], last-1
	for first > 0 && now.at.Sub(s.points[first].at) < window {
		first--
	}
	then := s.points[first]
	took := now.at.Sub(then.at).Seconds()
	return (now.used - then.used).Seconds() / took, (now.calls - then.calls) / took
}

// load is what will be used with so many calls, of what there is.
func (s *share) load(calls int) float64 {
	if s.there <= 0 {
		return 0
	}
	if len(s.points) < 2 {
		return s.cost() * float64(calls) / s.there
	}
	worst := 0.0
	for _, window := range []time.Duration{shortWindow, longWindow} {
		rate, there := s.over(window)
		worst = max(worst, rate+s.cost()*(float64(calls)-there))
	}
	return worst / s.there
}

// refuses says whether one more than so many calls are too many. A share that was full is so until there is some room, not just for one.
func (s *share) refuses(calls int, bar float64) bool {
	if bar <= 0 {
		return false
	}
	if s.full {
		bar *= reopen
	}
	s.full = s.load(calls+1) > bar
	return s.full
}
