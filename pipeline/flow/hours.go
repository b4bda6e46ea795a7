package flow

import (
	"fmt"
	"strings"
	"time"
)

// hours are the opening hours of a place, by the clock that hangs on its wall: where the clock is changed, they change with it.
type hours struct {
	name     string
	zone     *time.Location
	week     [7][]span         // from Sunday
	holidays map[string][]span // 2026-04-03, or 12-25 each year
}

// A span is when it is open on a day, in minutes since its midnight. A to that is not after from is on the next day.
type span struct{ from, to int }

// on is when it is open on a day.
func (h *hours) on(day time.Time) []span {
	for _, layout := range []string{isoDate, "01-02"} {
		if spans, ok := h.holidays[day.Format(layout)]; ok {
			return spans
		}
	}
	return h.week[day.Weekday()]
}

// open says whether it is open at an instant.
func (h *hours) open(at time.Time) bool {
	at = at.In(h.zone)
	return h.openOn(today(at), at.Hour()*60+at.Minute())
}

// openOn says whether it is open on a day at a minute of it.
func (h *hours) openOn(day time.Time, minute int) bool {
	for _, s := range h.on(day) {
		if minute >= s.from && (minute < s.to || s.to <= s.from) {
			return true
		}
	}
	for _, s := range h.on(day.AddDate(0, 0, -1)) {
		if s.to <= s.from && minute < s.to {
			return true
		}
	}
	return false
}

// openAt says whether it is open at a place's own date and time, as slots hold them; with a date alone, whether at any time of that
// day. An empty date is the day of now.
func (h *hours) openAt(value string, now time.Time) bool {
	day, minute := today(now.In(h.zone)), -1
	for f := range strings.FieldsSeq(value) {
		if t, err := time.Parse(isoDate, f); err == nil {
			day = t
		} else if m, ok := minutes(f); ok {
			minute = m
		} else {
			return false
		}
	}
	switch {
	case strings.TrimSpace(value) == "":
		return false
	case minute < 0:
		return len(h.on(day)) > 0
	}
	return h.openOn(day, minute)
}

// change is when it opens or closes next after an instant; false: not within a year.
func (h *hours) change(now time.Time) (at time.Time, ok bool) {
	was := h.open(now)
	first := today(now.In(h.zone))
	for i := range 367 {
		for _, t := range h.edges(first.AddDate(0, 0, i)) {
			if t.After(now) && h.open(t) != was && (!ok || t.Before(at)) {
				at, ok = t, true
			}
		}
		if ok {
			return at, true
		}
	}
	return at, false
}

// edges are all instants of a day at which it may open or close: by the hours, at midnight where a holiday begins, and where the clock
// is changed. What the clock shows twice is there twice.
func (h *hours) edges(day time.Time) []time.Time {
	midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, h.zone)
	tomorrow := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, h.zone)
	_, before := midnight.Zone()
	_, after := tomorrow.Zone()
	edges := []time.Time{midnight}
	if _, turn := midnight.ZoneBounds(); !turn.IsZero() && turn.Before(tomorrow) {
		edges = append(edges, turn.In(h.zone))
	}
	clock := func(minute int) {
		for _, offset := range []int{before, after} {
			edges = append(edges, day.Add(time.Duration(minute)*time.Minute-time.Duration(offset)*time.Second).In(h.zone))
		}
	}
	for _, s := range h.on(day) {
		clock(s.from)
		clock(s.to)
	}
	for _, s := range h.on(day.AddDate(0, 0, -1)) {
		clock(s.to)
	}
	return edges
}

// changeAloud says when it opens or closes next: "tomorrow at eight in the morning".
func (h *hours) changeAloud(now time.Time) string {
	at, ok := h.change(now)
	if !ok {
		return ""
	}
	clock := clockAloud(at.Hour()*60 + at.Minute())
	day := today(at)
	switch days := int(day.Sub(today(now.In(h.zone))).Hours() / 24); {
	case days == 0:
		return "today at " + clock
	case days == 1:
		return "tomorrow at " + clock
	case days < 7:
		return fmt.Sprintf("on %s at %s", day.Weekday(), clock)
	}
	return fmt.Sprintf("on %s, %s %s, at %s", at.Weekday(), at.Month(), ordinalAloud(at.Day()), clock)
}
