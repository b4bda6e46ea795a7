package flow

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

var (
	theDays    = regexp.MustCompile(daysPattern)
	theHoliday = regexp.MustCompile(holidayPattern)
	theHours   = regexp.MustCompile(hoursPattern)
)

// hours reads business hours.
func (p *parser) hours(e entryOf) *hours {
	m := p.mapping(e.value, "hours "+e.key, hoursShape)
	h := &hours{name: e.key, zone: p.zone(m["zone"], p.flow.zone), holidays: map[string][]span{}}
	taken := [7]int{} // by the line
	for _, d := range p.entries(m["open"], "open") {
		if !theDays.MatchString(d.key) {
			p.bad(d.line, "%q is no weekday: write monday, monday-friday or daily", d.key)
			continue
		}
		spans := p.spans(d.value, d.key)
		for _, day := range weekdays(d.key) {
			if taken[day] != 0 {
				p.fail(d.line, "%s is there twice, first on line %d", strings.ToLower(weekdayNames[day]), taken[day])
			}
			taken[day], h.week[day] = d.line, spans
		}
	}
	for _, d := range p.entries(m["holidays"], "holidays") {
		if !theHoliday.MatchString(d.key) {
			p.bad(d.line, "%q is no day: write 2026-04-03, or 12-25 for each year", d.key)
			continue
		}
		day := d.key
		if len(day) == len("12-25") {
			day = "2024-" + day // which has a 29th of February
		}
		if _, err := time.Parse(isoDate, day); err != nil {
			p.fail(d.line, "there is no day %s", d.key)
		}
		h.holidays[d.key] = p.spans(d.value, d.key)
	}
	return h
}

// weekdays are those that a key such as friday-monday names.
func weekdays(key string) []int {
	if key == "daily" {
		key = "monday-sunday"
	}
	first, last, ranged := strings.Cut(key, "-")
	if !ranged {
		last = first
	}
	number := func(day string) int {
		return slices.IndexFunc(weekdayNames, func(d string) bool { return strings.ToLower(d) == day })
	}
	days := []int{number(first)}
	for day := number(first); day != number(last); {
		day = (day + 1) % 7
		days = append(days, day)
	}
	return days
}

// spans reads 08:00-18:00, a list of such, or closed.
func (p *parser) spans(n *yaml.Node, what string) []span {
	if n.Kind == yaml.ScalarNode && n.Value == "closed" {
		return nil
	}
	ns := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		ns = p.list(n, what)
	}
	var spans []span
	for _, s := range ns {
		if s.Kind != yaml.ScalarNode || !theHours.MatchString(s.Value) {
			p.bad(s.Line, "%s must be times such as 08:00-18:00, or closed, not %s", what, shapeOf(s))
			continue
		}
		from, _ := minutes(s.Value[:5])
		to, _ := minutes(s.Value[6:])
		for _, other := range spans {
			end := func(s span) int {
				if s.to <= s.from {
					return s.to + 24*60
				}
				return s.to
			}
			if from < end(other) && other.from < end(span{from, to}) {
				p.fail(s.Line, "%s of %s overlaps what stands before it", s.Value, what)
			}
		}
		spans = append(spans, span{from, to})
	}
	return spans
}
