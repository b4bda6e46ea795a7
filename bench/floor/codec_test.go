//go:build cgo

package floor

import (
	"context"
	"math"
	"runtime"
	"strings"
	"testing"
)

func TestOpus(t *testing.T) {
	t.Parallel()
	for _, o := range []*Opus{{Effort: 5}, {Rate: 16_000, Bits: 20_000}, {LowDelay: true}} {
		tr, err := o.open()
		if err != nil {
			t.Fatal(err)
		}
		power := 0.0
		for range 2 * ticksASec {
			if err := tr.turn(); err != nil {
				t.Fatal(err)
			}
			for _, s := range tr.heard {
				power += float64(s) * float64(s)
			}
		}
		if rms := math.Sqrt(power / float64(2*ticksASec*tr.frame)); rms < 1000 {
			t.Errorf("%+v: what was decoded is of %.0f: it is no voice", o, rms)
		}
		tr.close()
	}
	if err := (&Opus{Rate: 12_345}).Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "open encoder: libopus: invalid argument") {
		t.Errorf("a rate that Opus has not: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served, o := make(chan error, 1), &Opus{}
	go func() { served <- o.Serve(ctx) }()
	for o.Stats.Out.Load() < ticksASec {
		runtime.Gosched()
	}
	cancel()
	if err := <-served; err != nil || o.Stats.In.Load() != o.Stats.Out.Load() {
		t.Errorf("%d frames in, %d out, %v", o.Stats.In.Load(), o.Stats.Out.Load(), err)
	}
}

func TestOpusAllocatesNothing(t *testing.T) {
	tr, err := (&Opus{}).open()
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	if n := testing.AllocsPerRun(10, func() {
		if err := tr.turn(); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame, want 0", n)
	}
}
