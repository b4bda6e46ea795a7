package traits_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/control/traits"
	"parley/pipeline"
)

// FuzzRead: whatever settings are sent, reading them ends, names paths, and what it takes it takes again when it is merged over nothing.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"", "{}", "null", `{"manners":{"silence":"5s","ladder":[{"after":"1s","say":"x","hang_up":true}],"interrupt":{"never":["a"]}}}`, `{"manners":{"reprompts":"never"}}`,
		`{"flow":` + bookings + `}`, `{"tools":{"http":[{"name":"a"}]},"report":[{"name":"a","type":"string"}],"recording":{"enabled":false}}`,
		`{"providers":{"stt":{"vendor":"deepgram","model":"x"},"llm":{"temperature":1e400}},"languages":{"listening":"en"}}`,
	} {
		f.Add(text)
	}
	if page, err := os.ReadFile("../../docs/agents.md"); err == nil {
		_, rest, _ := strings.Cut(string(page), "```json\n")
		example, _, _ := strings.Cut(rest, "```")
		f.Add(example)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, found := traits.Read(text, pipeline.Manners{})
		for _, w := range found {
			if !strings.HasPrefix(w.Path, "settings") || w.Reason == "" {
				t.Fatalf("%q: %q", w.Path, w.Reason)
			}
		}
		if err := p.Manners.Validate(); err != nil {
			t.Fatalf("it gives manners that are wrong: %v", err)
		}
		if len(found) > 0 || !json.Valid([]byte(text)) {
			return
		}
		merged := traits.Merge("", traits.Text(text))
		if traits.Merge(merged, traits.Text("{}")) != merged {
			t.Fatalf("%s is not tidy", merged)
		}
		again, found := traits.Read(merged, pipeline.Manners{})
		if len(found) > 0 || cmp.Diff(p.Manners, again.Manners) != "" || (p.Flow == nil) != (again.Flow == nil) || (p.Tools == nil) != (again.Tools == nil) {
			t.Fatalf("%s is read as something else than %s: %v", merged, text, found)
		}
	})
}
