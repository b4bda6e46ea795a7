package score_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/media/pace"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// The panicking parts, each of which does its work until it does not.

type panickingTap struct {
	pipeline.Tap
	caller, agent bool
}

func (p panickingTap) Caller(f media.Frame) {
	if p.caller && f.At > 3*time.Second {
		panic("scripted panic")
	}
	p.Tap.Caller(f)
}

func (p panickingTap) Agent(at time.Duration, pcm []int16) {
	if p.agent && at > 3*time.Second {
		panic("scripted panic")
	}
	p.Tap.Agent(at, pcm)
}

type panickingFlow struct{ pipeline.Responder }

func (p panickingFlow) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	if talk.Why == pipeline.ForWords {
		panic("scripted panic")
	}
	return p.Responder.Respond(ctx, talk)
}

// A panic ends its own call with its reason, whatever it is in; the call beside it, on the same switchboard and the same wheel,
// sounds and is heard to the last sample as if it were alone.
func TestPanicsAlone(t *testing.T) {
	t.Parallel()
	script := []Cue{Says("what time", 2, 2.5), Says("two", 9, 9.5), HangsUp(14)}
	good := Score{Voice: Voice{Times: true}, Tools: []pipeline.Tool{clock(0.5)}, Model: Model{Answer: asksClock}, Caller: script}
	var alone *Performance
	synctest.Test(t, func(t *testing.T) { alone = beside(t, good, nil, nil) })
	if alone.Ending.Turns != 3 || alone.Tap.Frames < 690 {
		t.Fatalf("alone: %d turns, %d frames", alone.Ending.Turns, alone.Tap.Frames)
	}
	with := func(change func(*Score)) Score {
		s := good
		change(&s)
		return s
	}
	tap := func(p panickingTap) func(*pipeline.Parts, *pipeline.Tap) {
		return func(_ *pipeline.Parts, tap *pipeline.Tap) { p.Tap = *tap; *tap = p }
	}
	for name, bad := range map[string]struct {
		score Score
		spoil func(*pipeline.Parts, *pipeline.Tap)
	}{
		"ear":                     {with(func(s *Score) { s.Ear.PanicsAt = 2.3 }), nil},
		"recogniser at a frame":   {with(func(s *Score) { s.Recogniser.PanicsAt = 2.3 }), nil},
		"recogniser at a result":  {with(func(s *Score) { s.Recogniser.Finals = Fault{Kind: Panics} }), nil},
		"responder at once":       {with(func(s *Score) { s.Model.Fault = Fault{Kind: Panics, On: 1} }), nil},
		"responder in mid-answer": {with(func(s *Score) { s.Model.Fault = Fault{Kind: Panics, On: 2, After: 2} }), nil},
		"voice at once":           {with(func(s *Score) { s.Voice.Fault = Fault{Kind: Panics, On: 1} }), nil},
		"voice in mid-answer":     {with(func(s *Score) { s.Voice.Fault = Fault{Kind: Panics, On: 2, After: 2} }), nil},
		"voice in a filler":       {with(func(s *Score) { s.Model.Think, s.Voice.Fault = 3, Fault{Kind: Panics, On: 2} }), nil},
		"transfer": {with(func(s *Score) {
			s.Transfer = func(context.Context, string) error { panic("x") }
			s.Model.Answer = func(k pipeline.Talk) []pipeline.Delta {
				return []pipeline.Delta{{Do: &pipeline.Command{Kind: pipeline.Transfer, To: "+15550123"}}}
			}
		}), nil},
		"flow":              {good, func(p *pipeline.Parts, _ *pipeline.Tap) { p.Responder = panickingFlow{p.Responder} }},
		"tap of the caller": {good, tap(panickingTap{caller: true})},
		"tap of the agent":  {good, tap(panickingTap{agent: true})},
		"watch":             {with(func(s *Score) { s.Watch = func(e pipeline.Event) { panic("x") } }), nil},
		"cast":              {good, func(*pipeline.Parts, *pipeline.Tap) { panic("x") }},
		"change": {with(func(s *Score) {
			s.Change = func(context.Context, string) (pipeline.Agent, pipeline.Parts, error) { panic("x") }
			s.Model.Answer = func(k pipeline.Talk) []pipeline.Delta {
				return []pipeline.Delta{{Text: "Hello."}, {Do: &pipeline.Command{Kind: pipeline.Change, Agent: "b"}}}
			}
		}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := beside(t, good, &bad.score, bad.spoil)
				if diff := cmp.Diff(alone.String(), p.String()); diff != "" {
					t.Errorf("the call beside it went otherwise (-alone +beside):\n%s", diff)
				}
				if diff := cmp.Diff(alone.Wire, p.Wire); diff != "" {
					t.Errorf("the call beside it sounded otherwise (-alone +beside):\n%s", diff)
				}
				if p.Tap.Frames != alone.Tap.Frames || len(p.Tap.Spoken) != len(alone.Tap.Spoken) {
					t.Errorf("%d frames and %d samples were recorded, alone it is %d and %d", p.Tap.Frames, len(p.Tap.Spoken), alone.Tap.Frames, len(alone.Tap.Spoken))
				}
			})
		})
	}
}

// beside plays good, with bad beside it on the same switchboard and wheel unless that is nil, and returns what became of good. Bad has to end by a panic.
func beside(t *testing.T, good Score, bad *Score, spoil func(*pipeline.Parts, *pipeline.Tap)) *Performance {
	t.Helper()
	wheel := &pace.Wheel{OnPanic: func(v any, _ []byte) { t.Errorf("a beat panicked: %v", v) }}
	ctx, cancel := context.WithCancel(t.Context())
	turned := make(chan error, 1)
	go func() { turned <- wheel.Run(ctx) }()
	stages := map[string]*Stage{}
	b := &pipeline.Switchboard{Pacer: wheel}
	b.Cast = func(ctx context.Context, call string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
		agent, parts, tap, err := stages[info.To].Cast(ctx, call, info)
		if info.To == "bad" && spoil != nil {
			spoil(&parts, &tap)
		}
		return agent, parts, tap, err
	}
	performances := map[string]*Performance{}
	b.Watch = func(e pipeline.Event) {
		p := performances[e.Call]
		p.Events = append(p.Events, e)
		if e.Call == "bad" && bad.Watch != nil {
			bad.Watch(e)
		}
	}
	set := func(name string, s Score) {
		s.Line = plain()
		s.Line.Info.To, s.Line.Info.ID = name, name
		performances[name] = &Performance{Tap: &Tap{}}
		stages[name] = s.Stage(t.Context(), performances[name])
	}
	dial := func(name string) <-chan pipeline.Ending {
		ended, over := make(chan pipeline.Ending, 1), make(chan struct{})
		st := stages[name]
		go st.Script(over)
		go func() {
			ended <- b.Answer(t.Context(), st.Leg)
			close(over)
		}()
		return ended
	}
	if set("good", good); bad != nil {
		set("bad", *bad)
	}
	ends := dial("good")
	if bad != nil {
		if e := <-dial("bad"); e.Cause != media.CausePanic || e.Err == nil {
			t.Errorf("the other call ended %q: %v", e.Cause, e.Err)
		}
	}
	performances["good"].Ending = <-ends
	cancel()
	<-turned
	synctest.Wait()
	for _, st := range stages {
		st.Close()
	}
	return performances["good"]
}
