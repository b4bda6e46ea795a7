package echo

import "math"

const (
	lags     = 26   // delays that are looked for, in frames: up to 500 ms
	fading   = 0.98 // of what was learned, a frame: it spans a second
	alike    = 0.6  // correlation from which the two are taken for one and its echo
	steady   = 25   // frames for which the same delay must be found
	headroom = 2    // frames by which the filter's window begins before the echo
)

// delay finds how late the echo comes, in frames, where that is beyond the filter's tail: the course of the loudness of what came back
// is held against that of what was sent, at every delay. A caller who speaks as well is like neither.
type delay struct {
	bulk int // frames by which the filter is to be given the past

	sent   [lags]float32 // loudness less its mean, newest at head
	head   int
	means  [2]float32
	both   [lags]float32 // the sums of sent times came, sent squared, came squared
	ours   [lags]float32
	theirs float32
	found  int // the delay
	since  int // frames for which it was found
}

// learn takes the loudness of the next frame, sent and come back. It says whether bulk was changed, for a filter that spans tail frames.
func (d *delay) learn(sent, came float32, tail int) bool {
	const slow = 0.02
	d.means[0] += slow * (sent - d.means[0])
	d.means[1] += slow * (came - d.means[1])
	d.head = (d.head + lags - 1) % lags
	d.sent[d.head] = sent - d.means[0]
	y := came - d.means[1]
	d.theirs = fading*d.theirs + y*y
	best, at := float32(0), 0
	for lag := range lags {
		x := d.sent[(d.head+lag)%lags]
		d.both[lag] = fading*d.both[lag] + x*y
		d.ours[lag] = fading*d.ours[lag] + x*x
		if d.both[lag] <= 0 {
			continue
		}
		if r := d.both[lag] * d.both[lag] / (d.ours[lag]*d.theirs + 1); r > best {
			best, at = r, lag
		}
	}
	if math.Sqrt(float64(best)) < alike {
		d.since = 0
		return false
	}
	if at < d.found-1 || at > d.found+1 {
		d.found, d.since = at, 0
	}
	if d.since++; d.since < steady || at >= d.bulk && at+headroom < d.bulk+tail {
		return false
	}
	d.bulk, d.since = max(0, d.found-headroom), 0
	return true
}
