package flow

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/pipeline"
)

// date is a day: "tomorrow", "Tuesday", "the 24th of November", "March fifth, nineteen eighty-two". Its value is 2026-11-24.
type date struct {
	min, max bound
	past     bool   // it is meant to be past
	format   string // how it is keyed in
}

// dateFormats are the ways to key in a date. The order also says how 5/3 is read.
var dateFormats = []string{"mmdd", "ddmm", "mmddyyyy", "ddmmyyyy"}

// dateOrder is how dates are written in the flow's language.
func (f *Flow) dateOrder() string {
	if f.lang == "" || strings.EqualFold(f.lang, "en-US") {
		return "mmdd"
	}
	return "ddmm"
}

const isoDate = "2006-01-02"

// A bound is the first or last day that is allowed: fixed, or so many days from today.
type bound struct {
	fixed time.Time
	days  int
	set   bool
}

var aBound = regexp.MustCompile(`^(today|[+-][0-9]{1,5}d|[0-9]{4}-[0-9]{2}-[0-9]{2})$`)

// parseBound reads today, +7d, -3d or 2026-01-31.
func parseBound(s string) (b bound, ok bool) {
	if !aBound.MatchString(s) {
		return b, false
	}
	b.set = true
	switch {
	case s == "today":
	case s[0] == '+' || s[0] == '-':
		b.days, _ = strconv.Atoi(strings.TrimSuffix(s, "d"))
	default:
		var err error
		if b.fixed, err = time.Parse(isoDate, s); err != nil {
			return b, false
		}
	}
	return b, true
}

func (b bound) day(now time.Time) string {
	if !b.fixed.IsZero() {
		return b.fixed.Format(isoDate)
	}
	return today(now).AddDate(0, 0, b.days).Format(isoDate)
}

// today is the day of now, at midnight of UTC: days are counted there, where each has 24 hours.
func today(now time.Time) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (d date) name() string { return "date" }
func (d date) open() bool   { return false }

func (d date) expect() entry {
	e := entry{keys: len(d.format), keyed: true, terminator: '#'}
	if d.past {
		e.entity = pipeline.EntityDate
	} else {
		e.words = append([]string{"today", "tomorrow"}, weekdayNames...)
	}
	e.words = append(e.words, monthNames...)
	return e
}

func (d date) valid(v string, now time.Time) bool {
	if _, err := time.Parse(isoDate, v); err != nil {
		return false
	}
	return (!d.min.set || v >= d.min.day(now)) && (!d.max.set || v <= d.max.day(now))
}

func (d date) aloud(v string) string {
	t, err := time.Parse(isoDate, v)
	if err != nil {
		return v
	}
	day := ordinalAloud(t.Day())
	s := t.Month().String() + " " + day
	if d.format[0] == 'd' {
		s = "the " + day + " of " + t.Month().String()
	}
	if d.past {
		return s + ", " + yearAloud(t.Year())
	}
	return t.Weekday().String() + ", " + s
}

func (d date) pressed(keys string, now time.Time) (string, bool) {
	keys = strings.TrimRight(keys, "#")
	if !numeric([]rune(keys)) || len(keys) != len(d.format) {
		return "", false
	}
	a, _ := strconv.Atoi(keys[:2])
	b, _ := strconv.Atoi(keys[2:4])
	year := 0
	if len(keys) == 8 {
		year, _ = strconv.Atoi(keys[4:])
	}
	return d.inOrder(a, b, year, now)
}

// inOrder makes a date of its two parts as they are written.
func (d date) inOrder(a, b, year int, now time.Time) (string, bool) {
	if d.format[0] == 'd' {
		a, b = b, a
	}
	return d.of(year, a, b, now)
}

// of makes a date; year 0 is the next one in which it comes, or the last if it is meant to be past.
func (d date) of(year, month, day int, now time.Time) (string, bool) {
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return "", false
	}
	t0 := today(now)
	for tries := range 9 { // a leap day may be 8 years away
		y := year
		if year == 0 {
			y = t0.Year() + tries
			if d.past {
				y = t0.Year() - tries
			}
		} else if year < 100 {
			y = t0.Year()/100*100 + year
			if d.past && y > t0.Year() {
				y -= 100
			}
		}
		t := time.Date(y, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		exists := t.Day() == day
		switch {
		case year != 0:
			return t.Format(isoDate), exists && y > 0 && y < 10000
		case exists && (d.past && !t.After(t0) || !d.past && !t.Before(t0)):
			return t.Format(isoDate), true
		}
	}
	return "", false
}

var (
	isoInText   = regexp.MustCompile(`\b(\d{4})-(\d{2})-(\d{2})\b`)
	slashedDate = regexp.MustCompile(`\b(\d{1,2})[/.](\d{1,2})(?:[/.](\d{4}|\d{2}))?\b`)
)

func (d date) spoken(h heard) (string, bool) {
	if m := isoInText.FindStringSubmatch(h.text); m != nil {
		y, _ := strconv.Atoi(m[1])
		mo, _ := strconv.Atoi(m[2])
		day, _ := strconv.Atoi(m[3])
		return d.of(y, mo, day, h.now)
	}
	if m := slashedDate.FindStringSubmatch(h.text); m != nil {
		a, _ := strconv.Atoi(m[1])
		b, _ := strconv.Atoi(m[2])
		y, _ := strconv.Atoi(m[3])
		return d.inOrder(a, b, y, h.now)
	}
	ws := dateWords(h.words)
	if slices.ContainsFunc(ws, func(w dateWord) bool { return w.month > 0 && w.word != "may" }) {
		return d.named(ws, h.now)
	}
	for _, read := range []func([]dateWord, time.Time) (string, bool){d.named, d.weekday, d.relative, d.numbered} {
		if v, ok := read(ws, h.now); ok {
			return v, true
		}
	}
	return "", false
}

// A dateWord is a word as a date may need it.
type dateWord struct {
	word    string
	number  int // -1: none
	ordinal bool
	month   int // 0: none
	weekday int // -1: none
}

// dateWords reads numbers, ordinals, months and weekdays.
func dateWords(words []string) []dateWord {
	var ws []dateWord
	for i := 0; i < len(words); i++ {
		w := dateWord{word: words[i], number: -1, month: monthNumber(words[i]), weekday: weekdayNumber(words[i])}
		stem := w.word
		for _, suffix := range []string{"st", "nd", "rd", "th"} {
			if s, cut := strings.CutSuffix(w.word, suffix); cut && numeric([]rune(s)) {
				stem, w.ordinal = s, true
			}
		}
		if n, err := strconv.Atoi(stem); err == nil && numeric([]rune(stem)) {
			w.number = n
			if i+1 < len(words) && n%10 == 0 && (n == 20 || n == 30) {
				if unit := slices.Index(ordinalNames[:10], words[i+1]); unit > 0 {
					w.number, w.ordinal = n+unit, true
					i++
				}
			}
		} else if n := slices.Index(ordinalNames, w.word); n > 0 {
			w.number, w.ordinal = n, true
		} else if w.word == "thirtieth" {
			w.number, w.ordinal = 30, true
		}
		ws = append(ws, w)
	}
	return ws
}

// named reads a month with its day and perhaps a year.
func (d date) named(ws []dateWord, now time.Time) (string, bool) {
	at := slices.IndexFunc(ws, func(w dateWord) bool { return w.month > 0 })
	if at < 0 {
		return "", false
	}
	month, rest := ws[at].month, ws[at+1:]
	before := at - 1
	for before >= 0 && (ws[before].word == "of" || ws[before].word == "the" || ws[before].word == "in") {
		before--
	}
	if before >= 0 && ws[before].number > 0 && ws[before].number <= 31 {
		return d.of(year(rest), month, ws[before].number, now)
	}
	for i, w := range rest {
		if w.number > 0 {
			return d.of(year(rest[i+1:]), month, w.number, now)
		}
	}
	return "", false
}

// year reads 1982, 19 82, 20 oh 5, 2 thousand 5, or 82; 0: none.
func year(ws []dateWord) int {
	var ns []int
	for i, w := range ws {
		switch {
		case w.number >= 0:
			ns = append(ns, w.number)
		case w.word == "thousand" && len(ns) == 1 && ns[0] <= 9:
			y := ns[0] * 1000
			for _, next := range ws[i+1:] {
				if next.number >= 0 && next.number < 1000 {
					return y + next.number
				}
			}
			return y
		case w.word == "hundred" && len(ns) == 1:
			ns = append(ns, 0)
		}
	}
	switch {
	case len(ns) == 0:
		return 0
	case ns[0] >= 1000 && ns[0] < 10000:
		return ns[0]
	case len(ns) > 1 && (ns[0] == 18 || ns[0] == 19 || ns[0] == 20) && ns[1] < 100:
		return ns[0]*100 + ns[1]
	case ns[0] > 0 && ns[0] < 100:
		return ns[0]
	}
	return 0
}

// weekday reads "Tuesday", "next Tuesday", "Tuesday week", "a week from Tuesday".
func (d date) weekday(ws []dateWord, now time.Time) (string, bool) {
	at := slices.IndexFunc(ws, func(w dateWord) bool { return w.weekday >= 0 })
	if at < 0 {
		return "", false
	}
	t0 := today(now)
	ahead := (ws[at].weekday - int(t0.Weekday()) + 7) % 7
	if ahead == 0 {
		ahead = 7
	}
	said := func(i int, word string) bool { return i >= 0 && i < len(ws) && ws[i].word == word }
	switch {
	case d.past || said(at-1, "last"):
		ahead -= 7
	case said(at-1, "next"):
		if weekOf(t0.AddDate(0, 0, ahead)).Equal(weekOf(t0)) {
			ahead += 7
		}
	case said(at+1, "week"), said(at-1, "from") && said(at-2, "week"):
		ahead += 7
	}
	return t0.AddDate(0, 0, ahead).Format(isoDate), true
}

// weekOf is the Monday of a day's week.
func weekOf(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }

// relative reads "tomorrow", "the day after tomorrow", "in two weeks", "ten days from now".
func (d date) relative(ws []dateWord, now time.Time) (string, bool) {
	t0 := today(now)
	has := func(word string) int { return slices.IndexFunc(ws, func(w dateWord) bool { return w.word == word }) }
	days, found := 0, false
	switch t := has("tomorrow"); {
	case t >= 2 && ws[t-1].word == "after" && ws[t-2].word == "day":
		days, found = 2, true
	case t >= 0:
		days, found = 1, true
	case has("today") >= 0, has("tonight") >= 0:
		found = true
	case has("yesterday") >= 0:
		days, found = -1, true
	}
	for i, w := range ws {
		unit := map[string]int{"day": 1, "days": 1, "week": 7, "weeks": 7, "fortnight": 14}[w.word]
		if unit == 0 || i == 0 || found && !slices.ContainsFunc(ws[i:], func(w dateWord) bool { return w.word == "from" }) {
			continue
		}
		n := ws[i-1].number
		if ws[i-1].word == "a" || ws[i-1].word == "one" {
			n = 1
		}
		if n > 0 && n < 1000 {
			return t0.AddDate(0, 0, days+n*unit).Format(isoDate), true
		}
	}
	return t0.AddDate(0, 0, days).Format(isoDate), found
}

// numbered reads "the 24th", and a date in numbers alone.
func (d date) numbered(ws []dateWord, now time.Time) (string, bool) {
	var ns []int
	for _, w := range ws {
		if w.number < 0 {
			continue
		}
		ns = append(ns, w.number)
		if w.ordinal && w.number <= 31 {
			return d.dayOfMonth(w.number, now)
		}
	}
	switch {
	case len(ns) == 1 && ns[0] > 999999:
		if v, ok := d.pressed(digitsOf(ns[0], 8), now); ok || len(d.format) == 8 {
			return v, ok
		}
	case len(ns) == 3 && len(d.format) == 8, len(ns) == 4 && len(d.format) == 8:
		y := ns[2]
		if len(ns) == 4 {
			y = ns[2]*100 + ns[3]
		}
		return d.inOrder(ns[0], ns[1], y, now)
	}
	return "", false
}

func digitsOf(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// dayOfMonth is the next day, or the last, that is the nth of its month.
func (d date) dayOfMonth(n int, now time.Time) (string, bool) {
	step := 1
	if d.past {
		step = -1
	}
	for t, i := today(now), 0; i < 100; i++ {
		if t.Day() == n {
			return t.Format(isoDate), true
		}
		t = t.AddDate(0, 0, step)
	}
	return "", false
}

var (
	weekdayNames = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	monthNames   = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	ordinalNames = []string{"", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
		"thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"}
)

// monthNumber is 1 to 12; 0: w is no month.
func monthNumber(w string) int {
	switch w {
	case "sept":
		return 9
	case "febuary":
		return 2
	case "mar", "may":
		return map[string]int{"mar": 3, "may": 5}[w]
	}
	return 1 + slices.IndexFunc(monthNames, func(m string) bool { return named(w, m, 3) })
}

// weekdayNumber is 0 (Sunday) to 6; -1: w is no weekday.
func weekdayNumber(w string) int {
	if w == "wensday" || w == "wendsday" {
		return 3
	}
	return slices.IndexFunc(weekdayNames, func(d string) bool {
		return named(w, d, 3) || w == strings.ToLower(d)+"s" || len(w) >= 6 && strings.HasSuffix(w, "day") && w[0]|0x20 == d[0]|0x20 && sound(w) == sound(strings.ToLower(d))
	})
}

// named says whether w is a name, or its first few letters.
func named(w, name string, short int) bool {
	name = strings.ToLower(name)
	return w == name || len(w) == short && w == name[:short] && w != "sun" && w != "sat" && w != "mar"
}
