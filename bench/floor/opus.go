//go:build cgo

package floor

/*
#cgo LDFLAGS: -lopus
#include <opus/opus.h>

// floor_opus_tune sets an encoder up.
static int floor_opus_tune(OpusEncoder *e, int bits, int effort) {
	int err = opus_encoder_ctl(e, OPUS_SET_BITRATE(bits));
	return err == OPUS_OK ? opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(effort)) : err;
}
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// A transcoder is an encoder and a decoder of libopus, and a second of speech on both sides of them.
type transcoder struct {
	encoder *C.OpusEncoder
	decoder *C.OpusDecoder
	frame   int       // samples in 20 ms
	voice   []int16   // a second, to be encoded
	packets [][]byte  // the same, encoded
	heard   []int16   // the last frame that was decoded
	packet  [400]byte // the last that was encoded
	at      int       // of packets
}

// Serve transcodes until ctx ends: a loop without a socket.
func (o *Opus) Serve(ctx context.Context) error {
	t, err := o.open()
	if err != nil {
		return err
	}
	defer t.close()
	for ctx.Err() == nil {
		for range ticksASec { // look at ctx once a second of speech
			if err := t.turn(); err != nil {
				return err
			}
		}
		o.Stats.In.Add(ticksASec)
		o.Stats.Out.Add(ticksASec)
	}
	return nil
}

// open makes both, and encodes what is to be decoded.
func (o *Opus) open() (*transcoder, error) {
	rate, bits := o.Rate, o.Bits
	if rate == 0 {
		rate = 48_000
	}
	if bits == 0 {
		bits = 24_000
	}
	if rate < ticksASec {
		return nil, fmt.Errorf("rate is %d: want 8000, 12000, 16000, 24000 or 48000", rate)
	}
	t := &transcoder{frame: rate / ticksASec, voice: harmonics(rate), heard: make([]int16, rate/ticksASec)}
	if err := t.setUp(rate, bits, o.Effort, o.LowDelay); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *transcoder) setUp(rate, bits, effort int, low bool) error {
	application := C.int(C.OPUS_APPLICATION_VOIP)
	if low {
		application = C.OPUS_APPLICATION_RESTRICTED_LOWDELAY
	}
	var code C.int
	if t.encoder = C.opus_encoder_create(C.opus_int32(rate), 1, application, &code); code != C.OPUS_OK {
		return fmt.Errorf("open encoder: %w", opusFault(code))
	}
	if code := C.floor_opus_tune(t.encoder, C.int(bits), C.int(effort)); code != C.OPUS_OK {
		return fmt.Errorf("set encoder up: %w", opusFault(code))
	}
	if t.decoder = C.opus_decoder_create(C.opus_int32(rate), 1, &code); code != C.OPUS_OK {
		return fmt.Errorf("open decoder: %w", opusFault(code))
	}
	for i := range ticksASec {
		n, err := t.encode(i)
		if err != nil {
			return err
		}
		t.packets = append(t.packets, append([]byte(nil), t.packet[:n]...))
	}
	return nil
}

// turn is 20 ms of a call: a frame is decoded, and another encoded. It allocates nothing.
func (t *transcoder) turn() error {
	p := t.packets[t.at]
	if n := C.opus_decode(t.decoder, (*C.uchar)(unsafe.Pointer(&p[0])), C.opus_int32(len(p)), (*C.opus_int16)(unsafe.Pointer(&t.heard[0])), C.int(t.frame), 0); n < 0 {
		return fmt.Errorf("decode: %w", opusFault(n))
	}
	_, err := t.encode(t.at)
	t.at = (t.at + 1) % len(t.packets)
	return err
}

// encode encodes one frame of voice.
func (t *transcoder) encode(frame int) (int, error) {
	n := C.opus_encode(t.encoder, (*C.opus_int16)(unsafe.Pointer(&t.voice[frame*t.frame])), C.int(t.frame),
		(*C.uchar)(unsafe.Pointer(&t.packet[0])), C.opus_int32(len(t.packet)))
	if n < 0 {
		return 0, fmt.Errorf("encode: %w", opusFault(n))
	}
	return int(n), nil
}

func (t *transcoder) close() {
	if t.encoder != nil {
		C.opus_encoder_destroy(t.encoder)
	}
	if t.decoder != nil {
		C.opus_decoder_destroy(t.decoder)
	}
}

func opusFault(code C.int) error { return errors.New("libopus: " + C.GoString(C.opus_strerror(code))) }

// harmonics is a second of something like a voice: the harmonics of a tone that rises and falls, in syllables.
func harmonics(rate int) []int16 {
	pcm := make([]int16, rate)
	phase := 0.0
	for i := range pcm {
		t := float64(i) / float64(rate)
		phase += 2 * math.Pi * (120 + 30*math.Sin(2*math.Pi*1.5*t)) / float64(rate)
		sum := 0.0
		for h := 1.0; h <= 20; h++ {
			sum += math.Sin(h*phase) / h
		}
		pcm[i] = int16(6000 * sum * (0.55 + 0.45*math.Sin(2*math.Pi*4*t)))
	}
	return pcm
}
