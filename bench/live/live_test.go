package main

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// TestMain is the children of a quick run, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-be" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestQuick runs the benchmark small: all of it works, whatever this machine is busy with.
func TestQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute; make test runs it")
	}
	t.Parallel()
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"-quick"}, nil, &out, &errs); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	t.Logf("%s%s", &errs, &out)
}

func TestReport(t *testing.T) {
	t.Parallel()
	saw := tally{Interim: 1, Final: 1}
	rounds := func(others float64, with, without int, seen tally) *report {
		r := &report{}
		for range enough {
			r.Rounds = append(r.Rounds, newRound(false, others, []time.Duration{time.Duration(without) * time.Millisecond}, tally{}),
				newRound(true, others, []time.Duration{time.Duration(with) * time.Millisecond}, seen))
		}
		for i := range r.Rounds {
			r.Rounds[i].Void = others > busy
		}
		return r
	}
	for name, c := range map[string]struct {
		r    *report
		well bool
	}{
		"1 ms more":        {rounds(0, 3, 2, saw), true},
		"2 ms more":        {rounds(0, 4, 2, saw), false},
		"a busy machine":   {rounds(0.5, 2, 2, saw), false},
		"they saw nothing": {rounds(0, 2, 2, tally{}), false},
		"they were let go": {rounds(0, 2, 2, tally{Interim: 1, Final: 1, Failed: 1}), false},
		"nothing was said": {&report{Rounds: append(rounds(0, 2, 2, saw).Rounds, newRound(true, 0, nil, saw))}, false},
	} {
		if err := c.r.verdict(false); (err == nil) != c.well {
			t.Errorf("%s: %v", name, err)
		}
	}
}
