package directory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/directory"
	"parley/store"
)

var errGone = fmt.Errorf("connection refused: %w", store.ErrUnavailable)

const (
	goes = "WARN calls are answered from what was known last: the database refuses"
	back = "INFO the database tells again who answers calls"
)

func TestFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := acme()
		var told atomic.Int64
		d := directory.New(directory.Options{Router: db, Changed: func() { told.Add(1) }})
		stop := run(t, d)
		time.Sleep(10*time.Second + time.Millisecond)
		if told.Load() != 1 {
			t.Errorf("told of %d changes, want the first view alone", told.Load())
		}
		if revisions, directories := db.counts(); revisions != 11 || directories != 1 {
			t.Errorf("in 10 s, asked %d times for the revision and %d for the directory, want 11 and 1", revisions, directories)
		}
		db.write(func(d *store.Directory) { d.Numbers[0].Agent = "anna" })
		if got := answers(d, "+442071234567"); got != "abel" {
			t.Errorf("before it can know, %s answers", got)
		}
		time.Sleep(time.Second)
		if got := answers(d, "+442071234567"); got != "anna" {
			t.Errorf("a second after the change, %s answers", got)
		}
		if told.Load() != 2 {
			t.Errorf("told of %d changes, want 2", told.Load())
		}
		want := directory.State{Ready: true, Revision: 8, Age: time.Millisecond, Organisations: 4, Agents: 5, Numbers: 8}
		if diff := cmp.Diff(want, d.State()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		db.set(func(d *database) { d.dir = acme().dir }) // a backup was restored: the revision goes back
		time.Sleep(time.Second)
		if got := answers(d, "+442071234567"); got != "abel" {
			t.Errorf("after the restore, %s answers", got)
		}
		stop()
	})
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := acme(), &logbook{}
		d := directory.New(directory.Options{Router: db, Log: log.logger()})
		stop := run(t, d)
		time.Sleep(100 * time.Millisecond)
		db.set(func(d *database) { d.down = errGone })
		for range 60 {
			time.Sleep(time.Second)
			if got := answers(d, "+442071234567"); got != "abel" {
				t.Fatalf("%s answers", got)
			}
		}
		if s := d.State(); !s.Down || !s.Ready || s.Age != 60100*time.Millisecond {
			t.Errorf("after a minute without the database: %+v", s)
		}
		if err := d.Refresh(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("refresh: %v, want that the database is not available", err)
		}
		if diff := cmp.Diff([]string{goes}, log.messages()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		db.write(func(d *store.Directory) { d.Numbers[0].Agent = "" })
		db.set(func(d *database) { d.down = nil })
		time.Sleep(time.Second)
		if got := answers(d, "+442071234567"); got != "anna" {
			t.Errorf("when the database is back, %s answers", got)
		}
		if s := d.State(); s.Down || s.Age > time.Second {
			t.Errorf("when the database is back: %+v", s)
		}
		if diff := cmp.Diff([]string{goes, back}, log.messages()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		stop()
	})
}

// TestHungDatabase: one that takes questions and never answers costs nobody more than 10 s, and calls nothing.
func TestHungDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := acme(), &logbook{}
		d := directory.New(directory.Options{Router: db, Log: log.logger()})
		stop := run(t, d)
		time.Sleep(100 * time.Millisecond)
		db.set(func(d *database) { d.delay = hung })
		time.Sleep(2 * time.Second) // Run is waiting now
		began := time.Now()
		if err := d.Refresh(t.Context()); !errors.Is(err, store.ErrUnavailable) || time.Since(began) > 10*time.Second {
			t.Errorf("refresh: %v after %v, want unavailable within 10 s", err, time.Since(began))
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Refresh(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("refresh with a deadline: %v", err)
		}
		if got := answers(d, "+442071234567"); got != "abel" || !d.State().Down {
			t.Errorf("%s answers; %+v", got, d.State())
		}
		db.set(func(d *database) { d.delay = 0 })
		time.Sleep(6 * time.Second)
		if diff := cmp.Diff([]string{goes, back}, log.messages()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		db.set(func(d *database) { d.delay = hung })
		time.Sleep(2 * time.Second)
		began = time.Now()
		stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("stopping in the middle of a question took %v", took)
		}
		if n := len(log.messages()); n != 2 {
			t.Errorf("to be stopped was taken for an absence of the database: %q", log.messages())
		}
	})
}

// deaf is a router that does not hear that it is no longer waited for, until wake is closed.
type deaf struct {
	*database
	wake chan struct{}
}

func (d deaf) Revision(ctx context.Context) (int64, error) {
	<-d.wake
	return d.database.Revision(ctx)
}

func TestDeafRouter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := deaf{acme(), make(chan struct{})}
		d := directory.New(directory.Options{Router: db})
		stop := run(t, d)
		synctest.Wait()
		began := time.Now()
		if err := d.Refresh(t.Context()); !errors.Is(err, store.ErrUnavailable) || time.Since(began) != 10*time.Second {
			t.Errorf("refresh: %v after %v, want unavailable after 10 s", err, time.Since(began))
		}
		close(db.wake)
		if err := d.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		stop()
	})
}

// TestSlowDatabase: questions do not pile up, and what is known stands until the new is whole.
func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := acme(), &logbook{}
		db.delay = 1900 * time.Millisecond // for each of two answers
		d := directory.New(directory.Options{Router: db, Log: log.logger()})
		stop := run(t, d)
		if err := d.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 20 {
			time.Sleep(300 * time.Millisecond)
			db.write(func(d *store.Directory) { d.Numbers[0].Agent = []string{"anna", "abel"}[i%2] })
			all.Go(func() {
				if err := d.Refresh(t.Context()); err != nil {
					t.Errorf("refresh: %v", err)
				}
			})
			if got := answers(d, "+442071234567"); got != "abel" && got != "anna" {
				t.Errorf("meanwhile %s answers", got)
			}
		}
		all.Wait()
		time.Sleep(5 * time.Second)
		if got := answers(d, "+442071234567"); got != "abel" {
			t.Errorf("at last %s answers", got)
		}
		if m := log.messages(); len(m) != 0 {
			t.Errorf("to be slow was taken for an absence: %q", m)
		}
		stop()
		if db.most != 1 {
			t.Errorf("%d questions at once", db.most)
		}
	})
}

// TestRefreshKnowsWhatWasWritten: many writers at once share questions, and each of them finds its own write.
func TestRefreshKnowsWhatWasWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := acme()
		db.delay = 10 * time.Millisecond
		d := directory.New(directory.Options{Router: db})
		var all sync.WaitGroup
		for i := range 500 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Microsecond)
				e164 := fmt.Sprintf("+1555020%04d", i)
				db.write(func(d *store.Directory) { d.Numbers = append(d.Numbers, store.Number{Org: "bolt", E164: e164}) })
				if err := d.Refresh(t.Context()); err != nil {
					t.Errorf("refresh: %v", err)
				}
				if got := answers(d, e164); got != "boris" {
					t.Errorf("after its refresh, %s answers %s", got, e164)
				}
			})
		}
		all.Wait()
		if _, directories := db.counts(); directories > 5 { // 50 ms of writes, 20 ms a question
			t.Errorf("the directory was read %d times", directories)
		}
	})
}

// TestRefreshGivenUp: who goes away in the middle of a question takes nothing from the others who wait for it.
func TestRefreshGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := acme(), &logbook{}
		db.delay = time.Second
		d := directory.New(directory.Options{Router: db, Log: log.logger()})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if err := d.Refresh(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up: %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			all.Go(func() {
				if err := d.Refresh(t.Context()); err != nil {
					t.Errorf("who waited: %v", err)
				}
			})
		}
		time.Sleep(500 * time.Millisecond)
		cancel()
		all.Wait()
		if revisions, directories := db.counts(); revisions != 2 || directories != 1 {
			t.Errorf("asked %d and %d times, want 2 and 1", revisions, directories)
		}
		if m := log.messages(); len(m) != 0 || d.State().Down {
			t.Errorf("to give up was taken for an absence: %q", m)
		}
	})
}

// TestRefreshFailsTogether: the others share also a failure.
func TestRefreshFailsTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := acme()
		db.delay, db.down = time.Second, errGone
		d := directory.New(directory.Options{Router: db})
		began := time.Now()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if err := d.Refresh(t.Context()); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("refresh: %v", err)
				}
			})
		}
		all.Wait()
		if revisions, _ := db.counts(); revisions > 2 || time.Since(began) > 2*time.Second {
			t.Errorf("%d questions in %v, want no more than 2", revisions, time.Since(began))
		}
	})
}

func TestNothingKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := acme()
		db.down = errGone
		d := directory.New(directory.Options{Router: db})
		stop := run(t, d)
		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := d.Wait(short); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait: %v", err)
		}
		if _, err := d.Route("+442071234567"); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, directory.ErrNobody) {
			t.Errorf("route: %v, want that the database is not available", err)
		}
		if _, err := d.Agent("acme", "anna"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("agent: %v, want that the database is not available", err)
		}
		if diff := cmp.Diff(directory.State{Down: true}, d.State()); diff != "" || d.Ready() {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		db.set(func(d *database) { d.down = nil })
		if err := d.Wait(t.Context()); err != nil || !d.Ready() {
			t.Errorf("wait: %v, ready %v", err, d.Ready())
		}
		stop()
	})
}

// TestRoutesWhileItChanges is for the race detector: a route is of one moment.
func TestRoutesWhileItChanges(t *testing.T) {
	t.Parallel()
	db := acme()
	rename := func(name string) {
		db.write(func(d *store.Directory) { d.Agents[3].Name, d.Agents[3].Description = name, name })
	}
	rename("first")
	d := directory.New(directory.Options{Router: db, Every: time.Millisecond})
	stop := run(t, d)
	if err := d.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5000 {
				if r, err := d.Route("+15550100"); err != nil || r.Agent.Name != r.Agent.Description {
					t.Errorf("half of a change: %+v, %v", r.Agent, err)
					return
				}
			}
		})
	}
	for i := range 200 {
		rename(fmt.Sprint(i))
		if err := d.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		_ = d.State()
	}
	all.Wait()
	stop()
}
