package webrtc

import (
	"fmt"
	"sync"
	"time"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/rtp"
)

// A Leg is one browser's end of a call, connected from the moment that Options.Answer has it; or that of another server (Peers).
type Leg struct {
	info    media.Info
	session *rtp.Session
	channel *channel // nil: the far end is no page
	bye     func()   // ends the transport
	over    sync.Once
}

var _ interface {
	media.Leg
	media.Keypad
	media.Gauge
} = (*Leg)(nil)

// Info implements [media.Leg].
func (l *Leg) Info() media.Info { return l.info }

// String names the way that the sound takes.
func (l *Leg) String() string { return "webrtc " + l.session.String() }

// Receive implements [media.Leg]. It does not allocate.
func (l *Leg) Receive() (media.Packet, error) { return l.session.Receive() }

// Send implements [media.Leg]. It does not allocate.
func (l *Leg) Send(f media.Frame) error { return l.session.Send(f) }

// Clear implements [media.Leg].
func (l *Leg) Clear() error { return l.session.Clear() }

// Press implements [media.Keypad]: the page's browser gets telephone-events, or hears tones.
func (l *Leg) Press(key rune, length time.Duration) error { return l.session.Press(key, length) }

// Quality implements [media.Gauge].
func (l *Leg) Quality() media.Quality { return l.session.Quality() }

// Tell has the page told a message, JSON by custom, of 16 KiB at most; the text is the leg's from then on. It does not wait: false means that
// too many messages wait, that it is too long, or that the far end is no page. Where the page has opened no data channel, those that wait are never
// sent. It may be called by any goroutine.
func (l *Leg) Tell(text []byte) bool {
	return l.channel != nil && len(text) <= maxMessage && l.channel.tell(text)
}

// Key takes a key that the page has told of in another way than by sound: 0-9 * # A-D. If it comes as an event or a tone too, it counts once.
func (l *Leg) Key(key rune) error {
	if !dtmf.Is(key) {
		return fmt.Errorf("key %q: want one of 0-9 * # A-D", key)
	}
	l.session.Digit(key)
	return nil
}

// Hangup implements [media.Leg]. The browser's connection is closed, which pages are told of at once.
func (l *Leg) Hangup(media.Cause) error {
	l.over.Do(func() {
		_ = l.session.Close() // it has no errors
		l.bye()
	})
	return nil
}
