package tool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// argsLimit is how long arguments may be, in bytes.
const argsLimit = 64 << 10

// mostWrong is how many mistakes are told at once.
const mostWrong = 8

// A Schema is the part of JSON Schema that models are good at: https://json-schema.org/draft/2020-12/json-schema-validation.
// Its fields are the keywords of the same names. Format, Default and Examples are for the model to read, and not checked.
type Schema struct {
	Type        string             `json:"type"` // object, array, string, integer, number, boolean
	Description string             `json:"description,omitempty"`
	Title       string             `json:"title,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Closed      bool               `json:"-"` // additionalProperties is false
	Items       *Schema            `json:"items,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	MinLength   *int               `json:"minLength,omitempty"` // characters
	MaxLength   *int               `json:"maxLength,omitempty"`
	MinItems    *int               `json:"minItems,omitempty"`
	MaxItems    *int               `json:"maxItems,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"` // RE2, https://github.com/google/re2/wiki/Syntax
	Format      string             `json:"format,omitempty"`
	Default     any                `json:"default,omitempty"`
	Examples    []any              `json:"examples,omitempty"`

	pattern *regexp.Regexp
}

// plain is a Schema without its methods.
type plain Schema

// MarshalJSON writes additionalProperties where it is false.
func (s *Schema) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		*plain
		Additional *bool `json:"additionalProperties,omitempty"`
	}{(*plain)(s), map[bool]*bool{true: new(bool)}[s.Closed]})
}

// UnmarshalJSON reads a schema, and refuses keywords that it does not know: what is not checked must not look as if it were.
func (s *Schema) UnmarshalJSON(b []byte) error {
	in := struct {
		*plain
		Additional *bool `json:"additionalProperties"`
	}{plain: (*plain)(s)}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	s.Closed = in.Additional != nil && !*in.Additional
	return nil
}

// ParseSchema reads the JSON Schema of a tool's arguments: an object's, of the keywords of Schema.
func ParseSchema(raw []byte) (*Schema, error) {
	s := new(Schema)
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, err
	}
	if s.Type != "object" {
		return nil, fmt.Errorf("schema: type is %q: want object, whose properties are the arguments", s.Type)
	}
	return s, s.prepare("")
}

// prepare checks the schema itself.
func (s *Schema) prepare(at string) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("schema%s: %s", at, fmt.Sprintf(format, args...))
	}
	switch s.Type {
	case "object":
		for _, name := range s.Required {
			if s.Properties[name] == nil {
				return bad("%q is required, and is no property", name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if s.Properties[name] == nil {
				return bad("property %q is null", name)
			}
			if err := s.Properties[name].prepare(at + "." + name); err != nil {
				return err
			}
		}
	case "array":
		if s.Items == nil {
			return bad("an array without items")
		}
		return s.Items.prepare(at + "[]")
	case "string", "integer", "number", "boolean":
	default:
		return bad("type is %q: want object, array, string, integer, number or boolean", s.Type)
	}
	if s.Pattern != "" {
		var err error
		if s.pattern, err = regexp.Compile(s.Pattern); err != nil {
			return bad("pattern: %v", err)
		}
	}
	return nil
}

// Read checks arguments, and makes of each value what its type wants: string, int64, float64, bool, []any, map[string]any. It takes what a
// model obviously means ("5" for 5, a number for a text, null for nothing). The error says in one line all that is wrong, and what is wanted.
func (s *Schema) Read(args json.RawMessage) (map[string]any, error) {
	if len(args) > argsLimit {
		return nil, fmt.Errorf("the arguments have %d bytes: want at most %d", len(args), argsLimit)
	}
	var in any
	if text := bytes.TrimSpace(args); len(text) > 0 {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&in); err != nil {
			return nil, fmt.Errorf("the arguments are no JSON: %w", err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return nil, errors.New("the arguments are more than one JSON object")
		}
	}
	if in == nil {
		in = map[string]any{}
	}
	r := reader{}
	out := r.value("", s, in)
	if len(r.wrong) > 0 {
		if more := len(r.wrong) - mostWrong; more > 0 {
			r.wrong = append(r.wrong[:mostWrong], fmt.Sprintf("and %d more", more))
		}
		return nil, errors.New("wrong arguments: " + strings.Join(r.wrong, "; "))
	}
	object, _ := out.(map[string]any)
	return object, nil
}

// reader collects what is wrong.
type reader struct{ wrong []string }

func (r *reader) refuse(at, format string, args ...any) any {
	if at == "" {
		at = "the arguments"
	}
	r.wrong = append(r.wrong, at+": "+fmt.Sprintf(format, args...))
	return nil
}

func (r *reader) value(at string, s *Schema, in any) any {
	var out any
	switch s.Type {
	case "object":
		object, ok := in.(map[string]any)
		if !ok {
			return r.refuse(at, "want an object, got %s", show(in))
		}
		return r.object(at, s, object)
	case "array":
		list, ok := in.([]any)
		if !ok {
			list = []any{in} // one, where a list is wanted
		}
		return r.list(at, s, list)
	case "string":
		text, ok := asText(in)
		if !ok {
			return r.refuse(at, "want text, got %s", show(in))
		}
		out = r.text(at, s, text)
	case "integer", "number":
		out = r.number(at, s, in)
	case "boolean":
		b, ok := asBool(in)
		if !ok {
			return r.refuse(at, "want true or false, got %s", show(in))
		}
		out = b
	}
	if out == nil || len(s.Enum) == 0 {
		return out
	}
	for _, e := range s.Enum {
		if strings.EqualFold(fmt.Sprint(e), fmt.Sprint(out)) {
			if _, text := out.(string); text {
				return fmt.Sprint(e)
			}
			return out
		}
	}
	return r.refuse(at, "want one of %s, got %s", list(s.Enum), show(in))
}

func (r *reader) object(at string, s *Schema, in map[string]any) any {
	out := make(map[string]any, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		p := s.Properties[name]
		switch {
		case in[name] == nil:
		case p != nil:
			out[name] = r.value(join(at, name), p, in[name])
		case s.Closed:
			r.refuse(join(at, called(name)), "there is no such argument: want %s", list(slices.Sorted(maps.Keys(s.Properties))))
		default:
			out[name] = in[name]
		}
	}
	for _, name := range s.Required {
		if in[name] == nil {
			what := ""
			if d := s.Properties[name].Description; d != "" {
				what = " (" + d + ")"
			}
			r.refuse(join(at, name), "it is missing%s", what)
		}
	}
	return out
}

func (r *reader) list(at string, s *Schema, in []any) any {
	if s.MinItems != nil && len(in) < *s.MinItems || s.MaxItems != nil && len(in) > *s.MaxItems {
		return r.refuse(at, "want %s items, got %d", between(s.MinItems, s.MaxItems), len(in))
	}
	out := make([]any, len(in))
	for i, e := range in {
		if len(r.wrong) > mostWrong {
			break
		}
		out[i] = r.value(fmt.Sprintf("%s[%d]", at, i), s.Items, e)
	}
	return out
}

func (r *reader) text(at string, s *Schema, text string) any {
	n := utf8.RuneCountInString(text)
	if s.MinLength != nil && n < *s.MinLength || s.MaxLength != nil && n > *s.MaxLength {
		return r.refuse(at, "want %s characters, got %d", between(s.MinLength, s.MaxLength), n)
	}
	if s.pattern != nil && !s.pattern.MatchString(text) {
		return r.refuse(at, "%s does not match %s", show(text), s.Pattern)
	}
	return text
}

func (r *reader) number(at string, s *Schema, in any) any {
	want := map[string]string{"integer": "a whole number", "number": "a number"}[s.Type] + span(s.Minimum, s.Maximum)
	text, ok := asText(in)
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if !ok || err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return r.refuse(at, "want %s, got %s", want, show(in))
	}
	if s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
		return r.refuse(at, "want %s, got %s", want, show(in))
	}
	if s.Type == "number" {
		return v
	}
	if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return r.refuse(at, "want %s, got %s", want, show(in))
	}
	return int64(v)
}

// asText is what stands for a text.
func asText(in any) (string, bool) {
	switch v := in.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

func asBool(in any) (value, ok bool) {
	text, ok := asText(in)
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "yes":
		return true, ok
	case "false", "no":
		return false, ok
	}
	return false, false
}

// show is a value as it stands in an error, short and on one line.
func show(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "something else"
	}
	return short(string(raw))
}

// called is the name of an argument that a model has made up, on one line.
func called(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) || name == "" {
		return show(name)
	}
	return short(name)
}

func short(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}

// list is the members of a list in words.
func list[T any](all []T) string {
	var names []string
	for _, v := range all {
		names = append(names, fmt.Sprint(v))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func between(least, most *int) string {
	switch {
	case most == nil:
		return fmt.Sprintf("at least %d", *least)
	case least == nil:
		return fmt.Sprintf("at most %d", *most)
	}
	return fmt.Sprintf("%d to %d", *least, *most)
}

func span(least, most *float64) string {
	switch {
	case least == nil && most == nil:
		return ""
	case most == nil:
		return fmt.Sprintf(", at least %v", *least)
	case least == nil:
		return fmt.Sprintf(", at most %v", *most)
	}
	return fmt.Sprintf(" from %v to %v", *least, *most)
}
