package document

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sizes of chunks, in bytes.
const (
	full    = 1000 // a chunk ends with the block that fills it so far
	most    = 1200 // no chunk is longer, but for its overlap and a table's head
	overlap = 160  // of the end of the chunk before it, at most, said again where a section is cut
)

// A Chunk is a stretch of a document.
type Chunk struct {
	Place string // headings, page, or both: "Fees > Blood tests", "page 3"; empty: the whole
	Text  string
}

// Chunks cuts a document. A chunk holds whole blocks of one section (and page), as many as fit; a block that fits in none is cut between
// sentences, or else between words.
func (d *Document) Chunks(l Limits) ([]Chunk, error) {
	l = l.orDefaults()
	var c cutter
	for _, b := range d.Blocks {
		if err := c.add(b, l.Chunks); err != nil {
			return nil, err
		}
	}
	c.end()
	return c.chunks, nil
}

// A cutter makes chunks of blocks.
type cutter struct {
	chunks []Chunk
	place  string
	text   strings.Builder
	head   string // of the table that was added to last
	tail   string // what the next chunk of this section begins with
}

func (c *cutter) add(b Block, limit int) error {
	if place := placeOf(b); place != c.place {
		c.end()
		c.place, c.tail, c.head = place, "", ""
	}
	for _, piece := range pieces(b.Text) {
		if c.text.Len() > 0 && (c.text.Len() >= full || c.text.Len()+1+len(piece) > most) {
			c.end()
		}
		if c.text.Len() == 0 {
			c.text.WriteString(c.tail)
			c.tail, c.head = "", ""
		}
		if b.Head != c.head {
			c.line(b.Head)
			c.head = b.Head
		}
		c.line(piece)
	}
	if len(c.chunks) > limit {
		return fmt.Errorf("%w: more than %d chunks", ErrTooBig, limit)
	}
	return nil
}

func (c *cutter) line(text string) {
	if text == "" {
		return
	}
	if c.text.Len() > 0 {
		c.text.WriteByte('\n')
	}
	c.text.WriteString(text)
}

// end makes a chunk of what there is.
func (c *cutter) end() {
	if c.text.Len() == 0 {
		return
	}
	text := c.text.String()
	c.text.Reset()
	c.chunks = append(c.chunks, Chunk{Place: c.place, Text: text})
	c.tail = lastSentence(text)
}

// placeOf is where a block stands.
func placeOf(b Block) string {
	parts := []string{strings.Join(b.Headings, " > ")}
	if b.Page > 0 {
		parts = append(parts, fmt.Sprint("page ", b.Page))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// pieces cuts a block that is too long for a chunk: where a sentence ends, if one does in the second half of what fits; else at a space; else
// anywhere.
func pieces(text string) (all []string) {
	for len(text) > most {
		at := sentenceEnd(text[:full], full/2)
		if at < 0 {
			at = strings.LastIndexByte(text[:full], ' ')
		}
		if at <= 0 {
			for at = full; !utf8.RuneStart(text[at]); at-- {
			}
		}
		all = append(all, strings.TrimSpace(text[:at]))
		text = strings.TrimSpace(text[at:])
	}
	return append(all, text)
}

// sentenceEnd is where the last sentence that ends after from does; -1: none.
func sentenceEnd(text string, from int) int {
	for i := len(text) - 1; i > from; i-- {
		if text[i] == ' ' && strings.IndexByte(".!?", text[i-1]) >= 0 {
			return i
		}
		if r, size := utf8.DecodeRuneInString(text[i:]); r == '。' || r == '！' || r == '？' {
			return i + size
		}
	}
	return -1
}

// lastSentence is the end of a chunk, for the next one to begin with: its last sentence or line, unless it is too long.
func lastSentence(text string) string {
	from := strings.LastIndexByte(text, '\n') + 1
	for i := len(text) - 3; i > from; i-- {
		if text[i] == ' ' && strings.IndexByte(".!?", text[i-1]) >= 0 {
			from = i + 1
			break
		}
	}
	if s := strings.TrimSpace(text[from:]); len(s) <= overlap && len(s) < len(text) {
		return s
	}
	return ""
}

// clip shortens a text to so many bytes, at a word's end.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	if i := strings.LastIndexFunc(s[:most], unicode.IsSpace); i > most/2 {
		most = i
	}
	return strings.TrimSpace(s[:most]) + "…"
}
