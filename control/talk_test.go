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
		"params.name": `{"params":{"name":"` + long + `é"}}`, `params."parley_agent"`: `{"params":{"parley_agent":"x"}}`, "ttl_seconds": `{"ttl_seconds":5}`, "from": `{"from":"anonymous"}`,
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

// TestWidgetTokens: a page without a server of its own calls an agent that is made public, from an origin that this names, and not too often.
func TestWidgetTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const route, shop = voice.WidgetTokensPath, "https://shop.example.com"
	body := `{"agent_id":"` + w.ours.agent + `","ttl_seconds":300}`
	from := func(origin string) *answer {
		return w.ask("", "POST", route, body, "Origin", origin, "Sec-Fetch-Site", "cross-site")
	}
	publish := func(settings string, status int) *answer {
		return w.want(w.ask(w.ours.key, "PATCH", "/api/v1/agents/"+w.ours.agent, `{"settings":{"widget":`+settings+`}}`), status)
	}
	w.want(from(shop), http.StatusNotFound)
	publish(`{"enabled":false,"origins":["`+shop+`"]}`, http.StatusOK)
	w.want(from(shop), http.StatusNotFound)
	for _, origin := range []string{"shop.example.com", shop + "/", "https://Shop.example.com", "ftp://shop.example.com", "*", shop + "/path"} {
		if a := publish(`{"enabled":true,"origins":["`+origin+`"]}`, http.StatusBadRequest); a.parsed.Details["settings.widget.origins[0]"] == "" {
			t.Errorf("%s: %s", origin, a.body)
		}
	}
	publish(`{"enabled":true,"origins":["`+shop+`","http://localhost:3000"],"calls_per_minute":600}`, http.StatusOK)
	var made voice.TalkToken
	a := w.want(from(shop), http.StatusCreated)
	a.data(t, &made)
	p, err := w.talk.Look(made.Token, time.Now().Add(4*time.Minute))
	if err != nil || p.Org != w.ours.org || p.Agent != w.ours.agent || !p.Widget || len(p.Slots) != 0 {
		t.Errorf("it lets in %+v, %v", p, err)
	}
	if got := a.head.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin is %q", got)
	}
	w.want(from("http://localhost:3000"), http.StatusCreated)
	for _, origin := range []string{"", "null", "https://evil.example.com", "http://shop.example.com", shop + ".evil.com", shop + ":8443"} {
		if a := w.want(from(origin), http.StatusForbidden); a.head.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%q is not told why", origin)
		}
	}
	asks := w.want(w.ask("", "OPTIONS", route, "", "Origin", shop, "Access-Control-Request-Method", "POST"), http.StatusNoContent)
	if asks.head.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(asks.head.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("what may be asked: %v", asks.head)
	}
	publish(`{"enabled":true,"origins":["`+shop+`"],"calls_per_minute":1}`, http.StatusOK)
	for tries := 1; ; tries++ { // a minute may be over between two of them
		if a := from(shop); a.status == http.StatusTooManyRequests && a.head.Get("Retry-After") != "" {
			break
		} else if tries == 4 {
			t.Fatalf("of one call a minute the fourth is answered %d %v", a.status, a.head)
		}
	}
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/agents/"+w.ours.agent, `{"enabled":false}`), http.StatusOK)
	w.want(from(shop), http.StatusNotFound)
}
