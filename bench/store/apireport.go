package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
)

// addBar is how much of a request's p50 the API may add to its queries, in ms: for one client, whom nobody makes wait.
const addBar = 0.150

// An apiReport is all that was measured of the API.
type apiReport struct {
	Machine   string       `json:"machine"`
	Load      string       `json:"load_average"` // before and after
	Priority  string       `json:"priority"`
	Calls     int          `json:"calls"`
	Rounds    int          `json:"rounds"`
	Passes    int          `json:"passes"`
	Quick     bool         `json:"quick,omitempty"`
	Databases []apiOutcome `json:"databases"`
}

// An apiOutcome is what was measured on one database.
type apiOutcome struct {
	Name     string       `json:"name"`
	Settings string       `json:"settings"`
	Others   rate         `json:"others_cpu"` // what other processes took of the machine, in each round
	Requests []apiRequest `json:"requests"`
}

// An apiRequest is one request: over the API, by the store that the API uses, and bare.
type apiRequest struct {
	Name     string   `json:"name"`
	Alone    apiTimes `json:"one_client"`
	Together apiTimes `json:"many_clients"`
	Adds     float64  `json:"adds_p50_ms"`       // one client: over the API less bare
	AddsTo   float64  `json:"adds_to_store_ms"`  // one client: over the API less the store
	Ratio    float64  `json:"bare_p50_over_api"` // one client
}

// apiTimes are medians of the rounds.
type apiTimes struct {
	API, Store, Bare             latency
	RateAPI, RateStore, RateBare float64 // a second
}

func newAPIReport(o options) *apiReport {
	return &apiReport{
		Machine: fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		Load:    load(), Priority: "as any process", Calls: o.calls, Rounds: o.rounds, Passes: o.passes, Quick: o.quick,
	}
}

func (r *apiReport) end() { r.Load += ", after: " + load() }

// add sums up one database.
func (r *apiReport) add(s *apiSubject) {
	o := apiOutcome{Name: s.name, Settings: s.settings, Others: s.others}
	every := make([]int, len(s.others))
	for i := range every {
		every[i] = i
	}
	times := func(tallies [ways]*tally, rates [ways]rate) apiTimes {
		return apiTimes{
			tallies[overAPI].latency(every), tallies[byStore].latency(every), tallies[byBare].latency(every),
			math.Round(median(rates[overAPI], every)), math.Round(median(rates[byStore], every)), math.Round(median(rates[byBare], every)),
		}
	}
	for _, t := range s.trials {
		q := apiRequest{Name: t.name, Alone: times(t.alone, t.aloneRate), Together: times(t.together, t.rate)}
		q.Adds = math.Round(1000*(q.Alone.API.P50-q.Alone.Bare.P50)) / 1000
		q.AddsTo = math.Round(1000*(q.Alone.API.P50-q.Alone.Store.P50)) / 1000
		q.Ratio = ratio(q.Alone.Bare.P50, q.Alone.API.P50)
		o.Requests = append(o.Requests, q)
	}
	r.Databases = append(r.Databases, o)
}

// print writes the tables.
func (r *apiReport) print(w io.Writer) {
	fmt.Fprintf(w, "%s, priority %s; load average before: %s\n", r.Machine, r.Priority, r.Load)
	fmt.Fprintf(w, "%d calls; medians of %d rounds. One client: %d times a round, over the API, by store/sql and bare in turn (random order). %d clients: at full speed, one way after another.\n",
		r.Calls, r.Rounds, r.Passes, many)
	fmt.Fprintln(w, "API: over a TCP socket kept alive, from the first byte sent to the last byte read, server and client in one process. Bare: the same queries by database/sql, rows as bytes.")
	for _, o := range r.Databases {
		fmt.Fprintf(w, "\n%s: %s; other processes took %s %% of the processors\n", strings.ToUpper(o.Name), o.Settings, percents(o.Others))
		if r.Quick {
			fmt.Fprintln(w, "quick: too few calls and rounds to tell times")
			continue
		}
		fmt.Fprintf(w, "  %-22s %-11s %27s   %27s   %27s\n", "", "", "API  p50/p99 ms, a second", "store p50/p99 ms, a second", "bare p50/p99 ms, a second")
		for _, q := range o.Requests {
			for _, line := range []struct {
				clients string
				t       apiTimes
			}{{"1 client", q.Alone}, {fmt.Sprintf("%d clients", many), q.Together}} {
				fmt.Fprintf(w, "  %-22s %-11s", q.Name, line.clients)
				for _, cell := range []struct {
					l    latency
					rate float64
				}{{line.t.API, line.t.RateAPI}, {line.t.Store, line.t.RateStore}, {line.t.Bare, line.t.RateBare}} {
					fmt.Fprintf(w, " %9.3f/%-8.3f %8.0f  ", cell.l.P50, cell.l.P99, cell.rate)
				}
				fmt.Fprintln(w)
			}
			holds := "holds"
			if q.Adds > addBar {
				holds = "MISSED"
			}
			fmt.Fprintf(w, "  %-22s the API adds %.0f us to the bare queries' p50 (%.0f us to the store's), bare/API x%.2f: at most %.0f us %s\n",
				"", 1000*q.Adds, 1000*q.AddsTo, q.Ratio, 1000*addBar, holds)
		}
	}
}

// verdict says what misses its goal.
func (r *apiReport) verdict() error {
	if r.Quick {
		return nil
	}
	var short []error
	for _, o := range r.Databases {
		for _, q := range o.Requests {
			if q.Adds > addBar {
				short = append(short, fmt.Errorf("%s: %s: the API adds %.0f us, want at most %.0f", o.Name, q.Name, 1000*q.Adds, 1000*addBar))
			}
		}
	}
	return errors.Join(short...)
}
