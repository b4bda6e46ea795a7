package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"parley/providers/httptool"
)

var update = flag.Bool("update", false, "write docs/tools.schema.json anew")

// everySecret are secrets of any name.
func everySecret(_, name string) (string, error) { return "secret " + name, nil }

func readAny(text []byte) (*toolbox, error) {
	return readTools(text, func(allow []string) (*httptool.Client, error) { return httptool.New(httptool.Options{Allow: allow}) }, everySecret)
}

// toolBlocks are the files in the documentation, and the file beside it.
func toolBlocks(t *testing.T) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/tools.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```(?:yaml|json)\n(.*?)```").FindAllSubmatch(page, -1) {
		blocks = append(blocks, string(m[1]))
	}
	file, err := os.ReadFile("../../docs/tools.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return append(blocks, string(file))
}

// TestToolsPage: every block of docs/tools.md is a file that can be used, of which nothing is left out, and every setting is told of.
func TestToolsPage(t *testing.T) {
	t.Parallel()
	blocks := toolBlocks(t)
	if len(blocks) < 5 {
		t.Fatalf("only %d blocks were found", len(blocks))
	}
	for i, text := range blocks {
		b, err := readAny([]byte(text))
		if err != nil {
			t.Errorf("block %d: %v\n%s", i+1, err, text)
			continue
		}
		for _, tool := range b.http {
			if !slices.Contains(b.offered(), tool.Name) {
				t.Errorf("block %d: %s is not offered", i+1, tool.Name)
			}
		}
	}
	page, err := os.ReadFile("../../docs/tools.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`yaml:"(\w+)"`).FindAllSubmatch(source(t, "tools.go"), -1) {
		if !regexp.MustCompile(`\b` + string(m[1]) + `\b`).Match(page) {
			t.Errorf("docs/tools.md does not tell of %s", m[1])
		}
	}
}

func source(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestToolsSchema: the published schema is the program's, takes the files that the program takes, and refuses what has another form.
func TestToolsSchema(t *testing.T) {
	t.Parallel()
	const published = "../../docs/tools.schema.json"
	var out bytes.Buffer
	if err := run(t.Context(), []string{"tools", "schema"}, func(string) string { return "" }, nil, &out, &out); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(published, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(source(t, published), out.Bytes()) {
		t.Errorf("%s is not what the program reads: go test ./cmd/parley -run ToolsSchema -update", published)
	}
	doc, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("tools.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("tools.json")
	if err != nil {
		t.Fatal(err)
	}
	fits := func(text string) error {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	for i, text := range toolBlocks(t) {
		if err := fits(text); err != nil {
			t.Errorf("block %d does not fit: %v", i+1, err)
		}
	}
	const good = "http: [{name: a, description: b, url: \"https://example.com\""
	for _, bad := range []string{
		"builtin: {}", "time_zone: 3", "allow: all", "built_in: {wait: sometimes}", "built_in: {collect: [{name: a}]}", "built_in: {collect: [{fields: [{name: a, kind: card}]}]}",
		"http: [{name: a, description: b}]", good + ", timeout: 3}]", good + ", timeout: soon}]", good + ", methd: GET}]", good + ", headers: [a]}]", good + ", parameters: 3}]",
	} {
		if err := fits(bad); err == nil {
			t.Errorf("it takes %s", bad)
		}
		if _, err := readAny([]byte(bad)); err == nil {
			t.Errorf("the program takes %s", bad)
		}
	}
}

// TestToolsCheck: findings have their file and line, also those of secrets, and a sound file says what is offered.
func TestToolsCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"sound.yaml":  "built_in: {schedule_callback: true, hand_over: [{name: Second}]}\n",
		"sound.json":  `{"http": [{"name": "find", "description": "Finds.", "url": "https://example.com"}]}`,
		"secret.yaml": "http:\n  - name: find\n    description: Finds.\n    url: https://example.com\n    auth: {bearer: \"${secret:KEY}\"}\n",
		"bad.yaml":    "time_zone: Atlantis\nhttp:\n  - name: Find\n    url: https://example.com/{{order}}\n",
		"broken.yaml": "a: [\n",
		"aliens.yaml": "a: \x01\n",
		"nobody.yaml": "built_in:\n  hand_over: [{when: always}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		env  string // PARLEY_SECRET_KEY
		want []string
		code int
	}{
		{[]string{"sound.yaml"}, "", []string{"sound.yaml is sound: the model is offered end_call, wait, hand_over to Second", "schedule_callback is not offered: "}, 0},
		{[]string{"sound.json"}, "", []string{"sound.json is sound: the model is offered end_call, wait, find"}, 0},
		{[]string{"secret.yaml"}, "", []string{"secret.yaml:5: http.0: auth: secret KEY is not configured: set PARLEY_SECRET_KEY"}, 1},
		{[]string{"secret.yaml"}, "k-7", []string{"secret.yaml is sound"}, 0},
		{[]string{"secret.yaml", "--no-secrets"}, "", []string{"secret.yaml is sound"}, 0},
		{[]string{"sound.yaml", "bad.yaml"}, "", []string{"sound.yaml is sound", "bad.yaml:1: time_zone: ", `bad.yaml:3: http.0: name is "Find"`, "bad.yaml:4: http.0: url: {{order}}: parameters has no such property"}, 1},
		{[]string{"broken.yaml"}, "", []string{"broken.yaml:1: "}, 1},
		{[]string{"aliens.yaml"}, "", []string{"aliens.yaml:yaml: control characters are not allowed"}, 1},
		{[]string{"nobody.yaml"}, "", []string{"nobody.yaml:2: built_in.hand_over: agent 1 has no name"}, 1},
		{[]string{"absent.yaml"}, "", nil, 1},
		{nil, "", nil, 2},
	} {
		args := []string{"tools", "check"}
		for _, a := range c.args {
			if !strings.HasPrefix(a, "-") {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		var out bytes.Buffer
		err := run(t.Context(), args, func(name string) string { return map[string]string{"PARLEY_SECRET_KEY": c.env}[name] }, nil, &out, &out)
		if code := exitCode(err, &out); code != c.code {
			t.Errorf("%q: exit code %d, want %d: %v", c.args, code, c.code, err)
		}
		for _, w := range c.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%q does not say %q:\n%s", c.args, w, out.String())
			}
		}
		if c.env != "" && strings.Contains(out.String(), c.env) {
			t.Errorf("%q tells a secret:\n%s", c.args, out.String())
		}
	}
}
