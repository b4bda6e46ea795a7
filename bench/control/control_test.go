//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReport(t *testing.T) {
	t.Parallel()
	r := newReport(options{bar: 5 * time.Millisecond})
	add := func(server, request string, offered, answered, p99, generator, others float64) {
		s := step{Server: server, Request: request, Offered: offered, Answered: answered, P50: 1, P99: p99, Generator: generator, Others: others}
		s.judge(5 * time.Millisecond)
		r.Steps = append(r.Steps, s)
	}
	for round := range 3 {
		add("floor", "GET", 0, 1200, 100, 1, 0)
		add("floor", "GET", 1200, 1100, 100, 0.5, 0)
		add("floor", "GET", float64(1000+round), 1000, 1, 0.5, 0)
		add("parley", "GET", 0, 900, 100, 1, 0)
		add("parley", "GET", 800, 800, 2, 0.5, 0.9) // carried although others disturbed it
		add("floor", "POST", 0, 1000, 100, 1, 0)
		add("floor", "POST", 1000, 1000, 2, 0.9, 0)
		add("parley", "POST", 0, 500, 100, 1, 0)
		add("parley", "POST", 400, 400, 20, 0.5, 0.9)
	}
	r.sumUp()
	if diff := cmp.Diff(map[string]float64{"GET": 0.799, "POST": 0}, r.Ratios); diff != "" {
		t.Errorf("ratios: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{"GET": 0.75, "POST": 0.5}, r.Floods); diff != "" {
		t.Errorf("ratios of floods: -want +got\n%s", diff)
	}
	if r.voids() != 6 {
		t.Errorf("%d steps are void, want 6", r.voids())
	}
	if err := r.verdict(); err == nil || err.Error() != "control plane, POST a second, of the floor's: 0, want at least 0.75 x" {
		t.Errorf("verdict: %v", err)
	}
	var text strings.Builder
	r.print(&text)
	for _, want := range []string{"parley/floor 0.80, under a flood 0.75   goal 0.75", "POST parley carried nothing", "6 of 27 steps were void"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &text)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{"-rounds=0": "-rounds 0: at least one", "-conns=0": "-conns 0", "-measure=0s": "-measure 0s", "-bar=-1s": "-bar -1s"} {
		if err := run(t.Context(), []string{flag}, &strings.Builder{}, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", flag, err, want)
		}
	}
}
