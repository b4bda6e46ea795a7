package carrier

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tone is n milliseconds of sound that an ear takes for speech.
func tone(ms int) []int16 {
	pcm := make([]int16, ms*Rate/1000)
	for i := range pcm {
		pcm[i] = 4000
		if i/10%2 == 0 {
			pcm[i] = -4000
		}
	}
	return pcm
}

func TestEar(t *testing.T) {
	t.Parallel()
	quiet := func(ms int) []int16 { return make([]int16, ms*8) }
	for _, c := range []struct {
		name  string
		sound [][]int16
		want  []stretch // in ms
	}{
		{"silence", [][]int16{quiet(500)}, nil},
		{"a click is not speech", [][]int16{quiet(100), tone(10), quiet(500)}, nil},
		{"one stretch", [][]int16{quiet(100), tone(200), quiet(400)}, []stretch{{100, 300}}},
		{"a short pause joins", [][]int16{tone(200), quiet(200), tone(200), quiet(400)}, []stretch{{0, 600}}},
		{"a long one parts", [][]int16{tone(200), quiet(400), tone(200)}, []stretch{{0, 200}, {600, 800}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEar()
			for _, pcm := range c.sound {
				e.hear(pcm)
			}
			var got []stretch
			for _, s := range e.talk {
				got = append(got, stretch{s.start / 8, s.end / 8})
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(stretch{})); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	if got := trim(append(append(quiet(300), tone(200)...), quiet(300)...)); len(got) != 8*(50+200+50) {
		t.Errorf("trimmed to %d ms, want 300", len(got)/8)
	}
}

// play runs a script against an agent who speaks at the given times (ms from and to), until it leaves or fails. It returns the
// caller's story as "ms verb what".
func play(t *testing.T, script string, agent ...stretch) (story []string, err error) {
	t.Helper()
	steps, err := ParseScript("s", script)
	if err != nil {
		t.Fatal(err)
	}
	heard := newEar()
	recording := trim(append(append(make([]int16, 400), tone(1000)...), make([]int16, 400)...))
	c := &caller{script: steps, ear: &heard, log: func(e Event) {
		story = append(story, strings.Join([]string{e.At.String(), e.What, e.Text}, " "))
	}, prompts: map[string]Prompt{"hello": {Name: "hello", PCM: recording, voice: stretch{400, 8400}}}}
	for now := int64(0); now < 120*Rate; now += slot {
		m, err := c.next(now)
		if err != nil {
			return story, err
		}
		if m.leave {
			return append(story, at(now).String()+" left"), nil
		}
		sounds := make([]int16, slot)
		for _, s := range agent {
			if now >= s.start*8 && now < s.end*8 {
				copy(sounds, tone(20))
			}
		}
		heard.hear(sounds)
	}
	t.Fatal("the script has no end")
	return nil, nil
}

func TestCaller(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script string
		agent        []stretch // ms
		want         []string
		fails        string
	}{
		{"waits for the agent to fall silent", "hear quiet=700ms\nsay hello", []stretch{{500, 2000}},
			[]string{"2.75 s spoke [hello]", "3.80 s left"}, ""},
		{"a pause within speech is not its end", "hear quiet=500ms", []stretch{{500, 1000}, {1400, 2000}},
			[]string{"2.50 s left"}, ""},
		{"an agent who says nothing", "hear within=2s", nil, nil, "s:1: hear: the agent said nothing within 2s"},
		{"an agent who does not stop", "hear most=5s", []stretch{{0, 100000}}, nil, "s:1: hear: the agent was still speaking after 5s"},
		{"what was heard out is not heard again", "hear\nhear within=3s", []stretch{{0, 1000}}, nil, "s:2: hear: the agent said nothing within 3s"},
		{"an answer that began while silent counts", "hear\nsilent 5s\nhear quiet=700ms", []stretch{{0, 1000}, {3000, 4000}},
			[]string{"7.00 s left"}, ""},
		{"keys, with a wait", "press 1w2#", nil,
			[]string{"0.00 s pressed 1", "0.76 s pressed 2", "1.02 s pressed #", "1.04 s left"}, ""},
		{"the tail of what a key interrupted is no answer", "hear quiet=100ms\nsilent 500ms\npress 1\nhear quiet=700ms",
			[]stretch{{0, 1000}, {1300, 1900}, {2600, 3600}}, []string{"1.60 s pressed 1", "4.30 s left"}, ""},
		{"speaks over the agent", "barge hello after=1s", []stretch{{1000, 2600}},
			[]string{"2.05 s spoke [hello]", "3.10 s left"}, ""},
		{"an agent who falls silent too soon", "barge hello after=2s", []stretch{{0, 1000}}, nil,
			"s:1: barge hello: the agent fell silent after 1s, before the caller was to speak"},
		{"an agent who does not let itself be interrupted", "barge hello after=1s hush=500ms", []stretch{{0, 9000}}, nil,
			"s:1: barge hello: the agent did not fall silent within 500ms"},
		{"one who does", "barge hello after=1s hush=500ms", []stretch{{0, 1500}}, []string{"1.05 s spoke [hello]", "2.10 s left"}, ""},
		{"hangs up in the middle", "hangup\nsay hello", nil, []string{"0.00 s left"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			story, err := play(t, c.script, c.agent...)
			if c.fails != "" {
				if err == nil || err.Error() != c.fails {
					t.Errorf("error %v, want %s", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c.want, story); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
