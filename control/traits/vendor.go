package traits

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/suppliers"
)

// Auto is the vendor of whoever names none: the server's own.
const Auto = "auto"

// Flow's own vendor: a script answers.
const scripted = "flow"

// TransformSchema implements huma.SchemaTransformer: it names the vendors.
func (Speech) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return whom(s, append([]string{Auto}, suppliers.Spoken(suppliers.Hears)...))
}

// TransformSchema implements huma.SchemaTransformer: it names the vendors.
func (Speaking) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return whom(s, append([]string{Auto}, suppliers.Spoken(suppliers.Speaks)...))
}

// TransformSchema implements huma.SchemaTransformer: it names the vendors.
func (LanguageModel) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return whom(s, slices.Concat([]string{Auto, scripted}, suppliers.Spoken(suppliers.Thinks), suppliers.Names(suppliers.Converses)))
}

// whom lets a schema's vendor be one of these.
func whom(s *huma.Schema, names []string) *huma.Schema {
	v := s.Properties["vendor"]
	v.Enum = suppliers.Enum(names...)
	v.PrecomputeMessages()
	return s
}
