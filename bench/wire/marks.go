package wire

import "time"

// Marks are those that a server has sent and that are to be echoed when the audio before them has sounded. The zero Marks hold none. Once
// they have held as many as they ever do at a time, they allocate nothing.
type Marks struct {
	due   []due
	names []byte // of all of them, one after the other
}

// due is one mark.
type due struct {
	at time.Duration
	n  int // bytes of its name
}

// Add takes a mark that has to be echoed at a time, which is not before that of the last. It copies the name.
func (m *Marks) Add(name []byte, at time.Duration) {
	m.due = append(m.due, due{at, len(name)})
	m.names = append(m.names, name...)
}

// Next takes the next mark whose time has come out, and returns its name: lent until the next call; nil where there is none.
func (m *Marks) Next(now time.Duration, buf []byte) (name []byte) {
	if len(m.due) == 0 || m.due[0].at > now {
		return nil
	}
	n := m.due[0].n
	name = append(buf[:0], m.names[:n]...)
	m.names = append(m.names[:0], m.names[n:]...)
	m.due = append(m.due[:0], m.due[1:]...)
	return name
}

// Forget drops all of them, as a carrier does whose clear drops marks, too.
func (m *Marks) Forget() { m.due, m.names = m.due[:0], m.names[:0] }

// Clear lets the time of all of them come at once, as a carrier does that was told to forget what has not sounded.
func (m *Marks) Clear(now time.Duration) {
	for i := range m.due {
		m.due[i].at = min(m.due[i].at, now)
	}
}
