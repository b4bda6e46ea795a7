// Package archive is where recordings lie once their calls are over: in the data directory, or in a bucket of S3.
//
//	call ends ──▶ DATA/recordings/2026-11-22/CALL.wav ── Courier: upload, read back, remove ──▶ s3://bucket/prefix/recordings/…
//	API ──▶ Archive.Open: the local file, else the bucket's (by ranges) ──▶ WAV
//	    ──▶ Archive.Opus: encoded once ──▶ DATA/cache/opus/CALL.ogg, within a limit ──▶ Ogg Opus
//	Keeper: what is older than recordings are kept ──▶ files, objects, encodings removed ──▶ rows unlinked
//
// A recording has one path everywhere, that of its row, so that nobody needs to write down where it lies: it is local until it was seen
// to be whole in the bucket, and there from then on. Files of a node that died are found by its next start.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"parley/store"
)

// ErrAway says that the bucket cannot be reached, or refuses: try again later.
var ErrAway = errors.New("the bucket of recordings does not answer")

// A Sound is an open file. Its size is known before it is read; whoever opened it closes it.
type Sound struct {
	io.ReadSeekCloser

	Size int64 // bytes
}

// An Archive opens recordings. It is safe for any number of goroutines.
type Archive struct {
	Root      *os.Root   // the data directory
	Bucket    *Bucket    // nil: recordings stay in the data directory
	Encodings *Encodings // nil: there is no Opus
}

// Open opens a recording as it was made, a WAV file. fs.ErrNotExist: it is gone, or still on its way from another node; ErrAway.
func (a *Archive) Open(ctx context.Context, r store.Recording) (Sound, error) {
	if !ours(r.Path) {
		return Sound{}, fmt.Errorf("open recording: its path %q is not a recording's", r.Path)
	}
	s, err := openFile(a.Root, r.Path)
	if errors.Is(err, fs.ErrNotExist) && a.Bucket != nil {
		s, err = a.Bucket.Open(ctx, r.Path)
	}
	if err != nil {
		return Sound{}, fmt.Errorf("open recording: %w", err)
	}
	return s, nil
}

// Opus opens a recording as Ogg Opus; the first time it is encoded, which takes a second for some minutes of it. Errors are
// Open's, and ErrNoOpus.
func (a *Archive) Opus(ctx context.Context, r store.Recording) (Sound, error) {
	if a.Encodings == nil {
		return Sound{}, ErrNoOpus
	}
	return a.Encodings.Open(ctx, r, a.Open)
}

// ours says whether a path is one of recordings: whatever stands in a row, nothing else is opened or removed by it.
func ours(p string) bool {
	return strings.HasPrefix(p, "recordings/") && strings.HasSuffix(p, ".wav") && path.Clean(p) == p
}

// openFile opens a regular file below root.
func openFile(root *os.Root, p string) (Sound, error) {
	f, err := root.Open(p)
	if err != nil {
		return Sound{}, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return Sound{}, errors.Join(err, f.Close())
	}
	return Sound{f, info.Size()}, nil
}
