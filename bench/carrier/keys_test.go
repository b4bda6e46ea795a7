package carrier

import (
	"strings"
	"testing"
	"time"

	"parley/media/dtmf"
)

// TestKeysSound: with tone= the keys are heard before their messages, and of sound nothing else tells.
func TestKeysSound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ keys, messages string }{
		"press 1w2# tone=60ms":      {"12#", "12#"},
		"press 1w2#":                {"", "12#"},
		"sound 4A*":                 {"4A*", ""},
		"sound 44 tone=50ms gap=1s": {"44", ""},
	} {
		heard := newEar()
		c := &caller{script: script(t, text), ear: &heard, log: func(Event) {}}
		var said []int16
		messages := ""
		told := map[int]int{} // by message: samples said before
		for now := int64(0); now < 10*Rate; now += slot {
			m, err := c.next(now)
			if err != nil {
				t.Fatal(err)
			}
			if m.leave {
				break
			}
			if m.key != 0 {
				told[len(messages)] = len(said)
				messages += string(m.key)
			}
			said = append(said, append(append([]int16(nil), m.voice...), make([]int16, slot-len(m.voice))...)...)
		}
		ear, keys := dtmf.NewDetector(Rate), ""
		for i := 0; i < len(said); i += slot {
			if p, ok := ear.Hear(said[i : i+slot]); ok {
				if at, is := told[len(keys)]; is && timeOf(int64(at)) < p.At+50*time.Millisecond {
					t.Errorf("%s: key %c is told of at %v, and sounds from %v on", text, p.Key, timeOf(int64(at)), p.At)
				}
				keys += string(p.Key)
			}
		}
		if keys != want.keys || messages != want.messages {
			t.Errorf("%s: heard %q and told %q, want %q and %q", text, keys, messages, want.keys, want.messages)
		}
	}
}

// TestAgentPresses: the report of a call shows the keys that the agent has pressed.
func TestAgentPresses(t *testing.T) {
	t.Parallel()
	s := serveAgent(t, connect, func(a *agentSocket) {
		a.read(event("start"))
		a.speak(tone(400))
		var pcm []int16
		for _, k := range "12#" {
			pcm = dtmf.Append(pcm, k, Rate)
		}
		a.speak(pcm)
		a.read(event("stop"))
	})
	r, err := Call{URL: s.URL + "/voice", AuthToken: testToken, Script: script(t, "hear quiet=350ms\nsilent 300ms")}.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	if r.Keys != "12#" || !strings.Contains(b.String(), "agent    pressed 1 2 #") {
		t.Errorf("pressed %q:\n%s", r.Keys, &b)
	}
}
