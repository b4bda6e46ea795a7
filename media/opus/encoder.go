//go:build cgo

package opus

/*
#cgo LDFLAGS: -lopus
#include <opus/opus.h>

// parley_opus_tune sets an encoder up for recordings of speech, and tells how many samples it is behind.
static int parley_opus_tune(OpusEncoder *e, int bits, int effort) {
	opus_int32 behind = 0;
	int err = opus_encoder_ctl(e, OPUS_SET_BITRATE(bits));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(effort));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_GET_LOOKAHEAD(&behind));
	return err == OPUS_OK ? behind : err;
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

// encoder is libopus's.
type encoder struct {
	e        *C.OpusEncoder
	channels int
}

func available() error { return nil }

const (
	effort      = 5      // of 10: from there on, speech gains little
	narrow      = 16_000 // bits a second of a channel with the telephone's 4 kHz
	wide        = 24_000 // and of one with more
	narrowUntil = 12_000 // samples a second
)

// open tells how many samples the encoder is behind.
func (e *encoder) open(rate, channels int) (behind int, err error) {
	var code C.int
	e.channels = channels
	if e.e = C.opus_encoder_create(C.opus_int32(rate), C.int(channels), C.OPUS_APPLICATION_VOIP, &code); code != C.OPUS_OK {
		return 0, fault(code)
	}
	bits := narrow
	if rate > narrowUntil {
		bits = wide
	}
	if code = C.parley_opus_tune(e.e, C.int(bits*channels), effort); code < 0 {
		e.close()
		return 0, fault(code)
	}
	return int(code), nil
}

// encode makes a packet of a frame, and tells its length.
func (e *encoder) encode(frame []int16, packet []byte) (int, error) {
	if e.e == nil {
		return 0, errClosed
	}
	n := C.opus_encode(e.e, (*C.opus_int16)(unsafe.Pointer(&frame[0])), C.int(len(frame)/e.channels),
		(*C.uchar)(unsafe.Pointer(&packet[0])), C.opus_int32(len(packet)))
	if n < 0 {
		return 0, fault(C.int(n))
	}
	return int(n), nil
}

func (e *encoder) close() {
	if e.e != nil {
		C.opus_encoder_destroy(e.e)
	}
	e.e = nil
}

func fault(code C.int) error { return errors.New("libopus: " + C.GoString(C.opus_strerror(code))) }
