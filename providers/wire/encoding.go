package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"parley/media/g711"
)

// An Encoding is how samples are written on the wire: as mu-law, of one byte, or as 16-bit little-endian PCM.
type Encoding struct {
	Width int // bytes a sample: 1 or 2
	Rate  int // samples a second
}

// Bytes is the size of d of audio.
func (e Encoding) Bytes(d time.Duration) int {
	return int(d*time.Duration(e.Rate)/time.Second) * e.Width
}

// Encode writes pcm to dst, which has room for it.
func (e Encoding) Encode(dst []byte, pcm []int16) {
	if e.Width == 1 {
		g711.Ulaw.Encode(dst, pcm)
		return
	}
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(s))
	}
}

// Decode reads whole samples of src into dst and returns how many.
func (e Encoding) Decode(dst []int16, src []byte) int {
	if e.Width == 1 {
		return g711.Ulaw.Decode(dst, src)
	}
	n := min(len(dst), len(src)/2)
	for i := range n {
		dst[i] = int16(binary.LittleEndian.Uint16(src[2*i:]))
	}
	return n
}

// EncodingFor picks mu-law where that is what the telephone carries anyway, and PCM elsewhere.
func EncodingFor(rate int) (Encoding, error) {
	switch rate {
	case 8000:
		return Encoding{Width: 1, Rate: rate}, nil
	case 16000, 24000, 48000:
		return Encoding{Width: 2, Rate: rate}, nil
	}
	return Encoding{}, fmt.Errorf("rate %d is none of 8000, 16000, 24000 and 48000", rate)
}
