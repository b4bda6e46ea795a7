package control_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/control/access"
	"parley/control/envelope"
)

var update = flag.Bool("update", false, "write console/src/api.gen.ts anew")

// TestTypeScript holds the console's types against the API's description, of which they are made: `go test ./control -run TypeScript -update`.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answer := httptest.NewRecorder()
	w.mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var api openAPI
	must(t, json.Unmarshal(answer.Body.Bytes(), &api))
	const file = "console/src/api.gen.ts"
	want := api.typescript()
	if *update {
		must(t, os.WriteFile(file, []byte(want), 0o644))
	}
	got, err := os.ReadFile(file)
	must(t, err)
	if string(got) != want {
		t.Errorf("%s is not what the API's description says: go test ./control -run TypeScript -update, then make console", file)
	}
}

// openAPI is what the types are made of.
type openAPI struct {
	Paths      map[string]map[string]operationShape
	Components struct{ Schemas map[string]shape }
}

type operationShape struct {
	Responses map[string]struct {
		Content map[string]struct{ Schema shape }
	}
	Body struct {
		Content map[string]struct{ Schema shape }
	} `json:"requestBody"`
}

// A shape is a JSON Schema, as far as the console needs it.
type shape struct {
	Ref         string           `json:"$ref,omitempty"`
	Type        any              `json:"type,omitempty"` // a word, or some
	Enum        []any            `json:"enum,omitempty"`
	Format      string           `json:"format,omitempty"`
	Description string           `json:"description,omitempty"`
	Default     any              `json:"default,omitempty"`
	Examples    []any            `json:"examples,omitempty"`
	Minimum     *float64         `json:"minimum,omitempty"`
	Maximum     *float64         `json:"maximum,omitempty"`
	MinLength   *int             `json:"minLength,omitempty"`
	MaxLength   *int             `json:"maxLength,omitempty"`
	Items       *shape           `json:"items,omitempty"`
	Properties  map[string]shape `json:"properties,omitempty"`
	Required    []string         `json:"required,omitempty"`
	More        any              `json:"additionalProperties,omitempty"`
}

const typesHead = `// Made of the API's description by "go test ./control -run TypeScript -update". Not to be edited.

`

// typescript are the answers of all operations as types, and what their requests take as data, of which the console makes its forms.
func (a openAPI) typescript() string {
	var out, answers strings.Builder
	out.WriteString(typesHead)
	used, forms := map[string]bool{}, map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(a.Paths)) {
		short, ours := strings.CutPrefix(path, "/api/v1")
		if rest, crm := strings.CutPrefix(path, "/crm/api/v1"); crm {
			short, ours = "/crm"+rest, true
		}
		if !ours {
			continue
		}
		for _, method := range slices.Sorted(maps.Keys(a.Paths[path])) {
			op := a.Paths[path][method]
			data := a.dataOf(op)
			if envelope.IsBare(path) || envelope.InCRM(path) {
				data = bareOf(op)
			}
			if data != nil {
				fmt.Fprintf(&answers, "  %q: %s;\n", strings.ToUpper(method)+" "+short, a.word(*data, used))
			}
			if name := last(op.Body.Content["application/json"].Schema.Ref); name != "" {
				forms[name] = true
			}
		}
	}
	for done := 0; done < len(used); { // types name types
		done = len(used)
		for name := range maps.Clone(used) {
			a.members(a.Components.Schemas[name], used)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		s := a.Components.Schemas[name]
		if s.Properties == nil {
			fmt.Fprintf(&out, "export type %s = %s;\n\n", name, a.word(s, used))
			continue
		}
		fmt.Fprintf(&out, "export interface %s {\n%s}\n\n", name, a.members(s, used))
	}
	fmt.Fprintf(&out, "/** What operations answer with: in the envelope's data, where there is one. */\nexport interface Answers {\n%s}\n\n", answers.String())
	var names []string
	for _, s := range access.Scopes() {
		names = append(names, s.Name)
	}
	scopes, _ := json.Marshal(names) // texts
	fmt.Fprintf(&out, "/** What keys may be allowed. */\nexport const scopes = %s as const;\n\n", scopes)
	out.WriteString("/** What requests take: JSON Schemas, without what is deeper than a form goes. */\nexport const forms = {\n")
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		text, _ := json.Marshal(a.trim(a.Components.Schemas[name], 4)) // it came out of JSON
		fmt.Fprintf(&out, "  %s: %s,\n", name, text)
	}
	out.WriteString("} as const;\n")
	return out.String()
}

// dataOf is what stands in the data of an operation's good answer; nil: it is no JSON.
func (a openAPI) dataOf(op operationShape) *shape {
	for status, r := range op.Responses {
		envelope, ok := a.Components.Schemas[last(r.Content["application/json"].Schema.Ref)]
		if data, has := envelope.Properties["data"]; ok && has && strings.HasPrefix(status, "2") {
			return &data
		}
	}
	return nil
}

// bareOf is an operation's good answer, where it has no envelope.
func bareOf(op operationShape) *shape {
	for status, r := range op.Responses {
		if strings.HasPrefix(status, "2") {
			s := r.Content["application/json"].Schema
			if s.Items != nil {
				s.Type = "array" // which is never null
			}
			return &s
		}
	}
	return nil
}

func (a openAPI) members(s shape, used map[string]bool) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		mark := "?"
		if slices.Contains(s.Required, name) {
			mark = ""
		}
		fmt.Fprintf(&out, "  %s%s: %s;\n", name, mark, a.word(s.Properties[name], used))
	}
	return out.String()
}

// word is a schema as a type. The names of those that it refers to are put into used.
func (a openAPI) word(s shape, used map[string]bool) string {
	if name := last(s.Ref); name != "" {
		used[name] = true
		return name
	}
	if len(s.Enum) > 0 {
		var all []string
		for _, v := range s.Enum {
			text, _ := json.Marshal(v)
			all = append(all, string(text))
		}
		return strings.Join(all, " | ")
	}
	words := kinds(s)
	for i, word := range words {
		switch word {
		case "integer":
			words[i] = "number"
		case "array":
			words[i] = "unknown[]"
			if s.Items != nil {
				words[i] = "(" + a.word(*s.Items, used) + ")[]"
			}
		case "object":
			words[i] = "Record<string, unknown>"
			if more, err := json.Marshal(s.More); err == nil {
				var of shape
				if json.Unmarshal(more, &of) == nil && of.Type != nil {
					words[i] = "Record<string, " + a.word(of, used) + ">"
				}
			}
		}
	}
	if len(words) == 0 {
		return "unknown"
	}
	return strings.Join(words, " | ")
}

// kinds are a schema's types: it may have one, or some.
func kinds(s shape) []string {
	switch kind := s.Type.(type) {
	case string:
		return []string{kind}
	case []any:
		var all []string
		for _, k := range kind {
			all = append(all, fmt.Sprint(k))
		}
		return all
	}
	return nil
}

// trim leaves out what a form does not show: below depth, and examples beyond the first.
func (a openAPI) trim(s shape, depth int) shape {
	if name := last(s.Ref); name != "" {
		about := s.Description
		s = a.Components.Schemas[name]
		if about != "" {
			s.Description = about
		}
	}
	s.More, s.Examples = nil, s.Examples[:min(len(s.Examples), 1)]
	if depth == 0 || len(s.Properties) > 0 && s.Items != nil {
		s.Properties, s.Required = nil, nil
	}
	if len(s.Examples) > 0 && slices.Contains(kinds(s), "object") {
		s.Examples = nil
	}
	if s.Items != nil {
		items := a.trim(*s.Items, max(depth-1, 0))
		s.Items = &items
	}
	properties := s.Properties
	s.Properties = nil
	for name, p := range properties {
		if s.Properties == nil {
			s.Properties = map[string]shape{}
		}
		s.Properties[name] = a.trim(p, depth-1)
	}
	return s
}

// last is the last part of a reference.
func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }
