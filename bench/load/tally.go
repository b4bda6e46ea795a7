package load

import (
	"maps"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"parley/bench/report"
)

// mostReasons is how many reasons of a kind are told apart.
const mostReasons = 20

// A tally is what became of the calls of a step, kept by those who place them. Any goroutine may use it.
type tally struct {
	mu             sync.Mutex
	kept           report.Tally
	setUp, refusal *hdrhistogram.Histogram // of microseconds, from when a call had to be placed
}

func newTally() *tally {
	return &tally{
		kept:  report.Tally{Refused: map[string]int64{}, Broken: map[string]int64{}},
		setUp: report.NewHistogram(), refusal: report.NewHistogram(),
	}
}

func (t *tally) offers() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Offered++
}

func (t *tally) answers(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Answered++
	report.Record(t.setUp, took)
}

func (t *tally) refuses(why string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(t.kept.Refused, why)
	report.Record(t.refusal, took)
}

func (t *tally) breaks(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(t.kept.Broken, why)
}

// count adds one for a reason, or for others where there are many.
func count(reasons map[string]int64, why string) {
	if _, known := reasons[why]; !known && len(reasons) >= mostReasons {
		why = "others"
	}
	reasons[why]++
}

// fill puts the tally into a report's step.
func (t *tally) fill(s *report.Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Tally = t.kept
	s.Tally.Refused, s.Tally.Broken = maps.Clone(t.kept.Refused), maps.Clone(t.kept.Broken)
	s.Times[report.SetUp], s.Times[report.Refusal] = report.SpreadOf(t.setUp), report.SpreadOf(t.refusal)
}

// counts are offered, answered, refused and broken calls so far.
func (t *tally) counts() (offered, answered, refused, broken int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.kept.Refused {
		refused += n
	}
	for _, n := range t.kept.Broken {
		broken += n
	}
	return t.kept.Offered, t.kept.Answered, refused, broken
}
