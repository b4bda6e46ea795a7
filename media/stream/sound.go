package stream

import (
	"encoding/binary"
	"time"

	"parley/media/g711"
)

// A coding is how a sample is written.
type coding uint8

const (
	ulaw   coding = iota // G.711 mu-law, a byte
	alaw                 // G.711 A-law, a byte
	linear               // signed 16 bits, the lower byte first
)

// A format is how sound is written in a stream, both ways.
type format struct {
	coding coding
	rate   int // samples a second
}

// sounds are the formats of a stream, which need not be the same both ways, but for their rate.
type sounds struct{ hears, says format }

// telephone is what networks speak.
var telephone = format{ulaw, 8000}

// width is how many bytes a sample takes.
func (f format) width() int {
	if f.coding == linear {
		return 2
	}
	return 1
}

// silence is how a byte of silence is written.
func (f format) silence() byte {
	switch f.coding {
	case ulaw:
		return 0xFF
	case alaw:
		return 0xD5
	}
	return 0
}

// bytes is how many bytes d takes.
func (f format) bytes(d time.Duration) int {
	return int(d*time.Duration(f.rate)/time.Second) * f.width()
}

// frame is how many samples 20 ms are.
func (f format) frame() int { return f.rate / 50 }

// decode reads as many samples of src as dst has room for, and returns how many.
func (f format) decode(dst []int16, src []byte) int {
	switch f.coding {
	case ulaw:
		return g711.Ulaw.Decode(dst, src)
	case alaw:
		return g711.Alaw.Decode(dst, src)
	}
	n := min(len(dst), len(src)/2)
	for i := range dst[:n] {
		dst[i] = int16(binary.LittleEndian.Uint16(src[2*i:])) //nolint:gosec // the sign is in the top bit
	}
	return n
}

// encode writes as many samples of src as dst has room for, and returns how many bytes they take.
func (f format) encode(dst []byte, src []int16) int {
	switch f.coding {
	case ulaw:
		return g711.Ulaw.Encode(dst, src)
	case alaw:
		return g711.Alaw.Encode(dst, src)
	}
	n := min(len(dst)/2, len(src))
	for i, s := range src[:n] {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(s)) //nolint:gosec // as above
	}
	return 2 * n
}
