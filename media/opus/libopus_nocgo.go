//go:build !cgo

package opus

import "errors"

// encoder is that of libopus, which this build lacks.
type encoder struct{}

func available() error {
	return errors.New("this build is without cgo: build with CGO_ENABLED=1, a C compiler and libopus-dev")
}

func (*encoder) open(int, int, int, int) (int, error) { return 0, available() }
func (*encoder) call(bool, int, bool) error           { return errClosed }
func (*encoder) encode([]int16, []byte) (int, error)  { return 0, errClosed }
func (*encoder) close()                               {}

// decoder is that of libopus.
type decoder struct{}

func (*decoder) open(int) error                            { return available() }
func (*decoder) decode([]int16, []byte, bool) (int, error) { return 0, errClosed }
func (*decoder) twice([]byte, int) int                     { return 0 }
func (*decoder) close()                                    {}
