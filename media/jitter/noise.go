package jitter

import "math"

// order is how many reflection coefficients shape noise. RFC 3389 lets there be more; the rest is of little account.
const order = 8

// noise makes noise of a level and a colour: white, through a lattice of reflection coefficients.
type noise struct {
	level    float32 // root mean square, of samples
	colour   [order]float32
	backward [order]float32 // the lattice's memory
	seed     uint32
}

// sample is the next one.
func (n *noise) sample() float32 {
	if n.level == 0 {
		return 0
	}
	n.seed = n.seed*1664525 + 1013904223
	v := float32(int32(n.seed)) * (1.7320508 / (1 << 31)) * n.level // even between ±√3: its root mean square is 1
	for _, k := range n.colour {
		v *= sqrt(1 - k*k) // what the lattice adds
	}
	for i := order - 1; i >= 0; i-- {
		k := n.colour[i]
		v -= k * n.backward[i]
		if i+1 < order {
			n.backward[i+1] = n.backward[i] + k*v
		}
	}
	n.backward[0] = v
	return v
}

// describe sets level and colour as a payload of comfort noise has them (RFC 3389, section 3). Colour that was meant for another rate is left out.
func (n *noise) describe(payload []byte, coloured bool) {
	if len(payload) == 0 {
		return
	}
	n.level = float32(math.Pow(10, -float64(payload[0]&0x7f)/20)) * math.MaxInt16
	if !coloured {
		return
	}
	n.colour = [order]float32{}
	for i := range min(order, len(payload)-1) {
		n.colour[i] = max(-0.98, min((float32(payload[1+i])-127)*258/32768, 0.98))
	}
}

// A floor is the noise behind the speech: the least power of the last seconds, and the colour of frames that are near it.
type floor struct {
	least  [2]float32 // power a sample: of the stretch that lasts, and of the one before
	frames int
	lags   [order + 1]float32 // autocorrelation
}

const (
	floorFrames = 75     // of a stretch: 1.5 s
	loudest     = 1.e5   // power of noise: -40 dBFS; what is louder is speech
	silence     = 1.e3   // and of what is silence at any rate: -60 dBFS
	above       = 4      // 6 dB over the floor is silence still
	underrated  = 1.25   // the least is less than the mean
	slowness    = 1. / 8 // of the colour
)

func newFloor() floor { return floor{least: [2]float32{loudest, loudest}} }

// power is the floor's.
func (f *floor) power() float32 { return min(f.least[0], f.least[1]) }

// quiet says whether sound is no more than the noise behind speech.
func (f *floor) quiet(pcm []int16) bool {
	return power(pcm) <= min(max(above*f.power(), silence), loudest)
}

// hear takes in a frame that was sound.
func (f *floor) hear(pcm []int16) {
	p := power(pcm)
	if f.frames++; f.frames >= floorFrames {
		f.frames, f.least = 0, [2]float32{loudest, f.least[0]}
	}
	f.least[0] = min(f.least[0], p)
	if p == 0 || p > 2*f.power() {
		return
	}
	for k := range f.lags {
		var sum float32
		for i, s := range pcm[k:] {
			sum += float32(s) * float32(pcm[i])
		}
		f.lags[k] += (sum - f.lags[k]) * slowness
	}
}

// shape makes noise like the floor: by Levinson's and Durbin's recursion.
func (f *floor) shape(n *noise) {
	if f.least == [2]float32{loudest, loudest} {
		n.level = 0 // nothing is known yet
		return
	}
	n.level = sqrt(f.power() * underrated)
	n.colour = [order]float32{}
	rest := f.lags[0] * 1.001 // a little white keeps the recursion stable
	if rest == 0 {
		return
	}
	var a, old [order + 1]float32
	a[0] = 1
	for i := range order {
		sum := float32(0)
		for j := range i + 1 {
			sum += a[j] * f.lags[i+1-j]
		}
		k := max(-0.98, min(-sum/rest, 0.98))
		old = a
		for j := 1; j <= i; j++ {
			a[j] += k * old[i+1-j]
		}
		a[i+1] = k
		rest *= 1 - k*k
		n.colour[i] = k
	}
}

// power is the mean square of samples.
func power(pcm []int16) float32 {
	var sum int64 // whole numbers: they need not wait for each other as a float's additions do
	for _, s := range pcm {
		sum += int64(int32(s) * int32(s))
	}
	return float32(sum) / float32(max(len(pcm), 1))
}

func sqrt(v float32) float32 { return float32(math.Sqrt(float64(v))) }
