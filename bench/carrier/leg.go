package carrier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/media"
	"parley/media/dtmf"
)

// A conversation is a call over a leg: each 20 ms that come are heard, and the caller's next 20 ms go out.
type conversation struct {
	p      *placed
	leg    media.Leg
	began  time.Time
	ear    ear
	caller *caller
	voice  []int16
	slots  int64
}

// PlaceBy makes the call by another carrier than Twilio: dial connects it, and returns when it is answered. The leg's rate must be Rate. Result and
// error are as Place's, and dial's error is returned as it is; what Twilio alone has, such as the webhook's time, is missing, and URL, Connect and
// AuthToken count for nothing.
func (c Call) PlaceBy(ctx context.Context, dial func(context.Context) (media.Leg, error)) (*Result, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	prompts, err := c.Library.load(c.Script)
	if err != nil {
		return nil, err
	}
	p := &placed{Call: c, prompts: prompts, result: &Result{From: c.From, To: c.To}}
	asked := time.Now()
	leg, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	p.result.Setup, p.result.CallSID = Millis(time.Since(asked)), leg.Info().ID
	if rate := leg.Info().Rate; rate != Rate {
		_ = leg.Hangup(media.CauseRejected)
		return p.conclude(fmt.Errorf("place call: the leg has %d samples a second: want %d", rate, Rate))
	}
	v := &conversation{p: p, leg: leg, ear: newEar(), voice: make([]int16, slot)}
	v.caller = &caller{script: p.Script, prompts: prompts, ear: &v.ear, log: func(e Event) { p.result.Timeline = append(p.result.Timeline, e) }}
	err = v.run(ctx)
	v.finish()
	return p.conclude(err)
}

// run holds the conversation until the caller hangs up, the far end does, or a step fails. The leg's clock is the call's: a frame comes every 20 ms.
func (v *conversation) run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = v.leg.Hangup(media.CauseCaller) })()
	for {
		p, err := v.leg.Receive()
		if err != nil {
			return v.closed(ctx, err)
		}
		switch {
		case p.Digit != 0:
			v.p.pressed(dtmf.Press{Key: p.Digit, At: timeOf(int64(len(v.p.result.Heard)))})
		case p.Note.Kind == media.Held:
			v.p.note("carrier", "held", "")
		case p.Note.Kind == media.Resumed:
			v.p.note("carrier", "resumed", "")
		}
		if len(p.Frame.PCM) == 0 {
			continue
		}
		if v.began.IsZero() {
			v.began = time.Now()
		}
		v.p.result.Heard = append(v.p.result.Heard, p.Frame.PCM...)
		v.ear.hear(p.Frame.PCM)
		leave, err := v.speak()
		if leave || err != nil {
			v.p.end("caller")
			return errors.Join(err, v.leg.Hangup(media.CauseCaller))
		}
	}
}

// speak asks the caller for the next frame, and sends it.
func (v *conversation) speak() (leave bool, err error) {
	r, f := v.p.result, &v.p.result.Frames
	if late := time.Since(v.began) - timeOf(v.slots*slot); v.slots > 0 {
		if f.WorstSend = max(f.WorstSend, Millis(late)); late > 5*time.Millisecond {
			f.SentLate++
		}
	}
	if timeOf(v.slots*slot) >= v.p.MaxLength {
		return true, fmt.Errorf("the call was still going after %v", v.p.MaxLength)
	}
	m, err := v.caller.next(v.slots * slot)
	if err != nil || m.leave {
		return m.leave, err
	}
	clear(v.voice[copy(v.voice, m.voice):])
	if m.key != 0 {
		if err := v.press(rune(m.key)); err != nil {
			return false, err
		}
	}
	v.slots++
	f.Sent++
	r.Said = append(r.Said, v.voice...)
	_ = v.leg.Send(media.Frame{PCM: v.voice, Rate: Rate}) // if it does not go out, Receive says why
	return false, nil
}

// keyLength is for how long a key is pressed.
const keyLength = 100 * time.Millisecond

// press presses a key.
func (v *conversation) press(key rune) error {
	pad, ok := v.leg.(media.Keypad)
	if !ok {
		return errors.New("press a key: the leg has none")
	}
	if err := pad.Press(key, keyLength); err != nil {
		return fmt.Errorf("press %c: %w", key, err)
	}
	return nil
}

// closed judges the end of the leg: io.EOF is the agent's hang-up, which the script must have been ready for.
func (v *conversation) closed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v.p.end("agent")
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the call broke: %w", err)
	}
	return v.caller.forsaken()
}

// finish makes the result.
func (v *conversation) finish() {
	r := v.p.result
	r.Length = at(int64(len(r.Heard)))
	r.tell(v.caller.acts, &v.ear, nil, nil)
	if l, ok := v.leg.(interface{ tally(f *Frames) }); ok {
		_ = v.leg.Hangup(media.CauseCaller) // it has gone, or is let go
		l.tally(&r.Frames)
	}
	if g, ok := v.leg.(media.Gauge); ok {
		q := g.Quality()
		r.Packets = &Packets{MOS: q.MOS, Received: q.Received, Lost: q.Lost + q.Late, Jitter: Millis(q.Jitter)}
	}
}
