package corpus

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"parley/media/g711"
)

// Span is a stretch of time.
type Span struct{ From, To time.Duration }

// Length is how long it is.
func (s Span) Length() time.Duration { return s.To - s.From }

// What counts as sound: hops within 30 dB of the loudest one, and 10 dB over what lies under it all. Shorter silences than gapLeast
// are part of speech: the closure of a "t" lasts up to a tenth of a second. Shorter sounds than soundLeast are none: a click, lips.
const (
	Hop        = 10 * time.Millisecond
	gapLeast   = 150 * time.Millisecond
	soundLeast = 40 * time.Millisecond
)

// Talk finds what sounds in a clean recording. Its times are the truth that everything else is measured by; they are good to a hop
// or two, as a word that fades out has no sharper end.
func Talk(pcm []int16) []Span {
	n := Samples(Hop)
	var levels []float64
	for i := 0; i+n <= len(pcm); i += n {
		levels = append(levels, Power(pcm[i:i+n]))
	}
	if len(levels) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(levels))
	loudest, floor := sorted[len(sorted)-1], sorted[len(sorted)/20]
	bar := max(loudest/1000, min(10*floor, loudest/60))
	var all []Span
	for i, l := range levels {
		if l <= bar || l == 0 {
			continue
		}
		at := time.Duration(i) * Hop
		if k := len(all); k > 0 && at-all[k-1].To < gapLeast {
			all[k-1].To = at + Hop
		} else {
			all = append(all, Span{at, at + Hop})
		}
	}
	return slices.DeleteFunc(all, func(s Span) bool { return s.Length() < soundLeast })
}

// Power is the mean square of pcm.
func Power(pcm []int16) float64 {
	sum := 0.
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return sum / float64(max(len(pcm), 1))
}

// Silence is d of it.
func Silence(d time.Duration) []int16 { return make([]int16, Samples(d)) }

// Amplify changes pcm by so many dB.
func Amplify(pcm []int16, db float64) []int16 {
	gain := math.Pow(10, db/20)
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = Clip(gain * float64(v))
	}
	return out
}

// Clip is v as a sample.
func Clip(v float64) int16 { return int16(math.Round(max(-32768, min(32767, v)))) }

// Level brings the sounding parts of pcm to so many dBFS.
func Level(pcm []int16, db float64) []int16 {
	var loud []int16
	for _, s := range Talk(pcm) {
		loud = append(loud, pcm[Samples(s.From):min(Samples(s.To), len(pcm))]...)
	}
	if len(loud) == 0 {
		return slices.Clone(pcm)
	}
	return Amplify(pcm, db-Decibels(Power(loud)))
}

// Decibels below full scale of a mean square.
func Decibels(power float64) float64 { return 10 * math.Log10(power/(32768*32768)) }

// Mix adds b, from its beginning, to a copy of a, from at on.
func Mix(a, b []int16, at time.Duration) []int16 {
	out := slices.Clone(a)
	for i := Samples(at); i < len(out) && i-Samples(at) < len(b); i++ {
		out[i] = Clip(float64(out[i]) + float64(b[i-Samples(at)]))
	}
	return out
}

// Pink is noise of so many dBFS whose power falls by 3 dB an octave, as room and street noise does (Paul Kellet's filter).
func Pink(r *rand.Rand, d time.Duration, db float64) []int16 {
	var b [3]float64
	raw := make([]float64, Samples(d))
	sum := 0.
	for i := range raw {
		w := r.NormFloat64()
		b[0] = 0.99765*b[0] + w*0.0990460
		b[1] = 0.96300*b[1] + w*0.2965164
		b[2] = 0.57000*b[2] + w*1.0526913
		raw[i] = b[0] + b[1] + b[2] + w*0.1848
		sum += raw[i] * raw[i]
	}
	gain := 32768 * math.Pow(10, db/20) / math.Sqrt(sum/float64(max(len(raw), 1)))
	pcm := make([]int16, len(raw))
	for i, v := range raw {
		pcm[i] = Clip(gain * v)
	}
	return pcm
}

// Shape multiplies pcm by an envelope of the time since its beginning.
func Shape(pcm []int16, envelope func(t float64) float64) []int16 {
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = Clip(float64(v) * envelope(float64(i)/Rate))
	}
	return out
}

// Fade smooths both ends over d, so that a cut does not click.
func Fade(pcm []int16, d time.Duration) []int16 {
	n, all := float64(Samples(d)), float64(len(pcm))
	i := -1.
	return Shape(pcm, func(float64) float64 {
		i++
		return min(1, i/n, (all-1-i)/n)
	})
}

// PhoneLine is pcm as it comes out of mu-law.
func PhoneLine(pcm []int16) []int16 {
	wire := make([]byte, len(pcm))
	g711.Ulaw.Encode(wire, pcm)
	out := make([]int16, len(pcm))
	g711.Ulaw.Decode(out, wire)
	return out
}

// Halve is pcm at half its rate: a short low-pass, then every other sample.
func Halve(pcm []int16) []int16 {
	const taps = 31
	var kernel [taps]float64
	sum := 0.
	for i := range kernel {
		x := float64(i - taps/2)
		sinc := 1.
		if x != 0 {
			sinc = math.Sin(math.Pi*x/2) / (math.Pi * x / 2)
		}
		kernel[i] = sinc * (0.54 + 0.46*math.Cos(2*math.Pi*x/(taps-1)))
		sum += kernel[i]
	}
	out := make([]int16, len(pcm)/2)
	for i := range out {
		v := 0.
		for k, w := range kernel {
			if j := 2*i + k - taps/2; j >= 0 && j < len(pcm) {
				v += w * float64(pcm[j])
			}
		}
		out[i] = Clip(v / sum)
	}
	return out
}
