package resample_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/media/resample"
)

var rates = []int{8000, 11025, 16000, 22050, 24000, 44100, 48000}

// eachPair runs f for every pair of different rates.
func eachPair(t *testing.T, f func(t *testing.T, from, to int)) {
	for _, from := range rates {
		for _, to := range rates {
			if from != to {
				t.Run(fmt.Sprintf("%d-%d", from, to), func(t *testing.T) {
					t.Parallel()
					f(t, from, to)
				})
			}
		}
	}
}

func convert(t testing.TB, from, to int, src []int16) (out []int16, delay time.Duration) {
	t.Helper()
	r, err := resample.New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r.Append(nil, src), r.Delay()
}

func sine(n, rate int, freq, amplitude float64) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*freq*float64(i)/float64(rate))))
	}
	return pcm
}

// A tone is what is found of one frequency in a signal, and how much else is there.
type tone struct{ amplitude, phase, rest float64 }

// measure fits freq to the middle of pcm, where the filter has settled; the rest is rms.
func measure(pcm []int16, rate int, freq float64) tone {
	skip := len(pcm) / 8
	var ss, cc, sc, sx, cx float64 // normal equations of x = a sin + b cos
	for i := skip; i < len(pcm)-skip; i++ {
		s, c := math.Sincos(2 * math.Pi * freq * float64(i) / float64(rate))
		x := float64(pcm[i])
		ss, cc, sc, sx, cx = ss+s*s, cc+c*c, sc+s*c, sx+s*x, cx+c*x
	}
	det := ss*cc - sc*sc
	a, b := (sx*cc-cx*sc)/det, (cx*ss-sx*sc)/det
	var rest float64
	for i := skip; i < len(pcm)-skip; i++ {
		s, c := math.Sincos(2 * math.Pi * freq * float64(i) / float64(rate))
		d := float64(pcm[i]) - a*s - b*c
		rest += d * d
	}
	return tone{math.Hypot(a, b), math.Atan2(b, a), math.Sqrt(rest / float64(len(pcm)-2*skip))}
}

func dB(ratio float64) float64 { return 20 * math.Log10(ratio) }

// Sines in the pass band come out as loud as they went in, late by Delay and nothing else, with every image and alias 60 dB down.
func TestPassBand(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to int) {
		nyquist := float64(min(from, to)) / 2
		for _, f := range []float64{0.02, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.85} {
			freq := f * nyquist
			out, delay := convert(t, from, to, sine(from/4, from, freq, 16000))
			got := measure(out, to, freq)
			flat := 0.1
			if f > 0.8 {
				flat = 0.5
			}
			if gain := dB(got.amplitude / 16000); math.Abs(gain) > flat {
				t.Errorf("%.0f Hz (%.2f of Nyquist): gain %.3f dB, want within %.1f dB", freq, f, gain, flat)
			}
			if rest := dB(got.rest * math.Sqrt2 / 16000); rest > -60 {
				t.Errorf("%.0f Hz: images, aliases and noise at %.1f dB, want -60 dB or less", freq, rest)
			}
			late := math.Remainder(-got.phase/(2*math.Pi)-freq*delay.Seconds(), 1) / freq
			if math.Abs(late) > 1e-6 {
				t.Errorf("%.0f Hz: %.2f us off the group delay of %v, want linear phase", freq, late*1e6, delay)
			}
		}
	})
}

// Going down, sines from 1.1 of the new Nyquist frequency on are gone, wherever they would have folded to.
func TestStopBand(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to int) {
		if from < to {
			return // upwards, the images are part of TestPassBand
		}
		nyquist := float64(to) / 2
		for freq := 1.1 * nyquist; freq < 0.98*float64(from)/2; freq += 97 {
			out, _ := convert(t, from, to, sine(from/8, from, freq, 30000))
			var power float64
			settled := out[len(out)/8:]
			for _, s := range settled {
				power += float64(s) * float64(s)
			}
			if level := dB(math.Sqrt(2*power/float64(len(settled))) / 30000); level > -60 {
				t.Errorf("%.0f Hz (%.2f of Nyquist) leaks at %.1f dB, want -60 dB or less", freq, freq/nyquist, level)
			}
		}
	})
}

// A click comes out Delay later, and rings as long before as after.
func TestImpulse(t *testing.T) {
	t.Parallel()
	for _, rate := range [][2]int{{8000, 16000}, {8000, 48000}, {24000, 48000}, {16000, 8000}, {48000, 8000}} {
		from, to := rate[0], rate[1]
		_, delay := convert(t, from, to, nil)
		late := int(math.Round(delay.Seconds() * float64(from)))
		at := 200 // so that an output falls on the peak
		for (at+late)*to%from != 0 {
			at++
		}
		src := make([]int16, 2*at)
		src[at] = 30000
		out, _ := convert(t, from, to, src)
		middle := (at + late) * to / from
		peak := slices.Max(out)
		if got := slices.Index(out, peak); got != middle {
			t.Errorf("%d-%d: peak at output %d, want %d", from, to, got, middle)
		}
		for i := 1; i < 20; i++ {
			if before, after := out[middle-i], out[middle+i]; before-after > 1 || after-before > 1 {
				t.Errorf("%d-%d: %d before and %d after the peak, %d outputs from it", from, to, before, after, i)
			}
		}
	}
}

func TestDelayIsShort(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to int) {
		_, delay := convert(t, from, to, nil)
		if delay < 300*time.Microsecond || delay > 2*time.Millisecond {
			t.Errorf("delay %v, want 0.3 to 2 ms", delay)
		}
	})
}

func TestDC(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to int) {
		for _, level := range []int16{1, -1, 10000, -32768, 32767} {
			src := slices.Repeat([]int16{level}, from/50)
			out, delay := convert(t, from, to, src)
			settled := int(2*delay*time.Duration(to)/time.Second) + 2
			for i, got := range out[settled:] {
				if got != level {
					t.Fatalf("output %d of a constant %d is %d", settled+i, level, got)
				}
			}
		}
	})
}

// No sample is made or lost: n in make n*to/from out, rounded up, and Flush as many as the delay is long.
func TestLength(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := rapid.SampledFrom(rates).Draw(t, "from"), rapid.SampledFrom(rates).Draw(t, "to")
		r, err := resample.New(from, to)
		if err != nil {
			t.Fatal(err)
		}
		length := func(n int) int { return (n*to + from - 1) / from }
		var out []int16
		n := 0
		for range rapid.IntRange(0, 20).Draw(t, "chunks") {
			chunk := rapid.IntRange(0, 1500).Draw(t, "chunk")
			n += chunk
			out = r.Append(out, make([]int16, chunk))
			if len(out) != length(n) {
				t.Fatalf("%d-%d: %d samples out of %d, want %d", from, to, len(out), n, length(n))
			}
		}
		tail := int(r.Delay() * time.Duration(from) / time.Second) // truncated by up to a sample
		out = r.Flush(out)
		if len(out) < length(n+tail) || len(out) > length(n+tail+1) {
			t.Fatalf("%d-%d: %d samples with the tail, want %d to %d", from, to, len(out), length(n+tail), length(n+tail+1))
		}
		if again := r.Append(nil, make([]int16, 441)); len(again) != length(441) {
			t.Fatalf("%d-%d: %d samples after Flush, want %d", from, to, len(again), length(441))
		}
	})
}

// However a stream is cut, it comes out the same to the bit: no seams.
func TestChunkingLeavesNoSeams(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := rapid.SampledFrom(rates).Draw(t, "from"), rapid.SampledFrom(rates).Draw(t, "to")
		src := rapid.SliceOfN(rapid.Int16(), 0, 3000).Draw(t, "src")
		r, err := resample.New(from, to)
		if err != nil {
			t.Fatal(err)
		}
		want := r.Flush(r.Append(nil, src))
		var got []int16 // by the same Resampler: Flush left nothing behind
		for rest := src; len(rest) > 0; {
			n := min(len(rest), rapid.IntRange(0, 700).Draw(t, "chunk"))
			got = r.Append(got, rest[:n])
			rest = rest[n:]
		}
		got = r.Flush(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%d-%d: %d samples in chunks differ from those in one piece", from, to, len(src))
		}
	})
}

func TestResetForgets(t *testing.T) {
	t.Parallel()
	r, err := resample.New(22050, 8000)
	if err != nil {
		t.Fatal(err)
	}
	src := sine(1000, 22050, 700, 9000)
	want := r.Append(nil, src)
	r.Reset()
	if got := r.Append(nil, src); !slices.Equal(got, want) {
		t.Error("the same samples come out differently after Reset")
	}
}

// A square wave at full scale overshoots in any filter; it must stop at full scale and not come out at the other end.
func TestClipsWithoutWrapping(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to int) {
		src := make([]int16, from/5)
		period := from / 50
		for i := range src {
			src[i] = math.MaxInt16
			if i/(period/2)%2 == 1 {
				src[i] = math.MinInt16
			}
		}
		out, delay := convert(t, from, to, src)
		if slices.Max(out) != math.MaxInt16 || slices.Min(out) != math.MinInt16 {
			t.Errorf("overshoot reaches %d and %d, want full scale", slices.Min(out), slices.Max(out))
		}
		for i, got := range out {
			at := float64(i)/float64(to) - delay.Seconds() // in the input
			n := int(math.Floor(at * float64(from)))
			if edge := n % (period / 2); n < 0 || edge < 2 || edge > period/2-3 {
				continue // on the edge itself
			}
			if want := src[n]; (got < 0) != (want < 0) {
				t.Fatalf("output %d is %d where %d went in", i, got, want)
			}
		}
	})
}

func TestEqualRatesCopy(t *testing.T) {
	t.Parallel()
	src := sine(160, 8000, 440, 30000)
	r, err := resample.New(8000, 8000)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Flush(r.Append(nil, src)); !slices.Equal(got, src) || r.Delay() != 0 {
		t.Error("equal rates change the samples or delay them")
	}
}

func TestNewRefusesOddRates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to int
		want     string
	}{
		{0, 8000, "from 0 samples"},
		{8000, 12345, "to 12345 samples"},
		{-8000, 8000, "from -8000 samples"},
	} {
		if _, err := resample.New(tt.from, tt.to); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New(%d, %d): %v, want an error with %q", tt.from, tt.to, err, tt.want)
		}
	}
}

// Streams of one ratio share its filter; run with -race.
func TestManyStreamsAtOnce(t *testing.T) {
	t.Parallel()
	src := sine(2205, 22050, 500, 12000)
	want, _ := convert(t, 22050, 8000, src)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, err := resample.New(22050, 8000)
			if err != nil {
				t.Error(err)
				return
			}
			if !slices.Equal(r.Append(nil, src), want) {
				t.Error("a stream beside others comes out differently")
			}
		})
	}
	wg.Wait()
}

func TestFramesAllocateNothing(t *testing.T) {
	for _, rate := range [][2]int{{8000, 16000}, {22050, 8000}, {48000, 16000}} {
		r, err := resample.New(rate[0], rate[1])
		if err != nil {
			t.Fatal(err)
		}
		src, dst := make([]int16, rate[0]/50), make([]int16, 0, rate[1]/50+1)
		if n := testing.AllocsPerRun(1000, func() { dst = r.Append(dst[:0], src) }); n != 0 {
			t.Errorf("%d-%d: %v allocations a frame, want 0", rate[0], rate[1], n)
		}
		tail := make([]int16, 0, 1000)
		if n := testing.AllocsPerRun(100, func() { r.Flush(r.Append(tail, src)) }); n != 0 {
			t.Errorf("%d-%d: %v allocations a Flush, want 0", rate[0], rate[1], n)
		}
	}
}
