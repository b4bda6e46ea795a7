package keypad

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// reader collects all that is wrong with rules. Its methods take a value of decoded JSON and where it stands; of one that is absent they
// return the zero value, or what they are told.
type reader struct{ errs []*Error }

func (r *reader) bad(path, format string, args ...any) {
	r.errs = append(r.errs, &Error{Path: path, Reason: fmt.Sprintf(format, args...)})
}

// under is the path of a member.
func under(path, name string) string {
	if strings.ContainsFunc(name, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		return path + "[" + strconv.Quote(name) + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// shown is a value as errors have it.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		if c := []rune(v); len(c) > 40 {
			v = string(c[:40]) + "…"
		}
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}

// object reads an object with no other fields than these.
func (r *reader) object(v any, path string, fields []string) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		r.bad(path, "must be an object, not %s", shown(v))
		return nil
	}
	for _, name := range sorted(m) {
		if !slices.Contains(fields, name) {
			r.bad(under(path, name), "unknown field: known are %s", strings.Join(fields, ", "))
		}
	}
	return m
}

// speech reads what is said, or told to a model.
func (r *reader) speech(m map[string]any, name, path string) string {
	v, there := m[name]
	if !there {
		return ""
	}
	return r.text(v, under(path, name))
}

// text reads words.
func (r *reader) text(v any, path string) string {
	s, ok := v.(string)
	switch {
	case !ok:
		r.bad(path, "must be text, not %s", shown(v))
		return ""
	case !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }):
		r.bad(path, "has no words")
	case len([]rune(s)) > mostText:
		r.bad(path, "has more than %d characters", mostText)
	case strings.ContainsRune(s, 0):
		r.bad(path, "must not contain NUL characters")
	}
	return s
}

// mostText is how much may be said at once.
const mostText = 2000

// word reads text that matches a pattern.
func (r *reader) word(m map[string]any, name, path string, like *regexp.Regexp, want string) string {
	v, there := m[name]
	if !there {
		return ""
	}
	s, ok := v.(string)
	if !ok || !like.MatchString(s) {
		r.bad(under(path, name), "must be %s, not %s", want, shown(v))
	}
	return s
}

func (r *reader) boolean(m map[string]any, name, path string, absent bool) bool {
	v, there := m[name]
	if !there {
		return absent
	}
	b, ok := v.(bool)
	if !ok {
		r.bad(under(path, name), "must be true or false, not %s", shown(v))
	}
	return b
}

func (r *reader) integer(m map[string]any, name, path string, least, most, absent int) int {
	v, there := m[name]
	if !there {
		return absent
	}
	n, ok := v.(json.Number)
	i, err := strconv.Atoi(n.String())
	if !ok || err != nil || i < least || i > most {
		r.bad(under(path, name), "must be a whole number from %d to %d, not %s", least, most, shown(v))
		return absent
	}
	return i
}

func (r *reader) duration(m map[string]any, name, path string, least, most, absent time.Duration) time.Duration {
	v, there := m[name]
	if !there {
		return absent
	}
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		r.bad(under(path, name), "must be a time from %v to %v, such as %q, not %s", least, most, "3s", shown(v))
		return absent
	}
	return d
}

func sorted(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
