package flow

import (
	"testing"
	"time"
)

// reads checks what a kind understands: "" is nothing, or nothing that is allowed; keys are written "/1234".
func reads(t *testing.T, k kind, now time.Time, answers map[string]string) {
	t.Helper()
	for said, want := range answers {
		h := hear(said)
		h.now = now
		got, ok := k.spoken(h)
		if len(said) > 1 && said[0] == '/' {
			got, ok = k.pressed(said[1:], now)
		}
		if !ok || !k.valid(got, now) {
			got = ""
		}
		if got != want {
			t.Errorf("%s: %q is %q, want %q (words %q)", k.name(), said, got, want, h.words)
		}
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 24, 23, 30, 0, 0, time.UTC) // a Tuesday
	reads(t, date{format: "mmdd"}, now, map[string]string{
		"today": "2026-11-24", "Tomorrow.": "2026-11-25", "the day after tomorrow": "2026-11-26", "tonight": "2026-11-24",
		"Wednesday": "2026-11-25", "on Tuesday": "2026-12-01", "Monday, please": "2026-11-30", "this Friday": "2026-11-27", "Fridays": "2026-11-27",
		"next Friday": "2026-12-04", "next Monday": "2026-11-30", "Friday week": "2026-12-04", "a week from Friday": "2026-12-04", "Wensday": "2026-11-25",
		"in three days": "2026-11-27", "in two weeks": "2026-12-08", "a week from tomorrow": "2026-12-02", "in a week": "2026-12-01",
		"November 30th": "2026-11-30", "November thirtieth": "2026-11-30", "the 30th of November": "2026-11-30", "thirty first of December": "2026-12-31",
		"december twenty-fifth": "2026-12-25", "Dec 25": "2026-12-25", "the fifth of May": "2027-05-05", "May fifth": "2027-05-05", "March 3rd": "2027-03-03",
		"the 28th": "2026-11-28", "the third": "2026-12-03", "2027-01-15": "2027-01-15", "12/25": "2026-12-25", "12/25/2027": "2027-12-25",
		"January 5 2028": "2028-01-05", "february 29": "2028-02-29", "November 24": "2026-11-24", "February thirtieth": "", "13/40": "", "hello": "", "": "",
		"some day": "", "I may come": "", "/1225": "2026-12-25", "/0101#": "2027-01-01", "/1301": "", "/12": "",
	})
	reads(t, date{format: "ddmm"}, now, map[string]string{"/2512": "2026-12-25", "3/12": "2026-12-03", "25.12.2027": "2027-12-25"})
	born := date{format: "mmddyyyy", past: true, max: bound{set: true}}
	reads(t, born, now, map[string]string{
		"March fifth nineteen eighty two": "1982-03-05", "the 5th of March, 1982": "1982-03-05", "March 5 82": "1982-03-05", "/03051982": "1982-03-05",
		"3/5/82": "1982-03-05", "July 4th two thousand five": "2005-07-04", "July fourth twenty ten": "2010-07-04", "July 4th nineteen oh five": "1905-07-04",
		"December 1st": "2025-12-01", "yesterday": "2026-11-23", "tomorrow": "", "3 5 1982": "1982-03-05",
	})
	soon := date{format: "mmdd", min: bound{set: true, days: 1}, max: bound{set: true, days: 30}}
	reads(t, soon, now, map[string]string{"today": "", "tomorrow": "2026-11-25", "in four weeks": "2026-12-22", "in five weeks": "", "yesterday": ""})
	for v, want := range map[string]string{"2026-11-24": "Tuesday, November twenty-fourth", "2027-01-01": "Friday, January first", "what": "what"} {
		if got := (date{format: "mmdd"}).aloud(v); got != want {
			t.Errorf("%s is read %q, want %q", v, got, want)
		}
	}
	for v, want := range map[string]string{
		"1982-03-30": "March thirtieth, nineteen eighty-two", "2000-01-31": "January thirty-first, two thousand", "2005-01-10": "January tenth, two thousand five",
		"1900-01-01": "January first, nineteen hundred", "1905-01-01": "January first, nineteen oh five", "2026-01-20": "January twentieth, twenty twenty-six",
	} {
		if got := born.aloud(v); got != want {
			t.Errorf("%s is read %q, want %q", v, got, want)
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	reads(t, clock{max: 24*60 - 1}, sunday, map[string]string{
		"half past ten": "10:30", "ten thirty": "10:30", "10:30": "10:30", "1030": "10:30", "ten o'clock": "10:00", "at ten": "10:00", "half ten": "10:30",
		"quarter past three": "15:15", "quarter to four": "15:45", "quarter to twelve": "11:45", "ten to five in the morning": "04:50", "a quarter of one": "12:45",
		"three p.m.": "15:00", "3 PM": "15:00", "three in the afternoon": "15:00", "eight in the evening": "20:00", "8:15 a.m.": "08:15",
		"twenty minutes past nine": "09:20", "noon": "12:00", "midnight": "00:00", "fourteen hundred": "14:00", "14:45": "14:45", "nine oh five": "09:05",
		"twelve a.m.": "00:00", "twelve thirty p.m.": "12:30", "eleven at night": "23:00", "at for thirty": "16:30", "two": "14:00", "twelve": "12:00",
		"seven": "07:00", "six": "18:00", "25:10": "", "hello": "", "": "", "/1030": "10:30", "/0930#": "09:30", "/9": "09:00", "/2561": "", "/12345": "",
	})
	reads(t, clock{min: 8 * 60, max: 18 * 60, every: 30 * time.Minute}, sunday, map[string]string{
		"seven": "", "eight": "08:00", "six": "18:00", "ten fifteen": "", "ten thirty": "10:30", "five in the morning": "", "/0230": "14:30",
	})
	for v, want := range map[string]string{
		"10:30": "ten thirty in the morning", "12:00": "noon", "00:00": "midnight", "00:05": "twelve oh five in the morning", "15:00": "three in the afternoon",
		"18:45": "six forty-five in the evening", "odd": "odd",
	} {
		if got := (clock{}).aloud(v); got != want {
			t.Errorf("%s is read %q, want %q", v, got, want)
		}
	}
}

// TestNameAloud: a name that was spelled is said as a word.
func TestNameAloud(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{"OSCAR": "Oscar", "ÉLISE": "Élise", "Ana": "Ana", "JD": "JD", "王小明": "王小明", "X": "X", "": ""} {
		if got := (freeText{person: true}).aloud(v); got != want {
			t.Errorf("%q is said as %q, want %q", v, got, want)
		}
	}
}

func TestSpelling(t *testing.T) {
	t.Parallel()
	reads(t, letterString{min: 2, max: 12}, sunday, map[string]string{
		"S M I T H": "SMITH", "S-M-I-T-H.": "SMITH", "s. m. i. t. h.": "SMITH", "Smith.": "SMITH", "it's S M I T H": "SMITH", "Sierra Mike India Tango Hotel": "SMITH",
		"S as in sugar M as in Mary": "SM", "S for sugar, M for Mary": "SM", "capital J O double N": "JONN", "double u i l double l": "WILLL", "see are you": "CRU",
		"A B 4 2": "AB42", "triple A": "AAA", "": "", "I think so": "", "I don't know what you mean": "", "tee oh em": "TOM",
	})
}

func TestEmail(t *testing.T) {
	t.Parallel()
	reads(t, email{}, sunday, map[string]string{
		"john.smith@example.com": "john.smith@example.com", "It's John.Smith@Example.com.": "john.smith@example.com",
		"john dot smith at example dot com": "john.smith@example.com", "My email address is ana underscore b at gmail dot com.": "ana_b@gmail.com",
		"jane dash doe at mail dot co dot uk please": "jane-doe@mail.co.uk", "ana at gmail": "ana@gmail.com", "j o e 99 at example.org": "joe99@example.org",
		"s-m-i-t-h at example dot com": "smith@example.com", "joe twenty two at example dot net": "joe22@example.net", "bob at home": "", "hello": "", "": "", "at": "", "at at": "",
	})
	if got, want := (email{}).aloud("john.smith-x_1@example.com"), "john dot smith dash x underscore 1 at example dot com"; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestPhone(t *testing.T) {
	t.Parallel()
	reads(t, phone{min: 7, max: 15}, sunday, map[string]string{
		"020 7123 4567": "02071234567", "oh two oh seven one two three four five six seven": "02071234567", "plus 44 20 7123 4567": "+442071234567",
		"+44 20 7123 4567": "+442071234567", "five five five": "", "hello": "", "/5551234#": "5551234", "/00442071234567": "+442071234567", "/12*": "",
	})
	reads(t, phone{min: 7, max: 15, country: "1"}, sunday, map[string]string{
		"(415) 555-0123": "+14155550123", "1 415 555 0123": "+14155550123", "555 0123": "", "115 555 0123": "", "plus one four one five 555 0123": "+14155550123",
		"/4155550123": "+14155550123", "+44 20 7123 4567": "+442071234567",
	})
	reads(t, phone{min: 7, max: 15, country: "44"}, sunday, map[string]string{"020 7123 4567": "+442071234567", "/07700900123": "+447700900123"})
	if got, want := (phone{country: "44"}).aloud("+442071234567"), "plus four four, two zero seven, one two three, four five six seven"; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestLuhn(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string]bool{"4111111111111111": true, "4111111111111112": false, "79927398713": true, "0": true, "378282246310005": true, "18": true, "81": false} {
		if got := luhn(digits); got != want {
			t.Errorf("luhn(%s) is %v, want %v", digits, got, want)
		}
	}
}
