//go:build cgo

package echo

/*
#cgo LDFLAGS: -lspeexdsp -lm
#cgo noescape parley_echo_clean
#cgo nocallback parley_echo_clean
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>

// clean takes far out of near, in place, in n blocks, and suppresses what is left of it.
static void parley_echo_clean(SpeexEchoState *echo, SpeexPreprocessState *rest, const spx_int16_t *far, spx_int16_t *near, int block, int n) {
	spx_int16_t out[160];
	for (int i = 0; i < n; i++, far += block, near += block) {
		speex_echo_cancellation(echo, near, far, out);
		speex_preprocess_run(rest, out);
		for (int k = 0; k < block; k++) near[k] = out[k];
	}
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

// filter is speexdsp's echo canceller and, behind it, its preprocessor, which knows what the former left.
type filter struct {
	echo   *C.SpeexEchoState
	rest   *C.SpeexPreprocessState
	closed bool
}

// available says what is missing: nothing.
func available() error { return nil }

// open makes the filter. It does not attenuate noise: recognisers do better without.
func (f *filter) open(rate, tail int) error {
	size := C.int(int64(rate) * block.Milliseconds() / 1000)
	hz := C.spx_int32_t(rate)
	f.echo = C.speex_echo_state_init(size, C.int(tail))
	f.rest = C.speex_preprocess_state_init(size, C.int(rate))
	if f.echo == nil || f.rest == nil {
		f.close()
		return errors.New("speexdsp has no memory")
	}
	C.speex_echo_ctl(f.echo, C.SPEEX_ECHO_SET_SAMPLING_RATE, unsafe.Pointer(&hz))
	C.speex_preprocess_ctl(f.rest, C.SPEEX_PREPROCESS_SET_ECHO_STATE, unsafe.Pointer(f.echo))
	for request, value := range map[C.int]C.spx_int32_t{
		C.SPEEX_PREPROCESS_SET_DENOISE:              1, // the suppression of echo is part of it
		C.SPEEX_PREPROCESS_SET_NOISE_SUPPRESS:       0,
		C.SPEEX_PREPROCESS_SET_ECHO_SUPPRESS:        suppress,
		C.SPEEX_PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE: suppressActive,
	} {
		C.speex_preprocess_ctl(f.rest, request, unsafe.Pointer(&value))
	}
	return nil
}

// How far what is left of the echo is attenuated, in dB: while the caller is silent, and while they speak.
const (
	suppress       = -45
	suppressActive = -15
)

// run takes far out of near, in place: whole blocks.
func (f *filter) run(far, near []int16, block int) {
	C.parley_echo_clean(f.echo, f.rest, (*C.spx_int16_t)(&far[0]), (*C.spx_int16_t)(&near[0]), C.int(block), C.int(len(near)/block))
}

// reset forgets the echo's way.
func (f *filter) reset() {
	if f.echo != nil {
		C.speex_echo_state_reset(f.echo)
	}
}

func (f *filter) close() {
	if f.echo != nil {
		C.speex_echo_state_destroy(f.echo)
	}
	if f.rest != nil {
		C.speex_preprocess_state_destroy(f.rest)
	}
	f.echo, f.rest, f.closed = nil, nil, true
}
