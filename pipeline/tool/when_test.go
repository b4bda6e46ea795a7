package tool

import (
	"strings"
	"testing"
	"time"
)

// sunday is a Sunday morning, at 08:30 in London.
func sunday(t *testing.T) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return time.Date(2026, 11, 22, 8, 30, 0, 0, zone)
}

func TestWhen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-11-27T15:00":                             "2026-11-27 15:00",
		"2026-11-27T15:00:00Z":                         "2026-11-27 15:00",
		"2026-11-27t15:00:00+01:00":                    "2026-11-27 14:00",
		" 2026-11-27 15:00 ":                           "2026-11-27 15:00",
		"tomorrow at 3pm":                              "2026-11-23 15:00",
		"Tomorrow, 3:30 p.m.":                          "2026-11-23 15:30",
		"tomorrow at half past three in the afternoon": "2026-11-23 15:30",
		"quarter to nine tomorrow morning":             "2026-11-23 08:45",
		"ten past four this afternoon":                 "2026-11-22 16:10",
		"the day after tomorrow at noon":               "2026-11-24 12:00",
		"Friday at 9:30":                               "2026-11-27 09:30",
		"next friday 15:00":                            "2026-11-27 15:00",
		"this friday 15:00":                            "2026-11-27 15:00",
		"on the 27th of November at 15:00":             "2026-11-27 15:00",
		"november twenty-seventh at four pm":           "2026-11-27 16:00",
		"Friday 27 November 2026 at 3:00 PM":           "2026-11-27 15:00",
		"3 january at 10 am":                           "2027-01-03 10:00",
		"in 20 minutes":                                "2026-11-22 08:50",
		"in twenty five minutes":                       "2026-11-22 08:55",
		"in half an hour":                              "2026-11-22 09:00",
		"in an hour":                                   "2026-11-22 09:30",
		"in two days at 5 pm":                          "2026-11-24 17:00",
		"in a week at noon":                            "2026-11-29 12:00",
		"at nine in the morning":                       "2026-11-22 09:00",
		"8 am":                                         "2026-11-23 08:00",
		"today at seven thirty pm":                     "2026-11-22 19:30",
		"tonight at 8":                                 "2026-11-22 20:00",
		"midnight":                                     "2026-11-23 00:00",
		"tomorrow at 12 pm":                            "2026-11-23 12:00",
		"tomorrow at 12 am":                            "2026-11-23 00:00",
		"tomorrow at 12:30 am":                         "2026-11-23 00:30",

		"tomorrow":                "!no time of day",
		"tomorrow at three":       "!morning or afternoon",
		"soon":                    "!not understood",
		"":                        "!no time",
		"31 february at 3 pm":     "!no day 31",
		"tomorrow at 25:00":       "!not understood",
		"tomorrow at 3 4 5 pm":    "!no time",
		"2026 at 3 pm":            "!no day",
		"november at 3:00 pm":     "!no day",
		"in at":                   "!not understood",
		"in 99999 minutes":        "!not understood",
		"half past":               "!not understood",
		strings.Repeat("at ", 99): "!too long",
	} {
		got, err := when(text, sunday(t))
		if fault, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%q: %v %v, want an error with %q", text, got, err, fault)
			}
		} else if err != nil || got.In(sunday(t).Location()).Format("2006-01-02 15:04") != want {
			t.Errorf("%q: %v %v, want %s", text, got, err, want)
		}
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-11-27": "2026-11-27", "2026-11-27T23:30": "2026-11-27", "tomorrow": "2026-11-23", "sunday": "2026-11-29", "this sunday": "2026-11-22",
		"next monday": "2026-11-23", "next sunday": "2026-11-29", "tuesday, the 1st of december": "2026-12-01", "today at three": "2026-11-22", "in 3 days": "2026-11-25",
		"next week": "2026-11-29", "next month": "2026-12-22", "in one month": "2026-12-22", "may 5": "2027-05-05",
		"3 pm": "", "27": "", "whenever": "", "2026-13-45": "",
	} {
		got, err := date(text, sunday(t))
		if err == nil && got.Format(time.DateOnly) != want || err != nil && want != "" {
			t.Errorf("%q: %v %v, want %q", text, got, err, want)
		}
	}
}
