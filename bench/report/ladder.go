package report

import (
	"cmp"
	"fmt"
	"slices"
)

// A Load is what a step offered.
type Load struct {
	Calls int     // at once
	Rate  float64 // new calls a second; 0 where a step's Calls say it all
}

// Load is the step's. A step of so many calls at once is known by these alone: its rate is but how it was climbed to.
func (s Step) Load() Load {
	if s.Calls > 0 {
		return Load{Calls: s.Calls}
	}
	return Load{Rate: s.Rate}
}

// Value is the load as a number: calls at once, or calls a second.
func (l Load) Value() float64 {
	if l.Calls > 0 {
		return float64(l.Calls)
	}
	return l.Rate
}

// String is the load in words.
func (l Load) String() string {
	if l.Calls > 0 || l.Rate == 0 {
		return fmt.Sprintf("%d calls", l.Calls)
	}
	return Number(l.Rate) + " calls/s"
}

// A Rung is what a server did under one load, in all rounds.
type Rung struct {
	Server string
	Load   Load
	Steps  []Step // in the order in which they ran; those that say nothing, too
}

// Servers are those of the report: product, floor and baseline first, then the others as they come.
func (r *Report) Servers() []string {
	all := []string{}
	for _, s := range r.Steps {
		if !slices.Contains(all, s.Server) {
			all = append(all, s.Server)
		}
	}
	known := []string{"product", "floor", "baseline"}
	place := func(name string) int {
		if i := slices.Index(known, name); i >= 0 {
			return i
		}
		return len(known)
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	return all
}

// Ladder is what a server did, from the least load to the most.
func (r *Report) Ladder(server string) []Rung {
	var all []Rung
	for _, s := range r.Steps {
		if s.Server != server {
			continue
		}
		i := slices.IndexFunc(all, func(g Rung) bool { return g.Load == s.Load() })
		if i < 0 {
			i, all = len(all), append(all, Rung{Server: server, Load: s.Load()})
		}
		all[i].Steps = append(all[i].Steps, s)
	}
	slices.SortStableFunc(all, func(a, b Rung) int { return cmp.Compare(a.Load.Value(), b.Load.Value()) })
	return all
}

// Sound are the steps that say something of the server.
func (g Rung) Sound() []Step {
	return slices.DeleteFunc(slices.Clone(g.Steps), func(s Step) bool { return s.Void != "" })
}

// Void says why none of the steps says anything; empty: one does.
func (g Rung) Void() string {
	if len(g.Sound()) > 0 || len(g.Steps) == 0 {
		return ""
	}
	return g.Steps[0].Void
}

// Carried says whether the server kept all bars in more than half of the rounds that say something of it.
func (g Rung) Carried() bool {
	kept := 0
	sound := g.Sound()
	for _, s := range sound {
		if len(s.Failed) == 0 {
			kept++
		}
	}
	return 2*kept > len(sound)
}

// Failed are the bars that were missed, each once, the one that most rounds missed first. They carry the figures of the first of these.
func (g Rung) Failed() []string {
	type missed struct {
		text  string
		times int
	}
	var all []missed
	for _, s := range g.Sound() {
		for _, text := range s.Failed {
			i := slices.IndexFunc(all, func(m missed) bool { return word(m.text) == word(text) })
			if i < 0 {
				i, all = len(all), append(all, missed{text: text})
			}
			all[i].times++
		}
	}
	slices.SortStableFunc(all, func(a, b missed) int { return cmp.Compare(b.times, a.times) })
	texts := make([]string, len(all))
	for i, m := range all {
		texts[i] = m.text
	}
	return texts
}

// word is what a missed bar begins with: its name.
func word(text string) string {
	for i, c := range text {
		if c == ' ' || c == ':' {
			return text[:i]
		}
	}
	return text
}

// Median is that of a figure over the rounds that say something; of those alone for which it is told. ok says whether there is any.
func (g Rung) Median(of func(Step) (v float64, told bool)) (median float64, ok bool) {
	return Median(g.Samples(of))
}

// Samples are a figure's, a round each, of the rounds that say something.
func (g Rung) Samples(of func(Step) (v float64, told bool)) []float64 {
	var all []float64
	for _, s := range g.Sound() {
		if v, told := of(s); told {
			all = append(all, v)
		}
	}
	return all
}

// Median is the middle of some numbers, or the mean of the two in the middle.
func Median(all []float64) (median float64, ok bool) {
	if len(all) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(all))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid], true
	}
	return (sorted[mid-1] + sorted[mid]) / 2, true
}

// A Knee is where a server's ladder ends.
type Knee struct {
	Carried *Rung // the most that was carried, with all below it; nil: nothing was
	Broke   *Rung // the least that was not; nil: all was
}

// Knee finds it. Rungs that say nothing are passed over.
func (r *Report) Knee(server string) (k Knee) {
	ladder := r.Ladder(server)
	for i := range ladder {
		g := &ladder[i]
		switch {
		case len(g.Sound()) == 0:
		case g.Carried():
			k.Carried = g
		default:
			k.Broke = g
			return k
		}
	}
	return k
}

// Figures of a step that are made of several others, as Rung.Median and Rung.Samples take them.

// Percentile is one of a time's, in milliseconds.
func Percentile(name string, q Quantile) func(Step) (float64, bool) {
	return func(s Step) (float64, bool) {
		t := s.Times[name]
		return t.At(q), t.N > 0
	}
}

// CPUPerCall is what a call cost the server, in percent of a core.
func CPUPerCall(s Step) (float64, bool) {
	n := s.Live()
	if n == 0 || s.Usage.CPU == 0 {
		return 0, false
	}
	return 100 * s.Usage.CPU / n, true
}

// MemoryPerCall is by how much a call made the server's memory grow, in KB of 1,000 bytes. A server that gave back more than the calls took says
// nothing of them.
func MemoryPerCall(s Step) (float64, bool) {
	n := s.Live()
	if n == 0 || s.Usage.RSSIdle == 0 || s.Usage.RSS <= s.Usage.RSSIdle {
		return 0, false
	}
	return float64(s.Usage.RSS-s.Usage.RSSIdle) / n / 1000, true
}

// Live is how many calls the server had at once, on average: each of them sends 50 frames a second. Where frames were not counted it is what was
// offered.
func (s Step) Live() float64 {
	if frames := s.Counts[FramesIn]; frames > 0 && s.Held > 0 {
		return float64(frames) / s.Held / 50
	}
	return float64(s.Calls)
}

// AllocsPerFrame is how many objects the server allocated for each frame in or out.
func AllocsPerFrame(s Step) (float64, bool) {
	frames := s.Counts[FramesIn] + s.Counts[FramesOut]
	if frames == 0 || s.Usage.CPU == 0 {
		return 0, false
	}
	return float64(s.Usage.Mallocs) / float64(frames), true
}
