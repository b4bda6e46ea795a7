package main

import (
	"errors"
	"testing"
	"time"

	"parley/control/talk"
	"parley/media/webrtc"
	"parley/pipeline"
)

// TestSupervisedElsewhere: a token for a call that does not live here says whether to ask again, and stays good.
func TestSupervisedElsewhere(t *testing.T) {
	t.Parallel()
	tokens, err := talk.NewTokens(nil, nil, []byte("a secret of 32 characters or more"))
	if err != nil {
		t.Fatal(err)
	}
	g := talkGate{tokens, &pipeline.Switchboard{}, "this boot"}
	for boot, over := range map[string]bool{"this boot": true, "another": false} {
		token, _, err := tokens.Issue(talk.Pass{Org: "o", Call: "c", Boot: boot, Name: "Ada"}, talk.UsualLife, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err := g.Look(token)
			if absent := (*webrtc.Absent)(nil); !errors.As(err, &absent) || absent.Over != over || absent.Why == "" {
				t.Errorf("a call of %s: %v", boot, err)
			}
		}
	}
}
