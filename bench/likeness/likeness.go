// Package likeness says how far speech that was heard is from speech that was said, however its timing was bent on the way.
//
//	said ──▶ 32 ms ──▶ where is that in what was heard? ──▶ loudness in 16 bands, both ──▶ mean difference, dB
//
// It is a plain log-spectral distance (Gray and Markel, "Distance measures for speech processing", 1976) over frames with speech in them, each held
// against the place most like it near where the last one was. It is for comparisons in one run: a published measure of what people hear is
// PESQ, which bench/heard asks a program of others for.
package likeness

import (
	"math"
	"math/cmplx"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
)

const (
	bands    = 16
	lowest   = 200. // Hz
	faintest = -45. // dB of full scale: frames below are no speech
	under    = 35.  // dB below a frame's loudest band, from where on nothing is heard
	worst    = 30.  // dB that a band may differ by
	first    = 600  // ms that what was heard may be late
	drifting = 60   // ms that it may be later or earlier from one frame to the next
	lost     = 6    // frames without a place, after which it is looked for everywhere
	trusted  = 0.6  // correlation from which on a place is believed
)

// Distance is in dB, 0 being the same; both sounds are of rate samples a second. It is 0 where nothing was said.
func Distance(said, heard []int16, rate int) float64 {
	d := distance{
		said: said, heard: heard, rate: rate, n: rate * 32 / 1000,
		fft: fourier.NewFFT(rate * 32 / 1000),
	}
	d.frame = make([]float64, d.n)
	d.spectrum = make([]complex128, d.n/2+1)
	return d.mean()
}

// distance is one at work.
type distance struct {
	said, heard []int16
	rate, n     int
	fft         *fourier.FFT
	frame       []float64
	spectrum    []complex128
}

func (d *distance) mean() float64 {
	var sum float64
	frames, shift, missed := 0, 0, lost
	for at := d.n / 2; at+2*d.n < len(d.said); at += d.n / 2 {
		if level(d.said[at:at+d.n]) < faintest {
			continue
		}
		span, middle := drifting*d.rate/1000/2, shift
		if missed >= lost {
			span, middle = first*d.rate/1000/2, first*d.rate/1000/2
		}
		if best, like := d.place(at, middle-span, middle+span); like > trusted {
			shift, missed = best, 0
		} else {
			missed++
		}
		sum += d.apart(at, at+shift)
		frames++
	}
	return sum / float64(max(frames, 1))
}

// apart is how far a frame that was said is from one that was heard, in dB.
func (d *distance) apart(said, heard int) (db float64) {
	a, b := d.loudness(d.said, said), d.loudness(d.heard, heard)
	floor := slices.Max(a[:]) - under
	for i := range bands {
		db += min(math.Abs(max(a[i], floor)-max(b[i], floor)), worst)
	}
	return db / bands
}

// place is how much later than it was said a frame was heard, within bounds, and how like it that is.
func (d *distance) place(at, least, most int) (shift int, like float64) {
	like = -1
	a := d.said[at-d.n/2 : at+3*d.n/2]
	for s := least; s <= most; s += max(1, d.rate/8000) {
		from := at - d.n/2 + s
		if from < 0 || from+len(a) > len(d.heard) {
			continue
		}
		var ab, aa, bb float64
		for i := 0; i < len(a); i += d.rate / 4000 { // fewer tell as much
			x, y := float64(a[i]), float64(d.heard[from+i])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		if l := ab / math.Sqrt(aa*bb+1); l > like {
			shift, like = s, l
		}
	}
	return shift, like
}

// loudness is that of each band of a frame, in dB; what is not there is silence.
func (d *distance) loudness(pcm []int16, at int) (db [bands]float64) {
	for i := range d.frame {
		d.frame[i] = 0
		if at+i >= 0 && at+i < len(pcm) {
			d.frame[i] = float64(pcm[at+i]) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(d.n)))
		}
	}
	d.fft.Coefficients(d.spectrum, d.frame)
	var power [bands]float64
	top := math.Log(float64(d.rate) / 2 / lowest)
	for i, c := range d.spectrum[1:] {
		hz := float64(i+1) * float64(d.rate) / float64(d.n)
		if hz >= lowest {
			power[min(int(math.Log(hz/lowest)/top*bands), bands-1)] += real(c * cmplx.Conj(c))
		}
	}
	for i, p := range power {
		db[i] = 10 * math.Log10(p+1)
	}
	return db
}

// level is in dB of full scale.
func level(pcm []int16) float64 {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return 10 * math.Log10((sum/float64(len(pcm))+1e-9)/(1<<30))
}
