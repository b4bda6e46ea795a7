package record

import (
	"bytes"
	"io"
	"log/slog"
	"math"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/wav"
)

// A disk is a file in memory that keeps only what is not zero, so that an hour costs little. It can be full, and it can hang.
type disk struct {
	mu     sync.Mutex
	blocks map[int64][]byte
	size   int64
	writes int
	closed bool

	room int64         // the most that it holds; 0: no limit
	hang chan struct{} // when not nil, writes wait until it is closed
}

const blockSize = 4096

func newDisk() *disk { return &disk{blocks: map[int64][]byte{}} }

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	d.mu.Lock()
	hang := d.hang
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	n := len(b)
	if d.room > 0 {
		n = int(max(0, min(int64(n), d.room-at)))
	}
	d.size = max(d.size, at+int64(n))
	each(b[:n], at, func(part []byte, block, from int64) {
		if d.blocks[block] == nil {
			if bytes.Count(part, []byte{0}) == len(part) {
				return
			}
			d.blocks[block] = make([]byte, blockSize)
		}
		copy(d.blocks[block][from:], part)
	})
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := int(max(0, min(int64(len(b)), d.size-at)))
	clear(b)
	each(b[:n], at, func(part []byte, block, from int64) {
		if data := d.blocks[block]; data != nil {
			copy(part, data[from:])
		}
	})
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// each cuts b, which stands at the given offset, at the borders of blocks.
func each(b []byte, at int64, f func(part []byte, block, from int64)) {
	for len(b) > 0 {
		block, from := at/blockSize, at%blockSize
		n := min(int64(len(b)), blockSize-from)
		f(b[:n], block, from)
		b, at = b[n:], at+n
	}
}

func (d *disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

// sound is what a reader would find now.
func (d *disk) sound(t *testing.T) wav.Sound {
	t.Helper()
	s, err := wav.Read(io.NewSectionReader(d, 0, math.MaxInt64), math.MaxInt)
	if err != nil {
		t.Fatalf("the file is not valid: %v", err)
	}
	return s
}

// on starts a Recorder at 8 kHz that writes to d, and hands back its log.
func on(d *disk) (*Recorder, *bytes.Buffer) {
	var log bytes.Buffer
	r := newRecorder(d, 8000, slog.New(slog.NewTextHandler(&log, nil)))
	if err := r.refresh(); err != nil {
		panic(err)
	}
	go r.run()
	return r, &log
}

// A caller is a clock that makes frames.
type caller struct {
	at time.Duration
}

// next is the caller's next frame, all of one value.
func (c *caller) next(value int16) media.Frame {
	f := media.Frame{PCM: fill(160, value), Rate: 8000, At: c.at}
	c.at += media.FrameTime
	return f
}

func fill(n int, value int16) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = value
	}
	return pcm
}

// run is a stretch of one value in a channel.
type run struct {
	Value int16
	N     int
}

func runs(pcm []int16) (all []run) {
	for _, v := range pcm {
		if len(all) == 0 || all[len(all)-1].Value != v {
			all = append(all, run{Value: v})
		}
		all[len(all)-1].N++
	}
	return all
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}
