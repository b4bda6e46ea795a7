package legtest

import (
	"errors"
	"fmt"
	"time"

	"parley/media"
)

// A Line says how an in-memory leg and the carrier behind it behave. The zero Line is an ideal 8 kHz telephone: frames of 20 ms,
// no lead, no marks, no delay.
type Line struct {
	Info  media.Info // a zero Rate is 8000, a zero Chunk 20 ms
	Marks bool       // the leg is a media.Marker
	Keys  bool       // the leg is a media.Keypad
	Hum   int16      // what each sample of silence is on an Open line
	Open  bool       // a frame every 20 ms from New on, silence where nothing was said; otherwise frames come when said

	Down      time.Duration // from the leg to the carrier
	Up        time.Duration // from the carrier to the leg
	Prebuffer time.Duration // the carrier holds audio so long before it sounds, whenever its buffer was empty

	// Mark, if set, decides the fate of the nth mark asked for (from 0): how much later it comes back, or that it never does.
	Mark func(n int) (late time.Duration, lost bool)
	// Send, if set, may fail the nth Send (from 0).
	Send func(n int) error
	// Clear, if set, may fail the nth Clear (from 0).
	Clear func(n int) error
	// Press, if set, may fail the nth Press (from 0).
	Press func(n int) error
}

// The errors of the in-memory leg.
var (
	errHungUp = errors.New("leg was hung up")
	errLost   = errors.New("connection lost")
)

// New is a leg, answered just now, and its far end. The leg is a media.Marker if line.Marks says so, and a media.Keypad if line.Keys does.
func New(line Line) (media.Leg, *Carrier) {
	if line.Info.Rate == 0 {
		line.Info.Rate = 8000
	}
	if line.Info.Chunk == 0 {
		line.Info.Chunk = media.FrameTime
	}
	if line.Info.Kind == "" {
		line.Info.Kind = "legtest"
	}
	c := &Carrier{line: line, answered: time.Now(), frame: line.Info.Rate / 50}
	l := &leg{carrier: c, scratch: make([]int16, c.frame)}
	switch {
	case line.Marks && line.Keys:
		return struct {
			*markingLeg
			pad
		}{&markingLeg{l}, pad{c}}, c
	case line.Keys:
		return struct {
			*leg
			pad
		}{l, pad{c}}, c
	case line.Marks:
		return &markingLeg{l}, c
	}
	return l, c
}

// leg is the near end of a Carrier; all state is the Carrier's.
type leg struct {
	carrier *Carrier
	scratch []int16 // the frame that Receive lent last
	timer   *time.Timer
}

type markingLeg struct{ *leg }

// pad is what makes a leg a media.Keypad.
type pad struct{ far *Carrier }

func (p pad) Press(key rune, length time.Duration) error { return p.far.press(time.Now(), key, length) }

func (l *leg) Info() media.Info { return l.carrier.line.Info }

func (l *leg) Receive() (media.Packet, error) {
	for {
		p, due, changed, err := l.carrier.receive(time.Now(), l.scratch)
		if err != nil || due.IsZero() && changed == nil {
			return p, err
		}
		l.wait(due, changed)
	}
}

// wait returns at due (zero: never) or when the carrier changed.
func (l *leg) wait(due time.Time, changed <-chan struct{}) {
	if due.IsZero() {
		<-changed
		return
	}
	if l.timer == nil {
		l.timer = time.NewTimer(time.Until(due))
	} else {
		l.timer.Reset(time.Until(due))
	}
	select {
	case <-l.timer.C:
	case <-changed:
	}
}

func (l *leg) Send(f media.Frame) error {
	i := l.carrier.line.Info
	if f.Rate != i.Rate {
		return fmt.Errorf("send: frame of %d Hz on a leg of %d Hz", f.Rate, i.Rate)
	}
	if d := f.Duration(); d == 0 || d > i.Chunk {
		return fmt.Errorf("send: frame of %v on a leg that takes at most %v", d, i.Chunk)
	}
	return l.carrier.send(time.Now(), f.PCM)
}

func (l *leg) Clear() error { return l.carrier.clear(time.Now()) }

func (l *markingLeg) Mark() error { return l.carrier.mark(time.Now()) }

func (l *leg) Hangup(why media.Cause) error { return l.carrier.hangup(why) }
