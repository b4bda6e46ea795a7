//go:build !cgo

package vad

import (
	"errors"

	"parley/media"
)

// WebRTC is the Detector of the WebRTC project, which this build lacks.
type WebRTC struct{}

// NewWebRTC says what is missing.
func NewWebRTC(int) (*WebRTC, error) {
	return nil, errors.New("make WebRTC detector: this build is without cgo: build with CGO_ENABLED=1 and a C compiler")
}

// Hear is never reached: there is no WebRTC without NewWebRTC.
func (*WebRTC) Hear(media.Frame) bool { return false }

// Close does nothing.
func (*WebRTC) Close() error { return nil }
