package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// maxFailed is how often in a row a segment may fail to be read before it is set aside.
const maxFailed = 5

// Next gives out the records that follow those it gave before: at most limit, and no more once they have size bytes. There is none
// when it has given all that is durable. After an error it may be called again; a segment that stays unreadable is set aside as a whole, as
// soon as it is no longer written.
func (s *Spool) Next(limit, size int) ([]Record, error) {
	for {
		s.mu.Lock()
		segments, end := s.segments, s.end
		s.mu.Unlock()
		here := slices.IndexFunc(segments, func(n uint64) bool { return n >= s.at.segment })
		if here < 0 {
			return nil, nil
		}
		if n := segments[here]; n != s.at.segment {
			s.at.segment, s.at.offset = n, 0
		}
		got, err := s.read(end, limit, size)
		if err != nil {
			if s.failed++; s.failed < maxFailed || s.at.segment == end.segment {
				return nil, fmt.Errorf("read spool: %w", err)
			}
			s.setAsideSegment(s.at.segment, err)
		}
		s.failed = 0
		if len(got) > 0 {
			return got, nil
		}
		if here == len(segments)-1 {
			return nil, nil
		}
		s.at.segment, s.at.offset = segments[here+1], 0
	}
}

// read gives out records of the segment in which the reader stands.
func (s *Spool) read(end place, limit, size int) ([]Record, error) {
	f, err := s.open(s.path(s.at.segment))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stop := end.offset // of the newest segment no more than what is durable
	if s.at.segment != end.segment {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		stop = info.Size()
	}
	if s.at.offset > stop {
		s.at.offset = 0 // not the file that the position was about: what has been seen is told by its seq
	}
	var got []Record
	var damaged []byte
	at, given := s.at, 0
	s.lines.Reset(io.NewSectionReader(f, at.offset, stop-at.offset))
	for p, err := range pieces(s.lines) {
		if err != nil {
			return nil, err
		}
		if p.ok && len(damaged) > 0 {
			s.setAside(at.segment, at.offset, damaged)
			damaged = nil
		}
		at.offset += int64(len(p.text))
		switch {
		case !p.ok:
			damaged = append(damaged, p.text...)
		case p.record.Seq > at.seq:
			at.seq = p.record.Seq
			got = append(got, p.record)
			given += len(p.record.Data)
		}
		if len(got) >= limit || given >= size {
			break
		}
	}
	if len(damaged) > 0 {
		s.setAside(at.segment, at.offset, damaged)
	}
	s.at = at
	return got, nil
}

// Done says that all that Next gave out has been applied, and everything else up to seq. A failure to write that down costs only that records
// are given out again after a crash.
func (s *Spool) Done(seq uint64) error {
	s.at.seq = max(s.at.seq, seq)
	s.applied = s.at
	return s.forget()
}

// forget writes the position down and deletes the segments before it.
func (s *Spool) forget() error {
	err := writePosition(s.Dir, s.applied)
	s.mu.Lock()
	applied := slices.IndexFunc(s.segments, func(n uint64) bool { return n >= s.applied.segment })
	if applied < 0 {
		applied = len(s.segments)
	}
	old := s.segments[:applied]
	s.segments = slices.Clone(s.segments[applied:])
	s.mu.Unlock()
	for _, n := range old {
		if e := os.Remove(s.path(n)); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("delete applied segment: %w", e))
		}
	}
	return err
}

// setAside keeps bytes that are no records, which end at the given offset of a segment. They are named by where they stood, so that
// they are kept once.
func (s *Spool) setAside(segment uint64, end int64, damaged []byte) {
	s.damaged.Add(1)
	path := filepath.Join(s.Dir, fmt.Sprintf("damaged-%s-%d", segmentName(segment), end-int64(len(damaged))))
	err := writeFile(path, damaged, true)
	s.Log.Error("spool: damaged records set aside", "file", path, "bytes", len(damaged), "error", err)
}

// setAsideSegment gives up a segment that cannot be read.
func (s *Spool) setAsideSegment(n uint64, cause error) {
	s.damaged.Add(1)
	path := filepath.Join(s.Dir, "damaged-"+segmentName(n))
	err := os.Rename(s.path(n), path)
	s.Log.Error("spool: unreadable segment set aside", "file", path, "cause", cause, "error", err)
}
