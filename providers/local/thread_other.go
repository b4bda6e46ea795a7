//go:build !linux

package local

import "time"

// yieldToFrames does nothing where priority is not a thread's.
func yieldToFrames() error { return nil }

func threadTime() time.Duration { return 0 }
func threadID() int             { return 0 }

func timeOf(int) time.Duration { return 0 }
