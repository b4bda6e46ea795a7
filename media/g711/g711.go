// Package g711 is ITU-T G.711 by table: the two ways in which telephone networks carry a sample in eight bits.
//
//	[]byte, 8,000 codes a second ──▶ Law.Decode ──▶ []int16 linear PCM ──▶ Law.Encode ──▶ []byte
//
// A code that is decoded and encoded again comes back unchanged (but for Ulaw's second zero, 0x7F, which becomes 0xFF), so audio
// that stays at 8 kHz passes through the house without loss. Everything works in the caller's buffers, allocates nothing, and may
// be used by any number of goroutines. The package imports nothing of the house.
package g711

import "math/bits"

// A Law is one of G.711's two companding laws.
type Law uint8

// The laws.
const (
	Ulaw Law = iota // North America and Japan; PCMU, RTP payload type 0
	Alaw            // everywhere else; PCMA, RTP payload type 8
)

// String is the law's encoding name in SDP (RFC 3551, section 6).
func (l Law) String() string {
	if l == Alaw {
		return "PCMA"
	}
	return "PCMU"
}

// Silence is the code of the quietest positive sample, with which gaps are filled.
func (l Law) Silence() byte {
	if l == Alaw {
		return 0xD5
	}
	return 0xFF
}

// Decode expands as many codes of src as dst has room for, and returns how many.
func (l Law) Decode(dst []int16, src []byte) int {
	samples := &ulawSamples
	if l == Alaw {
		samples = &alawSamples
	}
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, code := range src {
		dst[i] = samples[code]
	}
	return n
}

// Encode compresses as many samples of src as dst has room for, and returns how many. Samples that a law cannot reach are clipped.
func (l Law) Encode(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	if l == Alaw {
		for i, s := range src {
			dst[i] = alawCodes[uint16(s)>>4]
		}
		return n
	}
	for i, s := range src {
		dst[i] = ulawCodes[uint16(s)>>2]
	}
	return n
}

// The tables. Ulaw looks at the upper 14 bits of a sample and Alaw at the upper 12, so theirs are 16 and 4 KiB and stay in the
// first-level cache.
var (
	ulawSamples = samplesOf(ulawSample)
	alawSamples = samplesOf(alawSample)
	ulawCodes   = ulawTable()
	alawCodes   = alawTable()
)

func samplesOf(sample func(byte) int16) (t [256]int16) {
	for code := range t {
		t[code] = sample(byte(code))
	}
	return t
}

func ulawTable() (t [1 << 14]byte) {
	for i := range t {
		t[i] = ulawCode(int16(i << 2))
	}
	return t
}

func alawTable() (t [1 << 12]byte) {
	for i := range t {
		t[i] = alawCode(int16(i << 4))
	}
	return t
}

// A code is a sign bit, three bits of exponent (the segment) and four of mantissa. Ulaw sends all of them inverted (G.711, table 2),
// Alaw the even ones, so that silence has enough transitions for a line to keep its clock (table 1). Set, the sign means positive.
const (
	sign       = 0x80
	ulawInvert = 0xFF
	alawInvert = 0x55
)

// ulawBias makes every Ulaw segment begin at a power of two, in the 14-bit scale of the recommendation.
const ulawBias = 33

func ulawSample(code byte) int16 {
	positive := code&sign != 0
	c := int(code ^ ulawInvert)
	exponent, mantissa := c>>4&7, c&15
	s := ((mantissa<<1+ulawBias)<<exponent - ulawBias) << 2
	if positive {
		return int16(s)
	}
	return int16(-s)
}

func ulawCode(s int16) byte {
	m, code := magnitude(s)
	m = min(m>>2+ulawBias, 1<<13-1)
	exponent := bits.Len(uint(m)) - 6
	return code | byte(exponent<<4|m>>(exponent+1)&15) ^ (ulawInvert &^ sign)
}

func alawSample(code byte) int16 {
	positive := code&sign != 0
	c := int(code ^ alawInvert)
	exponent, mantissa := c>>4&7, c&15
	s := mantissa<<4 + 8 // the middle of its interval
	if exponent > 0 {
		s = (s + 256) << (exponent - 1)
	}
	if positive {
		return int16(s)
	}
	return int16(-s)
}

func alawCode(s int16) byte {
	m, code := magnitude(s)
	m >>= 4
	exponent := max(bits.Len(uint(m))-4, 0)
	return code | byte(exponent<<4|m>>max(exponent-1, 0)&15) ^ alawInvert
}

// magnitude is the distance from zero, negative samples being counted from -1, and the sign bit of the code.
func magnitude(s int16) (int, byte) {
	if s < 0 {
		return int(^s), 0
	}
	return int(s), sign
}
