package media

import "time"

// Punctuality is how well playouts keep time. Its zero value is ready, and one serves all calls of a node.
type Punctuality struct {
	Late  Times // chunks that the pacer sends: from when they were due until Send returned. What leaves as it is written is not among them
	Clear Times // from Utterance.Cut, which is told of a decision at once, until Clear returned, where there was something to clear
}

// owed is from when on the pacer is late with a chunk: since it was due and the beat was asked for. What was written late is not its fault.
func (p *Playout) owed(due time.Time) time.Time {
	if due.Before(p.asked) {
		return p.asked
	}
	return due
}

// timed counts how late the chunk was that has just been sent, if the pacer sent it.
func (p *Playout) timed(owed time.Time) {
	if p.late != nil && p.beats && p.err == nil {
		p.late.Add(time.Since(owed))
	}
}
