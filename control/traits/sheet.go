package traits

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// A Sheet is JSON laid out as YAML reads it too, with each value on a line of its own: whoever reads it and names a line, names a path.
type Sheet struct {
	Text  []byte
	paths []string // of line i+1
}

// What a sheet may cost: each line keeps its path.
const (
	deepest     = 64  // levels of nesting
	longestName = 100 // bytes of a name in a path
)

// depth is how deep JSON is nested. The data must be valid.
func depth(data []byte) (most int) {
	dec := json.NewDecoder(bytes.NewReader(data))
	for level := 0; ; {
		token, err := dec.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			level++
			most = max(most, level)
		case json.Delim('}'), json.Delim(']'):
			level--
		}
	}
}

// lay lays JSON out. The data must be valid.
func lay(data []byte, path string) *Sheet {
	s := &Sheet{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	s.value(dec, path)
	s.line(path)
	return s
}

// At is the path of what is on a line.
func (s *Sheet) At(line int) string {
	if len(s.paths) == 0 {
		return ""
	}
	return s.paths[min(max(line, 1), len(s.paths))-1]
}

// line ends a line; what is on it belongs to path.
func (s *Sheet) line(path string) {
	s.Text = append(s.Text, '\n')
	s.paths = append(s.paths, path)
}

// value writes the next value, up to its last line, which it does not end.
func (s *Sheet) value(dec *json.Decoder, path string) {
	token, err := dec.Token()
	if err != nil {
		return // the end: the data is valid
	}
	switch t := token.(type) {
	case json.Delim:
		s.group(dec, t, path)
	case string:
		s.Text = append(s.Text, quoted(t)...)
	case nil:
		s.Text = append(s.Text, "null"...)
	default: // a number, true or false
		s.Text = fmt.Append(s.Text, t)
	}
}

// group writes an object or an array.
func (s *Sheet) group(dec *json.Decoder, open json.Delim, path string) {
	s.Text = append(s.Text, byte(open))
	s.line(path)
	for i := 0; dec.More(); i++ {
		at := fmt.Sprintf("%s[%d]", path, i)
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return
			}
			name, _ := key.(string)
			at = join(path, name[:min(len(name), longestName)])
			s.Text = append(append(s.Text, quoted(name)...), ": "...)
		}
		s.value(dec, at)
		if dec.More() {
			s.Text = append(s.Text, ',')
		}
		s.line(at)
	}
	if end, err := dec.Token(); err == nil {
		s.Text = fmt.Append(s.Text, end)
	}
}

// quoted is a text as JSON and YAML both read it: YAML knows no surrogates, and takes no control characters as they are.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ', r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
