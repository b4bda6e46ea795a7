//go:build !linux

package machine

import (
	"errors"
	"time"
)

// GoFirst cannot put this process before its neighbours here.
func GoFirst() (first bool, restore func()) { return false, func() {} }

// Processors cannot tell here.
func Processors() (all, ours time.Duration, err error) {
	return 0, 0, errors.New("only Linux tells what processes have used")
}
