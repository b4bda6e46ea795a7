package campaign

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/control/envelope"
)

// The limits of a file of contacts.
const (
	maxFile    = 64 << 20  // bytes
	maxLine    = 128 << 10 // bytes of a row, with all its quotes and line breaks
	maxColumns = 100
	maxName    = 100 // characters of a column's name
)

// A contact is one row of a file.
type contact struct {
	line    int // at which the row begins, from 1
	number  string
	context string // JSON object of the other columns
	bad     map[string]string
}

// A reader reads a file of contacts: CSV (RFC 4180) in UTF-8, with or without a byte order mark, its fields parted by commas, semicolons
// or tabs, whichever the header has most of. It holds one row at a time.
type reader struct {
	csv    *csv.Reader
	meter  *meter
	names  []string // of the columns
	number int      // the column that has the numbers
	last   int      // the line of the row before
}

// A fileError is why a file cannot be read on, by the field of the request that it is told under.
type fileError struct{ field, message string }

func (e *fileError) Error() string { return e.field + " " + e.message }

// newReader reads the header. column names the one that has the numbers; empty: to_number, or else phone.
func newReader(file io.Reader, column string) (*reader, error) {
	m := &meter{from: file, left: maxLine}
	head := bufio.NewReaderSize(m, 4096)
	mark, err := head.Peek(3)
	switch {
	case bytes.HasPrefix(mark, []byte{0xFE, 0xFF}), bytes.HasPrefix(mark, []byte{0xFF, 0xFE}):
		return nil, &fileError{"file", "is UTF-16: save it as CSV UTF-8"}
	case bytes.Equal(mark, []byte("\uFEFF")):
		_, _ = head.Discard(len(mark)) // it was peeked
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	start, _ := head.Peek(4096) // what is wrong with the rest of it is found again
	r := &reader{csv: csv.NewReader(head), meter: m}
	r.csv.Comma, r.csv.FieldsPerRecord, r.csv.ReuseRecord = comma(start), -1, true
	names, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, &fileError{"file", "is empty: its first line names the columns"}
	}
	if err != nil {
		return nil, headerError(err)
	}
	r.names = slices.Clone(names)
	r.last = 1
	return r, r.header(column)
}

// headerError says what is wrong with the header as CSV.
func headerError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &fileError{"header", "is no CSV: " + parse.Err.Error()}
	}
	return err
}

// comma is what parts the fields of a header.
func comma(start []byte) rune {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	best, most := ',', 0
	for _, c := range ",;\t" {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// header checks the names of the columns, and finds the one that has the numbers.
func (r *reader) header(column string) error {
	var bad []string
	if len(r.names) > maxColumns {
		return &fileError{"header", fmt.Sprintf("has %d columns: %d at most", len(r.names), maxColumns)}
	}
	for i, name := range r.names {
		name = strings.TrimSpace(name)
		switch {
		case !slotName(name):
			bad = append(bad, fmt.Sprintf("column %d is called %.40q: a name is letters, digits, _ . and -", i+1, name))
		case utf8.RuneCountInString(name) > maxName:
			bad = append(bad, fmt.Sprintf("the name of column %d has more than %d characters", i+1, maxName))
		case slices.Contains(r.names[:i], name):
			bad = append(bad, fmt.Sprintf("two columns are called %q", name))
		}
		r.names[i] = name
	}
	wanted := []string{column}
	if column == "" {
		wanted = []string{"to_number", "phone"}
	}
	r.number = -1
	for _, name := range wanted {
		if r.number < 0 {
			r.number = slices.Index(r.names, name)
		}
	}
	if r.number < 0 {
		bad = append(bad, "no column is called "+strings.Join(wanted, " or ")+": one has to have the numbers")
	}
	if len(bad) > 0 {
		return &fileError{"header", strings.Join(bad, "; ")}
	}
	return nil
}

// slotName says whether a place {{name}} can be filled by a column of this name.
func slotName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-", r)
	})
}

// next is the next row. io.EOF ends the file. A *fileError ends it too: what follows cannot be read.
func (r *reader) next() (contact, error) {
	r.meter.left = maxLine
	fields, err := r.csv.Read()
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse) && parse.Line > parse.StartLine || errors.Is(err, errLong):
		return contact{}, &fileError{"file", fmt.Sprintf("cannot be read on after line %d: a quote is not closed, or the row is longer than %d KiB", r.last, maxLine>>10)}
	case errors.As(err, &parse):
		r.last = parse.Line
		return contact{line: parse.Line, bad: map[string]string{"row": "is no CSV: " + parse.Err.Error()}}, nil
	case err != nil:
		return contact{}, err
	}
	r.last, _ = r.csv.FieldPos(0)
	c := contact{line: r.last, bad: map[string]string{}}
	if len(fields) != len(r.names) {
		c.bad["row"] = fmt.Sprintf("has %d fields, the header %d", len(fields), len(r.names))
		return c, nil
	}
	for i, f := range fields {
		if !utf8.ValidString(f) || strings.ContainsRune(f, 0) {
			c.bad[r.names[i]] = "is not text in UTF-8"
		}
	}
	if len(c.bad) > 0 {
		return c, nil
	}
	if c.number = tidyNumber(fields[r.number]); !envelope.E164(c.number) {
		c.bad["to_number"] = fmt.Sprintf("%.40q "+envelope.NoE164, fields[r.number])
	}
	c.context = r.context(fields)
	return c, nil
}

// context makes a JSON object of a row.
func (r *reader) context(fields []string) string {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range r.names {
		if i == r.number {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		writeText(&b, name)
		b.WriteByte(':')
		writeText(&b, fields[i])
	}
	b.WriteByte('}')
	return b.String()
}

// writeText writes a JSON string.
func writeText(b *bytes.Buffer, text string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string, into memory
	b.Truncate(b.Len() - 1)
}

// tidyNumber takes out what people, and spreadsheets, put into numbers.
func tidyNumber(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("-.()/'\u00A0\u2011", r) {
			return -1
		}
		return r
	}, text)
	if rest, ok := strings.CutPrefix(text, "00"); ok {
		return "+" + rest
	}
	return text
}

var errLong = errors.New("the row is too long")

// A meter lets only so many bytes through before it is told again how many there may be, so that a quote which nobody closes does not
// draw the whole file into memory.
type meter struct {
	from io.Reader
	left int
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errLong
	}
	n, err := m.from.Read(p[:min(len(p), m.left, 4096)])
	m.left -= n
	return n, err
}
