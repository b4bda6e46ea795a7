package whatsapp

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/providers/message"
)

// TestPace: a number sends 80 messages a second in the long run, and one person gets 45 at once and then one in 6 seconds.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		began := time.Now()
		for i := range 400 {
			if err := p.wait(t.Context(), string(rune('a'+i)), time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 4400*time.Millisecond || took > 5*time.Second {
			t.Errorf("400 messages took %v", took)
		}
		began = time.Now()
		for range pairBurst {
			if err := p.wait(t.Context(), "ana", time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		err := message.As(p.wait(t.Context(), "ana", 5*time.Second))
		if err == nil || err.Reason != message.PairLimited || !err.Retry || err.After > 6*time.Second || err.After < 5*time.Second {
			t.Errorf("%+v", err)
		}
		if err := p.wait(t.Context(), "ana", 7*time.Second); err != nil || time.Since(began) < 6*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := p.wait(t.Context(), "bob", 0); err != nil {
			t.Errorf("another person waits too: %v", err)
		}
	})
}

// TestPaceForgets: people are not remembered for ever.
func TestPaceForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		for i := range 5 * forgetful {
			if err := p.wait(t.Context(), string(rune(i+0x4e00)), time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if len(p.pairs) > forgetful+1 {
			t.Errorf("%d people are remembered", len(p.pairs))
		}
	})
}
