package stream

// This file puts messages of sound in order that overtake each other on their way, of carriers who number them and promise no order.

const (
	// overtaking is how many messages wait for one that they have overtaken before it is given up: at 20 ms a message the first of them waits 40 ms.
	overtaking = 3
	// renumbered is how far behind a number is that begins anew.
	renumbered = 64
	// vainWaits is how many waits in a row may be in vain. Numbers that leave out some are none to go by: sound is taken as it comes then.
	vainWaits = 8
)

// An order is the turn that messages of sound come in. Its zero value is ready; the first message begins it.
type order struct {
	next  int64 // whose turn it is; 0: the first's, whatever its number
	early [overtaking]earlyMessage
	n     int // of early: those that wait, the first first
	vain  int // waits in vain, in a row
}

// An earlyMessage has come before its turn. Its room is kept when it has been taken.
type earlyMessage struct {
	chunk, at int64
	sound     []byte
}

// hasTurn says whether a message's sound is to be taken now. One that has come before its turn is kept, and turn takes it; one whose turn is over is
// of no use any more.
func (l *Leg) hasTurn(chunk, at int64, sound []byte) bool {
	o := &l.order
	switch {
	case chunk == 0 || o.vain == vainWaits:
		return true
	case o.next == 0, chunk < o.next-renumbered:
		o.n = 0
	case chunk < o.next:
		l.stats.Late.Add(1)
		return false
	case chunk > o.next:
		if !o.keep(chunk, at, sound) {
			l.stats.Late.Add(1)
		}
		return false
	case o.n > 0:
		l.stats.Overtaken.Add(1)
	}
	o.next, o.vain = chunk+1, 0
	return true
}

// keep keeps a message until its turn; false: it is there already. When no more can wait, the first of them has its turn.
func (o *order) keep(chunk, at int64, sound []byte) bool {
	i := o.n
	for ; i > 0 && o.early[i-1].chunk >= chunk; i-- {
		if o.early[i-1].chunk == chunk {
			return false
		}
	}
	room := o.early[o.n]
	copy(o.early[i+1:], o.early[i:o.n])
	o.early[i] = earlyMessage{chunk, at, append(room.sound[:0], sound...)}
	if o.n++; o.n == overtaking {
		o.next = o.early[0].chunk
		o.vain++
	}
	return true
}

// turn takes the sound of a message that has waited and whose turn it is; false: there is none.
func (l *Leg) turn() bool {
	o := &l.order
	if o.n == 0 || o.early[0].chunk != o.next && o.vain < vainWaits {
		return false
	}
	first := o.early[0]
	copy(o.early[:], o.early[1:o.n])
	o.n--
	o.early[o.n] = earlyMessage{sound: first.sound} // lent until the next message
	o.next = first.chunk + 1
	l.rest = first.sound
	l.align(first.at)
	return true
}
