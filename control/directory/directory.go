// Package directory knows who answers a call, also while the database does not.
//
//	database ──▶ store.Router ──▶ Run: Revision every second, Directory when it changed ──▶ swapped in ──▶ Route, Agent
//	                              Refresh: now, after a write on this node                     │
//	                                                               Load at start ◀── file ◀────┘
//
// What is known is immutable and replaced as a whole, so that a call is answered from one moment's organisations, agents and numbers,
// without a lock and without I/O. While the database refuses, calls are answered from what was known last; after a restart in that
// time, from the file in the data directory. Another node's change is noticed within a second.
package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"parley/store"
)

// patience is how long the database may take to tell the revision, and the directory if it has changed.
const patience = 5 * time.Second

var errSlow = fmt.Errorf("no answer in time: %w", store.ErrUnavailable)

// errUnknown is the answer to every question while nothing is known.
var errUnknown = fmt.Errorf("the directory is not known yet: %w", store.ErrUnavailable)

// Options are what a Directory is made of. Router must be set.
type Options struct {
	Router  store.Router
	Path    string        // of the snapshot, in the data directory; empty: none is kept
	Every   time.Duration // between two questions for the revision; 0: 1 s
	Changed func()        // called when the database has another revision than was known; must not block; may be nil
	SIP     bool          // calls are placed by SIP trunks
	// SIPElsewhere: other nodes may place calls so.
	SIPElsewhere bool
	Log          *slog.Logger // nil: nothing is logged
}

// A Directory tells who answers. Load comes first, then Run; all other methods may be called by any goroutine at any time.
type Directory struct {
	router store.Router
	every  time.Duration
	sip    bool
	others bool // place calls by SIP, it may be
	tell   func()
	log    *slog.Logger

	view    atomic.Pointer[view]
	known   chan struct{} // closed when there is a view
	told    sync.Once     // closes it
	changed chan struct{} // the view has another plan, to be saved

	begun atomic.Uint64 // questions begun
	turn  chan struct{} // held by whoever asks the database; it guards asked
	asked               // what came of asking
	file  file          // of Run's goroutine
}

// asked is what came of asking the database.
type asked struct {
	settled uint64 // the last question that told something of the database
	err     error  // its outcome
	fresh   bool   // the plan shown is the database's, not the file's
	away    time.Time
	down    atomic.Bool // away is set
}

// A view is what is shown: a plan, and when the database last agreed with it.
type view struct {
	*plan
	confirmed time.Time
}

// New makes a Directory that knows nothing yet.
func New(o Options) *Directory {
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Directory{
		router: o.Router, every: o.Every, sip: o.SIP, others: o.SIPElsewhere, tell: o.Changed, log: o.Log,
		known: make(chan struct{}), changed: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		file: file{path: o.Path, log: o.Log},
	}
}

// Load takes what the snapshot file knows, unless the database has told already. No file is no error, and a damaged one, or one of
// another version, is set aside with a warning: its name then ends in ".damaged". An error means that the data directory cannot be used.
func (d *Directory) Load() error {
	dir, confirmed, err := d.file.load()
	if err != nil || dir == nil {
		return err
	}
	p := newPlan(*dir)
	if d.view.CompareAndSwap(nil, &view{p, confirmed}) {
		d.file.saved = p
		d.told.Do(func() { close(d.known) })
	}
	return nil
}

// Run follows the database until ctx is done, and keeps the file up to date. It does not fail: what the database or the disk refuses
// is logged once when it begins and once when it is over, and tried again at the next question.
func (d *Directory) Run(ctx context.Context) error {
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	_ = d.Refresh(ctx) // an error has been logged
	for {
		d.file.save(d.view.Load())
		select {
		case <-d.changed:
		case <-tick.C:
			_ = d.Refresh(ctx)
		case <-ctx.Done():
			d.file.save(d.view.Load())
			return nil
		}
	}
}

// Refresh asks the database now, and returns when all that was written before the call is known. Calls that come together share the
// question and its outcome: each waits for the question in progress, and for the next, which takes 5 s at most. On an error, what was
// known stays; it is store.ErrUnavailable also if the database did not answer in time. The file follows soon after, if Run runs.
func (d *Directory) Refresh(ctx context.Context) error {
	before := d.begun.Load()
	if err := d.take(ctx); err != nil {
		return fmt.Errorf("refresh directory: %w", err)
	}
	defer func() { <-d.turn }()
	if d.settled > before { // a question that began after we came has been answered
		return d.err
	}
	n := d.begun.Add(1)
	err := d.ask(ctx)
	if err != nil {
		err = fmt.Errorf("refresh directory: %w", err)
	}
	if err != nil && ctx.Err() != nil {
		return err // who asked has gone: that tells nothing of the database
	}
	d.settled, d.err = n, err
	d.note(err)
	return err
}

// take waits for the turn to ask, or to share what the one before was told: for two questions.
func (d *Directory) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*patience, errSlow)
	defer cancel()
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ask brings the view up to date. The first answer is taken whatever its revision: the file may be of another database.
func (d *Directory) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSlow)
	defer cancel()
	now := time.Now()
	revision, err := d.router.Revision(ctx)
	if err != nil {
		return fmt.Errorf("read revision: %w", slow(ctx, err))
	}
	if v := d.view.Load(); d.fresh && v.Revision == revision {
		d.view.Store(&view{v.plan, now})
		return nil
	}
	d.tell()
	dir, err := d.router.Directory(ctx)
	if err != nil {
		return fmt.Errorf("read directory: %w", slow(ctx, err))
	}
	d.view.Store(&view{newPlan(dir), now})
	d.fresh = true
	d.told.Do(func() { close(d.known) })
	select {
	case d.changed <- struct{}{}:
	default:
	}
	d.log.Debug("directory loaded", "revision", dir.Revision, "agents", len(dir.Agents), "numbers", len(dir.Numbers))
	return nil
}

// slow is errSlow in place of an error that came of it.
func slow(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSlow) {
		return cause
	}
	return err
}

// note logs when the database goes and when it is back.
func (d *Directory) note(err error) {
	switch {
	case err != nil && d.away.IsZero():
		d.away = time.Now()
		d.down.Store(true)
		d.log.Warn("calls are answered from what was known last: the database refuses", "known", d.Ready(), "error", err)
	case err == nil && !d.away.IsZero():
		d.log.Info("the database tells again who answers calls", "after", time.Since(d.away))
		d.away = time.Time{}
		d.down.Store(false)
	}
}

// Ready says whether anything is known: from the database, or from the file.
func (d *Directory) Ready() bool { return d.view.Load() != nil }

// Wait waits until something is known. Its error is why ctx ended first.
func (d *Directory) Wait(ctx context.Context) error {
	select {
	case <-d.known:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errUnknown, context.Cause(ctx))
	}
}

// State is how well the directory knows, for readiness and metrics.
type State struct {
	Ready         bool          // something is known
	Down          bool          // the database refused when it was asked last
	Revision      int64         // of what is known
	Age           time.Duration // since the database last agreed with it; of a file's contents, since it did when they were written
	Organisations int
	Agents        int
	Numbers       int
}

// State tells how things stand.
func (d *Directory) State() State {
	s := State{Down: d.down.Load()}
	if v := d.view.Load(); v != nil {
		s.Ready, s.Revision, s.Age = true, v.Revision, max(time.Since(v.confirmed), 0)
		s.Organisations, s.Agents, s.Numbers = len(v.Organisations), len(v.Agents), len(v.Numbers)
	}
	return s
}
