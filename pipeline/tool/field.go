package tool

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says what may stand in a Field.
type Kind string

// The kinds of Field, and what their values look like in a record.
const (
	Text   Kind = "string" // as it was given
	Digits Kind = "digits" // 0042
	Number Kind = "number" // 4.5
	Date   Kind = "date"   // 2026-11-27
	Time   Kind = "time"   // 15:00
	Email  Kind = "email"  // ana@example.com
	Phone  Kind = "phone"  // +442071234567, or digits alone as they are dialled at the caller's
	OneOf  Kind = "one_of" // one of Options
	YesNo  Kind = "yes_no" // yes, no
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Text, Digits, Number, Date, Time, Email, Phone, OneOf, YesNo} }

// A Field is one thing that Collect asks of a caller.
type Field struct {
	Name     string   // of the value in the record: small letters, digits and _, beginning with a letter
	Label    string   // what it is called when it is read back; empty: Name, with spaces
	Kind     Kind     // empty: Text
	Help     string   // what the model should know of it
	Options  []string // of OneOf, 2 to 50
	Min, Max float64  // of Number: its bounds; of Text and Digits: how many characters; both 0: any, up to 500 characters
	Optional bool
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Check says what is wrong with a Field; nil if it can be asked for.
func (f *Field) Check() error {
	switch {
	case !fieldName.MatchString(f.Name) || f.Name == confirmed:
		return fmt.Errorf("name is %q: want small letters, digits and _, not %q", f.Name, confirmed)
	case f.Kind != "" && !slices.Contains(Kinds(), f.Kind):
		return fmt.Errorf("%s: kind is %q: want one of %s", f.Name, f.Kind, list(Kinds()))
	case f.Kind == OneOf && (len(f.Options) < 2 || len(f.Options) > 50):
		return fmt.Errorf("%s: %d options: want 2 to 50", f.Name, len(f.Options))
	case f.Kind != OneOf && len(f.Options) > 0:
		return fmt.Errorf("%s: options are of one_of alone", f.Name)
	case f.Min > f.Max && f.Max != 0:
		return fmt.Errorf("%s: min is %v and max %v", f.Name, f.Min, f.Max)
	case f.Min < 0 && f.Kind != Number:
		return fmt.Errorf("%s: min is %v: want 0 or more", f.Name, f.Min)
	}
	for i, o := range f.Options {
		if plainText(o) == "" || slices.ContainsFunc(f.Options[:i], func(p string) bool { return plainText(p) == plainText(o) }) {
			return fmt.Errorf("%s: option %q is empty or there twice", f.Name, o)
		}
	}
	return nil
}

func (f *Field) label() string {
	if f.Label != "" {
		return f.Label
	}
	return strings.ReplaceAll(f.Name, "_", " ")
}

// schema is the argument that brings the field. All are texts, so that what a caller said can be taken as it is.
func (f *Field) schema() *Schema {
	help := map[Kind]string{
		Digits: "Digits, in the order in which they were said.", Number: "A number.", Date: "A date, as 2026-11-27 or in the caller's words.",
		Time: "A time of day, as 15:30.", Email: "An email address.", Phone: "A phone number, with + and country code if it was said.", YesNo: "yes or no.",
	}[f.Kind]
	if f.Kind == OneOf {
		help = "One of: " + list(f.Options) + "." // in words, and no enum: what is close to one is taken
	}
	return &Schema{Type: "string", Description: strings.TrimSpace(f.Help + " " + help)}
}

// read makes of a model's or a caller's words the value of the record, and what is read back to the caller. The error completes "want".
func (f *Field) read(text string, now time.Time) (value, aloud string, err error) {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError }), " ")
	switch f.Kind {
	case Digits:
		value = spokenDigits(text)
		if value == "" || strings.Trim(value, "0123456789") != "" {
			return "", "", errors.New("want digits alone")
		}
		return value, spelt(value), f.long(value, "digits")
	case Number:
		return f.number(text)
	case Date:
		day, err := date(text, now)
		if err != nil {
			return "", "", fmt.Errorf("want a date such as 2026-11-27: %w", err)
		}
		return day.Format(time.DateOnly), day.Format("Monday 2 January 2006"), nil
	case Time:
		hour, minute, err := clock(text, now)
		if err != nil {
			return "", "", fmt.Errorf("want a time such as 15:30: %w", err)
		}
		at := time.Date(2000, 1, 1, hour, minute, 0, 0, time.UTC)
		return at.Format("15:04"), at.Format("3:04 PM"), nil
	case Email:
		value, err = email(text)
		return value, value, err
	case Phone:
		value, err = phone(text)
		return value, spelt(value), err
	case OneOf:
		value, err = f.option(text)
		return value, value, err
	case YesNo:
		value, err = yesNo(text)
		return value, value, err
	}
	return text, text, f.long(text, "characters")
}

// long checks how long a value is.
func (f *Field) long(value, of string) error {
	n, most := float64(utf8.RuneCountInString(value)), f.Max
	if most == 0 {
		most = 500
	}
	switch {
	case n >= f.Min && n <= most:
		return nil
	case f.Min == most:
		return fmt.Errorf("want %v %s, got %v", most, of, n)
	}
	return fmt.Errorf("want %v to %v %s, got %v", f.Min, most, of, n)
}

func (f *Field) number(text string) (value, aloud string, err error) {
	text = strings.ReplaceAll(text, ",", "")
	n, err := strconv.ParseFloat(text, 64)
	if whole, used := number(strings.Fields(strings.ReplaceAll(strings.ToLower(text), "-", " "))); err != nil && used > 0 && used == len(strings.Fields(strings.ReplaceAll(text, "-", " "))) {
		n, err = float64(whole), nil
	}
	bounds := ""
	if f.Min != 0 || f.Max != 0 {
		bounds = fmt.Sprintf(" from %v to %v", f.Min, f.Max)
	}
	if err != nil || n != n || n > 1e15 || n < -1e15 || bounds != "" && (n < f.Min || n > f.Max) {
		return "", "", errors.New("want a number" + bounds)
	}
	value = strconv.FormatFloat(n, 'f', -1, 64)
	return value, value, nil
}

// option finds the one that is meant: by its words, or if only one contains them.
func (f *Field) option(text string) (string, error) {
	said := plainText(text)
	var fits []string
	for _, o := range f.Options {
		if plainText(o) == said {
			return o, nil
		}
		if said != "" && strings.Contains(" "+plainText(o)+" ", " "+said+" ") {
			fits = append(fits, o)
		}
	}
	if len(fits) == 1 {
		return fits[0], nil
	}
	return "", fmt.Errorf("want one of %s", list(f.Options))
}

// plainText is s in small letters, without punctuation.
func plainText(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

func yesNo(text string) (string, error) {
	switch plainText(text) {
	case "yes", "true", "y", "yeah", "yep", "correct", "right":
		return "yes", nil
	case "no", "false", "n", "nope":
		return "no", nil
	}
	return "", errors.New("want yes or no")
}

// spokenDigits is text with its digits together, also those that are words: "oh double seven 4". What is no digit stays.
func spokenDigits(text string) string {
	var b strings.Builder
	times := 1
	for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("-.,()/", r) }) {
		switch n, ok := numerals[w]; {
		case w == "double", w == "triple":
			times = map[string]int{"double": 2, "triple": 3}[w]
			continue
		case w == "oh", w == "o":
			w = "0"
		case w == "plus":
			w = "+"
		case ok && n < 10:
			w = strconv.Itoa(n)
		}
		b.WriteString(strings.Repeat(w, times))
		times = 1
	}
	return b.String()
}

// spelt is a number digit by digit, in groups between which a voice pauses.
func spelt(digits string) string {
	var b strings.Builder
	n := 0
	for _, r := range digits {
		switch {
		case r == '+':
			b.WriteString("plus ")
			continue
		case n > 0 && n%3 == 0 && len(digits) > 4:
			b.WriteString(", ")
		case n > 0:
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

func phone(text string) (string, error) {
	v := spokenDigits(strings.ReplaceAll(text, "(0)", "")) // +44 (0)20 is +44 20
	if rest, ok := strings.CutPrefix(v, "00"); ok {
		v = "+" + rest
	}
	digits := strings.TrimPrefix(v, "+")
	least := 5
	if digits != v {
		least = 7
	}
	if strings.Trim(digits, "0123456789") != "" || len(digits) < least || len(digits) > 15 {
		return "", errors.New("want a phone number such as +442071234567, or 5 to 15 digits")
	}
	return v, nil
}

// e164 is a number for a carrier: with country code.
func e164(text string) (string, error) {
	v, err := phone(text)
	if err != nil || v[0] != '+' || v[1] == '0' {
		return "", errors.New("want a phone number with + and country code, such as +442071234567")
	}
	return v, nil
}

func email(text string) (string, error) {
	if !strings.Contains(text, "@") {
		text = strings.NewReplacer(" at ", "@", " dot ", ".", " underscore ", "_", " dash ", "-", " hyphen ", "-").Replace(strings.ToLower(text))
	}
	a, err := mail.ParseAddress(strings.ReplaceAll(text, " ", ""))
	if err != nil || a.Name != "" {
		return "", errors.New("want an email address such as ana@example.com: ask for it letter by letter")
	}
	local, domain, _ := strings.Cut(a.Address, "@")
	dot := strings.LastIndexByte(domain, '.')
	if local == "" || dot < 1 || len(domain)-dot < 3 || len(a.Address) > 254 || strings.ContainsAny(a.Address, "\"<>[] ") {
		return "", errors.New("want an email address such as ana@example.com: ask for it letter by letter")
	}
	return local + "@" + strings.ToLower(domain), nil
}
