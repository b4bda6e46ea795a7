package library_test

import (
	"os"
	"strings"
	"testing"

	"parley/control/library"
)

// TestHits: spoken questions find the passage that answers them, on both databases.
func TestHits(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		l := &library.Library{Store: h}
		clinic(t, l, h)
		n, first, third := hits(t, l, h, "questions.tsv")
		if n != 25 || first < 22 || third < 24 {
			t.Errorf("of %d questions %d are answered by the first passage and %d by one of three; want 22 and 24 of 25", n, first, third)
		}
		// In words of their own, which are not the documents': what vectors are for.
		n, first, third = hits(t, l, h, "paraphrases.tsv")
		if n != 10 || first < 2 || third < 4 {
			t.Errorf("of %d paraphrases %d are answered by the first passage and %d by one of three; want 2 and 4 of 10", n, first, third)
		}
	})
}

// hits asks the questions of a file: each with the document that answers it, and a phrase of the passage that does.
func hits(t *testing.T, l *library.Library, h house, file string) (n, first, third int) {
	t.Helper()
	text, err := os.ReadFile("testdata/clinic/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		passages, err := l.Look(t.Context(), h.org, h.agent, f[0], 3)
		if err != nil {
			t.Fatal(err)
		}
		n++
		for i, p := range passages {
			if p.Name == f[1] && strings.Contains(p.Text, f[2]) {
				if third++; i == 0 {
					first++
				}
				break
			}
			if i == len(passages)-1 {
				t.Logf("missed by %d passages, the first of %s, %s: %s", len(passages), passages[0].Name, passages[0].Place, f[0])
			}
		}
	}
	t.Logf("%s: of %d questions, hit@1 %d, hit@3 %d", file, n, first, third)
	return n, first, third
}
