package traits

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestSheet(t *testing.T) {
	t.Parallel()
	s := lay([]byte(`{"a":{"b":[1,{"c":"x"},[]]},"d":null}`), "settings")
	want := strings.Join([]string{"{", `"a": {`, `"b": [`, "1,", "{", `"c": "x"`, "},", "[", "]", "]", "},", `"d": null`, "}", ""}, "\n")
	if got := string(s.Text); got != want {
		t.Fatalf("laid out as\n%s", got)
	}
	lines := []string{"settings", "settings.a", "settings.a.b", "settings.a.b[0]", "settings.a.b[1]", "settings.a.b[1].c", "settings.a.b[1]", "settings.a.b[2]", "settings.a.b[2]",
		"settings.a.b", "settings.a", "settings.d", "settings"}
	if diff := cmp.Diff(lines, s.paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if s.At(-1) != "settings" || s.At(99) != "settings" || (&Sheet{}).At(1) != "" {
		t.Error("a line that there is not has a path of its own")
	}
}

// FuzzSheet: what is laid out means in YAML what it means in JSON.
func FuzzSheet(f *testing.F) {
	for _, text := range []string{`{}`, `[]`, `"x"`, `{"a":"\ud83d\ude00\u0000\u007f\u0085\u2028\ufeff\uffff\\\"/"}`, `{"yes":"no","~":"~","<<":[1.5e3,-0.1]}`,
		`{"":[true,false,null,{"":[[]]}]}`, `"a: b # c"`, `["---","...","- x","? y","&a","*a","!t","%","2026-11-22","0x1f","1_000"]`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want, again any
		if !utf8.ValidString(text) || json.Unmarshal([]byte(text), &want) != nil || depth([]byte(text)) > deepest {
			return
		}
		s := lay([]byte(text), "settings")
		if got := strings.Count(string(s.Text), "\n"); got != len(s.paths) {
			t.Fatalf("%d lines, %d paths", got, len(s.paths))
		}
		if err := json.Unmarshal(s.Text, &again); err != nil || cmp.Diff(want, again) != "" {
			t.Fatalf("as JSON it is %v (%v), not %v", again, err, want)
		}
		var node yaml.Node
		if err := yaml.Unmarshal(s.Text, &node); err != nil && !strings.Contains(err.Error(), "could not find expected ':'") { // a key of more than 1,024 letters
			t.Fatalf("as YAML: %v\n%s", err, s.Text)
		}
	})
}
