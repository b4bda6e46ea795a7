package flow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a flow file.
const maxFile = 1 << 20

// parser collects all that is wrong with a file. Its readers take a nil node as an absent one and return the zero value.
type parser struct {
	errs []*Error
	flow *Flow // as far as it is read
}

// fail notes what is wrong with a file's meaning.
func (p *parser) fail(line int, format string, args ...any) {
	p.errs = append(p.errs, &Error{Line: max(1, line), Reason: fmt.Sprintf(format, args...)})
}

// bad notes what is wrong with a file's form: what its schema says.
func (p *parser) bad(line int, format string, args ...any) {
	p.fail(line, format, args...)
	p.errs[len(p.errs)-1].form = true
}

// document reads the one YAML document; nil if there is none to go on with.
func (p *parser) document(data []byte) *yaml.Node {
	if len(data) > maxFile {
		p.fail(1, "the file has %d bytes, more than %d", len(data), maxFile)
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		p.fail(1, "the flow is empty")
		return nil
	case err != nil:
		p.syntax(data, err)
		return nil
	}
	if err := d.Decode(&next); err == nil {
		p.fail(next.Line, "a second document: a file holds one flow")
	} else if !errors.Is(err, io.EOF) {
		p.syntax(data, err)
	}
	if len(doc.Content) != 1 {
		p.fail(1, "the flow is empty")
		return nil
	}
	return doc.Content[0]
}

var (
	yamlLine   = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
	yamlParser = regexp.MustCompile(`^(did not find expected (',|'-'|key|node|<)|found (undefined|duplicate|incompatible))`)
	yamlAnchor = regexp.MustCompile(`^yaml: unknown anchor '([^']+)'`)
)

// syntax tells what the YAML library did not like. It counts the lines of its parser's errors from 0, those of its scanner's from 1,
// and names none on the first line, for a wrong byte, and for an unknown anchor.
func (p *parser) syntax(data []byte, err error) {
	msg := err.Error()
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		line, _ := strconv.Atoi(m[1])
		if msg = msg[len(m[0]):]; yamlParser.MatchString(msg) {
			line++
		}
		p.fail(line, "not YAML: %s", msg)
		return
	}
	at := wrongByte(data)
	if m := yamlAnchor.FindStringSubmatch(msg); m != nil {
		at = max(0, bytes.Index(data, []byte("*"+m[1])))
	}
	p.fail(1+bytes.Count(data[:at], []byte("\n")), "not YAML: %s", strings.TrimPrefix(msg, "yaml: "))
}

// wrongByte is where the first byte is that no text may hold; 0 if there is none.
func wrongByte(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 || r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
			return i
		}
		i += size
	}
	return 0
}

// mapping reads a mapping of a shape: with all the keys that it must have, and none that it does not know. what names it in errors.
func (p *parser) mapping(n *yaml.Node, what string, s *shape) map[string]*yaml.Node {
	m := map[string]*yaml.Node{}
	keys := s.keys()
	for _, e := range p.entries(n, what) {
		if !slices.Contains(keys, e.key) {
			p.bad(e.line, "unknown key %q in %s; known are %s", e.key, what, strings.Join(keys, ", "))
			continue
		}
		m[e.key] = e.value
	}
	if n != nil && n.Kind == yaml.MappingNode {
		for _, f := range s.fields {
			if f.must && m[f.key] == nil {
				p.bad(n.Line, "%s needs %q", what, f.key)
			}
		}
	}
	return m
}

// An entryOf a mapping is a key with its value.
type entryOf struct {
	key   string
	line  int
	value *yaml.Node
}

// entries reads a mapping with any keys, each once.
func (p *parser) entries(n *yaml.Node, what string) []entryOf {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		p.bad(n.Line, "%s must be a mapping, not %s", what, shapeOf(n))
		return nil
	}
	var es []entryOf
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Value == "" {
			p.bad(k.Line, "a key of %s must be a word, not %s", what, shapeOf(k))
			continue
		}
		if j := slices.IndexFunc(es, func(e entryOf) bool { return e.key == k.Value }); j >= 0 {
			p.fail(k.Line, "%q is there twice in %s, first on line %d", k.Value, what, es[j].line)
			continue
		}
		es = append(es, entryOf{key: k.Value, line: k.Line, value: n.Content[i+1]})
	}
	return es
}

func (p *parser) list(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.bad(n.Line, "%s must be a list, not %s", what, shapeOf(n))
		return nil
	}
	if len(n.Content) == 0 {
		p.bad(n.Line, "%s is empty", what)
	}
	return n.Content
}

func shapeOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (*" + n.Value + "): write it out"
	case yaml.ScalarNode:
		if n.Tag == "!!null" || n.Value == "" {
			return "nothing"
		}
		return strconv.Quote(n.Value)
	}
	return "nothing"
}

// word reads a scalar that is not empty.
func (p *parser) word(n *yaml.Node, what string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		p.bad(n.Line, "%s must be text, not %s", what, shapeOf(n))
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// words reads one scalar or a list of them.
func (p *parser) words(n *yaml.Node, what string) []*yaml.Node {
	if n == nil || n.Kind == yaml.ScalarNode {
		if n == nil || p.word(n, what) == "" {
			return nil
		}
		return []*yaml.Node{n}
	}
	return slices.DeleteFunc(p.list(n, what), func(n *yaml.Node) bool { return p.word(n, what) == "" })
}

func (p *parser) boolean(n *yaml.Node, what string, absent bool) bool {
	if n == nil {
		return absent
	}
	if n.Kind == yaml.ScalarNode {
		switch n.Value {
		case "true", "yes", "on":
			return true
		case "false", "no", "off":
			return false
		}
	}
	p.bad(n.Line, "%s must be true or false, not %s", what, shapeOf(n))
	return absent
}

func (p *parser) integer(n *yaml.Node, what string, lowest, highest, absent int) int {
	if n == nil {
		return absent
	}
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || v < lowest || v > highest {
		p.bad(n.Line, "%s must be a whole number from %d to %d, not %s", what, lowest, highest, shapeOf(n))
		return absent
	}
	return v
}

var aDuration = regexp.MustCompile(durationPattern)

func (p *parser) duration(n *yaml.Node, what string, lowest, highest, absent time.Duration) time.Duration {
	if n == nil {
		return absent
	}
	v, err := time.ParseDuration(n.Value)
	form := n.Kind == yaml.ScalarNode && aDuration.MatchString(n.Value)
	switch {
	case form && err == nil && v >= lowest && v <= highest:
		return v
	case form:
		p.fail(n.Line, "%s must be a time from %v to %v, such as 3s, not %s", what, lowest, highest, shapeOf(n))
	default:
		p.bad(n.Line, "%s must be a time from %v to %v, such as 3s, not %s", what, lowest, highest, shapeOf(n))
	}
	return absent
}

// digit reads one key of the keypad.
func (p *parser) digit(n *yaml.Node, what string) rune {
	if n == nil {
		return 0
	}
	if n.Kind != yaml.ScalarNode || len(n.Value) != 1 || !strings.Contains("0123456789*#", n.Value) {
		p.bad(n.Line, "%s must be one key, 0 to 9, \"*\" or \"#\", not %s", what, shapeOf(n))
		return 0
	}
	return rune(n.Value[0])
}

// name reads what may name a node or a slot.
func (p *parser) name(n *yaml.Node, what string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || !identifier(n.Value) {
		p.bad(n.Line, "%s must be a name of small letters, digits and _, not %s", what, shapeOf(n))
		return ""
	}
	return n.Value
}

// names reads a list of them.
func (p *parser) names(n *yaml.Node, what string) []link {
	var ls []link
	for _, e := range p.list(n, what) {
		if name := p.name(e, "a name in "+what); name != "" {
			ls = append(ls, link{to: name, line: e.Line})
		}
	}
	return ls
}

// oneWord reads one of the words allowed.
func (p *parser) oneWord(n *yaml.Node, what string, allowed []string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || !slices.Contains(allowed, n.Value) {
		p.bad(n.Line, "unknown %s %s; known are %s", what, shapeOf(n), strings.Join(allowed, ", "))
		return ""
	}
	return n.Value
}

func (p *parser) link(n *yaml.Node, what string) link {
	w := p.word(n, what)
	if w == "" {
		return link{}
	}
	return link{to: w, line: n.Line}
}

// text reads what is to be said: a string, or a list of strings said one after the other.
func (p *parser) text(n *yaml.Node, what string) text {
	var t text
	for i, s := range p.words(n, what) {
		if i == 0 {
			t.line = s.Line
		} else {
			t.parts = append(t.parts, part{plain: " "})
		}
		t.parts = append(t.parts, p.parts(s, what)...)
	}
	return t
}

// texts reads one text or a list of them, each said at another time.
func (p *parser) texts(n *yaml.Node, what string) []text {
	var ts []text
	for _, s := range p.words(n, what) {
		ts = append(ts, text{line: s.Line, parts: p.parts(s, what)})
	}
	return ts
}

// line reads one text that is no list.
func (p *parser) line(n *yaml.Node, what string) text {
	if p.word(n, what) == "" {
		return text{}
	}
	return text{line: n.Line, parts: p.parts(n, what)}
}

func (p *parser) parts(n *yaml.Node, what string) []part {
	var ps []part
	rest := strings.TrimSpace(n.Value)
	for rest != "" {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			return append(ps, part{plain: rest})
		}
		if i > 0 {
			ps = append(ps, part{plain: rest[:i]})
		}
		end := strings.IndexByte(rest[i:], '}')
		if rest[i] == '}' || end < 0 || !identifier(rest[i+1:i+end]) {
			p.fail(n.Line, "%s has a stray brace; a slot's place is written {slot}", what)
			return append(ps, part{plain: "…"})
		}
		ps = append(ps, part{slot: rest[i+1 : i+end]})
		rest = rest[i+end+1:]
	}
	return ps
}

var aNamePattern = regexp.MustCompile(namePattern)

// identifier says whether s may name a node or a slot.
func identifier(s string) bool { return aNamePattern.MatchString(s) }
