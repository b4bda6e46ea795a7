package wire

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

// A Reel is a call's most recent audio in wire encoding, in frames of at most 20 ms: what is still to be sent and, behind it, what the
// recogniser has not settled yet and would need again on a new socket. Its memory is that of what is unsettled: blocks that all reels of
// a Spare share. It is not safe for concurrent use.
//
//	kept        sent        head
//	 ▼           ▼           ▼
//	 [ unsettled | to be sent ]
//	 [block][block][block][block]
type Reel struct {
	Encoding         Encoding
	spare            *Spare
	most             uint64 // frames
	blocks           []*reelBlock
	size             int    // bytes of a full frame
	kept, sent, head uint64 // counts of frames since the beginning
	lost             int    // frames that were dropped before they were sent
}

// Spare is the memory that reels do not need just now. Its zero value is ready.
type Spare struct{ blocks sync.Pool } // of *reelBlock, of any size

// blockFrames is how many frames a block holds: 200 ms.
const blockFrames = 10

// A reelBlock holds the frames from a multiple of blockFrames on.
type reelBlock struct {
	at   [blockFrames]time.Duration
	n    [blockFrames]int // bytes
	slab []byte           // of full frames
}

// NewReel is an empty reel.
func NewReel(enc Encoding, spare *Spare) Reel {
	return Reel{Encoding: enc, spare: spare, most: uint64((reelAhead + reelKept) / media.FrameTime), size: enc.Bytes(media.FrameTime)}
}

// Frame is how many bytes a full frame has.
func (r *Reel) Frame() int { return r.size }

// Head is how many frames were added so far: the mark of what comes next.
func (r *Reel) Head() uint64 { return r.head }

// Waiting is how many frames wait to be sent.
func (r *Reel) Waiting() int { return int(r.head - r.sent) }

// Lost is how many frames were dropped before they were sent.
func (r *Reel) Lost() int { return r.lost }

// Add copies f, in pieces if it is longer than 20 ms. With room for only reelAhead of unsent audio it drops the oldest of it, and says so;
// waiting says that there is no socket just now, so that all the room may be used.
func (r *Reel) Add(f media.Frame, waiting bool) (dropped bool) {
	limit := uint64(reelAhead / media.FrameTime)
	if waiting {
		limit = r.most
	}
	full := r.size / r.Encoding.Width
	for at, pcm := f.At, f.PCM; len(pcm) > 0; {
		n := min(full, len(pcm))
		if r.head-r.sent >= limit {
			r.sent++
			r.lost++
			dropped = true
		}
		if r.head-r.kept >= r.most {
			r.Keep(r.kept + 1)
		}
		b, i := r.place(r.head)
		b.at[i], b.n[i] = at, n*r.Encoding.Width
		r.Encoding.Encode(b.slab[i*r.size:], pcm[:n])
		r.head++
		at += media.Samples(n, f.Rate)
		pcm = pcm[n:]
	}
	return dropped
}

// place is where frame i is or, if it is the one at head, will be.
func (r *Reel) place(i uint64) (b *reelBlock, at int) {
	block := int(i/blockFrames - r.kept/blockFrames)
	if block == len(r.blocks) {
		r.blocks = append(r.blocks, r.blank())
	}
	return r.blocks[block], int(i % blockFrames)
}

// blank is a block for full frames, whose content does not matter.
func (r *Reel) blank() *reelBlock {
	if b, ok := r.spare.blocks.Get().(*reelBlock); ok && len(b.slab) == blockFrames*r.size {
		return b
	}
	return &reelBlock{slab: make([]byte, blockFrames*r.size)}
}

// Keep forgets the frames before from, and gives their blocks to other calls.
func (r *Reel) Keep(from uint64) {
	gone := min(int(from/blockFrames-r.kept/blockFrames), len(r.blocks))
	for _, b := range r.blocks[:gone] {
		r.spare.blocks.Put(b)
	}
	r.blocks = slices.Delete(r.blocks, 0, gone)
	r.kept = from
	r.sent = max(r.sent, from)
}

// Unsent is how many bytes wait before the mark upTo.
func (r *Reel) Unsent(upTo uint64) (n int) {
	for i := r.sent; i < upTo; i++ {
		b, at := r.place(i)
		n += b.n[at]
	}
	return n
}

// Take moves audio before the mark upTo to dst, at most limit bytes but at least one frame, and tells c where in time it belongs.
func (r *Reel) Take(dst []byte, limit int, upTo uint64, c *Clock) []byte {
	for r.sent < upTo {
		b, i := r.place(r.sent)
		if len(dst) > 0 && len(dst)+b.n[i] > limit {
			break
		}
		dst = append(dst, b.slab[i*r.size:i*r.size+b.n[i]]...)
		c.Add(b.at[i], media.Samples(b.n[i]/r.Encoding.Width, r.Encoding.Rate))
		r.sent++
	}
	return dst
}

// Pass lets at most n frames wait to be sent: those before them are not, unless a new socket needs them.
func (r *Reel) Pass(n int) {
	if r.Waiting() > n {
		r.sent = r.head - uint64(n)
	}
}

// Settle forgets sent audio that ended before at.
func (r *Reel) Settle(at time.Duration) {
	from := r.kept
	for from < r.sent {
		b, i := r.place(from)
		if b.at[i]+media.Samples(b.n[i]/r.Encoding.Width, r.Encoding.Rate) > at {
			break
		}
		from++
	}
	r.Keep(from)
}

// Rewind makes all that is not settled unsent again.
func (r *Reel) Rewind() { r.sent = r.kept }
