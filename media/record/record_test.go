package record

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
)

const ms = time.Millisecond

// Both channels on one clock, silence where nobody spoke.
func TestChannelsShareAClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk()
		r, _ := on(d)
		var c caller
		for i := range 100 {
			time.Sleep(20 * ms)
			r.Caller(c.next(int16(1 + i/50)))
		}
		r.Agent(500*ms, fill(4000, 7)) // heard 0.5 to 1 s, told of at 2 s: behind what is written
		r.Agent(1500*ms, fill(800, 8))
		r.Agent(1600*ms, fill(800, 9))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		s := d.sound(t)
		if diff := cmp.Diff([]run{{1, 8000}, {2, 8000}}, runs(s.Channel(0))); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]run{{0, 4000}, {7, 4000}, {0, 4000}, {8, 800}, {9, 800}, {0, 2400}}, runs(s.Channel(1))); diff != "" {
			t.Errorf("right (-want +got):\n%s", diff)
		}
		if n := r.Dropped(); n != 0 {
			t.Errorf("%d frames dropped, want 0", n)
		}
		if !d.closed {
			t.Error("the file was not closed")
		}
	})
}

// Every second one write of samples and one of the header, after which a reader finds all that was heard until then.
func TestOneWriteASecond(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk()
		r, _ := on(d)
		var c caller
		time.Sleep(7 * ms) // off the grid on which the writes fall
		for i := range 500 {
			time.Sleep(20 * ms)
			r.Caller(c.next(5))
			if i%5 == 4 { // the agent is told of 300 ms late, in pieces of 100 ms
				r.Agent(c.at-400*ms+100*ms, fill(800, 6))
			}
			if i%4 != 0 {
				continue
			}
			synctest.Wait()
			if lost := c.at - d.sound(t).Duration(); lost > time.Second {
				t.Fatalf("at %v, %v would be lost", c.at, lost)
			}
		}
		d.mu.Lock()
		writes := d.writes
		d.mu.Unlock()
		if beats := int(10 * time.Second / beat); writes > 1+2*beats {
			t.Errorf("%d writes in %d beats, want two each", writes, beats)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]run{{0, 56}, {5, 80_000}}, runs(d.sound(t).Channel(0))); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	})
}

// Frames that were lost on the way leave silence of their length; what comes after stands where it was spoken.
func TestLostFramesAreSilence(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk()
		r, _ := on(d)
		var c caller
		for i := range 50 {
			time.Sleep(20 * ms)
			f := c.next(3)
			if i == 10 || i >= 20 && i < 30 {
				continue
			}
			r.Caller(f)
		}
		r.Close()
		want := []run{{3, 1600}, {0, 160}, {3, 1440}, {0, 1600}, {3, 3200}}
		if diff := cmp.Diff(want, runs(d.sound(t).Channel(0))); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	})
}

// A network that stalls and then delivers all at once changes nothing.
func TestBurstsStandWhereTheyWereSpoken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk()
		r, _ := on(d)
		var c caller
		for i := range 400 {
			switch {
			case i == 100: // 4 s in which nothing comes through
				time.Sleep(200 * 20 * ms)
			case i < 100 || i >= 300:
				time.Sleep(20 * ms)
			}
			r.Caller(c.next(int16(1 + i/100)))
		}
		r.Close()
		got := runs(d.sound(t).Channel(0))
		want := []run{{1, 16000}, {2, 16000}, {3, 16000}, {4, 16000}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	})
}

// For an hour, a caller whose clock is 0.1 % off and whose network jitters by up to 60 ms stays within 100 ms of the agent.
func TestDriftIsCorrected(t *testing.T) {
	for name, drift := range map[string]float64{"fast": 1.001, "slow": 0.999, "right": 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := newDisk()
				r, _ := on(d)
				random := rand.New(rand.NewPCG(1, 2))
				start := time.Now()
				var c caller
				silence, click := fill(160, 0), fill(160, 1000)
				clicked := time.Duration(0)
				for time.Since(start) < time.Hour {
					spoken := time.Duration(float64(c.at+media.FrameTime) / drift) // on our clock, when its last sample was
					f := media.Frame{PCM: silence, Rate: 8000, At: c.at}
					if now := spoken - media.FrameTime; now-clicked >= 30*time.Second { // the agent clicks when the caller does
						clicked = now
						f.PCM = click
						r.Agent(max(0, now), click)
					}
					c.at += media.FrameTime
					time.Sleep(time.Until(start.Add(spoken + time.Duration(random.IntN(60))*ms)))
					r.Caller(f)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				if n := r.Dropped(); n != 0 {
					t.Errorf("%d frames dropped", n)
				}
				compare(t, d)
			})
		})
	}
}

// compare finds every click of both channels and how far they are apart.
func compare(t *testing.T, d *disk) {
	onsets := [2][]int64{}
	last := [2]int64{-8000, -8000}
	for _, block := range sortedKeys(d.blocks) {
		b := d.blocks[block]
		for i := 0; i < blockSize; i += 2 {
			at := block*blockSize + int64(i) - 44
			if at < 0 || b[i] == 0 && b[i+1] == 0 {
				continue
			}
			c, sample := at/2%2, at/frameSize
			if sample-last[c] > 4000 {
				onsets[c] = append(onsets[c], sample)
			}
			last[c] = sample
		}
	}
	if len(onsets[0]) != len(onsets[1]) || len(onsets[0]) < 100 {
		t.Fatalf("%d clicks of the caller and %d of the agent", len(onsets[0]), len(onsets[1]))
	}
	var worst time.Duration
	for i := range onsets[0] {
		worst = max(worst, media.Samples(int(onsets[0][i]-onsets[1][i]), 8000).Abs())
	}
	t.Logf("%d clicks, at most %v apart", len(onsets[0]), worst)
	if worst > 100*ms {
		t.Errorf("channels are up to %v apart, want 100 ms", worst)
	}
}

func sortedKeys(m map[int64][]byte) []int64 {
	keys := make([]int64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// A full disk ends the recording with one line of log; the call goes on and the file stays valid.
func TestFullDisk(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk()
		d.room = 100_001 // 3.1 s
		r, log := on(d)
		var c caller
		for range 500 {
			time.Sleep(20 * ms)
			r.Caller(c.next(4))
			r.Agent(c.at-20*ms, fill(160, 5))
		}
		err := r.Close()
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Close: %v, want ENOSPC", err)
		}
		if again := r.Close(); again != err {
			t.Errorf("second Close: %v, want the same", again)
		}
		s := d.sound(t)
		if got, want := s.Duration(), 3*time.Second; got < want {
			t.Errorf("%v were saved, want what there was room for: %v", got, want)
		}
		for c, want := range []int16{4, 5} {
			if got := runs(s.Channel(c)); len(got) != 1 || got[0].Value != want {
				t.Errorf("channel %d: %v", c, got)
			}
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "recording stopped") {
			t.Errorf("%d lines of log, want one:\n%s", n, log)
		}
		if n := r.Dropped(); n < 2*300 || n > 2*351 {
			t.Errorf("%d frames dropped, want what was not saved", n)
		}
	})
}

// A disk that hangs never holds up Caller or Agent; what it cannot take in time is counted, and what follows stands in its place.
func TestSlowDisk(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk()
		r, log := on(d)
		hang := make(chan struct{})
		d.mu.Lock()
		d.hang = hang
		d.mu.Unlock()
		var c caller
		speak := func(seconds int) {
			for range seconds * 50 {
				time.Sleep(20 * ms)
				before := time.Now()
				r.Caller(c.next(4))
				r.Agent(c.at-20*ms, fill(160, 5))
				if held := time.Since(before); held != 0 {
					t.Fatalf("held up for %v", held)
				}
			}
		}
		speak(20)
		dropped := r.Dropped()
		if dropped < 2*50*13 || dropped > 2*50*15 {
			t.Errorf("%d frames dropped in 20 s, want those of about 14 s", dropped)
		}
		d.mu.Lock()
		d.hang = nil
		d.mu.Unlock()
		close(hang)
		speak(5)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if n := r.Dropped(); n != dropped {
			t.Errorf("%d frames dropped once the disk was back", n-dropped)
		}
		s := d.sound(t)
		if got := s.Duration(); got != 25*time.Second {
			t.Errorf("%v recorded, want 25 s", got)
		}
		for c, want := range []int16{4, 5} {
			got := runs(s.Channel(c))
			if len(got) != 3 || got[0].Value != want || got[1].Value != 0 || got[2].Value != want || got[2].N < 5*8000 {
				t.Errorf("channel %d: %v, want speech, the hole, speech", c, got)
			}
		}
		if log.Len() != 0 {
			t.Errorf("log: %s", log)
		}
	})
}

func TestCloseDoesNotWaitForever(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk()
		r, _ := on(d)
		d.mu.Lock()
		d.hang = make(chan struct{})
		hang := d.hang
		d.mu.Unlock()
		var c caller
		r.Caller(c.next(1))
		before := time.Now()
		if err := r.Close(); err == nil || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("Close: %v, want an error that names the disk", err)
		}
		if waited := time.Since(before); waited != closeLimit {
			t.Errorf("Close waited %v, want %v", waited, closeLimit)
		}
		close(hang) // and the goroutine ends: the bubble checks that
	})
}

// What makes no sense does no harm.
func TestOddInput(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk()
		r, _ := on(d)
		time.Sleep(time.Second)
		r.Caller(media.Frame{})
		r.Caller(media.Frame{PCM: []int16{1}, Rate: 8000})
		r.Caller(media.Frame{PCM: fill(320, 1), Rate: 16000})                     // 2 frames' worth of 8 kHz
		r.Caller(media.Frame{PCM: fill(160, 2), Rate: 8000, At: 900 * time.Hour}) // a broken clock
		r.Caller(media.Frame{PCM: fill(160, 3), Rate: 8000, At: -time.Hour})
		r.Agent(0, nil)
		r.Agent(-time.Second, fill(160, 4))
		r.Agent(24*time.Hour, fill(160, 4))
		if n := r.Dropped(); n != 4 {
			t.Errorf("%d frames dropped, want 4", n)
		}
		r.Close()
		r.Caller(media.Frame{PCM: fill(160, 5), Rate: 8000})
		r.Agent(0, fill(160, 5))
		if n := r.Dropped(); n != 4 {
			t.Errorf("%d frames dropped after Close, want no more", n-4)
		}
		if got := d.sound(t).Duration(); got > 1100*ms {
			t.Errorf("%v recorded, want about 1 s", got)
		}
	})
}

func TestFramesAllocateNothing(t *testing.T) {
	r := newRecorder(newDisk(), 8000, nil)
	b := make([]byte, span*8000*frameSize)
	var at time.Duration
	f := media.Frame{PCM: fill(160, 1), Rate: 8000}
	second := func() {
		for range 50 {
			f.At = at
			r.Caller(f)
			r.queue.put(right, samples(at, 8000), f.PCM)
			at += media.FrameTime
		}
		for {
			from, ok := r.queue.earliest()
			if !ok {
				break
			}
			r.queue.paint(b, from)
		}
	}
	second() // what a second needs goes back to the pool
	n := testing.AllocsPerRun(20, second)
	if racing { // then a sync.Pool forgets one in four
		n = max(0, n-8)
	}
	if n != 0 {
		t.Errorf("%v allocations a second, want 0", n)
	}
	if n := r.Dropped(); n != 0 {
		t.Errorf("%d frames dropped", n)
	}
}

// One second of a call: 50 frames each way and the write.
func BenchmarkSecond(b *testing.B) {
	d := newDisk()
	r := newRecorder(nothing{d}, 8000, nil)
	f := media.Frame{PCM: fill(160, 1), Rate: 8000}
	b.ReportAllocs()
	for b.Loop() {
		for range 50 {
			r.Caller(f)
			r.queue.put(right, samples(f.At, 8000), f.PCM)
			f.At += media.FrameTime
		}
		if err := r.flush(); err != nil {
			b.Fatal(err)
		}
	}
}

// nothing is a disk that takes no time.
type nothing struct{ *disk }

func (nothing) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nothing) ReadAt(b []byte, _ int64) (int, error)  { return len(b), nil }

// What is forgotten is silence: in the queue, on disk and further back than a write reaches. The other channel keeps what it has.
func TestForget(t *testing.T) {
	for name, c := range map[string]struct {
		since time.Duration
		want  []run // on the left, of 5 s; silence begins 120 ms early
	}{
		"the last frames": {4800 * ms, []run{{5, 37440}, {0, 2560}, {5, 8000}}},
		"from the disk":   {2000 * ms, []run{{5, 15040}, {0, 24960}, {5, 8000}}},
		"all":             {0, []run{{0, 40000}, {5, 8000}}},
		"what is to come": {6000 * ms, []run{{5, 48000}}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := newDisk()
				r, _ := on(d)
				var from caller
				play := func(frames int) {
					for range frames {
						time.Sleep(20 * ms)
						r.Caller(from.next(5))
					}
				}
				play(250)
				r.Agent(0, fill(40000, 7))
				r.Forget(c.since)
				play(50)
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				r.Forget(0) // comes too late
				s := d.sound(t)
				if diff := cmp.Diff(c.want, runs(s.Channel(0))); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]run{{7, 40000}, {0, 8000}}, runs(s.Channel(1))); diff != "" {
					t.Errorf("right (-want +got):\n%s", diff)
				}
				if r.Dropped() != 0 {
					t.Errorf("%d frames dropped", r.Dropped())
				}
			})
		})
	}
}
