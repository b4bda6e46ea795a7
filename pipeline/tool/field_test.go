package tool

import (
	"strings"
	"testing"
)

func TestFieldRead(t *testing.T) {
	t.Parallel()
	four := Field{Kind: Digits, Min: 4, Max: 4}
	rooms := Field{Kind: OneOf, Options: []string{"Main hall", "Garden", "Garden terrace"}}
	for _, c := range []struct {
		field Field
		text  string
		value string // or after ! in the error
		aloud string
	}{
		{Field{}, " Ana\n Silva ", "Ana Silva", "Ana Silva"},
		{Field{Max: 3}, "Ana Silva", "!want 0 to 3 characters, got 9", ""},
		{Field{}, strings.Repeat("a", 501), "!want 0 to 500", ""},
		{four, "0 0-42", "0042", "0 0 4 2"},
		{four, "double oh four two", "0042", "0 0 4 2"},
		{four, "042", "!want 4 digits, got 3", ""},
		{four, "abcd", "!want digits alone", ""},
		{four, "٤٢٤٢", "!want digits alone", ""},
		{Field{Kind: Number}, "1,250.50", "1250.5", "1250.5"},
		{Field{Kind: Number}, "twenty-five", "25", "25"},
		{Field{Kind: Number}, "NaN", "!want a number", ""},
		{Field{Kind: Number, Min: 1, Max: 9}, "10", "!want a number from 1 to 9", ""},
		{Field{Kind: Number}, "a lot", "!want a number", ""},
		{Field{Kind: Date}, "next friday", "2026-11-27", "Friday 27 November 2026"},
		{Field{Kind: Date}, "some day", "!want a date such as", ""},
		{Field{Kind: Time}, "quarter past nine in the evening", "21:15", "9:15 PM"},
		{Field{Kind: Time}, "nine", "!morning or afternoon", ""},
		{Field{Kind: Email}, "Ana.Silva@Example.COM", "Ana.Silva@example.com", "Ana.Silva@example.com"},
		{Field{Kind: Email}, "ana dot silva at example dot com", "ana.silva@example.com", "ana.silva@example.com"},
		{Field{Kind: Email}, "ana@localhost", "!want an email", ""},
		{Field{Kind: Email}, "Ana <ana@example.com>", "!want an email", ""},
		{Field{Kind: Email}, "ana@", "!want an email", ""},
		{Field{Kind: Phone}, "+44 (0)20 7946", "+44207946", "plus 4 4 2, 0 7 9, 4 6"},
		{Field{Kind: Phone}, "00442079460000", "+442079460000", "plus 4 4 2, 0 7 9, 4 6 0, 0 0 0"},
		{Field{Kind: Phone}, "oh two oh seven nine four six", "0207946", "0 2 0, 7 9 4, 6"},
		{Field{Kind: Phone}, "12", "!want a phone number", ""},
		{Field{Kind: Phone}, "+1-800-FLOWERS", "!want a phone number", ""},
		{rooms, "the main hall", "!want one of Main hall, Garden, Garden terrace", ""},
		{rooms, "MAIN", "Main hall", "Main hall"},
		{rooms, "garden", "Garden", "Garden"},
		{rooms, "gard", "!want one of", ""},
		{Field{Kind: YesNo}, "True", "yes", "yes"},
		{Field{Kind: YesNo}, "nope.", "no", "no"},
		{Field{Kind: YesNo}, "perhaps", "!want yes or no", ""},
	} {
		value, aloud, err := c.field.read(c.text, sunday(t))
		if fault, bad := strings.CutPrefix(c.value, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%s %q: %q %v, want %q", c.field.Kind, c.text, value, err, c.value)
			}
		} else if err != nil || value != c.value || aloud != c.aloud {
			t.Errorf("%s %q: %q, aloud %q, %v: want %q, %q", c.field.Kind, c.text, value, aloud, err, c.value, c.aloud)
		}
	}
}

func TestFormChecked(t *testing.T) {
	t.Parallel()
	field := func(f Field) Form { return Form{Fields: []Field{f}} }
	for want, f := range map[string]Form{
		"0 fields: want 1 to 30":                 {},
		"31 fields":                              {Fields: make([]Field, 31)},
		`name is "Table 1"`:                      {Name: "Table 1", Fields: []Field{{Name: "a"}}},
		"field 2: a is there twice":              {Fields: []Field{{Name: "a"}, {Name: "a"}}},
		`field 1: name is "A"`:                   field(Field{Name: "A"}),
		`field 1: name is "confirmed"`:           field(Field{Name: "confirmed"}),
		`a: kind is "card"`:                      field(Field{Name: "a", Kind: "card"}),
		"a: 1 options: want 2 to 50":             field(Field{Name: "a", Kind: OneOf, Options: []string{"x"}}),
		`a: option "X." is empty or there twice`: field(Field{Name: "a", Kind: OneOf, Options: []string{"x", "X."}}),
		"a: options are of one_of alone":         field(Field{Name: "a", Options: []string{"x"}}),
		"a: min is 3 and max 2":                  field(Field{Name: "a", Min: 3, Max: 2}),
		"a: min is -1: want 0 or more":           field(Field{Name: "a", Min: -1}),
	} {
		if err := f.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
}
