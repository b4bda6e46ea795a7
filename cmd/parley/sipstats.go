package main

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/media"
)

// sipCollector shows what goes on by SIP. Where nothing does, it shows zeros.
type sipCollector struct{ s *server }

var (
	sipRequests = prometheus.NewDesc("parley_sip_requests_total", "SIP requests by direction (in: of far ends; out: ours), method and final status; code 0: none came.", []string{"direction", "method", "code"}, nil)
	sipMessages = prometheus.NewDesc("parley_sip_messages_total", "SIP messages that reached the edge, by what became of them: passed, answered (without a transaction), malformed, dropped, limited (past a rate), unsent (ours, malformed).", []string{"outcome"}, nil)
	sipDialogs  = prometheus.NewDesc("parley_sip_dialogs", "SIP dialogs that are open.", nil, nil)
	sipTrunks   = prometheus.NewDesc("parley_sip_trunks", "SIP trunks, by state: up (they answer), down, registered, unregistered (though they should be).", []string{"state"}, nil)
	sipMerged   = prometheus.NewDesc("parley_sip_merged_total", "Calls that came twice by different ways (482).", nil, nil)
	sipPanics   = prometheus.NewDesc("parley_sip_panics_total", "Bugs: each has ended one request or one call.", nil, nil)
)

// Describe implements prometheus.Collector.
func (sipCollector) Describe(d chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{sipRequests, sipMessages, sipDialogs, sipTrunks, sipMerged, sipPanics} {
		d <- desc
	}
}

// Collect implements prometheus.Collector.
func (c sipCollector) Collect(m chan<- prometheus.Metric) {
	show := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		m <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	states := map[string]float64{"up": 0, "down": 0, "registered": 0, "unregistered": 0}
	outcomes := map[string]int64{"passed": 0, "answered": 0, "malformed": 0, "dropped": 0, "limited": 0, "unsent": 0}
	var dialogs int
	var merged, panics uint64
	if c.s.sip != nil {
		a := c.s.sip.agent
		for what, n := range a.Stats.Requests() {
			show(sipRequests, prometheus.CounterValue, float64(n), string(what.Way), what.Method, strconv.Itoa(what.Code))
		}
		for _, t := range a.TrunkStates() {
			states[map[bool]string{true: "up", false: "down"}[t.Up]]++
			if t.Registers {
				states[map[bool]string{true: "registered", false: "unregistered"}[t.Registered]]++
			}
		}
		e := a.Edge()
		outcomes = map[string]int64{"passed": e.Passed, "answered": e.Answered, "malformed": e.Malformed, "dropped": e.Dropped, "limited": e.Limited, "unsent": e.Unsent}
		dialogs, merged, panics = a.Dialogs(), a.Stats.Merged.Load(), a.Stats.Panics.Load()
	} else {
		show(sipRequests, prometheus.CounterValue, 0, "in", "INVITE", "200")
	}
	for what, n := range outcomes {
		show(sipMessages, prometheus.CounterValue, float64(n), what)
	}
	for state, n := range states {
		show(sipTrunks, prometheus.GaugeValue, n, state)
	}
	show(sipDialogs, prometheus.GaugeValue, float64(dialogs))
	show(sipMerged, prometheus.CounterValue, float64(merged))
	show(sipPanics, prometheus.CounterValue, float64(panics))
}

// lineQuality is how the sound of calls travelled, told when they are over.
type lineQuality struct {
	mos    prometheus.Histogram
	loss   prometheus.Histogram
	jitter prometheus.Histogram
}

func newLineQuality(r prometheus.Registerer) *lineQuality {
	q := &lineQuality{
		mos: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_rtp_mos", Help: "Calls over RTP that are over: what a listener at our end would say of the far end's sound, 1 to 4.5 (ITU-T G.107).",
			Buckets:                     []float64{1.5, 2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.4},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
		}),
		loss: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_rtp_loss_ratio", Help: "Calls over RTP that are over: share of the far end's packets that were lost or late.",
			Buckets:                     []float64{0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
		}),
		jitter: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_rtp_jitter_seconds", Help: "Calls over RTP that are over: by how much the time that packets take varied (RFC 3550).",
			Buckets:                     []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
		}),
	}
	r.MustRegister(q.mos, q.loss, q.jitter)
	return q
}

// note counts a call of which something was heard.
func (q *lineQuality) note(of media.Quality) {
	if of.Received == 0 {
		return
	}
	q.mos.Observe(of.MOS)
	q.loss.Observe(of.Loss)
	q.jitter.Observe(of.Jitter.Seconds())
}
