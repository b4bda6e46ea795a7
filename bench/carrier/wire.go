package carrier

import (
	"sync"
	"time"

	"parley/media"
)

// An ownWire is what callers have in common whose carrier is a media.Leg with a socket of its own: a clock, and what is to sound. Whatever comes is
// told to it by the goroutine that reads the socket.
type ownWire struct {
	info  media.Info
	began time.Time
	slots int64
	pcm   []int16 // lent by Receive

	mu      sync.Mutex
	playout playout
	frames  int // of the far end
	audio   int64
	clears  int
	err     error // why nothing comes any more
	done    chan struct{}
}

// ownWire is the call's, from now on.
func (c *Call) ownWire(id string) *ownWire {
	return &ownWire{
		info:  media.Info{Kind: string(c.Kind), ID: id, From: c.From, To: c.To, Rate: Rate, Chunk: media.FrameTime},
		began: time.Now(), pcm: make([]int16, 0, slot), done: make(chan struct{}),
	}
}

// Info is the call's.
func (w *ownWire) Info() media.Info { return w.info }

// Receive returns what sounds in the next 20 ms, when they are over.
func (w *ownWire) Receive() (media.Packet, error) {
	w.slots++
	due := time.NewTimer(time.Until(w.began.Add(timeOf(w.slots * slot))))
	defer due.Stop()
	select {
	case <-due.C:
	case <-w.done:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return media.Packet{}, w.err
	}
	w.pcm, _ = w.playout.play(w.slots*slot, w.pcm[:0])
	return media.Packet{Frame: media.Frame{PCM: w.pcm, Rate: Rate, At: timeOf((w.slots - 1) * slot)}}, nil
}

// Clear has nothing to say: callers send as they speak.
func (w *ownWire) Clear() error { return nil }

// sounds takes sound that has come.
func (w *ownWire) sounds(pcm []int16) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frames++
	w.audio += int64(len(pcm))
	w.playout.add(pcm)
}

// forgets lets go of what has not sounded.
func (w *ownWire) forgets() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clears++
	w.playout.clear()
}

// end says that nothing comes any more, and why; only the first counts.
func (w *ownWire) end(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = why
		close(w.done)
	}
}

// tally adds what went over the socket.
func (w *ownWire) tally(f *Frames) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.Received, f.Audio, f.Sounded, f.Dropped, f.Clears = w.frames, at(w.audio), at(w.playout.sounded), at(w.playout.dropped), w.clears
	f.Gaps, f.GapTime = w.playout.gaps, at(w.playout.gapTime)
}
