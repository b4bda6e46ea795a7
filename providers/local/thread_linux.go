package local

import (
	"time"

	"golang.org/x/sys/unix"
)

// niceness of the workers' threads. Frames' threads have 0 and go first; 5 still leaves a worker a third of a processor that other
// programs fight for. At 10 it had a tenth: a reply of 0.4 s took 12 s on a busy machine, and a thread that is starved while
// it runs Go code keeps the garbage collector waiting, and with it the frames.
const niceness = 5

// yieldToFrames lowers the priority of the calling thread, which its goroutine must have locked. On Linux priority is a thread's.
func yieldToFrames() error {
	return unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness)
}

// threadID names the calling thread, which its goroutine must have locked.
func threadID() int { return unix.Gettid() }

// timeOf is how long a thread of this process has used the processor; 0: it has ended.
func timeOf(thread int) time.Duration {
	var t unix.Timespec
	clock := int32(^thread<<3 | 6) // of one thread, as scheduled: MAKE_THREAD_CPUCLOCK of linux/posix-timers_types.h
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// threadTime is how long the calling thread has used the processor.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
