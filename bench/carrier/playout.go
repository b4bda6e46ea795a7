package carrier

import (
	"slices"
	"time"
)

// Rate is the samples a second of a Media Streams call.
const Rate = 8000

// Limits of the far end's buffer.
const (
	mostBuffered = 10 * 60 * Rate   // more is thrown away: Twilio's error 31931
	gapLeast     = 10 * Rate / 1000 // a shorter break in the agent's audio is not noticed
	gapMost      = Rate / 4         // a longer one is a pause, not a gap
)

// A playout is the carrier's end of the agent's voice: what has arrived sounds in order and in real time, and what has not
// sounded yet can be forgotten. It has no clock: play tells it how far the call has come, in samples since the stream began.
//
//	add, mark ──▶ queue ──▶ play(to) ──▶ the caller's ear
//	                └─ clear ─▶ forgotten, its marks returned
type playout struct {
	at    int64 // samples that have sounded, silence included
	queue []queued

	waiting int64 // samples of audio in the queue
	sounded int64 // samples of audio that have sounded
	dropped int64 // samples forgotten by clear or beyond mostBuffered
	dryAt   int64 // when the last audio had sounded, or -1 when a clear ended it
	begun   []int64
	gaps    int
	gapTime int64
}

// queued is a stretch of audio or, when pcm is nil, a mark.
type queued struct {
	pcm  []int16
	mark string
}

// add queues audio that arrived now; play must have been called up to now. It keeps pcm.
func (p *playout) add(pcm []int16) {
	if len(pcm) == 0 {
		return
	}
	if p.waiting+int64(len(pcm)) > mostBuffered {
		p.dropped += int64(len(pcm))
		return
	}
	if p.waiting == 0 {
		p.begin()
	}
	p.queue = append(p.queue, queued{pcm: pcm})
	p.waiting += int64(len(pcm))
}

// begin notes that audio begins to sound after the buffer was empty.
func (p *playout) begin() {
	gap := p.at - p.dryAt
	switch {
	case len(p.begun) > 0 && p.dryAt >= 0 && gap < gapLeast:
		return
	case len(p.begun) > 0 && p.dryAt >= 0 && gap < gapMost:
		p.gaps++
		p.gapTime += gap
	}
	p.begun = append(p.begun, p.at)
}

// mark queues a mark; the next play returns it if nothing is before it.
func (p *playout) mark(name string) { p.queue = append(p.queue, queued{mark: name}) }

// clear forgets all that is queued and returns the marks that were, oldest first.
func (p *playout) clear() (marks []string) {
	for _, q := range p.queue {
		if q.pcm == nil {
			marks = append(marks, q.mark)
		}
	}
	p.queue = p.queue[:0]
	p.dropped += p.waiting
	p.waiting = 0
	p.dryAt = -1
	return marks
}

// play lets the call come to sample to. It appends what sounds to heard, silence where nothing was queued, and returns the marks
// that were reached.
func (p *playout) play(to int64, heard []int16) (_ []int16, marks []string) {
	for {
		for len(p.queue) > 0 && p.queue[0].pcm == nil {
			marks = append(marks, p.queue[0].mark)
			p.queue = p.queue[1:]
		}
		if p.at >= to || len(p.queue) == 0 {
			break
		}
		head := &p.queue[0]
		n := min(len(head.pcm), int(to-p.at))
		heard = append(heard, head.pcm[:n]...)
		if head.pcm = head.pcm[n:]; len(head.pcm) == 0 {
			p.queue = p.queue[1:]
		}
		p.at += int64(n)
		p.waiting -= int64(n)
		p.sounded += int64(n)
		if p.waiting == 0 {
			p.dryAt = p.at
		}
	}
	if rest := int(to - p.at); rest > 0 {
		heard = slices.Grow(heard, rest)[:len(heard)+rest]
		clear(heard[len(heard)-rest:])
		p.at = to
	}
	return heard, marks
}

// nextMark is the sample at which the next queued mark will be reached.
func (p *playout) nextMark() (at int64, ok bool) {
	at = p.at
	for _, q := range p.queue {
		if q.pcm == nil {
			return at, true
		}
		at += int64(len(q.pcm))
	}
	return 0, false
}

// sampleAt is the sample that sounds when a stream has lasted d; timeOf is when it does.
func sampleAt(d time.Duration) int64 { return int64(d) * Rate / int64(time.Second) }
func timeOf(sample int64) time.Duration {
	return time.Duration(sample) * time.Second / Rate
}
