package machine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// allowed are the cores that this process may use.
func allowed() (all []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("ask for cores: %w", err)
	}
	for i := range 1024 {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all, nil
}

// Cores is how many cores this process can keep busy: those that it may use, as far as Go's scheduler uses them.
func Cores() int {
	all, err := allowed()
	if err != nil {
		return runtime.GOMAXPROCS(0)
	}
	return min(len(all), runtime.GOMAXPROCS(0))
}

// TwoCores are two that this process may use: one for a generator, one for a server.
func TwoCores() (generator, server int, err error) {
	all, err := allowed()
	if err != nil {
		return 0, 0, err
	}
	if len(all) < 2 {
		return 0, 0, errors.New("needs two cores: one for the server, one for the generator")
	}
	return all[0], all[len(all)-1], nil
}

// Pin keeps all threads of this process on one core, before its neighbours where that is allowed; threads to come inherit both.
// The runtime runs one goroutine at a time then. It says whether the neighbours have to wait.
func Pin(core int) (first bool, err error) {
	runtime.GOMAXPROCS(1)
	var set unix.CPUSet
	set.Set(core)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false, fmt.Errorf("pin to core %d: %w", core, err)
	}
	first = true
	for _, t := range tasks {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return false, fmt.Errorf("pin thread %d to core %d: %w", id, core, err)
		}
		first = unix.Setpriority(unix.PRIO_PROCESS, id, -20) == nil && first
	}
	return first, nil
}

// OwnTime is what this process has used.
func OwnTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ThreadTime is what the calling thread has used: whoever asks has locked himself to it.
func ThreadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// CoreTime is what all processes have used of a core, in 10 ms; without interrupts, which belong to nobody.
func CoreTime(core int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var user, nice, system int64
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "cpu"+strconv.Itoa(core)+" %d %d %d", &user, &nice, &system); err == nil {
			return time.Duration(user+nice+system) * tick, nil
		}
	}
	return 0, fmt.Errorf("/proc/stat has no core %d", core)
}

// A Clock is the machine's monotonic clock, the same in all processes and the one of bench/stamp, read without a system call.
type Clock struct {
	zero time.Time
	at   time.Duration // of zero
}

// NewClock makes one.
func NewClock() Clock {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // Linux always has it
	}
	return Clock{zero: time.Now(), at: time.Duration(t.Nano())}
}

// Now is the time.
func (c Clock) Now() time.Duration { return c.at + time.Since(c.zero) }

// SleepUntil keeps the calling thread until the clock says at, or a little less: woken early, the caller looks at the clock again.
func SleepUntil(at time.Duration) {
	t := unix.NsecToTimespec(int64(at))
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &t, nil)
}
