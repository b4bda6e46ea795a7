package main

import (
	"errors"
	"fmt"

	"parley/bench/report"
)

// works says what a trial of points should have seen and has not, however fast it was: each has to have what its goals are made of.
func works(r *report.Report) error {
	var missing []error
	for _, s := range r.Steps {
		for _, want := range []struct {
			what string
			has  bool
		}{
			{"speech of the agents", s.Counts[report.FramesOut] > 0},
			{"what the server used", s.Usage.CPU > 0},
			{"added voice to voice", s.Server != voices || s.Times[report.Added].N > 0},
			{"barge-ins", s.Server != interrupted || s.Counts[report.BargeIns] > 0},
			{"decisions to clear", s.Server != interrupted || s.Times[report.DecisionClear].N > 0},
			{"refusals of all that was too much", s.Server != overloaded || s.Tally.Offered > 0 && s.Tally.Refusals() == s.Tally.Offered},
			{"requests to the API", s.Server != beside || s.Times[report.API].N > 0},
		} {
			if !want.has {
				missing = append(missing, fmt.Errorf("%s: no %s", s.Server, want.what))
			}
		}
	}
	return errors.Join(missing...)
}
