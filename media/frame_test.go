package media_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/pace"
)

// nothing is a leg that takes everything and gives nothing back.
type nothing struct {
	info  media.Info
	sends int
}

func (l *nothing) Info() media.Info               { return l.info }
func (l *nothing) Receive() (media.Packet, error) { select {} }
func (l *nothing) Send(media.Frame) error         { l.sends++; return nil }
func (l *nothing) Clear() error                   { return nil }
func (l *nothing) Mark() error                    { return nil }
func (l *nothing) Hangup(media.Cause) error       { return nil }

// TestFramePathAllocatesNothing holds Write, the wheel's beat, Send, marks and the tap to no allocation, once a reply is under way.
// It is not parallel: it counts.
func TestFramePathAllocatesNothing(t *testing.T) {
	for _, info := range []media.Info{plain, carrier, {Rate: 16000, Chunk: media.FrameTime, Comfort: true}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			wheel, turned, leg := new(pace.Wheel), make(chan error), &nothing{info: info}
			go func() { turned <- wheel.Run(ctx) }()
			tapped := 0
			punctuality := new(media.Punctuality)
			p := media.NewMeasuredPlayout(leg, wheel, func(_ time.Time, pcm []int16) { tapped += len(pcm) }, punctuality)
			u := p.Begin()
			p.Release(u)
			_ = u.Write(ctx, make([]int16, 2*info.Rate/5)) // ahead, so that the beats send
			time.Sleep(media.FrameTime / 4)
			frame := make([]int16, info.Rate/50)
			second := func() {
				for range 50 {
					_ = u.Write(ctx, frame)
					time.Sleep(media.FrameTime)
				}
				p.Played(media.Note{Kind: media.Played, Through: 500 * time.Millisecond})
			}
			for range 5 {
				second()
			}
			if n := testing.AllocsPerRun(10, second); n != 0 {
				t.Errorf("%+v: a second of speech allocates %v times", info, n)
			}
			_ = p.Close()
			cancel()
			<-turned
			if counted := punctuality.Late.Counts(); leg.sends < 150 || tapped == 0 || counted.N == 0 {
				t.Errorf("%+v: %d sends, %d counted, %d samples tapped: the path was not taken", info, leg.sends, counted.N, tapped)
			}
		})
	}
}

// byHand is a pacer whose beats the benchmark calls.
type byHand struct {
	beat func(time.Time) time.Time
	next time.Time
}

func (h *byHand) Join(beat func(time.Time) time.Time) func() {
	h.beat, h.next = beat, time.Now()
	return func() {}
}

// BenchmarkFrame is the cost of one frame or chunk from Write to Send, per 20 ms of speech.
func BenchmarkFrame(b *testing.B) {
	for _, c := range []struct {
		name     string
		info     media.Info
		measured *media.Punctuality
	}{{"plain", plain, nil}, {"carrier", carrier, nil}, {"plain, measured", plain, new(media.Punctuality)}, {"carrier, measured", carrier, new(media.Punctuality)}} {
		info := c.info
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			pacer, leg := new(byHand), &nothing{info: info}
			p := media.NewMeasuredPlayout(leg, pacer, func(time.Time, []int16) {}, c.measured)
			defer p.Close()
			u := p.Begin()
			p.Release(u)
			pcm := make([]int16, 50*160) // a second at a time
			for n := 0; n < b.N; n += 50 {
				if err := u.Write(context.Background(), pcm); err != nil {
					b.Fatal(err)
				}
				for range 50 {
					pacer.next = pacer.beat(pacer.next)
				}
				if sent := time.Duration(leg.sends) * info.Chunk; sent < time.Duration(n)*media.FrameTime/2 {
					b.Fatalf("%v sent of %d frames", sent, n)
				}
			}
		})
	}
}
