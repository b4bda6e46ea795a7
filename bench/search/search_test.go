package search

import "testing"

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
