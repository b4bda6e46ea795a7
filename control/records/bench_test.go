package records

import (
	"context"
	"fmt"
	"testing"

	"parley/store"
)

// BenchmarkEntries measures turns from Watch to the disk, and on to a database that takes them at once.
func BenchmarkEntries(b *testing.B) {
	for _, database := range []bool{false, true} {
		for _, calls := range []int{1, 100} { // each waits for its turn to be durable before it makes the next
			b.Run(fmt.Sprintf("database=%v/calls=%d", database, calls), func(b *testing.B) {
				r := mustNew(b, options(b.TempDir(), recorderFunc(func(context.Context, []store.Entry) error {
					if database {
						return nil
					}
					return errAway
				})))
				stop := run(r)
				for n := range calls {
					r.Begin(begun(fmt.Sprint("c", n)))
				}
				far := (*queue).onDisk
				if database {
					far = (*queue).inDatabase
				}
				done := make(chan error, calls)
				b.ResetTimer()
				for n := range calls {
					go func() {
						e := turned(fmt.Sprint("c", n), 1)
						var err error
						for range (b.N + calls - 1) / calls {
							r.Watch(e)
							if err == nil {
								err = r.await(context.Background(), far)
							}
						}
						done <- err
					}()
				}
				for range calls {
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
				mustStop(b, stop)
			})
		}
	}
}

// BenchmarkWatch is what a turn costs its call.
func BenchmarkWatch(b *testing.B) {
	r := mustNew(b, options(b.TempDir(), newDatabase()))
	defer r.Close()
	r.Begin(begun("c0"))
	e := turned("c0", 1)
	for n := 0; b.Loop(); n++ {
		if r.Watch(e); n%1000 == 0 { // as if the disk had taken them: a full queue would be cheaper
			r.queue.take()
			r.queue.kept(r.queue.last)
		}
	}
	if s := r.Stats(); s.Lost > 0 {
		b.Errorf("%d entries were lost: not the way that is measured", s.Lost)
	}
}
