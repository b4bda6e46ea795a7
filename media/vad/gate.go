package vad

import (
	"cmp"
	"time"

	"parley/media"
)

// A Gate spares a costly detector the silence: it opens at a frame that is louder than Above and stays open for Hangover after the
// last such frame. It never judges speech; with its defaults it opens for a whisper. The zero value is ready for use.
type Gate struct {
	Above    float64       // dBFS, as of Level; default -65 (18 of 32,768, a little above the idle noise of G.711)
	Hangover time.Duration // default 500 ms, the default silence that ends a turn

	opened bool
	until  time.Duration // media time at which it closes
}

// Open says whether f is to be looked at. Frames come in order of At.
func (g *Gate) Open(f media.Frame) bool {
	if Level(f.PCM) > cmp.Or(g.Above, -65) {
		g.opened = true
		g.until = f.At + f.Duration() + cmp.Or(g.Hangover, 500*time.Millisecond)
	}
	return g.opened && f.At < g.until
}
