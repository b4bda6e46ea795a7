package voice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/pipeline/keypad"
)

// maxRules is how large the keypad rules of an agent may be, as compact JSON.
const maxRules = 64 << 10

// Rules are what keys do, as JSON, kept as they came; nil is null.
type Rules json.RawMessage

// MarshalJSON implements json.Marshaler.
func (r Rules) MarshalJSON() ([]byte, error) { return json.RawMessage(r).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler.
func (r *Rules) UnmarshalJSON(data []byte) error {
	*r = nil
	if string(data) == "null" {
		return nil
	}
	var buf bytes.Buffer
	if err := json.Compact(&buf, data); err != nil {
		return err
	}
	*r = bytes.ToValidUTF8(buf.Bytes(), []byte("\uFFFD"))
	return nil
}

// Schema implements huma.SchemaProvider: an object, or null. What is in it is described as [keypad.Schema] has it, and checked by
// checkRules alone: a schema has no good words for what is wrong with keys.
func (Rules) Schema(r huma.Registry) *huma.Schema {
	var rules map[string]any
	text := strings.ReplaceAll(string(keypad.Schema()), "#/$defs/", "#/components/schemas/")
	if err := json.Unmarshal([]byte(text), &rules); err != nil {
		panic("voice: the schema of keypad rules is no JSON: " + err.Error()) // it is embedded
	}
	defs, _ := rules["$defs"].(map[string]any)
	for name, def := range defs {
		said, _ := def.(map[string]any)
		r.Map()[name] = &huma.Schema{Extensions: said}
	}
	for _, name := range []string{"$schema", "$defs", "title", "type"} {
		delete(rules, name)
	}
	rules["description"] = fmt.Sprint(rules["description"], " At most 64 KiB. PATCH replaces it as a whole.")
	return &huma.Schema{Type: huma.TypeObject, Nullable: true, AdditionalProperties: true, Extensions: rules}
}

// checkRules names all that is wrong with keypad rules, each by its path.
func checkRules(at *huma.PathBuffer, rules Rules) (bad []error) {
	if len(rules) > maxRules {
		return []error{envelope.Complain(at, "dtmf_rules", "is larger than 64 KiB")}
	}
	if len(rules) == 0 || rules[0] != '{' {
		return nil // null, or of another type, which huma has refused
	}
	where := at.With("dtmf_rules")
	_, err := keypad.Parse(rules)
	for _, e := range keypad.Errors(err) {
		path := e.Path
		if path != "" && path[0] != '[' {
			path = "." + path
		}
		bad = append(bad, &huma.ErrorDetail{Location: where + path, Message: e.Reason})
	}
	return bad
}
