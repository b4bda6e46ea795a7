package media_test

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/legtest"
)

// TestPlayoutStats: what was sent is counted in frames, and speech that breaks off by whose fault it did; a pause between two utterances,
// or an utterance that has only been begun, is nobody's.
func TestPlayoutStats(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		score func(m *mouth)
		want  media.PlayoutStats
	}{
		"in time": {func(m *mouth) {
			m.say(words(1, ms(400)))
			time.Sleep(time.Second)
			m.say(words(1, ms(200))).CloseWrite()
			time.Sleep(time.Second)
		}, media.PlayoutStats{Sent: 30}},
		"the voice brings no more": {func(m *mouth) {
			u := m.Begin()
			m.Release(u)
			time.Sleep(time.Second) // nothing has sounded yet: that is latency, and counted elsewhere
			m.write(u, words(1, ms(100)))
			time.Sleep(ms(300))
			m.write(u, words(1, ms(100)))
			time.Sleep(ms(110)) // late by less than a frame
			m.write(u, words(1, ms(100)))
			time.Sleep(ms(500))
			u.CloseWrite() // that was all: nobody has missed anything
			time.Sleep(time.Second)
		}, media.PlayoutStats{Sent: 15, Dry: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, info := range []media.Info{plain, carrier} {
				speaking(t, legtest.Line{Info: info, Marks: true}, func(m *mouth) {
					c.score(m)
					if got := m.Stats(); got != c.want {
						t.Errorf("%+v, want %+v", got, c.want)
					}
				})
			}
		})
	}
}

// TestPlayoutCountsLateBeats: a pacer that stands still makes speech break off, and that is ours.
func TestPlayoutCountsLateBeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		leg, _ := legtest.New(legtest.Line{Info: plain})
		var beat func(time.Time) time.Time
		p := media.NewPlayout(leg, pacerFunc(func(b func(time.Time) time.Time) func() { beat = b; return func() {} }), nil)
		u := p.Begin()
		p.Release(u)
		if err := u.Write(t.Context(), words(1, ms(200))); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(media.FrameTime)
			beat(time.Now())
		}
		time.Sleep(ms(400))
		beat(time.Now())
		if got, want := p.Stats(), (media.PlayoutStats{Sent: 5, Late: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		_ = leg.Hangup(media.CauseAgent)
	})
}

// pacerFunc is a Pacer that does not beat by itself.
type pacerFunc func(beat func(time.Time) time.Time) (leave func())

func (f pacerFunc) Join(beat func(time.Time) time.Time) func() { return f(beat) }
