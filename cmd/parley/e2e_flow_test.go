//go:build e2e

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/carrier"
	"parley/media/wav"
	"parley/pipeline/flow"
	"parley/providers/providertest"
)

// A clip is a stretch of a recorded prompt, or all of it.
type clip struct {
	prompt   string
	from, to time.Duration // to 0: its end
}

// spoken is one thing that a caller says, made of recorded words as they stand in Debian's prompts; it returns the file. Between two
// clips there are 120 ms.
func spoken(t *testing.T, name string, clips ...clip) string {
	t.Helper()
	var pcm []int16
	for i, c := range clips {
		p, err := carrier.Library{}.Open(c.prompt)
		if err != nil {
			t.Fatal(err)
		}
		if c.to == 0 {
			c.to = time.Duration(len(p.PCM)) * time.Second / carrier.Rate
		}
		if i > 0 {
			pcm = append(pcm, make([]int16, samples(120*time.Millisecond))...)
		}
		pcm = append(pcm, p.PCM[samples(c.from):min(samples(c.to), len(p.PCM))]...)
	}
	path := filepath.Join(t.TempDir(), name+".wav")
	if err := wav.WriteFile(path, wav.Sound{PCM: pcm, Rate: carrier.Rate, Channels: 1}); err != nil {
		t.Fatal(err)
	}
	return path
}

// words are clips of whole prompts.
func words(prompts ...string) []clip {
	var cs []clip
	for _, p := range prompts {
		cs = append(cs, clip{prompt: p})
	}
	return cs
}

// dial has `parley call` do the steps, and returns the call's record.
func (n *node) dial(t *testing.T, from string, steps ...string) callRow {
	t.Helper()
	args := []string{"call", "--connect", strings.TrimPrefix(n.url, "http://"), "--from", from, "--no-transcribe", "--json", "--wav", filepath.Join(t.TempDir(), "call.wav")}
	for _, s := range steps {
		args = append(args, "--do", s)
	}
	out, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, args...)
	if code != 0 {
		t.Fatalf("parley call: %d\n%s", code, out)
	}
	var r carrier.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("parley call printed %s: %v", out, err)
	}
	c := n.record(r.CallSID)
	for _, turn := range c.Turns {
		t.Logf("%-8s %-32q agent: %s", turn.Why, turn.Said, turn.Text)
	}
	t.Logf("collected: %v", c.Collected)
	return c
}

// openDay is the first day from two days on, on the clinic's clock, on which it is open at ten: callers may book it.
func openDay(t *testing.T) time.Time {
	t.Helper()
	f, err := flow.Receptionist()
	if err != nil {
		t.Fatal(err)
	}
	day := time.Now().In(f.Zone()).AddDate(0, 0, 2)
	for day.Weekday() == time.Sunday || strings.Contains("01-01 07-04 12-25", day.Format("01-02")) {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// TestEndToEndReceptionist: what callers want of the receptionist is in their calls' records.
func TestEndToEndReceptionist(t *testing.T) {
	t.Parallel()
	n := serve(t)
	day := openDay(t)
	booked := day.Format(time.DateOnly)
	t.Run("an appointment by voice", func(t *testing.T) {
		t.Parallel()
		say := func(name string, clips ...clip) string { return "say " + spoken(t, name, clips...) }
		correct := say("correct", clip{"if-correct-press", 560 * time.Millisecond, 1200 * time.Millisecond})
		c := n.dial(t, "+15550100001",
			"hear", say("two", words("vm-press", "digits/2")...),
			"hear", say("day", words("digits/day-"+itoa(int(day.Weekday())))...),
			"hear", say("time", words("digits/10", "digits/oclock")...),
			"hear", say("name", words("phonetic/o_p")...),
			"hear", say("no", words("vm-no")...),
			"hear", say("number", words("digits/5", "digits/5", "digits/5", "digits/oh", "digits/1", "digits/2", "digits/3")...),
			"hear", correct,
			"hear", correct,
			"hear", "say vm-goodbye", "hear")
		n.collected(t, c, map[string]string{"day": booked, "time": "10:00", "name": "Oscar", "phone": "5550123", "appointment": booked + " 10:00"})
		if c.Cause != "agent" {
			t.Errorf("after goodbye, the call ended by %s", c.Cause)
		}
	})
	t.Run("an appointment by keys", func(t *testing.T) {
		t.Parallel()
		c := n.dial(t, "+15550100001", "hear", "press 2", "hear", "press "+day.Format("0102"), "hear", "press 1030", "hear", "press *",
			"hear", "press 2", "hear", "press 02071234567#", "hear", "press 1", "hear", "press 1", "hear", "hangup")
		n.collected(t, c, map[string]string{"day": booked, "time": "10:30", "phone": "02071234567", "appointment": booked + " 10:30"})
	})
	t.Run("an appointment over the questions", func(t *testing.T) { // who knows the way need not listen
		t.Parallel()
		c := n.dial(t, "+15550100001", "press 2w"+day.Format("0102")+"w0900w*w1w1 gap=100ms", "hear quiet=2s", "hangup")
		n.collected(t, c, map[string]string{"day": booked, "time": "09:00", "phone": "+15550100001", "appointment": booked + " 09:00"})
	})
	t.Run("a message", func(t *testing.T) {
		t.Parallel()
		c := n.dial(t, "+15550100001", "hear", "press 5", "hear", "say agent-pass", "silent 1s", "say privacy-prompt", "hear", "press 1", "hear", "hangup")
		var wer providertest.WER
		wer.Add("Please enter your password followed by the pound key. Please enter your phone number, starting with the area code.", c.Collected["message"])
		if wer.Rate() > 0.1 {
			t.Errorf("the message is %q", c.Collected["message"])
		}
		n.messageSounds(t, c)
	})
}

// collected compares a call's record.
func (n *node) collected(t *testing.T, c callRow, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, c.Collected); diff != "" {
		t.Errorf("the record (-want +got):\n%s", diff)
	}
}

// messageSounds holds that a message is where the record says: somebody speaks at its beginning and at its end, and nobody before it
// or after it.
func (n *node) messageSounds(t *testing.T, c callRow) {
	t.Helper()
	all, err := wav.ReadFile(n.recordingOf(c))
	if err != nil {
		t.Fatal(err)
	}
	from, err1 := time.ParseDuration(c.Collected["message_at"] + "s")
	length, err2 := time.ParseDuration(c.Collected["message_length"] + "s")
	if err1 != nil || err2 != nil {
		t.Fatalf("the message's place: %v, %v", err1, err2)
	}
	caller := all.Channel(0)
	loud := func(from, to time.Duration) bool {
		for i := int64(from) * int64(all.Rate) / int64(time.Second); i < int64(to)*int64(all.Rate)/int64(time.Second); i++ {
			if s := caller[i]; s > 1000 || s < -1000 {
				return true
			}
		}
		return false
	}
	const edge = 400 * time.Millisecond
	to := from + length
	if !loud(from, from+edge) || !loud(to-edge, to) || loud(from-2*edge, from-edge/2) || loud(to+edge/2, to+2*edge) {
		for _, m := range c.Transcript {
			t.Logf("%s at %d ms for %d ms: %s", m.Role, m.OffsetMS, m.DurationMS, m.Text)
		}
		t.Errorf("nobody speaks from %v to %v of the recording, or somebody beside it", from, to)
	}
}
