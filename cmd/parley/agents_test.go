package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/store"
	"parley/store/sql"
)

// TestAgentsCommands: what can be set over the API can be set by commands, and told by the doctor where it cannot be used.
func TestAgentsCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{"PARLEY_DATA_DIR": dir, "PARLEY_SPEECH_DIR": filepath.Join(dir, "speech"), "PARLEY_HTTP_ADDR": "127.0.0.1:0"}
	parley := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), args, func(k string) string { return env[k] }, nil, &out, &out)
		return out.String(), err
	}
	s, err := sql.Open(t.Context(), sql.Options{URL: "sqlite:" + filepath.Join(dir, "parley.db")})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	org, now := store.NewID(), time.Now()
	err = errors.Join(s.Found(t.Context(), store.Setup{
		Organisation: store.Organisation{ID: org, Name: "Clinic", Created: now}, Owner: store.User{ID: store.NewID(), Email: "o@example.com", Created: now},
		Key: store.Key{ID: store.NewID(), Hash: "h", Created: now}, Agent: store.Agent{ID: store.NewID(), Name: "Ada", SystemPrompt: "p", Enabled: true, Created: now},
	}), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "settings.json")
	if err := os.WriteFile(file, []byte(`{"providers":{"stt":{"vendor":"deepgram"}},"flow":`+twoNodes+`}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args  string
		fails bool
		want  []string
	}{
		{"agents set Ada --settings @" + file, false, []string{`"flow":` + twoNodes, `"vendor":"deepgram"`}},
		{"doctor", false, []string{"note  agents", "settings.providers.stt.vendor: this server has no key of deepgram", "Ada ("}},
		{`agents set Ada --settings {"manners":{"silence":"5s"},"flow":null}`, false, []string{`"silence":"5s"`, `"vendor":"deepgram"`}},
		{`agents set Ada --settings {"manners":{"silense":"5s"}}`, true, []string{"settings.manners.silense: unknown field"}},
		{`agents set Ada --settings [1]`, true, []string{"want a JSON object"}},
		{"agents set Ada --settings=", false, nil},
		{"doctor", false, []string{"ok    agents"}},
		{"agents versions Ada", false, []string{"VERSION", "Ada"}},
		{"agents restore Ada 3", false, []string{`"silence":"5s"`}},
		{"agents restore Ada 9", true, []string{"no version 9"}},
		{"agents show Ada", false, []string{`"silence":"5s"`}},
	} {
		out, err := parley(strings.Fields(step.args)...)
		if err != nil {
			out += err.Error()
		}
		if (err != nil) != step.fails {
			t.Errorf("parley %s: %s", step.args, out)
		}
		for _, want := range step.want {
			if !strings.Contains(out, want) {
				t.Errorf("parley %s: %s\nwant %q", step.args, out, want)
			}
		}
	}
	if out, err := parley("agents", "versions", "Ada", "--json"); err != nil || strings.Count(out, `"version"`) != 5 {
		t.Errorf("versions: %v\n%s", err, out)
	}
}
