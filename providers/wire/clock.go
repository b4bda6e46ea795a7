package wire

import "time"

// maxSpans is how many breaks in time a clock remembers.
const maxSpans = 256

// A Clock turns positions in what one socket was sent into the call's time. They differ when frames were dropped or never came.
type Clock struct {
	spans []span
	sent  time.Duration // audio that the socket was sent
	next  time.Duration // when the next frame should have been spoken, if none is missing
}

type span struct{ sent, at time.Duration }

// Add says that d of audio, spoken at, was sent next.
func (c *Clock) Add(at, d time.Duration) {
	if gap := at - c.next; len(c.spans) == 0 || gap > time.Millisecond || gap < -time.Millisecond {
		if len(c.spans) == maxSpans {
			c.spans = append(c.spans[:0], c.spans[maxSpans/2:]...)
		}
		c.spans = append(c.spans, span{sent: c.sent, at: at})
		c.next = at
	}
	c.sent += d
	c.next += d
}

// Skip says that d of silence was sent next that nobody spoke. What follows is placed anew.
func (c *Clock) Skip(d time.Duration) { c.Add(c.next, d) }

// Sent is how much audio the socket was sent, in call time.
func (c *Clock) Sent() time.Duration { return c.At(c.sent) }

// At is when the audio at position sent was spoken.
func (c *Clock) At(sent time.Duration) time.Duration {
	for i := len(c.spans) - 1; i > 0; i-- {
		if s := c.spans[i]; s.sent <= sent {
			return s.at + sent - s.sent
		}
	}
	if len(c.spans) == 0 {
		return sent
	}
	return max(0, c.spans[0].at+sent-c.spans[0].sent)
}

// Begin is when what begins at position sent was spoken. Recognisers round times: what begins just short of a break was spoken after it.
func (c *Clock) Begin(sent time.Duration) time.Duration {
	const rounding = 10 * time.Millisecond
	return max(c.At(sent), c.At(sent+rounding)-rounding)
}
