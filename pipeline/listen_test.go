package pipeline

import (
	"io"
	"iter"
	"testing"
	"time"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/relay"
)

// still is an ear, a transcription and a tap that do nothing.
type still struct{ frames int }

func (*still) Hear(media.Frame) (Edge, bool)         { return Edge{}, false }
func (s *still) Write(media.Frame) error             { s.frames++; return ErrBehind }
func (*still) Mark(Edge) error                       { return nil }
func (*still) Expect([]string)                       {}
func (*still) Results() iter.Seq2[Transcript, error] { return nil }
func (*still) Close() error                          { return nil }
func (*still) Caller(media.Frame)                    {}
func (*still) Agent(at time.Duration, pcm []int16)   {}

// tape is a leg that plays n frames as fast as they are read.
type tape struct {
	media.Leg
	n     int
	frame media.Frame
}

func (l *tape) Info() media.Info { return media.Info{Rate: 8000} }

func (l *tape) Receive() (media.Packet, error) {
	if l.n == 0 {
		return media.Packet{}, io.EOF
	}
	l.n--
	l.frame.At += media.FrameTime
	return media.Packet{Frame: l.frame}, nil
}

// The way of a frame from the leg to ear, recogniser and tap allocates nothing.
func TestListenAllocatesNothing(t *testing.T) {
	s := &still{}
	leg := &tape{frame: media.Frame{PCM: make([]int16, 160), Rate: 8000}}
	c := &Call{Leg: leg, tones: dtmf.NewDetector(8000)}
	c.open()
	c.parts, c.tap = Parts{Ear: s, Transcription: s}, s
	c.ready.Store(true)
	const frames = 1000
	allocs := testing.AllocsPerRun(20, func() {
		leg.n = frames
		c.listen()
		<-c.inbox
	})
	if allocs > 2 { // the news of the end, once in 1,000 frames
		t.Errorf("%v allocations in %d frames", allocs, frames)
	}
	if int(c.drops.Load()) != s.frames {
		t.Errorf("%d drops of %d frames", c.drops.Load(), s.frames)
	}
}

// Nor does it where somebody listens in: the caller's sound, and what was heard of the agent.
func TestSupervisedAllocatesNothing(t *testing.T) {
	s := &still{}
	c := &Call{Leg: &tape{}}
	c.open()
	c.parts = Parts{Ear: s, Transcription: s}
	mix := relay.NewMix(16000, lateLead)
	a := &attendance{Supervisor: Supervisor{Leg: &tape{}}, mix: mix}
	for _, v := range []**relay.Voice{&a.caller, &a.agent} {
		var err error
		if *v, err = mix.Voice(8000); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.seats.enter(a); err != nil {
		t.Fatal(err)
	}
	f, heard := media.Frame{PCM: make([]int16, 160), Rate: 8000}, make([]int16, 320)
	allocs := testing.AllocsPerRun(200, func() {
		_ = c.hear(f, false)
		c.sounded(time.Now(), f.PCM)
		mix.Next(heard)
	})
	if allocs > 0 {
		t.Errorf("%v allocations a frame", allocs)
	}
}

func BenchmarkListen(b *testing.B) {
	s := &still{}
	leg := &tape{n: b.N, frame: media.Frame{PCM: make([]int16, 160), Rate: 8000}}
	c := &Call{Leg: leg}
	c.open()
	c.parts, c.tap = Parts{Ear: s, Transcription: s}, s
	c.ready.Store(true)
	b.ReportAllocs()
	c.listen()
}

func BenchmarkDialog(b *testing.B) {
	b.ReportAllocs()
	events := greeted(edge(2060*ms, Began, 1, 2000*ms, true), edge(3000*ms, Ended, 1, 2500*ms, false), words_(3100*ms, Final, "yes", 1))
	for b.Loop() {
		play(Manners{}, events...)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	d := []time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	if p50, p95, none := quantile(d, 50), quantile(d, 95), quantile(nil, 50); p50 != 5 || p95 != 10 || none != 0 {
		t.Errorf("%d %d %d", p50, p95, none)
	}
}
