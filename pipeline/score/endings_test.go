package score_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/pipeline"
	. "parley/pipeline/score"
)

func TestEndings(t *testing.T) {
	say := func(s string) pipeline.Command { return pipeline.Command{Kind: pipeline.Say, Text: s} }
	hangUp := func(s string) pipeline.Command { return pipeline.Command{Kind: pipeline.HangUp, Text: s} }
	once := false
	ask := Says("tell me", 2, 2.6)
	ends := func(cause media.Cause) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			if p.Ending.Cause != cause {
				t.Errorf("cause %q, want %q", p.Ending.Cause, cause)
			}
		}
	}
	play(t, []scene{
		{name: "hang-up while the agent speaks", score: Score{Voice: Voice{Times: true}, Model: Model{Answer: tells}, Caller: []Cue{ask, HangsUp(5)}}},
		{name: "hang-up while thinking", score: Score{Caller: []Cue{ask, HangsUp(3.3)}}},
		{name: "hang-up while speaking", score: Score{Caller: []Cue{ask, HangsUp(2.4)}}},
		{name: "hang-up before the greeting", score: Score{Caller: []Cue{HangsUp(0.1)}}},
		{name: "hang-up while held", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Coughs(5, 5.2), HangsUp(5.4)}}},
		{name: "hang-up while a tool runs", score: Score{Tools: []pipeline.Tool{clock(5)}, Model: Model{Answer: uses("", "clock")}, Caller: []Cue{ask, HangsUp(5)}}},
		{name: "line lost", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, LosesLine(5)}}, check: ends(media.CauseCarrier)},
		{name: "media lost", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, GoesSilent(5)}}, check: ends(media.CauseMedia)},
		{name: "stopped by the house", score: Score{Model: Model{Answer: tells}, Caller: []Cue{ask, Stops(media.CauseShutdown, 5)}}, check: ends(media.CauseShutdown)},
		{name: "stopped before anybody is there", score: Score{Setup: 3, Caller: []Cue{Stops(media.CauseShutdown, 1)}}, check: ends(media.CauseShutdown)},

		{name: "told to say something in silence", score: Score{Caller: []Cue{Orders(say("Your table is ready."), 4), HangsUp(9)}}},
		{name: "told to say something while the agent speaks", score: Score{Caller: []Cue{Orders(say("Your table is ready."), 0.8), HangsUp(6)}}},
		{name: "told to say something while the caller speaks", score: Score{Caller: []Cue{ask, Orders(say("Your table is ready."), 2.3), HangsUp(9)}}},
		{name: "told to say two things", score: Score{Caller: []Cue{Orders(say("First."), 2), Orders(say("Second."), 2.1), HangsUp(6)}}},
		{name: "told to say something before anybody is there", score: Score{Setup: 2, Caller: []Cue{Orders(say("Your table is ready."), 1), HangsUp(6)}}},
		{name: "told to hang up in silence", score: Score{Caller: []Cue{Orders(hangUp(""), 4)}}, check: ends(media.CauseAgent)},
		{name: "told to hang up with words", score: Score{Caller: []Cue{Orders(hangUp("We close now."), 4)}}},
		{name: "told to hang up while the agent speaks", score: Score{Caller: []Cue{Orders(hangUp("We close now."), 0.8)}}},
		{name: "told to hang up cannot be talked out of", score: Score{Caller: []Cue{Orders(hangUp("We close now, good night to all of you."), 4), Says("no wait", 4.8, 5.6)}}},
		{name: "told to hang up cannot be keyed out of", score: Score{Caller: []Cue{Orders(hangUp("We close now, good night to all of you."), 4), Presses("1#", 4.8)}}},
		{name: "told to hang up while the caller speaks", score: Score{Caller: []Cue{ask, Orders(hangUp("We close now."), 2.3)}}},
		{name: "overrun", waits: true, score: Score{Caller: []Cue{ask, Presses(strings.Repeat("12345", 20), 4)}, Watch: func(e pipeline.Event) {
			if e.Kind == pipeline.KeyPressed && !once {
				once = true
				time.Sleep(20 * time.Second)
			}
		}}, check: ends(media.CauseOverrun)},
	})
}

// Do answers before, during and after the call.
func TestDo(t *testing.T) {
	t.Parallel()
	var call *pipeline.Call
	Score{Caller: []Cue{HangsUp(3), Does(2, func(st *Stage) {
		call = st.Call
		for _, bad := range []pipeline.Command{{Kind: "dance"}, {Kind: pipeline.Say}, {}} {
			if err := call.Do(t.Context(), bad); err == nil {
				t.Errorf("%+v was taken", bad)
			}
		}
	})}}.Play(t, func(t *testing.T, _ *Performance) {
		if err := call.Do(t.Context(), pipeline.Command{Kind: pipeline.HangUp}); !errors.Is(err, pipeline.ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// A cancelled context is a shutdown.
func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &Performance{Tap: &Tap{}}
		st := Score{}.Stage(t.Context(), p)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if e := st.Call.Run(ctx); e.Cause != media.CauseShutdown || e.Length != 5*time.Second {
			t.Errorf("ended %q after %v", e.Cause, e.Length)
		}
	})
}

// board is a switchboard on which every call plays its own score, named by the leg's To.
func board(t *testing.T, scores map[string]Score, limit int) (b *pipeline.Switchboard, dial func(name string) pipeline.Ending) {
	t.Helper()
	stages := map[string]*Stage{}
	b = &pipeline.Switchboard{Pacer: Pacer{}, Limit: limit}
	b.Cast = func(ctx context.Context, call string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
		if info.To == "nobody" {
			panic("scripted panic")
		}
		return stages[info.To].Cast(ctx, call, info)
	}
	for name, s := range scores {
		s.Line = plain()
		s.Line.Info.To, s.Line.Info.ID = name, "same"
		stages[name] = s.Stage(t.Context(), &Performance{Tap: &Tap{}})
	}
	return b, func(name string) pipeline.Ending {
		st := stages[name]
		ended := make(chan struct{})
		defer close(ended)
		go st.Script(ended)
		return b.Answer(t.Context(), st.Leg)
	}
}

// ringing answers calls one after another, so that their order is known.
func ringing(dial func(string) pipeline.Ending, names ...string) map[string]chan pipeline.Ending {
	ends := map[string]chan pipeline.Ending{}
	for _, n := range names {
		c := make(chan pipeline.Ending, 1)
		ends[n] = c
		go func() { c <- dial(n) }()
		time.Sleep(11 * time.Millisecond)
	}
	return ends
}

// TestSwitchboardSound: what is heard and said on calls is counted while they last, and stays counted when they have ended.
func TestSwitchboardSound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, dial := board(t, map[string]Score{"a": {Caller: []Cue{HangsUp(4)}}, "b": {Caller: []Cue{HangsUp(6)}}}, 0)
		ends := ringing(dial, "a", "b")
		time.Sleep(2 * time.Second)
		half := b.Sound()
		if half.Heard < 190 || half.Heard > 202 || half.Sent == 0 {
			t.Errorf("after two seconds of two calls: %+v", half)
		}
		<-ends["a"]
		if one := b.Sound(); one.Heard < half.Heard || one.Sent < half.Sent {
			t.Errorf("a call has ended, and took its sound with it: %+v, after %+v", one, half)
		}
		<-ends["b"]
		synctest.Wait()
		all := b.Sound()
		if all.Heard < 490 || all.Heard > 502 || all.Sent < half.Sent || all.Behind+all.Dry+all.Late != 0 {
			t.Errorf("after ten seconds: %+v, after %+v", all, half)
		}
	})
}

func TestSwitchboardLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Score{Caller: []Cue{HangsUp(5)}}
		b, dial := board(t, map[string]Score{"a": s, "b": s, "c": s}, 2)
		ends := ringing(dial, "a", "b", "c")
		if e := <-ends["c"]; e.Cause != media.CauseRejected || !errors.Is(e.Err, pipeline.ErrFull) {
			t.Errorf("the third call ended %q: %v", e.Cause, e.Err)
		}
		if b.Live() != 2 || b.Accepting() {
			t.Errorf("live %d, accepting %v", b.Live(), b.Accepting())
		}
		a, bb := <-ends["a"], <-ends["b"]
		if a.Call == bb.Call || a.Cause != media.CauseCaller || bb.Cause != media.CauseCaller {
			t.Errorf("%+v %+v", a, bb)
		}
		synctest.Wait()
		if b.Live() != 0 || !b.Accepting() {
			t.Errorf("afterwards live %d, accepting %v", b.Live(), b.Accepting())
		}
	})
}

func TestSwitchboardPanicsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good := Score{Caller: []Cue{Says("one", 2, 2.5), HangsUp(7)}}
		_, dial := board(t, map[string]Score{
			"good": good, "nobody": good, "bad": {Caller: good.Caller, Model: Model{Fault: Fault{Kind: Panics, On: 2}}},
		}, 0)
		ends := ringing(dial, "good", "bad", "nobody")
		for name, want := range map[string]media.Cause{"good": media.CauseCaller, "bad": media.CausePanic, "nobody": media.CausePanic} {
			if e := <-ends[name]; e.Cause != want {
				t.Errorf("%s ended %q, want %q: %v", name, e.Cause, want, e.Err)
			} else if name == "good" && e.Turns != 2 {
				t.Errorf("good had %d turns", e.Turns)
			}
		}
	})
}

func TestSwitchboardDrains(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patience time.Duration
		late     media.Cause
		err      error
	}{
		{time.Minute, media.CauseCaller, nil},
		{10 * time.Second, media.CauseShutdown, context.DeadlineExceeded},
	} {
		t.Run(fmt.Sprint(c.patience), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, dial := board(t, map[string]Score{"early": {Caller: []Cue{HangsUp(5)}}, "late": {Caller: []Cue{HangsUp(20)}}, "new": {}}, 0)
				ends := ringing(dial, "early", "late")
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				drained := make(chan error, 1)
				go func() { drained <- b.Drain(ctx) }()
				time.Sleep(time.Second)
				if b.Accepting() {
					t.Error("accepts calls while draining")
				}
				if e := dial("new"); e.Cause != media.CauseRejected {
					t.Errorf("a new call ended %q", e.Cause)
				}
				if err := <-drained; !errors.Is(err, c.err) {
					t.Errorf("drain: %v, want %v", err, c.err)
				}
				if early, late := <-ends["early"], <-ends["late"]; early.Cause != media.CauseCaller || late.Cause != c.late {
					t.Errorf("ended %q and %q", early.Cause, late.Cause)
				}
				if err := b.Drain(ctx); err != nil {
					t.Errorf("draining again: %v", err)
				}
			})
		})
	}
}

// A slow subscriber is told what it missed, and the call does not wait for it.
func TestSubscribe(t *testing.T) {
	t.Parallel()
	var quick, slow []pipeline.Event
	missed := 0
	var cues []Cue
	for i := range 300 {
		cues = append(cues, Presses("1", 2+float64(i)*0.02))
	}
	cues = append(cues, HangsUp(10), Does(1, func(st *Stage) {
		q, s, gone := st.Call.Subscribe(), st.Call.Subscribe(), st.Call.Subscribe()
		gone.Close()
		go func() {
			for {
				e, _, err := q.Next(context.Background())
				if err != nil {
					return
				}
				quick = append(quick, e)
			}
		}()
		go func() {
			time.Sleep(8 * time.Second)
			for {
				e, n, err := s.Next(context.Background())
				if err != nil {
					return
				}
				missed += n
				slow = append(slow, e)
			}
		}()
	}))
	Score{Caller: cues}.Play(t, nil)
	if len(slow)+missed != len(quick) || missed == 0 {
		t.Errorf("quick got %d, slow got %d and missed %d", len(quick), len(slow), missed)
	}
	if last := slow[len(slow)-1]; last.Kind != pipeline.CallEnded {
		t.Errorf("the last event is %s", last.Kind)
	}
}
