//go:build cgo

package echo

/*
#cgo LDFLAGS: -lspeexdsp -lm
#cgo noescape parley_echo_clean
#cgo nocallback parley_echo_clean
#include <speex/speex_echo.h>

// parley_echo_clean takes far out of near, into out, in n blocks.
static void parley_echo_clean(SpeexEchoState *echo, const spx_int16_t *far, const spx_int16_t *near, spx_int16_t *out, int block, int n) {
	for (int i = 0; i < n * block; i += block) speex_echo_cancellation(echo, near + i, far + i, out + i);
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

// filter is speexdsp's echo canceller: an adaptive filter in the frequency domain, which keeps still while the caller speaks (Valin, "On
// adjusting the learning rate in frequency domain echo cancellation with double-talk", 2007). It adds no delay.
type filter struct {
	echo   *C.SpeexEchoState
	closed bool
}

// available says what is missing: nothing.
func available() error { return nil }

// open makes the filter, for blocks and a tail of so many samples.
func (f *filter) open(rate, block, tail int) error {
	hz := C.spx_int32_t(rate)
	if f.echo = C.speex_echo_state_init(C.int(block), C.int(tail)); f.echo == nil {
		f.close()
		return errors.New("speexdsp has no memory")
	}
	C.speex_echo_ctl(f.echo, C.SPEEX_ECHO_SET_SAMPLING_RATE, unsafe.Pointer(&hz))
	return nil
}

// run takes far out of near, into out: whole blocks.
func (f *filter) run(far, near, out []int16, block int) {
	C.parley_echo_clean(f.echo, (*C.spx_int16_t)(&far[0]), (*C.spx_int16_t)(&near[0]), (*C.spx_int16_t)(&out[0]), C.int(block), C.int(len(near)/block))
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
	f.echo, f.closed = nil, true
}
