package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// dues are when the new calls of a step have to be placed, counted from its beginning: the missing ones of a step with Calls over its ramp,
// those of a step with Rate through its ramp, from the rate before, and on until it ends. Without chance they come evenly.
func (s Step) dues(missing int, before float64, settle time.Duration, chance *rand.Rand) []time.Duration {
	if s.Rate > 0 {
		return s.byRate(before, s.Ramp+settle+s.Hold, chance)
	}
	at := make([]float64, max(0, missing))
	for i := range at {
		if at[i] = float64(i) / float64(len(at)); chance != nil {
			at[i] = chance.Float64() // calls that come at random, of which there were so many (a Poisson process, given its count)
		}
	}
	slices.Sort(at)
	all := make([]time.Duration, len(at))
	for i, share := range at {
		all[i] = time.Duration(share * float64(s.Ramp))
	}
	return all
}

// byRate counts calls: one is due whenever the sum of the rates so far comes to another whole number, or, by chance, to one that is further
// by as much as an exponential distribution has it.
func (s Step) byRate(before float64, until time.Duration, chance *rand.Rand) (all []time.Duration) {
	ramp := s.Ramp.Seconds()
	inRamp := (before + s.Rate) / 2 * ramp
	for sum := 0.0; ; {
		if chance != nil {
			sum += chance.ExpFloat64()
		} else {
			sum++
		}
		at := ramp + (sum-inRamp)/s.Rate
		if slope := s.Rate - before; sum < inRamp && slope != 0 { // before*t + slope*t*t/(2*ramp) = sum
			at = (math.Sqrt(before*before+2*slope*sum/ramp) - before) * ramp / slope
		} else if sum < inRamp {
			at = sum / s.Rate
		}
		due := time.Duration(at * float64(time.Second))
		if due >= until {
			return all
		}
		all = append(all, due)
	}
}
