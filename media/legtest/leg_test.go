package legtest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"parley/media"
	"parley/media/legtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	for name, line := range map[string]legtest.Line{
		"ideal":        {},
		"open":         {Open: true},
		"carrier":      {Info: media.Info{Lead: 200 * time.Millisecond, Chunk: 100 * time.Millisecond}, Marks: true},
		"far away":     {Marks: true, Down: 5 * time.Millisecond, Up: 7 * time.Millisecond, Prebuffer: 3 * time.Millisecond},
		"wide, 24 kHz": {Info: media.Info{Rate: 24000}, Marks: true},
	} {
		t.Run(name, func(t *testing.T) {
			legtest.Conformance(t, func(*testing.T) (media.Leg, legtest.Far) {
				leg, far := legtest.New(line)
				return leg, far
			})
		})
	}
}

func TestCarrierPlaysByTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const down, up, prebuffer = 30 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond
		leg, far := legtest.New(legtest.Line{Marks: true, Down: down, Up: up, Prebuffer: prebuffer})
		start := time.Now()
		frame := func(v int16) media.Frame {
			pcm := make([]int16, 160)
			for i := range pcm {
				pcm[i] = v
			}
			return media.Frame{PCM: pcm, Rate: 8000}
		}
		for v := range 10 {
			if err := leg.Send(frame(int16(v + 1))); err != nil {
				t.Fatal(err)
			}
		}
		if err := leg.(media.Marker).Mark(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(down + prebuffer + 50*time.Millisecond)
		if got := len(far.Heard()); got != 400 {
			t.Errorf("heard %d samples, want 400", got)
		}
		if err := leg.Clear(); err != nil {
			t.Fatal(err)
		}
		p, err := leg.Receive() // the Clear reaches the carrier, the mark comes back
		if err != nil || p.Note != (media.Note{Kind: media.Played, Through: 200 * time.Millisecond}) {
			t.Errorf("Receive: %+v, %v; want the mark of epoch 0", p, err)
		}
		if got, want := time.Since(start), prebuffer+50*time.Millisecond+2*down+up; got != want {
			t.Errorf("the mark came back after %v, want %v", got, want)
		}
		if err := leg.Send(frame(77)); err != nil {
			t.Fatal(err)
		}
		sent := time.Now()
		time.Sleep(time.Second)
		played := far.Sounded()
		if len(played) != 2 {
			t.Fatalf("%d stretches sounded, want 2", len(played))
		}
		if n, at := len(played[0].PCM), played[0].At.Sub(start); n != 640 || at != down+prebuffer {
			t.Errorf("the first stretch has %d samples at %v; want 640 at %v", n, at, down+prebuffer)
		}
		if n, at := len(played[1].PCM), played[1].At.Sub(sent); n != 160 || at != down+prebuffer {
			t.Errorf("the second stretch has %d samples at %v; want 160 at %v", n, at, down+prebuffer)
		}
	})
}

func TestSpeechIsLikeSpeech(t *testing.T) {
	t.Parallel()
	pcm := legtest.Speech(8000, 2*time.Second, 7)
	peak, energy := 0, 0.0
	for _, s := range pcm {
		peak = max(peak, int(s), -int(s))
		energy += float64(s) * float64(s)
	}
	if mean := energy / float64(len(pcm)); peak > 12000 || peak < 6000 || mean < 500*500 {
		t.Errorf("peak %d, mean square %.0f: not like speech", peak, mean)
	}
}
