package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// ms is a time in milliseconds; NaN means that there was none.
type ms float64

var none = ms(math.NaN())

func millis(d time.Duration) ms {
	return ms(float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond))
}

func (m ms) missing() bool { return math.IsNaN(float64(m)) }

// MarshalJSON writes null for none.
func (m ms) MarshalJSON() ([]byte, error) {
	if m.missing() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(m))
}

// String is the time in whole milliseconds.
func (m ms) String() string {
	if m.missing() {
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(m))
}

// quantile is the nearest-rank quantile of what is not missing.
func quantile(all []ms, q float64) ms {
	sorted := slices.DeleteFunc(slices.Clone(all), ms.missing)
	if len(sorted) == 0 {
		return none
	}
	slices.Sort(sorted)
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// tail is p50, p90 and p99 in one word.
func tail(all []ms) string {
	return fmt.Sprintf("%v/%v/%v", quantile(all, 0.5), quantile(all, 0.9), quantile(all, 0.99))
}
