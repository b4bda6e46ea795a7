package corpus

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// MS is a time in milliseconds; NaN means that there was none.
type MS float64

// None is no time.
var None = MS(math.NaN())

// Millis is d in milliseconds.
func Millis(d time.Duration) MS {
	return MS(float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond))
}

// Missing says whether there was none.
func (m MS) Missing() bool { return math.IsNaN(float64(m)) }

// MarshalJSON writes null for none.
func (m MS) MarshalJSON() ([]byte, error) {
	if m.Missing() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(m))
}

// String is the time in whole milliseconds.
func (m MS) String() string {
	if m.Missing() {
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(m))
}

// Quantile is the nearest-rank quantile of what is not missing.
func Quantile(all []MS, q float64) MS {
	sorted := slices.DeleteFunc(slices.Clone(all), MS.Missing)
	if len(sorted) == 0 {
		return None
	}
	slices.Sort(sorted)
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// Tail is p50, p90 and p99 in one word.
func Tail(all []MS) string {
	return fmt.Sprintf("%v/%v/%v", Quantile(all, 0.5), Quantile(all, 0.9), Quantile(all, 0.99))
}
