package vad_test

import (
	"math"
	"testing"
	"time"

	"parley/media"
	"parley/media/vad"
)

// tone is 20 ms of a square wave of the given amplitude: its level is exactly 20 log10(amplitude/32768) dBFS.
func tone(rate int, amplitude int16) []int16 {
	pcm := make([]int16, rate/50)
	for i := range pcm {
		pcm[i] = amplitude
		if i%8 >= 4 {
			pcm[i] = -amplitude
		}
	}
	return pcm
}

func TestLevel(t *testing.T) {
	t.Parallel()
	sine := make([]int16, 8000)
	shifted := make([]int16, 8000)
	for i := range sine {
		sine[i] = int16(10000 * math.Sin(2*math.Pi*float64(i)*440/8000))
		shifted[i] = sine[i] + 5000
	}
	for _, tt := range []struct {
		name string
		pcm  []int16
		want float64
	}{
		{"empty", nil, math.Inf(-1)},
		{"silence", make([]int16, 160), math.Inf(-1)},
		{"only DC", []int16{700, 700, 700, 700}, math.Inf(-1)},
		{"full-scale square", tone(8000, math.MaxInt16), 0},
		{"square of 3277", tone(8000, 3277), -20},
		{"sine of 10000", sine, 20*math.Log10(10000./32768) - 3.01},
		{"the same on a DC offset", shifted, 20*math.Log10(10000./32768) - 3.01},
	} {
		if got := vad.Level(tt.pcm); got != tt.want && math.Abs(got-tt.want) > 0.01 {
			t.Errorf("%s: %.3f dBFS, want %.3f", tt.name, got, tt.want)
		}
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		gate   vad.Gate
		script string // a frame of 20 ms a letter: silence, amplitude 17 (-65.7 dBFS), 20 (-64.3), 400
		want   string // | open, . closed
	}{
		{"stays shut on idle noise", vad.Gate{}, "..jj..", "......"},
		{"opens at once and for the hangover", vad.Gate{Hangover: 60 * ms}, ".k......", ".||||..."},
		{"sound renews it", vad.Gate{Hangover: 40 * ms}, "k.k.L...k", "|||||||.|"},
		{"default hangover", vad.Gate{}, "L.........................." + "..", "||||||||||||||||||||||||||" + "..."},
		{"another bar", vad.Gate{Above: -50, Hangover: 20 * ms}, "kkkL..k", "...||.."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			amplitudes := map[rune]int16{'j': 17, 'k': 20, 'L': 400}
			gate, got := tt.gate, ""
			for i, c := range []rune(tt.script) {
				f := media.Frame{PCM: tone(8000, amplitudes[c]), Rate: 8000, At: time.Duration(i) * media.FrameTime}
				if gate.Open(f) {
					got += "|"
				} else {
					got += "."
				}
			}
			if got != tt.want {
				t.Errorf("frames %q: gate %q, want %q", tt.script, got, tt.want)
			}
		})
	}
}

func TestGateAllocatesNothing(t *testing.T) {
	var gate vad.Gate
	f := media.Frame{PCM: tone(8000, 300), Rate: 8000}
	if n := testing.AllocsPerRun(1000, func() {
		gate.Open(f)
		f.At += media.FrameTime
	}); n != 0 {
		t.Errorf("%v allocations a frame, want 0", n)
	}
}

func BenchmarkGate(b *testing.B) {
	var gate vad.Gate
	f := media.Frame{PCM: tone(8000, 300), Rate: 8000}
	b.ReportAllocs()
	for b.Loop() {
		gate.Open(f)
		f.At += media.FrameTime
	}
}
