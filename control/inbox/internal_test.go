package inbox

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestOutliving: a job goes on when all has to end, for a while; what was given up can be written down all the same.
func TestOutliving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, stop := context.WithCancel(t.Context())
		short, doneShort := outliving(all, time.Now().Add(time.Minute))
		long, done := outliving(all, time.Now().Add(time.Hour))
		defer done()
		stop()
		time.Sleep(grace - time.Second)
		synctest.Wait()
		if short.Err() != nil || long.Err() != nil {
			t.Fatal("a job was given up at once")
		}
		doneShort()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if long.Err() == nil {
			t.Fatal("a job goes on when all has ended")
		}
		settle, settled := settling(long)
		defer settled()
		if settle.Err() != nil {
			t.Error("what became of a job that was given up cannot be written down")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		job, done := outliving(t.Context(), time.Now().Add(time.Minute))
		defer done()
		time.Sleep(time.Minute)
		synctest.Wait()
		if job.Err() == nil {
			t.Error("a job goes on when it is somebody else's")
		}
	})
}
