package media_test

import (
	"context"
	"errors"
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

func TestBegunUtteranceDoesNotSound(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: plain}, func(m *mouth) {
		u := m.Begin()
		m.write(u, words(1, ms(300)))
		u.Hold()
		u.Resume()
		time.Sleep(time.Second)
		m.wantHeard(nil)
		if h := u.Cut(); h != 0 {
			t.Errorf("Cut says %v", h)
		}
		m.wantDone(u, true)
		m.Release(u)
		time.Sleep(time.Second)
		m.wantHeard(nil)
		if _, clears, _ := m.far.Counts(); clears != 0 {
			t.Errorf("%d clears, want none", clears)
		}
	})
}

func TestCutIsSilenceAndSaysWhatWasHeard(t *testing.T) {
	t.Parallel()
	for _, line := range []legtest.Line{
		{Info: plain}, {Info: carrier, Marks: true}, {Info: carrier},
		{Info: carrier, Marks: true, Down: ms(40), Up: ms(60)}, // a constant way is known after the first mark
	} {
		speaking(t, line, func(m *mouth) {
			one, two := words(1, 4*time.Second), words(2, ms(400))
			u := m.say(one)
			time.Sleep(ms(1234))
			heard := u.Cut()
			if heard != ms(1234) {
				t.Errorf("%+v: heard %v, want 1.234s", line, heard)
			}
			if _, clears, _ := m.far.Counts(); clears != 1 {
				t.Errorf("%d clears, want 1", clears)
			}
			m.wantDone(u, true)
			if err := u.Write(m.t.Context(), one); !errors.Is(err, media.ErrCut) {
				t.Errorf("Write after Cut: %v", err)
			}
			v := m.say(two)
			time.Sleep(2 * time.Second)
			m.wantDone(v, true)
			want := one[:1234*8]
			if line.Info.Lead == 0 {
				want = m.far.Heard()[:len(m.far.Heard())-len(two)] // within the frame, as the next test shows
				if !slices.Equal(want, one[:len(want)]) {
					t.Error("the first utterance was not heard in order")
				}
			}
			m.wantHeard(slices.Concat(want, two))
			if h := u.Cut(); h != heard {
				t.Errorf("the second Cut says %v, the first said %v", h, heard)
			}
		})
	}
}

func TestCutOfAQueuedUtteranceClearsNothing(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: carrier, Marks: true}, func(m *mouth) {
		one, two, three := words(1, ms(700)), words(2, ms(400)), words(3, ms(100))
		m.say(one)
		u := m.say(two)
		m.say(three)
		time.Sleep(ms(300))
		if h := u.Cut(); h != 0 {
			t.Errorf("Cut says %v", h)
		}
		time.Sleep(3 * time.Second)
		m.wantHeard(slices.Concat(one, three))
		if _, clears, _ := m.far.Counts(); clears != 0 {
			t.Errorf("%d clears, want none", clears)
		}
	})
}

// TestClearSparesTheOthers cuts one utterance while the carrier holds the end of the one before it and the beginning of the next.
func TestClearSparesTheOthers(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: carrier, Marks: true}, func(m *mouth) {
		one, two, three := words(1, ms(300)), words(2, ms(60)), words(3, ms(500))
		m.say(one)
		u := m.say(two)
		m.say(three)
		time.Sleep(ms(280))
		if h := u.Cut(); h != 0 {
			t.Errorf("Cut says %v", h)
		}
		time.Sleep(3 * time.Second)
		got := m.far.Heard()
		if len(got) != len(one)+len(three) {
			t.Fatalf("the far end heard %d samples, want %d", len(got), len(one)+len(three))
		}
		if !slices.Equal(got[:2240], one[:2240]) || !slices.Equal(got[2400:], three) { // 20 ms fade in between
			t.Error("the others were not heard whole and in order")
		}
	})
}

func TestWriteBlocksWhileFiveSecondsWait(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: plain}, func(m *mouth) {
		u := m.Begin()
		m.write(u, words(1, 5*time.Second))
		ctx, cancel := context.WithTimeoutCause(m.t.Context(), time.Minute, errors.New("tired"))
		defer cancel()
		if err := u.Write(ctx, words(1, ms(20))); err == nil || err.Error() != "tired" {
			t.Errorf("Write into a full, unreleased utterance: %v, want the cause of its context", err)
		}
		m.Release(u)
		start := time.Now()
		m.write(u, words(1, time.Second))
		if d := time.Since(start); d < ms(800) || d > ms(1000) {
			t.Errorf("Write of a second blocked for %v", d)
		}
		blocked := make(chan error)
		go func() { blocked <- u.Write(context.Background(), words(1, 5*time.Second)) }()
		time.Sleep(ms(50))
		u.Cut()
		if err := <-blocked; !errors.Is(err, media.ErrCut) {
			t.Errorf("the Write that Cut unblocked: %v", err)
		}
	})
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

func TestHoldAndResumeOnACarrier(t *testing.T) {
	t.Parallel()
	for _, line := range []legtest.Line{{Info: carrier}, {Info: carrier, Marks: true}, {Info: carrier, Marks: true, Down: ms(35), Up: ms(45)}} {
		speaking(t, line, func(m *mouth) {
			want := words(1, 3*time.Second)
			u := m.say(want)
			time.Sleep(ms(1111))
			u.Hold()
			u.Hold()
			time.Sleep(ms(500))
			if h := u.Heard(); h != ms(1111) {
				t.Errorf("%+v: heard %v while held, want 1.111s", line, h)
			}
			u.Resume()
			u.Resume()
			time.Sleep(4 * time.Second)
			m.wantDone(u, true)
			got := m.far.Heard()
			if len(got) != len(want) {
				t.Fatalf("%+v: the far end heard %d samples, want %d: none lost, none twice", line, len(got), len(want))
			}
			const at = 1111 * 8
			if !slices.Equal(got[:at], want[:at]) || !slices.Equal(got[at+160:], want[at+160:]) {
				t.Error("samples outside the fade were changed")
			}
			if got[at] != 0 || got[at+80] > want[at+80]*6/10 {
				t.Errorf("no fade: %d at its beginning, %d of %d in its middle", got[at], got[at+80], want[at+80])
			}
		})
	}
}

func TestHoldAndResumeWithoutLead(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: plain}, func(m *mouth) {
		want := words(1, time.Second)
		u := m.say(want)
		time.Sleep(ms(311))
		u.Hold()
		time.Sleep(ms(500))
		const out, in = 320 * 8, 340 * 8 // it fades out from the next frame and in from where that ended
		if n := len(m.far.Heard()); n != in {
			t.Errorf("%d samples sounded before the hold, want %d", n, in)
		}
		u.Resume()
		time.Sleep(2 * time.Second)
		m.wantDone(u, true)
		got := m.far.Heard()
		if len(got) != len(want) {
			t.Fatalf("the far end heard %d samples, want %d: none lost, none twice", len(got), len(want))
		}
		if !slices.Equal(got[:out], want[:out]) || !slices.Equal(got[in+160:], want[in+160:]) {
			t.Error("samples outside the fades were changed")
		}
		if got[in-1] > 50 || got[in] != 0 {
			t.Errorf("the fades end at %d and begin at %d", got[in-1], got[in])
		}
	})
}

func TestResumeBeforeTheFadeChangesNothing(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: plain}, func(m *mouth) {
		want := words(1, time.Second)
		u := m.say(want)
		time.Sleep(ms(311))
		u.Hold()
		time.Sleep(ms(2))
		u.Resume()
		time.Sleep(2 * time.Second)
		m.wantDone(u, true)
		m.wantHeard(want)
	})
}

// TestHoldMakesTheNextWait holds one utterance while another waits behind it, and cuts it then: the other's turn has come.
func TestHoldMakesTheNextWait(t *testing.T) {
	t.Parallel()
	for _, info := range []media.Info{plain, carrier} {
		speaking(t, legtest.Line{Info: info, Marks: true}, func(m *mouth) {
			u, two := m.say(words(1, time.Second)), words(2, ms(200))
			v := m.say(two)
			time.Sleep(ms(500))
			u.Hold()
			time.Sleep(10 * time.Second)
			m.wantDone(v, false)
			n := len(m.far.Heard())
			u.Cut()
			time.Sleep(time.Second)
			m.wantDone(v, true)
			if got := m.far.Heard(); !slices.Equal(got[n:], two) {
				t.Errorf("%d samples sounded after the cut, want the %d of the next utterance", len(got)-n, len(two))
			}
		})
	}
}

func TestDoneWaitsForTheMarkButNotForEver(t *testing.T) {
	t.Parallel()
	line := legtest.Line{Info: carrier, Marks: true, Prebuffer: ms(300)}
	speaking(t, line, func(m *mouth) {
		u := m.say(words(1, ms(400)))
		time.Sleep(ms(699))
		m.wantDone(u, false)
		time.Sleep(ms(2))
		m.wantDone(u, true)
		if n := len(m.far.Heard()); n != 3200 {
			t.Errorf("Done with %d samples heard", n)
		}
	})
	line.Mark = func(int) (time.Duration, bool) { return 0, true }
	speaking(t, line, func(m *mouth) {
		u := m.say(words(1, ms(400)))
		time.Sleep(ms(400 + 200 + 990))
		m.wantDone(u, false)
		if h := u.Heard(); h != ms(400) {
			t.Errorf("heard %v", h)
		}
		time.Sleep(ms(30))
		m.wantDone(u, true)
	})
}

// TestCutClearsUntilDone cuts after the send clock has run out, while a slow carrier still plays.
func TestCutClearsUntilDone(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: carrier, Marks: true, Prebuffer: ms(300)}, func(m *mouth) {
		u := m.say(words(1, ms(400)))
		time.Sleep(ms(500))
		u.Cut()
		time.Sleep(time.Second)
		if n := len(m.far.Heard()); n != 1600 {
			t.Errorf("%d samples were heard, want the 1600 before the cut", n)
		}
	})
}

func TestMarksCorrectTheLedger(t *testing.T) {
	t.Parallel()
	// The carrier begins 300 ms late, and notes take 50 ms back, as the one before the first sample tells.
	line := legtest.Line{Info: carrier, Marks: true, Prebuffer: ms(300), Up: ms(50)}
	speaking(t, line, func(m *mouth) {
		u := m.say(words(1, 3*time.Second))
		time.Sleep(ms(400))
		if h := u.Heard(); h != ms(400) {
			t.Errorf("heard %v before any mark, want the send clock's 400ms", h)
		}
		time.Sleep(ms(600)) // a mark at about 500 ms is back
		if h := u.Heard(); h != ms(700) {
			t.Errorf("heard %v after a mark, want 700ms", h)
		}
		m.Played(media.Note{Kind: media.Played, Through: ms(1000)}) // the carrier hurries
		if h := u.Heard(); h != ms(1000) {
			t.Errorf("heard %v, want what the mark proved", h)
		}
		m.Played(media.Note{Kind: media.Played, Through: time.Hour, Epoch: 3})
		m.Played(media.Note{Kind: media.Held, Through: time.Hour})
		if h := u.Heard(); h != ms(1000) {
			t.Errorf("heard %v after a note of another epoch", h)
		}
		m.Played(media.Note{Kind: media.Played, Through: time.Hour}) // more than was sent
		if h := u.Heard(); h > ms(1300) {
			t.Errorf("heard %v, more than was sent", h)
		}
	})
}

func TestMarksAreAskedFor(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: carrier, Marks: true}, func(m *mouth) {
		m.say(words(1, 2*time.Second))
		time.Sleep(3 * time.Second)
		if _, _, marks := m.far.Counts(); marks < 5 || marks > 6 { // before the first sample, every 500 ms, at the end
			t.Errorf("%d marks in 2 s", marks)
		}
	})
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

func TestEmptyUtteranceIsDoneAtItsTurn(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: plain}, func(m *mouth) {
		empty := m.say(nil)
		m.wantDone(empty, true)
		m.say(words(1, ms(100)))
		empty = m.say(nil)
		time.Sleep(ms(90))
		m.wantDone(empty, false)
		time.Sleep(ms(20))
		m.wantDone(empty, true)
		u := m.say(words(1, ms(100)))
		if err := u.Write(m.t.Context(), words(1, ms(1))); err == nil || errors.Is(err, media.ErrCut) {
			t.Errorf("Write after CloseWrite: %v", err)
		}
	})
}
