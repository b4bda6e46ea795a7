package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/corpus"
	"parley/bench/stage"
	"parley/media"
	"parley/media/wav"
	"parley/pipeline"
	"parley/providers/local"
)

// A bubble's clock stands still for work and jumps over waits.
func TestBubble(t *testing.T) {
	t.Parallel()
	real := time.Now()
	var virtual time.Duration
	stage.Bubble(func() {
		began := time.Now()
		time.Sleep(time.Hour)
		virtual = time.Since(began)
	})
	if virtual != time.Hour || time.Since(real) > time.Minute {
		t.Errorf("an hour took %v by its own clock and %v by ours", virtual, time.Since(real))
	}
}

// Each kind of item, with the real ear and recogniser.
func TestPlay(t *testing.T) {
	t.Parallel()
	w, err := world()
	if err != nil {
		t.Fatal(err)
	}
	q := &queue{voices: w.voices, done: func(int, result) {}}
	for _, name := range []string{"sentence/vm-changeto", "burst/0 of 422ms", "command/vm-Cust4", "word times/00 vm-Cust4 on RTP"} {
		for k := range w.items {
			if w.items[k].name == name {
				q.tasks = append(q.tasks, task{&w.items[k], arms()[0]})
			}
		}
	}
	if len(q.tasks) != 4 {
		t.Fatalf("%d items of 4", len(q.tasks))
	}
	q.results = make([]result, len(q.tasks))
	if err := stage.Virtual(t.Context(), local.DefaultDir(), 1, q.play); err != nil {
		t.Fatal(err)
	}
	sentence, burst, command, ledger := q.results[0], q.results[1], q.results[2], q.results[3]
	for _, r := range q.results {
		if r.void() || r.LateMS > 1 {
			t.Errorf("%s: void: %s, late %v", r.Name, r.Failure, r.LateMS)
		}
	}
	if sentence.CutOffs > 0 || !sentence.Answered || sentence.Delay < 20 || sentence.Delay > 3000 || sentence.Onset < 20 || sentence.Onset > 400 {
		t.Errorf("sentence: %+v", sentence)
	}
	if burst.Stopped {
		t.Errorf("burst: %+v", burst)
	}
	if !command.Stopped || command.Decided < 20 || command.Decided > 2000 || command.GaveWay > command.Decided+100 || command.LastSound < 0 || command.LastSound > 100 {
		t.Errorf("command: %+v", command)
	}
	if !ledger.Stopped || ledger.WordsOff > 1 || ledger.WordsOff < -1 {
		t.Errorf("ledger: %+v", ledger)
	}
}

func TestReflection(t *testing.T) {
	t.Parallel()
	stage.Bubble(func() {
		p := dial(&item{line: packets, echo: echo{db: -20, delay: 100 * time.Millisecond}})
		time.Sleep(40 * time.Millisecond)
		loud := make([]int16, 160)
		for n := range loud {
			loud[n] = 10000
		}
		if err := p.Send(media.Frame{PCM: loud, Rate: corpus.Rate}); err != nil {
			t.Error(err)
		}
		var got []int16
		for range 10 {
			packet, err := p.Receive()
			if err != nil {
				t.Error(err)
			}
			got = append(got, packet.Frame.PCM[80])
		}
		want := []int16{0, 0, 0, 0, 0, 0, 0, corpus.PhoneLine([]int16{1000})[0], 0, 0} // what sounded at 40 ms is heard again at 140
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("frames: -want +got\n%s", diff)
		}
	})
}

func TestHeardUntil(t *testing.T) {
	t.Parallel()
	word := func(from, to int) pipeline.Word {
		return pipeline.Word{Start: time.Duration(from) * time.Millisecond, End: time.Duration(to) * time.Millisecond}
	}
	words := []pipeline.Word{word(0, 400), word(500, 700), word(800, 1000)}
	for _, c := range []struct {
		heard, claimed, truth, off int
	}{{0, 0, 0, 0}, {199, 0, 0, 0}, {200, 1, 1, 0}, {650, 2, 2, 0}, {650, 1, 2, 50}, {650, 3, 2, 250}, {650, 9, 2, 250}, {2000, 3, 3, 0}, {2000, 0, 3, 1800}} {
		truth, off := heardUntil(words, time.Duration(c.heard)*time.Millisecond, c.claimed)
		if truth != c.truth || off != time.Duration(c.off)*time.Millisecond {
			t.Errorf("%d ms heard, %d words claimed: %d, %v off, want %d, %d ms", c.heard, c.claimed, truth, off, c.truth, c.off)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	all := []corpus.MS{corpus.None, 4, 1, 3, 2, corpus.None}
	for q, want := range map[float64]corpus.MS{0.5: 2, 0.9: 4, 1: 4} {
		if got := corpus.Quantile(all, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if got := corpus.Tail([]corpus.MS{corpus.None}); got != "-/-/-" {
		t.Errorf("of nothing: %s", got)
	}
	if text, err := json.Marshal([]corpus.MS{corpus.None, 1.5}); err != nil || string(text) != "[null,1.5]" {
		t.Errorf("%s, %v", text, err)
	}
}

// The report tells halves, arms and origins apart, and leaves out what says nothing.
func TestReport(t *testing.T) {
	t.Parallel()
	x := func(name, half string, cutOffs int, delay, late corpus.MS) result {
		r := blank(&item{set: "sentence", kind: endOfTurn, natural: true}, arm{name: name})
		r.Half, r.CutOffs, r.Answered, r.LateMS, r.Delay = half, cutOffs, true, late, delay
		return r
	}
	r := report{Results: []result{
		x(product, "tuned", 0, 300, 0), x(product, "held out", 0, 310, 0), x(product, "held out", 0, 9999, 100),
		x(fixed500, "tuned", 0, 600, 0), x(fixed500, "held out", 1, 610, 0),
	}}
	g := r.groups(endOfTurn)
	if len(g) != 4 || g[0].set != "sentence" || g[0].half != "tuned" || g[2].set != "all natural" || len(g[1].product) != 1 || len(g[1].fixed) != 1 {
		t.Fatalf("groups %+v", g)
	}
	var out bytes.Buffer
	r.print(&out, true)
	for _, want := range []string{"1 of 5 calls are void", "0 of 1 (0 %)", "310/310/310", "1 of 1 (100 %)", "at most 305"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "9999") {
		t.Errorf("what was late is told:\n%s", &out)
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	items := []item{{set: "a b", name: "a b/1", kind: endOfTurn, pcm: make([]int16, 800), end: 50 * time.Millisecond, ask: "Well?"}, {set: "e", name: "e/1", kind: selfStop}}
	if err := writeSets(dir, items); err != nil {
		t.Fatal(err)
	}
	s, err := wav.ReadFile(filepath.Join(dir, "000-a-b.wav"))
	if err != nil || len(s.PCM) != 800 || s.Rate != corpus.Rate {
		t.Errorf("%d samples at %d, %v", len(s.PCM), s.Rate, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "manifest.tsv"))
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if err != nil || len(lines) != 3 || !strings.HasPrefix(lines[1], "000-a-b.wav\ta b\ta b/1\tsynthetic\t") {
		t.Errorf("%q, %v", lines, err)
	}
	for _, l := range lines[1:] {
		if strings.Count(l, "\t") != strings.Count(lines[0], "\t") {
			t.Errorf("%q has not the columns of %q", l, lines[0])
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-clocks", "0"}, {"-live", "-1"}, {"more"}, {"-nonsense"}, {"-only", "("}} {
		var out bytes.Buffer
		if err := run(t.Context(), args, &out, &out); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestWalls(t *testing.T) {
	t.Parallel()
	if got := walls(0, "none"); len(got) != 1 || got[0] != 1 {
		t.Errorf("no room answers %v", got)
	}
	response := walls(400*time.Millisecond, "a room")
	energy := func(part []float64) (sum float64) {
		for _, r := range part {
			sum += r * r
		}
		return sum
	}
	if all := energy(response); math.Abs(all-1) > 1e-9 {
		t.Errorf("its energy is %g, want 1", all)
	}
	early, late := energy(response[1:401]), energy(response[401:801]) // 50 ms each: 7.5 dB apart
	if fall := 10 * math.Log10(early/late); fall < 5 || fall > 10 {
		t.Errorf("it falls by %.1f dB in 50 ms, want 7.5", fall)
	}
	if slices.Equal(response, walls(400*time.Millisecond, "another")) {
		t.Error("two rooms are one")
	}
}
