// Package fetch fetches the recordings of calls that were made elsewhere, and has them put into words.
//
//	POST /recordings/load ──▶ store.Load ──TakeLoads──▶ Fetcher.Run ──▶ GET, by a guarded way, Range ──▶ DATA/loads/CALL.part
//	                                                        │                                              │ WAV, Ogg Opus
//	                             transcript and report ◀── Retell ◀── KeepLoad ◀── DATA/recordings/DAY/CALL.wav ◀┘
//
// A load is a row until it has ended, so a restart goes on with it; what has been fetched stays in the data directory, and the next try asks
// for the rest, if the server says that the file is still the same. The URLs are tenants': whatever they say, only what the Transport
// lets through is dialled, and each redirect is looked at like the first address. What comes is not believed to be sound until it was read.
package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/control/report"
	"parley/store"
)

// Rows are what a Fetcher reads and writes.
type Rows interface {
	store.Loads
	Call(ctx context.Context, org, id string) (store.Call, error)
	Recording(ctx context.Context, org, call string) (store.Recording, error)
}

// A Fetcher fetches recordings. Its fields must not change once it runs. Zero limits mean the value given here.
type Fetcher struct {
	Rows      Rows
	Node      string                    // names the data directory
	Dir       string                    // the data directory
	Transport http.RoundTripper         // dials what may be dialled, and nothing else
	Check     func(target string) error // says why a URL may not be asked, also of a redirect

	Retell func(ctx context.Context, c store.Call) error // puts a recording into words; nil: nobody does
	Kept   func(r store.Recording)                       // told of each that is there now; may be nil

	Most    int64         // bytes of a file: 512 MiB
	Longest time.Duration // of the sound: 12 h
	Idle    time.Duration // without a byte, after which a server is given up on: 30 s
	Backoff time.Duration // before the second try; it doubles, up to 64 times that: 5 s
	Tries   int           // 8
	Every   time.Duration // between two looks for work that nobody told of: 5 s
	Log     *slog.Logger

	once sync.Once
	wake chan struct{}
}

const (
	hands   = 4                // recordings that are fetched at once
	lease   = time.Hour        // after which a load is another node's
	longest = 40 * time.Minute // of one download, which goes on next time: well within the lease
)

func (f *Fetcher) init() {
	f.once.Do(func() {
		f.wake = make(chan struct{}, 1)
		f.Most, f.Longest = cmp.Or(f.Most, 512<<20), cmp.Or(f.Longest, 12*time.Hour)
		f.Idle, f.Backoff = cmp.Or(f.Idle, 30*time.Second), cmp.Or(f.Backoff, 5*time.Second)
		f.Tries, f.Every = cmp.Or(f.Tries, 8), cmp.Or(f.Every, 5*time.Second)
		if f.Log == nil {
			f.Log = slog.New(slog.DiscardHandler)
		}
	})
}

// Wake says that there is something to fetch. It never blocks.
func (f *Fetcher) Wake() {
	f.init()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Run fetches until ctx is done. What is being fetched then is given back, and the next start goes on with it.
func (f *Fetcher) Run(ctx context.Context) error {
	f.init()
	var work sync.WaitGroup
	defer work.Wait()
	free := make(chan struct{}, hands)
	freed := false
	tick := time.NewTicker(f.Every)
	defer tick.Stop()
	for {
		var err error
		if !freed {
			err = f.Rows.FreeLoads(ctx, f.Node, time.Now())
			freed = err == nil
		}
		if room := cap(free) - len(free); freed && room > 0 {
			var taken []store.Load
			taken, err = f.Rows.TakeLoads(ctx, store.LoadTaking{Node: f.Node, Now: time.Now(), Until: time.Now().Add(lease), Most: room})
			for _, l := range taken {
				free <- struct{}{}
				work.Go(func() {
					defer func() { <-free; f.Wake() }()
					f.do(ctx, l)
				})
			}
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable) {
			f.Log.Error("recordings are not fetched", "error", err)
		}
		select {
		case <-tick.C:
		case <-f.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// A fault is why a recording will not be had, however often it is asked for. Its text is for the client.
type fault struct{ text string }

func (f *fault) Error() string { return f.text }

func faulty(format string, args ...any) error { return &fault{fmt.Sprintf(format, args...)} }

// do carries out a load, and writes down what came of it.
func (f *Fetcher) do(ctx context.Context, l store.Load) {
	log := f.Log.With("call", l.Call)
	err := f.load(ctx, l)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	no, final := errors.AsType[*fault](err)
	switch now := time.Now().UTC(); {
	case err == nil:
		err = f.Rows.EndLoad(last, l, "", now)
	case ctx.Err() != nil:
		err = f.Rows.PutOffLoad(last, l, now, l.Error)
	case final || l.Tries >= f.Tries:
		log.Info("a recording is not fetched", "error", err)
		text := "the server could not be reached, or did not send all of it"
		if final {
			text = no.text
		}
		f.forget(l.Call)
		err = f.Rows.EndLoad(last, l, text, now)
	default:
		log.Debug("a recording is fetched again later", "error", err)
		err = f.Rows.PutOffLoad(last, l, now.Add(f.Backoff<<min(l.Tries-1, 6)), "the server cannot be reached, or did not send all of it")
	}
	if err != nil && !errors.Is(err, store.ErrConflict) {
		log.Warn("what came of a recording is not written down", "error", err)
	}
}

// load fetches a recording, unless it is there, and has it put into words.
func (f *Fetcher) load(ctx context.Context, l store.Load) error {
	_, err := f.Rows.Recording(ctx, l.Org, l.Call)
	if errors.Is(err, store.ErrNotFound) {
		err = f.fetch(ctx, l)
	}
	if err != nil {
		return err
	}
	if f.Retell == nil {
		return faulty("the recording is there; this server has no recogniser to put it into words")
	}
	c, err := f.Rows.Call(ctx, l.Org, l.Call)
	if err != nil {
		return fmt.Errorf("read call: %w", err)
	}
	err = f.Retell(ctx, c)
	if errors.Is(err, report.ErrAway) {
		return faulty("the recording is there; it could not be put into words")
	}
	return err
}

// fetch has a recording in the data directory, and in the rows.
func (f *Fetcher) fetch(ctx context.Context, l store.Load) error {
	if err := os.MkdirAll(filepath.Join(f.Dir, "loads"), 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := f.download(ctx, l); err != nil {
		return err
	}
	r, err := f.convert(ctx, l.Call, time.Now())
	if err != nil {
		return err
	}
	if err := f.Rows.KeepLoad(ctx, l, r); err != nil {
		return fmt.Errorf("keep recording: %w", err)
	}
	f.forget(l.Call)
	if f.Kept != nil {
		f.Kept(r)
	}
	return nil
}

// part is what there is of a file, and tag what its server calls this state of it.
func (f *Fetcher) part(call string) string { return filepath.Join(f.Dir, "loads", call+".part") }

func (f *Fetcher) tag(call string) string { return filepath.Join(f.Dir, "loads", call+".tag") }

// forget removes what is no longer needed.
func (f *Fetcher) forget(call string) {
	for _, path := range []string{f.part(call), f.tag(call)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			f.Log.Warn("a file is not removed", "error", err)
		}
	}
}
