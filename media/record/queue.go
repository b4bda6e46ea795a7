package record

import (
	"math"
	"sync"
)

// A channel of the file.
type channel uint8

const (
	left  channel = iota // the caller
	right                // the agent
)

// A queue holds samples on their way to the file, those of each channel in the order in which they came. Its memory is that of what waits:
// blocks that all recordings share.
type queue struct {
	lanes   [2]lane // by channel
	waiting int     // samples
	limit   int     // of samples
}

// A lane is one channel's part of a queue.
type lane struct {
	pieces      []piece
	first, last *block // the samples of all pieces, one after the other
	filled      int    // samples of last
}

// A piece is a stretch of a channel.
type piece struct {
	at      int64 // its place in the file, in samples of each channel
	n       int32
	silence bool // it has no samples
}

// A block is 2 KB of samples, 127 ms of a telephone call, and what follows it.
type block struct {
	next *block
	pcm  [1020]int16
}

// blocks are those that no recording needs just now. A recording has its samples for a second at most, so most blocks are always on
// their way between recordings. The pool has no goroutine, and nobody waits for it.
var blocks = sync.Pool{New: func() any { return new(block) }}

func newQueue(rate int) queue { return queue{limit: 2 * backlog * rate} }

// put copies pcm in, or says that there is no room.
func (q *queue) put(c channel, at int64, pcm []int16) bool {
	if q.waiting+len(pcm) > q.limit {
		return false
	}
	q.lanes[c].put(at, pcm)
	q.waiting += len(pcm)
	return true
}

// hush queues n samples of silence, in place of what may be there already. For that there is always room.
func (q *queue) hush(c channel, at int64, n int32) {
	if n > 0 {
		q.lanes[c].pieces = append(q.lanes[c].pieces, piece{at: at, n: n, silence: true})
	}
}

// earliest is where the earliest sample belongs.
func (q *queue) earliest() (at int64, ok bool) {
	at = math.MaxInt64
	for i := range q.lanes {
		for _, p := range q.lanes[i].pieces {
			at, ok = min(at, p.at), true
		}
	}
	return at, ok
}

// frames is how many frames of 20 ms wait.
func (q *queue) frames(rate int) int { return (q.waiting + rate/50 - 1) / (rate / 50) }

// paint moves what belongs into b, interleaved 16-bit PCM whose first sample is that of place from, out of the queue. It returns how
// many samples of each channel, from there, b now has. What lies before or beyond b stays: there is more.
func (q *queue) paint(b []byte, from int64) (painted int, more bool) {
	q.waiting = 0
	for c := range q.lanes {
		l := &q.lanes[c]
		n, stays := l.paint(b[2*c:], from)
		painted = max(painted, n)
		q.waiting += stays
		more = more || len(l.pieces) > 0
	}
	return painted, more
}

// free lets go of everything; nothing can be put any more.
func (q *queue) free() {
	for c := range q.lanes {
		free(q.lanes[c].first)
	}
	*q = queue{}
}

// put copies pcm in. What goes on where the last piece ended becomes a part of it.
func (l *lane) put(at int64, pcm []int16) {
	if len(pcm) == 0 {
		return
	}
	if end := len(l.pieces) - 1; end >= 0 && !l.pieces[end].silence && l.pieces[end].at+int64(l.pieces[end].n) == at {
		l.pieces[end].n += int32(len(pcm))
	} else {
		l.pieces = append(l.pieces, piece{at: at, n: int32(len(pcm))})
	}
	for len(pcm) > 0 {
		if l.last == nil || l.filled == len(l.last.pcm) {
			l.extend()
		}
		n := copy(l.last.pcm[l.filled:], pcm)
		l.filled += n
		pcm = pcm[n:]
	}
}

// extend adds an empty block.
func (l *lane) extend() {
	b := blocks.Get().(*block)
	b.next = nil
	if l.last == nil {
		l.first = b
	} else {
		l.last.next = b
	}
	l.last, l.filled = b, 0
}

// paint is queue.paint of one channel, whose samples are every second of b. It returns also how many samples stay.
func (l *lane) paint(b []byte, from int64) (painted, stays int) {
	room := int64(len(b)+frameSize-1) / frameSize
	pieces, rest := l.pieces, reader{block: l.first}
	first := l.first
	l.pieces, l.first, l.last = l.pieces[:0], nil, nil // what stays is put anew; it has no more pieces than were read
	for _, p := range pieces {
		start, n := p.at-from, int64(0)
		if start >= 0 {
			n = max(0, min(int64(p.n), room-start))
		}
		if n > 0 {
			painted = max(painted, int(start+n))
			rest.interleave(b[start*frameSize:], int(n), p.silence)
		}
		switch left := int64(p.n) - n; {
		case left > 0 && p.silence:
			l.pieces = append(l.pieces, piece{at: p.at + n, n: int32(left), silence: true})
		case left > 0:
			rest.move(l, p.at+n, int(left))
			stays += int(left)
		}
	}
	free(first)
	return painted, stays
}

// A reader reads samples of blocks one after the other.
type reader struct {
	block *block
	at    int
}

// next is at most n samples, at least one.
func (r *reader) next(n int) []int16 {
	if r.at == len(r.block.pcm) {
		r.block, r.at = r.block.next, 0
	}
	pcm := r.block.pcm[r.at:min(r.at+n, len(r.block.pcm))]
	r.at += len(pcm)
	return pcm
}

// interleave writes n samples, or as much silence, to every second place of b.
func (r *reader) interleave(b []byte, n int, silence bool) {
	if silence {
		for i := range n {
			b[i*frameSize], b[i*frameSize+1] = 0, 0
		}
		return
	}
	for n > 0 {
		pcm := r.next(n)
		for i, v := range pcm {
			b[i*frameSize], b[i*frameSize+1] = byte(v), byte(uint16(v)>>8)
		}
		n -= len(pcm)
		b = b[min(len(pcm)*frameSize, len(b)):]
	}
}

// move puts n samples into l, where they belong at.
func (r *reader) move(l *lane, at int64, n int) {
	for n > 0 {
		pcm := r.next(n)
		l.put(at, pcm)
		at += int64(len(pcm))
		n -= len(pcm)
	}
}

// free gives a block and all that follow it to all recordings.
func free(b *block) {
	for b != nil {
		next := b.next
		blocks.Put(b)
		b = next
	}
}
