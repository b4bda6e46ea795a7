package keypad

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// meaning are the findings that no schema can have.
var meaning = []string{"narrower", "same entries", "no choice of keys", "has no keys", "is no key", "not closed", "a number of keys", "of different number", "begin with *", "is less than",
	"stands beside", "follow on each other", "there are 101 rules", "must be a time from"}

// TestSchema: the schema refuses what Parse refuses for its form, and takes what Parse takes.
func TestSchema(t *testing.T) {
	t.Parallel()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rules.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mistakes {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(m.rules))
		if err != nil {
			continue // no JSON
		}
		form := slices.ContainsFunc(m.want, func(finding string) bool {
			return !slices.ContainsFunc(meaning, func(s string) bool { return strings.Contains(finding, s) })
		})
		if err := s.Validate(v); (err != nil) != form && form {
			t.Errorf("%s: the schema takes it, and Parse does not", m.name)
		} else if err != nil && !form && !strings.Contains(m.name, "both") && !strings.Contains(m.name, "gap") {
			t.Errorf("%s: the schema refuses its form: %v", m.name, err)
		}
	}
	var file struct{ Examples []json.RawMessage }
	if err := json.Unmarshal(Schema(), &file); err != nil || len(file.Examples) < 2 {
		t.Fatalf("examples: %d, %v", len(file.Examples), err)
	}
	for _, rules := range append(file.Examples, json.RawMessage(everything), json.RawMessage(`{}`)) {
		sound(t, string(rules))
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(rules))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("the schema refuses what Parse takes: %v in %s", err, rules)
		}
	}
}

// TestSchemaFields: the schema has the fields that Parse reads, and no others.
func TestSchemaFields(t *testing.T) {
	t.Parallel()
	type object struct {
		Properties map[string]any
		Defs       map[string]object `json:"$defs"`
	}
	var o object
	if err := json.Unmarshal(Schema(), &o); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		got  map[string]any
		want []string
	}{
		"rules": {o.Properties, topFields}, "a rule": {o.Defs["KeypadRule"].Properties, ruleFields}, "an action": {o.Defs["KeypadAction"].Properties, actionFields},
		"a gather": {o.Defs["KeypadGather"].Properties, gatherFields},
	} {
		if diff := cmp.Diff(slices.Sorted(slices.Values(c.want)), sorted(c.got)); diff != "" {
			t.Errorf("%s, read - schema +:\n%s", name, diff)
		}
	}
}
