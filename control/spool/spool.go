// Package spool is a queue of lines on disk: what was appended is given out in order, at least once, whatever happens to the process.
//
//	Append ──▶ 000000000007.spool ──▶ Next ──▶ (somebody applies it) ──▶ Done ──▶ position, and applied segments are deleted
//	  fsync    000000000008.spool
//
// The directory (0700) belongs to one process, which holds a lock on the file "lock". In it are, all 0600:
//
//	000000000008.spool   a segment: records, one a line; new ones go to the newest, and a new one is begun every few MiB and at each start
//	position             one line: how far everything was applied; replaced by rename. Without it the segments are given out again
//	damaged-…            bytes of a segment that are no records: set aside, never read again
//
// A line is
//
//	crc seq at data\n
//
// where crc is the CRC-32C of all that stands between it and the newline (after the blank), in eight hexadecimal digits; seq is the
// record's number, which always grows; at is when it was made, in microseconds since 1970; data is anything without a newline. The
// data of the position's line is the segment and the offset behind the last record that was applied, and its seq is that record's.
//
// Each Append is one write and one fsync. What follows the last newline of the newest segment was never acknowledged: it is cut when the
// spool is opened. A line that does not hold its own checksum is set aside, and reading goes on at the next newline. After an error a
// segment is never written again, so that an fsync that failed is not trusted by repeating it; a record that is then appended a second
// time is given out once, since its seq has been seen.
//
// One goroutine appends and another reads; each owns its file, and they share only how far the records are durable.
package spool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// MaxData is the most bytes that a record may have.
const MaxData = 64 << 20

// defaultSegment is where a segment is full.
const defaultSegment = 4 << 20

// keptBuffer is the largest buffer that is kept from one Append to the next.
const keptBuffer = 1 << 20

// A Record is one line of the spool.
type Record struct {
	Seq  uint64    // greater than that of the record before it; not 0
	At   time.Time // to the microsecond
	Data []byte    // without newline; of a record from Next: the reader's own
}

// Options say where a spool is and how it is kept.
type Options struct {
	Dir         string
	SegmentSize int64 // bytes after which a new segment is begun; 0: 4 MiB
	Log         *slog.Logger
}

// A Spool is a queue on disk. Append is for one goroutine, Next, Done and Applied for one other; Last and Damaged for all; Close for one, when the
// others are done.
type Spool struct {
	Options
	lock   *os.File
	create func(path string) (writer, error)
	open   func(path string) (reader, error)

	out     writer // the segment being written; nil: none, a new one is due
	number  uint64 // of the segment being written, or the last that was
	size    int64  // of the segment being written: all of it is durable
	buf     []byte
	lines   *bufio.Reader // of the segment that Next reads
	at      place         // behind the last record given out
	applied place         // behind the last that was applied
	failed  int           // how often in a row the segment could not be read
	damaged atomic.Int64

	mu       sync.Mutex // guards what follows; never held during I/O
	segments []uint64   // on disk, oldest first
	end      place      // behind the last durable record
}

// A place is behind a record.
type place struct {
	segment uint64
	offset  int64
	seq     uint64 // the record's
}

type writer interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

type reader interface {
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
}

// Open opens the spool in a directory, which is made if there is none. It fails if another process has it.
func Open(o Options) (*Spool, error) {
	if o.SegmentSize == 0 {
		o.SegmentSize = defaultSegment
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &Spool{
		Options: o,
		lock:    lock,
		lines:   bufio.NewReaderSize(nil, readBuffer),
		create: func(path string) (writer, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
		},
		open: func(path string) (reader, error) { return os.Open(path) },
	}
	if err := s.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("open spool: %w", err), lock.Close())
	}
	return s, nil
}

// recover finds out what is in the directory, and cuts what was never acknowledged.
func (s *Spool) recover() error {
	segments, err := listSegments(s.Dir)
	if err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	if s.at, err = readPosition(s.Dir); err != nil {
		s.Log.Warn("spool: position lost, records are given out again", "dir", s.Dir, "error", err)
	}
	s.applied = s.at
	s.number = s.at.segment
	s.end = place{segment: s.number, seq: s.at.seq}
	for _, n := range segments {
		if n < s.at.segment && os.Remove(s.path(n)) == nil {
			continue
		}
		s.number = max(s.number, n)
		size, last, err := s.survey(n, n == segments[len(segments)-1])
		if err != nil {
			s.setAsideSegment(n, err)
			continue
		}
		s.segments = append(s.segments, n)
		s.end = place{segment: n, offset: size, seq: max(s.end.seq, last)}
	}
	return nil
}

// survey is the size of a segment, and the seq of its last record. Of the newest it cuts what follows the last newline.
func (s *Spool) survey(n uint64, newest bool) (size int64, last uint64, err error) {
	f, err := s.open(s.path(n))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for p, err := range pieces(bufio.NewReaderSize(io.NewSectionReader(f, 0, math.MaxInt64), readBuffer)) {
		if err != nil {
			return 0, 0, err
		}
		if newest && p.text[len(p.text)-1] != '\n' {
			s.Log.Info("spool: unfinished record cut", "file", s.path(n), "bytes", len(p.text))
			return size, last, os.Truncate(s.path(n), size)
		}
		size += int64(len(p.text))
		last = max(last, p.record.Seq)
	}
	return size, last, nil
}

// Last is the seq of the last record that is durable, or was when the spool was emptied.
func (s *Spool) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end.seq
}

// Applied is the seq of the last record that has been applied. It is for the reader's goroutine.
func (s *Spool) Applied() uint64 { return s.applied.seq }

// Damaged is how many stretches of bytes were set aside, since the spool was opened.
func (s *Spool) Damaged() int64 { return s.damaged.Load() }

// Append writes records; they are on the disk when it returns nil. After an error none of them is acknowledged, and all may be appended again.
func (s *Spool) Append(records []Record) error {
	if len(records) == 0 {
		return nil
	}
	last, buf := s.Last(), s.buf[:0]
	for _, r := range records {
		switch {
		case r.Seq <= last:
			return fmt.Errorf("append record %d: it follows %d", r.Seq, last)
		case len(r.Data) > MaxData:
			return fmt.Errorf("append record %d: %d bytes, at most %d", r.Seq, len(r.Data), MaxData)
		case bytes.IndexByte(r.Data, '\n') >= 0:
			return fmt.Errorf("append record %d: it has a newline", r.Seq)
		}
		last, buf = r.Seq, appendLine(buf, r)
	}
	if s.buf = buf; cap(buf) > keptBuffer {
		s.buf = nil
	}
	if s.size >= s.SegmentSize {
		s.release()
	}
	if s.out == nil {
		if err := s.begin(); err != nil {
			return fmt.Errorf("begin segment: %w", err)
		}
	}
	if _, err := s.out.Write(buf); err != nil {
		return errors.Join(fmt.Errorf("append to spool: %w", err), s.abandon())
	}
	if err := s.out.Sync(); err != nil {
		return errors.Join(fmt.Errorf("flush spool: %w", err), s.abandon())
	}
	if s.size == 0 { // the file is new: its name must last too
		if err := syncDir(s.Dir); err != nil {
			return errors.Join(fmt.Errorf("flush spool: %w", err), s.abandon())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == 0 {
		s.segments = append(s.segments, s.number)
	}
	s.size += int64(len(buf))
	s.end = place{segment: s.number, offset: s.size, seq: last}
	return nil
}

// begin makes the next segment.
func (s *Spool) begin() error {
	out, err := s.create(s.path(s.number + 1))
	if errors.Is(err, os.ErrExist) { // left by an attempt that could not even be removed
		s.number++
	}
	if err != nil {
		return err
	}
	s.number++
	s.out, s.size = out, 0
	return nil
}

// abandon leaves the segment being written as it was before the append that failed.
func (s *Spool) abandon() error {
	err := s.out.Truncate(s.size)
	if s.size == 0 {
		err = os.Remove(s.path(s.number))
	}
	s.release()
	if err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	return nil
}

// release closes the segment being written. All that counts of it has been flushed.
func (s *Spool) release() {
	_ = s.out.Close()
	s.out, s.size = nil, 0
}

// Close closes the spool. What has been applied is deleted.
func (s *Spool) Close() error {
	if s.out != nil {
		s.release()
	}
	if s.applied.seq >= s.end.seq {
		s.applied.segment, s.applied.offset = s.number+1, 0
	}
	err := s.forget()
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("close spool: %w", err)
	}
	return err
}

func (s *Spool) path(segment uint64) string { return filepath.Join(s.Dir, segmentName(segment)) }
