package vitals

import (
	"math"
	"time"

	dto "github.com/prometheus/client_model/go"

	"parley/bench/report"
)

// Times are how often something took how long since a server began: a native histogram of Prometheus'. A server that tells none, or tells it in
// text alone, has none.
type Times struct {
	schema  int32
	zero    uint64         // too short to be told apart
	least   float64        // what they took at most, in seconds
	buckets map[int]uint64 // by number: that of i reaches up to 2^(i/2^schema) seconds
}

// timesOf reads a native histogram. Its buckets are written as spans of numbers that follow one another, each count as the difference to the one
// before (io.prometheus.client.Histogram).
func timesOf(h *dto.Histogram) Times {
	t := Times{schema: h.GetSchema(), zero: h.GetZeroCount(), least: h.GetZeroThreshold(), buckets: map[int]uint64{}}
	number, count, deltas := 0, int64(0), h.GetPositiveDelta()
	for _, span := range h.GetPositiveSpan() {
		number += int(span.GetOffset())
		for range span.GetLength() {
			if len(deltas) == 0 {
				return t
			}
			count, deltas = count+deltas[0], deltas[1:]
			t.buckets[number] = uint64(max(0, count))
			number++
		}
	}
	return t
}

// Since is the distribution of those that came after an earlier reading, each as long as its bucket reaches: up to 9 % too long with the buckets
// that Parley has, and never too short.
func (t Times) Since(before Times) report.Spread {
	h := report.NewHistogram()
	add := func(seconds float64, n uint64) {
		if n > 0 {
			report.RecordN(h, time.Duration(math.Ceil(seconds*1e6))*time.Microsecond, int64(n))
		}
	}
	add(t.least, t.zero-min(t.zero, before.zero))
	for i, n := range t.buckets {
		add(math.Exp2(float64(i)/math.Exp2(float64(t.schema))), n-min(n, before.buckets[i]))
	}
	return report.SpreadOf(h)
}
