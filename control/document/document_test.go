package document_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/document"
)

// TestMain fails where PDF cannot be read, instead of looking away.
func TestMain(m *testing.M) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		fmt.Fprintln(os.Stderr, document.ErrNoPDF)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func read(t testing.TB, name, text string) document.Document {
	t.Helper()
	d, err := document.Read(t.Context(), name, []byte(text), document.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

// lines are a document's blocks, each as its place, its table's head and its text.
func lines(d document.Document) (all []string) {
	for _, b := range d.Blocks {
		line := strings.Join(b.Headings, " > ")
		if b.Page > 0 {
			line += fmt.Sprint(" p", b.Page)
		}
		if b.Head != "" {
			line += " {" + b.Head + "}"
		}
		all = append(all, strings.TrimSpace(line+": "+b.Text))
	}
	return all
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file, text  string
		kind, title string
		want        []string
	}{
		"text": {"a/b/hours.txt", "We open at eight,\nevery day of the week but Sunday.\n\nSecond paragraph.\n", "text", "hours",
			[]string{": We open at eight,", ": every day of the week but Sunday.", ": Second paragraph."}},
		"text with a heading and a list": {"x.txt", "Opening hours\nWe are open from Monday to Friday, and some Saturdays.\n- bring a form of identification with a photograph\n- bring proof of your address that is not too old\n", "text", "x",
			[]string{"Opening hours: We are open from Monday to Friday, and some Saturdays.", "Opening hours: - bring a form of identification with a photograph", "Opening hours: - bring proof of your address that is not too old"}},
		"UTF-16":       {"x.txt", "\xff\xfeH\x00i\x00 \x00\xe9\x00", "text", "x", []string{": Hi é"}},
		"Windows-1252": {"x.txt", "caf\xe9 \x80 5", "text", "x", []string{": café € 5"}},
		"table":        {"x.csv", "Service,Price\n\"Sick note, short\",20\nLetter,25\n", "text", "x", []string{"{Service | Price}: Sick note, short | 20", "{Service | Price}: Letter | 25"}},
		"Markdown": {"x.md", "---\ntitle: no\n---\n# Clinic\nIntro *with* a [link](http://x).\n\n## Hours\n- Monday\n  1. early\n- Friday\n\n### Summer\n> quoted\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n## Fees\nTen.\n", "markdown", "Clinic",
			[]string{": Intro with a link.", "Hours: Monday", "Hours: early", "Hours: Friday", "Hours > Summer: quoted", "Hours > Summer {A | B}: 1 | 2", "Fees: Ten."}},
		"Markdown with two titles": {"x.md", "# One\na\n# Two\nb", "markdown", "x", []string{"One: a", "Two: b"}},
		"HTML": {"x.html", "<title> The  page </title><nav>menu</nav><h2>Top</h2>a<br>b<p>c<script>no</script><style>no</style> d</p><div hidden>no</div><ul><li>one<li>two</ul><dl><dt>Term<dd>meaning</dl><h3>Low</h3>e<h2>Next</h2><button>no</button>f", "html", "The page",
			[]string{"Top: a b", "Top: c d", "Top: one", "Top: two", "Top: Term: meaning", "Top > Low: e", "Next: f"}},
		"HTML tables": {"x.htm", "<table><caption>cap</caption><tr><th>A<th>B<tr><td><p>1</p><p>2</p><td>3<tr><th>x<td>y</table><table><tr><td><table><tr><td>in</table><td>out</table>", "html", "x",
			[]string{": cap", "{A | B}: 1 2 | 3", "{A | B}: x | y", ": in", ": out"}},
		"HTML in another alphabet": {"x.html", "<meta charset=windows-1251><p>\xcf\xf0\xe8\xe2\xe5\xf2", "html", "x", []string{": Привет"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := read(t, tt.file, tt.text)
			if diff := cmp.Diff(tt.want, lines(d)); diff != "" || string(d.Kind) != tt.kind || d.Title != tt.title {
				t.Errorf("kind %q, title %q, blocks (-want +got):\n%s", d.Kind, d.Title, diff)
			}
		})
	}
}

func TestPDF(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/guide.pdf")
	if err != nil {
		t.Fatal(err)
	}
	d := read(t, "Patient guide.PDF", string(data))
	got := strings.Join(lines(d), "\n")
	for _, want := range []string{"Prescriptions p1: Repeat prescriptions are ready after two working days.", "Your records p2: You may read", "Zero tolerance p3: Whoever shouts"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "Harbour Lane Clinic") || strings.Contains(got, "of 3") || d.Title != "Patient guide" || d.Kind != document.PDF {
		t.Errorf("kind %q, title %q; running lines are left:\n%s", d.Kind, d.Title, got)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	file := func(name string) []byte {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	guide := file("guide.pdf")
	for name, tt := range map[string]struct {
		file   string
		data   []byte
		limits document.Limits
		is     error
		want   string
	}{
		"nothing":              {file: "x.txt", is: document.ErrEmpty, want: "no text"},
		"dots":                 {file: "x.md", data: []byte("# \n\n...\n"), is: document.ErrEmpty, want: "no text"},
		"NUL":                  {file: "x.txt", data: []byte("a\x00b"), want: "not text"},
		"unknown ending":       {file: "x.docx", data: []byte("PK"), want: ".docx"},
		"called PDF":           {file: "x.pdf", data: []byte("hello"), want: "is none"},
		"a locked PDF":         {file: "x.pdf", data: file("locked.pdf"), want: "password"},
		"a scan":               {file: "x.pdf", data: file("scan.pdf"), is: document.ErrEmpty, want: "OCR"},
		"half a PDF":           {file: "x.pdf", data: guide[:len(guide)/3], want: "damaged"},
		"large":                {file: "x.txt", data: []byte(strings.Repeat("a ", 100)), limits: document.Limits{Bytes: 100}, is: document.ErrTooBig},
		"much text":            {file: "x.txt", data: []byte(strings.Repeat("a ", 100)), limits: document.Limits{Letters: 100}, is: document.ErrTooBig},
		"many pages":           {file: "x.pdf", data: guide, limits: document.Limits{Pages: 2}, is: document.ErrTooBig, want: "2 pages"},
		"much text in a PDF":   {file: "x.pdf", data: guide, limits: document.Limits{Letters: 100}, is: document.ErrTooBig},
		"a PDF out of memory":  {file: "x.pdf", data: guide, limits: document.Limits{Memory: 8 << 20}, want: "damaged"},
		"nested without end":   {file: "x.html", data: []byte(strings.Repeat("<div>", 5000) + "x"), want: "read HTML"},
		"quoted without end":   {file: "x.md", data: []byte(strings.Repeat("> ", 3000) + "x"), want: "read Markdown"},
		"a table out of order": {file: "x.csv", data: []byte("a,\"b\nc"), is: nil, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := document.Read(t.Context(), tt.file, tt.data, tt.limits)
			if tt.want == "" && tt.is == nil {
				return // either way, without a panic
			}
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %v, %q", err, tt.is, tt.want)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestPDFTakesTooLong(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/guide.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := document.Read(t.Context(), "x.pdf", data, document.Limits{Time: time.Microsecond}); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("error %v, want that it took too long", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := document.Read(ctx, "x.pdf", data, document.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("# Title\n## Long\n")
	for i := range 40 {
		fmt.Fprintf(&text, "Sentence number %d of a paragraph says that it is the sentence number %d. ", i, i)
	}
	text.WriteString("\n\n## Table\n\n| Service | Price |\n|---|---|\n")
	for i := range 80 {
		fmt.Fprintf(&text, "| service number %d | %d euros |\n", i, i)
	}
	text.WriteString("\n## Short\nOne.\n\nTwo.\n\n## Word\n" + strings.Repeat("ä", 3000))
	d := read(t, "x.md", text.String())
	chunks, err := d.Chunks(document.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]int{}
	for i, c := range chunks {
		places[c.Place]++
		if n := len(c.Text); n > 1200+160+50 || n == 0 || !bytes.Equal(bytes.ToValidUTF8([]byte(c.Text), nil), []byte(c.Text)) {
			t.Errorf("chunk %d has %d bytes: %q", i, n, c.Text)
		}
		if c.Place == "Table" && !strings.Contains(c.Text, "Service | Price\n") {
			t.Errorf("chunk %d says not what its table is about: %.80q", i, c.Text)
		}
		if c.Place == "Long" && i > 0 && chunks[i-1].Place == "Long" && !strings.HasPrefix(c.Text, "Sentence number") {
			t.Errorf("chunk %d begins in mid-sentence: %.80q", i, c.Text)
		}
		if c.Place == "Short" && c.Text != "One.\nTwo." {
			t.Errorf("a short section is %q", c.Text)
		}
	}
	if diff := cmp.Diff(map[string]int{"Long": 3, "Table": 3, "Short": 1, "Word": 6}, places); diff != "" {
		t.Errorf("chunks by place (-want +got):\n%s", diff)
	}
	all := strings.Builder{}
	for _, c := range chunks {
		all.WriteString(c.Text + "\n")
	}
	for i := range 80 {
		if !strings.Contains(all.String(), fmt.Sprintf("service number %d | %d euros", i, i)) || i < 40 && !strings.Contains(all.String(), fmt.Sprintf("Sentence number %d of a paragraph says that it is the sentence number %d.", i, i)) {
			t.Errorf("row or sentence %d is lost", i)
		}
	}
	if _, err := d.Chunks(document.Limits{Chunks: 3}); !errors.Is(err, document.ErrTooBig) {
		t.Errorf("more chunks than there may be: %v", err)
	}
}
