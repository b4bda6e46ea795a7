//go:build !linux

package stamp

import "time"

// Now is the time since the process began: elsewhere than on Linux stamps are good within one process.
func Now() time.Duration { return time.Since(began) }

var began = time.Now()
