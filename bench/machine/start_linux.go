package machine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// PinThread keeps this thread, which the caller has locked, on one core until restore is called. What it starts stays there.
func PinThread(core int) (restore func(), err error) {
	var was, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &was); err != nil {
		return nil, fmt.Errorf("ask for cores: %w", err)
	}
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("pin to core %d: %w", core, err)
	}
	return func() { _ = unix.SchedSetaffinity(0, &was) }, nil // they were allowed before
}
