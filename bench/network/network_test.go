package network_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/network"
)

const ms = time.Millisecond

// packets are a hundred seconds of one each 20 ms.
func packets() []time.Duration {
	sent := make([]time.Duration, 5000)
	for i := range sent {
		sent[i] = time.Duration(i) * 20 * ms
	}
	return sent
}

func TestPath(t *testing.T) {
	t.Parallel()
	sent := packets()
	for _, tc := range []struct {
		name                     string
		path                     network.Path
		lost, again, behind, off float64 // shares of packets, and ms of mean delay
	}{
		{name: "nothing"},
		{name: "delay", path: network.Path{Delay: 50 * ms}, off: 50},
		{name: "loss", path: network.Path{Loss: 0.2}, lost: 0.2},
		{name: "bursts", path: network.Path{Loss: 0.1, Burst: 4}, lost: 0.1},
		{name: "jitter", path: network.Path{Jitter: 20 * ms}, off: 10},
		{name: "reorder", path: network.Path{Reorder: 0.1}, behind: 0.1, off: 4},
		{name: "twice", path: network.Path{Twice: 0.05}, again: 0.05},
		{name: "outage", path: network.Path{Outage: [2]time.Duration{10 * time.Second, 12 * time.Second}}, lost: 0.02},
		{name: "drift", path: network.Path{Drift: -200}, off: 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			arrivals := tc.path.Carry(sent)
			if !slices.IsSortedFunc(arrivals, func(a, b network.Arrival) int { return int(a.At - b.At) }) {
				t.Error("arrivals are not in order of time")
			}
			if diff := cmp.Diff(arrivals, tc.path.Carry(sent)); diff != "" {
				t.Errorf("the same path does something else: %s", diff)
			}
			seen := map[int]int{}
			var behind, off float64
			newest := -1
			for _, a := range arrivals {
				if seen[a.Index]++; seen[a.Index] > 1 {
					continue
				}
				if a.Index < newest {
					behind++
				}
				newest = max(newest, a.Index)
				off += float64(a.At-sent[a.Index]) / float64(ms)
			}
			n := float64(len(sent))
			near(t, "lost", 1-float64(len(seen))/n, tc.lost, 0.02)
			near(t, "twice", float64(len(arrivals)-len(seen))/n, tc.again, 0.01)
			near(t, "overtaken", behind/n, tc.behind, 0.02)
			near(t, "delay", off/float64(len(seen)), tc.off, 0.5)
		})
	}
}

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if math.Abs(got-want) > by {
		t.Errorf("%s: %.3f, want %.3f", what, got, want)
	}
}
