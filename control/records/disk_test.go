package records

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"parley/control/spool"
	"parley/pipeline"
	"parley/store"
)

// A moodyDisk is a spool that can be full, and can hang.
type moodyDisk struct {
	disk
	full atomic.Bool
	mu   sync.Mutex
	hang chan struct{}
}

func (d *moodyDisk) Append(records []spool.Record) error {
	d.mu.Lock()
	hang := d.hang
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if d.full.Load() {
		return fmt.Errorf("append to spool: %w", syscall.ENOSPC)
	}
	return d.disk.Append(records)
}

func moody(t *testing.T, o Options) (*Records, *moodyDisk) {
	t.Helper()
	s, err := spool.Open(spool.Options{Dir: o.Dir, Log: o.Log})
	if err != nil {
		t.Fatal(err)
	}
	d := &moodyDisk{disk: s}
	return newRecords(o, d), d
}

func TestFullDiskDoesNotStopTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, log := newDatabase(), &book{}
		o := options(t.TempDir(), d)
		o.Log = log.logger()
		r, disk := moody(t, o)
		stop := run(r)
		synctest.Wait() // crashed is put
		d.set(func() { d.fail = errAway })
		talk(r, "c0", 3) // waits on the disk, and stays before what comes
		synctest.Wait()
		disk.full.Store(true)
		talk(r, "c1", 300) // waits in memory
		time.Sleep(10 * time.Second)
		if s := r.Stats(); s.Disk || s.Well || s.Waiting != 5+302 || s.Oldest < 10*time.Second {
			t.Errorf("without disk and database: %+v", s)
		}
		d.set(func() { d.fail = nil })
		mustFlush(t, r)
		talk(r, "c2", 3)
		mustFlush(t, r)
		if s := r.Stats(); s != (Stats{Well: true}) {
			t.Errorf("without disk: %+v", s)
		}
		d.set(func() { d.fail = errAway })
		talk(r, "c3", 3)
		time.Sleep(5 * time.Second)
		disk.full.Store(false) // now what is in memory comes to the disk
		time.Sleep(5 * time.Second)
		if s := r.Stats(); s.Waiting != 5 || !s.Disk || r.disk.Last() < 5 {
			t.Errorf("the disk is back: %+v", s)
		}
		d.set(func() { d.fail = nil })
		talk(r, "c4", 3)
		mustFlush(t, r)
		mustStop(t, stop)
		want := []string{"boot crashed"}
		for id, turns := range []int{3, 300, 3, 3, 3} {
			want = append(want, talked(fmt.Sprint("c", id), turns)...)
		}
		if got := d.keys(); strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%d entries, want %d in order:\n%v", len(got), len(want), got[:min(10, len(got))])
		}
		for _, line := range []string{"records stay in memory: the disk does not take them", "the disk takes records again"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("logged %d times: %s", n, line)
			}
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.fail = errAway
		r, disk := moody(t, options(t.TempDir(), d))
		disk.full.Store(true)
		stop := run(r)
		synctest.Wait() // crashed is put
		r.Begin(begun("c0"))
		e := turned("c0", 1)
		for range maxQueued {
			r.Watch(e)
		}
		if s := r.Stats(); s.Lost != 2 || s.Waiting != maxQueued {
			t.Errorf("full: %+v", s)
		}
		d.set(func() { d.fail = nil })
		mustFlush(t, r)
		r.Watch(ended("c0", 1, "caller"))
		mustFlush(t, r)
		d.entry(t, "c0 ended")
		if err := stop(); err == nil || !strings.HasPrefix(err.Error(), "2 records are lost") {
			t.Errorf("run: %v", err)
		}
	})
}

func TestWithoutDiskAndDatabaseTheEndTellsWhatIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.fail = errAway
		r, disk := moody(t, options(t.TempDir(), d))
		disk.full.Store(true)
		stop := run(r)
		talk(r, "c0", 1)
		time.Sleep(time.Second)
		if err := stop(); err == nil || !strings.HasPrefix(err.Error(), "4 records are lost") {
			t.Errorf("run: %v", err)
		}
		if s := r.Stats(); s.Lost != 4 {
			t.Errorf("at the end: %+v", s)
		}
	})
}

// A call never waits: neither for a disk that hangs, nor a database, nor a recording.
func TestWatchNeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		free := make(chan struct{})
		d.hang = free
		o := options(t.TempDir(), d)
		o.Recording = func(string, time.Time) (store.Recording, bool) { <-free; return store.Recording{}, false }
		r, disk := moody(t, o)
		stop := run(r)
		synctest.Wait() // the database hangs over the first entry
		disk.mu.Lock()
		disk.hang = free
		disk.mu.Unlock()
		began := time.Now()
		talk(r, "c0", 20) // the recording hangs
		synctest.Wait()
		talk(r, "c1", 20)
		r.Watch(pipeline.Event{Call: "c1", Kind: pipeline.SpeechBegan})
		if s := r.Stats(); s.Waiting != 45 || !began.Equal(time.Now()) {
			t.Errorf("%+v after %v", s, time.Since(began))
		}
		close(free)
		mustFlush(t, r)
		mustStop(t, stop)
		checkOrder(t, d.keys(), 2, 20)
	})
}

func TestWhatIsNoEntryIsRefused(t *testing.T) {
	t.Parallel()
	d := newDatabase()
	o := options(t.TempDir(), d)
	s, err := spool.Open(spool.Options{Dir: o.Dir, Log: o.Log})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Append([]spool.Record{{Seq: 1, Data: []byte("no JSON")}, {Seq: 2, Data: []byte(`{"began":7}`)}, {Seq: 3, Data: []byte(`{"began":{"id":"c0"}}`)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := mustNew(t, o)
	stop := run(r)
	mustFlush(t, r)
	mustStop(t, stop)
	if s := r.Stats(); s.Refused != 2 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	d.entry(t, "c0 began")
}
