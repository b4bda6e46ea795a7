package main

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"parley/control/admission"
	"parley/media"
)

// admissionCollector shows how the gate stands, and how punctual frames are.
type admissionCollector struct {
	s     *server
	began time.Time
}

var (
	admissionRefused = prometheus.NewDesc("parley_admission_refused_total", "Calls that were refused, by reason.", []string{"reason"}, nil)
	admissionLoad    = prometheus.NewDesc("parley_admission_load", "How far each signal is towards its bar, which is 1; beyond it calls are refused. 0 where there is no bar.", []string{"signal"}, nil)
	admissionCost    = prometheus.NewDesc("parley_admission_call_cost", "What one call is taken to use: of processors, and of workers of local speech.", []string{"of"}, nil)
	admissionCalls   = prometheus.NewDesc("parley_admission_calls", "Calls that have a place, by state: live, or coming.", []string{"state"}, nil)
	processorsThere  = prometheus.NewDesc("parley_processors", "Processors that this process may use, and its quota pays for.", nil, nil)
	pressureShare    = prometheus.NewDesc("parley_processor_pressure_ratio", "Share of the last 10 s in which somebody on this machine waited for a processor.", nil, nil)
	frameLateness    = prometheus.NewDesc("parley_frame_lateness_seconds", "Sound that the beat sent: from when it was due until the carrier's socket had it.", nil, nil)
	clearTime        = prometheus.NewDesc("parley_clear_seconds", "Interruptions: from the decision until the carrier's socket had the order to forget what it had not played.", nil, nil)
	speechWaits      = prometheus.NewDesc("parley_speech_wait_seconds", "Tasks of local speech that callers wait for: until a worker took them.", nil, nil)
	speechBusy       = prometheus.NewDesc("parley_speech_busy_seconds_total", "Time that workers of local speech were busy with what callers wait for.", nil, nil)
	speechWorkers    = prometheus.NewDesc("parley_speech_workers", "Workers of local speech.", nil, nil)
)

// Describe implements prometheus.Collector.
func (admissionCollector) Describe(d chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		admissionRefused, admissionLoad, admissionCost, admissionCalls, processorsThere, pressureShare, frameLateness, clearTime, speechWaits, speechBusy, speechWorkers,
	} {
		d <- desc
	}
}

// Collect implements prometheus.Collector.
func (c admissionCollector) Collect(m chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, label ...string) {
		m <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label...)
	}
	for _, r := range admission.Reasons() {
		m <- prometheus.MustNewConstMetric(admissionRefused, prometheus.CounterValue, float64(c.s.gate.Refused(r)), string(r))
	}
	now := c.s.gate.Standing()
	gauge(admissionLoad, now.Calls, "calls")
	gauge(admissionLoad, now.CPU, "cpu")
	gauge(admissionLoad, now.Late, "lateness")
	gauge(admissionLoad, now.Speech, "speech")
	gauge(admissionCost, now.Cost, "processors")
	gauge(admissionCost, now.SpeechCost, "speech_workers")
	gauge(admissionCalls, float64(now.Live), "live")
	gauge(admissionCalls, float64(now.Coming), "coming")
	gauge(processorsThere, now.Allowed)
	if share, ok := c.s.processors.Pressure(); ok {
		gauge(pressureShare, share)
	}
	m <- timesMetric(frameLateness, c.s.punctuality.Late.Counts(), c.began)
	m <- timesMetric(clearTime, c.s.punctuality.Clear.Counts(), c.began)
	if e := c.s.vendors.engine; e != nil {
		w := e.Work()
		gauge(speechWorkers, float64(w.Workers))
		m <- prometheus.MustNewConstMetric(speechBusy, prometheus.CounterValue, w.Busy.Seconds())
		m <- timesMetric(speechWaits, w.Waits, c.began)
	}
}

// A twofold histogram is native and classic at once: a scraper takes what it knows.
type twofold struct {
	prometheus.Metric // native
	counts            media.TimesCounts
}

// perOctave is how many of the fine buckets make one of the classic ones, of which each bound is twice the one before.
const perOctave = 8

func timesMetric(desc *prometheus.Desc, counts media.TimesCounts, began time.Time) prometheus.Metric {
	fine := make(map[int]int64)
	for i := 1; i < media.TimesBuckets; i++ {
		if n := counts.Buckets[i]; n > 0 {
			fine[media.NativeIndex(i)] = int64(n)
		}
	}
	native := prometheus.MustNewConstNativeHistogram(
		desc, counts.N, counts.Sum.Seconds(), fine, nil, counts.Buckets[0], 3, math.Exp2(float64(media.NativeIndex(0)/perOctave)), began)
	return twofold{native, counts}
}

// Write implements prometheus.Metric.
func (t twofold) Write(out *dto.Metric) error {
	if err := t.Metric.Write(out); err != nil {
		return err
	}
	sum := uint64(0)
	for i, n := range t.counts.Buckets {
		sum += n
		if i%perOctave == 0 && i > 0 {
			bound, upTo := math.Exp2(float64(media.NativeIndex(i)/perOctave)), sum
			out.Histogram.Bucket = append(out.Histogram.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &upTo})
		}
	}
	return nil
}
