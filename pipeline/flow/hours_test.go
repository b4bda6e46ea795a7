package flow

import (
	"testing"
	"time"
)

// clinic parses business hours.
func clinic(t *testing.T, text string) *hours {
	t.Helper()
	f, err := Parse([]byte("flow: t\nstart: a\nzone: UTC\nhours:\n  h: " + text +
		"\nnodes: {a: {hours: {of: h, open: b, closed: b}}, b: {hang_up: Bye.}}"))
	if err != nil {
		t.Fatal(err)
	}
	return f.hours["h"]
}

func TestHours(t *testing.T) {
	t.Parallel()
	const (
		office = `{zone: Europe/London, open: {monday-friday: [08:00-12:00, 13:00-18:00], saturday: 09:00-12:00}, holidays: {12-25: closed, 2026-12-24: 08:00-12:00}}`
		bar    = `{zone: America/New_York, open: {thursday-saturday: 22:00-03:00}, holidays: {2026-07-04: closed}}`
		always = `{open: {daily: 00:00-24:00}}`
	)
	for name, tt := range map[string]struct {
		hours, at string // RFC 3339
		open      bool
		change    string
	}{
		"morning":                  {office, "2026-11-23T08:00:00Z", true, "today at noon"},
		"a minute early":           {office, "2026-11-23T07:59:59Z", false, "today at eight in the morning"},
		"lunch":                    {office, "2026-11-23T12:00:00Z", false, "today at one in the afternoon"},
		"the last minute":          {office, "2026-11-23T17:59:59Z", true, "today at six in the evening"},
		"evening":                  {office, "2026-11-23T18:00:00Z", false, "tomorrow at eight in the morning"},
		"saturday afternoon":       {office, "2026-11-21T13:00:00Z", false, "on Monday at eight in the morning"},
		"summer time":              {office, "2026-07-20T07:00:00Z", true, "today at noon"},
		"before it in summer":      {office, "2026-07-20T06:59:00Z", false, "today at eight in the morning"},
		"another zone's caller":    {office, "2026-11-23T09:30:00+09:00", false, "today at eight in the morning"},
		"the short day":            {office, "2026-12-24T12:30:00Z", false, "on Saturday at nine in the morning"},
		"christmas of any year":    {office, "2030-12-25T10:00:00Z", false, "tomorrow at eight in the morning"},
		"past midnight":            {bar, "2026-11-22T02:59:00-05:00", true, "today at three in the morning"},
		"closed past midnight":     {bar, "2026-11-22T03:00:00-05:00", false, "on Thursday at ten in the evening"},
		"before the first night":   {bar, "2026-11-19T01:00:00-05:00", false, "today at ten in the evening"},
		"the night that springs":   {bar, "2026-03-08T03:30:00-04:00", false, "on Thursday at ten in the evening"},
		"before it springs":        {bar, "2026-03-08T01:59:00-05:00", true, "today at three in the morning"},
		"the hour that comes once": {bar, "2026-11-01T01:30:00-04:00", true, "today at three in the morning"},
		"and comes again":          {bar, "2026-11-01T01:30:00-05:00", true, "today at three in the morning"},
		"a holiday's night":        {bar, "2026-07-04T22:30:00-04:00", false, "on Thursday at ten in the evening"},
		"the night before it":      {bar, "2026-07-04T01:00:00-04:00", true, "today at three in the morning"},
		"always":                   {always, "2026-11-22T00:00:00Z", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339, tt.at)
			if err != nil {
				t.Fatal(err)
			}
			h := clinic(t, tt.hours)
			if got := h.open(at); got != tt.open {
				t.Errorf("open is %v, want %v", got, tt.open)
			}
			if got := h.changeAloud(at); got != tt.change {
				t.Errorf("it changes %q, want %q", got, tt.change)
			}
			for change, ok := h.change(at); ok && !change.After(at); {
				t.Fatalf("it changes at %v", change)
			}
		})
	}
}

// TestChangeIsWhenItChanges: just before, it is as now; from then on, it is not. Every hour of a year that has it all.
func TestChangeIsWhenItChanges(t *testing.T) {
	t.Parallel()
	h := clinic(t, `{zone: Europe/Berlin, open: {monday-friday: [08:00-12:00, 13:00-02:30], sunday: 02:00-03:00}, holidays: {12-25: closed, 03-28: 23:00-04:00}}`)
	for at := time.Date(2026, 1, 1, 0, 17, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(97 * time.Minute) {
		change, ok := h.change(at)
		if !ok {
			t.Fatalf("%v: it never changes", at)
		}
		if h.open(change.Add(-time.Second)) != h.open(at) || h.open(change) == h.open(at) {
			t.Fatalf("%v: it does not change at %v", at, change)
		}
		for i := at; i.Before(change); i = i.Add(15 * time.Minute) {
			if h.open(i) != h.open(at) {
				t.Fatalf("%v: it changes at %v already, before %v", at, i, change)
			}
		}
	}
}
