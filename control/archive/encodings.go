package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"parley/media/opus"
	"parley/media/wav"
	"parley/store"
)

// ErrNoOpus says that a recording cannot be had as Opus; what is wrapped with it says why.
var ErrNoOpus = errors.New("no Opus of this recording")

// unused is how long an encoding is kept that nobody asks for.
const unused = 24 * time.Hour

// Encodings are recordings as Ogg Opus, each encoded once and kept as long as there is room. One is encoded at a time, a second of sound
// between two looks at whether it is still wanted.
type Encodings struct {
	root  *os.Root // the directory of the files
	limit int64    // bytes
	log   *slog.Logger
	turn  chan struct{} // held by whoever encodes
	made  atomic.Int64
}

// NewEncodings keeps its files below dir, of at most limit bytes together; the newest stays whatever its size. It must be closed.
func NewEncodings(dir string, limit int64, log *slog.Logger) (*Encodings, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of encodings: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory of encodings: %w", err)
	}
	e := &Encodings{root: root, limit: limit, log: log, turn: make(chan struct{}, 1)}
	if err := e.Clean(time.Now()); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return e, nil
}

// Close lets go of the directory. What is open may still be read.
func (e *Encodings) Close() error { return e.root.Close() }

// Made is how many recordings were encoded.
func (e *Encodings) Made() int64 { return e.made.Load() }

// Run cleans every hour, until ctx is done.
func (e *Encodings) Run(ctx context.Context) error {
	look := time.NewTicker(time.Hour)
	defer look.Stop()
	for {
		select {
		case now := <-look.C:
			if err := e.clean(ctx, now); err != nil {
				e.log.Warn("encoded recordings are not cleaned up", "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Open opens an encoding, and makes it first if it is not there.
func (e *Encodings) Open(ctx context.Context, r store.Recording, open func(context.Context, store.Recording) (Sound, error)) (Sound, error) {
	if err := opus.Available(); err != nil {
		return Sound{}, fmt.Errorf("%w: %w", ErrNoOpus, err)
	}
	name := r.Call + ".ogg"
	if s, err := e.kept(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return Sound{}, context.Cause(ctx)
	}
	if s, err := e.kept(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return s, err // somebody else was faster
	}
	if err := e.make(ctx, name, r, open); err != nil {
		return Sound{}, err
	}
	s, err := e.kept(name)
	if err == nil {
		err = e.Clean(time.Now())
	}
	return s, err
}

// kept opens a file that is there, and notes that it was asked for.
func (e *Encodings) kept(name string) (Sound, error) {
	s, err := openFile(e.root, name)
	if err == nil {
		_ = e.root.Chtimes(name, time.Time{}, time.Now()) // if not, it goes a little sooner
	}
	return s, err
}

// make encodes a recording into a file, which has its name only when it is whole.
func (e *Encodings) make(ctx context.Context, name string, r store.Recording, open func(context.Context, store.Recording) (Sound, error)) error {
	from, err := open(ctx, r)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	to, err := e.root.OpenFile(name+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep encoding: %w", err)
	}
	err = encode(ctx, to, from)
	if cerr := to.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("keep encoding: %w", cerr)
	}
	if err == nil {
		err = e.root.Rename(name+".part", name)
	}
	if err != nil {
		return errors.Join(err, e.root.Remove(name+".part"))
	}
	e.made.Add(1)
	return nil
}

// encode makes Ogg Opus of a WAV file.
func encode(ctx context.Context, to io.Writer, from io.Reader) error {
	sound, err := wav.Open(from)
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	w, err := opus.NewWriter(to, sound.Rate, sound.Channels)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoOpus, err)
	}
	var pcm []int16
	for err == nil {
		if pcm, err = sound.Next(pcm[:0], sound.Rate); err == nil {
			err = errors.Join(w.Write(pcm), context.Cause(ctx))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, w.Close())
}

// Remove forgets the encoding of a call's recording.
func (e *Encodings) Remove(call string) error {
	if err := e.root.Remove(call + ".ogg"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove encoding: %w", err)
	}
	return nil
}

// clean is Clean when nobody encodes.
func (e *Encodings) clean(ctx context.Context, now time.Time) error {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
		return e.Clean(now)
	case <-ctx.Done():
		return nil
	}
}

// Clean removes what nobody has asked for in a day, halves, and then the longest unused until the rest is within the limit.
func (e *Encodings) Clean(now time.Time) error {
	entries, err := fs.ReadDir(e.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("look at encodings: %w", err)
	}
	var kept []fs.FileInfo
	var total int64
	for _, d := range entries {
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it has just gone
		}
		if !strings.HasSuffix(d.Name(), ".ogg") || now.Sub(info.ModTime()) > unused {
			_ = e.root.Remove(d.Name())
			continue
		}
		kept, total = append(kept, info), total+info.Size()
	}
	slices.SortFunc(kept, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for len(kept) > 1 && total > e.limit {
		if err := e.root.Remove(kept[0].Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clean encodings: %w", err)
		}
		kept, total = kept[1:], total-kept[0].Size()
	}
	return nil
}
