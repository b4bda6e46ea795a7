package records

import (
	"encoding/json"
	"fmt"
	"time"

	"parley/control/spool"
)

const (
	maxGroup      = 1024    // entries that are fsynced together
	maxGroupBytes = 1 << 20 // and bytes, about
	diskRetry     = time.Second
)

// keep completes what arrives and writes it to the disk, until stop is closed and everything has been tried.
func (r *Records) keep(stop <-chan struct{}) {
	disk := diskState{}
	retry := time.NewTimer(0)
	defer retry.Stop()
	for last := false; ; {
		r.complete()
		if now := time.Now(); last || !disk.failed || !now.Before(disk.again) {
			r.write(&disk)
			if disk.failed {
				disk.again = now.Add(diskRetry)
				retry.Reset(diskRetry)
			}
		}
		signal(r.ready)
		if last {
			return
		}
		select {
		case <-r.queue.more:
		case <-retry.C:
		case <-stop:
			last = true
		}
	}
}

// complete finds the recordings of the calls that have ended.
func (r *Records) complete() {
	items := r.queue.take()
	for _, i := range items {
		if e := i.entry.Ended; e != nil && r.o.Recording != nil {
			if recording, ok := r.o.Recording(e.Call, i.began); ok {
				e.Recording = &recording
			}
		}
	}
	r.queue.hold(items)
}

// diskState is the keeper's memory of the disk.
type diskState struct {
	failed bool
	since  time.Time
	again  time.Time // when to try it
	lost   int64     // entries that had been lost when it failed
}

// write puts what is held on the disk, group by group, until nothing is held or the disk fails.
func (r *Records) write(d *diskState) {
	for {
		group, err := r.group()
		if err == nil && len(group) == 0 {
			return
		}
		if err == nil {
			err = r.disk.Append(group)
		}
		_, _, lost := r.queue.stand()
		switch {
		case err != nil && !d.failed:
			*d = diskState{failed: true, since: time.Now(), lost: lost}
			r.diskAway.Store(true)
			r.o.Log.Error("records stay in memory: the disk does not take them", "dir", r.o.Dir, "error", err)
		case err == nil && d.failed:
			r.diskAway.Store(false)
			r.o.Log.Info("the disk takes records again", "away", time.Since(d.since), "lost", lost-d.lost)
			*d = diskState{}
		}
		if err != nil {
			return
		}
		r.queue.kept(group[len(group)-1].Seq)
		signal(r.ready)
	}
}

// group is the oldest entries that are not on disk.
func (r *Records) group() ([]spool.Record, error) {
	var group []spool.Record
	size := 0
	for _, i := range r.queue.first(maxGroup) {
		data, err := json.Marshal(i.entry)
		if err != nil {
			return nil, fmt.Errorf("encode entry: %w", err)
		}
		group = append(group, spool.Record{Seq: i.seq, At: i.at, Data: data})
		if size += len(data); size >= maxGroupBytes {
			break
		}
	}
	return group, nil
}
