//go:build cgo

package local

/*
#cgo LDFLAGS: -lflite_cmu_us_slt -lflite_usenglish -lflite_cmulex -lflite -lm
#include <stdint.h>
#include <stdlib.h>
#include <flite/flite.h>

extern cst_voice *register_cmu_us_slt(const char *voxdir);
extern int parleyFliteSound(short *samples, int n, uintptr_t to);

static int parley_flite_sound(const cst_wave *w, int start, int size, int last, cst_audio_streaming_info *info) {
	(void)last;
	return parleyFliteSound(w->samples + start, size, (uintptr_t)info->userdata) ? CST_AUDIO_STREAM_CONT : CST_AUDIO_STREAM_STOP;
}

static cst_voice *parley_flite_open(void) {
	flite_init();
	return register_cmu_us_slt(NULL);
}

// parley_flite_say sets up the voice for one text and speaks it into the callback. It returns the sample rate, or 0.
static int parley_flite_say(cst_voice *v, const char *text, float stretch, uintptr_t to) {
	cst_audio_streaming_info *info = new_audio_streaming_info();
	info->asc = parley_flite_sound;
	info->userdata = (void *)to;
	feat_set(v->features, "streaming_info", audio_streaming_info_val(info));
	feat_set_float(v->features, "duration_stretch", stretch);
	cst_wave *w = flite_text_to_wave(text, v);
	int rate = w ? w->sample_rate : 0;
	if (w) delete_wave(w);
	return rate;
}
*/
import "C"

import (
	"context"
	"errors"
	"runtime/cgo"
	"sync"
	"unsafe"
)

// flite is the plain voice: Carnegie Mellon's slt by libflite. It hands its sound over as it makes it, and stops when it is told
// to. The library has one such voice a process, and keeps the settings of an utterance in it, so that only one can be spoken at a
// time; a clause takes 20 ms.
type flite struct {
	voice *C.cst_voice // nil until first used
}

// libflite is held while the library is at work, by whichever engine.
var libflite sync.Mutex

func newFlite() *flite { return &flite{} }

// prepare leaves the reading to flite.
func (f *flite) prepare(_ context.Context, c clause) (script, error) {
	return script{text: c.said(), weights: weigh(c)}, nil
}

// fliteSound collects what flite makes, for as long as it is wanted.
type fliteSound struct {
	ctx context.Context //nolint:containedctx // it goes through C, as a handle, to one callback
	pcm []int16
}

func (f *flite) say(ctx context.Context, s script, pace float64) ([]int16, int, error) {
	libflite.Lock()
	defer libflite.Unlock()
	if f.voice == nil {
		if f.voice = C.parley_flite_open(); f.voice == nil {
			return nil, 0, errors.New("flite has no voice slt")
		}
	}
	sound := &fliteSound{ctx: ctx}
	to := cgo.NewHandle(sound)
	defer to.Delete()
	text := C.CString(s.text)
	defer C.free(unsafe.Pointer(text))
	rate := int(C.parley_flite_say(f.voice, text, C.float(1/pace), C.uintptr_t(to)))
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	if rate == 0 {
		return nil, 0, errors.New("flite made no sound")
	}
	return trim(sound.pcm, rate), rate, nil
}

//export parleyFliteSound
func parleyFliteSound(samples *C.short, n C.int, to C.uintptr_t) C.int {
	s := cgo.Handle(to).Value().(*fliteSound)
	if s.ctx.Err() != nil {
		return 0
	}
	s.pcm = append(s.pcm, unsafe.Slice((*int16)(unsafe.Pointer(samples)), int(n))...)
	return 1
}
