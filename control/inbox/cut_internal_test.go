package inbox

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// TestCut: a text is cut where it hurts least, nothing of it is lost, and no piece is too long.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		longest int
		want    []string
	}{
		{"One. Two.", 0, []string{"One. Two."}},
		{"One. Two.", 9, []string{"One. Two."}},
		{"One. Two. Three.", 10, []string{"One. Two.", "Three."}},
		{"First part.\n\nSecond. Third one.", 22, []string{"First part.", "Second. Third one."}},
		{"no sentence ends here at all", 12, []string{"no sentence", "ends here at", "all"}},
		{"abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"Grüße. Größe.", 7, []string{"Grüße.", "Größe."}},
		{"早上好。你在哪里。", 5, []string{"早上好。", "你在哪里。"}},
		{"Version 1.2 is out. Get it.", 20, []string{"Version 1.2 is out.", "Get it."}},
	} {
		if diff := cmp.Diff(c.want, cut(c.text, c.longest)); diff != "" {
			t.Errorf("%q at %d:\n%s", c.text, c.longest, diff)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("One. Two.\n\nThree", 5)
	f.Add("\xff\xfe. x", 1)
	f.Fuzz(func(t *testing.T, text string, longest int) {
		if longest = longest % 100; longest < 1 {
			return
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), "") }
		pieces := cut(text, longest)
		for _, p := range pieces {
			if utf8.RuneCountInString(p) > longest {
				t.Errorf("%q has more than %d characters", p, longest)
			}
		}
		if got, want := squeeze(strings.Join(pieces, "")), squeeze(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
