package machine

import (
	"runtime"
	"testing"
	"time"

	"parley/bench/stamp"
)

// The clock is that of stamps, and runs.
func TestClock(t *testing.T) {
	t.Parallel()
	c := NewClock()
	for range 3 {
		before, now, after := stamp.Now(), c.Now(), stamp.Now()
		if now < before-time.Millisecond || now > after+time.Millisecond {
			t.Errorf("%v is not between %v and %v", now, before, after)
		}
	}
	at := c.Now() + 3*time.Millisecond
	for c.Now() < at {
		SleepUntil(at)
	}
}

// What a thread has used is part of what its process and its cores have.
func TestCoreTimes(t *testing.T) {
	t.Parallel()
	if n := Cores(); n < 1 || n > runtime.NumCPU() {
		t.Errorf("%d cores of %d", n, runtime.NumCPU())
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, process := ThreadTime(), OwnTime()
	const work = 30 * time.Millisecond
	for end := time.Now().Add(time.Minute); ThreadTime()-thread < work; {
		if time.Now().After(end) {
			t.Fatalf("a minute of work took %v", ThreadTime()-thread)
		}
	}
	if used := OwnTime() - process; used < work-time.Millisecond {
		t.Errorf("the process has used %v, its thread %v", used, work)
	}
	all, err := allowed()
	if err != nil {
		t.Fatal(err)
	}
	sum := time.Duration(0)
	for _, core := range all {
		used, err := CoreTime(core)
		if err != nil {
			t.Fatal(err)
		}
		sum += used
	}
	if sum < work {
		t.Errorf("the cores have been busy for %v", sum)
	}
	if _, err := CoreTime(9999); err == nil {
		t.Error("there is a core 9999")
	}
}
