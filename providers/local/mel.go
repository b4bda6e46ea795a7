package local

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// What Whisper's encoder looks at, and models that grew out of it: the logarithm of the energy in 80 bands, 100 times a second.
const (
	melWindow  = 400 // samples of one look: 25 ms
	melHop     = sttRate / 100
	melBands   = 80
	melSeconds = 8
	melFrames  = melSeconds * sttRate / melHop
)

// melFloor is the least energy told apart from none; melRange how far below the loudest, in powers of ten, everything is silence.
const melFloor, melRange = 1e-10, 8

// melTables are the window and the bands; they never change.
var melTables = newMelShape()

// melShape is what every look has in common.
type melShape struct {
	window [melWindow]float64 // Hann, periodic
	bands  [melBands]melBand
}

// A melBand is a triangle over some of the spectrum's lines.
type melBand struct {
	first   int // line
	weights []float64
}

func newMelShape() *melShape {
	var s melShape
	for i := range s.window {
		s.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/melWindow)
	}
	const lines = melWindow/2 + 1
	top := mels(sttRate / 2)
	edge := func(i int) float64 { return hertz(top * float64(i) / (melBands + 1)) }
	for b := range s.bands {
		low, middle, high := edge(b), edge(b+1), edge(b+2)
		band := &s.bands[b]
		for line := range lines {
			f := float64(line) * sttRate / melWindow
			w := min((f-low)/(middle-low), (high-f)/(high-middle))
			if w <= 0 {
				continue
			}
			if band.weights == nil {
				band.first = line
			}
			band.weights = append(band.weights, w*2/(high-low)) // all bands weigh the same
		}
	}
	return &s
}

// mels is a frequency in hertz on the scale of Slaney's Auditory Toolbox: linear up to 1 kHz, logarithmic above.
func mels(f float64) float64 {
	if f < 1000 {
		return f * 3 / 200
	}
	return 15 + 27*math.Log(f/1000)/math.Log(6.4)
}

// hertz is the inverse of mels.
func hertz(m float64) float64 {
	if m < 15 {
		return m * 200 / 3
	}
	return 1000 * math.Exp((m-15)*math.Log(6.4)/27)
}

// melSpectrum is the last 8 s of pcm, mono at 16 kHz, as Whisper's feature extractor shows them: brought to mean 0 and variance 1,
// with silence before what is shorter; 80 rows of 800 looks, each about -1 to 1. It takes about 4 ms.
func melSpectrum(pcm []float32) []float32 {
	const all = melSeconds * sttRate
	pcm = pcm[max(0, len(pcm)-all):]
	quiet := all - len(pcm)
	mean, scale := spreadOf(pcm, all)
	sound := make([]float64, all+melWindow) // with half a window on either side, mirrored
	middle := sound[melWindow/2:][:all]
	for i := range middle {
		v := -mean
		if i >= quiet {
			v += float64(pcm[i-quiet])
		}
		middle[i] = v * scale
	}
	for i := range melWindow / 2 {
		sound[melWindow/2-1-i] = middle[i+1]
		sound[melWindow/2+all+i] = middle[all-2-i]
	}

	fft := fourier.NewFFT(melWindow)
	look, lines := make([]float64, melWindow), make([]complex128, melWindow/2+1)
	energy := make([]float64, len(lines))
	out := make([]float32, melBands*melFrames)
	loudest := math.Inf(-1)
	logs := make([]float64, melBands*melFrames)
	for frame := range melFrames {
		if frame > 0 && frame*melHop+melWindow <= quiet+melWindow/2 { // nothing but the silence before: as the look before it
			for b := range melBands {
				logs[b*melFrames+frame] = logs[b*melFrames+frame-1]
			}
			continue
		}
		for i, w := range melTables.window {
			look[i] = sound[frame*melHop+i] * w
		}
		for i, c := range fft.Coefficients(lines, look) {
			energy[i] = real(c)*real(c) + imag(c)*imag(c)
		}
		for b := range melTables.bands {
			band := &melTables.bands[b]
			var e float64
			for i, w := range band.weights {
				e += w * energy[band.first+i]
			}
			l := math.Log10(max(e, melFloor))
			logs[b*melFrames+frame] = l
			loudest = max(loudest, l)
		}
	}
	for i, l := range logs {
		out[i] = float32((max(l, loudest-melRange) + 4) / 4)
	}
	return out
}

// spreadOf is the mean of pcm, of so many samples in all with zeros before it, and what brings their variance to 1.
func spreadOf(pcm []float32, all int) (mean, scale float64) {
	for _, v := range pcm {
		mean += float64(v)
	}
	mean /= float64(all)
	variance := mean * mean * float64(all-len(pcm))
	for _, v := range pcm {
		d := float64(v) - mean
		variance += d * d
	}
	return mean, 1 / math.Sqrt(variance/float64(all)+1e-7)
}
