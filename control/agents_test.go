package control_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/control"
	"parley/store"
)

const agents = "/api/v1/agents"

func TestAgentLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.want(w.ask(w.ours.key, "POST", agents, `{"name":" Ann ","system_prompt":"Help <callers> & others.","enabled":null,"description":null}`), http.StatusCreated)
	var got map[string]any
	a.data(t, &got)
	id, _ := got["id"].(string)
	if got["created_at"] != got["updated_at"] || got["number"].(float64) < 1 {
		t.Errorf("created: %s", a.body)
	}
	delete(got, "id")
	delete(got, "number")
	delete(got, "created_at")
	delete(got, "updated_at")
	want := map[string]any{
		"name": " Ann ", "system_prompt": "Help <callers> & others.", "description": nil, "starting_message": nil, "enabled": true,
		"voice_settings": nil, "dtmf_rules": nil, "settings": nil, "version": 1.0, "is_default": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("created, want - got +:\n%s", diff)
	}
	if strings.Contains(string(a.body), `\u003c`) {
		t.Errorf("JSON is escaped for HTML: %s", a.body)
	}

	patch := func(body string) map[string]any {
		t.Helper()
		var out map[string]any
		w.want(w.ask(w.ours.key, "PATCH", agents+"/"+id, body), http.StatusOK).data(t, &out)
		return out
	}
	got = patch(`{"description":"d","starting_message":"Hi","voice_settings":{"speed":0.7,"style":null,"voice":"Ann","language":"en-GB"},"dtmf_rules":{"1": {"barge_in":false, "say":"Nine to\u0020five."}}}`)
	if got["version"] != 2.0 || got["description"] != "d" || got["name"] != " Ann " {
		t.Errorf("patched: %v", got)
	}
	if diff := cmp.Diff(map[string]any{"speed": 0.7, "voice": "Ann", "language": "en-GB"}, got["voice_settings"]); diff != "" {
		t.Errorf("voice settings, want - got +:\n%s", diff)
	}
	row, err := w.db.Agent(t.Context(), w.ours.org, id)
	must(t, err)
	if row.DTMFRules != `{"1":{"barge_in":false,"say":"Nine to\u0020five."}}` {
		t.Errorf("keypad rules are kept as %s: spelling and order should stay", row.DTMFRules)
	}
	if got = patch(`{"voice_settings":{"stability":1}}`); got["voice_settings"].(map[string]any)["speed"] != nil {
		t.Errorf("voice settings are not replaced as a whole: %v", got)
	}
	if got = patch(`{"voice_settings":{"stability":1}}`); got["version"] != 3.0 {
		t.Errorf("a patch that changes nothing makes version %v", got["version"])
	}
	got = patch(`{"description":null,"starting_message":null,"voice_settings":null,"dtmf_rules":null,"enabled":false}`)
	for _, f := range []string{"description", "starting_message", "voice_settings", "dtmf_rules"} {
		if got[f] != nil {
			t.Errorf("null does not clear %s: %v", f, got[f])
		}
	}
	if w.changed() != 5 {
		t.Errorf("Changed was called %d times, want 5", w.changed())
	}
	w.want(w.ask(w.ours.key, "GET", agents+"/"+strings.ToUpper(id), ""), http.StatusOK)
	var gone map[string]any
	w.want(w.ask(w.ours.key, "DELETE", agents+"/"+id, ""), http.StatusOK).data(t, &gone)
	if diff := cmp.Diff(map[string]any{"id": id, "deleted": true}, gone); diff != "" {
		t.Errorf("deleted, want - got +:\n%s", diff)
	}
	for _, method := range []string{"GET", "DELETE"} {
		w.want(w.ask(w.ours.key, method, agents+"/"+id, ""), http.StatusNotFound)
	}
}

func TestAgentsInUseStay(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]func(*control.Options){"knowing the default": func(*control.Options) {}, "not knowing it": func(o *control.Options) { o.Default = nil }} {
		w := newWorld(t, o)
		_, err := w.db.PutNumber(t.Context(), store.Number{
			ID: store.NewID(), Org: w.ours.org, E164: "+442071234567", Agent: w.ours.agent, Created: time.Now().UTC(), Updated: time.Now().UTC(),
		})
		must(t, err)
		for id, word := range map[string]string{w.ours.standard: "default", w.ours.agent: "number"} {
			a := w.want(w.ask(w.ours.key, "DELETE", agents+"/"+id, ""), http.StatusBadRequest)
			if !strings.Contains(a.parsed.Error, word) {
				t.Errorf("%s: the reason does not say %s: %s", name, word, a.parsed.Error)
			}
		}
		a := w.ask(w.ours.key, "GET", agents+"/"+w.ours.standard, "")
		if got, want := strings.Contains(string(a.body), `"is_default":true`), name == "knowing the default"; got != want {
			t.Errorf("%s: %s", name, a.body)
		}
		if w.changed() != 0 {
			t.Error("Changed was called, though nothing did")
		}
	}
}

func TestAgentLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.want(w.ask(w.ours.key, "POST", agents, `{"name":"`+name+`","system_prompt":"x","enabled":false}`), http.StatusCreated)
	}
	names := func(query string) (out []string, total float64) {
		a := w.want(w.ask(w.ours.key, "GET", agents+query, ""), http.StatusOK)
		var rows []struct{ Name string }
		a.data(t, &rows)
		for _, r := range rows {
			out = append(out, r.Name)
		}
		return out, a.parsed.Meta["total"].(float64)
	}
	for query, want := range map[string]struct {
		names []string
		total float64
	}{
		"?enabled=false":                  {[]string{"c", "b", "a"}, 3},
		"?enabled=false&limit=1&offset=1": {[]string{"b"}, 3},
		"?enabled=true&limit=100":         {[]string{"Agent", "Receptionist"}, 2},
		"?limit=2&offset=1":               {[]string{"b", "a"}, 5},
		"?offset=99":                      {nil, 5},
		"?enabled=&limit=":                {[]string{"c", "b", "a", "Agent", "Receptionist"}, 5},
	} {
		got, total := names(query)
		if diff := cmp.Diff(want.names, got); diff != "" || total != want.total {
			t.Errorf("%s: total %v, want %v; want - got +:\n%s", query, total, want.total, diff)
		}
	}
}

// TestEveryBadFieldIsNamed builds bodies of good and bad fields, and expects exactly the bad ones by name.
func TestEveryBadFieldIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := map[string]any{
		"name": "n", "system_prompt": "p", "description": "d", "starting_message": "s", "enabled": true, "voice_settings": map[string]any{"style": 0},
		"dtmf_rules": map[string]any{"rules": []any{map[string]any{"keys": "1", "say": "a"}}},
	}
	bad := map[string][]any{
		"name":             {"", " \t", 1, []any{}, strings.Repeat("a", 201), "a\x00"},
		"system_prompt":    {"", "\n", true, map[string]any{}, strings.Repeat("a", 100_001), "\x00"},
		"description":      {0, strings.Repeat("é", 2001), []any{"a"}, "a\x00b"},
		"starting_message": {false, strings.Repeat("a", 5001), "\x00"},
		"enabled":          {"true", 1, []any{}},
		"voice_settings":   {"loud", []any{}, 3},
		"dtmf_rules":       {"1", []any{}, map[string]any{"a": strings.Repeat("a", 64<<10)}},
	}
	inside := map[string][]any{
		"stability": {-0.1, 1.1, "high"}, "similarity_boost": {2, false}, "style": {-1}, "use_speaker_boost": {"yes"}, "speed": {0.69, 1.21},
		"voice": {"", 7, "a\nb"}, "language": {"english!", 1}, "pitch": {1},
	}
	rules := map[string]any{ // and what each is called
		"rules[1].keys": map[string]any{"keys": "x", "say": "a"}, "rules[1]": map[string]any{"keys": "2"}, "rules[1].sayy": map[string]any{"keys": "2", "say": "a", "sayy": "b"},
		"rules[1].gather.length": map[string]any{"keys": "2", "gather": map[string]any{"prompt": "P", "slot": "s", "length": 0}},
	}
	strange := []string{"id", "number", "version", "is_default", "created_at", "updated_at", "prompt", "Name", "voice", "org", "a.b", "c[0].d", "x."}
	parameters := []string{"limit", "q", "name"}
	rapid.Check(t, func(rt *rapid.T) {
		method := rapid.SampledFrom([]string{"POST", "PATCH"}).Draw(rt, "method")
		body, want := map[string]any{}, map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(good)) {
			value := good[name]
			switch rapid.IntRange(0, 3).Draw(rt, name) {
			case 0:
				body[name] = rapid.SampledFrom(bad[name]).Draw(rt, "bad "+name)
				want[name] = true
			case 1:
				if method == "POST" && (name == "name" || name == "system_prompt") {
					want[name] = true // left out
				}
			default:
				body[name] = value
			}
		}
		if voice, ok := body["voice_settings"].(map[string]any); ok {
			settings := map[string]any{"style": voice["style"]}
			for _, name := range slices.Sorted(maps.Keys(inside)) {
				values := inside[name]
				if rapid.IntRange(0, 4).Draw(rt, name) == 0 {
					settings[name] = rapid.SampledFrom(values).Draw(rt, "bad "+name)
					want["voice_settings."+name] = true
				}
			}
			body["voice_settings"] = settings
		}
		if _, ok := body["dtmf_rules"].(map[string]any); ok && !want["dtmf_rules"] && rapid.Bool().Draw(rt, "bad rules") {
			given := map[string]any{"rules": []any{map[string]any{"keys": "1", "say": "a"}}}
			name := rapid.SampledFrom(slices.Sorted(maps.Keys(rules))).Draw(rt, "bad rule")
			given["rules"] = append(given["rules"].([]any), rules[name])
			want["dtmf_rules."+name] = true
			if rapid.Bool().Draw(rt, "bad gap") {
				given["key_gap"], want["dtmf_rules.key_gap"] = "soon", true
			}
			if rapid.Bool().Draw(rt, "bad name") {
				given["a.b[0]"], want[`dtmf_rules["a.b[0]"]`] = 1, true
			}
			body["dtmf_rules"] = given
		}
		for _, name := range strange {
			if name == "Name" && method == "PATCH" {
				continue // encoding/json folds case, so that name would be complained of besides
			}
			if rapid.IntRange(0, 5).Draw(rt, name) == 0 {
				body[name] = rapid.SampledFrom([]any{nil, 1, "x"}).Draw(rt, "strange "+name)
				want[name] = true
			}
		}
		query := "?"
		for _, name := range parameters {
			if rapid.IntRange(0, 5).Draw(rt, "?"+name) == 0 {
				query += name + "=1&"
				want[name] = true
			}
		}
		if len(want) == 0 {
			return
		}
		path := agents
		if method == "PATCH" {
			path += "/" + w.ours.agent
		}
		text, err := json.Marshal(body)
		must(t, err)
		a := w.want(w.ask(w.ours.key, method, path+query, string(text)), http.StatusBadRequest)
		got := map[string]bool{}
		for name, message := range a.parsed.Details {
			got[name] = true
			if message == "" {
				rt.Errorf("%s has no message", name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("%s %.300s: want - got +:\n%s", method, text, diff)
		}
	})
	for _, a := range []*answer{w.ask(w.ours.key, "PATCH", agents+"/"+w.ours.agent, `{"name":null,"system_prompt":null,"enabled":null,"id":null}`)} {
		want := map[string]string{"name": "cannot be null", "system_prompt": "cannot be null", "enabled": "cannot be null", "id": "is read-only"}
		if diff := cmp.Diff(want, a.parsed.Details); diff != "" {
			t.Errorf("want - got +:\n%s", diff)
		}
	}
	w.want(w.ask(w.ours.key, "PATCH", agents+"/"+w.ours.agent, `{}`), http.StatusBadRequest)
	if w.changed() != 0 {
		t.Errorf("a refused body changed an agent")
	}
}

// FuzzAgentBody holds that no body brings a 500 or leaves the envelope.
func FuzzAgentBody(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","system_prompt":"b"}`, `{"name":"a","system_prompt":"b","dtmf_rules":{"1":{"a":[1e999,"\ud800"]}}}`, `[]`, `null`, `"`, `{`,
		`{"voice_settings":{"speed":1e400}}`, "{\"name\":\"\xff\",\"system_prompt\":\"\xc3\",\"dtmf_rules\":{\"\xff\":\"\xff\"}}", `{"name":"a","name":1}`,
		strings.Repeat("[", 20000), `{"enabled":1,"id":{}}`, `{"":1}`, `{"name":"\u0000","system_prompt":" "}`, `{"dtmf_rules":{"a":` + strings.Repeat("9", 400) + `}}`,
		`{"description":"d","enabled":false}`, "\ufeff{}", `{} x`, `{"body.name":1,"x\ny":2}`,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body string, create bool) {
		method, path := "PATCH", agents+"/"+w.ours.agent
		if create {
			method, path = "POST", agents
		}
		here := *w
		here.t = t
		a := here.ask(w.ours.key, method, path, body)
		switch a.status {
		case http.StatusOK, http.StatusCreated, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("%s %q: %d %s", method, body, a.status, a.body)
		}
	})
}

// TestDefaultAgent: an agent is made the default; the one before can then be deleted, and it cannot.
func TestDefaultAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, changes := agents+"/"+w.ours.standard, w.changed()
	w.want(w.ask(w.ours.key, "DELETE", before, ""), http.StatusBadRequest)
	now := w.want(w.ask(w.ours.key, "POST", agents+"/"+strings.ToUpper(w.ours.agent)+"/default", ""), http.StatusOK)
	if !strings.Contains(string(now.body), `"is_default":true`) || !strings.Contains(string(now.body), `"version":1,`) {
		t.Errorf("made the default: %s", now.body)
	}
	if w.changed() != changes+1 {
		t.Error("nobody was told")
	}
	if a := w.want(w.ask(w.ours.key, "DELETE", agents+"/"+w.ours.agent, ""), http.StatusBadRequest); !strings.Contains(string(a.body), "is the default agent") {
		t.Errorf("deleted: %s", a.body)
	}
	w.want(w.ask(w.ours.key, "POST", agents+"/nobody/default", ""), http.StatusNotFound)
	w.want(w.ask(w.ours.powerless, "POST", before+"/default", ""), http.StatusForbidden)
}
