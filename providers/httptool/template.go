package httptool

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A template is a text with places.
type template []part

// part is a piece of plain text, or a place.
type part struct {
	text  string // or what stands for an argument that is missing
	name  string // of an argument; empty: plain text
	other bool   // text was given for the place
}

// parser makes templates, and collects what is wrong.
type parser struct {
	args    map[string]bool // that there are
	secrets Secrets
	origin  string          // that secrets are for
	known   map[string]bool // values of secrets
	wrong   []error
}

var place = regexp.MustCompile(`\{\{([^{}]*)\}\}|\$\{secret:([^{}]*)\}`)

func (p *parser) refuse(where, format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

// parse reads a text. Secrets are put in at once.
func (p *parser) parse(where, text string) template {
	var t template
	plain := func(s string) {
		if strings.Contains(s, "{{") || strings.Contains(s, "${secret") {
			p.refuse(where, "a place that is not closed: want {{name}} or ${secret:NAME}")
		}
		if s == "" {
			return
		}
		if n := len(t); n > 0 && t[n-1].name == "" {
			t[n-1].text += s
			return
		}
		t = append(t, part{text: s})
	}
	from := 0
	for _, m := range place.FindAllStringSubmatchIndex(text, -1) {
		plain(text[from:m[0]])
		from = m[1]
		if m[4] >= 0 {
			secret := p.secret(where, strings.TrimSpace(text[m[4]:m[5]]))
			if n := len(t); n > 0 && t[n-1].name == "" {
				t[n-1].text += secret
			} else {
				t = append(t, part{text: secret})
			}
			continue
		}
		name, other, given := strings.Cut(text[m[2]:m[3]], "|")
		name = strings.TrimSpace(name)
		if !p.args[name] && !strings.HasPrefix(name, "call.") {
			p.refuse(where, "{{%s}}: parameters has no such property", name)
		}
		t = append(t, part{text: strings.TrimSpace(other), name: name, other: given})
	}
	plain(text[from:])
	return t
}

func (p *parser) secret(where, name string) string {
	value, err := "", ErrNoSecret
	if p.secrets != nil {
		value, err = p.secrets(p.origin, name)
	}
	if err == nil && value == "" {
		err = ErrNoSecret
	}
	if err != nil {
		p.refuse(where, "secret %s %v", name, err)
		return ""
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		p.refuse(where, "secret %s has control characters in it", name)
		return ""
	}
	p.keep(value)
	return value
}

// keep notes what must not be told. What is very short would blot out innocent text.
func (p *parser) keep(value string) {
	if p.known == nil {
		p.known = make(map[string]bool)
	}
	plain, _ := json.Marshal(value) // a text can always be written
	quoted := string(plain[1 : len(plain)-1])
	unescaped := strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(quoted)
	for _, v := range []string{
		value, url.QueryEscape(value), url.PathEscape(value), base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)),
		quoted, unescaped, strings.ReplaceAll(unescaped, "/", `\/`),
	} {
		if len(v) >= 4 {
			p.known[v] = true
		}
	}
}

// basic is the header of HTTP Basic (RFC 7617), in which nothing depends on arguments.
func (p *parser) basic(user, password string) template {
	u, w := p.parse("auth.user", user), p.parse("auth.password", password)
	for _, part := range slices.Concat(u, w) {
		if part.name != "" {
			p.refuse("auth", "want no argument in it")
		}
	}
	pair, _ := slices.Concat(u, template{{text: ":"}}, w).fill(nil)
	p.keep(pair)
	return template{{text: "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}}
}

// json makes templates of the texts in a JSON value.
func (p *parser) json(where string, v any) any {
	switch v := v.(type) {
	case string:
		return p.parse(where, v)
	case []any:
		for i := range v {
			v[i] = p.json(fmt.Sprintf("%s[%d]", where, i), v[i])
		}
	case map[string]any:
		for name := range v {
			if strings.Contains(name, "{{") || strings.Contains(name, "${") {
				p.refuse(where, "%q: want no places in names", name)
			}
			v[name] = p.json(where+"."+name, v[name])
		}
	}
	return v
}

// values are arguments and what is known of the call, by name.
type values map[string]any

// fill puts values in. lacks: there is none for a place, which is empty then.
func (t template) fill(v values) (text string, lacks bool) {
	var b strings.Builder
	for _, p := range t {
		s := p.text
		if p.name != "" {
			if given := asText(v[p.name]); given != "" {
				s = given
			} else if !p.other {
				lacks = true
			}
		}
		b.WriteString(s)
	}
	return b.String(), lacks
}

// lone is the name of the argument that a template is nothing but the place of.
func (t template) lone() (name string, ok bool) {
	if len(t) == 1 && t[0].name != "" && !t[0].other {
		return t[0].name, true
	}
	return "", false
}

// fillJSON puts values into a JSON value; ok is false for one that is left out.
func fillJSON(body any, v values) (out any, ok bool) {
	switch b := body.(type) {
	case template:
		if name, lone := b.lone(); lone {
			given := v[name]
			return given, given != nil
		}
		text, _ := b.fill(v)
		return text, true
	case []any:
		list := make([]any, 0, len(b))
		for _, e := range b {
			if e, ok := fillJSON(e, v); ok {
				list = append(list, e)
			}
		}
		return list, true
	case map[string]any:
		object := make(map[string]any, len(b))
		for name, e := range b {
			if e, ok := fillJSON(e, v); ok {
				object[name] = e
			}
		}
		return object, true
	}
	return body, true
}

// asText is a value as it stands in a URL, a header or a longer text.
func asText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		all := make([]string, len(v))
		for i := range v {
			all[i] = asText(v[i])
		}
		return strings.Join(all, ",")
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}
