package floor

import (
	"context"
	"os"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/bench/load"
	"parley/bench/report"
	"parley/providers/providertest"
)

// TestGenerator has the load test's generator call every server of whole calls in a process of its own, without knowing which is which: each
// greets, and answers.
func TestGenerator(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	talk := Deepgram(providertest.StartDeepgram(t, &providertest.Deepgram{}), "nova-3", 300*time.Millisecond)
	talk.Greeting, talk.Answer = "Hi.", "Fine."
	script, err := carrier.ParseScript("test", "hear quiet=200ms\nsay agent-pass\nhear quiet=200ms\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"own-whole", "own-whole-ahead", "usual-whole"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Start(t.Context(), -1, Options{Name: name, Conversation: talk}, exe)
			if err != nil {
				t.Fatal(err)
			}
			plan := load.Plan{URL: "http://" + p.Addresses[0] + "/twilio/voice", Script: script, Once: true, Steps: []load.Step{{Calls: 3, Hold: 4 * time.Second}}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var last report.Step
			for last.Counts[report.Turns]+last.Counts[report.Unanswered] == 0 { // on a busy machine the first may be over before a turn is
				steps, err := plan.Run(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				last = steps[0]
				plan.Steps[0].Hold += 3 * time.Second
			}
			if last.Tally.Answered != 3 || len(last.Tally.Broken) > 0 || last.Counts[report.Turns] == 0 || last.Counts[report.Unanswered] > 0 || last.Counts[report.FramesOut] == 0 {
				t.Errorf("tally %+v, counts %v", last.Tally, last.Counts)
			}
			c, err := p.Counts()
			if err != nil || c.Calls == 0 || c.Turns < c.Calls || c.Bad > 0 {
				t.Errorf("the server counts %+v, %v", c, err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
