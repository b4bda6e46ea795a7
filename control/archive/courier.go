package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"sync"
	"time"
)

// A Courier takes recordings to a bucket: the data directory is the spool, and what lies there is on its way. Its fields must not change
// once it runs.
type Courier struct {
	Root   *os.Root // the data directory
	Bucket *Bucket
	Began  time.Time     // of this process: older files are a former one's, and finished
	Every  time.Duration // between two looks for files that nobody told of; 0: a minute
	Log    *slog.Logger

	once sync.Once
	news chan struct{}
	mu   sync.Mutex
	told map[string]bool // files that are in the records, by path
}

// unheard is the age from which a file is taken that nobody told of: its record was lost, or is stuck.
const unheard = 10 * time.Minute

// The wait after a failure: it doubles.
const (
	firstWait = time.Second
	lastWait  = 5 * time.Minute
)

// Tell says that a finished recording has its place in the records, and may go. It never blocks.
func (c *Courier) Tell(name string) {
	c.init()
	c.mu.Lock()
	c.told[name] = true
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default:
	}
}

func (c *Courier) init() {
	c.once.Do(func() { c.news, c.told = make(chan struct{}, 1), map[string]bool{} })
}

// Run uploads until ctx is done. What cannot be uploaded stays where it is, for a later try or the next start.
func (c *Courier) Run(ctx context.Context) error {
	c.init()
	every := c.Every
	if every == 0 {
		every = time.Minute
	}
	for wait := time.Duration(0); ; {
		err := c.Round(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to stop: what is left waits
		}
		news, next := c.news, every
		if err == nil {
			wait = 0
		} else {
			wait = min(max(2*wait, firstWait), lastWait)
			c.Log.Warn("recordings are not uploaded: they stay in the data directory", "error", err, "again_in", wait)
			news, next = nil, wait
		}
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-news:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// inARow is how many files may fail, one after another, until the bucket is given up for this time: one that is odd stops no other.
const inARow = 3

// Round uploads what lies there, oldest day first.
func (c *Courier) Round(ctx context.Context) error {
	c.init()
	var bad []error
	failed := 0
	err := fs.WalkDir(c.Root.FS(), "recordings", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // nothing was ever recorded, or it has just gone
			return nil
		case err != nil:
			return fmt.Errorf("look for recordings: %w", err)
		case ctx.Err() != nil:
			return ctx.Err()
		case !d.Type().IsRegular() || !ours(name) || !c.due(name, d):
			return nil
		}
		if err = c.take(ctx, name); err == nil {
			failed = 0
			return nil
		}
		bad = append(bad, fmt.Errorf("upload %s: %w", name, err))
		if failed++; failed == inARow {
			return fs.SkipAll
		}
		return nil
	})
	return errors.Join(append(bad, err)...)
}

// due says whether a file is finished, and its record is written or beyond hope.
func (c *Courier) due(name string, d fs.DirEntry) bool {
	c.mu.Lock()
	told := c.told[name]
	c.mu.Unlock()
	if told {
		return true
	}
	info, err := d.Info()
	return err == nil && (info.ModTime().Before(c.Began) || time.Since(info.ModTime()) > unheard)
}

// take uploads one file, and removes it once it is there.
func (c *Courier) take(ctx context.Context, name string) error {
	f, err := openFile(c.Root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its time was up
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if err := c.Bucket.Put(ctx, name, f, f.Size); err != nil {
		return err
	}
	if err := c.Root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove it here: %w", err)
	}
	c.mu.Lock()
	delete(c.told, name)
	c.mu.Unlock()
	if day := path.Dir(name); day != "recordings" {
		_ = c.Root.Remove(day) // if it was the day's last; else it stays
	}
	c.Log.Info("recording uploaded", "path", name, "bytes", f.Size)
	return nil
}
