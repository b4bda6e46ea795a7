package document

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

var errNotText = errors.New("it is not text")

// decode makes UTF-8 of a text file's bytes: by its byte order mark, as UTF-8, or else as Windows-1252.
func decode(data []byte) (string, error) {
	var out []byte
	var err error
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe, 0, 0}):
		out, err = utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM).NewDecoder().Bytes(data)
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		out, err = utf.UTF16(utf.LittleEndian, utf.ExpectBOM).NewDecoder().Bytes(data)
	case utf8.Valid(data):
		out = bytes.TrimPrefix(data, []byte("\ufeff"))
	default:
		out, err = charmap.Windows1252.NewDecoder().Bytes(data)
	}
	if err != nil || bytes.IndexByte(out, 0) >= 0 {
		return "", errNotText
	}
	return string(out), nil
}

// readText takes paragraphs to be parted by empty lines; or, with a comma, each line to be a row of a table, the first of which is its head.
func (d *Document) readText(data []byte, comma rune) error {
	text, err := decode(data)
	if err != nil {
		return err
	}
	if comma != 0 {
		return d.addTable(text, comma)
	}
	d.addText(text, 0, "")
	return nil
}

// addText adds plain text, as it stands on a page, under the heading that it goes on with. It returns the heading that its end stands under.
func (d *Document) addText(text string, page int, heading string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	for par := range strings.SplitSeq(text, "\n\n") {
		lines := strings.Split(strings.Trim(par, "\n"), "\n")
		for i := range lines {
			lines[i] = squeeze(lines[i])
		}
		if len(lines) > 1 && heads(lines[0], lines[1]) {
			heading, lines = lines[0], lines[1:]
		}
		var so []string
		flush := func() {
			b := Block{Page: page, Text: strings.Join(so, " ")}
			if heading != "" {
				b.Headings = []string{heading}
			}
			d.add(b)
			so = nil
		}
		for _, line := range lines {
			if standsAlone(line) {
				flush()
			}
			so = append(so, line)
			if len(line) < 40 { // the last line of a paragraph, a row
				flush()
			}
		}
		flush()
	}
	return heading
}

// addTable adds a table's rows.
func (d *Document) addTable(text string, comma rune) error {
	table := csv.NewReader(strings.NewReader(text))
	table.Comma, table.LazyQuotes, table.FieldsPerRecord, table.TrimLeadingSpace = comma, true, -1, comma != '\t'
	head := ""
	for {
		cells, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read table: %w", err)
		}
		for i := range cells {
			cells[i] = squeeze(cells[i])
		}
		line := strings.Join(cells, " | ")
		if len(d.Blocks) == 0 && head == "" && len(cells) > 1 && !strings.ContainsFunc(line, unicode.IsDigit) {
			head = clip(line, 200)
			continue
		}
		d.add(Block{Text: line, Head: head})
	}
}

// heads says whether the first line of a paragraph looks like a heading: short, begun by a capital, without an end, over a longer line.
func heads(line, next string) bool {
	r, _ := utf8.DecodeRuneInString(line)
	return len(line) > 2 && len(line) <= 60 && len(next) > len(line) && (unicode.IsUpper(r) || unicode.IsDigit(r)) &&
		!strings.ContainsAny(line[len(line)-1:], ".,;:!?-") && !standsAlone(line) && !strings.Contains(line, "  ")
}

// standsAlone says whether a line begins an entry of a list.
func standsAlone(line string) bool {
	r, size := utf8.DecodeRuneInString(line)
	rest := line[size:]
	switch {
	case strings.ContainsRune("-*+•◦▪–·o", r):
		return strings.HasPrefix(rest, " ")
	case unicode.IsDigit(r):
		rest = strings.TrimLeftFunc(rest, unicode.IsDigit)
		return strings.HasPrefix(rest, ". ") || strings.HasPrefix(rest, ") ")
	}
	return false
}

// add adds a block, if there is anything in it.
func (d *Document) add(b Block) {
	b.Text = strings.TrimSpace(b.Text)
	if strings.ContainsFunc(b.Text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		d.Blocks = append(d.Blocks, b)
	}
}

// squeeze makes one line of text, with single spaces and without what cannot be seen.
func squeeze(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), r == '\u00ad', r == '\u200b', r == '\ufeff', r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
