package legtest

import (
	"io"
	"slices"
	"sync"
	"time"

	"parley/media"
)

// A Carrier is the far end of an in-memory leg. It implements Far, with a playout buffer that runs by the clock. Its methods may
// be called by any goroutine.
type Carrier struct {
	line     Line
	answered time.Time
	frame    int // samples in 20 ms

	mu      sync.Mutex
	changed chan struct{} // closed at the next change; nil while nobody waits
	deaf    bool
	hungUp  bool
	cause   media.Cause

	// Towards the leg.
	arrivals []arrival
	said     []int16   // what Say gave and no frame has taken
	frames   int       // frames received so far
	ended    error     // what Receive returns in the end
	endsAt   time.Time // when it does

	// From the leg.
	epoch    uint32
	through  int   // samples sent since the last Clear
	sends    []int // the samples of each
	marks    int
	cleared  int       // clears that Cleared has reported
	lastCame time.Time // when the newest audio, mark or clear reaches the carrier
	clearAt  time.Time // when the newest clear does
	played   []stretch // what has sounded, then what is to sound
	pcm      []int16   // of played
	reported int       // samples that Hear has returned
	pending  []mark
	pressed  []Key
}

var _ Far = (*Carrier)(nil)

// arrival is a packet on its way to the leg; a frame is taken from said.
type arrival struct {
	at    time.Time
	digit rune
	note  media.Note
}

// A Key is one that the leg pressed, from At on.
type Key struct {
	Key    rune
	At     time.Time
	Length time.Duration
}

// stretch is audio that sounds without a break: n samples of the carrier's pcm.
type stretch struct {
	at      time.Time
	from, n int
}

// mark is a mark that will come back.
type mark struct {
	sounds time.Time // when the audio before it has sounded
	back   time.Time // when the leg has the note
	note   media.Note
}

// notify wakes whoever waits for a change; mu is held.
func (c *Carrier) notify() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// watch is closed at the next change; mu is held.
func (c *Carrier) watch() <-chan struct{} {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// receive takes the next packet that is due. Otherwise it says when to come back: at due, if that is not zero, or when changed
// is closed.
func (c *Carrier) receive(now time.Time, scratch []int16) (p media.Packet, due time.Time, changed <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hungUp {
		return p, due, nil, errHungUp
	}
	next := -1 // of pending; -1: an arrival, -2: a frame of the open line
	if len(c.arrivals) > 0 {
		due = c.arrivals[0].at
	}
	for i, m := range c.pending {
		if due.IsZero() || m.back.Before(due) {
			due, next = m.back, i
		}
	}
	if c.line.Open {
		if at := c.answered.Add(time.Duration(c.frames+1)*media.FrameTime + c.line.Up); due.IsZero() || at.Before(due) {
			due, next = at, -2
		}
	}
	if c.ended != nil && (due.IsZero() || c.endsAt.Before(due)) {
		if !now.Before(c.endsAt) {
			return p, due, nil, c.ended
		}
		due = c.endsAt
	}
	if due.IsZero() || now.Before(due) {
		return p, due, c.watch(), nil
	}
	switch {
	case next >= 0:
		p.Note = c.pending[next].note
		c.pending = slices.Delete(c.pending, next, next+1)
	case next == -2:
		p.Frame = c.take(scratch)
	default:
		a := c.arrivals[0]
		c.arrivals = slices.Delete(c.arrivals, 0, 1)
		p.Digit, p.Note = a.digit, a.note
		if a.digit == 0 && a.note.Kind == media.NoNote {
			p.Frame = c.take(scratch)
		}
	}
	return p, time.Time{}, nil, nil
}

// take is the next frame of what was said, filled up with silence.
func (c *Carrier) take(scratch []int16) media.Frame {
	n := copy(scratch, c.said)
	for i := range scratch[n:] {
		scratch[n+i] = c.line.Hum
	}
	c.said = c.said[n:]
	f := media.Frame{PCM: scratch, Rate: c.line.Info.Rate, At: time.Duration(c.frames) * media.FrameTime}
	c.frames++
	return f
}

// arrives is when something that reaches the carrier at the earliest at now+Down does so: in order, as on a socket.
func (c *Carrier) arrives(now time.Time) time.Time {
	if at := now.Add(c.line.Down); at.After(c.lastCame) {
		c.lastCame = at
	}
	return c.lastCame
}

// dry is when all that the carrier has will have sounded.
func (c *Carrier) dry() time.Time {
	if len(c.played) == 0 {
		return time.Time{}
	}
	s := c.played[len(c.played)-1]
	return s.at.Add(media.Samples(s.n, c.line.Info.Rate))
}

func (c *Carrier) send(now time.Time, pcm []int16) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.sends)
	c.sends = append(c.sends, len(pcm))
	if err := c.usable(); err != nil {
		return err
	}
	if c.line.Send != nil {
		if err := c.line.Send(n); err != nil {
			return err
		}
	}
	c.through += len(pcm)
	if c.deaf {
		return nil
	}
	came, dry := c.arrives(now), c.dry()
	c.pcm = append(c.pcm, pcm...)
	if dry.Before(came) || dry.IsZero() {
		c.played = append(c.played, stretch{at: came.Add(c.line.Prebuffer), from: len(c.pcm) - len(pcm), n: len(pcm)})
	} else {
		c.played[len(c.played)-1].n += len(pcm)
	}
	c.notify()
	return nil
}

func (c *Carrier) usable() error {
	if c.hungUp {
		return errHungUp
	}
	if c.ended != nil {
		return errLost
	}
	return nil
}

func (c *Carrier) clear(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	if c.line.Clear != nil {
		if err := c.line.Clear(int(c.epoch)); err != nil {
			return err
		}
	}
	c.epoch++
	c.through = 0
	if c.deaf {
		return nil
	}
	came := c.arrives(now)
	c.clearAt = came
	for len(c.played) > 0 {
		s := &c.played[len(c.played)-1]
		heard := min(samplesIn(came.Sub(s.at), c.line.Info.Rate), s.n)
		c.pcm = c.pcm[:s.from+max(heard, 0)]
		if heard > 0 {
			s.n = heard
			break
		}
		c.played = c.played[:len(c.played)-1]
	}
	for i := range c.pending {
		if m := &c.pending[i]; m.sounds.After(came) {
			m.sounds, m.back = came, came.Add(c.line.Up)
		}
	}
	c.notify()
	return nil
}

func (c *Carrier) mark(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	n := c.marks
	c.marks++
	var late time.Duration
	var lost bool
	if c.line.Mark != nil {
		late, lost = c.line.Mark(n)
	}
	if lost || c.deaf {
		return nil
	}
	at := c.arrives(now)
	if dry := c.dry(); dry.After(at) {
		at = dry
	}
	note := media.Note{Kind: media.Played, Through: media.Samples(c.through, c.line.Info.Rate), Epoch: c.epoch}
	c.pending = append(c.pending, mark{sounds: at, back: at.Add(c.line.Up + late), note: note})
	c.notify()
	return nil
}

func (c *Carrier) press(now time.Time, key rune, length time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	if c.line.Press != nil {
		if err := c.line.Press(len(c.pressed)); err != nil {
			return err
		}
	}
	c.pressed = append(c.pressed, Key{key, c.arrives(now), length})
	return nil
}

func (c *Carrier) hangup(why media.Cause) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hungUp {
		c.hungUp, c.cause = true, why
		c.notify()
	}
	return nil
}

// Say implements Far. On an Open line the words are spoken in real time, after what was said before.
func (c *Carrier) Say(pcm []int16) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	c.said = append(c.said, pcm...)
	if !c.line.Open {
		at := time.Now().Add(c.line.Up)
		owed := len(c.said) / c.frame
		for _, a := range c.arrivals {
			if a.digit == 0 && a.note.Kind == media.NoNote {
				owed--
			}
		}
		for range owed {
			c.arrivals = append(c.arrivals, arrival{at: at})
		}
	}
	c.notify()
	return nil
}

// Press implements Far.
func (c *Carrier) Press(digit rune) error { return c.deliver(arrival{digit: digit}) }

// Tell makes the leg report a note: Held, Resumed, Lost and the like, or a mark of the test's own invention.
func (c *Carrier) Tell(n media.Note) error { return c.deliver(arrival{note: n}) }

func (c *Carrier) deliver(a arrival) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	a.at = time.Now().Add(c.line.Up)
	c.arrivals = append(c.arrivals, a)
	c.notify()
	return nil
}

// Stop implements Far.
func (c *Carrier) Stop() error { return c.end(io.EOF) }

// Drop implements Far.
func (c *Carrier) Drop() error { return c.end(errLost) }

func (c *Carrier) end(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended, c.endsAt = err, time.Now().Add(c.line.Up)
		c.notify()
	}
	return nil
}

// Deafen implements Far.
func (c *Carrier) Deafen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
}

// samplesIn is how many samples begin and end within d.
func samplesIn(d time.Duration, rate int) int {
	if d <= 0 {
		return 0
	}
	return int(d * time.Duration(rate) / time.Second)
}
