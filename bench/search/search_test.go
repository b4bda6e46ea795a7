package search

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ guess, truth int }{{1500, 2310}, {1500, 1500}, {1500, 400}, {400, 530}, {1000, 120}, {1500, 20000}} {
		s := Search{Guess: c.guess, Factor: 1.3, Fine: 1.05}
		steps := 0
		for {
			n, done := s.Next()
			if done {
				break
			}
			if steps++; steps > 20 {
				t.Fatalf("no end: %+v", s)
			}
			s.Report(n, n <= c.truth)
		}
		truth := min(c.truth, most)
		if s.Lo > truth || float64(s.Lo) < float64(truth)*0.9 {
			t.Errorf("guess %d: found %d after %d steps, want %d", c.guess, s.Lo, steps, truth)
		}
	}
}

// Servers take turns, and what each carries is found whatever steps say nothing; the second round begins where the first came to.
func TestRound(t *testing.T) {
	t.Parallel()
	truth := map[string]int{"quick": 2000, "slow": 500}
	var asked []string
	first := map[string]int{}
	void := 0
	round := Round{
		N: 1, Servers: []string{"quick", "slow"}, Guesses: map[string]int{"quick": 1500, "slow": 600}, Fine: 1.05, Until: time.Now().Add(time.Hour),
		Step: func(_ context.Context, server string, calls int) (Verdict, error) {
			asked = append(asked, server)
			if _, ok := first[server]; !ok {
				first[server] = calls
			}
			if void++; void%5 == 0 {
				return Void, nil
			}
			if calls <= truth[server] {
				return Carried, nil
			}
			return Failed, nil
		},
	}
	found := Found{}
	for range 2 {
		clear(first)
		if caps, err := round.Run(t.Context(), found); err != nil || len(caps) > 0 {
			t.Fatalf("round %d: %v, %v", round.N, caps, err)
		}
		round.N++
	}
	if len(asked) < 4 || asked[0] != "quick" || asked[1] != "slow" || asked[2] != "quick" {
		t.Errorf("asked %v: want a step of each in turn", asked)
	}
	for server, want := range truth {
		if got := found.Median(server); got > want || float64(got) < 0.9*float64(want) || len(found[server]) != 2 {
			t.Errorf("%s carries %d, of rounds %v; want %d of two", server, got, found[server], want)
		}
		if got, want := first[server], round.begin(found)[server].Guess; math.Abs(float64(got-want)) > 0.05*float64(want) {
			t.Errorf("%s: the second round began at %d, want near %d", server, got, want)
		}
	}
}

// A server that could carry more than the generator can make is told as such.
func TestRoundExhausted(t *testing.T) {
	t.Parallel()
	found := Found{}
	caps, err := Round{
		N: 1, Servers: []string{"quick"}, Guesses: map[string]int{"quick": 1500}, Fine: 1.05, Until: time.Now().Add(time.Hour),
		Step: func(_ context.Context, _ string, calls int) (Verdict, error) {
			if calls > 1600 {
				return Exhausted, nil
			}
			return Carried, nil
		},
	}.Run(t.Context(), found)
	if err != nil || len(caps) != 1 || !strings.Contains(caps[0].String(), "quick") || found.Median("quick") < 1500 {
		t.Errorf("%v, %v, %v", found, caps, err)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		all  []int
		want int
	}{{nil, 0}, {[]int{900}, 900}, {[]int{1000, 900}, 900}, {[]int{900, 1100, 1000}, 1000}, {[]int{4, 1, 3, 2}, 2}} {
		if got := (Found{"it": c.all}).Median("it"); got != c.want {
			t.Errorf("median of %v is %d, want %d", c.all, got, c.want)
		}
	}
}
