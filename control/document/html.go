package document

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	markdown "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// readMarkdown makes HTML of it (CommonMark, with GitHub's tables), and reads that.
func (d *Document) readMarkdown(data []byte) error {
	text, err := decode(data)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	convert := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.DefinitionList),
		goldmark.WithRendererOptions(markdown.WithUnsafe())) // HTML in it is read like all HTML, and never shown
	if err := convert.Convert([]byte(withoutFront(text)), &page); err != nil {
		return fmt.Errorf("read Markdown: %w", err)
	}
	root, err := html.Parse(&page)
	if err != nil {
		return fmt.Errorf("read Markdown: %w", err)
	}
	d.readPage(root)
	return nil
}

// withoutFront is Markdown without the settings that site generators keep before it.
func withoutFront(text string) string {
	if rest, ok := strings.CutPrefix(text, "---\n"); ok {
		if i := strings.Index(rest, "\n---\n"); i >= 0 {
			return rest[i+5:]
		}
	}
	return text
}

// readHTML reads a page in whichever encoding it says, or seems, to be.
func (d *Document) readHTML(data []byte) error {
	text, err := charset.NewReader(bytes.NewReader(data), "text/html")
	if err != nil {
		return fmt.Errorf("read HTML: %w", err)
	}
	root, err := html.Parse(text)
	if err != nil {
		return fmt.Errorf("read HTML: %w", err)
	}
	d.readPage(root)
	return nil
}

// readPage takes the title and the blocks of a page.
func (d *Document) readPage(root *html.Node) {
	r := pageReader{d: d}
	r.walk(root)
	r.flush()
	// A page with one first heading has it for its title; it need not be said before each block.
	if first, once := r.top(); once && first != "" {
		r.title = first
		for i := range d.Blocks {
			if h := d.Blocks[i].Headings; len(h) > 0 && h[0] == first {
				d.Blocks[i].Headings = h[1:]
			}
		}
	}
	if r.title != "" {
		d.Title = r.title
	}
}

// A pageReader walks through a page.
type pageReader struct {
	d        *Document
	title    string
	headings [6]string
	tops     []string // the headings of the first level that there are
	line     strings.Builder
	rows     []string // of the table that we are in: its head
	inRow    bool
	term     string // a <dt> that waits for its <dd>
}

// top is the page's first heading of the first level, and whether it is the only one.
func (r *pageReader) top() (string, bool) {
	if len(r.tops) == 0 {
		return "", false
	}
	return r.tops[0], len(r.tops) == 1
}

// skipped are the elements whose contents nobody reads.
var skipped = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Nav: true, atom.Noscript: true, atom.Template: true, atom.Svg: true, atom.Iframe: true,
	atom.Object: true, atom.Canvas: true, atom.Button: true, atom.Select: true, atom.Input: true, atom.Textarea: true, atom.Math: true,
	atom.Audio: true, atom.Video: true, atom.Head: true, atom.Dialog: true, atom.Datalist: true,
}

// inline are the elements that do not end a line.
var inline = map[atom.Atom]bool{
	atom.A: true, atom.Abbr: true, atom.B: true, atom.Bdi: true, atom.Bdo: true, atom.Cite: true, atom.Code: true, atom.Data: true,
	atom.Del: true, atom.Dfn: true, atom.Em: true, atom.Font: true, atom.I: true, atom.Img: true, atom.Ins: true, atom.Kbd: true,
	atom.Label: true, atom.Mark: true, atom.Q: true, atom.Rp: true, atom.Rt: true, atom.Ruby: true, atom.S: true, atom.Samp: true,
	atom.Small: true, atom.Span: true, atom.Strong: true, atom.Sub: true, atom.Sup: true, atom.Time: true, atom.U: true, atom.Var: true,
	atom.Wbr: true, atom.Tt: true, atom.Big: true, atom.Center: false,
}

// walk reads a node and all in it. The parser refuses pages that are nested deeper than 512 elements.
func (r *pageReader) walk(n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		r.line.WriteString(n.Data)
		return
	case n.Type == html.ElementNode && n.DataAtom == atom.Head:
		r.head(n)
		return
	case n.Type == html.ElementNode && (skipped[n.DataAtom] || hidden(n)):
		return
	case n.Type != html.ElementNode:
		r.inside(n)
		return
	}
	switch name := n.DataAtom; {
	case r.inRow && !inline[name] && name != atom.Table: // a cell's paragraphs and headings are one line
		r.inside(n)
		r.line.WriteByte(' ')
		return
	case inline[name]:
		r.inside(n)
		return
	}
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		r.heading(n)
	case atom.Br, atom.Hr:
		r.line.WriteByte(' ')
	case atom.Table:
		r.flush()
		outer, inRow := r.rows, r.inRow
		r.rows, r.inRow = []string{}, false
		r.inside(n)
		r.flush()
		r.rows, r.inRow = outer, inRow
	case atom.Tr:
		r.row(n)
	case atom.Dt:
		r.flush()
		r.inside(n)
		r.term = r.take()
	case atom.Dd:
		r.line.Reset()
		if r.term != "" {
			r.line.WriteString(r.term + ": ")
			r.term = ""
		}
		r.inside(n)
		r.flush()
	default:
		r.flush()
		r.inside(n)
		r.flush()
	}
}

func (r *pageReader) inside(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.walk(c)
	}
}

// head takes a page's title.
func (r *pageReader) head(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Title && c.FirstChild != nil {
			r.title = squeeze(c.FirstChild.Data)
		}
	}
}

// heading begins a section.
func (r *pageReader) heading(n *html.Node) {
	r.flush()
	r.inside(n)
	text := r.take()
	if text == "" {
		return
	}
	level := int(n.Data[1] - '1')
	clear(r.headings[level:])
	r.headings[level] = clip(text, 120)
	if level == 0 {
		r.tops = append(r.tops, r.headings[0])
	}
}

// row reads a row of a table. The first one is the table's head if it is said to be (<th>).
func (r *pageReader) row(n *html.Node) {
	r.flush()
	var cells []string
	heads := 0
	outer := r.inRow
	r.inRow = true
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Td && c.DataAtom != atom.Th {
			continue
		}
		if c.DataAtom == atom.Th {
			heads++
		}
		r.inside(c)
		cells = append(cells, r.take())
	}
	r.inRow = outer
	line := strings.Trim(strings.Join(cells, " | "), " |")
	if heads == len(cells) && len(r.rows) == 0 && heads > 0 && !outer {
		r.rows = []string{clip(line, 200)}
		return
	}
	b := Block{Headings: r.path(), Text: line}
	if len(r.rows) > 0 {
		b.Head = r.rows[0]
	}
	r.d.add(b)
}

// take is the line so far, which begins anew.
func (r *pageReader) take() string {
	s := squeeze(r.line.String())
	r.line.Reset()
	return s
}

// flush makes a block of the line.
func (r *pageReader) flush() {
	if r.inRow {
		return
	}
	text := r.take()
	if r.term != "" && text != "" {
		text, r.term = r.term+": "+text, ""
	}
	r.d.add(Block{Headings: r.path(), Text: text})
}

// path is where we are.
func (r *pageReader) path() (p []string) {
	for _, h := range r.headings {
		if h != "" {
			p = append(p, h)
		}
	}
	return p
}

// hidden says whether a page's reader would not see an element.
func hidden(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "hidden" || a.Key == "aria-hidden" && a.Val == "true" || a.Key == "role" && a.Val == "navigation" {
			return true
		}
	}
	return false
}
