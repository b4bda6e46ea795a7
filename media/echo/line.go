package echo

import (
	"fmt"
	"time"

	"parley/media"
)

// catchUp is how late a Send may be, on a leg without lead, and still follow the one before without a gap: later than that the voice
// was late, not the pacer, and the far end had run dry.
const catchUp = media.FrameTime

// jitter is by how much the arrival of frames must have moved for all time to be taken to have moved.
const jitter = 10 * time.Millisecond

// window is in how many frames one is sure to come without delay.
const window = 100

// Wrap is leg with the echo of what is sent taken out of what is received; tail is as in New. The leg must have been answered just now,
// and its Info.Lead be at most 3 s. It is a media.Marker if leg is, and a media.Keypad.
//
// What is taken out is so for all who hear the caller: ear, recogniser and recording. The memory of the filter is the C library's; it is made when the first sound is sent, and freed when Receive returns an error: whoever receives goes on until
// it does.
func Wrap(leg media.Leg, tail time.Duration) (media.Leg, error) {
	info := leg.Info()
	if info.Lead > 3*time.Second {
		return nil, fmt.Errorf("make echo canceller: the leg's lead is %v, want at most 3s", info.Lead)
	}
	c, err := New(info.Rate, tail)
	if err != nil {
		return nil, err
	}
	l := &Line{Leg: leg, canceller: c, opened: time.Now(), frame: make([]int16, info.Rate/50)}
	if info.Lead == 0 {
		l.slack = catchUp
	}
	marker, marks := leg.(media.Marker)
	pad, presses := leg.(media.Keypad)
	switch {
	case marks && presses:
		return struct {
			*Line
			media.Marker
			media.Keypad
		}{l, marker, pad}, nil
	case presses:
		return struct {
			*Line
			media.Keypad
		}{l, pad}, nil
	case marks:
		return &markingLine{l, marker}, nil
	}
	return l, nil
}

// A Line is a Leg before another that takes the echo out.
type Line struct {
	media.Leg
	canceller *Canceller
	opened    time.Time // the beginning of the canceller's clock
	slack     time.Duration

	// Of Send and Clear.
	until   time.Duration // when all that was sent has sounded
	cleared bool          // since the last Send

	// Of Receive.
	frame []int16
	clock arrivals
}

type markingLine struct {
	*Line
	media.Marker
}

// Unwrap is the leg that the Line stands before.
func (l *Line) Unwrap() media.Leg { return l.Leg }

// Send implements [media.Leg].
func (l *Line) Send(f media.Frame) error {
	if now := time.Since(l.opened); now-l.until > l.slack || l.cleared && now > l.until {
		l.until = now
	}
	l.cleared = false
	l.canceller.Far(l.until, f.PCM)
	l.until += f.Duration()
	return l.Leg.Send(f)
}

// Clear implements [media.Leg].
func (l *Line) Clear() error {
	if now := time.Since(l.opened); now < l.until {
		l.until = now
		l.canceller.Cut(now)
	}
	l.cleared = true
	return l.Leg.Clear()
}

// Receive implements [media.Leg].
func (l *Line) Receive() (media.Packet, error) {
	p, err := l.Leg.Receive()
	if err != nil {
		_ = l.canceller.Close()
		return p, err
	}
	if n := len(p.Frame.PCM); n > 0 && n <= len(l.frame) {
		p.Frame.PCM = l.frame[:copy(l.frame, p.Frame.PCM)]
		heard := p.Frame
		heard.At += l.clock.offset(time.Since(l.opened), p.Frame.At+p.Frame.Duration())
		l.canceller.Near(heard)
	}
	return p, nil
}

// arrivals finds what time it is by the frames of one speaker: those that come with the least delay tell. It changes its mind only for
// a difference that matters, because the filter has to learn anew then.
type arrivals struct {
	at     time.Duration // what a frame's media time is to be moved by
	lowest time.Duration // of the frames of this window
	frames int
	known  bool
}

// offset takes a frame that came at now and whose sound ended at end, by media time.
func (a *arrivals) offset(now, end time.Duration) time.Duration {
	late := now - end
	if a.frames == 0 || late < a.lowest {
		a.lowest = late
	}
	a.frames++
	if full := a.frames == window; !a.known || full || late < a.at-jitter {
		if moved := a.lowest - a.at; !a.known || moved > jitter || moved < -jitter {
			a.at = a.lowest
		}
		a.known = true
		if full {
			a.frames = 0
		}
	}
	return a.at
}
