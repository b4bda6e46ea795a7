package flow

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// A kind of slot knows what a caller may say or press for it. Its readings return false when there is no such value in the
// answer at all; whether the value is allowed is for valid to say.
type kind interface {
	name() string
	spoken(h heard) (value string, ok bool)
	pressed(keys string) (value string, ok bool)
	valid(value string) bool
	aloud(value string) string
	expect() (words []string, keys int, terminator rune)
	open() bool // anything may be said
}

// digitString is a code, a date, a telephone number: digits whose zeros count.
type digitString struct {
	min, max   int
	terminator rune // ends an entry by keys early
	pattern    *regexp.Regexp
}

func (d digitString) name() string          { return "digits" }
func (d digitString) open() bool            { return false }
func (d digitString) valid(v string) bool   { return d.fits(len(v)) && matches(d.pattern, v) }
func (d digitString) fits(n int) bool       { return n >= d.min && n <= d.max }
func (d digitString) aloud(v string) string { return aloud(v) }
func (d digitString) spoken(h heard) (string, bool) {
	v := h.digits(d.fits)
	return v, v != ""
}

func (d digitString) pressed(keys string) (string, bool) {
	v := strings.TrimRight(keys, "#"+string(d.terminator)) // a pound key is pressed out of habit
	return v, v != "" && numeric([]rune(v))
}

func (d digitString) expect() ([]string, int, rune) {
	words := []string{"zero", "oh", "double"}
	for r := '1'; r <= '9'; r++ {
		words = append(words, digitNames[r])
	}
	return words, d.max, d.terminator
}

func matches(re *regexp.Regexp, v string) bool { return re == nil || re.MatchString(v) }

// wholeNumber is a count: "twenty-five".
type wholeNumber struct{ min, max int }

func (w wholeNumber) name() string          { return "number" }
func (w wholeNumber) open() bool            { return false }
func (w wholeNumber) aloud(v string) string { return v }

func (w wholeNumber) spoken(h heard) (string, bool) {
	n, ok := h.number()
	return strconv.Itoa(n), ok
}

func (w wholeNumber) pressed(keys string) (string, bool) {
	n, err := strconv.Atoi(strings.TrimRight(keys, "#"))
	return strconv.Itoa(n), err == nil
}

func (w wholeNumber) valid(v string) bool {
	n, err := strconv.Atoi(v)
	return err == nil && n >= w.min && n <= w.max
}

func (w wholeNumber) expect() ([]string, int, rune) { return nil, len(strconv.Itoa(w.max)), '#' }

// yesNo is "yes" or "no"; keys 1 and 2.
type yesNo struct{}

func (yesNo) name() string          { return "yes_no" }
func (yesNo) open() bool            { return false }
func (yesNo) valid(string) bool     { return true }
func (yesNo) aloud(v string) string { return v }

func (yesNo) spoken(h heard) (string, bool) {
	yes, ok := h.yes()
	return map[bool]string{true: "yes", false: "no"}[yes], ok
}

func (yesNo) pressed(keys string) (string, bool) {
	v, ok := map[string]string{"1": "yes", "2": "no"}[keys]
	return v, ok
}

func (yesNo) expect() ([]string, int, rune) { return []string{"yes", "no"}, 1, 0 }

// oneOf is one of several options, each with a value, phrases and perhaps a key. What was said is matched by the question, which
// can ask back when two options fit.
type oneOf struct{ options []*choice }

func (o oneOf) name() string          { return "one_of" }
func (o oneOf) open() bool            { return false }
func (o oneOf) valid(string) bool     { return true }
func (o oneOf) aloud(v string) string { return v }

func (o oneOf) spoken(h heard) (string, bool) {
	if fs := choose(h, o.options); len(fs) == 1 {
		return fs[0].value, true
	}
	return "", false
}

func (o oneOf) pressed(keys string) (string, bool) {
	for _, c := range o.options {
		if c.digit != 0 && keys == string(c.digit) {
			return c.value, true
		}
	}
	return "", false
}

func (o oneOf) expect() (words []string, keys int, _ rune) {
	for _, c := range o.options {
		words = append(words, c.words()...)
		if c.digit != 0 {
			keys = 1
		}
	}
	return words, keys, 0
}

// freeText is the caller's own words; person takes "my name is" off them.
type freeText struct {
	person  bool
	max     int // characters
	pattern *regexp.Regexp
}

func (f freeText) name() string                  { return map[bool]string{true: "name", false: "text"}[f.person] }
func (f freeText) open() bool                    { return true }
func (f freeText) pressed(string) (string, bool) { return "", false }
func (f freeText) aloud(v string) string         { return v }
func (f freeText) expect() ([]string, int, rune) { return nil, 0, 0 }
func (f freeText) valid(v string) bool           { return len([]rune(v)) <= f.max && matches(f.pattern, v) }

func (f freeText) spoken(h heard) (string, bool) {
	if !f.person {
		return h.text, len(h.words) > 0
	}
	v := personName(h.text)
	return v, v != ""
}

// personName takes the introduction off "Hi, my name is ana." and writes Ana.
func personName(said string) string {
	words := strings.FieldsFunc(said, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",.!?;:", r) })
	from := 0
	for from < len(words) && introduction[strings.ToLower(strings.ReplaceAll(words[from], "’", "'"))] {
		from++
	}
	words = words[from:]
	for len(words) > 0 && politeClose[strings.ToLower(words[len(words)-1])] {
		words = words[:len(words)-1]
	}
	for i, w := range words {
		if w == strings.ToLower(w) {
			r := []rune(w)
			r[0] = unicode.ToUpper(r[0])
			words[i] = string(r)
		}
	}
	return strings.Join(words, " ")
}

var (
	introduction = set(`um uh er hi hello hey well so okay ok yes yeah my the name name's is it's its it this i am i'm im call me that's`)
	politeClose  = set(`here speaking please thanks thank you`)
)
