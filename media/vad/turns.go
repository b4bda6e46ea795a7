package vad

import (
	"cmp"
	"time"
)

// EdgeKind says what Turns noticed.
type EdgeKind uint8

// The kinds of Edge, in the order in which a turn shows them. They are pipeline's, in the same order with the same numbers.
const (
	NoEdge     EdgeKind = iota
	Began               // somebody began to speak
	MaybeEnded          // MaybeAfter of silence: worth a guess
	Resumed             // the speaker went on after MaybeEnded: the same stretch of speech continues
	Ended               // EndAfter of silence: the stretch of speech is over
)

// An Edge is a change between speech and silence.
type Edge struct {
	Kind EdgeKind
	N    int           // the stretch of speech that it belongs to, from 1
	At   time.Duration // media time of the speech itself: its onset, or the end of its last voiced hop; not of the decision
	Sure bool          // of Began: the higher bar was passed, clear enough to interrupt somebody
}

// Turns makes edges of the verdicts on consecutive hops, of any length, of one speaker. The zero value is ready for use: the zero
// of a setting means its default, which the first Next fills in. Settings are fixed from then on.
//
//	          Open hops at OpenAt             MaybeAfter of silence              EndAfter of silence
//	silent ───────── Began ─────────▶ talking ───── MaybeEnded ─────▶ quiet ───────── Ended ─────────▶ silent
//	                                  │  ▲  ▲                           │
//	   Sure hops at SureAt, once told └──┘  └────────── Resumed ────────┘
//	                      Began again                Open hops at OpenAt
type Turns struct {
	Open   int     // consecutive hops that open a stretch, and reopen one after MaybeEnded; default 2
	OpenAt float32 // probability from which a hop counts towards Open; default 0.5

	Sure   int     // consecutive hops that make its beginning sure; default 2
	SureAt float32 // probability from which a hop counts towards Sure; default 0.4 of the way from OpenAt to 1 (0.7)

	// StayAt is the probability that keeps speech going; once a hop has fallen below it, OpenAt is needed again. Default 0.7 of
	// OpenAt (0.35).
	StayAt float32

	MaybeAfter time.Duration // silence before MaybeEnded; default 200 ms; from EndAfter on there is no MaybeEnded
	EndAfter   time.Duration // silence before Ended; default 500 ms

	settled bool // the defaults are filled in
	state   state
	n       int // stretches so far

	heard  time.Duration // end of the last hop
	begin  time.Duration // start of the current run of speech
	onset  time.Duration // of the current stretch
	voiced time.Duration // end of its last voiced hop
	dipped bool          // its last hop was not voiced

	open, sure int  // hops in a row at OpenAt and SureAt, up to now
	certain    bool // Sure was reached in this stretch, or in the run that may begin one
	told       bool // and an edge has said so
}

type state uint8

const (
	silent  state = iota
	talking       // between Began and MaybeEnded
	quiet         // after MaybeEnded
)

// Next is given the probability of speech in the hop of media time that lasts from..to, and says whether that makes an edge. At
// most one comes of each hop. Hops come in order; a gap between them counts as silence.
func (t *Turns) Next(p float32, from, to time.Duration) (Edge, bool) {
	if !t.settled {
		t.settle()
	}
	if from-t.heard > (to-from)/2 { // a gap, and not mere rounding, breaks every run
		t.open, t.sure = 0, 0
	}
	t.heard = to
	late := t.state != silent && t.open == 0 && from-t.voiced >= t.EndAfter // a gap swallowed the ending
	t.count(p, from)
	var e Edge
	switch {
	case late:
		e = t.end()
	case t.state == silent:
		e = t.listen(to)
	default:
		e = t.follow(p, to)
	}
	return e, e.Kind != NoEdge
}

// Talking says whether a stretch of speech has begun and not yet Ended.
func (t *Turns) Talking() bool { return t.state != silent }

// Reset forgets a stretch that has begun, without an edge; numbers and settings stay.
func (t *Turns) Reset() {
	t.state, t.open, t.sure, t.certain, t.told = silent, 0, 0, false, false
}

// count keeps the runs of hops at the two bars.
func (t *Turns) count(p float32, from time.Duration) {
	if p < t.SureAt {
		t.sure = 0
	} else {
		t.sure++
	}
	if p < t.OpenAt {
		t.open = 0
	} else if t.open++; t.open == 1 {
		t.begin = from
	}
	if t.state == silent && t.open == 0 {
		t.certain = false
	}
	t.certain = t.certain || t.sure >= t.Sure
}

// listen waits for a stretch to begin.
func (t *Turns) listen(to time.Duration) Edge {
	if t.open < t.Open {
		return Edge{}
	}
	t.n++
	t.state, t.onset, t.voiced, t.dipped = talking, t.begin, to, false
	t.told = t.certain
	return Edge{Kind: Began, N: t.n, At: t.onset, Sure: t.certain}
}

// follow waits for the stretch to end.
func (t *Turns) follow(p float32, to time.Duration) Edge {
	if t.state == talking {
		t.dipped = p < t.StayAt || t.dipped && t.open == 0
		if !t.dipped {
			t.voiced = to
		}
	}
	silence := to - t.voiced
	switch {
	case t.state == quiet && t.open >= t.Open:
		t.state, t.voiced, t.dipped = talking, to, false
		return Edge{Kind: Resumed, N: t.n, At: t.begin}
	case silence >= t.EndAfter && t.open == 0: // a run under way may yet resume it
		return t.end()
	case t.state == talking && silence >= t.MaybeAfter && silence < t.EndAfter:
		t.state = quiet
		return Edge{Kind: MaybeEnded, N: t.n, At: t.voiced}
	case t.state == talking && t.certain && !t.told:
		t.told = true
		return Edge{Kind: Began, N: t.n, At: t.onset, Sure: true}
	}
	return Edge{}
}

// end closes the stretch; a run that the same hop began goes on into the next one.
func (t *Turns) end() Edge {
	t.state, t.told = silent, false
	t.certain = t.sure >= t.Sure
	return Edge{Kind: Ended, N: t.n, At: t.voiced}
}

// settle fills in the defaults for zeros.
func (t *Turns) settle() {
	t.Open = cmp.Or(t.Open, 2)
	t.OpenAt = cmp.Or(t.OpenAt, 0.5)
	t.Sure = cmp.Or(t.Sure, 2)
	t.SureAt = cmp.Or(t.SureAt, t.OpenAt+0.4*(1-t.OpenAt))
	t.StayAt = cmp.Or(t.StayAt, 0.7*t.OpenAt)
	t.MaybeAfter = cmp.Or(t.MaybeAfter, 200*time.Millisecond)
	t.EndAfter = cmp.Or(t.EndAfter, 500*time.Millisecond)
	t.settled = true
}
