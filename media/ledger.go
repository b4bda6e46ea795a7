package media

import (
	"slices"
	"time"
)

// ledger is the account of what was sent since the last Clear and of when it sounds at the far end.
//
//	sent      |-- run --|-- run ------|      |-- run ----|    a gap in the supply opens a new run
//	sounds       |-- run --|-- run ------|      |-- run ----|
//	          ─▶ late ◀─                                 ▲ end: the send clock
//
// A run begins to sound at begin if nothing was late: that is the send clock, and no sample counts as heard before it unless a
// mark proves it. Notes of marks say how late the far end really is, once the time that a note itself needs (trip) is taken off.
//
// Its error, for a carrier that plays what it has without a pause, is what the way to the carrier and its buffer add before the
// first mark is back; from then on it is what the note's way varies.
type ledger struct {
	rate   int
	runs   []run     // oldest first; those that are settled have left
	sent   int       // samples sent since the last Clear
	end    time.Time // when all that was sent will have sounded, by the send clock
	epoch  uint32    // Clears so far
	proven int       // samples that a mark proved to have sounded

	opened time.Time     // when the mark before the epoch's first sample was asked for
	trip   time.Duration // the shortest time in which such a mark, with nothing to wait for, came back
}

// run is a stretch of one utterance that sounds without a gap.
type run struct {
	of      *Utterance // nil: comfort noise
	first   int        // the number of its first sample in the utterance
	at      int        // and its position since the last Clear
	n       int
	begin   time.Time     // when it begins to sound, by the send clock
	late    time.Duration // how much later it does so, as marks have told
	settled int           // samples that have been accounted for and left the tape
}

// add records n samples of u, from its sample first, sent so as to sound at the end of all before.
func (l *ledger) add(u *Utterance, first, n int) {
	late := time.Duration(0)
	if k := len(l.runs); k > 0 {
		last := &l.runs[k-1]
		gap := l.end.Sub(last.over(l.rate))
		if last.of == u && last.first+last.n == first && gap == 0 {
			last.n += n
			l.sent += n
			l.end = last.over(l.rate)
			return
		}
		late = max(0, last.late-gap)
	}
	l.runs = append(l.runs, run{of: u, first: first, at: l.sent, n: n, begin: l.end, late: late})
	l.sent += n
	l.end = l.end.Add(Samples(n, l.rate))
}

// over is when the run has sounded, by the send clock.
func (r *run) over(rate int) time.Time { return r.begin.Add(Samples(r.n, rate)) }

// heard is how many samples of r have sounded at now.
func (l *ledger) heard(r *run, now time.Time) int {
	n := min(r.n, l.proven-r.at)
	if d := now.Sub(r.begin) - r.late; d >= Samples(r.n, l.rate) {
		n = r.n
	} else if d > 0 {
		n = max(n, int(d*time.Duration(l.rate)/time.Second))
	}
	return max(n, r.settled)
}

// unsettled is how many samples of u have sounded at now beyond those that are settled.
func (l *ledger) unsettled(u *Utterance, now time.Time) int {
	n := 0
	for i := range l.runs {
		if r := &l.runs[i]; r.of == u {
			n += l.heard(r, now) - r.settled
		}
	}
	return n
}

// buffered says whether the carrier may still hold audio of u at now: sent, not proven, and due to sound until margin ago or later.
func (l *ledger) buffered(u *Utterance, now time.Time, margin time.Duration) bool {
	for i := range l.runs {
		r := &l.runs[i]
		if r.of == u && r.at+r.n > l.proven && r.over(l.rate).Add(r.late+margin).After(now) {
			return true
		}
	}
	return false
}

// soundedBy is when the first n samples since the last Clear have sounded; the zero time if that is long past.
func (l *ledger) soundedBy(n int) time.Time {
	for i := range l.runs {
		if r := &l.runs[i]; n <= r.at+r.n {
			if n <= r.at {
				break
			}
			return r.begin.Add(r.late + Samples(n-r.at, l.rate))
		}
	}
	return time.Time{}
}

// settle reports what of has sounded at now and was not reported before (of nil: every utterance), in order, and lets go of runs
// that are past. The last run of an utterance stays until the utterance is over.
func (l *ledger) settle(of *Utterance, now time.Time, report func(u *Utterance, n int, began time.Time)) {
	keep := l.runs[:0]
	for i := range l.runs {
		r := &l.runs[i]
		if of == nil || r.of == of {
			if n := l.heard(r, now) - r.settled; n > 0 {
				if r.of != nil {
					report(r.of, n, r.begin.Add(r.late+Samples(r.settled, l.rate)))
				}
				r.settled += n
			}
		}
		last := i == len(l.runs)-1 // the next run may continue it
		if r.settled < r.n || last || r.of != nil && r.of.state != over && r.at+r.n == r.of.until {
			keep = append(keep, *r)
		}
	}
	l.runs = keep
}

// clear begins a new epoch in which nothing was sent; what has been heard was settled before.
func (l *ledger) clear(now time.Time) {
	l.epoch++
	l.runs = slices.Delete(l.runs, 0, len(l.runs))
	l.sent, l.proven, l.end, l.opened = 0, 0, now, time.Time{}
}

// played takes the note of a mark into account. A note of an older epoch, or one that tells less than another did, proves nothing.
func (l *ledger) played(n Note, now time.Time) {
	if n.Kind != Played || n.Epoch != l.epoch {
		return
	}
	through := min(int((n.Through*time.Duration(l.rate)+time.Second-1)/time.Second), l.sent)
	if through <= 0 {
		if trip := now.Sub(l.opened); !l.opened.IsZero() && (l.trip == 0 || trip < l.trip) {
			l.trip = trip
		}
		return
	}
	if through <= l.proven {
		return
	}
	l.proven = through
	for i := range l.runs {
		r := &l.runs[i]
		switch {
		case through > r.at+r.n: // past
		case through > r.at:
			sounded := r.begin.Add(Samples(through-r.at, l.rate))
			r.late = max(0, now.Sub(sounded)-l.trip)
		case i > 0: // it follows: a gap takes up what was late
			before := &l.runs[i-1]
			r.late = max(0, before.late-r.begin.Sub(before.over(l.rate)))
		}
	}
}
