package pipeline

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
)

func TestCommandChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command Command
		want    string // in the error; empty: it is good
	}{
		{Command{Kind: Say, Text: "Hi."}, ""},
		{Command{Kind: Say}, "say: no text"},
		{Command{Kind: Say, Text: "..."}, "say: no text"},
		{Command{Kind: Say, Text: "Hi.", Ask: true}, "say: ask is set: it takes none"},
		{Command{Kind: HangUp}, ""},
		{Command{Kind: HangUp, Text: "Bye.", Cause: "closing_time"}, ""},
		{Command{Kind: HangUp, Cause: "Closing time"}, `hang_up: cause is "Closing time"`},
		{Command{Kind: Inject, Text: "Be brief.", Ask: true}, ""},
		{Command{Kind: Inject, Ask: true}, "inject: no text"},
		{Command{Kind: Write, Text: "Tomorrow."}, ""},
		{Command{Kind: Write}, "write: no text"},
		{Command{Kind: Mute}, ""},
		{Command{Kind: Mute, Text: "Hush."}, "mute: text is set: it takes none"},
		{Command{Kind: Unmute}, ""},
		{Command{Kind: Unmute, Cause: "x"}, "unmute: cause is set"},
		{Command{Kind: Hold}, ""},
		{Command{Kind: Hold, Text: "Wait.", Every: time.Minute}, ""},
		{Command{Kind: Hold, Text: "Wait.", Every: time.Second}, "hold: every is 1s: want 5s to 10m0s"},
		{Command{Kind: Hold, Every: time.Minute}, "hold: no text to be said every 1m0s"},
		{Command{Kind: Unhold, Text: "Hi."}, ""},
		{Command{Kind: Unhold, Ask: true}, ""},
		{Command{Kind: Unhold, Text: "Hi.", Ask: true}, "unhold: text and ask are set"},
		{Command{Kind: Change, Agent: "b"}, ""},
		{Command{Kind: Change, Agent: "b", Text: "Hi.", Ask: true}, "change: text and ask are set"},
		{Command{Kind: Change}, "change: no agent"},
		{Command{Kind: Hold, Agent: "b"}, "hold: agent is set"},
		{Command{Kind: Hold, Text: "Wait.", Keys: "1"}, "hold: keys is set: it takes none"},
		{Command{Kind: Press, Keys: "0123456789*#ABCDwWp"}, ""},
		{Command{Kind: Press}, "press: no keys"},
		{Command{Kind: Press, Keys: "ww"}, "press: no keys"},
		{Command{Kind: Press, Keys: "12x"}, `press: 'x' is no key`},
		{Command{Kind: Press, Keys: "1\xff"}, `is no key`},
		{Command{Kind: Press, Keys: strings.Repeat("1", 65)}, "press: 65 keys: want at most 64"},
		{Command{Kind: Transfer, To: "+15550100", Text: "One moment."}, ""},
		{Command{Kind: Transfer, To: "sip:desk@example.com"}, ""},
		{Command{Kind: Transfer}, `transfer: to is ""`},
		{Command{Kind: Transfer, To: "+15550100", Join: Join{Confirm: true}}, "transfer: join is set"},
		{Command{Kind: Bridge, To: "+15550100"}, ""},
		{Command{Kind: Bridge, To: "+15550100", Text: "Hi.", Join: Join{Ring: time.Minute, Brief: "John.", Confirm: true, Stay: Listen, After: Return}}, ""},
		{Command{Kind: Bridge}, `bridge: to is ""`},
		{Command{Kind: Bridge, To: "+15550100", Join: Join{Ring: time.Second}}, "bridge: ring is 1s"},
		{Command{Kind: Bridge, To: "+15550100", Join: Join{Brief: "…"}}, "bridge: brief is"},
		{Command{Kind: Bridge, To: "+15550100", Join: Join{Confirm: true}}, "bridge: confirm is set without brief"},
		{Command{Kind: Bridge, To: "+15550100", Join: Join{Stay: "here"}}, `bridge: stay is "here"`},
		{Command{Kind: Bridge, To: "+15550100", Join: Join{After: "never"}}, `bridge: after is "never"`},
		{Command{Kind: Unbridge, Text: "Hi."}, ""},
		{Command{Kind: TakeOver, To: "web-1", By: "Ada"}, ""},
		{Command{Kind: TakeOver, By: "Ada"}, "take_over: to is \"\" and by is \"Ada\""},
		{Command{Kind: TakeOver, To: "web-1"}, "take_over: to is \"web-1\" and by is \"\""},
		{Command{Kind: Say, Text: "Hi.", By: "Ada"}, "say: by is set: it takes none"},
		{Command{Kind: Unbridge, Text: "Hi.", Ask: true}, "unbridge: text and ask are set"},
		{Command{Kind: Transfer, To: "+1 555"}, `transfer: to is "+1 555"`},
		{Command{Kind: Transfer, To: "+1555", Ask: true}, "transfer: ask is set"},
		{Command{Kind: Wait, For: time.Minute}, ""},
		{Command{Kind: Wait}, "wait: for is 0s: want 1s to 30m0s"},
		{Command{Kind: Wait, For: time.Hour}, "wait: for is 1h0m0s"},
		{Command{Kind: Collect, Slots: map[string]string{"day": "", "name": "Ana"}}, ""},
		{Command{Kind: Collect}, "collect: slots are map[]"},
		{Command{Kind: Collect, Slots: map[string]string{"": "Ana"}}, "collect: slots are map[:Ana]"},
		{Command{Kind: Wait, For: time.Minute, Slots: map[string]string{"day": ""}}, "wait: slots is set: it takes none"},
		{Command{Kind: "dance"}, `unknown command "dance"`},
		{Command{}, `unknown command ""`},
	} {
		switch err := tt.command.Check(); {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: %v", tt.command, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: %q is not in: %v", tt.command, tt.want, err)
		}
	}
}

// TestBeep: the tone swells and fades, and is heard behind what was said.
func TestBeep(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		pcm := beep(rate)
		if len(pcm) != rate*4/10 || pcm[0] != 0 || pcm[len(pcm)-1] != 0 {
			t.Errorf("%d samples at %d, from %d to %d", len(pcm), rate, pcm[0], pcm[len(pcm)-1])
		}
		if top := slices.Max(pcm); top < 8000 || top > 8192 {
			t.Errorf("it is as loud as %d", top)
		}
	}
	_, acts := play(Manners{}, event{100 * ms, told{turn: 1, delta: Delta{Do: &Command{Kind: Beep}}}}, event{200 * ms, responded{turn: 1, text: "Speak."}})
	if want := `utter 1.1 ""`; acts[1] != want {
		t.Errorf("it does %q, want %q", acts[1], want)
	}
}

// TestCollected: what a script has collected is told when it changes, and stands in the turn's record.
func TestCollected(t *testing.T) {
	t.Parallel()
	d, acts := play(Manners{},
		event{100 * ms, told{turn: 1, delta: Delta{Slots: map[string]string{"a": "1"}}}},
		event{110 * ms, told{turn: 1, delta: Delta{Slots: map[string]string{"a": "1"}}}},
		event{200 * ms, responded{turn: 1, text: ""}},
	)
	if acts[0] != "collected" || acts[1] != "" {
		t.Errorf("it tells %q", acts[:2])
	}
	if d.collected.slots["a"] != "1" {
		t.Errorf("it has %v", d.collected.slots)
	}
}

// TestCollectedByBoth: a script and Collect add to one another, each change is told, and what no turn has is left for the end.
func TestCollectedByBoth(t *testing.T) {
	t.Parallel()
	d := newDialog(&Agent{}, media.Info{})
	var recorded []map[string]string
	on := func(n news) {
		for _, a := range d.on(event{d.now + ms, n}) {
			if e, ok := a.(tell); ok && e.event.Turn != nil {
				recorded = append(recorded, e.event.Turn.Slots)
			}
		}
	}
	collect := func(slots ...string) Command {
		c := Command{Kind: Collect, Slots: map[string]string{}}
		for i := 0; i < len(slots); i += 2 {
			c.Slots[slots[i]] = slots[i+1]
		}
		return c
	}
	on(answered{})
	on(told{1, 0, Delta{Slots: map[string]string{"a": "1", "b": "1"}}})
	on(ordered{collect("b", "2", "c", "2")})
	on(told{1, 0, Delta{Slots: map[string]string{"a": "3", "b": "3"}}})
	on(ordered{collect("c", "")})
	on(responded{1, 0, ""})
	on(voiced{account{turn: 1}})
	on(tooled{turn: 1, do: &Command{Kind: Collect, Slots: map[string]string{"d": "4"}}})
	want := []map[string]string{{"a": "3", "b": "2"}}
	if diff := cmp.Diff(want, recorded); diff != "" {
		t.Errorf("the turns have (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "3", "b": "2", "d": "4"}, d.unrecorded()); diff != "" {
		t.Errorf("the end has (-want +got):\n%s", diff)
	}
	if more := d.unrecorded(); more != nil {
		t.Errorf("it is recorded twice: %v", more)
	}
}

// TestWritten: what the caller types interrupts the agent, is shown at once, and is answered as their words are; on hold nobody answers it.
func TestWritten(t *testing.T) {
	t.Parallel()
	d := newDialog(&Agent{}, media.Info{})
	var got []string
	on := func(n news) {
		for _, a := range d.on(event{d.now + ms, n}) {
			switch a := a.(type) {
			case tell:
				if a.event.Kind == Transcribed || a.event.Kind == CommandFailed {
					got = append(got, string(a.event.Kind)+" "+a.event.Text)
				}
			case cut:
				got = append(got, "cut")
			case ask:
				got = append(got, string(a.talk.Why)+" "+a.talk.Text)
			}
		}
	}
	on(answered{})
	on(ordered{Command{Kind: Write, Text: "Tomorrow."}})
	on(silenced{turn: 1})
	on(responded{2, 0, ""})
	on(voiced{account{turn: 2}})
	on(ordered{Command{Kind: Hold}})
	on(ordered{Command{Kind: Write, Text: "Hello?"}})
	want := []string{"greeting ", "transcribed Tomorrow.", "cut", "words Tomorrow.", "cut", "command_failed write"} // the second cut is the hold's
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
