// Package journal writes down what calls leave behind: one JSON Lines file a call, under the data directory.
//
//	pipeline.Event ──▶ Write (never blocks) ──▶ queue of 1,024 ──▶ Run ──▶ calls/2026-11-21/CA….jsonl
//
// The last line of a file is the call's end, with its whole history. The file is flushed to the disk then.
package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"parley/pipeline"
)

// queueSize is the number of events that may wait for the disk.
const queueSize = 1024

// A Journal appends the events of all calls to their files. Run owns the files; Write may be called by any goroutine.
type Journal struct {
	dir   string
	log   *slog.Logger
	queue chan entry
	lost  atomic.Int64
}

type entry struct {
	at    time.Time
	event pipeline.Event
}

// New makes a journal of the calls under dir, which is made when the first call is written.
func New(dir string, log *slog.Logger) *Journal {
	return &Journal{dir: dir, log: log, queue: make(chan entry, queueSize)}
}

// Write takes an event. It never blocks: while the disk is so slow that the queue is full, events are counted as lost.
func (j *Journal) Write(e pipeline.Event) {
	select {
	case j.queue <- entry{time.Now(), e}:
	default:
		j.lost.Add(1)
	}
}

// Lost is how many events the journal could not take or write.
func (j *Journal) Lost() int64 { return j.lost.Load() }

// Path is the file of a call that began at the given time.
func (j *Journal) Path(call string, began time.Time) string {
	return filepath.Join(j.dir, began.UTC().Format(time.DateOnly), FileName(call)+".jsonl")
}

// FileName makes an id safe as a file's name.
func FileName(id string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, id)
	if safe == "" {
		return "_"
	}
	return safe[:min(len(safe), 100)]
}

// Run writes until ctx is done and the queue is empty.
func (j *Journal) Run(ctx context.Context) error {
	open := make(map[string]*os.File)
	defer func() {
		for _, f := range open {
			_ = f.Close()
		}
	}()
	for {
		select {
		case e := <-j.queue:
			j.put(open, e)
		case <-ctx.Done():
			for {
				select {
				case e := <-j.queue:
					j.put(open, e)
				default:
					return nil
				}
			}
		}
	}
}

// put writes one entry; a failure is logged and counted and costs nothing else.
func (j *Journal) put(open map[string]*os.File, e entry) {
	if err := j.append(open, e); err != nil {
		if j.lost.Add(1) == 1 || e.event.Kind == pipeline.CallEnded {
			j.log.Error("journal not written", "call", e.event.Call, "error", err)
		}
	}
	if f := open[e.event.Call]; f != nil && e.event.Kind == pipeline.CallEnded {
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			j.log.Error("journal not flushed", "call", e.event.Call, "error", err)
		}
		delete(open, e.event.Call)
	}
}

func (j *Journal) append(open map[string]*os.File, e entry) error {
	line, err := json.Marshal(newLine(e))
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	f := open[e.event.Call]
	if f == nil {
		path := j.Path(e.event.Call, e.at)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
		open[e.event.Call] = f
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}
