package pipeline

import (
	"slices"
	"time"

	"parley/media"
)

// reel is what the caller has said last, in stretches of speech, with a little of the silence around each. While one goes on it is written
// to the session as it comes, so that nothing is left to be sent when the turn is over. What was written and is no part of the turn, as
// an "mhm" while the agent spoke, is cleared, and the turn written anew.
//
//	── lead ─┬─ Began ── speech ── MaybeEnded ── Resumed ── speech ── Ended ─┬─
//	         └───────────────────────── stretch ─────────────────────────────┘
type reel struct {
	rate     int
	lead     []int16 // the last that was heard before a stretch
	speaks   bool    // the last of stretches goes on
	all      []spell
	unwanted bool // what was written must be cleared
	spilt    bool // at once: the oldest of it is not kept any more, and the session keeps all that it has
}

// spell is one stretch of speech.
type spell struct {
	from time.Duration // since the answer
	pcm  []int16
	sent int  // so much of it was written since the last Heard or Clear
	kept bool // it is not written while it goes on: a part of it was taken
	torn bool // its beginning is lost
}

const (
	// reelLead is how much is kept of what was before a stretch: the ear is sure of its beginning a little later, and may miss a soft one.
	reelLead = 300 * time.Millisecond
	// reelMost is how much is kept in all; a turn that is longer is told in words.
	reelMost = 90 * time.Second
)

// hear takes a frame, and returns what of it is to be written at once. What it returns is lent.
func (r *reel) hear(at time.Duration, f media.Frame, e Edge) []int16 {
	if !r.speaks {
		most := r.samples(reelLead)
		r.lead = append(r.lead, f.PCM...)
		if over := len(r.lead) - most; over > 0 {
			r.lead = slices.Delete(r.lead, 0, over)
		}
		if e.Kind != Began {
			return nil
		}
		r.speaks = true
		r.all = append(r.all, spell{from: max(at+f.Duration()-media.Samples(len(r.lead), r.rate), 0), pcm: slices.Clone(r.lead), sent: len(r.lead)})
		return r.lead
	}
	s := &r.all[len(r.all)-1]
	s.pcm = append(s.pcm, f.PCM...)
	r.speaks = e.Kind != Ended
	if !r.speaks {
		r.lead = r.lead[:0]
	}
	r.shorten()
	if s = &r.all[len(r.all)-1]; s.kept || s.sent+len(f.PCM) != len(s.pcm) {
		return nil
	}
	s.sent = len(s.pcm)
	return f.PCM
}

// shorten drops the oldest, where there is too much.
func (r *reel) shorten() {
	total := 0
	for _, s := range r.all {
		total += len(s.pcm)
	}
	most := r.samples(reelMost)
	for total > most && len(r.all) > 1 {
		total -= len(r.all[0].pcm)
		r.spilt = r.spilt || r.all[0].sent > 0
		r.all = slices.Delete(r.all, 0, 1)
	}
	if s := &r.all[0]; total > most {
		s.torn, s.kept, s.pcm = true, true, s.pcm[:0]
		r.spilt = r.spilt || s.sent > 0
		s.sent = 0
	}
}

// unsent: the session is new, and nothing was written to it.
func (r *reel) unsent() {
	r.unwanted, r.spilt = false, false
	for i := range r.all {
		r.all[i].sent, r.all[i].kept = 0, true
	}
}

// write lets a session have the sound of a message of the caller's, and no other. It says whether there is any: not of what was typed, nor
// of what was too long.
func (r *reel) write(to Session, m Message) (bool, error) {
	if m.Length <= 0 {
		return false, nil
	}
	r.all = slices.DeleteFunc(r.all, func(s spell) bool {
		old := s.until(r.rate) <= m.At
		r.unwanted = r.unwanted || old && s.sent > 0
		return old
	})
	r.speaks = r.speaks && len(r.all) > 0
	var wanted [][]int16
	fits := !r.unwanted
	for _, s := range r.all {
		if s.torn {
			return false, nil
		}
		if s.from >= m.At+m.Length {
			fits = fits && s.sent == 0
			continue
		}
		from := min(max(r.samples(m.At-reelLead-s.from), 0), len(s.pcm))
		wanted = append(wanted, s.pcm[from:])
		fits = fits && from == 0 && s.sent == len(s.pcm)
	}
	if len(wanted) == 0 {
		return false, nil
	}
	if !fits {
		if err := to.Clear(); err != nil {
			return false, err
		}
		for _, pcm := range wanted {
			if err := to.Write(pcm); err != nil {
				return false, err
			}
		}
	}
	r.unsent()
	return true, nil
}

// until is when a stretch ended, or how far it has come.
func (s *spell) until(rate int) time.Duration { return s.from + media.Samples(len(s.pcm), rate) }

// samples are how many last so long.
func (r *reel) samples(d time.Duration) int { return int(d * time.Duration(r.rate) / time.Second) }
