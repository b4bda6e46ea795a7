package control_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/control/talk"
	"parley/control/voice"
)

// TestTalkTokens: a page may call an agent of its own organisation, and fills the places that are for it.
func TestTalkTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const route = "/api/v1/webrtc/tokens"
	long := strings.Repeat("é", 500)
	var made voice.TalkToken
	w.want(w.ask(w.ours.key, "POST", route, `{"agent_id":"`+w.ours.agent+`","params":{"name":"`+long+`"}}`), http.StatusCreated).data(t, &made)
	pass, err := w.talk.Look(made.Token, time.Now())
	if err != nil || pass.Org != w.ours.org || pass.Agent != w.ours.agent || pass.Slots["name"] != long {
		t.Errorf("it lets in %+v, %v", pass, err)
	}
	if _, err := w.talk.Look(made.Token, time.Now().Add(talk.UsualLife)); err == nil {
		t.Error("it is good for ever")
	}
	w.want(w.ask(w.ours.key, "POST", route, `{}`), http.StatusCreated).data(t, &made)
	if made.AgentID != w.ours.standard {
		t.Errorf("the default agent is %s", made.AgentID)
	}
	if a := w.want(w.ask(w.ours.key, "POST", route, `{"agent_id":"`+w.theirs.agent+`"}`), http.StatusNotFound); a.parsed.Details["agent_id"] == "" {
		t.Errorf("another's agent: %s", a.body)
	}
	for field, body := range map[string]string{
		"params.name": `{"params":{"name":"` + long + `é"}}`, `params."parley_agent"`: `{"params":{"parley_agent":"x"}}`, "ttl_seconds": `{"ttl_seconds":5}`,
	} {
		if a := w.want(w.ask(w.ours.key, "POST", route, body), http.StatusBadRequest); a.parsed.Details[field] == "" {
			t.Errorf("%s: %s", field, a.body)
		}
	}
	w.want(w.ask(w.ours.powerless, "POST", route, `{}`), http.StatusForbidden)
}

// TestTryAgent: an agent is tried as it would be: checked as PATCH checks it, by those who may call, and not saved.
func TestTryAgent(t *testing.T) {
	t.Parallel()
	drafts := &talk.Drafts{Boot: "here"}
	w := newWorld(t, func(o *control.Options) { o.Drafts = drafts })
	route := "/api/v1/agents/" + w.ours.agent
	before := w.want(w.ask(w.ours.key, "GET", route, ""), http.StatusOK)
	var made voice.TalkToken
	w.want(w.ask(w.ours.key, "POST", route+"/try", `{"system_prompt":"Be brief.","enabled":false,"settings":{"manners":{"barge_in":"400ms"}}}`), http.StatusCreated).data(t, &made)
	p, err := w.talk.Look(made.Token, time.Now())
	if err != nil || p.Org != w.ours.org || p.Agent != w.ours.agent || p.Boot != "here" || made.AgentID != p.Agent {
		t.Fatalf("it lets in %+v, %v", p, err)
	}
	if a, ok := drafts.Draft(p.Org, p.Draft, time.Now()); !ok || a.SystemPrompt != "Be brief." || !strings.Contains(a.Settings, "400ms") || a.ID != w.ours.agent {
		t.Errorf("it is for %+v, %v", a, ok)
	}
	if after := w.want(w.ask(w.ours.key, "GET", route, ""), http.StatusOK); string(after.parsed.Data) != string(before.parsed.Data) {
		t.Errorf("it was saved: %s", after.body)
	}
	for field, body := range map[string]string{
		"name": `{"name":" "}`, "settings.manners.barge_in": `{"settings":{"manners":{"barge_in":"soon"}}}`, "voice_settings.speed": `{"voice_settings":{"speed":9}}`, "id": `{"id":"x"}`,
	} {
		if a := w.want(w.ask(w.ours.key, "POST", route+"/try", body), http.StatusBadRequest); a.parsed.Details[field] == "" {
			t.Errorf("%s: %s", field, a.body)
		}
	}
	w.want(w.ask(w.theirs.key, "POST", route+"/try", `{}`), http.StatusNotFound)
	var writer string
	_, err = w.db.CreateKey(t.Context(), w.newKey(&writer, w.ours.org, access.AgentsWrite))
	must(t, err)
	if a := w.want(w.ask(writer, "POST", route+"/try", `{}`), http.StatusForbidden); a.parsed.Details["scope"] != access.CallsWrite {
		t.Errorf("who may not call: %s", a.body)
	}
}
