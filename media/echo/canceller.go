package echo

import (
	"fmt"
	"math"
	"sync"
	"time"

	"parley/media"
)

// The tails that make sense, and the one that fits telephones: the loudspeaker's echo lasts some 30 ms and comes a round trip late.
const (
	DefaultTail = 200 * time.Millisecond
	shortest    = 40 * time.Millisecond
	longest     = 500 * time.Millisecond
)

// block is what the filter and the suppressor take at a time.
const block = 10 * time.Millisecond

// after is how long the filter goes on when the agent has fallen silent, beyond the tail: longer than an echo may take.
const after = (reach + 5) * block

// inaudible is the loudest sample that counts as silence: comfort noise has none.
const inaudible = 8

// A Canceller takes what was played to a caller out of what the caller's line brings back. It adds no delay. Until there was something to
// be played, and while the agent is silent, nothing is changed; while it speaks, nothing but a caller is let through.
//
// The echo may come 0 to 500 ms late, the network's round trip included. An echo later than the tail is found by the course of the
// loudness, after a second or two of the agent's speech; until then a caller has to be louder than it.
//
// Far and Cut may be called by any goroutine, Near and Close by one at a time. Nothing is allocated once it has begun.
type Canceller struct {
	rate, frame, block int // samples: a second, in 20 ms, in a block
	tail               int // in samples

	mu  sync.Mutex
	far timeline

	// All that follows belongs to Near.
	filter filter
	rest   suppressor
	begun  bool
	came   []int16 // the frame as it came
	played []int16 // what the filter is to take out
	delay  delay
}

// New is a Canceller for frames of rate samples a second, 8,000 or 16,000, and echoes of tail, 40 to 500 ms; 0 is DefaultTail.
func New(rate int, tail time.Duration) (*Canceller, error) {
	if tail == 0 {
		tail = DefaultTail
	}
	switch {
	case rate != 8000 && rate != 16000:
		return nil, fmt.Errorf("make echo canceller: rate of %d samples a second, want 8,000 or 16,000", rate)
	case tail < shortest || tail > longest:
		return nil, fmt.Errorf("make echo canceller: tail of %v, want %v to %v", tail, shortest, longest)
	}
	if err := available(); err != nil {
		return nil, fmt.Errorf("make echo canceller: %w", err)
	}
	c := &Canceller{rate: rate, rest: newSuppressor()}
	c.frame, c.block, c.tail = c.samples(media.FrameTime), c.samples(block), c.samples(tail)
	c.came, c.played = make([]int16, c.frame), make([]int16, c.frame)
	return c, nil
}

// Far is told of samples that are sent to the caller; at is when they begin to sound, on the clock of Near: never more than 3 s ahead
// of it.
func (c *Canceller) Far(at time.Duration, pcm []int16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.far.pcm == nil {
		c.far = newTimeline(c.rate)
	}
	c.far.write(c.samples(at), pcm)
}

// Cut is told that what was to sound from at on will not.
func (c *Canceller) Cut(at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.far.cut(c.samples(at))
}

// Near takes the echo out of f, in place. f.At is when it was spoken, on the clock of Far; frames come in order. What is no full frame
// at the Canceller's rate is left as it is, and so is all after Close.
func (c *Canceller) Near(f media.Frame) {
	if f.Rate != c.rate || len(f.PCM) != c.frame {
		return
	}
	at := c.samples(f.At)
	c.mu.Lock()
	loud, any := c.far.loudness(at, c.frame)
	quiet := at-c.delay.bulk*c.frame-c.far.loud > c.tail+c.samples(after)
	c.mu.Unlock()
	if !c.begun {
		if !any || c.filter.closed || c.filter.open(c.rate, c.block, c.tail) != nil {
			return
		}
		c.begun = true
	}
	if c.filter.closed {
		return
	}
	if c.delay.learn(loud, loudness(f.PCM), c.tail/c.frame) {
		c.filter.reset()
		c.rest.relearn()
	}
	if !quiet {
		c.clean(at, f.PCM)
	}
}

// clean takes the echo out of a frame that was spoken from sample at on.
func (c *Canceller) clean(at int, pcm []int16) {
	c.mu.Lock()
	c.far.read(c.played, at-c.delay.bulk*c.frame)
	c.mu.Unlock()
	copy(c.came, pcm)
	c.filter.run(c.played, c.came, pcm, c.block)
	for i := 0; i < len(pcm); i += c.block {
		c.rest.run(c.played[i:i+c.block], c.came[i:i+c.block], pcm[i:i+c.block])
	}
}

// Close frees the filter. It may be called again; the error is always nil.
func (c *Canceller) Close() error {
	c.filter.close()
	return nil
}

func (c *Canceller) samples(d time.Duration) int {
	return int(d.Microseconds() * int64(c.rate) / 1e6)
}

// loudness is the level of pcm in dB over a sample of 1; of silence 0.
func loudness(pcm []int16) float32 {
	return float32(10 * math.Log10(1+float64(power(pcm))))
}
