package legtest

import (
	"math"
	"math/rand/v2"
	"time"
)

// Silence is d of zeros at rate samples a second.
func Silence(rate int, d time.Duration) []int16 { return make([]int16, samplesIn(d, rate)) }

// Tone is d of a sine of hz at -12 dBFS, with 5 ms ramps so that it does not click.
func Tone(rate int, hz float64, d time.Duration) []int16 {
	pcm := make([]int16, samplesIn(d, rate))
	ramp := float64(rate) * 0.005
	for i := range pcm {
		gain := min(1, float64(i)/ramp, float64(len(pcm)-1-i)/ramp)
		pcm[i] = int16(8192 * gain * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return pcm
}

// Speech is d of sound that detectors of speech take for it: a 120 Hz buzz and some breath, shaped by two formants that wander,
// in about four syllables a second. It peaks near -9 dBFS. The same seed gives the same sound.
func Speech(rate int, d time.Duration, seed uint64) []int16 {
	pcm := make([]int16, samplesIn(d, rate))
	r := rand.New(rand.NewPCG(seed, 1))
	var first, second resonator
	phase, syllable := 0.0, 0
	for i := range pcm {
		if syllable--; syllable <= 0 {
			syllable = int(float64(rate) * (0.18 + 0.14*r.Float64()))
			first.tune(300+500*r.Float64(), 80, rate)
			second.tune(900+1400*r.Float64(), 120, rate)
		}
		t := float64(i) / float64(rate)
		phase += 120 * (1 + 0.1*math.Sin(2*math.Pi*1.3*t)) / float64(rate)
		source := 0.05 * r.NormFloat64()
		if phase >= 1 {
			phase--
			source++
		}
		loud := 0.55 + 0.45*math.Sin(2*math.Pi*4*t)
		x := loud * (first.next(source) + 0.6*second.next(source))
		pcm[i] = int16(12000 * math.Tanh(x))
	}
	return pcm
}

// resonator is a two-pole band-pass filter of near unit peak gain for pulses.
type resonator struct{ a, b, y1, y2 float64 }

func (f *resonator) tune(hz, width float64, rate int) {
	r := math.Exp(-math.Pi * width / float64(rate))
	f.a, f.b = 2*r*math.Cos(2*math.Pi*hz/float64(rate)), -r*r
}

func (f *resonator) next(x float64) float64 {
	y := x*0.5 + f.a*f.y1 + f.b*f.y2
	f.y1, f.y2 = y, f.y1
	return y
}
