package main

import (
	"errors"
	"testing"
	"time"

	"parley/control/talk"
	"parley/media"
	"parley/media/webrtc"
	"parley/pipeline"
	"parley/store"
)

// TestSupervisedElsewhere: a token for a call that does not live here says whether to ask again, and stays good.
func TestSupervisedElsewhere(t *testing.T) {
	t.Parallel()
	tokens, err := talk.NewTokens(nil, nil, []byte("a secret of 32 characters or more"))
	if err != nil {
		t.Fatal(err)
	}
	drafts := &talk.Drafts{Boot: "this boot"}
	g := talkGate{tokens, drafts, &pipeline.Switchboard{}}
	for boot, over := range map[string]bool{"this boot": true, "another": false} {
		for what, p := range map[string]talk.Pass{"a call": {Call: "c", Name: "Ada"}, "a draft": {Agent: "a", Draft: "d"}} {
			p.Org, p.Boot = "o", boot
			token, _, err := tokens.Issue(p, talk.UsualLife, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := g.Look(token)
				if absent := (*webrtc.Absent)(nil); !errors.As(err, &absent) || absent.Over != over || absent.Why == "" {
					t.Errorf("%s of %s: %v", what, boot, err)
				}
			}
		}
	}
}

// TestDraftIsCalled: a token for a draft leads to it, whatever is saved under its id, until the call is over.
func TestDraftIsCalled(t *testing.T) {
	t.Parallel()
	tokens, err := talk.NewTokens(nil, nil, []byte("a secret of 32 characters or more"))
	if err != nil {
		t.Fatal(err)
	}
	o := &office{talk: tokens}
	o.drafts.Boot = "here"
	g := talkGate{tokens, &o.drafts, &pipeline.Switchboard{}}
	draft := o.drafts.Keep(store.Agent{ID: "a", Org: "o", Version: 3, SystemPrompt: "As written."}, time.Now())
	token, _, err := tokens.Issue(talk.Pass{Org: "o", Agent: "a", From: "+442071234567", Draft: draft, Boot: "here"}, talk.DraftLife, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	grant, err := g.Look(token)
	if err != nil {
		t.Fatal(err)
	}
	if grant.From != "+442071234567" {
		t.Errorf("who calls is %q", grant.From)
	}
	info := media.Info{Owners: []string{grant.Owner}, Params: grant.Params}
	if r, err := o.route(info); err != nil || r.Org != "o" || r.Agent.SystemPrompt != "As written." || r.Agent.Version != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	info.Owners = []string{"p"}
	if r, err := o.route(info); err == nil {
		t.Errorf("for another organisation: %+v", r)
	}
	o.drafts.Forget(draft)
	if _, err := g.Look(token); err == nil {
		t.Error("it can be called again")
	}
}
