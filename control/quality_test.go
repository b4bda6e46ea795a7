package control_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/store"
)

// Quality implements voice.Gauge: of calls that are up, as measured.
func (l *lines) Quality(call string) *store.Quality {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.up[call] {
		return nil
	}
	return l.quality
}

// TestCallQuality: how a call's sound travels is shown while it goes on and when it is over, and left out where nobody knows.
func TestCallQuality(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	quality := func(call string) any {
		t.Helper()
		var got map[string]any
		w.want(w.ask(w.ours.key, "GET", calls+"/"+call, ""), http.StatusOK).data(t, &got)
		if q, ok := got["quality"]; ok {
			return q
		}
		return nil
	}
	for _, call := range []string{w.ours.going, w.ours.done} {
		if q := quality(call); q != nil {
			t.Errorf("of a call that nobody measured: %v", q)
		}
	}
	measured := &store.Quality{MOS: 4.2149, Received: 1000, Lost: 4, Late: 1, Loss: 0.00498, Concealed: 100 * time.Millisecond, Jitter: 2140 * time.Microsecond,
		Delay: 40 * time.Millisecond, Sent: 990, FarLost: 2, FarLoss: 0.0039, FarJitter: 3 * time.Millisecond}
	want := map[string]any{
		"mos": 4.21, "received": 1000.0, "lost": 4.0, "late": 1.0, "loss": 0.005, "concealed_ms": 100.0, "jitter_ms": 2.1, "delay_ms": 40.0, "round_trip_ms": nil,
		"sent": 990.0, "far_lost": 2.0, "far_loss": 0.0039, "far_jitter_ms": 3.0,
	}
	w.live.mu.Lock()
	w.live.quality = measured
	w.live.mu.Unlock()
	if diff := cmp.Diff(any(want), quality(w.ours.going)); diff != "" {
		t.Errorf("while it goes on: want - got +:\n%s", diff)
	}
	over := *measured
	over.Trip = 31 * time.Millisecond
	must(t, w.db.Record(t.Context(), []store.Entry{{Ended: &store.Ended{Call: w.ours.going, Status: store.Completed, End: store.End{
		Ended: time.Now(), Length: time.Second, Cause: "caller", Quality: &over,
	}}}}))
	want["round_trip_ms"] = 31.0
	if diff := cmp.Diff(any(want), quality(w.ours.going)); diff != "" {
		t.Errorf("when it is over: want - got +:\n%s", diff)
	}
}
