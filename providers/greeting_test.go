package providers_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
	"parley/pipeline/score"
	"parley/providers"
)

// greeted is a call whose greeting was made ahead, or not. It returns when its first sample sounded at the far end, since the answer.
func greeted(t *testing.T, line legtest.Line, ahead bool) (first time.Duration) {
	t.Helper()
	agent := pipeline.Agent{Name: "desk", Lang: "en-GB", Voice: pipeline.Voice{Name: "jenny"}}
	var answered time.Time
	s := score.Score{
		Line:      line,
		Agent:     func(a *pipeline.Agent) { a.Lang, a.Voice = agent.Lang, agent.Voice },
		Responder: func(model pipeline.Responder) pipeline.Responder { return pipeline.Greeting(greeting, model) },
		Speaks: func(voice pipeline.Synthesizer) pipeline.Synthesizer {
			c := &providers.Cache{Synthesizer: voice}
			if ahead {
				if err := c.Prepare(context.Background(), agent.VoiceAt(8000), greeting); err != nil {
					t.Error(err)
				}
			}
			answered = time.Now()
			return c
		},
		Caller: []score.Cue{
			score.Does(1, func(st *score.Stage) {
				for _, heard := range st.Carrier.Sounded() {
					if i := slices.IndexFunc(heard.PCM, func(v int16) bool { return v != 0 }); i >= 0 {
						first = heard.At.Add(media.Samples(i, 8000)).Sub(answered)
						return
					}
				}
				t.Error("nothing sounds after a second")
			}),
			score.Says("one two", 4, 5), score.HangsUp(10),
		},
	}
	s.Play(t, func(t *testing.T, p *score.Performance) {
		if len(p.Talks) != 1 || len(p.Talks[0].History) < 1 || p.Talks[0].History[0].Text != greeting {
			t.Errorf("the model was told %+v", p.Talks)
		}
	})
	return first
}

// A greeting that was made ahead is on the wire within one frame of the media being open, on every kind of leg.
func TestGreetingIsHeardAtOnce(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]legtest.Line{
		"a socket with marks":             {},
		"packets":                         {Info: media.Info{Kind: "score", ID: "CA1"}},
		"packets that want comfort noise": {Info: media.Info{Kind: "score", ID: "CA1", Comfort: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			late, at := greeted(t, line, false), greeted(t, line, true)
			if at > media.FrameTime {
				t.Errorf("the greeting sounds after %v", at)
			}
			t.Logf("first sound after %v, without a cache after %v", at, late)
			if late < 100*time.Millisecond {
				t.Errorf("without a cache it sounds after %v: the voice takes longer", late)
			}
		})
	}
}
