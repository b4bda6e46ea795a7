package report

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// RecordN adds a time n times, as Record does once.
func RecordN(h *hdrhistogram.Histogram, d time.Duration, n int64) {
	_ = h.RecordValues(min(max(0, d), longest).Microseconds(), n) // which is within its bounds
}
