package reference

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// An operation is one of the API's, with where it is.
type operation struct{ *huma.Operation }

// A group is the operations of a tag.
type group struct {
	tag        *huma.Tag
	operations []operation
}

// groups are the operations by their first tag, in the order of the tags; within, by path and then as one works with things: read, make,
// change, delete.
func groups(api *huma.OpenAPI) []group {
	byTag := map[string][]operation{}
	for _, item := range api.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil && len(op.Tags) > 0 {
				byTag[op.Tags[0]] = append(byTag[op.Tags[0]], operation{op})
			}
		}
	}
	order := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	var all []group
	for _, tag := range api.Tags {
		ops := byTag[tag.Name]
		slices.SortFunc(ops, func(a, b operation) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), slices.Index(order, a.Method)-slices.Index(order, b.Method))
		})
		if len(ops) > 0 {
			all = append(all, group{tag, ops})
		}
	}
	return all
}

// body is an example of the JSON that an operation takes; nil: it takes none.
func (o operation) body(api *huma.OpenAPI) any {
	if o.RequestBody == nil {
		return nil
	}
	content := o.RequestBody.Content["application/json"]
	if content == nil {
		return nil
	}
	if raw, ok := content.Example.(json.RawMessage); ok {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			return v
		}
	}
	if content.Example != nil {
		return content.Example
	}
	return Example(api.Components.Schemas, content.Schema)
}

// A field is one line of a table of fields.
type field struct {
	Name, Kind, About string
	Required          bool
}

// fields are a schema's, those of objects in objects after their parents, by dotted names.
func fields(r huma.Registry, s *huma.Schema) []field { return walk(r, s, "", 0) }

// level is how deep tables of fields go.
const level = 4

func walk(r huma.Registry, s *huma.Schema, prefix string, depth int) []field {
	if s = resolve(r, s); s == nil || depth > level {
		return nil
	}
	if s.Type == huma.TypeArray {
		return walk(r, s.Items, strings.TrimSuffix(prefix, ".")+"[].", depth)
	}
	var all []field
	for _, name := range names(s) {
		p := s.Properties[name]
		at := resolve(r, p)
		about := p.Description
		if about == "" && at != nil {
			about = at.Description
		}
		all = append(all, field{Name: prefix + name, Kind: kind(r, p), About: about, Required: slices.Contains(s.Required, name)})
		all = append(all, walk(r, p, prefix+name+".", depth+1)...)
	}
	return all
}

// names are a schema's fields: the required ones first, as they were written, then the others by name.
func names(s *huma.Schema) []string {
	all := slices.Clone(s.Required)
	all = slices.DeleteFunc(all, func(n string) bool { return s.Properties[n] == nil })
	var rest []string
	for name := range s.Properties {
		if !slices.Contains(all, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	return append(all, rest...)
}

// kind says what a value is: its type, format, words and bounds.
func kind(r huma.Registry, s *huma.Schema) string {
	at := resolve(r, s)
	if at == nil {
		return ""
	}
	k := cmp.Or(at.Type, "any")
	if at.Type == huma.TypeArray {
		k = "array of " + kind(r, at.Items)
	}
	if at.Format != "" && !strings.HasPrefix(at.Format, "int") && at.Format != "double" {
		k += " (" + at.Format + ")"
	}
	if len(at.Enum) > 0 {
		var words []string
		for _, v := range at.Enum {
			words = append(words, written(v))
		}
		k += ": " + strings.Join(words, ", ")
	}
	if s.Nullable || at.Nullable || len(s.AnyOf) > 0 {
		k += ", or null"
	}
	for _, b := range []struct {
		what  string
		bound *float64
	}{{"at least", at.Minimum}, {"at most", at.Maximum}} {
		if b.bound != nil {
			k += ", " + b.what + " " + written(*b.bound)
		}
	}
	if at.Default != nil {
		k += ", by default " + written(at.Default)
	}
	return k
}
