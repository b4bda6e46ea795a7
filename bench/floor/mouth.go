package floor

import "sync"

// A mouth holds what the voice has made and the carrier has not got, and knows when the next message is due. Times are of the rota.
//
// While there is enough for a message somebody plans it: the rota, or whoever brought the first of it. Else the mouth waits.
type mouth struct {
	message int   // bytes in one, 20 or 100 ms
	lead    int64 // ms that the carrier is to be ahead

	mu      sync.Mutex
	room    sync.Cond // somebody waits until there is some
	ring    [1 << 13]byte
	from, n int
	asked   int   // utterances that are not whole yet
	planned bool  // else nobody will send until more comes
	sounds  int64 // until when what was sent sounds
	closed  bool
}

func newMouth(ahead bool) *mouth {
	m := &mouth{message: frameBytes}
	if ahead {
		m.message, m.lead = 5*frameBytes, 100
	}
	m.room.L = &m.mu
	return m
}

// ask says that another utterance will come.
func (m *mouth) ask() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
}

// add takes sound, and waits while there is no room for it. begin says that the caller is to send the next message. What is left of law
// is to be added again.
func (m *mouth) add(law []byte) (left []byte, begin bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.n == len(m.ring) && !m.closed {
		m.room.Wait()
	}
	if m.closed {
		return nil, false
	}
	for len(law) > 0 && m.n < len(m.ring) {
		to := (m.from + m.n) % len(m.ring)
		end := len(m.ring)
		if to < m.from {
			end = m.from
		}
		k := copy(m.ring[to:end], law)
		law, m.n = law[k:], m.n+k
	}
	return law, m.begin()
}

// whole says that an utterance has come to its end; begin is as of add.
func (m *mouth) whole() (begin bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked--
	return m.begin()
}

// begin plans a message if nobody has and there is enough for one. The mutex is held.
func (m *mouth) begin() bool {
	if m.planned || m.ready() == 0 {
		return false
	}
	m.planned = true
	return true
}

// ready is how much the next message takes; 0: it must wait. The mutex is held.
func (m *mouth) ready() int {
	switch {
	case m.closed:
		return 0
	case m.n >= m.message:
		return m.message
	case m.asked <= 0:
		return m.n // the end of an utterance
	}
	return 0
}

// take moves the next message to law, filled up with silence to whole frames, and plans the one after; size 0: there is none, and none
// is planned.
func (m *mouth) take(law []byte, tick int64) (size int, next int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size = m.ready()
	if size == 0 {
		m.planned = false
		return 0, 0
	}
	k := copy(law[:size], m.ring[m.from:])
	copy(law[k:size], m.ring[:])
	m.from, m.n = (m.from+size)%len(m.ring), m.n-size
	m.room.Signal()
	for size%frameBytes != 0 {
		law[size] = 0xFF // silence
		size++
	}
	m.sounds = max(m.sounds, tick) + int64(size)/(frameBytes/20)
	return size, max(m.sounds-m.lead, tick+1)
}

// close lets go of whoever waits.
func (m *mouth) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.room.Broadcast()
}
