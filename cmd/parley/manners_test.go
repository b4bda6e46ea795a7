package main

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/control/traits"
	"parley/pipeline"
)

// TestMannersExample keeps docs/manners.yaml complete and its defaults true.
func TestMannersExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/manners.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got pipeline.Manners
	file, err := traits.ReadManners(text, &got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pipeline.DefaultManners(), got.WithDefaults(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("docs/manners.yaml (-default +listed):\n%s", diff)
	}
	for _, name := range fieldNames(reflect.TypeFor[pipeline.Manners](), "") {
		if file[name] == 0 {
			t.Errorf("docs/manners.yaml does not list %s", traits.Snake(name))
		}
	}
}

func fieldNames(t reflect.Type, in string) (names []string) {
	for i := range t.NumField() {
		switch f := t.Field(i); f.Type.Kind() {
		case reflect.Interface:
		case reflect.Struct:
			names = append(names, fieldNames(f.Type, strings.TrimPrefix(in+"."+f.Name, "."))...)
		default:
			names = append(names, strings.TrimPrefix(in+"."+f.Name, "."))
		}
	}
	return names
}

func TestManners(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/manners.yaml"
	text := `
silence: 5s
hangover: 700ms
interrupt: {never: [ja], greeting: {words: never, speech: never}, no_echo: true}
ladder:
  - {after: 4s, say: "Hello?"}
  - {say: Bye., hang_up: true}
filler: {after: never}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parseServe(t, map[string]string{"PARLEY_MANNERS": file, "PARLEY_HANGOVER": "900ms", "PARLEY_REPROMPTS": "0"})
	if err == nil {
		err = c.check()
	}
	if err != nil {
		t.Fatal(err)
	}
	want := pipeline.Manners{
		Silence: 5 * time.Second, Hangover: 900 * time.Millisecond, Reprompts: -1,
		Interrupt: pipeline.Interrupt{Never: []string{"ja"}, Greeting: pipeline.Bar{Words: pipeline.Never, Speech: pipeline.Never}, NoEcho: true},
		Ladder:    []pipeline.Rung{{After: 4 * time.Second, Say: "Hello?"}, {Say: "Bye.", HangUp: true}},
		Filler:    pipeline.Filler{After: -1},
	}
	if diff := cmp.Diff(want, c.manners); diff != "" {
		t.Errorf("manners (-want +got):\n%s", diff)
	}
}

func TestMannersRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string // all of it in the error
	}{
		"unknown":       {"\nsilense: 5s\n", []string{"line 2", "silense", "unknown"}},
		"unknown below": {"filler:\n  when: 5s\n", []string{"line 2", "filler.when", "unknown"}},
		"code":          {"interrupt: {arbiter: reflex}", []string{"interrupt.arbiter", "unknown"}},
		"twice":         {"silence: 5s\nsilence: 6s\n", []string{"line 2", "silence"}},
		"no unit":       {"silence: 5\n", []string{"line 1", "silence", "500ms"}},
		"no time":       {"silence: soon\n", []string{"line 1", "silence", "unit"}},
		"no number":     {"barge_in_words: many\n", []string{"line 1", "barge_in_words", "number"}},
		"no list":       {"ladder: 3\n", []string{"line 1", "ladder", "list"}},
		"no mapping":    {"filler: 2s\n", []string{"line 1", "filler", "mapping"}},
		"no bool":       {"patience: {fixed: maybe}\n", []string{"line 1", "patience.fixed", "true or false"}},
		"no text":       {"sorry: [a]\n", []string{"line 1", "sorry", "text"}},
		"in a list":     {"ladder:\n  - {after: 5s}\n  - {afterr: 5s}\n", []string{"line 3", "ladder[1].afterr", "unknown"}},
		"not YAML":      {"{", []string{"yaml"}},
		"a list":        {"[]", []string{"mapping"}},
		"all at once":   {"a: 1\nb: 2\nsilence: x\n", []string{"a: unknown", "b: unknown", "line 3: silence"}},
		"out of range":  {"\nsilence: 5h\nfiller:\n  after: 1h\n", []string{"manners: silence", "(line 2)", "filler.after", "(line 4)"}},
		"no way out":    {"ladder:\n  - {say: hello}\n", []string{"ladder[0].hang_up"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := t.TempDir() + "/manners.yaml"
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := config{Manners: file}
			_, err := cfg.behaviour()
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}
