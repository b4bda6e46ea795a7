package carrier

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseScript(t *testing.T) {
	t.Parallel()
	got, err := ParseScript("s", `# a call
hear within=5s quiet=900ms # the greeting

say agent-pass
say "my recordings/one more.wav"
press 12#w3 gap=100ms
barge conf-invalid after=2s hush=800ms
silent 10s
press 4 tone=80ms
sound 5#
hangup`)
	if err != nil {
		t.Fatal(err)
	}
	const second, ms = time.Second, time.Millisecond
	want := []Step{
		{Place: "s:2", Verb: Hear, Within: 5 * second, Quiet: 900 * ms, Most: 90 * second},
		{Place: "s:4", Verb: Say, What: "agent-pass"},
		{Place: "s:5", Verb: Say, What: "my recordings/one more.wav"},
		{Place: "s:6", Verb: Press, What: "12#w3", Gap: 100 * ms},
		{Place: "s:7", Verb: Barge, What: "conf-invalid", After: 2 * second, Within: 15 * second, Hush: 800 * ms},
		{Place: "s:8", Verb: Silent, For: 10 * second},
		{Place: "s:9", Verb: Press, What: "4", Gap: 250 * ms, Tone: 80 * ms},
		{Place: "s:10", Verb: Sound, What: "5#", Gap: 250 * ms, Tone: 100 * ms},
		{Place: "s:11", Verb: HangUp},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if _, err := ParseScript("default", DefaultScript); err != nil {
		t.Error(err)
	}
}

func TestParseScriptMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        `s: no step in it`,
		"# nothing":               `s: no step in it`,
		"hear\nshout hello":       `s:2: shout: no such step: want say, hear, barge, press, sound, silent or hangup`,
		"say":                     `s:1: say: recording is missing`,
		"barge after=2s":          `s:1: barge: recording is missing`,
		"press 12x":               `s:1: press: keys: "x" is not a key: want 0-9 * # A-D or w`,
		"hear quiet=10":           `s:1: hear: quiet: "10" is not a time: write 700ms or 2s`,
		"hear quiet=-1s":          `s:1: hear: quiet: "-1s" is not a time: write 700ms or 2s`,
		"hear hush=1s":            `s:1: hear: hush: no such option`,
		"hangup now":              `s:1: hangup: now: no such option`,
		"silent long":             `s:1: silent: time: "long" is not a time: write 700ms or 2s`,
		`say "a b`:                `s:1: a quote is not closed: "a b`,
		"silent\nhear\npress 1 2": "s:1: silent: time is missing\ns:3: press: 2: no such option",
	} {
		_, err := ParseScript("s", text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
