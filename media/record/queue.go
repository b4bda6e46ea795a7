package record

import "math"

// A channel of the file.
type channel uint8

const (
	left  channel = iota // the caller
	right                // the agent
)

// A queue holds samples on their way to the file, in the order in which they came. Its memory grows to what a beat brings and is
// used again.
type queue struct {
	pieces  []piece
	samples []int16 // of all pieces, one after the other
	limit   int     // of samples
}

// A piece is a stretch of one channel.
type piece struct {
	at      int64 // its place in the file, in samples of each channel
	n       int32
	channel channel
	silence bool // it has no samples
}

// newQueue has room for a little more than a beat of one speaker; a second one makes it grow once.
func newQueue(rate int) queue {
	return queue{
		pieces:  make([]piece, 0, 32),
		samples: make([]int16, 0, rate/2),
		limit:   2 * backlog * rate,
	}
}

// put copies pcm in, or says that there is no room.
func (q *queue) put(c channel, at int64, pcm []int16) bool {
	if len(pcm) == 0 {
		return true
	}
	if len(q.samples)+len(pcm) > q.limit {
		return false
	}
	q.pieces = append(q.pieces, piece{at: at, n: int32(len(pcm)), channel: c})
	q.samples = append(q.samples, pcm...)
	return true
}

// hush queues n samples of silence, in place of what may be there already. For that there is always room.
func (q *queue) hush(c channel, at int64, n int32) {
	if n > 0 {
		q.pieces = append(q.pieces, piece{at: at, n: n, channel: c, silence: true})
	}
}

// earliest is where the earliest sample belongs.
func (q *queue) earliest() (at int64, ok bool) {
	at = math.MaxInt64
	for _, p := range q.pieces {
		at = min(at, p.at)
	}
	return at, len(q.pieces) > 0
}

// frames is how many frames of 20 ms wait.
func (q *queue) frames(rate int) int { return (len(q.samples) + rate/50 - 1) / (rate / 50) }

// paint moves what belongs into b, interleaved 16-bit PCM whose first sample is that of place from, out of the queue. It returns how
// many samples of each channel, from there, b now has. What lies before or beyond b stays: there is more.
func (q *queue) paint(b []byte, from int64) (painted int, more bool) {
	room := int64(len(b) / frameSize)
	pieces, samples := q.pieces, q.samples
	q.pieces, q.samples = q.pieces[:0], q.samples[:0] // what stays moves to the front, behind what is still to be looked at
	for _, p := range pieces {
		var pcm []int16
		if !p.silence {
			pcm, samples = samples[:p.n], samples[p.n:]
		}
		start := p.at - from
		n := min(int64(p.n), room-start)
		if start < 0 || n <= 0 {
			n = 0
		}
		for i := range n {
			var v int16
			if !p.silence {
				v = pcm[i]
			}
			at := (start+i)*frameSize + int64(p.channel)*2
			b[at], b[at+1] = byte(v), byte(uint16(v)>>8)
		}
		if n > 0 {
			painted = max(painted, int(start+n))
		}
		if n < int64(p.n) {
			q.pieces = append(q.pieces, piece{at: p.at + n, n: p.n - int32(n), channel: p.channel, silence: p.silence})
			if !p.silence {
				q.samples = append(q.samples, pcm[n:]...)
			}
		}
	}
	return painted, len(q.pieces) > 0
}
