package main

import (
	"time"

	"parley/media"
	"parley/media/vad"
)

// frameCosts are what speech detection and metrics cost for a frame: the detector of PARLEY_EAR=energy hears one, and one time is counted, which is
// more than a frame needs.
func frameCosts() (hearing, counting time.Duration) {
	const times = 200_000
	frame := media.Frame{Rate: 8000, PCM: make([]int16, 160)}
	for i := range frame.PCM {
		frame.PCM[i] = int16(i % 37 * 400)
	}
	ear := &vad.Energy{}
	hearing = timed(times, func() { ear.Hear(frame) })
	shard := new(media.Times).Shard()
	counting = timed(times, func() { shard.Add(time.Millisecond) })
	return hearing, counting
}

// timed is how long one of so many times takes.
func timed(times int, do func()) time.Duration {
	began := time.Now()
	for range times {
		do()
	}
	return time.Since(began) / time.Duration(times)
}
