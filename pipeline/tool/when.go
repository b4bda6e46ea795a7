package tool

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// isoLayouts are what models write when they are asked for a time in ISO 8601.
var isoLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04Z07:00",
}

var (
	errNoTime = errors.New("there is no time of day in it")
	errNoDay  = errors.New("there is no day in it")
	errHalf   = errors.New("it is not clear whether morning or afternoon is meant: ask, and write it as 09:30 or 21:30")
)

// when is the moment that text means, in ISO 8601 or in English words, in the zone of now.
func when(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, layout := range isoLayouts {
		if t, err := time.ParseInLocation(layout, strings.ToUpper(text), now.Location()); err == nil {
			return t, nil
		}
	}
	m, err := readMoment(text, now)
	switch {
	case err != nil:
		return time.Time{}, err
	case !m.relative.IsZero():
		return m.relative, nil
	case !m.timed:
		return time.Time{}, errNoTime
	}
	day := now
	if !m.day.IsZero() {
		day = m.day
	}
	t := time.Date(day.Year(), day.Month(), day.Day(), m.hour, m.minute, 0, 0, now.Location())
	if m.day.IsZero() && !t.After(now) {
		t = t.AddDate(0, 0, 1) // "at nine", said at ten
	}
	return t, nil
}

// date is the day that text means.
func date(text string, now time.Time) (time.Time, error) {
	if t, err := when(text, now); err == nil && strings.Contains(text, "-") {
		return t.In(now.Location()), nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(text), now.Location()); err == nil {
		return t, nil
	}
	m, err := readMoment(text, now)
	switch {
	case err != nil && !errors.Is(err, errHalf):
		return time.Time{}, err
	case !m.relative.IsZero():
		return m.relative, nil
	case m.day.IsZero():
		return time.Time{}, errNoDay
	}
	return m.day, nil
}

// clock is the time of day that text means.
func clock(text string, now time.Time) (hour, minute int, err error) {
	m, err := readMoment(text, now)
	switch {
	case err != nil:
		return 0, 0, err
	case !m.relative.IsZero():
		return m.relative.Hour(), m.relative.Minute(), nil
	case !m.timed:
		return 0, 0, errNoTime
	}
	return m.hour, m.minute, nil
}

// moment is what was found in words of a time.
type moment struct {
	now      time.Time
	day      time.Time // zero: none
	relative time.Time // of "in two hours"; zero: none
	timed    bool
	hour     int
	minute   int

	numbers []int // that nothing has used yet
	month   time.Month
	year    int
	half    string // am, pm
	sure    bool   // the hour is one of 24
}

// wordsLimit is how long a time in words may be, in bytes.
const wordsLimit = 200

// readMoment reads words such as "tomorrow at half past three in the afternoon", "next Friday, 9:30" or "in 20 minutes".
func readMoment(text string, now time.Time) (moment, error) {
	m := moment{now: now}
	if len(text) > wordsLimit {
		return m, errors.New("it is too long for a time")
	}
	words := timeWords(text)
	for i := 0; i < len(words); {
		n := m.take(words[i:])
		if n == 0 {
			return m, fmt.Errorf("%q is not understood", short(words[i]))
		}
		i += n
	}
	return m, m.settle()
}

// timeWords are the words of a time, digits apart from letters, without what does not matter.
func timeWords(text string) []string {
	text = strings.NewReplacer("a.m.", " am ", "p.m.", " pm ", "a.m", " am ", "p.m", " pm ", "o'clock", " ", "o’clock", " ", ",", " ", "-", " ").Replace(strings.ToLower(text))
	var b strings.Builder
	before := ' '
	for _, r := range text {
		if unicode.IsDigit(before) && unicode.IsLetter(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		before = r
	}
	return slices.DeleteFunc(strings.Fields(strings.TrimRight(b.String(), ". ")), func(w string) bool {
		return slices.Contains([]string{"on", "at", "the", "of", "for", "by", "please", "st", "nd", "rd", "th", "oclock", "and", "sharp"}, w)
	})
}

// take reads the next of words, and says how many it used; 0: it does not know them.
func (m *moment) take(words []string) int {
	word := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch w := words[0]; w {
	case "today", "now":
		m.setDay(0)
		return 1
	case "tonight":
		m.setDay(0)
		m.half = "pm"
		return 1
	case "tomorrow":
		m.setDay(1)
		return 1
	case "day":
		if word(1) == "after" && word(2) == "tomorrow" {
			m.setDay(2)
			return 3
		}
		return 0
	case "am", "pm":
		m.half = w
		return 1
	case "morning":
		m.half = "am"
		return 1
	case "afternoon", "evening", "night":
		m.half = "pm"
		return 1
	case "noon", "midday":
		return m.setTime(12, 0, 1)
	case "midnight":
		return m.setTime(0, 0, 1)
	case "in":
		return m.takeIn(words)
	case "this", "next", "coming":
		return m.takeNext(words)
	case "half", "quarter":
		return m.takePast(map[string]int{"half": 30, "quarter": 15}[w], words[1:], 1)
	}
	return m.takeNumber(words)
}

// takeIn reads "in 20 minutes", "in half an hour", "in a week", "in the morning".
func (m *moment) takeIn(words []string) int {
	if len(words) < 2 {
		return 0
	}
	if slices.Contains([]string{"morning", "afternoon", "evening"}, words[1]) {
		return 1
	}
	n, used := number(words[1:])
	if n < 1 {
		n, used = 1, 1
		if half := words[1] == "half"; !half && words[1] != "a" && words[1] != "an" {
			return 0
		} else if half && len(words) > 2 && strings.HasPrefix(words[len(words)-1], "hour") {
			m.relative = m.now.Add(30 * time.Minute)
			return len(words)
		}
	}
	if 1+used >= len(words) || n > 1000 {
		return 0
	}
	switch strings.TrimSuffix(words[1+used], "s") {
	case "minute", "min":
		m.relative = m.now.Add(time.Duration(n) * time.Minute)
	case "hour":
		m.relative = m.now.Add(time.Duration(n) * time.Hour)
	case "day":
		m.setDay(n)
	case "week":
		m.setDay(7 * n)
	case "month":
		m.day = m.now.AddDate(0, n, 0)
	default:
		return 0
	}
	return 2 + used
}

// takeNext reads "next Friday", "this Friday", "next week", "next month".
func (m *moment) takeNext(words []string) int {
	if len(words) < 2 {
		return 0
	}
	switch day, ok := weekdays[words[1]]; {
	case ok && words[0] == "next":
		toSunday := (7 - int(m.now.Weekday())) % 7
		m.setDay(toSunday + (int(day)+6)%7 + 1) // in the week that begins on the next Monday
		return 2
	case ok:
		m.setDay((int(day)-int(m.now.Weekday())+7)%7 + 0)
		return 2
	case words[1] == "week":
		m.setDay(7)
		return 2
	case words[1] == "month":
		m.day = m.now.AddDate(0, 1, 0)
		return 2
	case slices.Contains([]string{"morning", "afternoon", "evening"}, words[1]):
		m.setDay(0)
		return 1
	}
	return 0
}

// takePast reads what follows "half", "quarter" or a number: "past three", "to three".
func (m *moment) takePast(minutes int, words []string, used int) int {
	if len(words) < 2 || words[0] != "past" && words[0] != "to" && words[0] != "after" {
		return 0
	}
	hour, n := number(words[1:])
	if n == 0 || hour < 1 || hour > 12 || minutes > 59 {
		return 0
	}
	if words[0] == "to" {
		hour, minutes = (hour+23)%24, 60-minutes
		if hour == 0 {
			hour = 12
		}
	}
	m.timed, m.hour, m.minute = true, hour, minutes
	return used + 1 + n
}

// takeNumber reads names of days and months, times such as 15:30, and numbers.
func (m *moment) takeNumber(words []string) int {
	w := words[0]
	if day, ok := weekdays[w]; ok {
		if m.day.IsZero() { // besides a date it is only a comfort
			m.setDay((int(day)-int(m.now.Weekday())+6)%7 + 1)
		}
		return 1
	}
	if month, ok := months[w]; ok {
		m.month = month
		return 1
	}
	if h, min, ok := strings.Cut(w, ":"); ok {
		hour, err := strconv.Atoi(h)
		minute, bad := strconv.Atoi(min)
		if err != nil || bad != nil || hour < 0 || hour > 23 || minute < 0 || minute > 59 || len(min) != 2 {
			return 0
		}
		return m.setTime(hour, minute, 1)
	}
	n, used := number(words)
	if used == 0 {
		return 0
	}
	if past := m.takePast(n, words[used:], used); past > 0 {
		return past
	}
	if n >= 2000 && n <= 2200 {
		m.year = n
	} else {
		m.numbers = append(m.numbers, n)
	}
	return used
}

func (m *moment) setDay(days int) { m.day = m.now.AddDate(0, 0, days) }

func (m *moment) setTime(hour, minute, used int) int {
	m.timed, m.hour, m.minute, m.sure = true, hour, minute, true
	return used
}

// settle makes a day and a time of what was found.
func (m *moment) settle() error {
	if err := m.settleDay(); err != nil {
		return err
	}
	if len(m.numbers) > 0 && !m.timed {
		m.timed, m.hour, m.numbers = true, m.numbers[0], m.numbers[1:]
		if len(m.numbers) > 0 {
			m.minute, m.numbers = m.numbers[0], m.numbers[1:]
		}
		m.sure = m.hour == 0 || m.hour > 12
	}
	if len(m.numbers) > 0 || m.hour > 23 || m.minute > 59 {
		return errors.New("the numbers in it are no time")
	}
	switch {
	case !m.timed:
	case m.half == "pm" && m.hour < 12:
		m.hour += 12
	case m.half == "am" && m.hour == 12:
		m.hour = 0
	case m.half == "" && !m.sure:
		return errHalf
	}
	return nil
}

// settleDay makes a day of a month and a number.
func (m *moment) settleDay() error {
	if m.month == 0 {
		if m.year != 0 {
			return errNoDay
		}
		return nil
	}
	if len(m.numbers) == 0 {
		return errNoDay
	}
	n := m.numbers[0]
	m.numbers = m.numbers[1:]
	year := m.year
	if year == 0 {
		year = m.now.Year()
	}
	day := time.Date(year, m.month, n, 0, 0, 0, 0, m.now.Location())
	if m.year == 0 && day.AddDate(0, 0, 1).Before(m.now) {
		day = time.Date(year+1, m.month, n, 0, 0, 0, 0, m.now.Location())
	}
	if day.Day() != n || day.Month() != m.month {
		return fmt.Errorf("%s has no day %d", m.month, n)
	}
	m.day = day
	return nil
}

// number reads a number from 0 to 9999 in digits, or from 0 to 59 in words; used is how many words it is, 0 if it is none.
func number(words []string) (n, used int) {
	if len(words) == 0 {
		return 0, 0
	}
	if n, err := strconv.Atoi(words[0]); err == nil && n >= 0 && n <= 9999 {
		return n, 1
	}
	n, ok := numerals[words[0]]
	if !ok {
		return 0, 0
	}
	if unit, ok := numerals[strings.Join(words[1:min(2, len(words))], "")]; ok && n >= 20 && unit > 0 && unit < 10 {
		return n + unit, 2
	}
	return n, 1
}

var weekdays = map[string]time.Weekday{
	"sunday": 0, "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6,
	"sun": 0, "mon": 1, "tue": 2, "tues": 2, "wed": 3, "thu": 4, "thurs": 4, "fri": 5, "sat": 6,
}

var months = map[string]time.Month{
	"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9, "october": 10,
	"november": 11, "december": 12, "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10,
	"nov": 11, "dec": 12,
}

var numerals = map[string]int{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
	"twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
	"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6,
	"seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14,
	"fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}

// aloud is a moment as it is read to a caller.
func aloud(t time.Time) string { return t.Format("Monday 2 January 2006 at 3:04 PM") }
