package flow

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"parley/pipeline"
)

// A kind of slot knows what a caller may say or press for it. Its readings return false when there is no such value in the
// answer at all; whether the value is allowed is for valid to say. now is the caller's time in the flow's zone.
type kind interface {
	name() string
	spoken(h heard) (value string, ok bool)
	pressed(keys string, now time.Time) (value string, ok bool)
	valid(value string, now time.Time) bool
	aloud(value string) string
	expect() entry
	open() bool // anything may be said
}

// An entry is what a kind tells ear, recogniser and keypad.
type entry struct {
	words      []string        // likely
	keys       int             // how many end it; 0: not known
	keyed      bool            // it can be keyed in
	terminator rune            // ends it early
	entity     pipeline.Entity // it comes in pieces
}

// kindKeys are what each type of slot may be told besides what all may be told.
var kindKeys = map[string][]string{
	"digits":   {"length", "min", "max", "terminator", "pattern", "luhn"},
	"number":   {"min", "max"},
	"yes_no":   nil,
	"name":     {"max", "pattern"},
	"text":     {"max", "pattern"},
	"one_of":   {"options"},
	"date":     {"min", "max", "format", "past"},
	"time":     {"min", "max", "every"},
	"spelling": {"min", "max", "pattern"},
	"email":    nil,
	"phone":    {"min", "max", "country"},
}

func kindNames() []string {
	var names []string
	for name := range kindKeys {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// digitString is a code or a card number: digits whose zeros count.
type digitString struct {
	min, max   int
	terminator rune // ends an entry by keys early
	pattern    *regexp.Regexp
	luhn       bool // the last digit checks the others
}

func (d digitString) name() string          { return "digits" }
func (d digitString) open() bool            { return false }
func (d digitString) fits(n int) bool       { return n >= d.min && n <= d.max }
func (d digitString) aloud(v string) string { return aloud(v) }
func (d digitString) valid(v string, _ time.Time) bool {
	return d.fits(len(v)) && matches(d.pattern, v) && (!d.luhn || luhn(v))
}

func (d digitString) spoken(h heard) (string, bool) {
	v := h.digits(d.fits)
	return v, v != ""
}

func (d digitString) pressed(keys string, _ time.Time) (string, bool) {
	v := strings.TrimRight(keys, "#"+string(d.terminator)) // a pound key is pressed out of habit
	return v, v != "" && numeric([]rune(v))
}

func (d digitString) expect() entry {
	e := entry{words: digitWords(), keys: d.max, keyed: true, terminator: d.terminator}
	if d.min == d.max {
		e.entity = pipeline.EntityDigits
	}
	return e
}

func digitWords() []string {
	words := []string{"zero", "oh", "double"}
	for r := '1'; r <= '9'; r++ {
		words = append(words, digitNames[r])
	}
	return words
}

// luhn says whether the last of the digits is the check digit of the others (ISO/IEC 7812-1, annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
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

func (w wholeNumber) pressed(keys string, _ time.Time) (string, bool) {
	n, err := strconv.Atoi(strings.TrimRight(keys, "#"))
	return strconv.Itoa(n), err == nil
}

func (w wholeNumber) valid(v string, _ time.Time) bool {
	n, err := strconv.Atoi(v)
	return err == nil && n >= w.min && n <= w.max
}

func (w wholeNumber) expect() entry {
	return entry{keys: len(strconv.Itoa(w.max)), keyed: true, terminator: '#'}
}

// yesNo is "yes" or "no"; keys 1 and 2.
type yesNo struct{}

func (yesNo) name() string                 { return "yes_no" }
func (yesNo) open() bool                   { return false }
func (yesNo) valid(string, time.Time) bool { return true }
func (yesNo) aloud(v string) string        { return v }

func (yesNo) spoken(h heard) (string, bool) {
	yes, ok := h.yes()
	return map[bool]string{true: "yes", false: "no"}[yes], ok
}

func (yesNo) pressed(keys string, _ time.Time) (string, bool) {
	v, ok := map[string]string{"1": "yes", "2": "no"}[keys]
	return v, ok
}

func (yesNo) expect() entry { return entry{words: []string{"yes", "no"}, keys: 1, keyed: true} }

// oneOf is one of several options, each with a value, phrases and perhaps a key. What was said is matched by the question, which
// can ask back when two options fit.
type oneOf struct{ options []*choice }

func (o oneOf) name() string                 { return "one_of" }
func (o oneOf) open() bool                   { return false }
func (o oneOf) valid(string, time.Time) bool { return true }
func (o oneOf) aloud(v string) string        { return v }

func (o oneOf) spoken(h heard) (string, bool) {
	if fs := choose(h, o.options); len(fs) == 1 {
		return fs[0].value, true
	}
	return "", false
}

func (o oneOf) pressed(keys string, _ time.Time) (string, bool) {
	for _, c := range o.options {
		if c.digit != 0 && keys == string(c.digit) {
			return c.value, true
		}
	}
	return "", false
}

func (o oneOf) expect() (e entry) {
	for _, c := range o.options {
		e.words = append(e.words, c.words()...)
		if c.digit != 0 {
			e.keys, e.keyed = 1, true
		}
	}
	return e
}

// freeText is the caller's own words; person takes "my name is" off them.
type freeText struct {
	person  bool
	max     int // characters
	pattern *regexp.Regexp
}

func (f freeText) name() string                             { return map[bool]string{true: "name", false: "text"}[f.person] }
func (f freeText) open() bool                               { return true }
func (f freeText) pressed(string, time.Time) (string, bool) { return "", false }
func (f freeText) aloud(v string) string {
	r := []rune(v)
	if f.person && len(r) > 2 && v == strings.ToUpper(v) { // it was spelled: OSCAR is Oscar
		return string(r[:1]) + strings.ToLower(string(r[1:]))
	}
	return v
}
func (f freeText) expect() entry { return entry{} }
func (f freeText) valid(v string, _ time.Time) bool {
	return len([]rune(v)) <= f.max && matches(f.pattern, v)
}

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
