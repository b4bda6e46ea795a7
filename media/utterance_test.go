package media_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
)

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
			if before, after := u.SoundedAt(ms(1000)), u.SoundedAt(ms(1200)); (after - before - ms(700)).Abs() > ms(20) {
				t.Errorf("%+v: what is 200 ms apart sounded at %v and %v, with 500 ms between them", line, before, after)
			}
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

// TestDuck has a leg without Lead go on quietly, whatever else is done to the utterance meanwhile, and the tap hear what the far end does.
func TestDuck(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: plain}, func(m *mouth) {
		want := words(1, 2*time.Second)
		u := m.say(want)
		time.Sleep(ms(311))
		u.Duck()
		u.Duck()
		time.Sleep(ms(500))
		u.Resume()
		time.Sleep(ms(300))
		u.Duck()
		time.Sleep(ms(100))
		u.Hold()
		time.Sleep(ms(300))
		u.Duck()
		u.Resume()
		time.Sleep(3 * time.Second)
		m.wantDone(u, true)
		got := m.far.Heard()
		if len(got) != len(want) {
			t.Fatalf("the far end heard %d samples, want %d: none lost, none twice", len(got), len(want))
		}
		for _, part := range []struct{ from, to, level int }{ // ms; between them it fades
			{0, 320, 5}, {340, 820, 1}, {840, 1120, 5}, {1140, 1220, 1}, {1260, 2000, 5},
		} {
			for i := part.from * 8; i < part.to*8; i++ {
				if int(got[i]) != int(want[i])*part.level/5 {
					t.Fatalf("sample %d (%d ms) is %d, want %d/5 of %d", i, i/8, got[i], part.level, want[i])
				}
			}
		}
		var tapped []int16
		for _, s := range m.tapped {
			tapped = append(tapped, s.PCM...)
		}
		if !slices.Equal(tapped, got) {
			t.Error("the tap did not hear what the far end heard")
		}
	})
}

func TestDuckIsHoldOnACarrier(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: carrier, Marks: true}, func(m *mouth) {
		u := m.say(words(1, time.Second))
		time.Sleep(ms(300))
		u.Duck()
		time.Sleep(time.Second)
		if h := u.Heard(); h != ms(300) {
			t.Errorf("heard %v a second after Duck, want 300ms", h)
		}
		u.Resume()
		time.Sleep(time.Second)
		m.wantDone(u, true)
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
