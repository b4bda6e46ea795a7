package carrier_test

import (
	"errors"
	"slices"
	"testing"

	"parley/bench/carrier"
	"parley/media"
)

// TestExchangeConfers: two calls that talk with the server leave it, and are in one room until one of them ends it; where the caller does not come there,
// whoever waits is hung up on, and the caller's stream goes on.
func TestExchangeConfers(t *testing.T) {
	t.Parallel()
	const caller, other = "+15550100019", "+15550100029"
	for name, c := range map[string]struct {
		leading map[string][]carrier.Fault // of the requests to lead a call elsewhere, by its number
		want    error
	}{
		"both come":                        {nil, nil},
		"the answers are lost":             {map[string][]carrier.Fault{caller: {carrier.LostAnswer}, other: {carrier.LostAnswer}}, nil},
		"the caller comes the second time": {map[string][]carrier.Fault{caller: {carrier.TooMany}}, nil},
		"the caller is refused":            {map[string][]carrier.Fault{caller: {carrier.Refused}}, media.ErrOtherGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, nil)
			ended, met := make(chan *carrier.Result, 2), make(chan string, 1)
			l.exchange.Met = func(room string) { met <- room }
			l.exchange.Ended = func(r *carrier.Result, _ error) { ended <- r }
			l.exchange.Leading = func(to string) (f carrier.Fault) {
				l.mu.Lock()
				defer l.mu.Unlock()
				if all := c.leading[to]; len(all) > 0 {
					f, c.leading[to] = all[0], all[1:]
				}
				return f
			}
			ids := map[string]string{}
			for _, to := range []string{caller, other} {
				p, err := l.account.Place(t.Context(), order(to, to))
				if err != nil {
					t.Fatal(err)
				}
				ids[to] = p.ID
			}
			l.until("both are heard", func() bool { return l.spoken[caller].ID != "" && l.spoken[other].ID != "" })
			if err := l.account.Confer(t.Context(), ids[caller], ids[other]); !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if c.want != nil {
				if r := (<-ended).Conference; r == nil || len(r.With) > 0 {
					t.Errorf("whoever waited was in %+v", r)
				}
				stays(t, l, ids[caller], ended)
				return
			}
			room := <-met
			l.exchange.HangUp(caller)
			both := map[string]*carrier.Conference{}
			for range 2 {
				r := <-ended
				both[r.To] = r.Conference
			}
			a, b := both[caller], both[other]
			if a == nil || b == nil || a.Room != room || b.Room != room || !slices.Equal(a.With, []string{ids[other]}) || !slices.Equal(b.With, []string{ids[caller]}) {
				t.Fatalf("the caller was in %+v, the other one in %+v", a, b)
			}
			if a.Dropped || !b.Dropped {
				t.Errorf("the caller was in %+v, the other one in %+v", a, b)
			}
		})
	}
}

// stays says that a call goes on, and has it end.
func stays(t *testing.T, l *line, id string, ended <-chan *carrier.Result) {
	t.Helper()
	if p, err := l.account.Look(t.Context(), id); err != nil || p.State.Over() {
		t.Errorf("the caller's call is %+v (%v)", p, err)
	}
	if err := l.account.HangUp(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := <-ended; r.CallSID != id || r.Conference != nil || r.Streams != 1 {
		t.Errorf("the caller was in %+v, by %d streams", r.Conference, r.Streams)
	}
}
