package media_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/legtest"
)

// counting is a Source whose every frame has its number in all samples; from silent on it has nothing to say.
type counting struct {
	n      atomic.Int64
	silent int64
}

func (c *counting) Next(pcm []int16) bool {
	n := c.n.Add(1)
	if c.silent > 0 && n > c.silent {
		return false
	}
	for i := range pcm {
		pcm[i] = int16(n)
	}
	return true
}

// TestPatch: a source sounds without lead, frame by frame, where no utterance does; it is silent when it has nothing, and gone when unpatched.
func TestPatch(t *testing.T) {
	t.Parallel()
	for _, info := range []media.Info{plain, carrier} {
		speaking(t, legtest.Line{Info: info}, func(m *mouth) {
			src := &counting{silent: 40}
			asked := func() int64 { synctest.Wait(); return src.n.Load() }
			m.Patch(src)
			time.Sleep(ms(410))
			if n := asked(); n != 21 || m.far.Buffered() > ms(20) {
				t.Fatalf("%d frames were asked for in 410 ms, %v are buffered", n, m.far.Buffered())
			}
			u := m.say(words(1, ms(200)))
			time.Sleep(ms(300))
			m.wantDone(u, true)
			if between := asked(); between > 28 { // it was not asked while the utterance sounded
				t.Errorf("%d frames were asked for", between)
			}
			time.Sleep(ms(400))
			m.Patch(nil)
			before := asked()
			time.Sleep(ms(200))
			if more := asked() - before; more > 0 {
				t.Errorf("%d frames were asked for after the end", more)
			}
			heard := m.far.Heard()
			if heard[0] != 1 || heard[len(heard)-1] != 0 {
				t.Errorf("heard %d first and %d last", heard[0], heard[len(heard)-1])
			}
		})
	}
}

// still is a Pacer that never beats by itself.
type still struct{ beat func(time.Time) time.Time }

func (s *still) Join(beat func(time.Time) time.Time) func() { s.beat = beat; return func() {} }

// nowhere is a Leg that swallows all it is given.
type nowhere struct{ media.Leg }

func (nowhere) Info() media.Info         { return media.Info{Rate: 8000, Chunk: media.FrameTime} }
func (nowhere) Send(media.Frame) error   { return nil }
func (nowhere) Clear() error             { return nil }
func (nowhere) Hangup(media.Cause) error { return nil }

// TestPatchAllocates: nothing, a frame.
func TestPatchAllocates(t *testing.T) {
	pacer := &still{}
	p := media.NewPlayout(nowhere{}, pacer, func(time.Time, []int16) {})
	p.Patch(&counting{})
	now := time.Now()
	if n := testing.AllocsPerRun(1000, func() { now = now.Add(media.FrameTime); pacer.beat(now) }); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
