package webrtc

import (
	"context"
	"slices"
	"testing"
	"time"

	"parley/media"
	"parley/media/g711"
	"parley/media/legtest"
	"parley/media/rtp"
)

func ulaw(payload []byte) []int16 {
	pcm := make([]int16, len(payload))
	g711.Ulaw.Decode(pcm, payload)
	return pcm
}

// TestConformance holds the leg to the contract of all legs, with pion's own peer connection at its far end.
func TestConformance(t *testing.T) {
	legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
		// The page says all at once; and asks whether we are there seldom enough for a second without it, in which allocations are counted.
		h := newHouse(t, Options{Jitter: rtp.Jitter{Fixed: time.Second}, Limits: Limits{Lost: 8 * time.Second}})
		p := newPage(t, h, asks{alive: 5 * time.Second, silent: true})
		p.call()
		l := &signalled{Leg: h.leg(), cleared: make(chan struct{}, 1)}
		p.connected()
		return l, &far{page: p, leg: l}
	})
}

// signalled tells the far end of a Clear, for which RTP has no word.
type signalled struct {
	*Leg
	cleared chan struct{}
}

func (s *signalled) Clear() error {
	err := s.Leg.Clear()
	select {
	case s.cleared <- struct{}{}:
	default:
	}
	return err
}

// far is a page that speaks G.711.
type far struct {
	*page
	leg *signalled
}

func (f *far) Say(pcm []int16) error {
	for piece := range slices.Chunk(pcm, 160) {
		payload := make([]byte, len(piece))
		g711.Ulaw.Encode(payload, piece)
		if err := f.mouth.write(0, false, payload, uint32(len(piece))); err != nil {
			return err
		}
	}
	return nil
}

func (f *far) Press(digit rune) error { return f.mouth.press(digit, 8000) }

func (f *far) Stop() error { return f.pc.Close() }

func (f *far) Drop() error { return f.socket.Close() }

func (f *far) Hear(ctx context.Context, n int) ([]int16, error) { return f.hear(ctx, n) }

func (f *far) Heard() []int16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.heard)
}

func (f *far) Cleared(ctx context.Context) error {
	select {
	case <-f.leg.cleared:
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, err := f.hear(ctx, 1); err != nil { // some of it has come
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.came = nil
	return nil
}

func (f *far) Deafen() { f.socket.deaf.Store(true) }
