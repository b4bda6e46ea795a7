// Package machine tells benchmarks what else the machine was busy with while they measured.
//
//	NewMeter ──▶ what is measured ──▶ Others: the share of the processors that neither this process nor its children took
//
// A figure that was taken while others had much of the machine says little of what was measured.
package machine

import (
	"runtime"
	"time"
)

// A Meter tells what other processes took of the machine since it was made.
type Meter struct {
	at        time.Time
	all, ours time.Duration
	works     bool
}

// NewMeter begins to measure.
func NewMeter() Meter {
	all, ours, err := Processors()
	return Meter{time.Now(), all, ours, err == nil}
}

// Others is the share of the processors that others took since then; 0 where the machine does not tell.
func (m Meter) Others() float64 {
	all, ours, err := Processors()
	took := time.Since(m.at)
	if err != nil || !m.works || took <= 0 {
		return 0
	}
	return max(0, float64((all-m.all)-(ours-m.ours))/float64(took)/float64(runtime.NumCPU()))
}
