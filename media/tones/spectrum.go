package tones

import (
	"math"
	"math/bits"
	"math/cmplx"

	"parley/media"
)

// The spectrum: 64 ms at 8 kHz, so that a ringback's 440 and 480 Hz are two; looked at every 20 ms.
const (
	rate   = 8000
	window = 512
	hop    = rate / 50
	bin    = float64(rate) / window // Hz
	// Below lowest there is mains hum, above highest the edge of the telephone band; both in bins.
	lowest, highest = 12, 243
)

// sound is what was heard lately.
type sound struct {
	pcm      [window]float64
	before   [highest + 2]complex128 // the spectrum of the frame before
	spectrum [window]complex128
	power    [highest + 2]float64
}

// sight is what one frame shows. low is 0 if there is no pure tone in the window.
type sight struct {
	level     float64 // of the frame itself, dBFS
	low, high float64 // Hz; high is 0 of one tone
}

func (s sight) pure() bool { return s.low > 0 }

// tables are what the transform needs, the same for all; never changed.
var tables = newTables()

type transform struct {
	hann    [window]float64
	turn    [window / 2]complex128
	reverse [window]uint16
}

func newTables() *transform {
	t := &transform{}
	for i := range window {
		t.hann[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/window)
		t.reverse[i] = uint16(bits.Reverse16(uint16(i)) >> (16 - bits.Len(window-1)))
	}
	for i := range t.turn {
		t.turn[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/window)
	}
	return t
}

// look takes the next frame and says what it shows.
func (s *sound) look(f media.Frame) sight {
	v := sight{level: s.take(f)}
	if v.level < quietest {
		s.transform()
		return v
	}
	s.transform()
	total := 0.
	for k := lowest; k <= highest; k++ {
		total += s.power[k]
	}
	p := s.peak(-1)
	first := s.around(p, -1)
	q := s.peak(p)
	second := s.around(q, p)
	switch {
	case first >= share*total && second <= trace*total:
		if f, ok := s.steady(p); ok {
			v.low = f
		}
	case first+second >= share*total && second >= first*weakest && abs(p-q) <= twins:
		a, b := s.between(p), s.between(q)
		v.low, v.high = min(a, b), max(a, b)
	}
	return v
}

// What a pure tone is: so much of the power is at it, and so little at the next peak; of two tones the weaker has at least a
// twentieth of the power of the other (13 dB), and they lie within 200 Hz of each other.
const (
	share   = 0.85
	trace   = 0.06
	weakest = 0.05
	twins   = 13 // bins
)

// take moves the window on by a frame, at 8 kHz, and says how loud that was.
func (s *sound) take(f media.Frame) (level float64) {
	by := max(f.Rate/rate, 1)
	n := min(len(f.PCM)/by, window)
	copy(s.pcm[:], s.pcm[n:])
	power := 0.
	for i := range n {
		v := 0.
		for _, x := range f.PCM[i*by : i*by+by] {
			v += float64(x)
		}
		v /= float64(by) * 32768
		s.pcm[window-n+i] = v
		power += v * v
	}
	return 10 * math.Log10(power/float64(max(n, 1))+1e-12)
}

// transform makes the spectrum of the window (radix 2, decimation in time).
func (s *sound) transform() {
	copy(s.before[:], s.spectrum[:])
	x := &s.spectrum
	for i, j := range tables.reverse {
		x[i] = complex(s.pcm[j]*tables.hann[j], 0)
	}
	for half := 1; half < window; half *= 2 {
		step := window / 2 / half
		for from := 0; from < window; from += 2 * half {
			for k := range half {
				a, b := x[from+k], x[from+k+half]*tables.turn[k*step]
				x[from+k], x[from+k+half] = a+b, a-b
			}
		}
	}
	for k := range s.power {
		re, im := real(x[k]), imag(x[k])
		s.power[k] = re*re + im*im
	}
}

// lobe is how far a pure tone reaches on each side of its bin.
const lobe = 2

// peak is the bin with the most power, other than around one that is known.
func (s *sound) peak(known int) int {
	best := lowest
	most := -1.
	for k := lowest; k <= highest; k++ {
		if known >= 0 && abs(k-known) <= lobe {
			continue
		}
		if s.power[k] > most {
			best, most = k, s.power[k]
		}
	}
	return best
}

// around is the power at a peak, without what is around another.
func (s *sound) around(p, other int) (sum float64) {
	for k := max(p-lobe, lowest); k <= min(p+lobe, highest); k++ {
		if other < 0 || abs(k-other) > lobe {
			sum += s.power[k]
		}
	}
	return sum
}

// between is the frequency of a peak, by the bins beside it: for this window, half the ratio of their amplitudes tells it to some Hz.
func (s *sound) between(p int) float64 {
	left, top, right := math.Sqrt(s.power[p-1]), math.Sqrt(s.power[p]), math.Sqrt(s.power[p+1])
	if top == 0 {
		return 0
	}
	if right > left {
		r := right / top
		return bin * (float64(p) + (2*r-1)/(1+r))
	}
	r := left / top
	return bin * (float64(p) - (2*r-1)/(1+r))
}

// steady is the frequency of a peak by how far its phase has run since the frame before; false, if that is not where the peak is.
func (s *sound) steady(p int) (float64, bool) {
	c := s.spectrum[p] * cmplx.Conj(s.before[p])
	if c == 0 {
		return 0, false
	}
	const perTurn = float64(rate) / hop // Hz for one more turn a frame
	coarse, turn := s.between(p), cmplx.Phase(c)/(2*math.Pi)
	fine := perTurn * (math.Round(coarse/perTurn-turn) + turn)
	return fine, near(fine, coarse, 10)
}

func abs(n int) int { return max(n, -n) }
