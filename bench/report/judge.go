package report

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Bars are what a step must keep to count as carried. The zero Bars forbid all loss and set no times: media after clear, and a step in which
// nothing came, fail always.
type Bars struct {
	Lateness   time.Duration // most p99; 0: any
	SetUp      time.Duration // most p99; 0: any
	Greeting   time.Duration // most p99; 0: any
	VoiceVoice time.Duration // most p99; 0: any
	ToClear    time.Duration // most p99; 0: any

	Lost       float64 // most share of the agents' frames; 1: any
	Dry        float64 // most share of the agents' frames that came after they had to sound; 1: any
	Unanswered float64 // most share of the callers' turns; 1: any
	Missed     float64 // most share of the barge-ins that the agent speaks on through; 1: any
	Refused    float64 // most share of the calls offered; 1: any
	Broken     float64 // most share of the calls offered; 1: any
}

// Judge says which bars a step has missed, each with the figure and the bar; none: it was carried.
func (b Bars) Judge(s Step) (missed []string) {
	if s.Tally.Answered == 0 && s.Counts[FramesOut] == 0 {
		missed = append(missed, "no call was answered")
	}
	for _, t := range []struct {
		name string
		most time.Duration
	}{{Lateness, b.Lateness}, {SetUp, b.SetUp}, {Greeting, b.Greeting}, {VoiceVoice, b.VoiceVoice}, {ToClear, b.ToClear}} {
		most := float64(t.most) / float64(time.Millisecond)
		if got := s.Times[t.name]; t.most > 0 && got.N > 0 && got.P99 > most {
			missed = append(missed, fmt.Sprintf("%s p99 %s ms: at most %s ms", t.name, Number(got.P99), Number(most)))
		}
	}
	for _, share := range []struct {
		name    string
		n, of   int64
		most    float64
		reasons map[string]int64
	}{
		{FramesLost, s.Counts[FramesLost], s.Counts[FramesOut] + s.Counts[FramesLost], b.Lost, nil},
		{Dry, s.Counts[Dry], s.Counts[FramesOut], b.Dry, nil},
		{Unanswered, s.Counts[Unanswered], s.Counts[Turns] + s.Counts[Unanswered], b.Unanswered, nil},
		{Missed, s.Counts[Missed], s.Counts[BargeIns], b.Missed, nil},
		{"refused", sum(s.Tally.Refused), s.Tally.Offered, b.Refused, s.Tally.Refused},
		{"broken", sum(s.Tally.Broken), s.Tally.Offered, b.Broken, s.Tally.Broken},
	} {
		if got := Share(share.n, share.of); got > share.most {
			missed = append(missed, fmt.Sprintf("%s %d of %d, %s %%: at most %s %%%s", share.name, share.n, share.of, Number(100*got), Number(100*share.most), why(share.reasons)))
		}
	}
	if n := s.Counts[AfterClear]; n > 0 {
		missed = append(missed, fmt.Sprintf("%s %d: none is allowed", AfterClear, n))
	}
	return missed
}

// why tells reasons in brackets.
func why(reasons map[string]int64) string {
	if len(reasons) == 0 {
		return ""
	}
	return " (" + Reasons(reasons) + ")"
}

// Reasons tells how many there were of each kind, most first, as in "busy 7, speech 1"; of many kinds the first five.
func Reasons(counts map[string]int64) string {
	const most = 5
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var texts []string
	for _, kind := range kinds[:min(len(kinds), most)] {
		texts = append(texts, fmt.Sprintf("%s %d", kind, counts[kind]))
	}
	if len(kinds) > most {
		texts = append(texts, "...")
	}
	return strings.Join(texts, ", ")
}

// Share is n of so many; of none, all of n counts as one.
func Share(n, of int64) float64 {
	if of <= 0 {
		return float64(min(n, 1))
	}
	return float64(n) / float64(of)
}

func sum(counts map[string]int64) (all int64) {
	for _, n := range counts {
		all += n
	}
	return all
}

// Refusals is how many calls were refused, whatever the reason.
func (t Tally) Refusals() int64 { return sum(t.Refused) }

// Breaks is how many calls went wrong, in whatever way.
func (t Tally) Breaks() int64 { return sum(t.Broken) }

// Judged is the goal with Met as its figures have it.
func (g Goal) Judged() Goal {
	g.Met = g.Got <= g.Want
	if g.Least {
		g.Met = g.Got >= g.Want
	}
	return g
}

// String is the goal in a line, as in "calls carried: 900, want at least 850 calls".
func (g Goal) String() string {
	word := "at most"
	if g.Least {
		word = "at least"
	}
	return fmt.Sprintf("%s: %s, want %s %s %s", g.Name, Number(g.Got), word, Number(g.Want), g.Unit)
}

// Missed joins the goals that fail the run; nil if there are none.
func (r *Report) Missed() error {
	var bad []error
	for _, g := range r.Goals {
		if g.Gate && !g.Met {
			bad = append(bad, errors.New(g.String()))
		}
	}
	return errors.Join(bad...)
}
