package legtest

import (
	"context"
	"slices"
	"time"

	"parley/media"
)

// A Stretch is audio that sounded without a break, from At on.
type Stretch struct {
	At  time.Time
	PCM []int16
}

// sounded is how many samples have sounded by now; mu is held.
func (c *Carrier) sounded(now time.Time) int {
	for _, s := range slices.Backward(c.played) {
		if heard := samplesIn(now.Sub(s.at), c.line.Info.Rate); heard > 0 {
			return s.from + min(heard, s.n)
		}
	}
	return 0
}

// soundsAt is when the nth sample will have sounded, if it has been sent; mu is held.
func (c *Carrier) soundsAt(n int) (time.Time, bool) {
	for _, s := range c.played {
		if n <= s.from+s.n {
			return s.at.Add(media.Samples(n-s.from, c.line.Info.Rate) + time.Nanosecond), true
		}
	}
	return time.Time{}, false
}

// Hear implements Far: it waits for the audio to sound in its own time.
func (c *Carrier) Hear(ctx context.Context, n int) ([]int16, error) {
	for {
		c.mu.Lock()
		want, have := c.reported+n, c.sounded(time.Now())
		due, sent := c.soundsAt(want)
		if have >= want || ctx.Err() != nil || !sent && c.usable() != nil {
			heard := slices.Clone(c.pcm[c.reported:min(have, want)])
			c.reported += len(heard)
			err := context.Cause(ctx)
			if len(heard) == n {
				err = nil
			} else if err == nil {
				err = c.usable()
			}
			c.mu.Unlock()
			return heard, err
		}
		changed := c.watch()
		c.mu.Unlock()
		wait(ctx, due, changed)
	}
}

// wait returns at due (zero: never), when ctx ends or when changed is closed.
func wait(ctx context.Context, due time.Time, changed <-chan struct{}) {
	var after <-chan time.Time
	if !due.IsZero() {
		t := time.NewTimer(time.Until(due))
		defer t.Stop()
		after = t.C
	}
	select {
	case <-ctx.Done():
	case <-after:
	case <-changed:
	}
}

// Cleared implements Far.
func (c *Carrier) Cleared(ctx context.Context) error {
	for {
		c.mu.Lock()
		var due time.Time
		if int(c.epoch) > c.cleared {
			if due = c.clearAt; !time.Now().Before(due) {
				c.cleared++
				c.mu.Unlock()
				return nil
			}
		}
		changed, err := c.watch(), c.usable()
		c.mu.Unlock()
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		wait(ctx, due, changed)
	}
}

// Heard implements Far.
func (c *Carrier) Heard() []int16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pcm[:c.sounded(time.Now())])
}

// Sounded is what has sounded so far, and when.
func (c *Carrier) Sounded() []Stretch {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Stretch
	n := c.sounded(time.Now())
	for _, s := range c.played {
		if end := min(n, s.from+s.n); end > s.from {
			all = append(all, Stretch{At: s.at, PCM: slices.Clone(c.pcm[s.from:end])})
		}
	}
	return all
}

// Pressed are the keys that the leg has pressed so far.
func (c *Carrier) Pressed() []Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pressed)
}

// Buffered is how much audio the carrier has, or is being sent, that has not sounded yet.
func (c *Carrier) Buffered() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return media.Samples(len(c.pcm)-c.sounded(time.Now()), c.line.Info.Rate)
}

// Counts is how many Sends, Clears and Marks the leg was asked for.
func (c *Carrier) Counts() (sends, clears, marks int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sends), int(c.epoch), c.marks
}

// Sizes is how many samples each Send carried.
func (c *Carrier) Sizes() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sends)
}

// Cause is why the leg was hung up; false if it was not.
func (c *Carrier) Cause() (media.Cause, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause, c.hungUp
}
