//go:build cgo

package vad

import (
	"fmt"
	"unsafe"

	webrtcvad "github.com/baabaaox/go-webrtcvad"

	"parley/media"
)

// WebRTC is a Detector: the Gaussian mixture model of the WebRTC project in its strictest mode (3), through cgo. It is far better
// than Energy on clean lines (a median of 64 ms from the onset, three frames in a row asked for), for 1.4 us a frame; loud steady noise (pink
// at 5 dB) and hold music it calls speech.
type WebRTC struct {
	instance webrtcvad.VadInst
	rate     int
	speech   bool // the last verdict
}

// NewWebRTC makes a WebRTC for frames of rate samples a second: 8,000, 16,000 or 48,000. It must be closed.
func NewWebRTC(rate int) (*WebRTC, error) {
	if rate != 8000 && rate != 16000 && rate != 48000 {
		return nil, fmt.Errorf("make WebRTC detector: rate of %d samples a second, want 8,000, 16,000 or 48,000", rate)
	}
	w := &WebRTC{instance: webrtcvad.Create(), rate: rate}
	if err := webrtcvad.Init(w.instance); err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("make WebRTC detector: %w", err)
	}
	if err := webrtcvad.SetMode(w.instance, 3); err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("make WebRTC detector: %w", err)
	}
	return w, nil
}

// Hear says whether f is speech. A frame that is not 20 ms at the detector's rate, and any frame after Close, leaves the verdict as
// it was.
func (w *WebRTC) Hear(f media.Frame) bool {
	if w.instance == nil || f.Rate != w.rate || len(f.PCM) != w.rate/50 {
		return w.speech
	}
	// The model reads samples in the machine's own order and keeps none of them.
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f.PCM))), 2*len(f.PCM))
	if speech, err := webrtcvad.Process(w.instance, w.rate, raw, len(f.PCM)); err == nil {
		w.speech = speech
	}
	return w.speech
}

// Close frees the model. It may be called again; the error is always nil.
func (w *WebRTC) Close() error {
	if w.instance != nil {
		webrtcvad.Free(w.instance)
		w.instance = nil
	}
	return nil
}
