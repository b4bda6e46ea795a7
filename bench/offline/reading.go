package main

import (
	"context"
	"fmt"
	"math"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"parley/bench/report"
)

// A reading is what a server says of itself.
type reading map[string]*dto.MetricFamily

// scrape reads a server's metrics.
func scrape(ctx context.Context, url string) (reading, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return all, nil
}

// tell adds to a step what changed from one reading to a later one.
func (r reading) tell(later reading, s *report.Step) {
	const stages, queue = "parley_turn_latency_seconds", "parley_speech_wait_seconds"
	answers := later.histogram(stages, "voice_to_voice").GetSampleCount() - r.histogram(stages, "voice_to_voice").GetSampleCount()
	s.Times[report.WordWait] = spread(r.histogram(stages, "transcript"), later.histogram(stages, "transcript"), answers)
	s.Times[report.SpeechWait] = spread(r.histogram(queue, ""), later.histogram(queue, ""), 0)
	grew := func(name, label string) float64 { return later.value(name, label) - r.value(name, label) }
	s.Counts[report.Apologies] = int64(grew("parley_events_total", "provider_failed"))
	s.Counts[speechBusy] = int64(1000 * grew("parley_speech_busy_seconds_total", "") / (s.Held * max(1, later.value("parley_speech_workers", ""))))
	s.Usage.CPU = grew("process_cpu_seconds_total", "") / s.Held
	s.Usage.RSS = int64(later.value("process_resident_memory_bytes", ""))
	s.Usage.Goroutines = int64(later.value("go_goroutines", ""))
}

// speechBusy is a count of this bench's own: how much of their time the workers of local speech were busy with what callers wait for, in
// thousandths.
const speechBusy = "speech_busy_permille"

// find is the metric of a family that has a label of some value; empty: the first.
func (r reading) find(name, label string) *dto.Metric {
	for _, m := range r[name].GetMetric() {
		if label == "" {
			return m
		}
		for _, l := range m.GetLabel() {
			if l.GetValue() == label {
				return m
			}
		}
	}
	return nil
}

// value is a counter's or a gauge's; 0: there is none.
func (r reading) value(name, label string) float64 {
	m := r.find(name, label)
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}

func (r reading) histogram(name, label string) *dto.Histogram {
	return r.find(name, label).GetHistogram()
}

// spread is the distribution of what a histogram counted from one reading to a later one: its percentiles are the upper bounds of their
// buckets. If there were more than it has counted, of which of says how many, the others took no time: such are not counted.
func spread(before, after *dto.Histogram, of uint64) report.Spread {
	n := after.GetSampleCount() - before.GetSampleCount()
	of = max(of, n)
	if of == 0 {
		return report.Spread{}
	}
	upTo := map[float64]uint64{}
	for _, b := range before.GetBucket() {
		upTo[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	at := func(share float64) float64 {
		late, last := share*float64(of)-float64(of-n), 0.0
		for _, b := range after.GetBucket() {
			if late <= 0 {
				break
			}
			if bound := b.GetUpperBound(); !math.IsInf(bound, 1) {
				last = 1000 * bound
			}
			if float64(b.GetCumulativeCount()-upTo[b.GetUpperBound()]) >= late {
				break
			}
		}
		return last
	}
	mean := 1000 * (after.GetSampleSum() - before.GetSampleSum()) / float64(of)
	return report.Spread{N: int64(of), P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), Max: at(1), Mean: mean}
}
