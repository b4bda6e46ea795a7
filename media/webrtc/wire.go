package webrtc

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"

	"parley/media/rtp"
)

// maxDatagram is how many bytes of one we take.
const maxDatagram = 1600

// errShortBuffer is what packetio says of a datagram that has no room.
var errShortBuffer = io.ErrShortBuffer

var (
	errNoPath = errors.New("no way to the browser yet")
	errLost   = errors.New("the browser cannot be reached any more")
)

// A wire is the way to one browser, whichever path it takes at the moment. What comes is told apart by its first byte (RFC 7983). While ICE
// restarts, both paths are heard, and the new one is spoken over as soon as it is connected.
type wire struct {
	doors doors
	lost  time.Duration
	media func(packet []byte) // takes SRTP and SRTCP, on a path's goroutine; the bytes are its own until it returns

	now     atomic.Pointer[path] // the one that is spoken over
	records *rtp.Records         // the way as DTLS sees it
	up      chan struct{}        // closed when there is a path for the first time
	down    chan struct{}        // closed when there will be none any more

	mu     sync.Mutex
	next   *path // that is not connected yet
	closed bool
	ended  sync.WaitGroup // of readers, and of paths that are being closed
	gone   sync.Once
}

func newWire(d doors, lost time.Duration, media func([]byte)) *wire {
	w := &wire{
		doors: d, lost: lost, media: media,
		up: make(chan struct{}), down: make(chan struct{}),
	}
	w.records = rtp.NewRecords(w.write)
	return w
}

// open seeks a path for the browser with these credentials; one that was sought before and not found is given up. What there is goes on.
func (w *wire) open(ctx context.Context, theirs credentials) (credentials, []candidate, error) {
	p, all, err := w.doors.newPath(ctx, theirs, w.lost, w.news)
	if err != nil {
		return credentials{}, nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended.Go(func() { p.read(w.take) })
	if w.closed {
		w.discard(p)
		return credentials{}, nil, errLost
	}
	w.discard(w.next)
	w.next = p
	w.look() // it may be connected already
	return p.ours, all, nil
}

// discard closes a path without waiting for it. mu is held.
func (w *wire) discard(p *path) {
	if p != nil {
		w.ended.Go(p.close)
	}
}

// news is told by ICE how a path does.
func (w *wire) news(p *path, s ice.ConnectionState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s {
	case ice.ConnectionStateConnected:
		p.connected = true
	case ice.ConnectionStateFailed:
		p.failed = true
	default:
	}
	w.look()
}

// look changes over to a path that is connected, and says so when there is none, nor one to come. mu is held.
func (w *wire) look() {
	if w.closed {
		return
	}
	now, next := w.now.Load(), w.next
	switch {
	case next != nil && next.failed:
		w.discard(next)
		w.next = nil
	case next != nil && next.connected:
		w.discard(now)
		w.now.Store(next)
		w.next = nil
		if now == nil {
			close(w.up)
		}
		return
	case next != nil:
		return
	}
	if lost := now == nil && next != nil || now != nil && now.failed; lost {
		w.gone.Do(func() { close(w.down) })
	}
}

// close ends all paths and waits until nothing of the wire runs.
func (w *wire) close() {
	w.mu.Lock()
	w.closed = true
	w.discard(w.next)
	w.next = nil
	w.discard(w.now.Swap(nil))
	w.mu.Unlock()
	_ = w.records.Close()
	w.ended.Wait()
}

// take tells what came apart. It runs on the goroutines of paths.
func (w *wire) take(packet []byte) {
	if len(packet) == 0 {
		return
	}
	if b := packet[0]; b >= 128 && b <= 191 {
		w.media(packet)
		return
	}
	w.records.Take(packet)
}

// write sends a packet over the path in use. It does not wait.
func (w *wire) write(packet []byte) error {
	p := w.now.Load()
	if p == nil {
		return errNoPath
	}
	_, err := p.conn.Write(packet)
	return err
}
