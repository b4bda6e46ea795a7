package resample

import (
	"math"
	"sync"
)

// A ratio is that of two rates, in lowest terms. The filter depends on nothing else.
type ratio struct{ up, down int }

// A bank is a filter cut into its phases. It is read-only once made.
type bank struct {
	ratio
	taps int       // of each phase; a multiple of 8
	rows []float32 // up rows of taps, in the order of the samples that they meet
}

func (b *bank) row(phase int) []float32 { return b.rows[phase*b.taps : (phase+1)*b.taps] }

// banks holds the bank of each ratio that was asked for: 42 at most, 0.2 to 80 KiB each. Nobody ever waits for another's: two
// that come at the same time both compute it, and one result is kept.
var banks sync.Map // ratio -> *bank

func bankOf(r ratio) *bank {
	if b, ok := banks.Load(r); ok {
		return b.(*bank)
	}
	b, _ := banks.LoadOrStore(r, design(r))
	return b.(*bank)
}

// What is asked of the filter, with the lower Nyquist frequency as 1. The passband of the package doc ends well inside the
// transition: half a decibel is lost long before its middle.
const (
	attenuation = 62.0 // dB, in the stop band
	middle      = 0.945
	transition  = 0.30 // its width
)

// design makes the filter of a ratio by Kaiser's method (Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3).
func design(r ratio) *bank {
	// Frequencies below are in cycles a sample of the input.
	nyquist := 0.5 * min(1, float64(r.up)/float64(r.down))
	width := transition * nyquist
	beta := 0.1102 * (attenuation - 8.7)
	taps := (int(math.Ceil((attenuation-7.95)/(2.285*2*math.Pi*width))) + 7) &^ 7

	b := &bank{ratio: r, taps: taps, rows: make([]float32, r.up*taps)}
	half := float64(taps) / 2
	weights := make([]float64, taps)
	for phase := range r.up {
		var sum float64
		for i := range weights {
			// The output lies phase/up after the sample that the row's last tap meets; the filter's middle, half its length before.
			t := float64(taps-1-i) + float64(phase)/float64(r.up) - half
			weights[i] = sinc(2*middle*nyquist*t) * kaiser(beta, t/half)
			sum += weights[i]
		}
		for i, w := range weights { // every phase passes DC alike: a constant stays one
			b.rows[phase*taps+i] = float32(w / sum)
		}
	}
	return b
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x, which is 0 in its middle and ±1 at its ends; they are left out, since a bank has room for one of them
// only and the filter must be symmetric for its phase to be linear.
func kaiser(beta, x float64) float64 {
	if math.Abs(x) >= 1 {
		return 0
	}
	return bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
}

// bessel is the modified Bessel function of the first kind and order 0, by its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}
