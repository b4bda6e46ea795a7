package main

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"parley/control/suppliers"
	"parley/providers"
)

// TestProvidersPage holds the matrix of docs/providers.md to the table: go test ./cmd/parley -run ProvidersPage -update
func TestProvidersPage(t *testing.T) {
	t.Parallel()
	const path, begins, ends = "../../docs/providers.md", "<!-- matrix -->\n", "<!-- /matrix -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begins)
	_, after, ends2 := strings.Cut(rest, ends)
	if !ok || !ends2 {
		t.Fatalf("%s has no place for the matrix", path)
	}
	page := before + begins + matrix() + ends + after
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if page != string(text) {
		t.Errorf("%s is not what the table has: go test ./cmd/parley -run ProvidersPage -update", path)
	}
}

// matrix is the table of vendors for people.
func matrix() string {
	var b strings.Builder
	b.WriteString("| vendor | name | does | auto | streams | mu-law | word times | ends of turns | cancels | languages | needs |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	line := func(e *entry, does string, auto bool, a providers.Abilities) {
		s, _ := suppliers.Of(e.name)
		cells := []string{s.Title, "`" + e.name + "`", does}
		for _, yes := range []bool{auto, a.Streams, a.MuLaw, a.Words, a.Turns, a.Cancels} {
			cells = append(cells, map[bool]string{true: "yes", false: "–"}[yes])
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(cells, " | "), a.Languages, needs(e))
	}
	for _, e := range table {
		if e.hears != nil {
			line(e, "hears", e.hears.auto, e.hears.Abilities)
		}
		if e.thinks != nil {
			line(e, "thinks", true, e.thinks.Abilities)
		}
		if e.speaks != nil {
			line(e, "speaks", e.speaks.auto, e.speaks.Abilities)
		}
	}
	return b.String()
}

// variableName is one of a variable.
var variableName = regexp.MustCompile(`\b[A-Z]+(_[A-Z]+)+\b`)

// needs are the variables without which a vendor is not there.
func needs(e *entry) string {
	names := variableName.FindAllString(e.absent, -1)
	if e.account != nil {
		var c config
		a := e.account(&c)
		names = append(names, variableOf(&c, a.key))
		if a.bare {
			names = append(names, "or "+variableOf(&c, a.base))
		}
	}
	for i, n := range names {
		names[i] = variableName.ReplaceAllString(n, "`$0`")
	}
	return strings.Join(names, " ")
}

// variableOf is the variable of a setting.
func variableOf(c *config, setting *string) string {
	v := reflect.ValueOf(c).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.IsExported() && !f.Anonymous && v.FieldByIndex(f.Index).Addr().Interface() == any(setting) {
			return f.Tag.Get("var")
		}
	}
	return ""
}
