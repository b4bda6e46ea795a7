package pipeline

import (
	"errors"
	"time"
)

// Patience is how long a pause has to be to end the caller's turn, by what they have said so far, by how its end sounds and by how they
// speak. A recogniser that tells the words of a pause before Hangover lets a turn end early; one that gives words while speech goes on,
// late; with any other, and where it finds the end of a turn itself, nothing of this counts. Somebody who goes on in spite of all takes
// their turn back: an answer of which nothing was heard is withdrawn.
//
//	last voiced frame ──Least──▶ complete ──Hangover──▶ who knows? ──Most──▶ breaks off ──Entity──▶ a number, half given
//
// Where it is known how the pause sounds (Transcript.Finished), that confirms or vetoes what the words leave open:
//
//	                        not known       goes on         doubtful        finished        surely
//	a full answer           Least           Least           Least           Least           Least
//	a full stop             Least           Hangover*3/2    Hangover        Least           Least
//	nothing to tell by      Hangover        Hangover*3/2    Hangover        between         between         Least and Hangover
//	a comma                 Hangover*3/2    Hangover*3/2    Hangover*3/2    Hangover        Hangover
//	breaks off              Most            Most            Most            Most            Hangover*2
//	a number, half given    Entity          Entity          Entity          Entity          Entity
//
// Who has paused before in this turn, and gone on, is given more time after a full stop, up to Hangover.
type Patience struct {
	Least  time.Duration // after a whole sentence or a full answer; default 350 ms or Hangover, 100 ms to Hangover
	Most   time.Duration // after words that break off; default 2 s or Hangover, Hangover to 10 s
	Entity time.Duration // in an entity that is not whole: see Expect.Kind; default 3 s or Most, Most to 15 s
	Fixed  bool          // every turn ends at Hangover, whatever was said
}

func (p Patience) withDefaults(m *Manners) Patience {
	if p.Least == 0 {
		p.Least = min(350*time.Millisecond, m.Hangover)
	}
	if p.Most == 0 {
		p.Most = max(2*time.Second, m.Hangover)
	}
	if p.Entity == 0 {
		p.Entity = max(3*time.Second, p.Most)
	}
	return p
}

// check names every field that is out of its range.
func (p Patience) check(m *Manners) error {
	var bad []error
	for _, l := range []limit[time.Duration]{
		{"Patience.Least", &p.Least, 100 * time.Millisecond, m.Hangover, 0},
		{"Patience.Most", &p.Most, m.Hangover, 10 * time.Second, 0},
		{"Patience.Entity", &p.Entity, p.Most, 15 * time.Second, 0},
	} {
		bad = append(bad, l.check())
	}
	return errors.Join(bad...)
}

// cadence is what the sound of a pause says of the end of the caller's turn.
type cadence uint8

const (
	unjudged cadence = iota // not known
	goesOn                  // as if the caller were not done
	doubtful                // neither
	finished                // as if they were
	surely                  // the same, beyond the doubt that words may cast on it
)

// The bars for Transcript.Finished, measured on recorded sentences, whole and cut in the middle (bench/turns).
const (
	goesOnBelow  = 0.1
	finishedFrom = 0.3
	surelyFrom   = 0.97
)

func cadenceOf(likely float64) cadence {
	switch {
	case likely <= 0:
		return unjudged
	case likely < goesOnBelow:
		return goesOn
	case likely < finishedFrom:
		return doubtful
	case likely < surelyFrom:
		return finished
	}
	return surely
}

// wait is the table of Patience, for a caller of the usual pace.
func (p Patience) wait(words completeness, sound cadence, hangover time.Duration) time.Duration {
	longer := min(hangover*3/2, p.Most)
	switch words {
	case complete:
		return p.Least
	case incomplete:
		if sound == surely {
			return min(2*hangover, p.Most)
		}
		return p.Most
	case piece:
		return p.Entity
	}
	switch {
	case sound == goesOn:
		return longer
	case words == unsettled && sound < finished:
		return longer
	case words == unsettled, sound == doubtful, words == unknown && sound == unjudged:
		return hangover
	case words == claimed:
		return p.Least
	}
	return (p.Least + hangover) / 2
}
