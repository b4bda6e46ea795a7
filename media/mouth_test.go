package media_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"parley/media"
	"parley/media/legtest"
	"parley/media/pace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rate = 8000

// The two kinds of leg: one that takes frames as they sound, and one whose carrier buffers.
var (
	plain   = media.Info{Rate: rate, Chunk: 20 * time.Millisecond}
	carrier = media.Info{Rate: rate, Chunk: 100 * time.Millisecond, Lead: 200 * time.Millisecond}
)

// mouth is a Playout in a bubble, the far end that hears it, and what its tap was given.
type mouth struct {
	*media.Playout
	t      *testing.T
	far    *legtest.Carrier
	leg    media.Leg
	start  time.Time
	tapped []legtest.Stretch
}

// speaking runs score in a bubble, with a Playout on a leg of that line.
func speaking(t *testing.T, line legtest.Line, score func(*mouth)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m, stop := newMouth(t, line)
		score(m)
		stop()
	})
}

func newMouth(t *testing.T, line legtest.Line) (*mouth, func()) {
	m := &mouth{t: t, start: time.Now()}
	m.leg, m.far = legtest.New(line)
	wheel := &pace.Wheel{OnPanic: func(v any, stack []byte) { t.Errorf("a beat panicked: %v\n%s", v, stack) }}
	ctx, cancel := context.WithCancel(context.Background())
	turned := make(chan error, 1)
	go func() { turned <- wheel.Run(ctx) }()
	m.Playout = media.NewPlayout(m.leg, wheel, func(began time.Time, pcm []int16) {
		m.tapped = append(m.tapped, legtest.Stretch{At: began, PCM: slices.Clone(pcm)})
	})
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			p, err := m.leg.Receive()
			if err != nil {
				return
			}
			m.Played(p.Note)
		}
	}()
	return m, func() {
		_ = m.Close()
		_ = m.leg.Hangup(media.CauseAgent)
		<-read
		if n := wheel.Len(); n != 0 {
			t.Errorf("%d beats are left on the wheel", n)
		}
		cancel()
		<-turned
	}
}

// say writes pcm as a whole utterance, released at once.
func (m *mouth) say(pcm []int16) *media.Utterance {
	m.t.Helper()
	u := m.Begin()
	m.Release(u)
	m.write(u, pcm)
	u.CloseWrite()
	return u
}

func (m *mouth) write(u *media.Utterance, pcm []int16) {
	m.t.Helper()
	if err := u.Write(m.t.Context(), pcm); err != nil {
		m.t.Fatalf("Write: %v", err)
	}
}

// words are d of samples that differ from one another: speaker*1000 + something that counts.
func words(speaker int, d time.Duration) []int16 {
	pcm := make([]int16, int(d*rate/time.Second))
	for i := range pcm {
		pcm[i] = int16(speaker*1000 + 1 + i%997)
	}
	return pcm
}

func (m *mouth) wantHeard(want []int16) {
	m.t.Helper()
	synctest.Wait()
	got := m.far.Heard()
	if !slices.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		m.t.Errorf("the far end heard %d samples, want %d; they differ from sample %d on", len(got), len(want), at)
	}
}

func (m *mouth) wantDone(u *media.Utterance, want bool) {
	m.t.Helper()
	synctest.Wait()
	select {
	case <-u.Done():
		if !want {
			m.t.Errorf("Done closed early, at %v", time.Since(m.start))
		}
	default:
		if want {
			m.t.Errorf("Done is open at %v", time.Since(m.start))
		}
	}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }
