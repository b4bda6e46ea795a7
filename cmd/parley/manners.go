package main

import (
	"errors"
	"fmt"
	"os"
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

// behaviour is how agents behave: by the file of manners, and by the settings that come before it.
func (c *config) behaviour() (pipeline.Manners, error) {
	var m pipeline.Manners
	var file mannersFile
	if c.Manners != "" {
		text, err := os.ReadFile(c.Manners)
		if err != nil {
			return m, fmt.Errorf("read --manners: %w", err)
		}
		if file, err = readManners(text, &m); err != nil {
			return m, fmt.Errorf("%s: %w", c.Manners, err)
		}
	}
	override(&m.Hangover, c.Hangover)
	override(&m.BargeIn, c.BargeIn)
	override(&m.Silence, c.Silence)
	override(&m.TranscriptLimit, c.WordsWait)
	override(&m.MaxLength, c.MaxLength)
	if override(&m.Reprompts, c.Reprompts); c.Reprompts != nil && *c.Reprompts == 0 {
		m.Reprompts = -1 // never: for Manners 0 is the default
	}
	if err := m.Validate(); err != nil {
		return m, file.explain(err)
	}
	return m, nil
}

func override[T any](field, setting *T) {
	if setting != nil {
		*field = *setting
	}
}

// mannersFile says in which line of the file each setting is, by its name in the program: Interrupt.Greeting.Words.
type mannersFile map[string]int

// readManners reads a YAML mapping: its keys are the fields of [pipeline.Manners] in snake case, durations have units, and "never"
// is what the fields write as -1. All that is wrong is told at once.
func readManners(text []byte, m *pipeline.Manners) (mannersFile, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	file := make(mannersFile)
	if len(doc.Content) == 0 {
		return file, nil
	}
	return file, file.read(doc.Content[0], reflect.ValueOf(m).Elem(), "", "")
}

var durationType = reflect.TypeFor[time.Duration]()

// read sets v, which the file calls key and the program name.
func (f mannersFile) read(n *yaml.Node, v reflect.Value, key, name string) error {
	f[name] = n.Line
	refuse := func(want string) error {
		return fmt.Errorf("line %d: %s: want %s", n.Line, key, want)
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

func (f mannersFile) readFields(n *yaml.Node, v reflect.Value, key, name string) error {
	var bad []error
	for i := 0; i < len(n.Content); i += 2 {
		k, e := n.Content[i], n.Content[i+1]
		at, field := join(key, k.Value), fieldOf(v.Type(), k.Value)
		switch in := join(name, field); {
		case field == "":
			bad = append(bad, fmt.Errorf("line %d: %s: unknown setting", k.Line, at))
		case f[in] != 0:
			bad = append(bad, fmt.Errorf("line %d: %s: set twice", k.Line, at))
		default:
			bad = append(bad, f.read(e, v.FieldByName(field), at, in))
		}
	}
	return errors.Join(bad...)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// fieldOf is the field of t that a file calls key; empty: none. Code cannot be written in a file: interfaces have no key.
func fieldOf(t reflect.Type, key string) string {
	for i := range t.NumField() {
		if f := t.Field(i); f.Type.Kind() != reflect.Interface && snake(f.Name) == key {
			return f.Name
		}
	}
	return ""
}

// snake is BargeInWords as barge_in_words.
func snake(name string) string {
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

// explain gives the errors of Validate the names and lines of the file.
func (f mannersFile) explain(err error) error {
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		name := settingName.FindString(l)
		l = "manners: " + snake(name) + strings.TrimPrefix(l, name)
		if line := f[name]; line > 0 {
			l = fmt.Sprintf("%s (line %d)", l, line)
		}
		lines[i] = l
	}
	slices.Sort(lines)
	return errors.New(strings.Join(lines, "\n"))
}
