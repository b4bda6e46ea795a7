// Package document reads files as people have them, and cuts them into chunks that a model can be shown.
//
//	text ──────────────▶ blocks ──┐
//	Markdown ──▶ HTML ─▶ blocks ──┼──▶ Document ──▶ Chunks: 800 to 1,200 letters, each with its place (headings, page)
//	HTML ──────────────▶ blocks ──┤
//	PDF ──▶ pdftotext ─▶ blocks ──┘
//	        (a process of its own: limited in time, memory and output)
//
// Nothing in a file is followed or fetched: no links, no images, no scripts. A file that cannot be read gives an error for people; none
// brings the process down, nor makes it grow by more than Limits say.
package document

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Form is which generation of this package made chunks of a file. It goes up whenever the same file comes to other chunks than before.
const Form = 1

// Kind is what a file is.
type Kind string

// The kinds of file that can be read.
const (
	Text     Kind = "text"
	Markdown Kind = "markdown"
	HTML     Kind = "html"
	PDF      Kind = "pdf"
)

// MostBytes is how large a file may be, if Limits do not say otherwise.
const MostBytes = 20 << 20

// Limits keep a file from taking more than its share. Zero fields are the defaults.
type Limits struct {
	Bytes   int           // of a file; default MostBytes, 20 MiB
	Letters int           // bytes of text in it; default 4 MiB
	Pages   int           // of a PDF; default 1,000
	Chunks  int           // that it comes to; default 5,000
	Time    time.Duration // for a PDF; default 30 s
	Memory  int           // bytes, for a PDF's process; default 1 GiB
}

func (l Limits) orDefaults() Limits {
	return Limits{
		Bytes: cmp.Or(l.Bytes, MostBytes), Letters: cmp.Or(l.Letters, 4<<20), Pages: cmp.Or(l.Pages, 1000), Chunks: cmp.Or(l.Chunks, 5000),
		Time: cmp.Or(l.Time, 30*time.Second), Memory: cmp.Or(l.Memory, 1<<30),
	}
}

// A Document is what was read of a file.
type Document struct {
	Kind   Kind
	Title  string // its own, or else its file's name without folder and ending
	Blocks []Block
}

// A Block is a paragraph, an entry of a list, or a row of a table.
type Block struct {
	Headings []string // that it stands under, outermost first; without the title
	Page     int      // from 1; 0: the file has no pages
	Text     string   // one line
	Head     string   // of a row: the table's head, to be said again where the table is cut
}

// Errors that a caller may want to tell apart.
var (
	ErrEmpty  = errors.New("there is no text in it")
	ErrTooBig = errors.New("it is too big")
	// ErrNoPDF says that this machine cannot read PDF.
	ErrNoPDF = errors.New("reading PDF needs pdftotext: apt-get install poppler-utils")
)

// CanReadPDF is nil, or ErrNoPDF.
func CanReadPDF() error {
	_, err := pdfReader()
	return err
}

// Read reads a file. Its name tells what it is, but for PDF, which tells itself.
func Read(ctx context.Context, name string, data []byte, l Limits) (Document, error) {
	l = l.orDefaults()
	if len(data) > l.Bytes {
		return Document{}, fmt.Errorf("%w: more than %d kB", ErrTooBig, l.Bytes>>10)
	}
	d := Document{Title: title(name)}
	var err error
	if d.Kind, err = kindOf(name, data); err != nil {
		return Document{}, err
	}
	switch d.Kind {
	case PDF:
		err = d.readPDF(ctx, data, l)
	case HTML:
		err = d.readHTML(data)
	case Markdown:
		err = d.readMarkdown(data)
	default:
		err = d.readText(data, commas[ending(name)])
	}
	if err != nil {
		return Document{}, err
	}
	size := 0
	for _, b := range d.Blocks {
		size += len(b.Text)
	}
	switch {
	case size == 0 && d.Kind == PDF:
		return Document{}, fmt.Errorf("%w: if its pages are pictures (a scan), it needs to be recognised first (OCR)", ErrEmpty)
	case size == 0:
		return Document{}, ErrEmpty
	case size > l.Letters:
		return Document{}, fmt.Errorf("%w: %d kB of text, and %d kB are the most", ErrTooBig, size>>10, l.Letters>>10)
	}
	return d, nil
}

// title is a file's name without folder and ending.
func title(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	return strings.TrimSuffix(name, path.Ext(name))
}

// ending is what a file's name ends in, in small letters: ".md".
func ending(name string) string { return strings.ToLower(path.Ext(name)) }

// commas part the cells of tables.
var commas = map[string]rune{".csv": ',', ".tsv": '\t'}

// kindOf says what a file is.
func kindOf(name string, data []byte) (Kind, error) {
	if bytes.Contains(data[:min(len(data), 1024)], []byte("%PDF-")) {
		return PDF, nil
	}
	switch ending(name) {
	case ".md", ".markdown", ".mkd":
		return Markdown, nil
	case ".html", ".htm", ".xhtml":
		return HTML, nil
	case "", ".txt", ".text", ".log", ".csv", ".tsv":
		return Text, nil
	case ".pdf":
		return "", errors.New("it is called .pdf and is none")
	}
	return "", fmt.Errorf("files that end in %s are not known: want text (.txt, .csv), Markdown (.md), HTML (.html) or PDF", ending(name))
}
