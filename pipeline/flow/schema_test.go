package flow

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write docs/flow.schema.json anew")

const published = "../../docs/flow.schema.json"

func TestSchemaIsPublished(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile(published, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Schema()) {
		t.Errorf("%s is not what the parser reads: go test ./pipeline/flow -run Schema -update", published)
	}
}

// compiled is the published schema.
func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("flow.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("flow.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is a YAML node as an editor's schema checker sees it.
func asJSON(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return asJSON(n.Content[0])
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if _, twice := m[n.Content[i].Value]; !twice {
				m[n.Content[i].Value] = asJSON(n.Content[i+1])
			}
		}
		return m
	case yaml.SequenceNode:
		l := []any{}
		for _, e := range n.Content {
			l = append(l, asJSON(e))
		}
		return l
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int":
		if v, err := strconv.Atoi(n.Value); err == nil {
			return v
		}
	}
	return n.Value
}

// badForm says whether the parser finds fault with a file's form.
func badForm(data []byte) (bad bool, errs []*Error) {
	p := &parser{}
	p.file(data)
	return slices.ContainsFunc(p.errs, func(e *Error) bool { return e.form }), p.errs
}

// agree checks that schema and parser think alike of a file's form.
func agree(t *testing.T, s *jsonschema.Schema, data []byte) (bad bool) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 {
		return true
	}
	refused := s.Validate(asJSON(&doc))
	bad, errs := badForm(data)
	if bad != (refused != nil) {
		t.Fatalf("the schema says %v, the parser %v, of:\n%s", refused, errs, data)
	}
	return bad
}

// TestSchemaAcceptsOurFlows: every flow in the repository, and every flow in this package's tests, has the schema's form.
func TestSchemaAcceptsOurFlows(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	files, err := filepath.Glob("../../cmd/parley/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no flows: %v", err)
	}
	flows := [][]byte{receptionist}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("\nflow:")) || bytes.HasPrefix(text, []byte("flow:")) {
			flows = append(flows, text)
		}
	}
	for _, d := range allDialogs() {
		flows = append(flows, []byte(d.file))
	}
	for _, f := range flows {
		if agree(t, s, f) {
			t.Errorf("refused:\n%s", f)
		}
	}
}

// TestSchemaAndParserAgree: of every file in the table of errors, and of thousands with something changed in them.
func TestSchemaAndParserAgree(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	for name, tt := range wrongFlows {
		if !strings.Contains(tt.file, "*") { // an alias is no matter of form
			t.Log(name)
			agree(t, s, []byte(tt.file))
		}
	}
	var seeds [][]byte
	for _, d := range allDialogs() {
		seeds = append(seeds, []byte(d.file))
	}
	seeds = append(seeds, receptionist)
	slices.SortFunc(seeds, bytes.Compare) // a map's order would make each run another
	rng := rand.New(rand.NewPCG(5, 2026))
	bad := 0
	const rounds = 1500
	for range rounds {
		if agree(t, s, mutated(t, rng, seeds)) {
			bad++
		}
	}
	if bad < rounds/4 || bad > rounds*19/20 {
		t.Errorf("%d of %d changed files have a bad form: the changes are of one sort", bad, rounds)
	}
}

// mutated is one of the seeds with one to three things changed.
func mutated(t testing.TB, rng *rand.Rand, seeds [][]byte) []byte {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(seeds[rng.IntN(len(seeds))], &doc); err != nil {
		t.Fatal(err)
	}
	for range 1 + rng.IntN(3) {
		mutate(rng, &doc)
	}
	out, err := yaml.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mutate changes one thing: a value becomes another, a key is renamed, lost or added.
func mutate(rng *rand.Rand, doc *yaml.Node) {
	var all []*yaml.Node
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind != yaml.DocumentNode {
			all = append(all, n)
		}
		for i, c := range n.Content {
			if n.Kind != yaml.MappingNode || i%2 == 1 {
				walk(c)
			}
		}
	}
	walk(doc)
	n := all[rng.IntN(len(all))]
	keys := []string{"goto", "say", "slot", "type", "prompt", "length", "min", "max", "is", "open", "all", "not", "masked", "digit", "phrases", "repeat",
		"tries", "give_up", "else", "confirm", "barge_in", "flow", "with", "menu", "options", "silences", "colour", "at", "above", "country", "key"}
	switch kind := rng.IntN(5); {
	case n.Kind == yaml.MappingNode && len(n.Content) >= 2 && kind == 0: // a key is lost
		i := rng.IntN(len(n.Content)/2) * 2
		n.Content = slices.Delete(slices.Clone(n.Content), i, i+2)
	case n.Kind == yaml.MappingNode && len(n.Content) >= 2 && kind == 1: // renamed
		n.Content[rng.IntN(len(n.Content)/2)*2] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: keys[rng.IntN(len(keys))]}
	case n.Kind == yaml.MappingNode && kind == 2: // added
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: keys[rng.IntN(len(keys))]}, anything(rng, all))
	default:
		*n = *anything(rng, all)
	}
}

// anything is a value of some sort, or one from elsewhere in the file.
func anything(rng *rand.Rand, all []*yaml.Node) *yaml.Node {
	scalars := []string{"1", "12", "3s", "1500ms", "-3", "0", "true", "no", "null", "end", "main", "'7'", "'#'", "''", "' '", "monday", "08:00-18:00", "today",
		"digits", "date", "[]", "{}", "[a, b]", "{a: b}", "{slot: a, is: b}", "2026-12-25", "1.5", "Some {slot} text", "[[a]]", "{say: a, goto: main}"}
	if rng.IntN(3) == 0 {
		return copied(all[rng.IntN(len(all))])
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(scalars[rng.IntN(len(scalars))]), &doc); err != nil {
		panic(fmt.Sprint(err)) // a mistake in the list
	}
	return doc.Content[0]
}

func copied(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = nil
	for _, child := range n.Content {
		c.Content = append(c.Content, copied(child))
	}
	return &c
}
