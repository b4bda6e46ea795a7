package rtp

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/rtp/rtptest"
)

// speak sends frames of a sound every 20 ms, as a Playout does, for as long as d.
func speak(t *testing.T, s *Session, sound []int16, d time.Duration) {
	t.Helper()
	size := s.Rate() / 50
	for range d / media.FrameTime {
		frame := sound[:size]
		if len(sound) >= 2*size {
			sound = sound[size:]
		}
		if err := s.Send(media.Frame{PCM: frame, Rate: s.Rate()}); err != nil {
			t.Error(err)
			return
		}
		time.Sleep(media.FrameTime)
	}
}

// press presses a key and waits until it is over.
func press(t *testing.T, s *Session, key rune, length, gap time.Duration) {
	t.Helper()
	if err := s.Press(key, length); err != nil {
		t.Error(err)
	}
	speak(t, s, make([]int16, s.Rate()/50), length+gap)
}

// An eavesdropper reads a session.
type eavesdropper struct {
	digits []rune
	notes  []media.Note
	frames int
	loud   int // frames in which something sounds
	err    error
	over   chan struct{}
}

// so is what was heard until now.
func (e *eavesdropper) so() *eavesdropper {
	synctest.Wait()
	return e
}

func eavesdrop(s *Session) *eavesdropper {
	e := &eavesdropper{over: make(chan struct{})}
	go func() {
		defer close(e.over)
		for {
			p, err := s.Receive()
			switch {
			case err != nil:
				e.err = err
				return
			case p.Digit != 0:
				e.digits = append(e.digits, p.Digit)
			case p.Note.Kind != media.NoNote:
				e.notes = append(e.notes, p.Note)
			default:
				e.frames++
				for _, x := range p.Frame.PCM {
					if x > 500 || x < -500 {
						e.loud++
						break
					}
				}
			}
		}
	}()
	time.Sleep(7 * time.Millisecond) // what is said is off the grid of frames: of what is due at one instant, either may come first
	return e
}

// digits is fewer than make soak-sip's 1,000: under the race detector those take a minute.
var digits = flag.Int("digits", 400, "keys of TestDigits on each network")

// TestDigits: on bad networks, each key that is pressed is one key, and in its turn. Where two packets of ten are lost, or all for 2 s, keys may be
// lost with them, or one come before another, but none is heard twice, and the call goes on.
func TestDigits(t *testing.T) {
	t.Parallel()
	count := *digits
	if testing.Short() {
		count = 100
	}
	var cells []rtptest.Impairment
	for _, loss := range []float64{0, 0.05, 0.1, 0.2} {
		for _, jitter := range []time.Duration{0, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond} {
			cells = append(cells, rtptest.Impairment{Seed: uint64(1000*loss) + uint64(jitter), Loss: loss, Jitter: jitter, Reorder: 0.1, Duplicates: 0.05})
		}
	}
	outage := cells[4] // 5 % loss
	outage.Outages = []rtptest.Outage{{From: 5 * time.Second, For: 2 * time.Second}}
	cells = append(cells, outage)
	lost := make([]int, len(cells))
	t.Run("cells", func(t *testing.T) {
		for i, how := range cells {
			t.Run(fmt.Sprintf("loss %.0f %%, jitter %v, %d outages", 100*how.Loss, how.Jitter, len(how.Outages)), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { lost[i] = dialled(t, how, count) })
			})
		}
	})
	t.Logf("%d networks, %d keys on each; lost on each: %d, doubled: none", len(cells), count, lost)
}

// dialled presses keys on a network, and says how many of them are not heard: only such as may be lost.
func dialled(t *testing.T, how rtptest.Impairment, count int) int {
	a := newAir(t)
	near, far := a.session("192.0.2.1:4000", rtptest.Impairment{}), a.session("192.0.2.2:4000", how)
	began := time.Now()
	configure(t, near, pcmu(far))
	configure(t, far, pcmu(near))
	heard := eavesdrop(near)
	random := rand.New(rand.NewPCG(how.Seed, 2))
	var pressed []rune
	from, to := count, 0 // of those that may be lost
	for i := range count {
		key := rune(dtmf.Keys[random.IntN(len(dtmf.Keys))])
		if i > 0 && random.IntN(4) == 0 {
			key = pressed[i-1]
		}
		pressed = append(pressed, key)
		at := time.Since(began)
		press(t, far, key, dtmf.Tone, dtmf.Gap)
		risky := how.Loss > 0.1
		for _, o := range how.Outages {
			risky = risky || time.Since(began) > o.From && at < o.From+o.For
		}
		if risky {
			from, to = min(from, i), i+1
		}
	}
	time.Sleep(time.Second)
	near.Finish(io.EOF)
	<-heard.over
	if !errors.Is(heard.err, io.EOF) {
		t.Error(heard.err)
	}
	got := heard.so().digits
	if !among(got, pressed, min(from, to), to) {
		t.Errorf("%d keys are heard of %d, the first difference at %d; those from %d to %d may be lost", len(got), count, differ(got, pressed), from, to)
	}
	return count - len(got)
}

// among says that the keys heard are those pressed, but for pressed[from:to], of which each is heard at most as often as it was pressed.
func among(heard, pressed []rune, from, to int) bool {
	after := len(heard) - (len(pressed) - to)
	if after < from || !slices.Equal(heard[:from], pressed[:from]) || !slices.Equal(heard[after:], pressed[to:]) {
		return false
	}
	left := map[rune]int{}
	for _, key := range pressed[from:to] {
		left[key]++
	}
	for _, key := range heard[from:after] {
		if left[key]--; left[key] < 0 {
			return false
		}
	}
	return true
}

// differ is where two texts differ first.
func differ(a, b []rune) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
