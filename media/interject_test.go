package media_test

import (
	"slices"
	"testing"
	"time"

	"parley/media/legtest"
)

// An interjection sounds in the gap of an utterance that has run dry or has not begun, and what comes of that meanwhile follows
// behind it, or as soon as it is cut; nothing of either is lost.
func TestInterject(t *testing.T) {
	t.Parallel()
	for _, line := range []legtest.Line{{Info: plain}, {Info: carrier, Marks: true}, {Info: carrier}} {
		speaking(t, line, func(m *mouth) {
			one, two, more := words(1, ms(300)), words(2, ms(400)), words(3, ms(200))
			u, filler := m.Begin(), m.Begin()
			m.Release(u)
			m.write(u, one)
			if m.write(filler, two); m.Interject(filler) {
				t.Error("an interjection was let in while something sounds")
			}
			time.Sleep(ms(1000))
			if !m.Interject(filler) || m.Interject(filler) {
				t.Error("an interjection is let into a silence, and once")
			}
			filler.CloseWrite()
			time.Sleep(ms(100))
			m.write(u, more) // waits for its turn
			time.Sleep(ms(100))
			late := m.Begin()
			if m.write(late, two); m.Interject(late) {
				t.Error("an interjection was let in before what is ready to sound")
			}
			u.CloseWrite()
			time.Sleep(2 * time.Second)
			m.wantDone(filler, true)
			m.wantDone(u, true)
			m.wantHeard(slices.Concat(one, two, more))
			if got := u.Heard(); got != ms(500) {
				t.Errorf("%v of the utterance were heard", got)
			}
			late.Cut()
		})
	}
}

func TestInterjectionCut(t *testing.T) {
	t.Parallel()
	for _, line := range []legtest.Line{{Info: plain}, {Info: carrier, Marks: true}} {
		speaking(t, line, func(m *mouth) {
			answer := words(3, ms(200))
			u, filler := m.Begin(), m.Begin()
			m.Release(u) // nothing of it is there yet
			if m.write(filler, words(2, ms(2000))); !m.Interject(filler) {
				t.Error("an interjection was not let in before the first sample")
			}
			time.Sleep(ms(333))
			m.write(u, answer)
			u.CloseWrite()
			heard := filler.Cut()
			time.Sleep(2 * time.Second)
			m.wantDone(u, true)
			if got := u.Heard(); heard < ms(280) || heard > ms(360) || got != ms(200) {
				t.Errorf("%v of the interjection were heard, and %v of the answer", heard, got)
			}
			if got := m.far.Heard(); !slices.Equal(got[len(got)-len(answer)+160:], answer[160:]) { // but for a fade
				t.Error("the answer did not follow")
			}
		})
	}
}

// What was closed and has only to be proved heard is not overtaken.
func TestInterjectBehindWhatHasSounded(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: carrier, Marks: true, Up: ms(300), Down: ms(300)}, func(m *mouth) {
		one, two := words(1, ms(200)), words(2, ms(200))
		u := m.say(one)
		time.Sleep(ms(450)) // sent, and said; no mark has come back
		filler := m.Begin()
		m.write(filler, two)
		filler.CloseWrite()
		if !m.Interject(filler) {
			t.Error("the interjection was not let in")
		}
		time.Sleep(3 * time.Second)
		m.wantDone(u, true)
		m.wantDone(filler, true)
		m.wantHeard(slices.Concat(one, two))
		if u.Heard() != ms(200) || filler.Heard() != ms(200) {
			t.Errorf("heard %v and %v", u.Heard(), filler.Heard())
		}
	})
}
