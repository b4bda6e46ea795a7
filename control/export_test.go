package control

import (
	"maps"
	"slices"
	"strings"
)

// Paths are those of the API, in order, as one text.
func (c *Control) Paths() string {
	return strings.Join(slices.Sorted(maps.Keys(c.api.OpenAPI().Paths)), " ")
}
