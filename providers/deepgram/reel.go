package deepgram

import (
	"time"

	"parley/media"
)

// How much audio a reel holds.
const (
	reelAhead = time.Second     // written and not yet sent; more is dropped, oldest first
	reelKept  = 4 * time.Second // sent and not yet settled, kept for a new socket
)

// A reel is a call's most recent audio in wire encoding, in frames of at most 20 ms: what is still to be sent and, behind it, what the
// recogniser has not settled yet and would need again on a new socket. Its memory grows with what is unsettled, and stays. It is not safe
// for concurrent use.
//
//	kept        sent        head
//	 ▼           ▼           ▼
//	 [ unsettled | to be sent ]
type reel struct {
	enc              encoding
	most             int // frames
	frames           []reelFrame
	slab             []byte
	size             int    // bytes of a full frame
	kept, sent, head uint64 // counts of frames since the beginning
	lost             int    // frames that were dropped before they were sent
}

type reelFrame struct {
	at time.Duration
	n  int // bytes
}

func newReel(enc encoding) reel {
	r := reel{enc: enc, most: int((reelAhead + reelKept) / media.FrameTime), size: enc.bytes(media.FrameTime)}
	r.grow(int(reelAhead / media.FrameTime / 2))
	return r
}

// grow makes room for n frames.
func (r *reel) grow(n int) {
	frames, slab := make([]reelFrame, n), make([]byte, n*r.size)
	for i := r.kept; i < r.head; i++ {
		from, to := int(i)%len(r.frames), int(i)%n
		frames[to] = r.frames[from]
		copy(slab[to*r.size:], r.slab[from*r.size:(from+1)*r.size])
	}
	r.frames, r.slab = frames, slab
}

// add copies f, in pieces if it is longer than 20 ms. With room for only reelAhead of unsent audio it drops the oldest of it, and says so;
// waiting says that there is no socket just now, so that all the room may be used.
func (r *reel) add(f media.Frame, waiting bool) (dropped bool) {
	limit := uint64(reelAhead / media.FrameTime)
	if waiting {
		limit = uint64(r.most)
	}
	full := r.size / r.enc.width
	for at, pcm := f.At, f.PCM; len(pcm) > 0; {
		n := min(full, len(pcm))
		if r.head-r.sent >= limit {
			r.sent++
			r.lost++
			dropped = true
		}
		switch {
		case r.head-r.kept < uint64(len(r.frames)):
		case len(r.frames) < r.most:
			r.grow(min(2*len(r.frames), r.most))
		default:
			r.kept++
			r.sent = max(r.sent, r.kept)
		}
		i := int(r.head % uint64(len(r.frames)))
		r.frames[i] = reelFrame{at: at, n: n * r.enc.width}
		r.enc.encode(r.slab[i*r.size:], pcm[:n])
		r.head++
		at += media.Samples(n, f.Rate)
		pcm = pcm[n:]
	}
	return dropped
}

// unsent is how many bytes wait before the mark upTo.
func (r *reel) unsent(upTo uint64) (n int) {
	for i := r.sent; i < upTo; i++ {
		n += r.frames[i%uint64(len(r.frames))].n
	}
	return n
}

// take moves audio before the mark upTo to dst, at most limit bytes but at least one frame, and tells c where in time it belongs.
func (r *reel) take(dst []byte, limit int, upTo uint64, c *clock) []byte {
	for r.sent < upTo {
		i := int(r.sent % uint64(len(r.frames)))
		f := r.frames[i]
		if len(dst) > 0 && len(dst)+f.n > limit {
			break
		}
		dst = append(dst, r.slab[i*r.size:i*r.size+f.n]...)
		c.add(f.at, media.Samples(f.n/r.enc.width, r.enc.rate))
		r.sent++
	}
	return dst
}

// settle forgets sent audio that ended before at.
func (r *reel) settle(at time.Duration) {
	for r.kept < r.sent {
		f := r.frames[r.kept%uint64(len(r.frames))]
		if f.at+media.Samples(f.n/r.enc.width, r.enc.rate) > at {
			return
		}
		r.kept++
	}
}

// rewind makes all that is not settled unsent again.
func (r *reel) rewind() { r.sent = r.kept }

// maxSpans is how many breaks in time a clock remembers.
const maxSpans = 256

// A clock turns positions in what one socket was sent into the call's time. They differ when frames were dropped or never came.
type clock struct {
	spans []span
	sent  time.Duration // audio that the socket was sent
	next  time.Duration // when the next frame should have been spoken, if none is missing
}

type span struct{ sent, at time.Duration }

// add says that d of audio, spoken at, was sent next.
func (c *clock) add(at, d time.Duration) {
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

// at is when the audio at position sent was spoken.
func (c *clock) at(sent time.Duration) time.Duration {
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
