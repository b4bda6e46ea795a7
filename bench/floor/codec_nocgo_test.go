//go:build !cgo

package floor

import (
	"strings"
	"testing"
)

func TestOpus(t *testing.T) {
	t.Parallel()
	if err := (&Opus{}).Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "CGO_ENABLED=1") {
		t.Errorf("without cgo: %v", err)
	}
}
