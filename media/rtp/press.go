package rtp

import (
	"fmt"
	"time"

	"parley/media/dtmf"
)

const (
	loudness = 10     // dB below 0 dBm0, of keys
	repeats  = 2      // times that the last packet of a key is sent again (RFC 4733, section 2.5.1.4)
	longest  = 0xFFFF // ticks that a packet can say (section 2.5.1.3)
)

// pressed is the key that we press.
type pressed struct {
	down   bool
	again  int // times that its end is still to be told
	event  dtmf.Event
	marker bool
	start  uint32 // timestamp of the key, or of its segment
	begun  int64  // ticks in the segments before
	length int64  // ticks
	lasted int64

	tone []int16 // where keys go as sound: what is left of it
	room []int16
}

// sound is the key's tone in the place of a frame of silence, until there is no more of it.
func (k *pressed) sound(silence []int16) (tone []int16) {
	n := min(len(silence), len(k.tone))
	tone, k.tone = k.tone[:n], k.tone[n:]
	k.down = len(k.tone) > 0
	return tone
}

// Press presses a key: 0-9 * # A-D. The frames that are sent from now on, for as long as it lasts, are silence in its place: with each goes an
// event packet instead (RFC 4733), or a piece of the key's tone where the far end knows no events. A key that is still pressed is lifted.
func (s *Session) Press(key rune, length time.Duration) error {
	m := &s.mouth
	m.mu.Lock()
	defer m.mu.Unlock()
	code, ok := dtmf.Code(key)
	switch {
	case m.closed:
		return fmt.Errorf("press: %w", ErrClosed)
	case m.coding == nil:
		return fmt.Errorf("press: %w", errUnconfigured)
	case !ok:
		return fmt.Errorf("press: %q is no key, want one of 0-9 * # A-D", key)
	case length <= 0 || length > time.Minute:
		return fmt.Errorf("press: a key of %v, want more than none and a minute at most", length)
	case !m.sends:
		return nil
	}
	if err := m.lift(); err != nil {
		return err
	}
	m.catchUp(s.now())
	if m.Events == 0 {
		m.key.room = dtmf.AppendTone(m.key.room[:0], key, m.rate, length)
		for len(m.key.room)%(m.rate/50) != 0 {
			m.key.room = append(m.key.room, 0)
		}
		m.key.down, m.key.tone = true, m.key.room
		return nil
	}
	// Sound that waits for a packet to be full goes first: the key begins where it ends.
	if err := m.flush(); err != nil {
		return err
	}
	m.key = pressed{
		down: true, marker: true, event: dtmf.Event{Code: code, Volume: loudness}, start: m.time, room: m.key.room,
		length: max(1, int64(length)*int64(m.EventsClock)/int64(time.Second)),
	}
	return nil
}

// press sends the event packet that goes in the place of n samples of silence.
func (m *mouth) press(n int) error {
	k := &m.key
	k.lasted = min(k.lasted+int64(n)*int64(m.EventsClock)/int64(m.rate), k.length)
	m.time += m.ticks(n, m.rate)
	for k.lasted-k.begun > longest { // the rest is a segment of its own
		k.event.Duration = longest
		if err := m.tell(); err != nil {
			return err
		}
		k.begun += longest
		k.start += longest
	}
	k.event.Duration = uint16(k.lasted - k.begun) //nolint:gosec // longest at most
	if k.lasted == k.length {
		k.down, k.again, k.event.End = false, repeats, true
	}
	return m.tell()
}

// tell sends the event as it is.
func (m *mouth) tell() error {
	k := &m.key
	k.event.Put(m.buf[headerSize:])
	marker := k.marker
	k.marker = false
	m.marker = true // of the sound that follows
	return m.write(m.Events, marker, k.start, dtmf.EventSize)
}

// repeat sends the end of the key once more.
func (m *mouth) repeat() error {
	m.key.again--
	return m.tell()
}

// lift ends the key that is pressed, and tells what is still to be told of its end at once.
func (m *mouth) lift() error {
	k := &m.key
	k.tone = nil
	if k.down && m.Events != 0 && k.lasted > 0 {
		k.event.End, k.again = true, repeats+1
	}
	k.down = false
	for k.again > 0 {
		if err := m.repeat(); err != nil {
			return err
		}
	}
	return nil
}
