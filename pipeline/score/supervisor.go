package score

import (
	"cmp"
	"context"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
)

// A Supervisor listens to the call (pipeline.Supervisor) from At on. Their Script's times are from then, and their words are heard by nobody:
// what they say is Tones.
type Supervisor struct {
	Name   string
	At     float64
	Rate   int // of their leg; default 16000
	Script []Cue
}

// Supervised is what became of a Supervisor.
type Supervised struct {
	Heard []int16
	Told  []string    // whether they have the call: "has", "has not", or why they cannot
	Err   error       // of Attend
	Cause media.Cause // that their carrier was told; empty: they have gone by themselves
}

// supervised is a supervisor of a performance.
type supervised struct {
	stage *Stage // Leg, Carrier and script alone
	Supervised
}

// TakesOver is a supervisor's order to have the call.
func TakesOver(at float64) Cue {
	return does(at, func(st *Stage) {
		_ = st.Call.Do(context.Background(), pipeline.Command{Kind: pipeline.TakeOver, To: st.Leg.Info().ID, By: st.Leg.Info().To})
	})
}

// HandsBack is a supervisor's order that the agent is to have the call again.
func HandsBack(at float64) Cue {
	return Orders(pipeline.Command{Kind: pipeline.Unbridge, Ask: true}, at)
}

// supervise lets the supervisors come, each on a goroutine that ends with the call.
func (st *Stage) supervise(ctx context.Context, ended <-chan struct{}) {
	for _, s := range st.score.Supervised {
		info := media.Info{Kind: "score", ID: "SU-" + s.Name, To: s.Name, Rate: cmp.Or(s.Rate, 16000)}
		leg, far := legtest.New(legtest.Line{Info: info, Open: true, Hum: 1})
		one := &supervised{stage: &Stage{Leg: leg, Carrier: far, Call: st.Call, score: &Score{Caller: s.Script}}}
		st.others = append(st.others, one)
		go func() {
			select {
			case <-time.After(seconds(s.At) + phase):
			case <-ended:
				return
			}
			left := make(chan struct{})
			go one.stage.Script(left)
			one.Err = st.Call.Attend(ctx, pipeline.Supervisor{Name: s.Name, Leg: leg, Changed: func(has bool, err error) {
				one.Told = append(one.Told, told(has, err))
			}})
			close(left)
		}()
	}
}

// told is what a supervisor is told, in a word.
func told(has bool, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case has:
		return "has"
	}
	return "has not"
}

// closeSupervised looks at what supervisors have heard.
func (st *Stage) closeSupervised() {
	for _, one := range st.others {
		one.Heard = one.stage.Carrier.Heard()
		one.Cause, _ = one.stage.Carrier.Cause()
		st.p.Supervised = append(st.p.Supervised, one.Supervised)
	}
}
