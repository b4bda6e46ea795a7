//go:build cgo

package echo

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/legtest"
)

// A leg with its echo taken out is a leg like any other.
func TestConformance(t *testing.T) {
	for name, line := range map[string]legtest.Line{
		"ideal":   {Open: true},
		"carrier": {Info: media.Info{Lead: 200 * time.Millisecond, Chunk: 100 * time.Millisecond}, Marks: true},
		"wide":    {Info: media.Info{Rate: 16000}, Marks: true},
	} {
		t.Run(name, func(t *testing.T) {
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				leg, far := legtest.New(line)
				wrapped, err := Wrap(leg, 0)
				if err != nil {
					t.Fatal(err)
				}
				return wrapped, far
			})
		})
	}
}

// What the canceller believes to sound at an instant is what sounds then, but for the way there: on every kind of leg, over pauses,
// late sends and clears, to the sample.
func TestLineKnowsWhatSounds(t *testing.T) {
	t.Parallel()
	const down, prebuffer, up = 70 * time.Millisecond, 40 * time.Millisecond, 50 * time.Millisecond
	for name, info := range map[string]media.Info{
		"without lead": {},
		"with lead":    {Lead: 200 * time.Millisecond, Chunk: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				leg, far := legtest.New(legtest.Line{Info: info, Marks: true, Open: true, Down: down, Prebuffer: prebuffer, Up: up})
				wrapped, err := Wrap(leg, 0)
				if err != nil {
					t.Fatal(err)
				}
				l := wrapped.(*markingLine).Line
				l.canceller.filter.closed = true // time in a bubble stands still in C
				opened := time.Now()
				over := make(chan error)
				go func() {
					for {
						if _, err := wrapped.Receive(); err != nil {
							over <- err
							return
						}
					}
				}()
				say(t, wrapped, 1000, time.Second, 0)
				time.Sleep(130 * time.Millisecond)
				say(t, wrapped, 9000, 500*time.Millisecond, 3*time.Millisecond) // each but the first sent late
				if err := wrapped.Clear(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(77 * time.Millisecond)
				say(t, wrapped, 17000, 300*time.Millisecond, 0)
				time.Sleep(time.Second)
				checked := 0
				for _, s := range far.Sounded() {
					for i, v := range s.PCM {
						at := s.At.Sub(opened) - down - prebuffer + media.Samples(i, 8000)
						if got := l.canceller.far.at(l.canceller.samples(at)); got != v {
							t.Errorf("at %v sounds %d, the canceller believes %d", at, v, got)
							break
						}
						checked++
					}
				}
				if checked < 8000*14/10 {
					t.Errorf("%d samples sounded", checked)
				}
				if l.clock.at != up {
					t.Errorf("a frame is believed to come %v after it was spoken, want %v", l.clock.at, up)
				}
				if err := wrapped.Hangup(media.CauseAgent); err != nil {
					t.Error(err)
				}
				<-over
			})
		})
	}
}

// say sends samples that count up from first on, as a Playout does; late is by how much every other send comes too late where the leg
// has no lead.
func say(t *testing.T, leg media.Leg, first int, d, late time.Duration) {
	t.Helper()
	info := leg.Info()
	chunk := max(info.Chunk, media.FrameTime)
	n := int(chunk.Milliseconds()) * info.Rate / 1000
	began := time.Now()
	for sent := time.Duration(0); sent < d; sent += chunk {
		due := began.Add(sent - max(0, info.Lead-chunk))
		if info.Lead == 0 && int(sent/chunk)%2 == 1 {
			due = due.Add(late)
		}
		time.Sleep(time.Until(due))
		pcm := make([]int16, n)
		for i := range pcm {
			pcm[i] = int16(first + int(sent.Milliseconds())*8 + i)
		}
		if err := leg.Send(media.Frame{PCM: pcm, Rate: info.Rate}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrapNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, info := range map[string]media.Info{"lead is 5s": {Lead: 5 * time.Second}, "24000 samples": {Rate: 24000}} {
		leg, _ := legtest.New(legtest.Line{Info: info})
		if l, err := Wrap(leg, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, %v", info, l, err)
		}
	}
}

// What a leg can do besides, it can do behind a Line too.
func TestLineKeepsPowers(t *testing.T) {
	t.Parallel()
	for _, line := range []legtest.Line{{}, {Marks: true}, {Keys: true}, {Marks: true, Keys: true}} {
		leg, far := legtest.New(line)
		wrapped, err := Wrap(leg, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, marks := wrapped.(media.Marker)
		pad, presses := wrapped.(media.Keypad)
		if marks != line.Marks || presses != line.Keys {
			t.Errorf("marks %v, keys %v of a leg with %v, %v", marks, presses, line.Marks, line.Keys)
		}
		if presses {
			if err := pad.Press('5', 100*time.Millisecond); err != nil || len(far.Pressed()) != 1 || far.Pressed()[0].Key != '5' {
				t.Errorf("press: %v, %v", far.Pressed(), err)
			}
		}
	}
}

// The filter's memory is freed when the leg is over, and only a leg with marks has them.
func TestLineEnds(t *testing.T) {
	t.Parallel()
	for _, marks := range []bool{false, true} {
		t.Run(fmt.Sprint(marks), func(t *testing.T) {
			t.Parallel()
			leg, far := legtest.New(legtest.Line{Marks: marks})
			wrapped, err := Wrap(leg, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := wrapped.(media.Marker); ok != marks {
				t.Errorf("a Marker: %v", ok)
			}
			pcm := make([]int16, 160)
			for i := range pcm {
				pcm[i] = int16(100 * (i % 20))
			}
			for range 5 {
				if err := wrapped.Send(media.Frame{PCM: pcm, Rate: 8000}); err != nil {
					t.Fatal(err)
				}
				if err := far.Say(pcm); err != nil {
					t.Fatal(err)
				}
				if _, err := wrapped.Receive(); err != nil {
					t.Fatal(err)
				}
			}
			l, ok := wrapped.(*Line)
			if m, is := wrapped.(*markingLine); is {
				l, ok = m.Line, true
			}
			if !ok || !l.canceller.begun {
				t.Fatal("the canceller has not begun")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := far.Stop(); err != nil {
				t.Fatal(err)
			}
			for err == nil && ctx.Err() == nil {
				_, err = wrapped.Receive()
			}
			if !l.canceller.filter.closed {
				t.Error("the filter is not freed")
			}
		})
	}
}
