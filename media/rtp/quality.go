package rtp

import (
	"math"
	"time"

	"parley/media"
)

// Quality is how well the packets travel. It may be called at any time, also after Close.
func (s *Session) Quality() media.Quality {
	now := s.now()
	_, spoken := s.mouth.sent(now)
	e, r := &s.ear, &s.report
	e.mu.Lock()
	defer e.mu.Unlock()
	total := e.reception.total()
	q := media.Quality{
		Received: total.received, Sent: spoken.packets, Refused: spoken.refused, FarLost: r.farLost, FarLoss: r.farLoss, FarJitter: r.farJitter,
		Trip: r.trip, Foreign: e.counts.foreign, Bad: e.counts.malformed + e.counts.strange + r.malformed, Unopened: e.counts.unopened, Made: e.counts.concealed,
	}
	if e.coding == nil || total.received == 0 {
		return q
	}
	held := e.buffer.Stats()
	// What came twice does not make up for what was lost.
	q.Lost = max(0, total.expected-total.received+int64(held.Duplicates)) //nolint:gosec // a count
	q.Late, q.Delay = int64(held.Late), held.Delay                        //nolint:gosec // a count
	q.Loss = min(1, float64(q.Lost+q.Late)/float64(max(total.expected, 1)))
	q.Jitter = time.Duration(e.reception.jitter * float64(time.Second) / float64(e.coding.clock))
	q.MOS = opinion(rating(q.Trip/2+q.Delay+e.Codec.Ptime, q.Loss, e.coding.ie, e.coding.bpl))
	return q
}

// rating is the R of ITU-T G.107 with its default values for all that is not known here: no noise, no echo, loss at random. Delay is from
// mouth to ear, loss a share; ie is how a codec impairs, and bpl how it bears loss (ITU-T G.113, appendix I).
func rating(delay time.Duration, loss, ie, bpl float64) float64 {
	const clean, knee = 93.2, 177.3 // the default rating; milliseconds from which on a delay disturbs a conversation
	ms := float64(delay) / float64(time.Millisecond)
	delayed := 0.024 * ms
	if ms > knee {
		delayed += 0.11 * (ms - knee)
	}
	lost := 100 * loss
	return clean - delayed - (ie + (95-ie)*lost/(lost+bpl))
}

// opinion is the mean opinion score that a rating stands for (G.107, annex B).
func opinion(r float64) float64 {
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return math.Max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
