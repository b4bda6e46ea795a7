package deepgram

import (
	"slices"
	"sync"
	"time"

	"parley/media"
)

// How much audio a reel holds.
const (
	reelAhead = time.Second     // written and not yet sent; more is dropped, oldest first
	reelKept  = 4 * time.Second // sent and not yet settled, kept for a new socket
)

// A reel is a call's most recent audio in wire encoding, in frames of at most 20 ms: what is still to be sent and, behind it, what the
// recogniser has not settled yet and would need again on a new socket. Its memory is that of what is unsettled: blocks that all calls of
// a Client share. It is not safe for concurrent use.
//
//	kept        sent        head
//	 ▼           ▼           ▼
//	 [ unsettled | to be sent ]
//	 [block][block][block][block]
type reel struct {
	enc              encoding
	spare            *sync.Pool // of *reelBlock, of any size
	most             uint64     // frames
	blocks           []*reelBlock
	size             int    // bytes of a full frame
	kept, sent, head uint64 // counts of frames since the beginning
	lost             int    // frames that were dropped before they were sent
}

// blockFrames is how many frames a block holds: 200 ms.
const blockFrames = 10

// A reelBlock holds the frames from a multiple of blockFrames on.
type reelBlock struct {
	at   [blockFrames]time.Duration
	n    [blockFrames]int // bytes
	slab []byte           // of full frames
}

func newReel(enc encoding, spare *sync.Pool) reel {
	return reel{enc: enc, spare: spare, most: uint64((reelAhead + reelKept) / media.FrameTime), size: enc.bytes(media.FrameTime)}
}

// add copies f, in pieces if it is longer than 20 ms. With room for only reelAhead of unsent audio it drops the oldest of it, and says so;
// waiting says that there is no socket just now, so that all the room may be used.
func (r *reel) add(f media.Frame, waiting bool) (dropped bool) {
	limit := uint64(reelAhead / media.FrameTime)
	if waiting {
		limit = r.most
	}
	full := r.size / r.enc.width
	for at, pcm := f.At, f.PCM; len(pcm) > 0; {
		n := min(full, len(pcm))
		if r.head-r.sent >= limit {
			r.sent++
			r.lost++
			dropped = true
		}
		if r.head-r.kept >= r.most {
			r.keep(r.kept + 1)
		}
		b, i := r.place(r.head)
		b.at[i], b.n[i] = at, n*r.enc.width
		r.enc.encode(b.slab[i*r.size:], pcm[:n])
		r.head++
		at += media.Samples(n, f.Rate)
		pcm = pcm[n:]
	}
	return dropped
}

// place is where frame i is or, if it is the one at head, will be.
func (r *reel) place(i uint64) (b *reelBlock, at int) {
	block := int(i/blockFrames - r.kept/blockFrames)
	if block == len(r.blocks) {
		r.blocks = append(r.blocks, r.blank())
	}
	return r.blocks[block], int(i % blockFrames)
}

// blank is a block for full frames, whose content does not matter.
func (r *reel) blank() *reelBlock {
	if b, ok := r.spare.Get().(*reelBlock); ok && len(b.slab) == blockFrames*r.size {
		return b
	}
	return &reelBlock{slab: make([]byte, blockFrames*r.size)}
}

// keep forgets the frames before from, and gives their blocks to other calls.
func (r *reel) keep(from uint64) {
	gone := min(int(from/blockFrames-r.kept/blockFrames), len(r.blocks))
	for _, b := range r.blocks[:gone] {
		r.spare.Put(b)
	}
	r.blocks = slices.Delete(r.blocks, 0, gone)
	r.kept = from
	r.sent = max(r.sent, from)
}

// unsent is how many bytes wait before the mark upTo.
func (r *reel) unsent(upTo uint64) (n int) {
	for i := r.sent; i < upTo; i++ {
		b, at := r.place(i)
		n += b.n[at]
	}
	return n
}

// take moves audio before the mark upTo to dst, at most limit bytes but at least one frame, and tells c where in time it belongs.
func (r *reel) take(dst []byte, limit int, upTo uint64, c *clock) []byte {
	for r.sent < upTo {
		b, i := r.place(r.sent)
		if len(dst) > 0 && len(dst)+b.n[i] > limit {
			break
		}
		dst = append(dst, b.slab[i*r.size:i*r.size+b.n[i]]...)
		c.add(b.at[i], media.Samples(b.n[i]/r.enc.width, r.enc.rate))
		r.sent++
	}
	return dst
}

// settle forgets sent audio that ended before at.
func (r *reel) settle(at time.Duration) {
	from := r.kept
	for from < r.sent {
		b, i := r.place(from)
		if b.at[i]+media.Samples(b.n[i]/r.enc.width, r.enc.rate) > at {
			break
		}
		from++
	}
	r.keep(from)
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
