package wire

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
)

func mustEncoding(t testing.TB, rate int) Encoding {
	t.Helper()
	enc, err := EncodingFor(rate)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

func TestReelDropsTheOldestUnsent(t *testing.T) {
	t.Parallel()
	r, c := NewReel(mustEncoding(t, 8000), new(Spare)), Clock{}
	frame := func(i int) media.Frame {
		return media.Frame{PCM: []int16{int16(i * 64)}, Rate: 8000, At: time.Duration(i) * media.FrameTime}
	}
	for i := range 50 {
		if r.Add(frame(i), false) {
			t.Fatalf("frame %d of a second was dropped", i)
		}
	}
	for i := 50; i < 60; i++ {
		if !r.Add(frame(i), false) {
			t.Fatalf("nothing was dropped for frame %d", i)
		}
	}
	if r.lost != 10 {
		t.Errorf("%d frames are counted as lost, want 10", r.lost)
	}
	if got := len(r.Take(nil, 1000, r.head, &c)); got != 50 {
		t.Errorf("%d frames are left, want the last 50", got)
	}
	if got := c.At(0); got != 10*media.FrameTime {
		t.Errorf("the first of them was spoken at %v, want 200ms", got)
	}
	// All of it is kept for a new socket, those that were dropped as well, until it is settled.
	r.Rewind()
	if got := r.Unsent(r.head); got != 60 {
		t.Errorf("%d frames would be sent again, want 60", got)
	}
	c = Clock{}
	r.Take(nil, 1000, r.head, &c)
	r.Settle(55 * media.FrameTime)
	r.Rewind()
	if got := r.Unsent(r.head); got != 5 {
		t.Errorf("%d frames would be sent again, want the 5 that are not settled", got)
	}
}

func TestReelTakesFramesOfAnyLength(t *testing.T) {
	t.Parallel()
	r, c := NewReel(mustEncoding(t, 16000), new(Spare)), Clock{}
	pcm := make([]int16, 1000) // 62.5 ms
	for i := range pcm {
		pcm[i] = int16(i)
	}
	r.Add(media.Frame{PCM: pcm, Rate: 16000, At: time.Second}, false)
	wire := r.Take(nil, 2000, r.head, &c)
	got := make([]int16, 1000)
	r.Encoding.Decode(got, wire)
	if diff := cmp.Diff(pcm, got); diff != "" {
		t.Errorf("samples changed (-want +got):\n%s", diff)
	}
	if at := c.At(62500 * time.Microsecond); at != 1062500*time.Microsecond {
		t.Errorf("its end was spoken at %v, want 1.0625s", at)
	}
}

func TestClockForgetsTheOldest(t *testing.T) {
	t.Parallel()
	var c Clock
	for i := range 10 * maxSpans { // a frame a second
		c.Add(time.Duration(i)*time.Second, media.FrameTime)
		if got, want := c.At(time.Duration(i)*media.FrameTime), time.Duration(i)*time.Second; got != want {
			t.Fatalf("frame %d was spoken at %v, want %v", i, got, want)
		}
	}
	if len(c.spans) > maxSpans {
		t.Errorf("%d spans are kept", len(c.spans))
	}
}
