package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// GoFirst puts this process, and those that it starts, before its neighbours where that is allowed, until restore is called.
func GoFirst() (first bool, restore func()) {
	first = true
	tasks, _ := filepath.Glob("/proc/self/task/*") // the pattern is well formed
	for _, t := range tasks {
		if id, err := strconv.Atoi(filepath.Base(t)); err == nil {
			first = unix.Setpriority(unix.PRIO_PROCESS, id, -20) == nil && first
		}
	}
	// Linux may have a priority of the whole session, which outranks that of its processes (sched(7)).
	const autogroup = "/proc/self/autogroup"
	text, err := os.ReadFile(autogroup)
	if err != nil {
		return first, func() {}
	}
	_, was, _ := strings.Cut(strings.TrimSpace(string(text)), " nice ")
	_ = os.WriteFile(autogroup, []byte("-20"), 0) // where it is not allowed, Others says what came of it
	return first, func() { _ = os.WriteFile(autogroup, []byte(was), 0) }
}

// tick is the unit of the kernel's times (proc(5), USER_HZ).
const tick = 10 * time.Millisecond

// Processors reads how much time all processes have used, and how much of it this one and those that it has started.
func Processors() (all, ours time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	var user, nice, system, idle, wait, irq, soft int64
	if _, err := fmt.Sscanf(string(text), "cpu %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &soft); err != nil {
		return 0, 0, fmt.Errorf("read /proc/stat: %w", err)
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, 0, err
	}
	parents, used := map[int]int{}, map[int]int64{}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		// After the name, in brackets: state, ppid, ..., then as fields 14 to 17 utime, stime and those of children that have ended.
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(f) < 15 {
			continue
		}
		parents[pid], _ = strconv.Atoi(f[1])
		for _, field := range f[11:15] {
			n, _ := strconv.ParseInt(field, 10, 64) // the kernel writes numbers
			used[pid] += n
		}
	}
	var sum int64
	for pid := range used {
		for at := pid; at > 1; at = parents[at] {
			if at == os.Getpid() {
				sum += used[pid]
				break
			}
		}
	}
	return time.Duration(user+nice+system+irq+soft) * tick, time.Duration(sum) * tick, nil
}
