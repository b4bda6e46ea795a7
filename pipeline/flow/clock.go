package flow

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clock is a time of day: "half past ten", "three thirty in the afternoon", "14:00". Its value is 15:30.
type clock struct {
	min, max int           // minutes of the day
	every    time.Duration // 0: any minute
}

func (c clock) name() string { return "time" }
func (c clock) open() bool   { return false }

func (c clock) expect() entry {
	words := []string{"o'clock", "half past", "quarter past", "quarter to", "in the morning", "in the afternoon", "noon"}
	for n := 1; n <= 12; n++ {
		words = append(words, inWords(n))
	}
	return entry{words: words, keys: 4, keyed: true, terminator: '#'}
}

func (c clock) valid(v string, _ time.Time) bool {
	m, ok := minutes(v)
	return ok && m >= c.min && m <= c.max && (c.every == 0 || m%int(c.every.Minutes()) == 0)
}

func (c clock) aloud(v string) string {
	m, ok := minutes(v)
	if !ok {
		return v
	}
	return clockAloud(m)
}

func (c clock) pressed(keys string, _ time.Time) (string, bool) {
	keys = strings.TrimRight(keys, "#")
	if !numeric([]rune(keys)) || len(keys) == 0 || len(keys) > 4 {
		return "", false
	}
	n, _ := strconv.Atoi(keys)
	if len(keys) <= 2 {
		n *= 100
	}
	return c.of(n/100, n%100, unknownHalf)
}

// A half of the day, as far as it was said.
type half int

const (
	unknownHalf half = iota
	morning
	afternoon
	night // before midnight or after it
)

// of makes a time of an hour as it was said; false: there is none.
func (c clock) of(hour, minute int, h half) (string, bool) {
	if hour < 0 || hour > 24 || minute < 0 || minute > 59 || hour == 24 && minute > 0 {
		return "", false
	}
	hour %= 24
	if hour > 12 || hour == 0 {
		return stamp(hour*60 + minute), true
	}
	early, late := hour%12, hour%12+12
	switch {
	case h == morning, h == night && hour < 6 || h == night && hour == 12:
		return stamp(early*60 + minute), true
	case h == afternoon, h == night:
		return stamp(late*60 + minute), true
	}
	in := func(hour int) bool { m := hour*60 + minute; return m >= c.min && m <= c.max }
	switch {
	case in(early) && !in(late):
		return stamp(early*60 + minute), true
	case in(late) && !in(early):
		return stamp(late*60 + minute), true
	case hour >= 7 && hour < 12:
		return stamp(early*60 + minute), true
	}
	return stamp(late*60 + minute), true
}

func stamp(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// minutes reads 15:30.
func minutes(v string) (int, bool) {
	if len(v) != 5 || v[2] != ':' {
		return 0, false
	}
	h, err1 := strconv.Atoi(v[:2])
	m, err2 := strconv.Atoi(v[3:])
	return h*60 + m, err1 == nil && err2 == nil && h >= 0 && h <= 24 && m >= 0 && m < 60
}

var writtenTime = regexp.MustCompile(`\b([0-9]{1,2})[:.]([0-9]{2})\b`)

func (c clock) spoken(h heard) (string, bool) {
	part := halfOf(h.words)
	if m := writtenTime.FindStringSubmatch(h.text); m != nil {
		hour, _ := strconv.Atoi(m[1])
		minute, _ := strconv.Atoi(m[2])
		return c.of(hour, minute, part)
	}
	if v, ok := c.read(h.words, part); ok {
		return v, true
	}
	near := slices.Clone(h.words) // "at for thirty"
	for i, w := range near {
		if d := soundsLike[w]; d != "" {
			near[i] = d
		}
	}
	return c.read(near, part)
}

// halfOf reads which half of the day was meant.
func halfOf(words []string) half {
	for i, w := range words {
		switch w {
		case "am", "morning":
			return morning
		case "pm", "afternoon", "evening":
			return afternoon
		case "night", "tonight":
			return night
		case "a", "p": // a.m.
			if i+1 < len(words) && words[i+1] == "m" {
				return map[string]half{"a": morning, "p": afternoon}[w]
			}
		}
	}
	return unknownHalf
}

// read finds a time in words.
func (c clock) read(words []string, part half) (string, bool) {
	number := func(i int) int {
		if i < 0 || i >= len(words) || !numeric([]rune(words[i])) {
			return -1
		}
		n, err := strconv.Atoi(words[i])
		if err != nil {
			return -1
		}
		return n
	}
	word := func(i int) string {
		if i < 0 || i >= len(words) {
			return ""
		}
		return words[i]
	}
	for i, w := range words {
		switch w {
		case "noon", "midday":
			if part != morning || w == "noon" {
				return stamp(12 * 60), true
			}
		case "midnight":
			return stamp(0), true
		case "past", "after", "to", "till", "until", "of", "before":
			hour, off := number(i+1), number(i-1)
			if word(i-1) == "minutes" || word(i-1) == "minute" {
				off = number(i - 2)
			}
			switch word(i - 1) {
			case "half":
				off = 30
			case "quarter":
				off = 15
			}
			if hour < 1 || hour > 12 || off < 1 || off > 59 || w == "of" && word(i-1) != "quarter" {
				continue
			}
			if w == "past" || w == "after" {
				return c.of(hour, off, part)
			}
			return c.before(hour, off, part)
		}
	}
	for i := range words {
		hour := number(i)
		switch {
		case hour < 0:
		case len(words[i]) == 3 || len(words[i]) == 4: // ten thirty, written 1030
			return c.of(hour/100, hour%100, part)
		case hour > 24:
		case word(i-1) == "half" && hour <= 12: // half ten is half past ten
			return c.of(hour, 30, part)
		case word(i+1) == "hundred":
			return c.of(hour, 0, part)
		case (word(i+1) == "oh" || word(i+1) == "o" || word(i+1) == "0") && number(i+2) >= 0 && number(i+2) < 10:
			return c.of(hour, number(i+2), part)
		case number(i+1) >= 10 && number(i+1) < 60:
			return c.of(hour, number(i+1), part)
		default:
			return c.of(hour, 0, part)
		}
	}
	return "", false
}

// before is so many minutes before an hour.
func (c clock) before(hour, off int, part half) (string, bool) {
	hour--
	if hour == 0 {
		hour = 12
	}
	if hour == 11 { // quarter to twelve at noon is still morning
		part = map[half]half{afternoon: morning, morning: morning, night: afternoon, unknownHalf: unknownHalf}[part]
	}
	return c.of(hour, 60-off, part)
}

// clockAloud says a time of day.
func clockAloud(m int) string {
	hour, minute := m/60%24, m%60
	if minute == 0 {
		switch hour {
		case 0:
			return "midnight"
		case 12:
			return "noon"
		}
	}
	s := inWords((hour+11)%12 + 1)
	switch {
	case minute > 0 && minute < 10:
		s += " oh " + inWords(minute)
	case minute > 0:
		s += " " + inWords(minute)
	}
	switch {
	case hour < 12:
		return s + " in the morning"
	case hour < 18:
		return s + " in the afternoon"
	}
	return s + " in the evening"
}

// inWords writes a number from 0 to 99.
func inWords(n int) string {
	if n < 20 {
		for w, d := range ones {
			if d == strconv.Itoa(n) {
				return w
			}
		}
	}
	s := tensAloud[n/10%10]
	if n%10 > 0 {
		s += "-" + inWords(n%10)
	}
	return s
}

var tensAloud = []string{"", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}

// ordinalAloud writes a day of the month: "twenty-fourth".
func ordinalAloud(n int) string {
	switch {
	case n <= 20:
		return ordinalNames[n]
	case n == 30:
		return "thirtieth"
	}
	return tensAloud[n/10] + "-" + ordinalNames[n%10]
}

// yearAloud writes a year: "nineteen eighty-two", "two thousand five", "twenty twenty-six".
func yearAloud(y int) string {
	century, rest := y/100, y%100
	switch {
	case y < 1000 || y > 9999:
		return strconv.Itoa(y)
	case century%10 == 0 && rest == 0:
		return inWords(century/10) + " thousand"
	case century%10 == 0 && rest < 10:
		return inWords(century/10) + " thousand " + inWords(rest)
	case rest == 0:
		return inWords(century) + " hundred"
	case rest < 10:
		return inWords(century) + " oh " + inWords(rest)
	}
	return inWords(century) + " " + inWords(rest)
}
