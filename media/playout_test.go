package media_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/legtest"
)

func TestFirstChunkLeavesAtOnce(t *testing.T) {
	t.Parallel()
	for _, info := range []media.Info{plain, carrier} {
		speaking(t, legtest.Line{Info: info}, func(m *mouth) {
			u := m.Begin()
			m.Release(u)
			if _, began := u.Began(); began {
				t.Error("began before it was written to")
			}
			m.write(u, words(1, ms(20)))
			if sends, _, _ := m.far.Counts(); sends != 1 { // no time has passed
				t.Errorf("%d sends by the time Write returned, want 1", sends)
			}
			if at, began := u.Began(); !began || !at.Equal(m.start) {
				t.Errorf("Began %v, %v", at, began)
			}
			u.Cut()
		})
	}
}

func TestCarrierRunsAtMostLeadAhead(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: carrier, Marks: true}, func(m *mouth) {
		want := words(1, 3*time.Second+ms(33))
		u := m.say(want)
		for range 300 {
			time.Sleep(ms(10))
			if b := m.far.Buffered(); b > carrier.Lead {
				t.Fatalf("%v are buffered at %v, want %v at most", b, time.Since(m.start), carrier.Lead)
			}
			if b := m.far.Buffered(); b < ms(80) && time.Since(m.start) < ms(2900) {
				t.Fatalf("only %v are buffered at %v", b, time.Since(m.start))
			}
		}
		m.wantDone(u, false)
		time.Sleep(ms(33))
		m.wantDone(u, true)
		m.wantHeard(want)
		if n := len(m.far.Sounded()); n != 1 {
			t.Errorf("%d stretches, want one without a gap", n)
		}
		if sends, clears, _ := m.far.Counts(); sends != 32 || clears != 0 { // 20, 30 x 100 and 13 ms
			t.Errorf("%d sends and %d clears, want 32 and 0", sends, clears)
		}
	})
}

func TestPlainLegGetsAFrameEach20ms(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: plain}, func(m *mouth) {
		want := words(1, ms(530))
		u := m.say(want)
		for n := 1; n <= 26; n++ {
			time.Sleep(ms(10))
			if sends, _, _ := m.far.Counts(); sends != n {
				t.Fatalf("%d sends after %v, want %d", sends, time.Since(m.start), n)
			}
			time.Sleep(ms(10))
		}
		time.Sleep(ms(9))
		m.wantDone(u, false)
		time.Sleep(ms(2))
		m.wantDone(u, true)
		m.wantHeard(want)
		if h := u.Heard(); h != ms(530) {
			t.Errorf("heard %v", h)
		}
		if h := u.Cut(); h != ms(530) {
			t.Errorf("Cut after the end says %v", h)
		}
	})
}

func TestUtterancesFollowWithoutAGap(t *testing.T) {
	t.Parallel()
	for _, line := range []legtest.Line{{Info: plain}, {Info: carrier, Marks: true}, {Info: carrier}} {
		speaking(t, line, func(m *mouth) {
			one, two, three := words(1, ms(333)), words(2, ms(5)), words(3, ms(247))
			held := m.Begin() // begun first, released last
			m.write(held, three)
			held.CloseWrite()
			u1, u2 := m.say(one), m.say(two)
			m.Release(held)
			m.Release(held)
			time.Sleep(2 * time.Second)
			for _, u := range []*media.Utterance{u1, u2, held} {
				m.wantDone(u, true)
			}
			m.wantHeard(slices.Concat(one, two, three))
			if n := len(m.far.Sounded()); n != 1 {
				t.Errorf("%d stretches, want one without a gap", n)
			}
		})
	}
}

// TestChunksAreWholeFrames writes odd pieces: every chunk but the last of all is a number of whole frames, and the first is one.
func TestChunksAreWholeFrames(t *testing.T) {
	t.Parallel()
	for _, info := range []media.Info{plain, carrier} {
		speaking(t, legtest.Line{Info: info}, func(m *mouth) {
			u := m.Begin()
			m.Release(u)
			for range 100 {
				m.write(u, words(1, ms(7)))
				time.Sleep(ms(5))
			}
			u.CloseWrite()
			m.say(words(2, ms(53)))
			time.Sleep(2 * time.Second)
			sizes := m.far.Sizes()
			for i, n := range sizes {
				if n == 0 || i < len(sizes)-1 && n%160 != 0 || i == 0 && n != 160 || n > int(info.Chunk*rate/time.Second) {
					t.Errorf("chunk %d of %d has %d samples", i, len(sizes), n)
				}
			}
			if n := len(m.far.Heard()); n != 753*8 {
				t.Errorf("%d samples were heard", n)
			}
		})
	}
}

// TestPauseBetweenUtterancesIsNotHeard starts the send clock anew when a turn comes late, by Release or by the Cut of what held it up.
func TestPauseBetweenUtterancesIsNotHeard(t *testing.T) {
	t.Parallel()
	for _, info := range []media.Info{plain, carrier} {
		speaking(t, legtest.Line{Info: info}, func(m *mouth) {
			u := m.say(words(1, ms(400)))
			v := m.Begin()
			m.write(v, words(2, ms(400)))
			time.Sleep(ms(450))
			m.Release(v)
			time.Sleep(ms(70))
			if h, g := v.Heard(), u.Heard(); h != ms(70) || g != ms(400) {
				t.Errorf("heard %v and %v, want 400ms and 70ms", g, h)
			}
			v.Hold()
			w := m.say(words(3, ms(400)))
			time.Sleep(ms(60)) // 30 ms after the fade
			v.Cut()
			time.Sleep(ms(70))
			if h := w.Heard(); h != ms(70) {
				t.Errorf("heard %v of the last, want 70ms", h)
			}
		})
	}
}

func TestUnderrunOpensANewRun(t *testing.T) {
	t.Parallel()
	for _, line := range []legtest.Line{{Info: plain}, {Info: carrier, Marks: true}, {Info: carrier}} {
		speaking(t, line, func(m *mouth) {
			want := words(1, ms(600))
			u := m.Begin()
			m.Release(u)
			for n := range 6 { // 100 ms of speech every 150 ms
				m.write(u, want[n*800:(n+1)*800])
				time.Sleep(ms(75))
				if h, w := u.Heard(), ms(n*100+75); h != w {
					t.Errorf("heard %v, want %v", h, w)
				}
				time.Sleep(ms(75))
				if h, w := u.Heard(), ms(n*100+100); h != w {
					t.Errorf("heard %v, want %v", h, w)
				}
			}
			u.CloseWrite()
			time.Sleep(3 * time.Second)
			m.wantDone(u, true)
			m.wantHeard(want)
			played := m.far.Sounded()
			if len(played) != 6 {
				t.Fatalf("%d stretches, want 6", len(played))
			}
			for n, s := range played {
				if at := s.At.Sub(m.start); at != ms(n*150) {
					t.Errorf("stretch %d sounded at %v", n, at)
				}
			}
		})
	}
}

func TestTapHearsWhatWasHeard(t *testing.T) {
	t.Parallel()
	for _, line := range []legtest.Line{{Info: plain}, {Info: carrier}, {Info: carrier, Marks: true, Prebuffer: ms(30)}} {
		speaking(t, line, func(m *mouth) {
			one, two := words(1, 2*time.Second), words(2, ms(250))
			u := m.say(one)
			time.Sleep(ms(1500))
			heard := u.Cut()
			m.say(two)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			var got []int16
			for _, s := range m.tapped {
				got = append(got, s.PCM...)
			}
			if want := slices.Concat(one[:heard*8/time.Millisecond], two); !slices.Equal(got, want) {
				t.Errorf("the tap heard %d samples, want %d", len(got), len(want))
			}
			for i := range m.tapped[1:] {
				a, b := m.tapped[i], m.tapped[i+1]
				if over := a.At.Add(media.Samples(len(a.PCM), rate)); b.At.Before(over.Add(-ms(30))) {
					t.Errorf("piece %d begins at %v, the one before it ends at %v", i+1, b.At.Sub(m.start), over.Sub(m.start))
				}
			}
		})
	}
}

func TestComfortNoiseBetweenReplies(t *testing.T) {
	t.Parallel()
	info := plain
	info.Comfort = true
	speaking(t, legtest.Line{Info: info}, func(m *mouth) {
		time.Sleep(ms(510))
		want := words(1, ms(100))
		at := time.Now()
		u := m.say(want)
		if began, ok := u.Began(); !ok || !began.Equal(at) {
			t.Errorf("the reply began %v after it was written, %v", began.Sub(at), ok)
		}
		time.Sleep(ms(500))
		m.wantDone(u, true)
		played := m.far.Sounded()
		if len(played) != 1 || !played[0].At.Equal(m.start) {
			t.Fatalf("%d stretches sounded, want one from the start on", len(played))
		}
		if all := played[0].PCM; !slices.Equal(all[520*8:620*8], want) || len(all) != 1010*8 {
			t.Errorf("the words are not where they belong in %d samples", len(all))
		}
	})
}

func TestFailureOfTheLegEndsEverything(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken pipe")
	for name, line := range map[string]legtest.Line{
		"send":  {Info: carrier, Send: func(n int) error { return map[bool]error{true: broken}[n >= 2] }},
		"clear": {Info: carrier, Clear: func(int) error { return broken }},
	} {
		speaking(t, line, func(m *mouth) {
			u, held := m.say(words(1, 2*time.Second)), m.Begin()
			time.Sleep(ms(110))
			if name == "clear" {
				u.Cut()
			}
			select {
			case <-m.Failed():
			default:
				t.Error("Failed is open")
			}
			m.wantDone(u, true)
			m.wantDone(held, true)
			if err := held.Write(m.t.Context(), words(1, ms(20))); !errors.Is(err, media.ErrCut) || !errors.Is(err, broken) {
				t.Errorf("Write: %v", err)
			}
			if sent, _, _ := m.far.Counts(); sent > 4 {
				t.Errorf("%d sends, some of them after the failure", sent)
			}
			if h := u.Heard(); h > ms(110) {
				t.Errorf("heard %v", h)
			}
			if err := m.Close(); !errors.Is(err, broken) || !errors.Is(m.Err(), broken) {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func TestCloseSilences(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: carrier, Marks: true}, func(m *mouth) {
		u, v := m.say(words(1, 2*time.Second)), m.Begin()
		time.Sleep(ms(300))
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		m.wantDone(u, true)
		m.wantDone(v, true)
		sends, clears, _ := m.far.Counts()
		w := m.Begin()
		m.Release(w)
		if err := w.Write(m.t.Context(), words(1, ms(20))); !errors.Is(err, media.ErrCut) {
			t.Errorf("Write after Close: %v", err)
		}
		time.Sleep(time.Second)
		if after, _, _ := m.far.Counts(); after != sends || clears != 1 {
			t.Errorf("%d sends after Close, %d clears at it", after-sends, clears)
		}
		if h := u.Cut(); h != ms(300) {
			t.Errorf("heard %v", h)
		}
		if n := len(m.far.Heard()); n != 2400 {
			t.Errorf("the far end heard %d samples, want 2400", n)
		}
	})
}

// TestConcurrentUse is for the race detector: everything at once, while the far end answers marks.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	for _, info := range []media.Info{plain, carrier} {
		speaking(t, legtest.Line{Info: info, Marks: true, Up: ms(3)}, func(m *mouth) {
			var all sync.WaitGroup
			for speaker := range 4 {
				all.Go(func() {
					for n := range 20 {
						u := m.Begin()
						m.Release(u)
						var hands sync.WaitGroup
						hands.Go(func() {
							_ = u.Write(m.t.Context(), words(speaker, ms(700)))
							u.CloseWrite()
						})
						hands.Go(func() {
							time.Sleep(ms(13 * n))
							u.Hold()
							_, _ = u.Began()
							time.Sleep(ms(7))
							u.Resume()
						})
						if n%3 > 0 {
							hands.Go(func() { time.Sleep(ms(29 * n)); u.Cut() })
						}
						for range 5 {
							time.Sleep(ms(17))
							if h := u.Heard(); h > ms(700) {
								t.Errorf("heard %v of 700ms", h)
							}
						}
						hands.Wait()
						<-u.Done()
					}
				})
			}
			all.Wait()
		})
	}
}
