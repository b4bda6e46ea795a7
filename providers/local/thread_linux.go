package local

import "golang.org/x/sys/unix"

// niceness of the workers' threads: below the threads that carry frames, which have 0, and above a batch job's 19.
const niceness = 10

// yieldToFrames lowers the priority of the calling thread, which its goroutine must have locked. On Linux priority is a thread's.
func yieldToFrames() error {
	return unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness)
}
