package traits

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/pipeline"
)

// Parts of AgentSettings that have readers of their own, as JSON, kept as they came.
type (
	// Manners are as docs/manners.yaml.
	Manners json.RawMessage
	// Tools are as docs/tools.md.
	Tools json.RawMessage
	// Flow is as docs/flows.md.
	Flow json.RawMessage
)

// MarshalJSON implements json.Marshaler.
func (m Manners) MarshalJSON() ([]byte, error) { return json.RawMessage(m).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler.
func (m *Manners) UnmarshalJSON(data []byte) error {
	*m = append((*m)[:0], data...)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (t Tools) MarshalJSON() ([]byte, error) { return json.RawMessage(t).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler.
func (t *Tools) UnmarshalJSON(data []byte) error {
	*t = append((*t)[:0], data...)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (f Flow) MarshalJSON() ([]byte, error) { return json.RawMessage(f).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler.
func (f *Flow) UnmarshalJSON(data []byte) error {
	*f = append((*f)[:0], data...)
	return nil
}

// Schema implements huma.SchemaProvider: the fields of [pipeline.Manners], with their defaults.
func (Manners) Schema(huma.Registry) *huma.Schema {
	s := shape(reflect.TypeFor[pipeline.Manners](), WriteManners(pipeline.DefaultManners()))
	s.Description = "How the agent behaves: docs/manners.yaml tells of each setting. Times have units (500ms, 2s), never switches off. What is left out is " +
		"the server's own."
	return s
}

// Schema implements huma.SchemaProvider: an object. What is in it is checked by its own reader, which has better words for what is wrong.
func (Tools) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "What the model can do besides talking: as docs/tools.md, in " +
		"place of the server's own. Secrets are named, ${secret:NAME}, by a custom credential that has a base_url, and never stand here."}
}

// Schema implements huma.SchemaProvider: an object, checked as Tools is.
func (Flow) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "A scripted dialog, by value: as docs/flows.md. It answers " +
		"the agent's calls, unless providers.llm.vendor says otherwise."}
}

// shape is the schema of a type of manners; set is its default.
func shape(t reflect.Type, set any) *huma.Schema {
	switch t.Kind() {
	case reflect.Struct:
		s := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{}}
		of, _ := set.(map[string]any)
		for f := range t.Fields() {
			if f.Type.Kind() != reflect.Interface {
				s.Properties[Snake(f.Name)] = shape(f.Type, of[Snake(f.Name)])
			}
		}
		return s
	case reflect.Slice:
		return &huma.Schema{Type: huma.TypeArray, Items: shape(t.Elem(), nil), Default: set}
	case reflect.String:
		return &huma.Schema{Type: huma.TypeString, Default: set}
	case reflect.Bool:
		return &huma.Schema{Type: huma.TypeBoolean, Default: set}
	}
	if t == durationType {
		return &huma.Schema{Type: huma.TypeString, Default: set, Pattern: `^(never|([0-9]+(\.[0-9]+)?(ms|s|m|h))+)$`,
			PatternDescription: "a time with its unit, such as 500ms or 2s, or never"}
	}
	// huma has no good words for one of two types: the reader refuses what is neither.
	return &huma.Schema{Default: set, Extensions: map[string]any{"oneOf": []any{
		map[string]any{"type": "integer", "minimum": 1}, map[string]any{"const": "never"},
	}}}
}

// WriteManners is manners as their text has them: settings by name, lists, "500ms", "never". Numbers and
// times at their zero, which stand for a default, are left out.
func WriteManners(m pipeline.Manners) map[string]any {
	out, _ := write(reflect.ValueOf(m)).(map[string]any)
	return out
}

func write(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			number := f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Int64
			if f.Type.Kind() == reflect.Interface || number && v.Field(i).IsZero() {
				continue
			}
			out[Snake(f.Name)] = write(v.Field(i))
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = write(v.Index(i))
		}
		return out
	case reflect.Int, reflect.Int64:
		if v.Int() < 0 {
			return "never"
		}
	}
	if v.Type() == durationType {
		return brief(time.Duration(v.Int()))
	}
	return v.Interface()
}

// brief is 1m rather than 1m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
