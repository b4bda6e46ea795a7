package document_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parley/control/document"
)

// sound says what is wrong with a file that was read: everything that comes of it can be kept and shown.
func sound(t *testing.T, d document.Document) {
	t.Helper()
	chunks, err := d.Chunks(document.Limits{})
	if err != nil && !errors.Is(err, document.ErrTooBig) {
		t.Fatal(err)
	}
	if len(d.Blocks) == 0 || err == nil && len(chunks) == 0 {
		t.Fatalf("%d blocks, %d chunks, and no error", len(d.Blocks), len(chunks))
	}
	for i, c := range chunks {
		if c.Text == "" || len(c.Text) > 2000 || !utf8.ValidString(c.Text+c.Place) || strings.Contains(c.Text+c.Place, "\x00") || len(c.Place) > 1000 {
			t.Fatalf("chunk %d of %d: %q, %q", i, len(chunks), c.Place, c.Text)
		}
	}
}

func fuzz(f *testing.F, name, before string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		began := time.Now()
		data = append([]byte(before), data...)
		d, err := document.Read(t.Context(), name, data, document.Limits{Bytes: 1 << 16})
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("%d bytes took %v", len(data), took)
		}
		if err == nil {
			sound(t, d)
		}
	})
}

func FuzzText(f *testing.F) {
	fuzz(f, "x.txt", "", "One.\n\nTwo\n- three\n1. four", "\xff\xfea\x00", "caf\xe9", strings.Repeat("word ", 400), strings.Repeat("x", 3000))
}

func FuzzTable(f *testing.F) {
	fuzz(f, "x.csv", "", "a,b\n1,\"2\n3\"\n", "a\tb", "\"")
}

func FuzzMarkdown(f *testing.F) {
	fuzz(f, "x.md", "", "# A\n- b\n  1. c\n\n|a|b|\n|-|-|\n|1|2|\n\n> q\n\n```go\nx\n```\n<div>h</div>\n\nT\n: d\n", "[a]: b\n[a][a] ![i](j)", "---\nx: y\n---\nz", strings.Repeat("*a **b ", 50))
}

func FuzzHTML(f *testing.F) {
	fuzz(f, "x.html", "", "<h1>A</h1><p>b<ul><li>c</ul><table><tr><th>d<td>e<tr><td><h2>f</h2></table><dl><dt>g<dd>h</dl><nav>i</nav>",
		"<meta charset=utf-16><p>x", "<table><tr><td><table><tr><th>a</table></table>", "<svg><title>x</title></svg><template><p>y")
}

// FuzzPDF needs a process for each file: it is slow. All of them begin as PDF does, so that all get there.
func FuzzPDF(f *testing.F) {
	var seeds []string
	for _, name := range []string{"guide.pdf", "locked.pdf", "scan.pdf"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), "\n")
		seeds = append(seeds, rest)
	}
	fuzz(f, "x.pdf", "%PDF-1.7\n", append(seeds, "1 0 obj<</Type/Catalog>>endobj trailer<</Root 1 0 R>>")...)
}
