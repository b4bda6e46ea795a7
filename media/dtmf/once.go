package dtmf

import "time"

// A Way is how a key was reported.
type Way uint8

// The ways.
const (
	ByEvent Way = iota // a telephone-event packet (RFC 4733)
	ByInfo             // a message of signalling (SIP INFO)
	ByTone             // heard in the sound
)

const (
	// sameKey is how long after the first report of a key others of the same press may come: a message that is sent again is late by a
	// second or more (RFC 3261, timer E).
	sameKey = 2 * time.Second
	pending = 16 // presses that are remembered
)

// A Once makes one key of the reports that come of it in several ways, because carriers send a key as an event and leave its tone in the
// sound, or as an event and as a message. Two reports that come the same way are two keys, however fast they follow each other. It is for one
// goroutine, and allocates nothing; the zero value is ready.
type Once struct {
	presses [pending]press
	n       int // how many were made, ever
}

// press is a key and the ways in which it was reported.
type press struct {
	key  rune
	at   time.Duration
	ways uint8
}

// Heard takes a report that came at a time, from any origin that does not change, and says whether it is the first of its key.
func (o *Once) Heard(key rune, way Way, at time.Duration) (first bool) {
	bit := uint8(1) << way
	for i := max(0, o.n-pending); i < o.n; i++ {
		p := &o.presses[i%pending]
		if p.key == key && p.ways&bit == 0 && at-p.at < sameKey {
			p.ways |= bit
			return false
		}
	}
	o.presses[o.n%pending] = press{key, at, bit}
	o.n++
	return true
}
