package reference

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// deepest is how many objects an example has inside each other: types that contain themselves have an end there.
const deepest = 8

// Example makes a value of a schema, from the examples of its fields where they have some: what an answer may look like. The registry
// knows the schemas that others refer to. A field that may be left out is, unless it has an example.
func Example(r huma.Registry, s *huma.Schema) any { return example(r, s, 0) }

func example(r huma.Registry, s *huma.Schema, depth int) any {
	if s = resolve(r, s); s == nil || depth > deepest {
		return nil
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		fields := make(map[string]any, len(s.Properties))
		for name, field := range s.Properties {
			if at := resolve(r, field); slices.Contains(s.Required, name) || at != nil && len(at.Examples) > 0 {
				fields[name] = example(r, field, depth+1)
			}
		}
		return fields
	case huma.TypeArray:
		return []any{example(r, s.Items, depth+1)}
	case huma.TypeBoolean:
		return true
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case huma.TypeString:
		return word(s.Format)
	}
	return nil
}

// word is a text of a format.
func word(format string) string {
	switch format {
	case "uuid":
		return "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"
	case "date-time":
		return "2024-01-01T00:00:00.000Z"
	case "email":
		return "ada@example.com"
	case "uri":
		return "https://voice.example.com"
	}
	return "..."
}

// resolve follows a reference, also that of a choice whose first is not null.
func resolve(r huma.Registry, s *huma.Schema) *huma.Schema {
	for s != nil {
		switch {
		case s.Ref != "":
			s = r.SchemaFromRef(s.Ref)
		case len(s.AnyOf) > 0:
			s = s.AnyOf[0]
		default:
			return s
		}
	}
	return nil
}
