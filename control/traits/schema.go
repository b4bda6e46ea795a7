package traits

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/pipeline/flow"
)

// Schema is the JSON Schema (draft 2020-12) of settings, whole: made of the types that they are read into, with the schemas of tools
// and of flows inside.
func Schema(tools []byte) (json.RawMessage, error) {
	types := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	var root map[string]any
	if err := remade(types.Schema(reflect.TypeFor[Text](), false, ""), &root); err != nil {
		return nil, err
	}
	defs := map[string]any{}
	if err := remade(types.Map(), &defs); err != nil {
		return nil, err
	}
	delete(defs, "AgentSettings") // it is the root
	properties, _ := root["properties"].(map[string]any)
	for name, text := range map[string][]byte{"tools": tools, "flow": flow.Schema()} {
		var part map[string]any
		inner := strings.ReplaceAll(string(text), `"#/$defs/`, `"#/$defs/`+name+`/$defs/`)
		if err := json.Unmarshal([]byte(inner), &part); err != nil {
			return nil, fmt.Errorf("read schema of %s: %w", name, err)
		}
		delete(part, "$schema")
		defs[name] = part
		outer, _ := properties[name].(map[string]any)
		properties[name] = map[string]any{
			"description": outer["description"], "oneOf": []any{map[string]any{"$ref": "#/$defs/" + name}, map[string]any{"type": "null"}},
		}
	}
	root["$schema"], root["title"], root["$defs"] = "https://json-schema.org/draft/2020-12/schema", "Parley agent settings", defs
	return json.Marshal(root)
}

// remade puts a value through JSON.
func remade(from, into any) error {
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	return nil
}
