package report

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is what a histogram of NewHistogram holds at most; Record counts what takes longer as this.
const longest = 10 * time.Minute

// NewHistogram is an empty one of microseconds: from one to ten minutes, to three digits. All that a Spread is made of should be of its
// kind, so that it can be merged. Like every HdrHistogram it belongs to one goroutine.
func NewHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest.Microseconds(), 3) }

// Record adds a time to a histogram of NewHistogram: what is below nothing counts as nothing, what is beyond it as its longest. It
// allocates nothing.
func Record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(0, d), longest).Microseconds()) // which is within its bounds
}

// RecordN adds a time n times, as Record does once.
func RecordN(h *hdrhistogram.Histogram, d time.Duration, n int64) {
	_ = h.RecordValues(min(max(0, d), longest).Microseconds(), n)
}

// SpreadOf is the distribution in a histogram of microseconds, with all of it enclosed. An empty one gives the zero Spread.
func SpreadOf(h *hdrhistogram.Histogram) Spread {
	if h == nil || h.TotalCount() == 0 {
		return Spread{}
	}
	at := func(percent float64) float64 { return millis(h.ValueAtPercentile(percent)) }
	text, _ := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase) // it fails for other versions alone
	return Spread{
		N: h.TotalCount(), Min: millis(h.Min()), Max: millis(h.Max()), Mean: h.Mean() / 1000,
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9),
		Histogram: string(text),
	}
}

// millis turns microseconds into what a Spread has.
func millis(us int64) float64 { return float64(us) / 1000 }

// ErrNoHistogram says that a Spread has its percentiles alone, so that nothing else can be told of it.
var ErrNoHistogram = errors.New("holds no histogram")

// Recorded is the histogram that the Spread was made of, in microseconds; of the zero Spread an empty one. The error is ErrNoHistogram, or
// says what is wrong with the one that is there.
func (s Spread) Recorded() (*hdrhistogram.Histogram, error) {
	switch {
	case s.Histogram == "" && s.N == 0:
		return NewHistogram(), nil
	case s.Histogram == "":
		return nil, ErrNoHistogram
	}
	h, err := hdrhistogram.Decode([]byte(s.Histogram))
	if err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	if h.TotalCount() != s.N {
		return nil, fmt.Errorf("histogram holds %d times, n says %d", h.TotalCount(), s.N)
	}
	return h, nil
}

// Merge is the distribution of all the times of several, as if they had been measured at once.
func Merge(all ...Spread) (Spread, error) {
	sum := NewHistogram()
	for _, s := range all {
		h, err := s.Recorded()
		if err != nil {
			return Spread{}, err
		}
		if lost := sum.Merge(h); lost > 0 {
			return Spread{}, fmt.Errorf("merge: %d times are beyond %v", lost, longest)
		}
	}
	return SpreadOf(sum), nil
}

// Quantile names the four percentiles that every Spread has.
type Quantile string

// The percentiles of a Spread.
const (
	P50  Quantile = "p50"
	P90  Quantile = "p90"
	P99  Quantile = "p99"
	P999 Quantile = "p99.9"
)

// Quantiles are all of them, from the middle outward.
func Quantiles() []Quantile { return []Quantile{P50, P90, P99, P999} }

// At is a percentile of the Spread, in milliseconds.
func (s Spread) At(q Quantile) float64 {
	switch q {
	case P50:
		return s.P50
	case P90:
		return s.P90
	case P99:
		return s.P99
	}
	return s.P999
}
