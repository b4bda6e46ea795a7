package machine

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// What this process does is its own, and not of others, however little of the machine it gets.
func TestMeter(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		if _, _, err := Processors(); err == nil {
			t.Error("it tells what it cannot know")
		}
		return
	}
	m := NewMeter()
	const work = 100 * time.Millisecond
	var all, ours time.Duration
	for end := time.Now().Add(time.Minute); ours-m.ours < work; {
		var err error
		if all, ours, err = Processors(); err != nil || !m.works {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatalf("after a minute of work this process has used %v", ours-m.ours)
		}
	}
	if all-m.all < work {
		t.Errorf("all have used %v, this process alone %v", all-m.all, ours-m.ours)
	}
	if used, err := Used(os.Getpid()); err != nil || used < work {
		t.Errorf("this process has used %v: %v", used, err)
	}
	if got := m.Others(); got < 0 || got > 1 {
		t.Errorf("others took %v of the machine", got)
	}
}
