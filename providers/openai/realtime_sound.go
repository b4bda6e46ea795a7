package openai

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"parley/media/g711"
	"parley/media/resample"
)

// realtimeRate is the one rate that the server has for PCM.
const realtimeRate = 24000

// realtimeSound turns a leg's sound into the session's and back: mu-law at 8 kHz, PCM at 24 kHz otherwise.
type realtimeSound struct {
	law     bool
	in, out *resample.Resampler
	pcm     []int16 // scratch, of what is written
	bytes   []byte
	half    []byte // of what is spoken: half of a sample that was torn
}

func newRealtimeSound(rate int) (*realtimeSound, error) {
	if rate == 8000 {
		return &realtimeSound{law: true}, nil
	}
	in, err := resample.New(rate, realtimeRate)
	if err != nil {
		return nil, err
	}
	out, err := resample.New(realtimeRate, rate)
	return &realtimeSound{in: in, out: out}, err
}

// format is the session's, in its words.
func (c *realtimeSound) format() map[string]any {
	if c.law {
		return map[string]any{"type": "audio/pcmu"}
	}
	return map[string]any{"type": "audio/pcm", "rate": realtimeRate}
}

// encode adds sound of the leg to dst, as the server takes it.
func (c *realtimeSound) encode(dst []byte, pcm []int16) []byte {
	if c.law {
		c.bytes = append(c.bytes[:0], make([]byte, len(pcm))...)
		g711.Ulaw.Encode(c.bytes, pcm)
		return append(dst, c.bytes...)
	}
	c.pcm = c.in.Append(c.pcm[:0], pcm)
	for _, v := range c.pcm {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
	}
	return dst
}

// decode is sound of the server's at the leg's rate, and how many milliseconds there are of it. Fresh sound begins an item.
func (c *realtimeSound) decode(text string, fresh bool) (pcm []int16, ms float64, err error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, 0, fmt.Errorf("sound that is no base64: %w", err)
	}
	if c.law {
		pcm = make([]int16, len(data))
		g711.Ulaw.Decode(pcm, data)
		return pcm, float64(len(data)) / 8, nil
	}
	if fresh {
		c.half = nil
		c.out.Reset()
	}
	data = append(c.half, data...)
	c.half = append([]byte(nil), data[len(data)&^1:]...)
	samples := make([]int16, len(data)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return c.out.Append(nil, samples), float64(len(samples)) / (realtimeRate / 1000), nil
}
