package pipeline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/media"
)

func TestFill(t *testing.T) {
	t.Parallel()
	slots := map[string]string{
		"name": "Ada", "from": "+15550100", "order.no": "4-2", "Größe": "XL", "empty": " ",
		"nested": "{{name}}", "lines": "one\n\ttwo\x00 three",
	}
	for _, tt := range []struct {
		text, want string
		missing    []string
	}{
		{"", "", nil},
		{"Hello.", "Hello.", nil},
		{"Hello {{name}}, you call from {{ from }}.", "Hello Ada, you call from +15550100.", nil},
		{"{{name}}{{name}}", "AdaAda", nil},
		{"Order {{order.no}} in {{Größe}}", "Order 4-2 in XL", nil},
		{"Hello {{who}}, how are you?", "Hello, how are you?", []string{"who"}},
		{"Hello {{who}} how are you?", "Hello how are you?", []string{"who"}},
		{"{{who}} Hello", "Hello", []string{"who"}},
		{"Hello {{who}}", "Hello", []string{"who"}},
		{"Hello ({{who}}).", "Hello ().", []string{"who"}},
		{"It is {{empty}}.", "It is.", []string{"empty"}},
		{"Hello {{who|there}}, {{name|you}}.", "Hello there, Ada.", nil},
		{"Hello {{who | dear customer }}.", "Hello dear customer.", nil},
		{"Hello {{who|}}.", "Hello.", []string{"who"}},
		{"{{b}} {{a}} {{b}}.", ".", []string{"b", "a"}},
		{"{{}} and {{first name}}", "and", []string{"", "first name"}},
		{"{{NAME}}", "", []string{"NAME"}},
		{`Write \{{name}} for {{name}}.`, "Write {{name}} for Ada.", nil},
		{"Open {{name", "Open name", []string{"{{"}},
		{"Open {{ and {{name}}", "Open  and Ada", []string{"{{"}},
		{"A } and }} and { stay", "A } and }} and { stay", nil},
		{"{{nested}}", "{{name}}", nil},
		{"Say {{lines}}.", "Say one two three.", nil},
		{"Line\n{{who}}\nline", "Line\n\nline", []string{"who"}},
	} {
		got, missing := Fill(tt.text, slots)
		if got != tt.want {
			t.Errorf("Fill(%q) = %q, want %q", tt.text, got, tt.want)
		}
		if diff := cmp.Diff(tt.missing, missing); diff != "" {
			t.Errorf("Fill(%q): missing (-want +got):\n%s", tt.text, diff)
		}
	}
}

// Nothing that is spoken has the braces of a place, unless somebody escaped them or passed them in; what lacks a value is named.
func TestFillLeavesNoPlaces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"{{", "}}", "{", "}", "|", " ", "name", "who", "Hello", ",", "\n"})).Draw(t, "parts")
		text := strings.Join(parts, "")
		got, missing := Fill(text, map[string]string{"name": "Ada"})
		if strings.Contains(got, "{{name}}") || strings.Contains(got, "{{who}}") {
			t.Fatalf("Fill(%q) = %q", text, got)
		}
		if strings.Contains(text, "{{who}}") && len(missing) == 0 {
			t.Fatalf("Fill(%q) misses nothing", text)
		}
		if !strings.Contains(text, "{{") && (got != text || missing != nil) {
			t.Fatalf("Fill(%q) = %q, %q", text, got, missing)
		}
	})
}

func TestSlots(t *testing.T) {
	t.Parallel()
	got := Slots(media.Info{From: "+15550100", To: "+15550199", Params: map[string]string{"name": "Ada", "from": "somebody else"}})
	if diff := cmp.Diff(map[string]string{"name": "Ada", "from": "+15550100", "to": "+15550199"}, got); diff != "" {
		t.Errorf("slots (-want +got):\n%s", diff)
	}
	if got := Slots(media.Info{}); len(got) != 2 {
		t.Errorf("slots of an unknown call: %v", got)
	}
}
