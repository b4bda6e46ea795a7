package control_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

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
