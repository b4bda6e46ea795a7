package score_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// carried says how much of a tone is in what was heard, as an amplitude.
func carried(pcm []int16, rate int, hz float64) float64 {
	best := 0.0
	for at := 0; at+rate/10 <= len(pcm); at += rate / 20 {
		var re, im float64
		for i, v := range pcm[at : at+rate/10] {
			a := 2 * math.Pi * hz * float64(i) / float64(rate)
			re, im = re+float64(v)*math.Cos(a), im+float64(v)*math.Sin(a)
		}
		best = max(best, 2*math.Hypot(re, im)/float64(rate/10))
	}
	return best
}

// TestJoin: the caller and somebody whom we call are joined by us, told of each other, parted, and given back.
func TestJoin(t *testing.T) {
	to := func(j pipeline.Join) pipeline.Command {
		return pipeline.Command{Kind: pipeline.Bridge, To: "+15550123", Text: "One moment.", Join: j}
	}
	heardEachOther := func(t *testing.T, p *Performance, rate int, want bool) {
		t.Helper()
		caller, guest := carried(p.GuestHeard, rate, 1000), carried(p.Tap.Spoken, 8000, 1700)
		if (caller > 3000) != want || (guest > 3000) != want {
			t.Errorf("the guest heard the caller at %.0f, the recording has the guest at %.0f: want %v", caller, guest, want)
		}
	}
	told := func(t *testing.T, p *Performance, part string) {
		t.Helper()
		for _, k := range p.Talks {
			for _, m := range k.History {
				if m.Role == pipeline.Narrator && strings.Contains(m.Text, part) {
					return
				}
			}
		}
		t.Errorf("the model was not told %q", part)
	}
	ends := func(t *testing.T, p *Performance, cause media.Cause, from, until float64) {
		t.Helper()
		if at := p.Ending.Length.Seconds(); p.Ending.Cause != cause || at < from || at > until {
			t.Errorf("ended %q after %.2f s, want %q after %.1f to %.1f", p.Ending.Cause, at, cause, from, until)
		}
	}
	talk := []Cue{Tones(2, 3, 1700), HangsUp(8)} // the guest's
	ask := []Cue{Orders(to(pipeline.Join{}), 2), Tones(8, 9, 1000)}
	with := func(j pipeline.Join, c ...Cue) []Cue { return append([]Cue{Orders(to(j), 2)}, c...) }
	attended := pipeline.Join{Brief: "John has a question. Press one.", Confirm: true, Attended: true}
	warm := pipeline.Join{Brief: "John has a question. Press one.", Confirm: true}
	play(t, []scene{
		{name: "join", waits: true, score: Score{Caller: ask, Guest: &Guest{Rings: 3, Script: talk}}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 8000, true)
			ends(t, p, media.CauseTransfer, 13, 16)
			if p.Tap.Frames < int(p.Ending.Length/media.FrameTime)-2 {
				t.Errorf("%d frames of the caller were recorded", p.Tap.Frames)
			}
		}},
		{name: "join legs of two rates", waits: true, score: Score{Caller: ask, Guest: &Guest{Rings: 3, Rate: 16000, Script: talk}}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 16000, true)
		}},
		{name: "join, and the caller hangs up", waits: true, score: Score{Caller: append(ask, HangsUp(10)), Guest: &Guest{Rings: 3, Script: []Cue{Tones(2, 3, 1700)}}}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 8000, true)
			if ends(t, p, media.CauseCaller, 9.9, 10.2); p.GuestCause != media.CauseTransfer {
				t.Errorf("the guest's carrier was told %q", p.GuestCause)
			}
		}},
		{name: "join, and nobody answers", waits: true, score: Score{Caller: with(pipeline.Join{Ring: 10 * time.Second}, HangsUp(20)), Guest: &Guest{Rings: 60}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: nobody has answered in time.")
		}},
		{name: "join, and it is busy", waits: true, score: Score{Caller: with(pipeline.Join{}, HangsUp(12)), Guest: &Guest{Rings: 1, Err: errors.New("the line is busy")}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: the line is busy. The caller is still on the line.")
		}},
		{name: "join where nobody can be called", score: Score{Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForWords {
				c := to(pipeline.Join{})
				return []pipeline.Delta{{Do: &c}}
			}
			return Parrot(k)
		}}, Caller: []Cue{Says("a person please", 2, 3), HangsUp(12)}}, waits: true, check: func(t *testing.T, p *Performance) {
			told(t, p, "nobody can be called on this call")
		}},
		{name: "join, since the carrier transfers nobody", waits: true, score: Score{
			Transfer: func(context.Context, string) error { return fmt.Errorf("transfer: %w: 405", media.ErrNoTransfer) },
			Caller:   []Cue{Orders(pipeline.Command{Kind: pipeline.Transfer, To: "+15550123", Text: "One moment."}, 2), Tones(8, 9, 1000)}, Guest: &Guest{Rings: 3, Script: talk},
		}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 8000, true)
		}},
		{name: "warm join", waits: true, score: Score{Caller: with(warm, Tones(14, 15, 1000)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5), Tones(7, 8, 1700), HangsUp(12)}}}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 8000, true)
			if !strings.HasPrefix(p.GuestTold, "John has a question. Press one.") || strings.Contains(p.Heard(), "John") {
				t.Errorf("the guest was told %q, the caller %q", p.GuestTold, p.Heard())
			}
		}},
		{name: "warm join, taken before the end of the brief", waits: true, score: Score{Caller: with(warm, Tones(8, 9, 1000)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 0.8), Tones(2, 3, 1700), HangsUp(6)}}}, check: func(t *testing.T, p *Performance) {
			if heardEachOther(t, p, 8000, true); strings.Contains(p.GuestTold, "Press") {
				t.Errorf("the guest was told %q", p.GuestTold)
			}
		}},
		{name: "warm join, refused", waits: true, score: Score{Caller: with(warm, Tones(8, 9, 1000), HangsUp(16)), Guest: &Guest{Rings: 1, Script: []Cue{Presses("2", 4)}}}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 8000, false)
			told(t, p, "The transfer failed: they cannot take the call now.")
		}},
		{name: "warm join, and they hang up", waits: true, score: Score{Caller: with(warm, HangsUp(16)), Guest: &Guest{Rings: 1, Script: []Cue{HangsUp(2)}}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: they have hung up.")
		}},
		{name: "warm join, and they say nothing", waits: true, score: Score{Caller: with(pipeline.Join{Brief: warm.Brief, Confirm: true, Ring: 12 * time.Second}, HangsUp(24)), Guest: &Guest{Rings: 1}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: nobody has answered in time.")
		}},
		{name: "warm join without a question", waits: true, score: Score{Caller: with(pipeline.Join{Brief: "John is here."}, Tones(8, 9, 1000)), Guest: &Guest{Rings: 1, Script: []Cue{Tones(4, 5, 1700), HangsUp(10)}}}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 8000, true)
		}},
		{name: "join, and the agent listens", waits: true, score: Score{Caller: with(pipeline.Join{Stay: pipeline.Listen}, Says("my order is late", 7, 8), HangsUp(20)), Guest: &Guest{Rings: 1, Script: []Cue{HangsUp(8)}}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The caller is with you again, no longer with +15550123. They have hung up.")
			last := p.Talks[len(p.Talks)-1]
			knows := false
			for _, m := range last.History {
				knows = knows || m.Role == pipeline.Caller && m.Text == "my order is late"
			}
			if !knows {
				t.Errorf("the agent does not know what was said: %+v", last.History)
			}
		}},
		{name: "join, and the agent is called back", waits: true, score: Score{Caller: with(pipeline.Join{Stay: pipeline.Listen}, HangsUp(20)), Guest: &Guest{Rings: 1, Script: []Cue{Presses("1*", 3), Presses("**", 6)}}}, check: func(t *testing.T, p *Performance) {
			if told(t, p, "They have called you back."); p.GuestCause != media.CauseTransfer {
				t.Errorf("the guest's carrier was told %q", p.GuestCause)
			}
		}},
		{name: "join, and the agent has left", waits: true, score: Score{Caller: with(pipeline.Join{After: pipeline.Return}, Says("my order is late", 7, 8), Presses("**", 8.5), HangsUp(20)), Guest: &Guest{Rings: 1, Script: []Cue{HangsUp(9)}}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The caller is with you again")
			for _, e := range p.Events {
				if strings.Contains(e.Text, "late") {
					t.Errorf("the agent heard %q", e.Text)
				}
			}
		}},
		{name: "join, and take back", waits: true, score: Score{Caller: with(pipeline.Join{}, Orders(pipeline.Command{Kind: pipeline.Unbridge, Text: "Here I am again."}, 9), HangsUp(14)), Guest: &Guest{Rings: 1}}, check: func(t *testing.T, p *Performance) {
			if !strings.Contains(p.Heard(), "Here I am again.") {
				t.Errorf("heard %q", p.Heard())
			}
		}},
		{name: "join, and orders meanwhile", waits: true, score: Score{Caller: with(pipeline.Join{}, Orders(pipeline.Command{Kind: pipeline.Say, Text: "Five minutes are left."}, 8), Orders(pipeline.Command{Kind: pipeline.Unhold, Ask: true}, 9.5),
			Orders(to(pipeline.Join{}), 10), Orders(pipeline.Command{Kind: pipeline.Change, Agent: "second"}, 10.5), Orders(pipeline.Command{Kind: pipeline.HangUp, Text: "Time is up."}, 11)), Guest: &Guest{Rings: 1}}, check: func(t *testing.T, p *Performance) {
			if n := strings.Count(p.Heard(), "."); !strings.Contains(p.Heard(), "Five minutes are left. Time is up.") {
				t.Errorf("heard %d sentences: %q", n, p.Heard())
			}
		}},
		{name: "join while joined", waits: true, score: Score{Caller: append(ask, Orders(pipeline.Command{Kind: pipeline.Unbridge}, 1)), Guest: &Guest{Rings: 3, Script: talk}}},
		{name: "join, and the recogniser fails meanwhile", waits: true, score: Score{Recogniser: Recogniser{WritesAt: 6}, Caller: with(pipeline.Join{Stay: pipeline.Silent}, Says("one two", 7, 8)), Guest: &Guest{Rings: 1, Script: talk}}, check: func(t *testing.T, p *Performance) {
			ends(t, p, media.CauseTransfer, 10, 15)
		}},
		{name: "join, and keys are passed on", waits: true, keys: "9*", score: Score{
			Line:   legtest.Line{Info: media.Info{Kind: "score", ID: "CA1", From: "+15550100", To: "+15550199", Chunk: media.FrameTime}, Keys: true},
			Caller: with(pipeline.Join{Stay: pipeline.Listen}, Presses("12#", 7), HangsUp(14)), Guest: &Guest{Rings: 1, Keys: true, Script: []Cue{Presses("9*", 5), Presses("**", 6)}},
		}, check: func(t *testing.T, p *Performance) {
			if p.GuestKeys != "12#" || p.Keys != "9*" { // the second star in a row is for the agent
				t.Errorf("the guest was pressed %q, the caller %q", p.GuestKeys, p.Keys)
			}
		}},
		{name: "join, and keys are passed on to nobody who takes none", waits: true, score: Score{Caller: with(pipeline.Join{}, Presses("12#", 7), HangsUp(14)), Guest: &Guest{Rings: 1, Script: []Cue{Presses("9", 5)}}}, check: func(t *testing.T, p *Performance) {
			if p.GuestKeys != "" || p.Keys != "" {
				t.Errorf("the guest was pressed %q, the caller %q", p.GuestKeys, p.Keys)
			}
		}},
		{name: "join by the carrier", waits: true, score: Score{HandOver: connects(1, nil), Caller: with(attended, HangsUp(30)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5)}}}, check: func(t *testing.T, p *Performance) {
			ends(t, p, media.CauseTransfer, 9, 14)
			heardEachOther(t, p, 8000, false) // not by us
		}},
		{name: "join by a carrier that lets go first", waits: true, score: Score{HandOver: connects(3, nil), Caller: with(attended, HangsUp(13)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5), HangsUp(6)}}}, check: func(t *testing.T, p *Performance) {
			ends(t, p, media.CauseTransfer, 12, 15)
		}},
		{name: "join by a carrier that refuses, so by us", waits: true, score: Score{HandOver: connects(1, media.ErrNoTransfer), Caller: with(attended, Tones(14, 15, 1000)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5), Tones(8, 9, 1700), HangsUp(12)}}}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 8000, true)
			ends(t, p, media.CauseTransfer, 17, 22)
		}},
		{name: "join by a carrier that never answers, so by us", waits: true, score: Score{HandOver: connects(90, nil), Caller: with(attended, HangsUp(70)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5)}}}, check: func(t *testing.T, p *Performance) {
			ends(t, p, media.CauseCaller, 69, 71)
		}},
		{name: "join by a carrier that refuses, and they have gone", waits: true, score: Score{HandOver: connects(3, errors.New("it was not answered: 486")), Caller: with(attended, HangsUp(24)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5), HangsUp(6)}}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: they have hung up.")
		}},
		{name: "join by a carrier that is asked beside the leg", waits: true, score: Score{Connect: shown(connects(3, nil)), Caller: with(attended, HangsUp(12)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5), HangsUp(6)}}}, check: func(t *testing.T, p *Performance) {
			ends(t, p, media.CauseTransfer, 12, 15)
		}},
		{name: "join by a carrier that refuses beside the leg, so by us", waits: true, score: Score{Connect: shown(connects(1, errors.New("the carrier refuses"))), Caller: with(attended, Tones(14, 15, 1000)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5), Tones(8, 9, 1700), HangsUp(12)}}}, check: func(t *testing.T, p *Performance) {
			heardEachOther(t, p, 8000, true)
		}},
		{name: "join by a carrier that loses them", waits: true, score: Score{Connect: shown(connects(3, errLost)), Caller: with(attended, HangsUp(24)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5)}}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: they are no longer there: the carrier refuses. The caller is still on the line.")
			if ends(t, p, media.CauseCaller, 23, 25); p.GuestCause != media.CauseTransfer {
				t.Errorf("the guest's carrier was told %q", p.GuestCause)
			}
		}},
		{name: "join by a carrier that loses them too late", waits: true, score: Score{Connect: losesLate, Caller: with(attended, HangsUp(70)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5), HangsUp(6)}}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: they are no longer there: the carrier refuses")
		}},
		{name: "join by a carrier in vain, and the caller has gone", waits: true, score: Score{HandOver: connects(3, errors.New("it was not answered: 486")), Caller: with(attended, HangsUp(11)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5)}}}, check: func(t *testing.T, p *Performance) {
			ends(t, p, media.CauseCaller, 11, 15)
		}},
		{name: "join by a carrier, and take back meanwhile", waits: true, score: Score{HandOver: connects(6, nil), Caller: with(attended, Orders(pipeline.Command{Kind: pipeline.Unbridge, Text: "Here I am again."}, 13), HangsUp(24)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5)}}}, check: func(t *testing.T, p *Performance) {
			if ends(t, p, media.CauseCaller, 23, 25); !strings.Contains(p.Heard(), "Here I am again.") {
				t.Errorf("heard %q", p.Heard())
			}
		}},
		{name: "join by a carrier, and take back before it is done", waits: true, score: Score{Connect: losesLate, Caller: with(attended, Orders(pipeline.Command{Kind: pipeline.Unbridge, Text: "Here I am again."}, 13), HangsUp(24)), Guest: &Guest{Rings: 3, Script: []Cue{Presses("1", 5), HangsUp(6)}}}, check: func(t *testing.T, p *Performance) {
			if ends(t, p, media.CauseCaller, 23, 25); !regexp.MustCompile(`T00:00:1[34]\S* level=INFO msg="the carrier does not connect the two"`).MatchString(p.Log) {
				t.Errorf("the carrier goes on with it:\n%s", p.Log)
			}
		}},
		{name: "join with somebody who must not be called", waits: true, score: Score{May: denied, Caller: with(pipeline.Join{}, HangsUp(16)), Guest: &Guest{Rings: 3}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: the number may not be called.")
		}},
		{name: "transfer to somebody who must not be called", waits: true, score: Score{May: denied, Transfer: connectsTo, Caller: []Cue{Orders(pipeline.Command{Kind: pipeline.Transfer, To: "+15550123", Text: "One moment."}, 2), HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			told(t, p, "The transfer failed: the number may not be called.")
		}},
	})
}

// errLost is what a carrier says that has lost the guest.
var errLost = fmt.Errorf("%w: the carrier refuses", media.ErrOtherGone)

// shown is a carrier that is asked beside the leg, and is shown the guest's.
func shown(handOver func(context.Context) error) func(context.Context, media.Leg) error {
	return func(ctx context.Context, other media.Leg) error {
		if other.Info().ID != "CA2" {
			return fmt.Errorf("the guest is %q", other.Info().ID)
		}
		return handOver(ctx)
	}
}

// losesLate loses the guest when there is no time left.
func losesLate(ctx context.Context, _ media.Leg) error {
	<-ctx.Done()
	return fmt.Errorf("%w: %w", errLost, context.Cause(ctx))
}

// connects says so many seconds later what became of connecting the caller and the guest.
func connects(after float64, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(time.Duration(after * float64(time.Second))):
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func denied(context.Context, string) error { return errors.New("the number may not be called") }

func connectsTo(context.Context, string) error { return nil }
