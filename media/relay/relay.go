// Package relay hands one leg's live sound to another leg's Playout.
//
//	leg A ──Receive──▶ Hear ──resample──▶ ring: 60 ms ahead ──Next──▶ Playout ──▶ leg B
//	                                       200 ms at most
//
// Both sides keep their own clock: what comes in bursts is evened out by being 60 ms late, and where the clocks drift apart a frame is left
// out, or put in, while nobody speaks. What comes much too fast is left out at once; where there is nothing, there is silence until there are
// 60 ms again. Legs have put in order what the network brought before (media/jitter, carriers' sockets): this is no jitter buffer for packets.
package relay

import (
	"fmt"
	"sync"

	"parley/media"
	"parley/media/resample"
)

const (
	ahead = 3  // frames that wait for Next when it is even
	most  = 10 // frames that may wait at all
	spare = 2  // frames beyond ahead that are too many in the long run
	quiet = 300
	fade  = 5 // the share of a frame, 1/fade, in which the sound dies away where it breaks off
)

// A Relay is a media.Source: what one leg has heard, on its way to another. Hear is one goroutine's, Next one other's.
type Relay struct {
	frame    int // samples in 20 ms, of Next
	resample *resample.Resampler
	scratch  []int16 // of Hear alone

	mu     sync.Mutex
	ring   []int16
	first  int // the next sample of ring
	n      int // samples in it
	waits  bool
	last   int16
	counts Counts
}

// Counts tell how evenly a Relay ran, in frames of 20 ms.
type Counts struct {
	Passed  int // that Next has given
	Dry     int // times that there was nothing when there should have been
	Dropped int // that came much too fast
	Skipped int // of silence, left out for a clock that drifts
	Padded  int // of silence, put in for one
}

// New is a Relay from a leg's rate to another's, in samples a second.
func New(from, to int) (*Relay, error) {
	r := &Relay{frame: to / 50, ring: make([]int16, most*to/50), waits: true}
	if from == to {
		return r, nil
	}
	var err error
	if r.resample, err = resample.New(from, to); err != nil {
		return nil, fmt.Errorf("make relay: %w", err)
	}
	r.scratch = make([]int16, 0, 2*r.frame)
	return r, nil
}

// Hear takes what a leg has heard. It copies, and never blocks.
func (r *Relay) Hear(f media.Frame) {
	pcm := f.PCM
	if r.resample != nil {
		r.scratch = r.resample.Append(r.scratch[:0], pcm)
		pcm = r.scratch
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(pcm) > len(r.ring) {
		return // no leg hears so much at once
	}
	for r.n+len(pcm) > len(r.ring) { // down to where it is even again
		gone := r.n - max(0, ahead*r.frame-len(pcm))
		r.drop(gone)
		r.counts.Dropped += gone / r.frame
	}
	at := (r.first + r.n) % len(r.ring)
	copied := copy(r.ring[at:], pcm)
	copy(r.ring, pcm[copied:])
	r.n += len(pcm)
}

// Next implements media.Source.
func (r *Relay) Next(pcm []int16) (sounds bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waits && r.n < ahead*r.frame {
		return false
	}
	r.waits = false
	if len(pcm) > r.n {
		return r.dry(pcm)
	}
	switch {
	case r.n >= (ahead+spare)*r.frame && r.hushed(len(pcm)):
		r.drop(len(pcm))
		r.counts.Skipped++
	case r.n < 2*len(pcm) && r.hushed(len(pcm)):
		clear(pcm)
		r.last = 0
		r.counts.Padded++
		return true
	}
	copied := copy(pcm, r.ring[r.first:min(r.first+r.n, len(r.ring))])
	copy(pcm[copied:], r.ring)
	r.drop(len(pcm))
	r.last = pcm[len(pcm)-1]
	r.counts.Passed++
	return true
}

// dry lets the sound die away: there is no more.
func (r *Relay) dry(pcm []int16) bool {
	clear(pcm)
	for i, n := 0, len(pcm)/fade; i < n; i++ {
		pcm[i] = int16(int(r.last) * (n - i) / n)
	}
	r.last, r.waits = 0, true
	r.counts.Dry++
	return true
}

// drop lets go of the oldest n samples. mu is held, as in all that follows.
func (r *Relay) drop(n int) {
	r.first = (r.first + n) % len(r.ring)
	r.n -= n
}

// hushed says whether nobody speaks in the next n samples.
func (r *Relay) hushed(n int) bool {
	for i := range min(n, r.n) {
		if v := r.ring[(r.first+i)%len(r.ring)]; v > quiet || v < -quiet {
			return false
		}
	}
	return true
}

// Counts says how it ran so far. It may be called by any goroutine.
func (r *Relay) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}
