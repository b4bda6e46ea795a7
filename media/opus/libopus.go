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

// parley_opus_call sets an encoder up for a call: loss is the percentage of packets that are expected not to arrive.
static int parley_opus_call(OpusEncoder *e, int fec, int loss, int dtx) {
	int err = opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(fec));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(loss));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_DTX(dtx));
	return err;
}

// parley_opus_twice tells whether a packet holds the frame before it once more: the bit after the flags of activity, of which there is one for
// each 20 ms, in its first channel or its second (RFC 6716, sections 4.2.3 and 4.2.4).
static int parley_opus_twice(const unsigned char *packet, opus_int32 len) {
	const unsigned char *frames[48];
	opus_int16 sizes[48];
	int each = opus_packet_get_samples_per_frame(packet, 48000), flags = each > 960 ? each / 960 : 1;
	if (packet[0] & 0x80) return 0; // CELT alone has none
	if (opus_packet_parse(packet, len, NULL, frames, sizes, NULL) <= 0 || sizes[0] == 0) return 0;
	if (frames[0][0] >> (7 - flags) & 1) return 1;
	return opus_packet_get_nb_channels(packet) == 2 && (frames[0][0] >> (6 - 2 * flags) & 1);
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

// bitsOf is what a channel is coded in, where nobody says otherwise.
func bitsOf(rate int) int {
	if rate > narrowUntil {
		return wide
	}
	return narrow
}

// open tells how many samples the encoder is behind. Zeroes: the package's own bits of a channel, and effort.
func (e *encoder) open(rate, channels, bits, work int) (behind int, err error) {
	var code C.int
	e.channels = channels
	if e.e = C.opus_encoder_create(C.opus_int32(rate), C.int(channels), C.OPUS_APPLICATION_VOIP, &code); code != C.OPUS_OK {
		return 0, fault(code)
	}
	if bits == 0 {
		bits = bitsOf(rate)
	}
	if work == 0 {
		work = effort
	}
	if code = C.parley_opus_tune(e.e, C.int(bits*channels), C.int(work)); code < 0 {
		e.close()
		return 0, fault(code)
	}
	return int(code), nil
}

// call sets what calls need and files do not.
func (e *encoder) call(fec bool, loss int, dtx bool) error {
	if e.e == nil {
		return errClosed
	}
	if code := C.parley_opus_call(e.e, flag(fec), C.int(loss), flag(dtx)); code != C.OPUS_OK {
		return fault(code)
	}
	return nil
}

func flag(on bool) C.int {
	if on {
		return 1
	}
	return 0
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

// decoder is libopus's, of one channel: stereo is mixed.
type decoder struct {
	d *C.OpusDecoder
}

func (d *decoder) open(rate int) error {
	var code C.int
	if d.d = C.opus_decoder_create(C.opus_int32(rate), 1, &code); code != C.OPUS_OK {
		return fault(code)
	}
	return nil
}

// decode fills pcm, which is not empty, with a packet; with what was lost, of just that length, if there is no packet; or with the frame before
// a packet, which it holds once more.
func (d *decoder) decode(pcm []int16, packet []byte, before bool) (int, error) {
	if d.d == nil {
		return 0, errClosed
	}
	n := C.opus_decode(d.d, (*C.uchar)(unsafe.Pointer(unsafe.SliceData(packet))), C.opus_int32(len(packet)),
		(*C.opus_int16)(unsafe.Pointer(&pcm[0])), C.int(len(pcm)), flag(before))
	if n < 0 {
		return 0, fault(n)
	}
	return int(n), nil
}

// twice tells how many samples the frame before a packet has that it holds once more; 0: it does not.
func (d *decoder) twice(packet []byte, rate int) int {
	data := (*C.uchar)(unsafe.Pointer(&packet[0]))
	if C.parley_opus_twice(data, C.opus_int32(len(packet))) == 0 {
		return 0
	}
	return int(C.opus_packet_get_samples_per_frame(data, C.opus_int32(rate)))
}

func (d *decoder) close() {
	if d.d != nil {
		C.opus_decoder_destroy(d.d)
	}
	d.d = nil
}

func fault(code C.int) error { return errors.New("libopus: " + C.GoString(C.opus_strerror(code))) }
