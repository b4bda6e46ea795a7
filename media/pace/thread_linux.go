package pace

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Thread is a Waiter that keeps Run's goroutine on an operating system thread of its own and sleeps in ppoll(2), with no timer
// slack: it wakes within about 0.1 ms where Go's timers take one. Give every wheel its own.
type Thread struct {
	mu  sync.Mutex // of event: it is closed while others may want to wake
	set bool
	fd  int

	poll    [1]unix.PollFd
	timeout unix.Timespec
	one     [8]byte // what is added to the eventfd
	drained [8]byte
}

// Start implements Waiter.
func (t *Thread) Start() error {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	runtime.LockOSThread()
	// Without the timer slack of 50 us; harmless where it is refused.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fd, t.set = fd, true
	binary.NativeEndian.PutUint64(t.one[:], 1)
	t.poll[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	return nil
}

// Wait implements Waiter.
func (t *Thread) Wait(until time.Time) {
	timeout := &t.timeout
	if until.IsZero() {
		timeout = nil
	} else {
		t.timeout = unix.NsecToTimespec(int64(max(0, time.Until(until))))
	}
	// An interrupted wait is a short one: the wheel looks at its clock after each.
	if n, err := unix.Ppoll(t.poll[:], timeout, nil); err == nil && n > 0 {
		_, _ = unix.Read(t.fd, t.drained[:])
	}
}

// Wake implements Waiter.
func (t *Thread) Wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.set {
		_, _ = unix.Write(t.fd, t.one[:]) // full means that it is to wake already
	}
}

// Stop implements Waiter.
func (t *Thread) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set = false
	_ = unix.Close(t.fd)
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // back to the default
	runtime.UnlockOSThread()
}
