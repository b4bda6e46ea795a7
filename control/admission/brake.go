package admission

import (
	"math"
	"time"
)

// A brake is a signal of which nobody knows what it will be with one more call: it is seen when there are too many. Past its bar no call is let
// in until it has been well below for a while; then calls are let in by and by, and slowly where it went wrong the last time.
//
//	load   ___/‾‾‾\______________
//	       free │ held    │ ceiling rises from what is there ────▶ free
//	            └ peak    └ calm for 2 s
type brake struct {
	load    float64 // 1 is the bar
	held    bool
	loud    time.Time // when it was last not calm
	peak    float64   // calls when it was last held
	ceiling float64   // calls that there may be; infinite: any number
	opened  time.Time // when it was last let go
	at      time.Time // of the last sample
	begun   bool
}

const (
	calm     = 0.6             // of the bar, below which it is calm
	calmFor  = 2 * time.Second // before calls are let in again
	recovers = 0.1             // of the peak, by which the ceiling rises in a second
	probes   = 0.02            // where it is near the peak
	near     = 0.9
	wary     = 30 * time.Second // after which there is no ceiling any more
)

// observe takes a sample, with as many calls as there are.
func (b *brake) observe(now time.Time, load float64, calls int) {
	if !b.begun {
		b.begun, b.at, b.ceiling = true, now, math.Inf(1)
	}
	took := now.Sub(b.at).Seconds()
	b.at, b.load = now, load
	switch {
	case load > 1 && !b.held:
		b.held, b.loud, b.peak = true, now, float64(calls)
	case b.held && load > calm:
		b.loud = now
	case b.held && now.Sub(b.loud) >= calmFor:
		b.held, b.opened, b.ceiling = false, now, float64(calls)+1
	case !b.held:
		rise := recovers
		if b.ceiling > near*b.peak {
			rise = probes
		}
		if b.ceiling += max(1, rise*b.peak) * took; now.Sub(b.opened) >= wary {
			b.ceiling = math.Inf(1)
		}
	}
}

// refuses says whether one more than so many calls are too many.
func (b *brake) refuses(calls int) bool {
	return b.begun && (b.held || float64(calls+1) > b.ceiling)
}
