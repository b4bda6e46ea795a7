package control_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control"
	"parley/control/traits"
	"parley/pipeline"
	"parley/store"
)

// keyless is a server without a key of Deepgram.
type keyless struct{}

func (keyless) Check(a store.Agent) []traits.Finding {
	p, all := traits.Read(a.Settings, pipeline.Manners{})
	if v := p.Set.Providers; v != nil && v.STT != nil && v.STT.Vendor == "deepgram" {
		all = append(all, traits.Finding{Path: "settings.providers.stt.vendor", Reason: "this server has no key of deepgram"})
	}
	if v := p.Set.Providers; v != nil && v.LLM != nil && v.LLM.Vendor == "openai" && p.Flow != nil {
		all = append(all, traits.Finding{Path: "settings.flow", Reason: "is not used"})
	}
	if strings.Contains(a.VoiceSettings, "nobody") {
		all = append(all, traits.Finding{Path: "voice_settings.voice", Reason: "no such voice"})
	}
	return all
}

func (k keyless) Problems(a store.Agent) []traits.Finding { return k.Check(a) }

func (keyless) Effective(a store.Agent) traits.AgentSettings {
	p, _ := traits.Read(a.Settings, pipeline.Manners{})
	text, _ := json.Marshal(traits.WriteManners(p.Manners.WithDefaults()))
	p.Set.Manners = text
	return p.Set
}

func (keyless) Schema() json.RawMessage {
	text, err := traits.Schema([]byte(`{"type":"object","title":"tools"}`))
	if err != nil {
		panic(err)
	}
	return text
}

func housed(o *control.Options) { o.House = keyless{} }

const shortSilence = `{"manners":{"silence":"5s"},"flow":{"flow":"f","start":"hello","nodes":{"hello":{"say":"Hi.","goto":"bye"},"bye":{"hang_up":"Bye."}}},` +
	`"report":[{"name":"order","type":"string"}]}`

func TestAgentSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, housed)
	type shown struct {
		ID        string
		Version   int
		Settings  map[string]any
		Effective map[string]any   `json:"effective_settings"`
		Problems  []traits.Finding `json:"settings_problems"`
	}
	ask := func(method, path, body string, status int) (s shown) {
		t.Helper()
		w.want(w.ask(w.ours.key, method, path, body), status).data(t, &s)
		return s
	}
	made := ask("POST", agents, `{"name":"A","system_prompt":"p","settings":`+shortSilence+`}`, http.StatusCreated)
	var want map[string]any
	must(t, json.Unmarshal([]byte(shortSilence), &want))
	if diff := cmp.Diff(want, made.Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	at := agents + "/" + made.ID
	got := ask("PATCH", at, `{"settings":{"manners":{"hangover":"1s"},"report":null}}`, http.StatusOK)
	want["manners"] = map[string]any{"hangover": "1s"}
	delete(want, "report")
	if diff := cmp.Diff(want, got.Settings); diff != "" || got.Version != 2 {
		t.Errorf("version %d, settings (-want +got):\n%s", got.Version, diff)
	}
	if got = ask("PATCH", at, `{"settings":{}}`, http.StatusOK); got.Version != 2 {
		t.Errorf("settings that say nothing make version %d", got.Version)
	}
	if got = ask("GET", at, "", http.StatusOK); got.Effective != nil {
		t.Errorf("effective settings unasked: %v", got.Effective)
	}
	got = ask("GET", at+"?defaults=true", "", http.StatusOK)
	manners, _ := got.Effective["manners"].(map[string]any)
	if manners["hangover"] != "1s" || manners["silence"] != "8s" {
		t.Errorf("effective manners: %v", manners)
	}
	if got = ask("PATCH", at, `{"settings":null}`, http.StatusOK); got.Settings != nil || got.Version != 3 {
		t.Errorf("null leaves %v, version %d", got.Settings, got.Version)
	}
}

// TestBadSettings: whatever is wrong is named by its path, at once, beside all else that is wrong.
func TestBadSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, housed)
	bad := map[string]string{
		"name":                                "must not be blank",
		"voice_settings.voice":                "no such voice",
		"settings.colour":                     "unknown field",
		"settings.providers.stt.vendor":       "no key of deepgram",
		"settings.providers.llm.temperature":  "<= 2",
		"settings.languages.listening":        "language tag",
		"settings.manners.silense":            "unknown",
		"settings.manners.hangover":           "unit",
		"settings.manners.interrupt.no_echo":  "boolean",
		"settings.manners.barge_in_words":     "number",
		"settings.flow.nodes.hello.goto":      "nowhere",
		"settings.recording":                  "object",
		"settings.report[0].name":             "small letters",
		"settings.report[0].type":             "one of",
		"settings.providers.tts.vendor":       "one of",
		"settings.manners.answering.greeting": "string",
	}
	body := `{"name":" ","system_prompt":"p","voice_settings":{"voice":"nobody"},"settings":{"colour":1,
		"providers":{"stt":{"vendor":"deepgram"},"llm":{"temperature":3},"tts":{"vendor":"hal"}},"languages":{"listening":"?"},
		"manners":{"silense":"5s","hangover":"1","interrupt":{"no_echo":1},"barge_in_words":"some","answering":{"greeting":3}},
		"flow":{"flow":"f","start":"hello","nodes":{"hello":{"say":"Hi.","goto":"nowhere"}}},"recording":true,"report":[{"name":"A b","type":"x"}]}}`
	for _, method := range []string{"POST", "PATCH"} {
		path := agents
		if method == "PATCH" {
			path += "/" + w.ours.agent
		}
		a := w.want(w.ask(w.ours.key, method, path, body), http.StatusBadRequest)
		for field, reason := range bad {
			if said := a.parsed.Details[field]; !strings.Contains(said, reason) {
				t.Errorf("%s: %s: %q, want %q", method, field, said, reason)
			}
		}
		if len(a.parsed.Details) != len(bad) {
			t.Errorf("%s: %v", method, a.parsed.Details)
		}
	}
	for body, reason := range map[string]string{
		`{"settings":{"flow":"` + strings.Repeat("x", 10) + `"}}`: "object",
		`{"settings":[]}`: "object",
		`{"settings":{"tools":{"x":"` + strings.Repeat("x", traits.Most) + `"}}}`:                    "256 KiB",
		`{"settings":{"tools":` + strings.Repeat(`{"x":`, 80) + "1" + strings.Repeat("}", 80) + `}}`: "64 levels",
		`{"effective_settings":{}}`: "read-only",
		`{"settings":{"report":[{"name":"a","type":"string"},{"name":"a","type":"string"}]}}`:                                                   `two fields "a"`,
		`{"settings":{"manners":{"silence":"9h"}}}`:                                                                                             "want 1s to 10m",
		`{"settings":{"manners":{"silence":"5s","silence":"6s"}}}`:                                                                              "given twice",
		`{"settings":{"report":` + strings.Repeat(`[`, 1) + strings.Repeat(`{"name":"a","type":"date"},`, 50) + `{"name":"b","type":"date"}]}}`: "<= 50",
	} {
		a := w.want(w.ask(w.ours.key, "PATCH", agents+"/"+w.ours.agent, body), http.StatusBadRequest)
		if !strings.Contains(string(a.body), strings.ReplaceAll(reason, `"`, `\"`)) {
			t.Errorf("%.80s: %s", body, a.body)
		}
	}
	if a := w.want(w.ask(w.ours.key, "GET", agents+"/"+w.ours.agent, ""), http.StatusOK); !strings.Contains(string(a.body), `"version":1,`) {
		t.Errorf("what was refused has changed something: %s", a.body)
	}
}

// TestSettingsThatCannotBeUsedAnyMore: they are shown as a problem, and keep nobody from changing something else.
func TestSettingsThatCannotBeUsedAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, housed)
	ctx, at := t.Context(), agents+"/"+w.ours.agent
	broken := `{"providers":{"stt":{"vendor":"deepgram"}}}`
	_, err := w.db.UpdateAgent(ctx, w.ours.org, w.ours.agent, time.Now(), func(a *store.Agent) error { a.Settings = broken; return nil })
	must(t, err)
	a := w.want(w.ask(w.ours.key, "GET", at, ""), http.StatusOK)
	if !strings.Contains(string(a.body), `"settings_problems":[{"path":"settings.providers.stt.vendor"`) {
		t.Errorf("the problem is not shown: %s", a.body)
	}
	w.want(w.ask(w.ours.key, "PATCH", at, `{"name":"New","settings":{"manners":{"silence":"5s"}}}`), http.StatusOK)
	w.want(w.ask(w.ours.key, "PATCH", at, `{"settings":`+broken+`}`), http.StatusBadRequest)
	w.want(w.ask(w.ours.key, "PATCH", at, `{"settings":{"providers":null}}`), http.StatusOK)
	a = w.want(w.ask(w.ours.key, "POST", at+"/versions/2/restore", ""), http.StatusBadRequest)
	if a.parsed.Details["settings.providers.stt.vendor"] == "" {
		t.Errorf("restored what cannot be used: %s", a.body)
	}
}

// allAgents is store.Agents under a name that none of its methods has.
type allAgents store.Agents

// A rival changes an agent between the check of a request and its change.
type rival struct {
	allAgents
	settings string
}

func (r rival) UpdateAgent(ctx context.Context, org, id string, at time.Time, change func(*store.Agent) error) (store.Agent, error) {
	if _, err := r.allAgents.UpdateAgent(ctx, org, id, at, func(a *store.Agent) error { a.Settings = r.settings; return nil }); err != nil {
		return store.Agent{}, err
	}
	return r.allAgents.UpdateAgent(ctx, org, id, at, change)
}

// TestSettingsChangedMeanwhile: what goes with the settings as they were is refused if it does not go with those that they have become.
func TestSettingsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, housed, func(o *control.Options) { o.Agents = rival{o.Agents, `{"providers":{"llm":{"vendor":"openai"}}}`} })
	a := w.want(w.ask(w.ours.key, "PATCH", agents+"/"+w.ours.agent, `{"settings":`+shortSilence+`}`), http.StatusBadRequest)
	if a.parsed.Details["settings.flow"] != "is not used" || len(a.parsed.Details) != 1 {
		t.Errorf("refused for %v", a.parsed.Details)
	}
	w.want(w.ask(w.ours.key, "PATCH", agents+"/"+w.ours.agent, `{"settings":{"manners":{"silence":"6s"}}}`), http.StatusOK)
}

func TestAgentVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, housed)
	at := agents + "/" + w.ours.agent
	for i := range 4 {
		w.want(w.ask(w.ours.key, "PATCH", at, `{"name":"Name `+strconv.Itoa(i)+`","settings":{"manners":{"silence":"`+strconv.Itoa(i+5)+`s"}}}`), http.StatusOK)
	}
	var list []struct {
		Name    string
		Version int
	}
	a := w.want(w.ask(w.ours.key, "GET", at+"/versions?limit=2&offset=1", ""), http.StatusOK)
	a.data(t, &list)
	if len(list) != 2 || list[0].Version != 4 || list[1].Name != "Name 1" || a.parsed.Meta["total"] != 5.0 {
		t.Errorf("versions: %s", a.body)
	}
	w.want(w.ask(w.ours.key, "PATCH", at, `{"enabled":false}`), http.StatusOK)
	for _, wrong := range []string{"0", "7", "-1", "+1", "01", "1.0", "x", "99999999999"} {
		w.want(w.ask(w.ours.key, "GET", at+"/versions/"+wrong, ""), http.StatusNotFound)
		w.want(w.ask(w.ours.key, "POST", at+"/versions/"+wrong+"/restore", ""), http.StatusNotFound)
	}
	was := w.want(w.ask(w.ours.key, "GET", at+"/versions/2", ""), http.StatusOK)
	if !strings.Contains(string(was.body), `"settings":{"manners":{"silence":"5s"}}`) {
		t.Errorf("version 2: %s", was.body)
	}
	now := w.want(w.ask(w.ours.key, "POST", at+"/versions/2/restore", ""), http.StatusOK)
	for _, want := range []string{`"name":"Name 0"`, `"silence":"5s"`, `"version":7`, `"enabled":false`} {
		if !strings.Contains(string(now.body), want) {
			t.Errorf("restored: %s, want %s", now.body, want)
		}
	}
	again := w.want(w.ask(w.ours.key, "POST", at+"/versions/2/restore", ""), http.StatusOK)
	if !strings.Contains(string(again.body), `"version":7`) {
		t.Errorf("restored again: %s", again.body)
	}
	w.want(w.ask(w.ours.key, "DELETE", at, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "GET", at+"/versions", ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "GET", at+"/versions/2", ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "POST", at+"/versions/2/restore", ""), http.StatusNotFound)
}

func TestAgentSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, housed)
	var schema struct {
		Schema string         `json:"$schema"`
		Defs   map[string]any `json:"$defs"`
	}
	w.want(w.ask(w.ours.key, "GET", agents+"/schema", ""), http.StatusOK).data(t, &schema)
	if !strings.Contains(schema.Schema, "2020-12") || schema.Defs["tools"] == nil || schema.Defs["flow"] == nil {
		t.Errorf("schema %s, %d definitions", schema.Schema, len(schema.Defs))
	}
}
