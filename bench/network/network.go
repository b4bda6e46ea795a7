// Package network is what networks do to packets of sound, by a seed: the same on every machine, and in no time.
//
//	when packets are sent ──▶ Path.Carry ──▶ which of them arrive, when, and in what order
package network

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// A Path is what packets pass through. Its zero value does nothing to them.
type Path struct {
	Seed    uint64
	Delay   time.Duration // of all
	Loss    float64       // share of packets that do not arrive
	Burst   float64       // how many are lost together on average; up to 1: each for itself
	Jitter  time.Duration // by how much packets but the first are late, evenly from 0 up, each for itself: beyond 20 ms they overtake each other
	Reorder float64       // share of packets that are 20 to 60 ms later than that
	Twice   float64       // share of packets that arrive once more, within 20 ms
	Outage  [2]time.Duration
	Drift   float64 // how much faster the sender's clock is than ours, in millionths
}

// An Arrival is that of one packet.
type Arrival struct {
	Index int           // of those that were sent
	At    time.Duration // by our clock
}

// Carry takes the times, by the sender's clock and in order, when packets are sent.
func (p Path) Carry(sent []time.Duration) []Arrival {
	random := rand.New(rand.NewPCG(p.Seed, 1))
	arrivals := make([]Arrival, 0, len(sent))
	lost := false
	for i, at := range sent {
		at = time.Duration(float64(at) / (1 + p.Drift/1e6))
		lost = p.loses(random, lost)
		late := time.Duration(random.Float64() * float64(p.Jitter))
		aside, twice := random.Float64() < p.Reorder, random.Float64() < p.Twice
		more, again := random.Float64(), random.Float64() // drawn always, so that one impairment leaves the others as they were
		if i == 0 {                                       // what a buffer begins with is not to be luck
			late, aside = 0, false
		}
		if lost || at >= p.Outage[0] && at < p.Outage[1] {
			continue
		}
		here := at + p.Delay + late
		if aside {
			here += 20*time.Millisecond + time.Duration(more*float64(40*time.Millisecond))
		}
		arrivals = append(arrivals, Arrival{i, here})
		if twice {
			arrivals = append(arrivals, Arrival{i, here + time.Duration(again*float64(20*time.Millisecond))})
		}
	}
	slices.SortStableFunc(arrivals, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	return arrivals
}

// loses is Gilbert's model: a packet is lost by whether the one before was.
func (p Path) loses(random *rand.Rand, before bool) bool {
	burst := max(p.Burst, 1)
	chance := p.Loss
	if burst > 1 {
		chance = p.Loss / (1 - p.Loss) / burst // to begin a burst
		if before {
			chance = 1 - 1/burst
		}
	}
	return random.Float64() < chance
}
