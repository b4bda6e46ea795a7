package vendors

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/bench/stamp"
)

func TestDelayReads(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Delay{
		"0s":           {},
		"90ms":         Fixed(90 * time.Millisecond),
		"50ms..120ms":  Evenly(50*time.Millisecond, 120*time.Millisecond),
		"90ms/250ms":   Lognormal(90*time.Millisecond, 250*time.Millisecond),
		"100ms..100ms": Fixed(100 * time.Millisecond),
	} {
		var got Delay
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
		b, err := json.Marshal(got)
		var again Delay
		if err == nil {
			err = json.Unmarshal(b, &again)
		}
		if err != nil || again != got {
			t.Errorf("%q: came back as %v, %v", text, again, err)
		}
	}
	for _, text := range []string{"", "90", "-1ms", "2m", "120ms..50ms", "250ms/90ms", "0s/90ms", "90ms/", "a..b"} {
		var got Delay
		if err := got.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), `delay "`+text+`"`) {
			t.Errorf("%q: got %v, %v; want an error that shows it", text, got, err)
		}
	}
}

// TestDelaysAreDrawn: a delay is distributed as it says, and the same seed draws the same.
func TestDelaysAreDrawn(t *testing.T) {
	t.Parallel()
	const n = 20000
	draw := func(seed uint64, d Delay) []time.Duration {
		next := newDrawer(seed).of(d, time.Hour)
		all := make([]time.Duration, n)
		for i := range all {
			all[i] = next()
		}
		return all
	}
	near := func(what string, got, want time.Duration) {
		if off := float64(got-want) / float64(want); off > 0.05 || off < -0.05 {
			t.Errorf("%s is %v, want about %v", what, got, want)
		}
	}
	tail := draw(1, Lognormal(90*time.Millisecond, 250*time.Millisecond))
	if !slices.Equal(tail, draw(1, Lognormal(90*time.Millisecond, 250*time.Millisecond))) {
		t.Error("the same seed draws other times")
	}
	if slices.Equal(tail, draw(2, Lognormal(90*time.Millisecond, 250*time.Millisecond))) {
		t.Error("another seed draws the same times")
	}
	slices.Sort(tail)
	near("p50", tail[n/2], 90*time.Millisecond)
	near("p99", tail[n*99/100], 250*time.Millisecond)
	even := draw(1, Evenly(50*time.Millisecond, 150*time.Millisecond))
	slices.Sort(even)
	near("the shortest", even[0], 50*time.Millisecond)
	near("the median", even[n/2], 100*time.Millisecond)
	near("the longest", even[n-1], 150*time.Millisecond)
	if got := draw(1, Fixed(time.Second))[n-1]; got != time.Second {
		t.Errorf("a fixed delay is %v", got)
	}
	if got := draw(1, Delay{})[0]; got != time.Hour {
		t.Errorf("without a delay that varies it is %v, want the fixed one", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for field, o := range map[string]Options{
		"final": {Final: -1}, "hangover": {Hangover: time.Hour}, "first_token": {FirstToken: -1}, "token_gap": {TokenGap: -1}, "first_audio": {FirstAudio: -1},
		"words": {Words: 3000}, "pace": {Pace: -1}, "piece": {Piece: time.Millisecond},
	} {
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), "vendors: "+field+" ") {
			t.Errorf("%+v: got %v, want an error that names %s", o, err, field)
		}
	}
	for _, s := range []string{`{`, `{"nonsense":1}`, `{"delays":{"final":"soon"}}`, `{"words":-1}`} {
		if _, err := read(s); err == nil {
			t.Errorf("%s was taken", s)
		}
	}
	o := Options{Words: 3, Answer: "one two"}
	if got := o.answer(); got != "one two one" {
		t.Errorf("the answer is %q", got)
	}
}

// TestStampsAreHeard: the newest stamp of a message tells the path, if it is in its last frame; the oldest has the gathering in it.
func TestStampsAreHeard(t *testing.T) {
	t.Parallel()
	message := func(frames ...int) []byte {
		law := make([]byte, 4*frame)
		for i := range law {
			law[i] = 0xFF
		}
		for _, f := range frames {
			stamp.Put(law[f*frame:], stamp.Now()-time.Duration(3-f)*20*time.Millisecond-5*time.Millisecond)
		}
		return law
	}
	s := newStamps()
	s.heard(message(0, 1, 2, 3))
	s.heard(message(0, 2))
	s.heard(message())
	if n := s.found.Load(); n != 6 {
		t.Errorf("%d stamps were found, want 6", n)
	}
	if n, got := s.path.TotalCount(), s.path.Min(); n != 1 || got < 5000 {
		t.Errorf("%d paths, the shortest of %d us; want one of 5 ms or more", n, got)
	}
	if n, got := s.gathered.TotalCount(), s.gathered.Min(); n != 2 || got < 64000 { // of three digits
		t.Errorf("%d gathered, the shortest of %d us; want two of 65 ms or more", n, got)
	}
	s.reset()
	if times := s.times(); len(times) != 0 {
		t.Errorf("after a reset there are %v", times)
	}
}

// TestStampsDoNotAllocate is not parallel: AllocsPerRun counts the whole process.
func TestStampsDoNotAllocate(t *testing.T) {
	s := newStamps()
	law := make([]byte, 4*frame)
	if n := testing.AllocsPerRun(1000, func() {
		s.begins(law)
		s.heard(law)
		s.paced(time.Millisecond)
	}); n != 0 {
		t.Errorf("a message costs %v allocations, want 0", n)
	}
}
