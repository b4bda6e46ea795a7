//go:build !cgo

package echo

import "errors"

// filter is that of speexdsp, which this build lacks.
type filter struct{ closed bool }

func available() error {
	return errors.New("this build is without cgo: build with CGO_ENABLED=1, a C compiler and libspeexdsp-dev")
}

func (*filter) open(int, int, int) error   { return available() }
func (*filter) run(_, _, _ []int16, _ int) {}
func (*filter) reset()                     {}
func (f *filter) close()                   { f.closed = true }
