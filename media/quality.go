package media

import "time"

// Quality is how well a leg's packets travel, from the beginning of the call. Counts are of packets where nothing else is said.
type Quality struct {
	MOS float64 // what a listener at our end would say of the far end's sound, 1 to 4.5 (ITU-T G.107); 0: nothing has come yet

	Received int64         // of the far end
	Lost     int64         // that never came
	Late     int64         // that came when their time was over
	Loss     float64       // the share of what the far end has sent that was lost or late
	Made     int64         // frames of 20 ms that were made up in their place
	Jitter   time.Duration // by how much the time that packets take varies (RFC 3550, section 6.4.1)
	Delay    time.Duration // for which they are held back to make up for it

	Sent      int64         // to the far end
	Refused   int64         // that our own system did not take, and which are lost
	FarLost   int64         // that the far end has missed, by its own reports
	FarLoss   float64       // the share of them in its last report
	FarJitter time.Duration // as it sees it
	Trip      time.Duration // there and back, by its last report; 0: unknown

	Foreign  int64 // packets of others, which nobody has heard
	Bad      int64 // that were no RTP, of no agreed type or source, or not in order
	Unopened int64 // that were forged, repeated, or secured with another key
}

// Concealed is for how long sound was made up in place of packets that were missing.
func (q Quality) Concealed() time.Duration { return time.Duration(q.Made) * FrameTime }

// A Gauge is a Leg that knows the Quality of its way. Quality may be called by any goroutine, at any time, also when the leg has ended.
type Gauge interface {
	Quality() Quality
}

// QualityOf asks the Gauge in a leg, or in one that it stands before (Unwrap). False: there is none, or nothing has travelled yet.
func QualityOf(leg Leg) (Quality, bool) {
	g, ok := within[Gauge](leg)
	if !ok {
		return Quality{}, false
	}
	q := g.Quality()
	return q, q.Received > 0 || q.Sent > 0
}
