package machine

import (
	"runtime"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	t.Parallel()
	m := NewMeter()
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); { // what this process does is not of others
	}
	all, ours, err := Processors()
	if runtime.GOOS == "linux" && (err != nil || !m.works || ours-m.ours < 50*time.Millisecond || all-m.all < 50*time.Millisecond) {
		t.Errorf("all %v, ours %v, %v after 200 ms of work", all-m.all, ours-m.ours, err)
	}
	if got := m.Others(); got < 0 || got > 1 {
		t.Errorf("others took %v of the machine", got)
	}
}
