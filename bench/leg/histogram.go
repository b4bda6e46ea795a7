package main

import "time"

// histogram counts times in steps of 50 us up to half a second; what is more counts as that.
type histogram struct {
	counts [10001]int64
	total  int64
	max    time.Duration
}

const bucket = 50 * time.Microsecond

// add counts a time n times.
func (h *histogram) add(d time.Duration, n int64) {
	h.counts[min(int(d/bucket), len(h.counts)-1)] += n
	h.total += n
	h.max = max(h.max, d)
}

// quantile is the time that the share q of all counts does not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	left := int64(q * float64(h.total))
	for i, n := range h.counts {
		if left -= n; left < 0 {
			return min(time.Duration(i+1)*bucket, h.max)
		}
	}
	return h.max
}
