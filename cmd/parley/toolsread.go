package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"parley/providers/httptool"
)

// readTools reads the file of tools and makes them ready. All that is wrong is told at once, with its line.
func readTools(text []byte, client func(allow []string) (*httptool.Client, error), secrets httptool.Secrets) (*toolbox, error) {
	file, doc, err := parseTools(text)
	if err != nil {
		return nil, err
	}
	b := &toolbox{builtIn: file.BuiltIn, zone: time.UTC}
	var bad []error
	refuse := func(err error, path ...string) {
		if err != nil {
			for l := range strings.SplitSeq(err.Error(), "\n") {
				l = unset.ReplaceAllString(l, "$0: set PARLEY_SECRET_$1, or put it into a file of that name in --secrets-dir")
				bad = append(bad, fmt.Errorf("line %d: %s: %s", lineOf(doc, append(slices.Clip(path), within(l)...)...), strings.Join(path, "."), l))
			}
		}
	}
	if file.TimeZone != "" {
		b.zone, err = time.LoadLocation(file.TimeZone)
		refuse(err, "time_zone")
	}
	b.client, err = client(file.Allow)
	if refuse(err, "allow"); err != nil {
		return nil, errors.Join(bad...)
	}
	names := map[string]bool{}
	twice := func(name string, path ...string) {
		if names[name] {
			refuse(fmt.Errorf("there are two tools %q", name), path...)
		}
		names[name] = true
	}
	for _, name := range builtInNames {
		names[name] = true
	}
	refuse(file.BuiltIn.Transfer.check(), "built_in", "transfer")
	refuse(file.BuiltIn.check(), "built_in", "hand_over")
	for i := range file.BuiltIn.Collect {
		path := []string{"built_in", "collect", strconv.Itoa(i)}
		form := file.BuiltIn.Collect[i].form()
		refuse(form.Check(), path...)
		twice(strings.TrimSuffix("collect_"+form.Name, "_"), path...)
		b.forms = append(b.forms, form)
	}
	for i := range file.HTTP {
		path := []string{"http", strconv.Itoa(i)}
		d, err := file.HTTP[i].definition()
		if err == nil {
			var t *httptool.Tool
			if t, err = b.client.Compile(d, secrets); err == nil {
				b.http = append(b.http, t)
			}
		}
		refuse(err, path...)
		twice(d.Name, path...)
	}
	for i := range file.MCP {
		path := []string{"mcp", strconv.Itoa(i)}
		s, err := file.MCP[i].open(b.client, secrets, b.client.Log())
		if err == nil {
			b.mcp = append(b.mcp, s)
		}
		refuse(err, path...)
		twice(file.MCP[i].Name+"_", path...)
	}
	return b, errors.Join(bad...)
}

// within is where in an entry an error is, by how it begins: "field 2: ...", "url: ...", "timeout is ...".
func within(said string) []string {
	if m := regexp.MustCompile(`^field (\d+): `).FindStringSubmatch(said); m != nil {
		n, _ := strconv.Atoi(m[1])
		return []string{"fields", strconv.Itoa(n - 1)}
	}
	return regexp.MustCompile(`^[a-z]+`).FindAllString(said, 1)
}

var builtInNames = []string{"end_call", "wait", "press_keys", "transfer", "hand_over", "schedule_callback", "send_message"}

// unknown is how yaml names a key that a struct has no field for, in Go's words.
var unknown = regexp.MustCompile(`field (\S+) not found in type \S+`)

// parseTools reads the file strictly.
func parseTools(text []byte) (*toolsFile, *yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, nil, err
	}
	if err := noAliases(&doc); err != nil {
		return nil, nil, err
	}
	var file toolsFile
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	switch err := dec.Decode(&file); {
	case errors.Is(err, io.EOF): // nothing is in it
	case err != nil:
		var all *yaml.TypeError
		if errors.As(err, &all) {
			err = errors.New(strings.Join(all.Errors, "\n"))
		}
		said := unknown.ReplaceAllString(err.Error(), "$1: unknown setting")
		return nil, nil, errors.New(regexp.MustCompile(`(?m)into \S*?(\w+)$`).ReplaceAllString(said, "where another kind of value belongs"))
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("line %d: a second document (---): want one", more.Line)
	}
	return &file, &doc, nil
}

// noAliases refuses anchors, of which a small file can make a huge one.
func noAliases(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("line %d: want no references (*%s)", n.Line, n.Value)
	}
	for _, c := range n.Content {
		if err := noAliases(c); err != nil {
			return err
		}
	}
	return nil
}

// lineOf is the line of what path leads to, or of the last that is there.
func lineOf(doc *yaml.Node, path ...string) int {
	if len(doc.Content) == 0 {
		return 1
	}
	at := doc.Content[0]
	for _, step := range path {
		i, err := strconv.Atoi(step)
		switch {
		case err == nil && at.Kind == yaml.SequenceNode && i < len(at.Content):
			at = at.Content[i]
		case at.Kind == yaml.MappingNode:
			for k := 0; k+1 < len(at.Content); k += 2 {
				if at.Content[k].Value == step {
					at = at.Content[k+1]
					break
				}
			}
		}
	}
	return at.Line
}

// nodeJSON writes YAML as JSON, keys in their order: a model reads them in it.
func nodeJSON(n *yaml.Node) (json.RawMessage, error) {
	var b bytes.Buffer
	if n.Kind == 0 {
		return nil, nil
	}
	if err := writeJSON(&b, n); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	open, end := byte('['), byte(']')
	switch n.Kind {
	case yaml.MappingNode:
		open, end = '{', '}'
	case yaml.SequenceNode:
	default:
		var v any
		if err := n.Decode(&v); err != nil {
			return err
		}
		if _, is := v.(time.Time); is {
			v = n.Value
		}
		raw, err := json.Marshal(v)
		b.Write(raw)
		return err
	}
	b.WriteByte(open)
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			b.WriteByte(':')
		} else if i > 0 {
			b.WriteByte(',')
		}
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			raw, _ := json.Marshal(c.Value) // a key is a text
			b.Write(raw)
			continue
		}
		if err := writeJSON(b, c); err != nil {
			return err
		}
	}
	b.WriteByte(end)
	return nil
}

// secretName is the name of a secret: it has to be one of a variable and of a file.
var secretName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// secret resolves ${secret:NAME} from the variable PARLEY_SECRET_NAME, or else from a file NAME in the directory of secrets.
// The operator decides where it is sent: origin does not matter.
func (c *config) secret(_, name string) (string, error) {
	if !secretName.MatchString(name) {
		return "", httptool.ErrNoSecret
	}
	if c.getenv != nil {
		if v := c.getenv("PARLEY_SECRET_" + name); v != "" {
			return v, nil
		}
	}
	if c.SecretsDir == "" {
		return "", httptool.ErrNoSecret
	}
	text, err := os.ReadFile(filepath.Join(c.SecretsDir, name))
	if err != nil {
		return "", httptool.ErrNoSecret
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// unset is how a secret is named that is missing.
var unset = regexp.MustCompile(`secret (\S+) is not configured`)

// loadTools reads the file of tools that the settings name; without one there are the built-in ones that need nothing.
func (c *config) loadTools(client func(allow []string) (*httptool.Client, error)) (*toolbox, error) {
	var text []byte
	if c.Tools != "" {
		var err error
		if text, err = os.ReadFile(c.Tools); err != nil {
			return nil, fmt.Errorf("read --tools: %w", err)
		}
	}
	b, err := readTools(text, client, c.secret)
	if err != nil {
		lines := strings.Split(err.Error(), "\n")
		for i, l := range lines {
			lines[i] = c.Tools + ": " + l
		}
		return nil, errors.New(strings.Join(slices.Compact(lines), "\n"))
	}
	return b, nil
}
