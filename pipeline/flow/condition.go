package flow

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A condition holds or does not.
type condition interface {
	holds(v values) bool
	each(func(leaf condition)) // visits itself, or the conditions that it is made of
}

// values are what conditions look at.
type values struct {
	slot func(name string) string
	now  time.Time
}

// every holds when each of its conditions does; some, when one does; negated, when its condition does not.
type (
	every   []condition
	some    []condition
	negated struct{ condition }
)

func (a every) holds(v values) bool {
	return !slices.ContainsFunc(a, func(c condition) bool { return !c.holds(v) })
}

func (a some) holds(v values) bool {
	return slices.ContainsFunc(a, func(c condition) bool { return c.holds(v) })
}

func (n negated) holds(v values) bool { return !n.condition.holds(v) }

func (a every) each(f func(condition)) {
	for _, c := range a {
		c.each(f)
	}
}

func (a some) each(f func(condition)) { every(a).each(f) }

// opened holds while business hours are open: now, or at the date and time of a text.
type opened struct {
	line int
	name string // of the hours
	*hours
	at text
}

func (o *opened) each(f func(condition)) { f(o) }
func (o *opened) holds(v values) bool {
	if o.at.empty() {
		return o.open(v.now)
	}
	return o.openAt(o.at.fill(v.slot), v.now)
}

// compared holds when a slot passes all its tests.
type compared struct {
	slot  string
	line  int
	tests []test
}

// A test compares a value.
type test struct {
	name    string
	with    []text // of is and is_not: several
	empty   bool
	pattern *regexp.Regexp
}

func (c *compared) each(f func(condition)) { f(c) }
func (c *compared) holds(v values) bool {
	value := v.slot(c.slot)
	return !slices.ContainsFunc(c.tests, func(t test) bool { return !t.passes(value, v) })
}

func (t test) passes(value string, v values) bool {
	switch t.name {
	case "empty":
		return (value == "") == t.empty
	case "matches":
		return t.pattern.MatchString(value)
	case "is", "is_not":
		found := slices.ContainsFunc(t.with, func(w text) bool { return strings.EqualFold(w.fill(v.slot), value) })
		return found == (t.name == "is")
	}
	order := compare(value, t.with[0].fill(v.slot))
	switch {
	case value == "":
		return false
	case t.name == "above":
		return order > 0
	case t.name == "below":
		return order < 0
	case t.name == "at_least":
		return order >= 0
	}
	return order <= 0
}

// compare orders two values: numbers by size; dates, times and words by their letters.
func compare(a, b string) int {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if err1 == nil && err2 == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}
