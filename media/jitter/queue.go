package jitter

// places is how many packets a queue can hold: 1.28 s of the shortest, of 10 ms.
const places = 128

// A slot is a packet's place in the queue. When its sound was taken, its number stays: should it come again, it is known.
type slot struct {
	number  int64 // in the stream, without end; never 0
	media   int64 // when it was spoken, by the far end's clock, in units
	coding  int
	marker  bool
	held    bool // it waits
	tried   bool // it was asked for what was lost before it
	payload []byte
}

// A queue has packets in order. Payloads' memory goes round, so that it grows no further than to as many as ever waited at once.
type queue struct {
	slots [places]slot
	next  int64 // the number after that which was taken last, or passed over
	end   int64 // the number after the newest
	count int   // how many wait
	spare [][]byte
}

func (q *queue) slot(number int64) *slot { return &q.slots[number%places] }

// known says whether a packet was here before.
func (q *queue) known(number int64) bool { return q.slot(number).number == number }

// put takes in a packet that is neither known nor before next. When its place is another's, those before it have waited too long: it returns how many
// numbers were passed over.
func (q *queue) put(s slot, payload []byte) (lost int64) {
	before := q.next
	for q.count > 0 && q.first().number <= s.number-places {
		q.take(q.first())
	}
	q.next = max(q.next, s.number-places+1)
	if n := len(q.spare); n > 0 {
		s.payload, q.spare = q.spare[n-1], q.spare[:n-1]
	}
	s.payload = append(s.payload[:0], payload...)
	s.held = true
	*q.slot(s.number) = s
	q.count++
	q.end = max(q.end, s.number+1)
	return q.next - before
}

// first is the first that waits, or nil.
func (q *queue) first() *slot {
	if q.count == 0 {
		return nil
	}
	for n := q.next; n < q.end; n++ {
		if s := q.slot(n); s.held && s.number == n {
			return s
		}
	}
	return nil
}

// take lets a packet go, and what was before it.
func (q *queue) take(s *slot) {
	q.spare = append(q.spare, s.payload)
	s.held, s.payload = false, nil
	q.next = s.number + 1
	q.count--
}
