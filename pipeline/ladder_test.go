package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLadderChecked(t *testing.T) {
	t.Parallel()
	end := Rung{HangUp: true}
	long := make([]Rung, mostRungs, mostRungs+1)
	for name, tt := range map[string]struct {
		ladder []Rung
		want   []string // in the error; none: it is good
	}{
		"none":                       {nil, nil},
		"one":                        {[]Rung{end}, nil},
		"three":                      {[]Rung{{After: 5 * time.Second, Say: "Hello?"}, {}, end}, nil},
		"too soon":                   {[]Rung{{After: ms}, end}, []string{"Ladder[0].After is 1ms: want 1s to 10m0s"}},
		"too late":                   {[]Rung{{}, {After: time.Hour, HangUp: true}}, []string{"Ladder[1].After is 1h0m0s"}},
		"negative":                   {[]Rung{{After: -time.Second}, end}, []string{"Ladder[0].After is -1s"}},
		"nothing to be heard":        {[]Rung{{Say: "..."}, end}, []string{`Ladder[0].Say is "..."`}},
		"without an end":             {[]Rung{{}, {}}, []string{"Ladder[1].HangUp is not set"}},
		"an end in the middle":       {[]Rung{{}, end, end}, []string{"Ladder[1].HangUp is set"}},
		"more than one thing is bad": {[]Rung{{After: ms}, {Say: "!"}}, []string{"Ladder[0].After", "Ladder[1].Say", "Ladder[1].HangUp is not set"}},
		"the longest":                {append(long[:mostRungs-1:mostRungs-1], end), nil},
		"too many":                   {append(long, end), []string{"Ladder has 21 rungs: want at most 20"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Manners{Ladder: tt.ladder}.Validate()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("%v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
		})
	}
}

// The short form is a ladder too.
func TestLadderOfShortForm(t *testing.T) {
	t.Parallel()
	for reprompts, want := range map[int][]Rung{
		-1: {{Say: "Bye.", HangUp: true}},
		0:  {{}, {}, {Say: "Bye.", HangUp: true}}, // the default
		1:  {{}, {Say: "Bye.", HangUp: true}},
	} {
		m := Manners{Reprompts: reprompts, Goodbye: "Bye."}.WithDefaults()
		if diff := cmp.Diff(want, m.ladder()); diff != "" {
			t.Errorf("%d reprompts: %s", reprompts, diff)
		}
	}
}
