//go:build !cgo

package echo_test

import (
	"strings"
	"testing"

	"parley/media/echo"
)

func TestWithoutCgo(t *testing.T) {
	t.Parallel()
	if c, err := echo.New(8000, 0); err == nil || !strings.Contains(err.Error(), "libspeexdsp-dev") {
		t.Errorf("New: %v, %v: want what is missing", c, err)
	}
}
