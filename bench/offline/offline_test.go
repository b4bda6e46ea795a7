package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/carrier"
	"parley/bench/report"
)

func TestMore(t *testing.T) {
	t.Parallel()
	var got []int
	for n := 1; n <= 64; n = more(n) {
		got = append(got, n)
	}
	if want := []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	err := (options{most: 0, hold: time.Second, think: "hard", workers: -1}).check()
	for _, name := range []string{"-most", "-hold", "-bar", "-think", "-workers"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// TestFreshAnswers: no two answers share a clause, so that none is spoken from memory.
func TestFreshAnswers(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for n := range 500 {
		for clause := range strings.SplitSeq(fresh(n), ". ") {
			if first, again := seen[clause]; again {
				t.Fatalf("answers %d and %d both say %q", first, n, clause)
			}
			seen[clause] = n
		}
	}
}

// TestReading: what changed between two readings, of metrics as a server has them.
func TestReading(t *testing.T) {
	t.Parallel()
	const types = `
# TYPE parley_events_total counter
# TYPE parley_speech_busy_seconds_total counter
# TYPE process_cpu_seconds_total counter
# TYPE parley_speech_workers gauge
# TYPE go_goroutines gauge
`
	pages := []string{`
parley_events_total{kind="provider_failed"} 1
parley_events_total{kind="answered"} 7
parley_speech_busy_seconds_total 2
parley_speech_workers 2
process_cpu_seconds_total 10
`, `
parley_events_total{kind="provider_failed"} 4
parley_events_total{kind="answered"} 70
parley_speech_busy_seconds_total 12
parley_speech_workers 2
process_cpu_seconds_total 25
go_goroutines 30
# TYPE parley_turn_latency_seconds histogram
parley_turn_latency_seconds_bucket{stage="transcript",le="0.1"} 6
parley_turn_latency_seconds_bucket{stage="transcript",le="1"} 9
parley_turn_latency_seconds_bucket{stage="transcript",le="+Inf"} 10
parley_turn_latency_seconds_sum{stage="transcript"} 4
parley_turn_latency_seconds_count{stage="transcript"} 10
parley_turn_latency_seconds_bucket{stage="voice_to_voice",le="+Inf"} 20
parley_turn_latency_seconds_sum{stage="voice_to_voice"} 30
parley_turn_latency_seconds_count{stage="voice_to_voice"} 20
`}
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(types + pages[n]))
		n++
	}))
	t.Cleanup(server.Close)
	before, err := scrape(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	after, err := scrape(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := report.Step{Held: 10, Times: map[string]report.Spread{}, Counts: map[string]int64{}}
	before.tell(after, &s)
	// Of 20 answers 10 had their words at once, six within 100 ms, three within a second.
	if diff := cmp.Diff(report.Spread{N: 20, P50: 0, P90: 1000, P99: 1000, P999: 1000, Max: 1000, Mean: 200}, s.Times[report.WordWait]); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
	if s.Counts[report.Apologies] != 3 || s.Counts[speechBusy] != 500 || s.Usage.CPU != 1.5 || s.Usage.Goroutines != 30 || s.Times[report.SpeechWait].N != 0 {
		t.Errorf("%+v", s)
	}
}

// TestCrowdTells: turns count in the step in which they end; who was refused, cut off or failed is told apart.
func TestCrowdTells(t *testing.T) {
	t.Parallel()
	from := time.Now()
	to := from.Add(time.Minute)
	turn := func(end time.Duration, answered bool) carrier.Turn {
		return carrier.Turn{Caller: "a sentence", End: carrier.Millis(end), Answered: answered, VoiceToVoice: carrier.Millis(800 * time.Millisecond)}
	}
	c := &crowd{calls: []call{
		{began: from.Add(-10 * time.Second), Result: &carrier.Result{Answered: true, Turns: []carrier.Turn{
			{Answered: true}, turn(5*time.Second, true), turn(15*time.Second, true), turn(25*time.Second, false), turn(69*time.Second, false), turn(75*time.Second, true),
		}}},
		{began: from, Result: &carrier.Result{Webhook: carrier.Millis(3 * time.Millisecond)}, err: carrier.ErrRejected},
		{began: from, Result: &carrier.Result{}, err: errors.New("offline:1: hear: the agent did not speak")},
		{began: from, Result: &carrier.Result{Answered: true}, err: errors.New("context canceled"), cut: true},
	}}
	s := c.tell(from, to)
	want := report.Tally{Offered: 4, Answered: 2, Refused: map[string]int64{"busy": 1}, Broken: map[string]int64{"hear: the agent did not speak": 1}}
	if diff := cmp.Diff(want, s.Tally); diff != "" {
		t.Errorf("tally (-want +got):\n%s", diff)
	}
	if s.Counts[report.Turns] != 1 || s.Counts[report.Unanswered] != 1 || s.Times[report.VoiceVoice].N != 1 || s.Times[report.Refusal].N != 1 {
		t.Errorf("counts %v, times %v", s.Counts, s.Times)
	}
}

// TestJudge: what makes a step one that was not carried.
func TestJudge(t *testing.T) {
	t.Parallel()
	b := &bench{options: options{bar: time.Second}}
	for name, c := range map[string]struct {
		words, turns, apologies, unanswered int64
		failed                              int
	}{
		"carried":    {words: 900, turns: 5},
		"slow words": {words: 1100, turns: 5, failed: 1},
		"apologies":  {words: 900, turns: 5, apologies: 1, failed: 1},
		"silence":    {words: 900, turns: 5, unanswered: 1, failed: 1},
		"nothing":    {failed: 1},
	} {
		s := report.Step{
			Times:  map[string]report.Spread{report.WordWait: {P90: float64(c.words)}},
			Counts: map[string]int64{report.Turns: c.turns, report.Apologies: c.apologies, report.Unanswered: c.unanswered},
		}
		if b.judge(&s); len(s.Failed) != c.failed {
			t.Errorf("%s: %v", name, s.Failed)
		}
	}
}
