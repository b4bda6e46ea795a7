package media

import (
	"sync/atomic"
	"time"
)

// PlayoutStats are what a Playout has sent, and where it broke off.
type PlayoutStats struct {
	Sent int64 // frames of 20 ms: speech, keys and comfort noise; what is short of a frame counts when it is whole
	Dry  int64 // times that speech broke off in the middle since its voice brought no more of it in time
	Late int64 // times that it broke off since it was sent too late: the pacer's beat did not come
}

// counts are a Playout's: written under its mutex, and read without it, so that who looks does not make a call wait.
type counts struct{ sent, dry, late atomic.Int64 }

// Stats says how things stand. It may be called by any goroutine and waits for nobody.
func (p *Playout) Stats() PlayoutStats {
	return PlayoutStats{Sent: p.counts.sent.Load() / int64(p.frame), Dry: p.counts.dry.Load(), Late: p.counts.late.Load()}
}

// dry says whether an utterance of which more is about to be written has fallen silent meanwhile, for longer than a frame.
func (u *Utterance) dry(now time.Time) bool {
	return u.state == playing && u.sent > 0 && u.unsent() == 0 && !u.p.resting && now.Sub(u.p.ledger.end) > FrameTime
}
