//go:build !cgo

package opus

import (
	"io"
	"strings"
	"testing"
)

func TestWithoutCgo(t *testing.T) {
	t.Parallel()
	if _, err := NewWriter(io.Discard, 8000, 2); err == nil || !strings.Contains(err.Error(), "libopus-dev") || Available() == nil {
		t.Errorf("a build without cgo says %v", err)
	}
	if _, err := NewEncoder(EncoderOptions{Rate: 8000}); err == nil || !strings.Contains(err.Error(), "libopus-dev") {
		t.Errorf("a build without cgo makes an encoder: %v", err)
	}
	if _, err := NewDecoder(8000); err == nil || !strings.Contains(err.Error(), "libopus-dev") {
		t.Errorf("a build without cgo makes a decoder: %v", err)
	}
}
