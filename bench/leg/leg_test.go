//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/bench/search"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	r := report{Found: search.Found{"product": {1400, 1500, 1600}, "product-20ms": {1000, 1000}, "floor": {1600}, "baseline": {500, 400, 600}}}
	r.summarise()
	want := map[string]float64{"product/floor": 0.938, "product/baseline": 3, "product-20ms/floor": 0.625, "product-20ms/baseline": 2, "floor/baseline": 3.2}
	if diff := cmp.Diff(want, r.Ratios); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := r.verdict(); err != nil || len(r.Goals) != 2 {
		t.Errorf("%v, %d goals", err, len(r.Goals))
	}
	r.Found["product"] = []int{1200}
	r.summarise()
	if err := r.verdict(); err == nil || !strings.Contains(err.Error(), "Twilio streams a core, of the floor's: 0.75, want at least 0.85 x") {
		t.Errorf("verdict: %v", err)
	}
	r = report{Found: search.Found{"product": {1400}, "baseline": {500}}}
	r.summarise()
	if err := r.verdict(); err == nil || !strings.Contains(err.Error(), "of the floor's: 0, want") {
		t.Errorf("without a floor: %v", err)
	}
}
