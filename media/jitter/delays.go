package jitter

import "math"

// delays knows how late packets are, of which it makes the delay that is worth it, and how fast the far end's clock is.
//
// A packet's transit is when it came less when it was spoken: of no meaning in itself, as the clocks know nothing of each other. The least of
// the last seconds is that of a packet which nothing held up: how much longer another took is how late it was.
type delays struct {
	known bool
	least [2]int64 // transits: of the stretch of time that lasts, and of the one before
	began int64    // when it did
	last  int64    // when the last packet came

	weights [buckets]float32 // of packets by how late they were
	total   float32
	weight  float32 // of the next
	target  int64

	drift drift
}

const (
	bucket   = unit / 200 // 5 ms
	buckets  = 200
	stretch  = 2 * unit         // of time, over which the least transit is taken
	forget   = 1 / 512.         // of all earlier packets at each: of 20 ms, half within 7 s
	quantile = 0.98             // of packets, that come in time
	guess    = 30 * unit / 1000 // how late the latest may be, before anything is known
	sure     = 10               // packets as late as the guess are thought to have come before the first
	together = 0.1              // of a packet is what one counts that comes with another: a stall is one event, not one for each packet in it
)

// hear takes in that a packet of some length which was spoken at media came at now.
func (d *delays) hear(now, media, length int64) {
	transit := now - media
	part := float32(1)
	if d.known {
		part = max(together, min(float32(now-d.last)/float32(length), 1))
	}
	d.last = now
	switch {
	case !d.known:
		d.known, d.began, d.least = true, now, [2]int64{transit, transit}
		d.weights[guess/bucket-1], d.total, d.weight = sure, sure, 1
	case now-d.began >= stretch:
		d.drift.hear(d.began, d.least[0])
		d.began, d.least = now, [2]int64{transit, d.least[0]}
	default:
		d.least[0] = min(d.least[0], transit)
	}
	late := min((transit-d.base())/bucket, buckets-1)
	d.weights[late] += d.weight * part
	d.total += d.weight * part
	if d.weight *= 1 + forget; d.weight > 1e6 { // newer ones weigh more, which is cheaper than to take from all others
		for i := range d.weights {
			d.weights[i] /= d.weight
		}
		d.total /= d.weight
		d.weight = 1
	}
	var sum float32
	for i, w := range d.weights {
		if sum += w; sum >= quantile*d.total || i == buckets-1 {
			d.target = int64(i+1) * bucket
			return
		}
	}
}

// base is the transit of a packet that nothing held up.
func (d *delays) base() int64 { return min(d.least[0], d.least[1]) }

// drift is how fast the far end's clock is, by the slope of the least transits.
type drift struct {
	at, transit [points]int64
	n           int
}

const (
	points = 64 // two minutes
	enough = 10 // 20 s
)

func (d *drift) hear(at, transit int64) {
	d.at[d.n%points], d.transit[d.n%points] = at, transit
	d.n++
}

// ppm is how much faster than ours it is, in millionths, by least squares.
func (d *drift) ppm() float64 {
	if d.n < enough {
		return 0
	}
	n := min(d.n, points)
	var x, y, xx, xy float64
	for i := range n {
		a, b := float64(d.at[i]-d.at[0]), float64(d.transit[i]-d.transit[0])
		x, y, xx, xy = x+a, y+b, xx+a*a, xy+a*b
	}
	spread := xx - x*x/float64(n)
	if spread == 0 {
		return 0
	}
	return math.Round(-(xy - x*y/float64(n)) / spread * 1e6)
}
