package score_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/media"
	"parley/pipeline"
	. "parley/pipeline/score"
)

var update = flag.Bool("update", false, "write the goldens anew")

// scene is a score with a name, its golden in testdata, and what the golden does not say.
type scene struct {
	name  string
	score Score
	check func(*testing.T, *Performance)
	loose bool   // its voice speaks as nobody does, which matters where it tells no word times
	keys  string // that a guest has pressed, and the caller was
	lied  bool   // a provider lied, so that the call cannot know what was heard
	waits bool   // the agent waits for long, as it was told to
}

// play performs scenes, each in a bubble of its own, and holds each against its golden and against what is true of all.
func play(t *testing.T, scenes []scene) {
	t.Parallel()
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.score.Play(t, func(t *testing.T, p *Performance) {
				golden(t, s.name, p.String())
				truths(t, &s, p)
				if s.check != nil {
					s.check(t, p)
				}
				if t.Failed() {
					for _, e := range p.Events {
						t.Logf("%8v %s %q", e.At, e.Kind, e.Text)
					}
					t.Log(p.Log)
				}
			})
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no golden: run go test ./pipeline/score -update and read it: %v", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("not as written (-want +got):\n%s", diff)
	}
}

// truths are what holds of every call, however it goes.
func truths(t *testing.T, s *scene, p *Performance) {
	t.Helper()
	if n := len(p.Events); n == 0 || p.Events[n-1].Kind != pipeline.CallEnded {
		t.Error("the last event is not call_ended")
	}
	if p.Cause != p.Ending.Cause {
		t.Errorf("the carrier was told %q, the call ended with %q", p.Cause, p.Ending.Cause)
	}
	const still = 32 * time.Second
	turns, cuts, pressed := 0, 0, ""
	var fillers []string
	var told []pipeline.Message // turn by turn
	for i, e := range p.Events {
		if i > 0 && e.At < p.Events[i-1].At && p.Ending.Cause != media.CauseOverrun {
			t.Errorf("event %d at %v comes after one at %v", i, e.At, p.Events[i-1].At)
		}
		if i > 0 && e.At-p.Events[i-1].At > still && !s.waits {
			t.Errorf("dead air: nothing happened from %v to %v", p.Events[i-1].At, e.At)
		}
		if e.Kind == pipeline.Filled {
			fillers = append(fillers, strings.Fields(e.Text)...)
			if e.Text != "" {
				cuts++
			}
		}
		if e.Kind != pipeline.TurnEnded {
			continue
		}
		turns++
		timely(t, e)
		if e.Turn.First != len(told) {
			t.Errorf("turn %d: its messages begin at %d of the history, %d were told before", e.Turn.N, e.Turn.First, len(told))
		}
		told = append(told, e.Turn.Messages...)
		pressed += e.Turn.Pressed
		if e.Turn.Cut || e.Turn.Err != "" {
			cuts++
		}
		if !strings.HasPrefix(e.Turn.Text, e.Turn.Heard) && e.Turn.Err == "" {
			t.Errorf("turn %d: heard %q, which is no beginning of %q", e.Turn.N, e.Turn.Heard, e.Turn.Text)
		}
	}
	if pressed+s.keys != p.Keys && !s.lied {
		t.Errorf("the turns' records say that %q were pressed, the far end was pressed %q", pressed, p.Keys)
	}
	if turns != p.Ending.Turns {
		t.Errorf("%d turns were told, the ending says %d", turns, p.Ending.Turns)
	}
	if diff := cmp.Diff(p.Ending.History, told, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the turns' messages are not the history (-history +told):\n%s", diff)
	}
	for i, m := range told {
		if m.At < 0 || m.Length < 0 || m.At+m.Length > p.Ending.Length+time.Second {
			t.Errorf("message %d, %q, is at %v for %v of a call of %v", i, m.Text, m.At, m.Length, p.Ending.Length)
		}
		if i > 0 && m.Role == pipeline.Assistant && told[i-1].Role == pipeline.Caller && m.At < told[i-1].At {
			t.Errorf("message %d, %q, sounds at %v, before what it answers at %v", i, m.Text, m.At, told[i-1].At)
		}
	}
	var believed []string
	for _, m := range p.Ending.History {
		if m.Role == pipeline.Assistant {
			believed = append(believed, strings.Fields(m.Text)...)
		}
	}
	believed = append(believed, fillers...)
	heard := strings.Fields(p.Heard())
	slack := 0
	if !s.score.Voice.Times || p.Ending.Cause == media.CauseCaller || cuts > 0 {
		slack = max(cuts, 1)
	}
	if s.loose && !s.score.Voice.Times {
		slack *= 3
	}
	if off := len(believed) - len(heard); !s.lied && off > slack || !s.lied && off < -slack {
		t.Errorf("the history has %d words, the wire had %d:\n%q\n%q", len(believed), len(heard), believed, heard)
	}
	var spoken time.Duration
	for _, w := range p.Wire {
		spoken += w.Took
	}
	if tapped := media.Samples(len(p.Tap.Spoken), 8000); tapped > spoken+40*time.Millisecond || tapped < spoken-40*time.Millisecond {
		t.Errorf("%v were recorded of the agent, %v sounded", tapped, spoken)
	}
	if l, in := silence(p, false); l > deadAir && s.score.Manners.Filler.After >= 0 && !s.waits {
		t.Errorf("dead air: the agent kept the caller waiting from %v to %v", in.from, in.to)
	}
	if letGo := !strings.Contains(p.Log, "does not let go"); letGo && !p.Tap.Closed && len(p.Ending.History) > 0 {
		t.Error("the tap was not closed")
	}
}

// turn is the record of turn n.
func turn(t *testing.T, p *Performance, n int) *pipeline.Turn {
	t.Helper()
	for _, e := range p.Events {
		if e.Turn != nil && e.Turn.N == n {
			return e.Turn
		}
	}
	t.Fatalf("there is no turn %d", n)
	return nil
}

// timed checks when message n of the history began to sound, and for how long, in seconds.
func timed(t *testing.T, p *Performance, n int, at, length float64) {
	t.Helper()
	m := p.Ending.History[n]
	near(t, m.Text+": at", m.At.Seconds(), at, 0.03)
	near(t, m.Text+": length", m.Length.Seconds(), length, 0.03)
}

// when is the time of the first event of a kind, not before from (seconds).
func when(t *testing.T, p *Performance, kind pipeline.EventKind, from float64) float64 {
	t.Helper()
	for _, e := range p.Events {
		if e.Kind == kind && e.At.Seconds() >= from {
			return e.At.Seconds()
		}
	}
	t.Fatalf("no %s after %.1f s", kind, from)
	return 0
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if got < want-within || got > want+within {
		t.Errorf("%s at %.3f s, want %.3f s within %.3f s", what, got, want, within)
	}
}

const long = "We are open from nine to five on weekdays and from ten to two on Saturdays but never on Sundays."
