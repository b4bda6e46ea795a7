package httptool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// wholeLimit is how much of an answer is read where only some of its fields are wanted, in bytes.
	wholeLimit = 1 << 20
	// refusalLimit is how much of a refusal the model is given, in bytes.
	refusalLimit = 1 << 10
)

// refusal is an answer that is no success, in words for the model.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// answer is what the model is told of a response.
func (t *Tool) answer(res *http.Response) (string, error) {
	most := t.Limit
	if len(t.Fields) > 0 {
		most = wholeLimit
	}
	if res.StatusCode >= 300 {
		most = refusalLimit
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, int64(most)+1))
	if err != nil {
		return "", err
	}
	raw, cut := shorten(string(body), most)
	if cut {
		raw = t.unbroken(raw)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	text, page := readable(raw, kind)
	if res.StatusCode >= 300 {
		said := fmt.Sprintf("the server answered %d %s", res.StatusCode, http.StatusText(res.StatusCode))
		if text != "" {
			said += ": " + text
		}
		return "", &refusal{said}
	}
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return fmt.Sprintf("Done. The server answered %d %s, and nothing else.", res.StatusCode, http.StatusText(res.StatusCode)), nil
	case page:
		return "", &refusal{"the server answered with a web page instead of data"}
	case text == "":
		return "", &refusal{"the server answered with something that is no text"}
	case len(t.Fields) > 0 && cut:
		return "", &refusal{"the server's answer is too long to find anything in it"}
	case len(t.Fields) > 0:
		if text, err = choose(body, t.Fields); err != nil {
			return "", err
		}
		text, cut = shorten(t.discreet(text), t.Limit)
	}
	if cut {
		text += fmt.Sprintf(" [cut off here: the answer is longer than %d bytes]", t.Limit)
	}
	return text, nil
}

// unbroken is a text that was cut off without the beginning of a secret at its end, which nobody would know for one.
func (t *Tool) unbroken(s string) string {
	for _, secret := range t.secrets {
		for n := len(secret) - 1; n > 0; n-- {
			if strings.HasSuffix(s, secret[:n]) {
				return s[:len(s)-n]
			}
		}
	}
	return s
}

// readable is a body as text; empty if it is none, or a web page. JSON is written close together, and is JSON by whatever name: servers
// call it text/html, and web pages application/json.
func readable(raw, kind string) (text string, page bool) {
	text = strings.TrimPrefix(raw, "\uFEFF")
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) == nil {
		text = b.String()
	} else if kind == "text/html" || kind == "application/xhtml+xml" || strings.HasPrefix(http.DetectContentType([]byte(text)), "text/html") {
		return "", true
	}
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return "", false
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)), false
}

// shorten is s, or its first bytes without half a character.
func shorten(s string, most int) (short string, cut bool) {
	if len(s) <= most {
		return s, false
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most], true
}

// A step of a path is a name, a number, or all of a list.
type step struct {
	name string
	n    int
	all  bool
}

var (
	pathForm = regexp.MustCompile(`^([^.\[\]]+|\[\d{0,6}\])(\.[^.\[\]]+|\[\d{0,6}\])*$`)
	stepForm = regexp.MustCompile(`[^.\[\]]+|\[\d*\]`)
)

// parsePath reads name, items[0].price, items[].name.
func parsePath(path string) ([]step, error) {
	if !pathForm.MatchString(path) || len(path) > 200 || !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return nil, fmt.Errorf("%q is no path: want name, items[0].price or items[].name", path)
	}
	var steps []step
	for _, s := range stepForm.FindAllString(path, -1) {
		inner, index := strings.CutPrefix(s, "[")
		switch inner = strings.TrimSuffix(inner, "]"); {
		case !index:
			steps = append(steps, step{name: s})
		case inner == "":
			steps = append(steps, step{all: true})
		default:
			n, err := strconv.Atoi(inner)
			if err != nil {
				return nil, fmt.Errorf("%q is no path: %w", path, err)
			}
			steps = append(steps, step{n: n})
		}
	}
	return steps, nil
}

// choose takes fields out of a JSON answer, by their paths.
func choose(body []byte, fields []string) (string, error) {
	var in any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&in); err != nil {
		return "", &refusal{"the server's answer is no JSON"}
	}
	out := make(map[string]any)
	for _, f := range fields {
		steps, err := parsePath(f)
		if err != nil {
			return "", &refusal{err.Error()}
		}
		if v, ok := find(in, steps); ok {
			out[f] = v
		}
	}
	if len(out) == 0 {
		return "", &refusal{"the server's answer has none of: " + strings.Join(fields, ", ")}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return "", &refusal{"the server's answer cannot be read"}
	}
	return strings.TrimSpace(b.String()), nil
}

func find(in any, steps []step) (any, bool) {
	if len(steps) == 0 {
		return in, true
	}
	s := steps[0]
	if s.name != "" {
		object, _ := in.(map[string]any)
		v, ok := object[s.name]
		if !ok {
			return nil, false
		}
		return find(v, steps[1:])
	}
	list, ok := in.([]any)
	if !ok || !s.all && s.n >= len(list) {
		return nil, false
	}
	if !s.all {
		return find(list[s.n], steps[1:])
	}
	found := make([]any, 0, len(list))
	for _, e := range list {
		if v, ok := find(e, steps[1:]); ok {
			found = append(found, v)
		}
	}
	return found, true
}
