package envelope

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// A Field is a member of a PATCH body, which may be left out, null or given.
type Field[T any] struct {
	Set   bool // it is there
	Null  bool // it is there, as null
	Value T

	misfit bool
}

// UnmarshalJSON implements json.Unmarshaler. What does not fit is no error here, which would hide the fields after it: huma finds it
// too, by the schema, and Check has the last word.
func (f *Field[T]) UnmarshalJSON(data []byte) error {
	f.Set = true
	if f.Null = string(data) == "null"; !f.Null {
		f.misfit = json.Unmarshal(data, &f.Value) != nil
	}
	return nil
}

// Check complains about a value that does not fit, or a null where there cannot be one.
func (f *Field[T]) Check(prefix *huma.PathBuffer, name string, nullable bool) []error {
	switch {
	case f.misfit:
		return []error{Complain(prefix, name, "does not fit")}
	case f.Null && !nullable:
		return []error{Complain(prefix, name, "cannot be null")}
	}
	return nil
}

// Schema implements huma.SchemaProvider: T's, or null. A field that cannot be null says so by the tag nullable:"false".
func (Field[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = true
	return &s
}

// Given notes that a member was sent which clients cannot set. As the type of a hidden field it makes "is read-only" possible, where
// "unknown field" would be a lie.
type Given bool

// UnmarshalJSON implements json.Unmarshaler.
func (g *Given) UnmarshalJSON([]byte) error {
	*g = true
	return nil
}

// Schema implements huma.SchemaProvider: anything.
func (Given) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// A Param is a query parameter that may be left out.
type Param[T any] struct {
	Value T
	Set   bool
}

// Receiver implements huma.ParamWrapper.
func (p *Param[T]) Receiver() reflect.Value { return reflect.ValueOf(p).Elem().Field(0) }

// OnParamSet implements huma.ParamReactor.
func (p *Param[T]) OnParamSet(set bool, _ any) { p.Set = set }

// Schema implements huma.SchemaProvider.
func (Param[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// Strict is embedded in every operation's input: it refuses query parameters that the operation does not have, by name, together with
// all else that is wrong with the request. An empty parameter counts as not given.
type Strict struct{}

// Resolve implements huma.Resolver.
func (Strict) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	if u.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return []error{&huma.ErrorDetail{Location: "query", Message: "malformed"}}
	}
	var bad []error
	for name, values := range query {
		known := slices.ContainsFunc(ctx.Operation().Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		if !known {
			bad = append(bad, &huma.ErrorDetail{Location: "query." + name, Message: "unknown query parameter"})
		} else if len(values) > 1 {
			bad = append(bad, &huma.ErrorDetail{Location: "query." + name, Message: "given more than once"})
		}
	}
	return bad
}

// Complain is an error about one field of a body; prefix is where its parent stands.
func Complain(prefix *huma.PathBuffer, field, message string) error {
	return &huma.ErrorDetail{Location: prefix.With(field), Message: message}
}

// OrNull lets a field be null whose type has a schema of its own, which huma cannot say by a tag. It is for TransformSchema of the type
// that has the field.
func OrNull(s *huma.Schema, field string) {
	of := *s.Properties[field]
	s.Properties[field] = &huma.Schema{Description: of.Description, AnyOf: []*huma.Schema{{Ref: of.Ref}, {Type: "null"}}}
}
