package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/media"
	"parley/pipeline"
	"parley/pipeline/tool"
	"parley/providers/httptool"
)

// named are the names of the tools of a call.
func named(b *toolbox) (names []string) {
	for _, t := range b.forCall("CA1", media.Info{From: "+442071234567"}, tool.Ways{Blind: true}, []tool.Colleague{{Name: "Complaints"}}) {
		names = append(names, t.Name)
	}
	return names
}

// withTools are settings with this file of tools.
func withTools(t *testing.T, text string, env map[string]string) (*toolbox, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tools.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config{Tools: path, getenv: func(name string) string { return env[name] }, SecretsDir: env["PARLEY_SECRETS_DIR"]}
	return newToolbox(&c, slog.New(slog.DiscardHandler))
}

// TestToolsExample keeps docs/tools.yaml readable and complete.
func TestToolsExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/tools.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := withTools(t, string(text), map[string]string{"PARLEY_SECRET_ORDERS_KEY": "abc", "PARLEY_SECRET_SUPPORT_PASSWORD": "def", "PARLEY_SECRET_CRM_TOKEN": "ghi"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	want := []string{"end_call", "wait", "press_keys", "transfer", "hand_over", "collect_booking", "find_order", "open_ticket", "cancel_order"}
	if got := named(b); !slices.Equal(got, want) {
		t.Errorf("offered are %q, want %q", got, want)
	}
	for i, name := range []string{"schedule_callback", "send_message"} {
		if m := b.missing(); len(m) != 2 || !strings.HasPrefix(m[i], name+" is not offered") {
			t.Errorf("missing are %q", m)
		}
	}
	firm := map[string]bool{}
	for _, t := range b.forCall("CA1", media.Info{}, tool.Ways{}, nil) {
		firm[t.Name] = t.Firm
	}
	if firm["find_order"] || !firm["open_ticket"] || !firm["cancel_order"] {
		t.Errorf("firm: %v", firm)
	}
	var kinds []tool.Kind
	for _, f := range b.forms[0].Fields {
		if !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	if len(kinds) != len(tool.Kinds()) {
		t.Errorf("the example has fields of kinds %q, there are %q", kinds, tool.Kinds())
	}
	for _, key := range strings.Fields("time_zone allow end_call wait press_keys transfer destinations to when prefixes hand_over schedule_callback send_message anybody collect purpose label kind " +
		"help options min max optional parameters method url headers query body form auth bearer basic user password header value timeout limit fields cancellable filler mcp tools") {
		if !strings.Contains(string(text), key+":") {
			t.Errorf("docs/tools.yaml does not show %s", key)
		}
	}
}

func TestToolsDefault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "end_call wait hand_over",
		"built_in: {end_call: false}":          "wait hand_over",
		"built_in: {wait: no, end_call: true}": "end_call hand_over",
	} {
		b, err := withTools(t, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(named(b), " "); got != want {
			t.Errorf("%q: offered are %q, want %q", text, got, want)
		}
	}
}

func TestToolsRefused(t *testing.T) {
	t.Parallel()
	http := func(more string) string {
		return "\nhttp:\n  - name: a\n    description: b\n    url: https://example.com\n" + more
	}
	for name, c := range map[string]struct {
		text string
		want []string // all of it in the error
	}{
		"unknown":         {"\nbuiltin: {}\n", []string{"line 2", "builtin", "unknown setting"}},
		"unknown below":   {http("    methd: GET\n"), []string{"line 6", "methd", "unknown setting"}},
		"two unknown":     {"a: 1\nb: 2\n", []string{"line 1: a", "line 2: b"}},
		"twice":           {"time_zone: UTC\ntime_zone: UTC\n", []string{"line 2", "time_zone"}},
		"kind of value":   {"\nallow: 3\n", []string{"line 2", "another kind of value"}},
		"two documents":   {"time_zone: UTC\n---\nallow: [127.0.0.1]\n", []string{"line 2", "second document"}},
		"no YAML":         {"{", []string{"yaml"}},
		"references":      {"allow: &a [x]\ntime_zone: *a\n", []string{"line 2", "references"}},
		"time zone":       {"\ntime_zone: Atlantis\n", []string{"line 2", "time_zone", "Atlantis"}},
		"allow":           {"\nallow: [10.0.0.0/99]\n", []string{"line 2", "allow", "10.0.0.0/99"}},
		"URL":             {http("    method: GET\n    timeout: 2m\n"), []string{"line 7", "http.0", "timeout is 2m0s"}},
		"time":            {http("    timeout: soon\n"), []string{"line 6", "another kind of value"}},
		"place":           {http("    query: {q: \"{{order}}\"}\n"), []string{"line 6", "query.q", "{{order}}", "no such property"}},
		"schema":          {http("    parameters: {type: object, properties: {a: {type: sting}}}\n"), []string{"line 6", "parameters", "sting"}},
		"secret":          {http("    auth: {bearer: \"${secret:KEY}\"}\n"), []string{"secret KEY is not configured: set PARLEY_SECRET_KEY", "--secrets-dir"}},
		"secret's name":   {http("    auth: {bearer: \"${secret:../KEY}\"}\n"), []string{"is not configured"}},
		"name of another": {http("  - name: a\n    description: c\n    url: https://example.com\n"), []string{"line 6", "http.1", `two tools "a"`}},
		"name of ours":    {"http: [{name: transfer, description: b, url: \"https://example.com\"}]", []string{`two tools "transfer"`}},
		"field":           {"built_in:\n  collect:\n    - fields:\n      - {name: a}\n      - {name: B}\n", []string{"line 5", `field 2: name is "B"`}},
		"destination":     {"built_in:\n  transfer:\n    destinations: [{name: Boss, to: upstairs}]\n    prefixes: [\"44\"]\n", []string{"line 3", `"Boss" to "upstairs"`, `prefix "44"`}},
		"all at once":     {"time_zone: Atlantis\n" + http("    limit: 3\n"), []string{"line 1: time_zone", "line 7: http.0: limit is 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := withTools(t, c.text, nil)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "main.") || strings.Contains(err.Error(), "yaml.") {
				t.Errorf("%q speaks Go", err)
			}
		})
	}
}

// A tool of the file asks a server, with a secret of the environment and one of a file.
func TestToolsAsk(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"path":%q,"key":%q,"by":%q,"secret":true}`, r.URL.Path, r.Header.Get("X-Key")+" "+r.Header.Get("Authorization"), r.URL.Query().Get("by"))
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "FROM_FILE"), []byte("file-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`
allow: [127.0.0.1]
http:
  - name: find
    description: Finds.
    parameters: {type: object, properties: {order: {type: string}}}
    url: %s/orders/{{order}}?by={{call.from}}
    headers: {X-Key: "${secret:FROM_ENV}"}
    auth: {bearer: "${secret:FROM_FILE}"}
    fields: [path, key, by]
    filler: I am looking.
`, server.URL)
	b, err := withTools(t, text, map[string]string{"PARLEY_SECRET_FROM_ENV": "env-key", "PARLEY_SECRETS_DIR": dir})
	if err != nil {
		t.Fatal(err)
	}
	tools := b.forCall("CA1", media.Info{From: "+442071234567"}, tool.Ways{}, nil)
	find := tools[slices.IndexFunc(tools, func(t pipeline.Tool) bool { return t.Name == "find" })]
	result, _, err := find.Run(t.Context(), json.RawMessage(`{"order":"7/8"}`))
	if want := `{"by":"+442071234567","key":"[secret] Bearer [secret]","path":"/orders/7/8"}`; err != nil || result != want || find.Filler != "I am looking." {
		t.Errorf("%s %v, want %s", result, err, want)
	}
	b, err = withTools(t, strings.Replace(text, "allow: [127.0.0.1]", "", 1), map[string]string{"PARLEY_SECRET_FROM_ENV": "env-key", "PARLEY_SECRETS_DIR": dir})
	if err != nil {
		t.Fatal(err)
	}
	tools = b.forCall("CA1", media.Info{}, tool.Ways{}, nil)
	if _, _, err := tools[len(tools)-1].Run(t.Context(), json.RawMessage(`{"order":"7"}`)); err == nil || !strings.Contains(err.Error(), "private address") {
		t.Errorf("it was asked all the same: %v", err)
	}
}

// FuzzTools reads whatever may be in a file of tools: an error with its line, or tools.
func FuzzTools(f *testing.F) {
	if text, err := os.ReadFile("../../docs/tools.yaml"); err == nil {
		f.Add(string(text))
	}
	f.Add("http: [{name: a, description: b, url: \"https://example.com/{{x|y}}?a=b\", body: {a: [1, 2.5, null, 2026-01-01]}}]")
	f.Add("a: &a [*a]")
	client := func([]string) (*httptool.Client, error) { return httptool.New(httptool.Options{}) }
	f.Fuzz(func(t *testing.T, text string) {
		b, err := readTools([]byte(text), client, func(string, string) (string, error) { return "secret", nil })
		switch {
		case err != nil && err.Error() == "":
			t.Error("no reason")
		case err == nil:
			named(b)
		}
	})
}
