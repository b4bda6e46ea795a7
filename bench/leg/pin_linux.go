package main

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

// cores are two that this process may use: one for the generator, one for the server.
func cores() (generator, server int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, 0, fmt.Errorf("ask for cores: %w", err)
	}
	var allowed []int
	for i := range 1024 {
		if set.IsSet(i) {
			allowed = append(allowed, i)
		}
	}
	if len(allowed) < 2 {
		return 0, 0, errors.New("needs two cores: one for the server, one for the generator")
	}
	return allowed[0], allowed[len(allowed)-1], nil
}

// pin keeps all threads of this process on one core, before its neighbours where that is allowed; threads to come inherit both.
// The runtime runs one goroutine at a time then. It says whether the neighbours have to wait.
func pin(core int) (first bool, err error) {
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

// autogroup is where Linux has the priority of a whole session, which outranks that of its processes (sched(7)).
const autogroup = "/proc/self/autogroup"

// goFirst puts this session before others, where that is allowed, until restore is called.
func goFirst() (restore func()) {
	text, err := os.ReadFile(autogroup)
	if err != nil {
		return func() {} // no autogroups here: the priority of the process counts
	}
	_, was, _ := strings.Cut(strings.TrimSpace(string(text)), " nice ")
	_ = os.WriteFile(autogroup, []byte("-20"), 0)
	return func() { _ = os.WriteFile(autogroup, []byte(was), 0) }
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// coreTime is what all processes have used of a core, in 10 ms; without interrupts, which belong to nobody.
func coreTime(core int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var user, nice, system int64
		if _, err := fmt.Sscanf(line, "cpu"+strconv.Itoa(core)+" %d %d %d", &user, &nice, &system); err == nil {
			return time.Duration(user+nice+system) * 10 * time.Millisecond, nil
		}
	}
	return 0, fmt.Errorf("/proc/stat has no core %d", core)
}

// clock is the machine's monotonic clock, the same in all processes, read without a system call.
type clock struct {
	zero time.Time
	at   time.Duration // of zero
}

func newClock() clock {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // Linux always has it
	}
	return clock{zero: time.Now(), at: time.Duration(t.Nano())}
}

func (c clock) now() time.Duration { return c.at + time.Since(c.zero) }

// sleepUntil waits until clock says at.
func sleepUntil(at time.Duration) {
	t := unix.NsecToTimespec(int64(at))
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &t, nil) // woken early, the caller looks at the clock again
}
