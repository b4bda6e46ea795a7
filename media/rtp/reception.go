package rtp

import "time"

// How far sequence numbers may jump (RFC 3550, appendix A.1).
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// reception counts what came of a source and what did not (RFC 3550, appendix A.1, A.3 and A.8). Its zero value waits for a source.
type reception struct {
	heard    bool
	base     uint32 // extended number of the first packet
	last     uint32 // and of the latest
	bad      uint32 // the number that would prove a jump
	received int64  // duplicates included
	before   counted

	expectedThen, receivedThen int64 // at the last report

	transit int32 // arrival less timestamp of the packet before, in ticks
	timed   bool
	jitter  float64 // in ticks
}

// counted is what sources before this one have sent.
type counted struct{ expected, received int64 }

// take counts a packet. It says false of one that is far from the others: that is not counted, and proves a jump if the next one follows it.
// A jump makes the source a new one.
func (r *reception) take(seq uint16) (ok bool) {
	if !r.heard {
		r.begin(seq)
		return true
	}
	switch delta := seq - uint16(r.last); {
	case delta < maxDropout:
		r.last += uint32(delta)
	case delta <= 1<<16-1-maxMisorder:
		if r.bad != uint32(seq) {
			r.bad = uint32(seq + 1)
			return false
		}
		r.restart()
		r.begin(seq)
		return true
	}
	r.received++
	return true
}

func (r *reception) begin(seq uint16) {
	// One cycle ahead, so that a packet which comes before the first is not before zero.
	r.heard, r.base, r.last, r.received, r.bad = true, 1<<16|uint32(seq), 1<<16|uint32(seq), 1, 1<<16
}

// restart lets another source begin; what this one has sent still counts.
func (r *reception) restart() {
	*r = reception{before: r.total(), jitter: r.jitter, expectedThen: r.expectedThen, receivedThen: r.receivedThen}
}

// total is what all sources have sent and how much of it has come.
func (r *reception) total() counted {
	c := r.before
	if r.heard {
		c.expected += int64(r.last-r.base) + 1
		c.received += r.received
	}
	return c
}

// time takes the timestamp and the arrival of a packet of sound.
func (r *reception) time(stamp uint32, arrived time.Duration, clock int) {
	transit := int32(uint32(int64(arrived)*int64(clock)/int64(time.Second)) - stamp) //nolint:gosec // both wrap
	if r.timed {
		d := float64(transit - r.transit)
		// A pause or a jump of the far end's clock is not jitter.
		if limit := float64(clock); d < limit && d > -limit {
			r.jitter += (max(d, -d) - r.jitter) / 16
		}
	}
	r.transit, r.timed = transit, true
}

// lost is the share of packets that did not come since the last call, in 256ths, and how many did not since the beginning.
func (r *reception) lost() (share uint8, all int64) {
	c := r.total()
	expected, received := c.expected-r.expectedThen, c.received-r.receivedThen
	r.expectedThen, r.receivedThen = c.expected, c.received
	if gone := expected - received; expected > 0 && gone > 0 {
		share = uint8(min(gone*256/expected, 255)) //nolint:gosec // bounded
	}
	return share, c.expected - c.received
}
