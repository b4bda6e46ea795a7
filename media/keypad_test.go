package media_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/legtest"
)

// TestKeysArePressedInTheirTurn: after the words before them have sounded, before those after them, on a carrier that buffers too.
func TestKeysArePressedInTheirTurn(t *testing.T) {
	t.Parallel()
	for name, info := range map[string]media.Info{"plain": plain, "ahead": carrier} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			speaking(t, legtest.Line{Info: info, Keys: true}, func(m *mouth) {
				pad, ok := m.leg.(media.Keypad)
				if !ok {
					t.Fatal("the leg is no Keypad")
				}
				before := m.say(words(1, ms(510)))
				keys := m.Begin()
				m.Release(keys)
				after := m.Begin()
				m.Release(after)
				for _, k := range "1#" {
					if err := keys.Press(t.Context(), pad, k, ms(100)); err != nil {
						t.Fatal(err)
					}
					m.write(keys, make([]int16, 8*60))
				}
				keys.CloseWrite()
				m.write(after, words(2, ms(200)))
				after.CloseWrite()
				time.Sleep(2 * time.Second)
				m.wantDone(before, true)
				m.wantDone(keys, true)
				m.wantDone(after, true)
				m.wantHeard(slices.Concat(words(1, ms(510)), make([]int16, 8*320), words(2, ms(200))))
				var at []time.Duration
				got := ""
				for _, k := range m.far.Pressed() {
					got, at = got+string(k.Key), append(at, k.At.Sub(m.start))
					if k.Length != ms(100) {
						t.Errorf("%c is pressed for %v", k.Key, k.Length)
					}
				}
				if got != "1#" || at[0] < ms(510) || at[0] > ms(530) || at[1] < ms(670) || at[1] > ms(690) {
					t.Errorf("pressed %q at %v", got, at)
				}
				if h := keys.Heard(); h != ms(320) {
					t.Errorf("%v of the keys count as heard", h)
				}
			})
		})
	}
}

// TestWhole: a carrier that takes sound ahead has all of a tone as soon as it has any, and otherwise no more than its lead.
func TestWhole(t *testing.T) {
	t.Parallel()
	const tone, gap = 100, 80
	speaking(t, legtest.Line{Info: carrier, Marks: true}, func(m *mouth) {
		u := m.Begin()
		m.Release(u)
		var want []int16
		for i := range 10 {
			sound := words(1+i, ms(tone))
			if err := u.WriteWhole(t.Context(), sound); err != nil {
				t.Fatal(err)
			}
			m.write(u, make([]int16, 8*gap))
			want = slices.Concat(want, sound, make([]int16, 8*gap))
		}
		u.CloseWrite()
		for range 200 {
			synctest.Wait()
			sent := 0
			for _, n := range m.far.Sizes() {
				sent += n
			}
			if in := sent / 8 % (tone + gap); in > 0 && in < tone {
				t.Fatalf("at %v, %d ms of a tone were sent", time.Since(m.start), in)
			}
			if b := m.far.Buffered(); b > carrier.Lead+ms(tone) {
				t.Fatalf("%v are buffered", b)
			}
			time.Sleep(ms(10))
		}
		m.wantDone(u, true)
		m.wantHeard(want)
	})
}

// TestCutKeysAreNotPressed: what waits is dropped.
func TestCutKeysAreNotPressed(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: plain, Keys: true, Marks: true}, func(m *mouth) {
		keys := m.Begin()
		m.Release(keys)
		for _, k := range "123" {
			if err := keys.Press(t.Context(), m.leg.(media.Keypad), k, ms(100)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(ms(130))
		if heard := keys.Cut(); heard < ms(100) || heard > ms(140) {
			t.Errorf("%v were heard", heard)
		}
		time.Sleep(time.Second)
		if got := m.far.Pressed(); len(got) != 2 {
			t.Errorf("pressed %v", got)
		}
		if err := keys.Press(t.Context(), m.leg.(media.Keypad), '4', ms(100)); !errors.Is(err, media.ErrCut) {
			t.Errorf("Press after Cut: %v", err)
		}
	})
}

// TestKeypadFails: a leg that cannot press is dead.
func TestKeypadFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	speaking(t, legtest.Line{Info: plain, Keys: true, Press: func(n int) error {
		if n == 1 {
			return broken
		}
		return nil
	}}, func(m *mouth) {
		keys := m.Begin()
		m.Release(keys)
		for _, k := range "12" {
			if err := keys.Press(t.Context(), m.leg.(media.Keypad), k, ms(100)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case <-m.Failed():
		default:
			t.Error("the playout goes on")
		}
		if err := m.Err(); !errors.Is(err, broken) || err.Error() != "press: broken" {
			t.Errorf("Err: %v", err)
		}
		m.wantDone(keys, true)
	})
}
