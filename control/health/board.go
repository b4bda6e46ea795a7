// Package health says how the vendors that hear, think and speak have done of late on this node.
//
//	providers.Meter ──▶ Board.Used ──▶ the last uses of each vendor ──▶ Board.Vendors ──▶ GET /providers, the console
//
// /metrics counts since the start, for Prometheus; this forgets, for people who look now.
package health

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// What a Board remembers of a vendor: this many uses, this long.
const (
	remembered = 128
	Window     = 15 * time.Minute
)

// How a vendor does.
const (
	Idle     = "idle"     // nobody has used it of late
	Works    = "works"    // at most one use in ten has failed
	Troubled = "troubled" // more have failed
	Fails    = "fails"    // more than half have failed
)

// A Use is what a vendor was asked for, and what came of it: as providers.Use, as far as it matters here.
type Use struct {
	Provider, Kind string
	Failure        string        // the class of it; empty: it did not fail
	First          time.Duration // until the first of what it was asked for; 0: it did not come, or this is no measure of it
}

// A Vendor is how one does. Times are of the uses in the window.
type Vendor struct {
	Provider, Kind string
	State          string
	Failed         float64       // the share of uses that failed, 0 to 1
	P50, P95       time.Duration // until the first of what was asked for; 0: nothing came
	Failure        string        // the class of the last failure; empty: none
	FailedAt       time.Time
}

// A Board remembers. Its zero value is ready, and it is safe for any number of goroutines.
type Board struct {
	mu   sync.Mutex
	uses map[[2]string][]noted // by vendor and kind, oldest first
}

type noted struct {
	at time.Time
	Use
}

// Expect has a vendor be there before it was used.
func (b *Board) Expect(provider, kind string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at(provider, kind)
}

func (b *Board) at(provider, kind string) [2]string {
	key := [2]string{provider, kind}
	if b.uses == nil {
		b.uses = make(map[[2]string][]noted)
	}
	if _, ok := b.uses[key]; !ok {
		b.uses[key] = nil
	}
	return key
}

// Used notes a Use.
func (b *Board) Used(u Use, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := b.at(u.Provider, u.Kind)
	all := b.uses[key]
	if len(all) == remembered {
		all = slices.Delete(all, 0, 1)
	}
	b.uses[key] = append(all, noted{now, u})
}

// Vendors are all of them: recognisers, models, voices, each by their names.
func (b *Board) Vendors(now time.Time) []Vendor {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Vendor, 0, len(b.uses))
	for key, uses := range b.uses {
		all = append(all, judge(key, uses, now))
	}
	slices.SortFunc(all, func(a, b Vendor) int {
		return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(a.Provider, b.Provider))
	})
	return all
}

// rank is a kind's place in the way of a turn.
func rank(kind string) int { return slices.Index([]string{"stt", "llm", "tts"}, kind) }

func judge(key [2]string, uses []noted, now time.Time) Vendor {
	v := Vendor{Provider: key[0], Kind: key[1], State: Idle}
	var firsts []time.Duration
	seen, failed := 0, 0
	for _, u := range uses {
		if now.Sub(u.at) > Window {
			continue
		}
		seen++
		if u.First > 0 {
			firsts = append(firsts, u.First)
		}
		if u.Failure != "" {
			failed++
			v.Failure, v.FailedAt = u.Failure, u.at
		}
	}
	if seen == 0 {
		return v
	}
	slices.Sort(firsts)
	v.P50, v.P95 = percentile(firsts, 50), percentile(firsts, 95)
	switch v.Failed = float64(failed) / float64(seen); {
	case v.Failed > 0.5:
		v.State = Fails
	case v.Failed > 0.1:
		v.State = Troubled
	default:
		v.State = Works
	}
	return v
}

// percentile is by nearest rank; 0 of none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}
