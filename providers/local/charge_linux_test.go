package local

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// busy is a recogniser that uses the processor for so long between any two looks at stop.
type busy struct {
	span  time.Duration
	looks int
}

func (b busy) recognise(_ []float32, stop func() bool) (string, error) {
	for range b.looks {
		for began := threadTime(); threadTime()-began < b.span; {
		}
		if stop() {
			return "", errStopped
		}
	}
	return "done", nil
}

func TestCharged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		r := charged{busy{10 * time.Millisecond, 5}}
		began := time.Now()
		text, err := r.recognise(nil, func() bool { return false })
		if took := time.Since(began); text != "done" || err != nil || took < 50*time.Millisecond || took > 80*time.Millisecond {
			t.Errorf("%q, %v after %v, want it done after 50 ms", text, err, took)
		}
		var unwanted atomic.Bool
		time.AfterFunc(25*time.Millisecond, func() { unwanted.Store(true) })
		began = time.Now()
		_, err = r.recognise(nil, unwanted.Load)
		if took := time.Since(began); err != errStopped || took < 25*time.Millisecond || took > 45*time.Millisecond {
			t.Errorf("%v after %v, want it stopped after 30 ms", err, took)
		}
	})
}
