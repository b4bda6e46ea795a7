package main

import (
	"runtime"
	"time"
)

// A meter tells what other processes took of the machine.
type meter struct {
	at        time.Time
	all, ours time.Duration
	works     bool
}

func newMeter() meter {
	all, ours, err := processors()
	return meter{time.Now(), all, ours, err == nil}
}

// others is the share of the processors that others took since then; 0 where the machine does not tell.
func (m meter) others() float64 {
	all, ours, err := processors()
	took := time.Since(m.at)
	if err != nil || !m.works || took <= 0 {
		return 0
	}
	return max(0, float64((all-m.all)-(ours-m.ours))/float64(took)/float64(runtime.NumCPU()))
}
