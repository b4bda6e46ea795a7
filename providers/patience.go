package providers

import (
	"cmp"
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"parley/media"
)

// patience is with one voice's attempt: it loses it when the voice owes sound and lets the caller wait. A voice that waits for text owes
// nothing but the clauses that it was given; who takes its sound, and does so slowly, is not waited for.
type patience struct {
	attempt      *attempt
	first, stall time.Duration
	late         context.CancelCauseFunc

	mu       sync.Mutex
	timer    *time.Timer
	asked    bool // the voice has begun to read
	waits    bool // for text
	taking   bool // its sound is being taken
	owed     bool
	sounds   bool          // it has made any
	made     time.Duration // how much
	last     time.Time     // when it was last heard, given text that it lacked, or not waited for
	till     time.Time     // when all that it has made has been heard, if that began at once and never stopped
	starved  time.Duration // how long there was nothing to hear, less what it has made up for
	decided  bool          // it was late
	finished bool
}

func newPatience(a *attempt, late context.CancelCauseFunc) *patience {
	p := &patience{
		attempt: a, late: late, last: time.Now(),
		first: cmp.Or(a.voices.Patience, DefaultPatience), stall: cmp.Or(a.voices.Stall, DefaultStall),
	}
	p.timer = time.AfterFunc(math.MaxInt64, p.look)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arm()
	return p
}

// end says that the attempt is over.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = true
	p.timer.Stop()
}

// reads is told when the voice is given text, and when it begins to wait for some.
func (p *patience) reads(waits bool) {
	told, _, _ := p.attempt.text.state()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.waits = true, waits
	if p.attempt.given = len(told); !p.sounds {
		p.last = time.Now()
	}
	p.arm()
}

// makes notes n samples, which are being taken; false: it was too late.
func (p *patience) makes(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.decided {
		return false
	}
	p.taking = true
	p.timer.Stop()
	if n == 0 {
		return true
	}
	now, length := time.Now(), media.Samples(n, p.attempt.how.Rate)
	if p.sounds && p.owed && now.After(p.till) {
		p.starved += now.Sub(p.till)
	}
	p.made += length
	p.starved = max(0, p.starved-length/4)
	p.sounds, p.last = true, now
	p.till = later(p.till, now).Add(length)
	p.attempt.heard = p.attempt.given
	return true
}

// taken says that the voice's sound was.
func (p *patience) taken() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taking = false
	if p.sounds {
		p.last = time.Now()
		p.till = later(p.till, p.last)
	}
	p.arm()
}

// arm sets the timer to when the voice will be late, if it owes sound.
func (p *patience) arm() {
	was := p.owed
	p.owed = p.owes()
	if p.owed && !was && p.sounds { // what it was silent before is not its fault
		p.last = time.Now()
		p.till = later(p.till, p.last)
	}
	p.timer.Stop()
	if due, ok := p.due(); ok {
		p.timer.Reset(max(0, time.Until(due)))
	}
}

// owes says whether there is text that the voice ought to have spoken, or be speaking.
func (p *patience) owes() bool {
	if !p.asked {
		return true
	}
	a := p.attempt
	told, _, _ := a.text.state()
	text := told[a.from:max(a.from, min(a.given, len(told)))]
	if !p.waits {
		return speakable(text)
	}
	text = text[:strings.LastIndexAny(text, ".,;:!?\n…。，！？")+1]
	return speakable(text) && time.Duration(beatsOf(text)*float64(hastyBeat)) > p.made
}

// due is when the voice is late; false: never, as things are.
func (p *patience) due() (time.Time, bool) {
	switch {
	case p.finished, p.decided, p.taking, !p.owed, p.attempt.last:
		return time.Time{}, false
	case !p.sounds:
		return p.last.Add(p.first), !p.attempt.patient
	}
	stops, drips := later(p.last.Add(p.stall), p.till), p.till.Add(max(0, p.stall-p.starved))
	if drips.Before(stops) {
		return drips, true
	}
	return stops, true
}

// look is the timer's.
func (p *patience) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	due, ok := p.due()
	switch left := time.Until(due); {
	case !ok:
	case left > 0:
		p.timer.Reset(left)
	default:
		p.decided = true
		if p.sounds {
			p.late(errStalled)
		} else {
			p.late(errTooQuiet)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
