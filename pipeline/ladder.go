package pipeline

import (
	"errors"
	"fmt"
	"time"

	"parley/media"
)

// A Rung is one step of what an agent does when nobody speaks. A word or a key of the caller leads back to the first rung.
//
//	5 s ──▶ "Are you still there?" ──10 s──▶ the responder is asked ──10 s──▶ "Goodbye." ──▶ hang up, cause silence
type Rung struct {
	// After is the silence before the rung, counted from the last sound of either side; 0: Manners.Silence, 1 s to 10 min. A response
	// that expects something may ask for another patience once (Expect.Patience).
	After time.Duration
	// Say is what is said; empty: the responder is asked, ForSilence. Of a rung that hangs up these are the last words, and may be missing.
	Say string
	// HangUp ends the call after Say; a caller who speaks meanwhile keeps it.
	HangUp bool
}

// mostRungs is the longest ladder.
const mostRungs = 20

// ladder is m's Ladder, or what Silence, Reprompts and Goodbye make of it: the responder is asked some times, and then it is goodbye.
func (m *Manners) ladder() []Rung {
	if len(m.Ladder) > 0 {
		return m.Ladder
	}
	rungs := make([]Rung, max(m.Reprompts, 0), max(m.Reprompts, 0)+1)
	return append(rungs, Rung{Say: m.Goodbye, HangUp: true})
}

// checkLadder says what is wrong with each rung.
func (m *Manners) checkLadder() error {
	if len(m.Ladder) > mostRungs {
		return fmt.Errorf("%s has %d rungs: want at most %d", "Ladder", len(m.Ladder), mostRungs)
	}
	var bad []error
	for i, r := range m.Ladder {
		after := limit[time.Duration]{fmt.Sprintf("Ladder[%d].After", i), &r.After, time.Second, 10 * time.Minute, m.Silence}
		after.fill()
		bad = append(bad, after.check())
		if r.Say != "" && !speakable(r.Say) {
			bad = append(bad, fmt.Errorf("Ladder[%d].Say is %q: want words, or nothing", i, r.Say))
		}
		switch last := i == len(m.Ladder)-1; {
		case r.HangUp && !last:
			bad = append(bad, fmt.Errorf("Ladder[%d].HangUp is set: want it in the last rung only, Ladder[%d]", i, len(m.Ladder)-1))
		case last && !r.HangUp:
			bad = append(bad, fmt.Errorf("Ladder[%d].HangUp is not set: want it in the last rung, or the silence never ends", i))
		}
	}
	return errors.Join(bad...)
}

// rung is the next one to be taken.
func (d *dialog) rung() Rung {
	rungs := d.manners.ladder()
	return rungs[min(d.silences, len(rungs)-1)]
}

// patience is how long nobody speaks before the next rung is taken.
func (d *dialog) patience() time.Duration {
	switch r := d.rung(); {
	case d.expect.Patience > 0:
		return d.expect.Patience
	case r.After > 0:
		return r.After
	}
	return d.manners.Silence
}

// climb takes the next rung.
func (d *dialog) climb() {
	r := d.rung()
	d.silences++
	switch {
	case r.HangUp:
		d.carryOut(order{command: Command{Kind: HangUp, Text: r.Say}, why: ForSilence, cause: media.CauseSilence})
	case r.Say != "":
		d.carryOut(order{command: Command{Kind: Say, Text: r.Say}, why: ForSilence})
	default:
		d.begin(&turn{why: ForSilence})
	}
}
