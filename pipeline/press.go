package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"parley/media"
	"parley/media/dtmf"
)

// The pauses between keys.
const (
	shortPause = 500 * time.Millisecond // w
	longPause  = time.Second            // W, p
)

var errHeld = errors.New("the agent is on hold")

// press adds keys to t, when all that was said before has been heard. Whatever the far end does meanwhile, they are pressed to the last:
// the machine that takes them talks, and half of a number is worse than none.
func (d *dialog) press(t *turn, keys string) {
	d.resume()
	t.steps = append(t.steps, &step{message: len(d.history), responded: true, arrived: true, keys: keys})
	d.history = append(d.history, Message{Role: Narrator, Text: "You pressed " + spaced(keys) + ".", Turn: t.n, At: d.now})
	d.heed(false)
	d.do(press{t.n, len(t.steps) - 1, keys, t.held})
}

// writePressed brings the history up to date with what was pressed of a step, once that is known.
func (d *dialog) writePressed(s *step) {
	if !s.voiced {
		return
	}
	m := &d.history[s.message]
	if s.account.began != 0 {
		m.At, m.Length = s.account.began, s.account.length
	}
	done := s.pressed()
	switch whole := justKeys(s.keys); done {
	case whole:
	case "":
		m.Text = ""
		return
	default:
		m.Text = "You pressed " + spaced(done) + ", and nothing more of " + spaced(whole) + "."
	}
	d.tell(Event{Kind: AgentPressed, Text: done})
}

// keepKeys lets the keys of a turn that was cut be pressed all the same, next: who interrupts the words before them does not stop them.
func (d *dialog) keepKeys(t *turn) {
	var kept []order
	for _, c := range t.then {
		switch {
		case c.Kind != Press:
		case d.onHold != nil:
			d.tell(Event{Kind: CommandFailed, Text: string(Press), Err: errHeld})
			d.notes = append(d.notes, "The keys "+spaced(c.Keys)+" were not pressed: "+errHeld.Error()+".")
		default:
			kept = append(kept, order{command: c, why: ForCommand})
		}
	}
	d.orders = append(kept, d.orders...)
}

// pressing says whether keys of t are being pressed.
func (t *turn) pressing() bool {
	return slices.ContainsFunc(t.steps, func(s *step) bool { return s.keys != "" && !s.voiced })
}

// presses says whether t has pressed keys, or will.
func (t *turn) presses() bool {
	return slices.ContainsFunc(t.steps, func(s *step) bool { return s.keys != "" }) ||
		slices.ContainsFunc(t.then, func(c Command) bool { return c.Kind == Press })
}

// pressed are the keys that t has pressed, and how long that took.
func (t *turn) pressed() (keys string, length time.Duration) {
	for _, s := range t.steps {
		if s.keys != "" && s.voiced {
			keys, length = keys+s.pressed(), length+s.account.length
		}
	}
	return keys, length
}

// pressed are those keys of the step whose tone was heard whole.
func (s *step) pressed() string {
	done, at := "", time.Duration(0)
	for _, k := range s.keys {
		at += keyTime(k)
		if dtmf.Is(k) && at-dtmf.Gap <= s.account.length {
			done += string(k)
		}
	}
	return done
}

// keyTime is how long a key takes with the gap after it, or how long a pause is.
func keyTime(k rune) time.Duration {
	switch {
	case dtmf.Is(k):
		return dtmf.Tone + dtmf.Gap
	case k == 'w':
		return shortPause
	}
	return longPause
}

// justKeys are keys without their pauses.
func justKeys(keys string) string {
	return strings.Map(func(k rune) rune {
		if dtmf.Is(k) {
			return k
		}
		return -1
	}, keys)
}

// spaced are keys as they are read: "1 2 #".
func spaced(keys string) string { return strings.Join(strings.Split(justKeys(keys), ""), " ") }

// press begins to press the keys of a step: by the leg, if it has a keypad, and else by their tones.
func (c *Call) press(ctx context.Context, a press) {
	l := c.floor(ctx, a.turn)
	r := &reply{turn: a.turn, step: a.step, answered: c.answered, utterance: c.playout.Begin(), keys: true}
	l.replies = append(l.replies, r)
	if !a.held {
		r.released = true
		c.playout.Release(r.utterance)
	}
	l.spawn("press", func(ctx context.Context) { c.dial(ctx, r, a.keys) })
}

// dial sees a reply of keys through, as attend does one of words.
func (c *Call) dial(ctx context.Context, r *reply, keys string) {
	for _, k := range keys {
		if c.dialKey(ctx, r.utterance, k) != nil {
			return // it was cut, and whoever did so knows
		}
		c.announce(ctx, r)
	}
	r.utterance.CloseWrite()
	c.announce(ctx, r)
	select {
	case <-r.utterance.Done():
		c.post(ctx, voiced{r.account()})
	case <-ctx.Done():
	}
}

func (c *Call) dialKey(ctx context.Context, u *media.Utterance, key rune) error {
	rate := c.Leg.Info().Rate
	switch {
	case !dtmf.Is(key):
		return u.Write(ctx, stillness(keyTime(key), rate))
	case c.pad == nil:
		pcm := dtmf.Append(nil, key, rate)
		gap := len(pcm) - int(dtmf.Gap*time.Duration(rate)/time.Second)
		if err := u.WriteWhole(ctx, pcm[:gap]); err != nil {
			return err
		}
		return u.Write(ctx, pcm[gap:])
	}
	return pressKey(ctx, u, c.pad, key, rate)
}

// pressKey presses a key by a leg of a rate, and waits for the gap after it to have its place.
func pressKey(ctx context.Context, u *media.Utterance, pad media.Keypad, key rune, rate int) error {
	if err := u.Press(ctx, pad, key, dtmf.Tone); err != nil {
		return err
	}
	return u.Write(ctx, stillness(dtmf.Gap, rate))
}

// stillness is so much silence, at a rate.
func stillness(d time.Duration, rate int) []int16 {
	return make([]int16, int(d*time.Duration(rate)/time.Second))
}
