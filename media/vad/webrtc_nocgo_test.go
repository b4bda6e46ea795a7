//go:build !cgo

package vad_test

import (
	"strings"
	"testing"

	"parley/media/vad"
)

func TestNewWebRTCSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := vad.NewWebRTC(8000); err == nil || !strings.Contains(err.Error(), "CGO_ENABLED=1") {
		t.Errorf("error %v, want one that names CGO_ENABLED=1", err)
	}
}
