package control_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestRulesAreDescribed: the description has the whole schema of dtmf_rules, and its examples are taken as printed, by the schema and by
// the API.
func TestRulesAreDescribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.want(w.ask("", "GET", "/openapi.json", ""), http.StatusOK).body))
	must(t, err)
	c := jsonschema.NewCompiler()
	must(t, c.AddResource("openapi.json", doc))
	for _, object := range []string{"AgentCreate", "AgentPatch", "Agent"} {
		s, err := c.Compile("openapi.json#/components/schemas/" + object + "/properties/dtmf_rules")
		must(t, err)
		if len(s.Examples) < 2 {
			t.Fatalf("%s: %d examples of dtmf_rules", object, len(s.Examples))
		}
		for _, rules := range s.Examples {
			if err := s.Validate(rules); err != nil {
				t.Errorf("%s: the schema refuses its example: %v", object, err)
			}
			body, err := json.Marshal(map[string]any{"dtmf_rules": rules})
			must(t, err)
			w.want(w.ask(w.ours.key, "PATCH", agents+"/"+w.ours.agent, string(body)), http.StatusOK)
		}
		if s.Validate(map[string]any{"sales": "x"}) == nil {
			t.Errorf("%s: the schema takes an unknown field", object)
		}
		bad, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"rules": [{"keys": "1", "gather": {"prompt": "P", "slot": "s", "then": {"goto": 1}}}]}`))
		must(t, err)
		if s.Validate(bad) == nil || s.Validate(nil) != nil {
			t.Errorf("%s: the schema takes a gather without a length, or no null", object)
		}
	}
}

// TestRulesAreChecked: everything wrong with the rules is told at once, beside what else is wrong.
func TestRulesAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.want(w.ask(w.ours.key, "POST", agents, `{"name": "", "system_prompt": "p", "dtmf_rules": {
		"rules": [{"keys": "1", "say": "a"}, {"keys": "1", "goto": "b", "ask": "c"}, {"keys": "2", "gather": {"prompt": "P", "slot": "pin", "length": 99, "masked": "yes"}}],
		"key_gap": 2, "*9": "bye", "sales": 1}}`), http.StatusBadRequest)
	want := map[string]string{
		"name":                              "expected length >= 1",
		"dtmf_rules.rules[1]":               "does ask and goto: want one of them",
		"dtmf_rules.rules[2].gather.length": "must be a whole number from 1 to 64, not 99",
		"dtmf_rules.rules[2].gather.masked": `must be true or false, not "yes"`,
		"dtmf_rules.key_gap":                `must be a time from 200ms to 30s, such as "3s", not 2`,
		`dtmf_rules["*9"]`:                  `stands beside rules: put it into that list, as {"keys": "*9", ...}`,
		"dtmf_rules.sales":                  `unknown field, and no keys either: known are rules, key_gap, otherwise, or keys such as "1"; see docs/dtmf.md`,
	}
	if diff := cmp.Diff(want, a.parsed.Details); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}
	a = w.want(w.ask(w.ours.key, "PATCH", agents+"/"+w.ours.agent, `{"dtmf_rules": {"1X": {"say": "a"}, "X2": {"say": "b"}}}`), http.StatusBadRequest)
	if got := a.parsed.Details["dtmf_rules.X2"]; len(a.parsed.Details) != 1 || !strings.Contains(got, `both fit "12"`) {
		t.Errorf("details: %v", a.parsed.Details)
	}
}
