package pipeline

import (
	"math"
	"slices"
	"sync"
	"time"
)

// stretch is where in a sound a unit of its text was said, in hops.
type stretch struct{ from, to int }

// What is expected of speech. Lengths are judged by their logarithms: a unit is as likely to be half as long as twice as long.
const (
	lengthOff  = 0.285 // standard deviation of a unit's length from its beats, in one voice
	unitCost   = 2.68  // what makes one long unit as likely as two short ones
	nucleusOff = 0.3   // cost of each syllable that the sound has more or less than the text

	// How much likelier a place in the sound is where a unit ends than where it goes on, as a logarithm.
	atNothing = -0.85
	atDip     = 0.66 // of 10 dB
	atGap     = 0.9  // of 120 ms, where there is no punctuation
	atPause   = 6    // of 180 ms and punctuation, beside that
	noPause   = -2.3 // no gap, but punctuation
)

// What is known of a voice's pace, and how far off that is (standard deviation of the logarithm).
const (
	usualBeat    = 115 * time.Millisecond
	usualOff     = 0.25
	learnedOff   = 0.1  // from one reply of a voice to the next
	perNucleus   = 1.15 // beats of a unit as its syllables are counted in text, by the length of a syllable as it is counted in sound
	perOff       = 0.15 // from one voice to another
	perEachOff   = 0.5  // of each nucleus
	evenOff      = 0.05 // of the whole sound for the whole text
	leastNuclei  = 2    // a second: what has fewer is no speech
	shortestUnit = 5    // hops
	farthest     = 3.5  // standard deviations: nothing is farther off
	beam         = 6    // what costs so much more than the best is given up
)

// An aligner finds the likeliest way to have said units in a sound, by dynamic programming over the joints at which they may end
// (a semi-Markov model). It costs about a millisecond for a minute of speech.
//
// What makes a way likely: units as long as their beats at the voice's pace, which each way measures for itself as it goes; as many
// syllables; ends in gaps and dips; gaps at punctuation.
type aligner struct {
	units  []unit
	joints []joint
	whole  bool      // all units were said
	pace   float64   // of a beat, in hops, by what is known at first: a logarithm
	sure   float64   // for how many units that counts
	ways   []way     // that were not given up, by the joint where they end
	best   []way     // by units
	open   []int     // ways whose next unit may still end
	logs   []float64 // of lengths in hops
	smooth []float64 // levels of the sound
}

// aligners are between two alignments: one needs some 50 KB for a millisecond, and a thousand calls need one now and then. They have no
// goroutine and nobody waits for them.
var aligners = sync.Pool{New: func() any { return new(aligner) }}

// way is the likeliest way to have said so many units by a joint.
type way struct {
	cost        float64 // minus the logarithm of its likelihood
	units       int
	joint       int     // where the last of them ends
	before      int     // the way to have said the others
	pace        float64 // sum over its units of the logarithms of a beat in them
	length, off float64 // of the next unit, in hops: logarithm and standard deviation
	least, most int     // hops that it may take
}

// align finds where units were said in a sound that begins with them, and has all of them if it is whole; in a sound that is not, the
// last is the one that is being said at its end. Beat is the voice's, if known. It is nil if the sound tells nothing.
func align(units []unit, levels []uint8, whole bool, beat time.Duration) []stretch {
	a := aligners.Get().(*aligner)
	defer a.rest()
	a.units, a.whole = units, whole
	a.join(levels)
	sound := a.end().sound
	if len(units) == 0 || sound == 0 || a.end().nuclei*int(time.Second/hop) < leastNuclei*sound {
		return nil
	}
	a.guess(beat)
	a.ways = append(a.ways, a.ready(way{}))
	a.open = append(a.open, 0)
	logs, best := a.lengths(sound), a.none(len(units))
	for j := 1; j < len(a.joints); j++ {
		to := &a.joints[j]
		plain, stop := to.ends(false), to.ends(true)
		low, high, least := len(units), 0, math.Inf(1)
		a.open = slices.DeleteFunc(a.open, func(n int) bool {
			w := &a.ways[n]
			from, u := &a.joints[w.joint], &units[w.units]
			hops := to.sound - from.sound
			if hops < w.least || from.to < u.given {
				return false
			}
			if hops > w.most {
				return true
			}
			x := (logs[hops] - w.length) / w.off
			cost := w.cost + x*x/2 + logs[hops] - unitCost + nucleusOff*math.Abs(float64(to.nuclei-from.nuclei)-u.syllables)
			if u.pause > 0 {
				cost -= stop
			} else {
				cost -= plain
			}
			if k := w.units + 1; cost < best[k].cost {
				best[k] = way{cost: cost, units: k, joint: j, before: n, pace: w.pace + logs[hops] - u.log}
				low, high, least = min(low, k), max(high, k), min(least, cost)
			}
			return false
		})
		for k := low; k <= high; k++ {
			if best[k].cost <= least+beam {
				if k < len(units) {
					a.open = append(a.open, len(a.ways))
				}
				a.ways = append(a.ways, a.ready(best[k]))
			}
			best[k].cost = math.Inf(1)
		}
	}
	return a.likeliest(len(levels))
}

// rest keeps the aligner's memory for another sound.
func (a *aligner) rest() {
	a.units = nil
	a.joints, a.ways, a.open = a.joints[:0], a.ways[:0], a.open[:0]
	aligners.Put(a)
}

// lengths are the logarithms of the lengths that a unit may have in the sound.
func (a *aligner) lengths(sound int) []float64 {
	for i := len(a.logs); i <= sound; i++ {
		a.logs = append(a.logs, math.Log(float64(i)))
	}
	return a.logs
}

// none are the best ways to have said up to so many units: there is none yet.
func (a *aligner) none(units int) []way {
	a.best = slices.Grow(a.best[:0], units+1)[:units+1]
	for i := range a.best {
		a.best[i] = way{cost: math.Inf(1)}
	}
	return a.best
}

func (a *aligner) end() *joint { return &a.joints[len(a.joints)-1] }

// guess is what is known of the voice's pace before its units are looked at.
func (a *aligner) guess(beat time.Duration) {
	beats, syllables := 0.0, 0.0
	for _, u := range a.units {
		beats, syllables = beats+u.beats, syllables+u.syllables
	}
	sound, nuclei := float64(a.end().sound), float64(a.end().nuclei)
	even := math.Log(sound / beats)
	known := func(off float64) float64 { return 1 / (off * off) }
	if a.whole {
		a.pace, a.sure = even, known(evenOff)*lengthOff*lengthOff
		return
	}
	sure := known(learnedOff)
	if beat == 0 {
		beat, sure = usualBeat, known(usualOff)
	}
	a.pace = math.Log(float64(beat) / float64(hop))
	counted := 1 / (perOff*perOff + perEachOff*perEachOff/nuclei)
	a.pace = (sure*a.pace + counted*math.Log(perNucleus*sound/nuclei*syllables/beats)) / (sure + counted)
	a.pace = max(a.pace, even) // the sound so far is of no more than the text so far
	a.sure = (sure + counted) * lengthOff * lengthOff
}

// ready says how long a way's next unit is expected to be: by what is known of the pace, and by the units that it has.
func (a *aligner) ready(w way) way {
	if w.units < len(a.units) {
		n := a.sure + float64(w.units)
		w.length = (a.sure*a.pace+w.pace)/n + a.units[w.units].log
		w.off = lengthOff * math.Sqrt(1+1/n)
		w.least = max(shortestUnit, int(math.Exp(w.length-farthest*w.off)))
		w.most = int(math.Exp(w.length + farthest*w.off))
	}
	return w
}

// ends says how much likelier it is that a unit ends at the joint than that it goes on, as a logarithm; stop, if a pause is due.
func (j *joint) ends(stop bool) float64 {
	likely := atNothing
	switch gap := float64(j.gap()) / 12; {
	case j.gap() >= shortGap && stop:
		return atGap*min(gap, 2.5) + atPause*min(gap-0.5, 1)
	case j.gap() >= shortGap:
		return atGap * min(gap, 2.5)
	case j.depth > 0:
		likely = atNothing/4 + (atDip-atNothing/4)*min(j.depth/10, 1)
	}
	if stop {
		likely += noPause
	}
	return likely
}

// likeliest is the way that explains all of the sound best, as stretches.
func (a *aligner) likeliest(hops int) []stretch {
	best, least, last := -1, math.Inf(1), stretch{}
	for n := range a.ways {
		if cost, next := a.finish(&a.ways[n], hops); cost < least {
			best, least, last = n, cost, next
		}
	}
	if best < 0 {
		return nil
	}
	var all []stretch
	if last.to > 0 {
		all = append(all, last)
	}
	for n := best; a.ways[n].units > 0; n = a.ways[n].before {
		w := &a.ways[n]
		all = append(all, stretch{a.joints[a.ways[w.before].joint].to, a.joints[w.joint].from})
	}
	slices.Reverse(all)
	return all
}

// finish is what a way costs if the sound behind it is of its next unit, and no more was made of that yet; and where that unit is.
func (a *aligner) finish(w *way, hops int) (cost float64, next stretch) {
	at, left := &a.joints[w.joint], float64(a.end().sound-a.joints[w.joint].sound)
	switch {
	case a.whole && left == 0 && w.units == len(a.units):
		return w.cost, next
	case a.whole:
		return math.Inf(1), next
	case w.units == len(a.units), at.to < a.units[w.units].given, left > float64(w.most): // of nothing that we know
		return w.cost + left, next
	case left > 0:
		longer := math.Erfc((math.Log(left)-w.length)/w.off/math.Sqrt2) / 2
		return w.cost - math.Log(longer), stretch{at.to, max(at.to+int(math.Exp(w.length)), hops)}
	case at.gap() < shortGap: // the sound breaks off in a unit
		return math.Inf(1), next
	}
	return w.cost, next
}
