//go:build !cgo

package floor

import (
	"context"
	"errors"
)

// Serve cannot transcode: libopus is not in this build.
func (o *Opus) Serve(context.Context) error {
	return errors.New("this build is without cgo: build with CGO_ENABLED=1, a C compiler and libopus-dev")
}
