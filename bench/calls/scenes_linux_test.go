package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/bench/load"
	"parley/bench/report"
	"parley/bench/search"
	"parley/bench/wire"
	"parley/media/wav"
)

// testSession is one that has found nothing yet.
func testSession(t *testing.T) *session {
	t.Helper()
	return &session{rig: &rig{hold: 10 * time.Second, log: io.Discard}, report: &report.Report{Made: time.Now()}, found: search.Found{}, scratch: t.TempDir()}
}

// 150 % are offered to a server that may take N calls: half as many again come while N are there, evenly, until what is measured ends.
func TestOverload(t *testing.T) {
	t.Parallel()
	s := testSession(t)
	scenes, err := overloadScene(s)
	if err != nil {
		t.Fatal(err)
	}
	sc := scenes[0]
	if len(sc.names) != len(sc.steps) || sc.stepName(0) != "" || sc.stepName(2) != overloaded || sc.env[0] != "PARLEY_MAX_CALLS=500" || sc.offered != 750 {
		t.Errorf("%+v", sc)
	}
	window := (sc.settle + sc.steps[2].Hold).Seconds()
	if more := int(sc.steps[2].Rate * window); more != 250 {
		t.Errorf("%d calls come in %v s, want 250", more, window)
	}
	if s.o.calls = 20; s.few(500) != 20 || s.few(10) != 10 {
		t.Error("-calls 20 has more, or fewer where there are fewer")
	}
}

// What drifts falls on steps with and without requests alike, and each is asked beside only where it says so.
func TestAPIScene(t *testing.T) {
	t.Parallel()
	scenes, err := apiScene(testSession(t))
	if err != nil {
		t.Fatal(err)
	}
	sc := scenes[0]
	if want := []string{"", beside, alone, alone, beside}; !slices.Equal(sc.names, want) || len(sc.steps) != len(want) || sc.ask != beside {
		t.Errorf("%v, asked at %q; want %v", sc.names, sc.ask, want)
	}
	if sc.steps[0].Ramp == 0 || slices.ContainsFunc(sc.steps[1:], func(s load.Step) bool { return s.Ramp > 0 || s.Calls != 500 }) {
		t.Errorf("%+v", sc.steps)
	}
}

// Every scene can be made of what is installed, under a name of its own, and a point's name finds it.
func TestPoints(t *testing.T) {
	t.Parallel()
	s := testSession(t)
	s.found["product"] = []int{900}
	seen := map[string]bool{}
	for _, p := range points {
		scenes, err := p.scenes(s)
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
		for _, sc := range scenes {
			if seen[sc.name] || sc.name == "" || len(sc.steps) == 0 {
				t.Errorf("%s: %q with %d steps", p.name, sc.name, len(sc.steps))
			}
			if seen[sc.name] = true; sc.name == busy && sc.steps[0].Calls != 720 {
				t.Errorf("80 %% of 900 are %d", sc.steps[0].Calls)
			}
		}
		if some, err := chosen(p.name); err != nil || len(some) != 1 || some[0].name != p.name {
			t.Errorf("-point %s: %v, %v", p.name, some, err)
		}
	}
	if some, err := chosen("api,way"); err != nil || len(some) != 2 || some[0].name != "api" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := chosen("way,nowhere"); err == nil || !strings.Contains(err.Error(), `"nowhere"`) || !strings.Contains(err.Error(), "overload") {
		t.Errorf("%v", err)
	}
}

// The recording that ends abruptly ends with speech as loud as anybody could want, and the generator takes its last frame for the last.
func TestAbrupt(t *testing.T) {
	t.Parallel()
	pcm := make([]int16, 100*wire.Samples+7)
	for i := range pcm[:90*wire.Samples] {
		pcm[i] = 1000
	}
	for i := range pcm[70*wire.Samples : 80*wire.Samples] {
		pcm[70*wire.Samples+i] = 4000
	}
	cut, err := cutAbruptly(pcm, abruptLeast)
	if err != nil || len(cut) != 71*wire.Samples {
		t.Errorf("%d frames, %v; want 71", len(cut)/wire.Samples, err)
	}
	if _, err := cutAbruptly(pcm[:70*wire.Samples], abruptLeast); err == nil || !strings.Contains(err.Error(), "-25 dBFS") {
		t.Errorf("of a recording without such a frame: %v", err)
	}
	dir := t.TempDir()
	if err := writeAbrupt(dir); err != nil {
		t.Fatal(err)
	}
	places := map[int]bool{} // in a message of four frames, at which they end
	for _, name := range abruptly {
		sound, err := wav.ReadFile(filepath.Join(dir, name))
		if err != nil || len(sound.PCM)%wire.Samples != 0 || len(sound.PCM) < abruptLeast*wire.Samples {
			t.Errorf("%s: %d samples, %v", name, len(sound.PCM), err)
		}
		places[len(sound.PCM)/wire.Samples%4] = true
	}
	if len(places) != 4 {
		t.Errorf("the recordings end at %d places of a message, want all 4", len(places))
	}
}

// A step's verdict: bars of its scene, the recogniser's pace, and whether generator and vendors had room.
func TestJudge(t *testing.T) {
	t.Parallel()
	b := &rig{log: io.Discard}
	for name, c := range map[string]struct {
		change func(*report.Step)
		failed string // a part of the bar that is missed
		void   string // a part of why it says nothing
	}{
		"carried":           {func(*report.Step) {}, "", ""},
		"late":              {func(s *report.Step) { s.Times[report.Lateness] = report.Spread{N: 9, P99: 5.1} }, "lateness p99 5.1 ms", ""},
		"falls behind":      {func(s *report.Step) { s.Times[report.FrameToSTT] = report.Spread{N: 9, P99: 120} }, "frame_to_stt p99 120 ms", ""},
		"one in a thousand": {func(s *report.Step) { s.Counts[report.FramesLost] = 1 }, "", ""},
		"two in a thousand": {func(s *report.Step) { s.Counts[report.FramesLost] = 3 }, "frames_lost 3 of", ""},
		"refused":           {func(s *report.Step) { s.Tally.Refused = map[string]int64{"busy": 1} }, "refused 1 of 20", ""},
		"after clear":       {func(s *report.Step) { s.Counts[report.AfterClear] = 1 }, "media_after_clear", ""},
		"no room":           {func(s *report.Step) { s.Generator = report.Generator{Busy: 0.5, Vendors: 0.4} }, "", "90 % of their core"},
		"said before":       {func(s *report.Step) { s.Failed = []string{"control_request: 1 of 9"} }, "control_request", ""},
	} {
		s := seen("product", 1, 20, nil, func(s *report.Step) {
			s.Counts[report.FramesOut], s.Tally.Offered, s.Tally.Answered = 1500, 20, 20
		})
		c.change(&s)
		b.judge(&s, carried)
		if got := strings.Join(s.Failed, "; "); c.failed == "" && got != "" || !strings.Contains(got, c.failed) {
			t.Errorf("%s: failed %q, want %q", name, got, c.failed)
		}
		if c.void == "" && s.Void != "" || !strings.Contains(s.Void, c.void) {
			t.Errorf("%s: void %q, want %q", name, s.Void, c.void)
		}
	}
}

// A search of which nothing came keeps the run from a verdict.
func TestComplete(t *testing.T) {
	t.Parallel()
	s := testSession(t)
	s.o.search, s.found["product"], s.found["floor"] = true, []int{900}, []int{1200}
	if err := s.complete([]string{"product", "floor"}); err != nil {
		t.Error(err)
	}
	if err := s.complete(kinds); err == nil || !strings.Contains(err.Error(), "baseline: no load was found") {
		t.Errorf("%v", err)
	}
}

// A wrong command line is told with its flag.
func TestOptions(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"-binary /nowhere", "-binary"}, {"-binary SELF -only gw", "-only"}, {"-binary SELF -servers product,gw", "-servers"}, {"-binary SELF -point x", "-point"},
		{"-binary SELF -rounds 0", "-rounds 0"}, {"-binary SELF -hold 1ms", "-hold 1ms"}, {"-binary SELF -calls -1", "-calls -1"},
	} {
		if _, err := parse(strings.Fields(strings.ReplaceAll(c.args, "SELF", self)), io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.args, err)
		}
	}
	o, err := parse([]string{"-binary", self}, io.Discard)
	if err != nil || !o.search || len(o.point) != len(points) || !slices.Equal(o.servers, kinds) {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parse([]string{"-binary", self, "-point", "voice,api"}, io.Discard); err != nil || o.search || len(o.point) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}
