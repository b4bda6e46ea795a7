package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	lockName     = "lock"
	positionName = "position"
	segmentEnd   = ".spool"
)

// lockDir makes the directory this process's own, until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s is in use by another process", dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func segmentName(n uint64) string { return fmt.Sprintf("%012d%s", n, segmentEnd) }

// listSegments lists the segments in a directory, oldest first.
func listSegments(dir string) ([]uint64, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var segments []uint64
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), segmentEnd)
		if n, err := strconv.ParseUint(name, 10, 64); ok && err == nil && segmentName(n) == f.Name() {
			segments = append(segments, n)
		}
	}
	slices.Sort(segments)
	return segments, nil
}

// readPosition is the place behind the last record applied; the zero place if there is none.
func readPosition(dir string) (place, error) {
	text, err := os.ReadFile(filepath.Join(dir, positionName))
	if errors.Is(err, os.ErrNotExist) {
		return place{}, nil
	}
	if err != nil {
		return place{}, err
	}
	r, ok := parseLine(bytes.TrimSuffix(text, []byte{'\n'}))
	if !ok {
		return place{}, errors.New("read position: not a whole line")
	}
	at := place{seq: r.Seq}
	if _, err := fmt.Sscanf(string(r.Data), "%d %d", &at.segment, &at.offset); err != nil {
		return place{}, fmt.Errorf("read position: %w", err)
	}
	return at, nil
}

// writePosition replaces the position. It is not flushed: if the machine dies, an older position costs only that records are given
// out again.
func writePosition(dir string, at place) error {
	if at.seq == 0 {
		return nil
	}
	line := appendLine(nil, Record{Seq: at.seq, At: time.Now(), Data: fmt.Appendf(nil, "%d %d", at.segment, at.offset)})
	path := filepath.Join(dir, positionName)
	if err := writeFile(path+".new", line, false); err != nil {
		return fmt.Errorf("write position: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write position: %w", err)
	}
	return nil
}

// writeFile writes a file, and makes it last if it is to.
func writeFile(path string, data []byte, lasting bool) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && lasting {
		err = errors.Join(f.Sync(), syncDir(filepath.Dir(path)))
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the names in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
