package pipeline

import (
	"strings"
	"testing"
	"time"
)

// What is wrong with the settings of length and hold is said by name; zeros are good.
func TestLengthChecked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		manners Manners
		want    string // in the error; empty: it is good
	}{
		"never":                     {Manners{Notice: Notice{Before: -1}, Monologue: Monologue{After: -1}}, ""},
		"a short call":              {Manners{MaxLength: time.Second}, ""},
		"a notice before the call":  {Manners{MaxLength: time.Minute, Notice: Notice{Before: time.Hour}}, "Notice.Before is 1h0m0s: want 1s to 1m0s"},
		"a notice at the end":       {Manners{Notice: Notice{Before: ms}}, "Notice.Before is 1ms"},
		"a notice of nothing":       {Manners{Notice: Notice{Say: "!"}}, `Notice.Say is "!"`},
		"a breath":                  {Manners{Monologue: Monologue{After: time.Second}}, "Monologue.After is 1s: want 5s to 10m0s"},
		"one word":                  {Manners{Monologue: Monologue{Words: 1}}, "Monologue.Words is 1: want 20 to 5000"},
		"cutting in with nothing":   {Manners{Monologue: Monologue{Say: "..."}}, `Monologue.Say is "..."`},
		"music noticed at once":     {Manners{OnHold: OnHold{Noticed: ms}}, "OnHold.Noticed is 1ms: want 5s to 5m0s"},
		"no time on hold":           {Manners{OnHold: OnHold{Longest: ms}}, "OnHold.Longest is 1ms: want 10s to 4h0m0s"},
		"a goodbye of nothing":      {Manners{OnHold: OnHold{Goodbye: "-"}}, `OnHold.Goodbye is "-"`},
		"a notice of five minutes":  {Manners{MaxLength: noticed}, ""},
		"a notice of half a minute": {Manners{MaxLength: noticed, Notice: Notice{Before: noticed}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			switch err := tt.manners.Validate(); {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%q is not in: %v", tt.want, err)
			}
		})
	}
	for length, want := range map[time.Duration]time.Duration{0: 30 * time.Second, noticed: 30 * time.Second, noticed - 1: never} {
		if got := (Manners{MaxLength: length}).WithDefaults().Notice.Before; got != want {
			t.Errorf("a call of %v is noticed %v before its end, want %v", length, got, want)
		}
	}
}
