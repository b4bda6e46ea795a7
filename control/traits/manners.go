package traits

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"parley/pipeline"
)

// A Fault is one thing wrong with manners.
type Fault struct {
	Line   int    // of the text, from 1; 0: not known
	Path   string // to the setting, such as interrupt.greeting.words; empty: all of it
	Reason string
}

func (f *Fault) Error() string {
	s := f.Reason
	if f.Path != "" {
		s = f.Path + ": " + s
	}
	if f.Line > 0 {
		s = fmt.Sprintf("line %d: %s", f.Line, s)
	}
	return s
}

// MannersText says in which line of a text each setting is, by its name in the program: Interrupt.Greeting.Words.
type MannersText map[string]int

// ReadManners reads a YAML mapping (or JSON, which is YAML) over m: its keys are the fields of [pipeline.Manners] in snake case, durations
// have units, and "never" is what the fields write as -1. All that is wrong is told at once: the error joins one *Fault for each, unless
// the text is no YAML at all.
func ReadManners(text []byte, m *pipeline.Manners) (MannersText, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("read manners: %w", err)
	}
	file := make(MannersText)
	if len(doc.Content) == 0 {
		return file, nil
	}
	return file, file.read(doc.Content[0], reflect.ValueOf(m).Elem(), "", "")
}

var durationType = reflect.TypeFor[time.Duration]()

// read sets v, which the text calls key and the program name.
func (f MannersText) read(n *yaml.Node, v reflect.Value, key, name string) error {
	f[name] = n.Line
	refuse := func(want string) error {
		return &Fault{n.Line, key, "want " + want}
	}
	never := n.Kind == yaml.ScalarNode && n.Value == "never"
	switch v.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			return refuse("a mapping of settings")
		}
		return f.readFields(n, v, key, name)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return refuse("a list")
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		var bad []error
		for i, e := range n.Content {
			at := fmt.Sprintf("[%d]", i)
			bad = append(bad, f.read(e, v.Index(i), key+at, name+at))
		}
		return errors.Join(bad...)
	case reflect.String:
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return refuse("a text")
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			return refuse("true or false")
		}
		return n.Decode(v.Addr().Interface())
	default:
		if never {
			v.SetInt(-1)
			return nil
		}
		if v.Type() == durationType {
			d, err := time.ParseDuration(n.Value)
			if err != nil || d <= 0 {
				return refuse("a time with its unit, such as 500ms or 2s, or never")
			}
			v.SetInt(int64(d))
			return nil
		}
		i, err := strconv.Atoi(n.Value)
		if err != nil || i <= 0 {
			return refuse("a number, 1 or more, or never")
		}
		v.SetInt(int64(i))
	}
	return nil
}

func (f MannersText) readFields(n *yaml.Node, v reflect.Value, key, name string) error {
	var bad []error
	for i := 0; i < len(n.Content); i += 2 {
		k, e := n.Content[i], n.Content[i+1]
		at, field := join(key, k.Value), fieldOf(v.Type(), k.Value)
		switch in := join(name, field); {
		case field == "":
			bad = append(bad, &Fault{k.Line, at, "unknown setting"})
		case f[in] != 0:
			bad = append(bad, &Fault{k.Line, at, "set twice"})
		default:
			bad = append(bad, f.read(e, v.FieldByName(field), at, in))
		}
	}
	return errors.Join(bad...)
}

// fieldOf is the field of t that a text calls key; empty: none. Code cannot be written in a text: interfaces have no key.
func fieldOf(t reflect.Type, key string) string {
	for f := range t.Fields() {
		if f.Type.Kind() != reflect.Interface && Snake(f.Name) == key {
			return f.Name
		}
	}
	return ""
}

// Snake is BargeInWords as barge_in_words: the name of a setting of manners, by its field's.
func Snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && name[i-1] != '.' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// settingName is how an error of Manners.Validate begins.
var settingName = regexp.MustCompile(`^[A-Z][A-Za-z]*(\[\d+\])?(\.[A-Z][A-Za-z]*(\[\d+\])?)*`)

// Explain gives an error of [pipeline.Manners.Validate] the names of settings, and the lines of the text, in the order of the names.
func (f MannersText) Explain(err error) (all []*Fault) {
	for l := range strings.SplitSeq(err.Error(), "\n") {
		name := settingName.FindString(l)
		all = append(all, &Fault{f[name], Snake(name), strings.TrimPrefix(strings.TrimPrefix(l, name), " ")})
	}
	slices.SortFunc(all, func(a, b *Fault) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// faults are those that an error of ReadManners joins; nil: it is of another kind.
func faults(err error) (all []*Fault) {
	if f, ok := errors.AsType[*Fault](err); ok {
		all = []*Fault{f}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = nil
		for _, e := range joined.Unwrap() {
			all = append(all, faults(e)...)
		}
	}
	return all
}
