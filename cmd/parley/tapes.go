package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"parley/control/metrics"
	"parley/media/record"
	"parley/pipeline"
	"parley/store"
)

// tapes are recordings in the making, and where they lie at first: DATA/recordings/2026-11-22/CALL.wav.
type tapes struct {
	dir  string                         // the data directory
	told func(outcome string, lost int) // counts recordings, and frames that they lost
	log  *slog.Logger
}

// path is the recording of a call that began at the given time, under the data directory.
func (a tapes) path(call string, began time.Time) string {
	return "recordings/" + began.UTC().Format(time.DateOnly) + "/" + call + ".wav"
}

// A recording is being made as .wav.part, and becomes .wav when it is whole.
const part = ".part"

// A tape is a recording in the making.
type tape struct {
	*record.Recorder
	path string
	told func(outcome string, lost int)
}

// Close ends the recording and gives it its name.
func (t tape) Close() error {
	err, outcome := t.Recorder.Close(), metrics.Recorded
	if err != nil {
		outcome = metrics.CutShort
	}
	t.told(outcome, t.Dropped())
	return errors.Join(err, os.Rename(t.path+part, t.path))
}

// open begins a call's recording; nil if it cannot be made, which is no reason to refuse a call.
func (a tapes) open(call string, rate int, began time.Time) pipeline.Tap {
	path := filepath.Join(a.dir, filepath.FromSlash(a.path(call, began)))
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		var r *record.Recorder
		if r, err = record.Create(path+part, rate, a.log); err == nil {
			return tape{r, path, a.told}
		}
	}
	a.log.Error("recording not made", "call", call, "error", err)
	a.told(metrics.NotRecorded, 0)
	return nil
}

// again begins the recording of a call that goes on, and was answered before now. It is a part of its own, and the one that counts: what was
// recorded here before lies beside it, as CALL.1.wav.
func (a tapes) again(call string, rate int, answered time.Time) pipeline.Tap {
	path := filepath.Join(a.dir, filepath.FromSlash(a.path(call, answered)))
	for n := 1; ; n++ {
		beside := strings.TrimSuffix(path, ".wav") + "." + strconv.Itoa(n) + ".wav"
		if _, err := os.Stat(beside); err == nil {
			continue
		}
		for _, whole := range []string{"", part} { // one that is in the making was left by a kill, and is repaired there
			if err := os.Rename(path+whole, beside+whole); err != nil && !errors.Is(err, os.ErrNotExist) {
				a.log.Warn("the first part of a recording is lost", "call", call, "error", err)
			}
		}
		break
	}
	tap := a.open(call, rate, answered)
	if tap == nil {
		return nil
	}
	return partTape{tap.(tape), time.Since(answered)}
}

// partTape is a tape whose clock started later than the call's.
type partTape struct {
	tape
	by time.Duration
}

// Agent implements pipeline.Tap.
func (t partTape) Agent(at time.Duration, pcm []int16) { t.tape.Agent(at-t.by, pcm) }

// Forget implements pipeline.Forgetter.
func (t partTape) Forget(since time.Duration) { t.tape.Forget(max(since-t.by, 0)) }

// recording describes the recording of a call that has ended, if there is one.
func (a tapes) recording(call string, began time.Time) (store.Recording, bool) {
	path := a.path(call, began)
	info, err := record.Describe(filepath.Join(a.dir, filepath.FromSlash(path)))
	return store.Recording{Call: call, Path: path, Rate: info.Rate, Channels: info.Channels, Bytes: info.Bytes, Length: info.Length}, err == nil
}

// repair finishes the recordings that a killed server left: their last second is there, their headers do not know it. It tells
// which they are. Files that were written to since began are this server's own.
func (a tapes) repair(began time.Time) map[string]store.Recording {
	found := make(map[string]store.Recording)
	paths, _ := filepath.Glob(filepath.Join(a.dir, "recordings", "*", "*.wav"+part)) // the pattern is sound
	for _, left := range paths {
		if f, err := os.Stat(left); err != nil || !f.ModTime().Before(began) {
			continue
		}
		path := strings.TrimSuffix(left, part)
		_, err := record.Repair(left)
		if err == nil {
			err = os.Rename(left, path)
		}
		var info record.Info
		if err == nil {
			info, err = record.Describe(path)
		}
		if err != nil {
			a.log.Warn("recording not repaired", "path", left, "error", err)
			continue
		}
		call := strings.TrimSuffix(filepath.Base(path), ".wav")
		found[call] = store.Recording{
			Call: call, Path: "recordings/" + filepath.Base(filepath.Dir(path)) + "/" + call + ".wav",
			Rate: info.Rate, Channels: info.Channels, Bytes: info.Bytes, Length: info.Length,
		}
		a.log.Info("recording repaired", "call", call, "length", info.Length)
	}
	return found
}
