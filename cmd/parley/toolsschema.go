package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"

	"go.yaml.in/yaml/v3"

	"parley/pipeline/tool"
)

// toolsSchema is the JSON Schema (draft 2020-12) of files of tools, made of the types that they are read into. It accepts what has the
// form of such a file; whether places have arguments and secrets are there is for `parley tools check` to say. docs/tools.schema.json is a
// copy, for editors.
func toolsSchema() ([]byte, error) {
	root := schemaOf(reflect.TypeFor[toolsFile]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Parley tools"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(root)
	return b.Bytes(), err
}

// schemaOf is the schema of what is read into a type.
func schemaOf(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[yaml.Node]():
		return map[string]any{}
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9.]+(ms|s|m))+$`}
	case reflect.TypeFor[tool.Kind]():
		return map[string]any{"enum": tool.Kinds()}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		return structSchema(t)
	}
	return map[string]any{"type": "string"}
}

func structSchema(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for f := range t.Fields() {
		name, p := f.Tag.Get("yaml"), schemaOf(f.Type)
		p["description"] = f.Tag.Get("doc")
		if kind := f.Tag.Get("type"); kind != "" {
			p["type"] = kind
		}
		if f.Tag.Get("must") != "" {
			required = append(required, name)
		}
		properties[name] = p
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}
