// Package record writes a call to disk: a stereo WAV file, the caller on the left and the agent on the right, whole at every moment.
//
//	leg's goroutine ──▶ Caller ──▶ placing (drift, gaps) ──┐
//	                                                       ├──▶ bounded queue ──▶ one goroutine, each second: one write, then the
//	playout's goroutine ─▶ Agent (when it was heard) ──────┘                      header's sizes ──▶ file
//
// What must not be recorded of the caller comes as silence; what came before that was known is forgotten (Forget).
//
// Both channels run on one clock, monotonic since the answer. Caller and Agent copy and return: a slow disk costs samples, which
// are counted, and a full one ends the recording, never the call. When the process is killed, the file is a valid WAV that lacks
// the last second at most. (A power cut may cost what the kernel had not yet written: nothing is fsynced.)
package record

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"sync"
	"time"

	"parley/media"
	"parley/media/wav"
)

const (
	beat       = 900 * time.Millisecond // between two writes: with what a write takes, no second is lost
	backlog    = 5                      // seconds of both channels that may wait for the disk; then samples are dropped
	span       = 2                      // seconds that one write covers at most
	closeLimit = 5 * time.Second        // how long Close waits for the disk
	frameSize  = 4                      // bytes of one sample of both channels
)

// A Recorder is the recording of one call. It is a pipeline.Tap: Caller and Agent may be called by two goroutines at the same time.
type Recorder struct {
	rate  int
	log   *slog.Logger
	start time.Time // the answer
	file  file
	end   int64         // samples of each channel in the file; of the writing goroutine alone, as is header
	quit  chan struct{} // closed by Close
	done  chan struct{} // closed when the goroutine has gone
	once  sync.Once     // guards quit
	err   error         // what stopped the recording; to be read once done is closed

	header [wav.HeaderSize]byte

	mu      sync.Mutex
	queue   queue
	caller  placing
	agent   int64 // where its last samples ended
	dropped int   // frames of 20 ms
	stopped bool  // closed, or the disk failed
	failed  bool
}

// file is what a Recorder needs of an *os.File.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// Create begins the recording of a call of rate samples a second, in a new file that only this user may read. It is called when the
// call is answered: the clock starts. It is an error if there is something at path. The Recorder must be closed.
func Create(path string, rate int, log *slog.Logger) (*Recorder, error) {
	if rate < 8000 || rate > 48000 {
		return nil, fmt.Errorf("create recording: rate of %d samples a second, want 8,000 to 48,000", rate)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create recording: %w", err)
	}
	r := newRecorder(f, rate, log.With("path", path))
	if err := r.refresh(); err != nil {
		f.Close()
		os.Remove(path)
		return nil, fmt.Errorf("create recording: %w", err)
	}
	go r.run()
	return r, nil
}

func newRecorder(f file, rate int, log *slog.Logger) *Recorder {
	return &Recorder{
		rate:   rate,
		log:    log,
		start:  time.Now(),
		file:   f,
		quit:   make(chan struct{}),
		done:   make(chan struct{}),
		queue:  newQueue(rate),
		caller: placing{rate: rate},
	}
}

// Caller records a frame on the left: at its media time, corrected for the drift between the caller's clock and ours. It copies and
// returns.
func (r *Recorder) Caller(f media.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || f.Rate != r.rate {
		r.drop(len(f.PCM))
		return
	}
	arrived := time.Since(r.start) - f.Duration() // when its first sample would have been spoken, but for the network
	at, adjust := r.caller.place(f, arrived)
	switch {
	case adjust == skip:
	case adjust > 0: // late: repeat a sample
		half := len(f.PCM) / 2
		r.put(left, at, f.PCM[:half])
		r.put(left, at+int64(half), f.PCM[half-1:])
	default: // early: leave samples out, evenly
		for pcm := f.PCM; len(pcm) > 0; adjust++ {
			n := len(pcm) / (1 - adjust)
			r.put(left, at, pcm[:n])
			at += int64(n)
			pcm = pcm[min(n+1, len(pcm)):]
		}
	}
}

// Agent records samples on the right that began to sound at the given time since the answer. They may be told of later, and out of
// order. It copies and returns.
func (r *Recorder) Agent(at time.Duration, pcm []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || at < 0 || at > time.Since(r.start)+backlog*time.Second {
		r.drop(len(pcm))
		return
	}
	pos := samples(at, r.rate)
	if n := samples(near, r.rate); pos-r.agent <= n && r.agent-pos <= n { // the run goes on
		pos = r.agent
	}
	r.agent = pos + int64(len(pcm))
	r.put(right, pos, pcm)
}

// Forget makes silence of what was recorded on the left from since on, a time since the answer, until now; what is on disk already is
// written over with the next second. It returns at once.
func (r *Recorder) Forget(since time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := samples(max(since-2*tear, 0), r.rate) // a frame stands that near to where it was spoken
	if n := r.caller.next - from; !r.stopped && n > 0 {
		r.queue.hush(left, from, int32(min(n, math.MaxInt32)))
	}
}

// Dropped is how many frames of 20 ms, of either channel, were lost to a slow or full disk.
func (r *Recorder) Dropped() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// Close writes what is left and closes the file. It returns what stopped the recording before, if anything did. If the disk does not
// answer for 5 s, it gives up waiting and says so. Further calls return the same.
func (r *Recorder) Close() error {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.once.Do(func() { close(r.quit) })
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-r.done:
		return r.err
	case <-limit.C:
		return errors.New("close recording: the disk does not answer")
	}
}

// put queues samples; r.mu is held.
func (r *Recorder) put(c channel, at int64, pcm []int16) {
	if !r.queue.put(c, at, pcm) {
		r.drop(len(pcm))
	}
}

// drop counts samples that are lost; r.mu is held. After Close there is nothing to lose.
func (r *Recorder) drop(n int) {
	if frame := r.rate / 50; !r.stopped || r.failed {
		r.dropped += (n + frame - 1) / frame
	}
}

// run is the one goroutine: the only one that touches the file.
func (r *Recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for open := true; open && r.err == nil; {
		select {
		case <-tick.C:
		case <-r.quit:
			open = false
		}
		if err := r.flush(); err != nil {
			r.fail(err)
		}
	}
	if err := r.file.Close(); err != nil && r.err == nil {
		r.err = fmt.Errorf("close recording: %w", err)
	}
}

// fail ends the recording, not the call.
func (r *Recorder) fail(err error) {
	r.err = err
	r.mu.Lock()
	r.stopped, r.failed = true, true
	r.dropped += r.queue.frames(r.rate)
	r.queue.free()
	r.mu.Unlock()
	r.log.Error("recording stopped", "err", err, "seconds", r.end/int64(r.rate))
}

// scratch holds the buffers in which seconds are put together. A Recorder needs one for some 50 us a second, so all share a few; it
// has no goroutine and nobody waits for it.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// flush writes all that is queued and then makes the header say so. Mostly this is one write: what came since the last one, from the
// earliest sample on. What that one had already written behind it is read back and written again.
func (r *Recorder) flush() error {
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	if n := span * r.rate * frameSize; cap(*buf) < n {
		*buf = make([]byte, n)
	}
	b := (*buf)[:span*r.rate*frameSize]
	before := r.end
	for more := true; more; {
		r.mu.Lock()
		from, ok := r.queue.earliest()
		r.mu.Unlock()
		if !ok {
			break
		}
		clear(b)
		if known := min(r.end-from, int64(len(b)/frameSize)); known > 0 {
			if _, err := r.file.ReadAt(b[:known*frameSize], offset(from)); err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read recording back: %w", err)
			}
		}
		r.mu.Lock()
		var n int
		n, more = r.queue.paint(b, from)
		r.mu.Unlock()
		written, err := r.file.WriteAt(b[:n*frameSize], offset(from))
		if err == nil || from <= r.end { // what reached the disk before it was full counts
			r.end = max(r.end, from+int64(written/frameSize))
		}
		if err != nil {
			_ = r.refresh() // it has its place on the disk already; the first error is the one that tells
			return fmt.Errorf("write recording: %w", err)
		}
	}
	if r.end == before {
		return nil
	}
	return r.refresh()
}

// refresh writes the header for what is in the file.
func (r *Recorder) refresh() error {
	r.header = wav.Header(r.rate, 2, r.end*frameSize)
	if _, err := r.file.WriteAt(r.header[:], 0); err != nil {
		return fmt.Errorf("write recording's header: %w", err)
	}
	return nil
}

func offset(at int64) int64 { return wav.HeaderSize + at*frameSize }

func samples(d time.Duration, rate int) int64 { return int64(d) * int64(rate) / int64(time.Second) }
