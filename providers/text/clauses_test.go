package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestClauses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"Yes. No.", []string{"Yes. ", "No."}},
		{"It costs 3.50 in all.", []string{"It costs 3.50 in all."}},
		{"Well, I think that this is fine, really.", []string{"Well, I think that this is fine, ", "really."}},
		{`He said "Stop!" and left.`, []string{`He said "Stop!" `, "and left."}},
		{"One\nTwo", []string{"One\n", "Two"}},
		{"好。走吧。", []string{"好。", "走吧。"}},
		{"   ", nil},
		{"no end at all", []string{"no end at all"}},
		{strings.Repeat("word ", 300), []string{strings.Repeat("word ", 200), strings.Repeat("word ", 100)}},
		{strings.Repeat("é", 600), []string{strings.Repeat("é", 500), strings.Repeat("é", 100)}},
	} {
		for _, size := range []int{1, 3, len(tt.text)} {
			if diff := cmp.Diff(tt.want, cutAll(tt.text, size)); diff != "" {
				t.Errorf("%q in pieces of %d bytes (-want +got):\n%s", tt.text, size, diff)
			}
		}
	}
}

// cutAll cuts text that arrives in pieces of size bytes or a little more.
func cutAll(text string, size int) (got []string) {
	var c Clauses
	for len(text) > 0 {
		n := min(size, len(text))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		for s, ok := c.Add(text[:n]); ok; s, ok = c.Add("") {
			got = append(got, s)
		}
		text = text[n:]
	}
	if s := c.Rest(); s != "" {
		got = append(got, s)
	}
	return got
}

func FuzzClauses(f *testing.F) {
	f.Add("Hello there, how are you? I am fine.", 3)
	f.Add(strings.Repeat("ö", 2000), 7)
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size <= 0 || len(text) > 4000 {
			return
		}
		got := cutAll(text, size)
		if strings.TrimSpace(strings.Join(got, "")) != strings.TrimSpace(text) {
			t.Errorf("text was changed: %q became %q", text, got)
		}
		for _, s := range got {
			if utf8.RuneCountInString(s) > 2000 {
				t.Errorf("a clause of %d characters", utf8.RuneCountInString(s))
			}
			if utf8.ValidString(text) && !utf8.ValidString(s) {
				t.Errorf("a character was cut in two: %q", s)
			}
		}
	})
}
