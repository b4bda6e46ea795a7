package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/store"
)

// A Keeper removes recordings whose time is up, wherever they lie, and unlinks their rows. Calls and what was said in them stay. Any
// number of nodes may do so at once; each sees to its own directory.
type Keeper struct {
	Root      *os.Root // the data directory
	Bucket    *Bucket  // nil: there is none
	Encodings *Encodings
	Rows      store.Recordings
	Files     *Files        // of conversations, which are kept for as long; nil: none are
	FileRows  store.Files   // of Files
	Keep      time.Duration // since the call came in; 0: for ever
	Log       *slog.Logger
}

// batch is how many rows are seen to at a time.
const batch = 100

// Run looks every hour, until ctx is done.
func (k *Keeper) Run(ctx context.Context) error {
	if k.Keep <= 0 {
		return nil
	}
	look := time.NewTicker(time.Hour)
	defer look.Stop()
	for {
		now := time.Now()
		n, err := k.Sweep(ctx, now)
		if err == nil {
			err = k.SweepFiles(ctx, now)
		}
		if err != nil && ctx.Err() == nil {
			k.Log.Warn("old recordings are not removed yet", "error", err)
		} else if n > 0 {
			k.Log.Info("old recordings removed", "recordings", n)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Sweep removes what is older than is kept, and tells how many recordings that were. A file goes before its row, so that nothing is
// forgotten that is still there; a node that was away when its rows went finds its files by the days that they lie under.
func (k *Keeper) Sweep(ctx context.Context, now time.Time) (removed int, err error) {
	before := now.Add(-k.Keep)
	for {
		old, err := k.Rows.RecordingsBefore(ctx, before, batch)
		if err != nil {
			return removed, fmt.Errorf("list old recordings: %w", err)
		}
		if len(old) == 0 {
			return removed, k.days("recordings", isRecording, before)
		}
		calls := make([]string, len(old))
		for i, r := range old {
			if err := k.remove(ctx, r); err != nil {
				return removed, fmt.Errorf("remove the recording of call %s: %w", r.Call, err)
			}
			calls[i] = r.Call
		}
		if err := k.Rows.DropRecordings(ctx, calls); err != nil {
			return removed, fmt.Errorf("unlink old recordings: %w", err)
		}
		removed += len(old)
	}
}

// SweepFiles removes the files of conversations that are older than is kept, as Sweep does recordings, and halves that were never finished. Their
// messages stay.
func (k *Keeper) SweepFiles(ctx context.Context, now time.Time) error {
	if k.Files == nil {
		return nil
	}
	before := now.Add(-k.Keep)
	for {
		old, err := k.FileRows.FilesBefore(ctx, before, batch)
		if err != nil {
			return fmt.Errorf("list old files: %w", err)
		}
		if len(old) == 0 {
			return k.days("files", isFile, before)
		}
		ids := make([]string, len(old))
		for i, f := range old {
			if err := k.Files.Remove(ctx, f); err != nil {
				return fmt.Errorf("remove file %s: %w", f.ID, err)
			}
			ids[i] = f.ID
		}
		if err := k.FileRows.DropFiles(ctx, ids); err != nil {
			return fmt.Errorf("forget old files: %w", err)
		}
	}
}

// remove removes one recording in all its forms.
func (k *Keeper) remove(ctx context.Context, r store.Recording) error {
	if k.Encodings != nil {
		if err := k.Encodings.Remove(r.Call); err != nil {
			return err
		}
	}
	if !ours(r.Path) {
		return nil // never opened, nor removed
	}
	if err := k.Root.Remove(r.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if k.Bucket == nil {
		return nil
	}
	return k.Bucket.Remove(ctx, r.Path)
}

// isRecording says whether a name is that of a recording of ours, or of a half of one.
func isRecording(name string) bool {
	return strings.HasSuffix(name, ".wav") || strings.HasSuffix(name, ".wav.part")
}

// isFile is isRecording of files of conversations.
func isFile(name string) bool {
	return uuid.Validate(strings.TrimSuffix(name, ".part")) == nil
}

// days removes what is ours (which) of a folder's days that were over before a time: its rows are gone, wherever they went.
func (k *Keeper) days(folder string, which func(name string) bool, before time.Time) error {
	days, err := fs.ReadDir(k.Root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for old days: %w", err)
	}
	for _, d := range days {
		day, err := time.Parse(time.DateOnly, d.Name())
		if err != nil || !d.IsDir() || day.AddDate(0, 0, 2).After(before) { // a call may last a day
			continue
		}
		name := path.Join(folder, d.Name())
		files, err := fs.ReadDir(k.Root.FS(), name)
		if err != nil {
			return fmt.Errorf("look for old %s: %w", folder, err)
		}
		for _, f := range files {
			if !which(f.Name()) {
				continue
			}
			if err := k.Root.Remove(path.Join(name, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove one of the old %s: %w", folder, err)
			}
		}
		_ = k.Root.Remove(name) // if it is empty
	}
	return nil
}
