//go:build !linux

package machine

import "errors"

// PinThread cannot here.
func PinThread(int) (restore func(), err error) {
	return nil, errors.New("only Linux keeps a process on a core")
}
