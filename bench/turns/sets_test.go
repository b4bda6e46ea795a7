package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/providers/local"
)

// world is what all tests look at: reading it takes seconds.
var world = sync.OnceValues(func() (w struct {
	corpus *corpus
	voices *voices
	items  []item
}, err error) {
	if w.corpus, err = readCorpus(); err != nil {
		return w, err
	}
	if w.voices, err = rehearse(context.Background(), w.corpus, local.DefaultDir()); err != nil {
		return w, err
	}
	w.items = allSets(w.corpus, w.voices)
	return w, nil
})

func sets(t *testing.T) []item {
	t.Helper()
	w, err := world()
	if err != nil {
		t.Fatal(err)
	}
	return w.items
}

func TestItems(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	halves := map[string]map[string]int{}
	for _, i := range sets(t) {
		if names[i.name] {
			t.Errorf("%s: twice", i.name)
		}
		names[i.name] = true
		if halves[i.set] == nil {
			halves[i.set] = map[string]int{}
		}
		halves[i.set][i.half()]++
		if i.kind != selfStop && (i.begin < 0 || i.end <= i.begin || i.end > length(i.pcm)+hop) {
			t.Errorf("%s: speech from %v to %v in %v of sound", i.name, i.begin, i.end, length(i.pcm))
		}
		if i.set == "backchannel" && !strings.HasSuffix(i.name, "twice") && i.end-i.begin > time.Second {
			t.Errorf("%s: %v long, which is more than a listener says: is it read letter by letter?", i.name, i.end-i.begin)
		}
		if i.ask == "" || i.after <= 0 || i.kind == selfStop != (i.pcm == nil) {
			t.Errorf("%s: says %q, after %v, %d samples", i.name, i.ask, i.after, len(i.pcm))
		}
		for _, p := range i.pauses {
			if p.length() < pauseLeast || p.length() > 2*time.Second || p.from <= i.begin || p.to >= i.end {
				t.Errorf("%s: pause %v to %v in speech from %v to %v", i.name, p.from, p.to, i.begin, i.end)
			}
			if !i.natural && power(i.pcm[samples(p.from):samples(p.to)]) > 0 {
				t.Errorf("%s: sound in the made pause %v to %v", i.name, p.from, p.to)
			}
		}
	}
	for set, n := range halves {
		if n["tuned"] == 0 || n["held out"] == 0 {
			t.Errorf("set %s: %v", set, n)
		}
	}
}

// The same names give the same sound, on every machine and in every run.
func TestSetsAreTheSameAgain(t *testing.T) {
	t.Parallel()
	first := sets(t)
	w, err := world()
	if err != nil {
		t.Fatal(err)
	}
	for n, i := range allSets(w.corpus, w.voices) {
		if f := first[n]; i.name != f.name || !slices.Equal(i.pcm, f.pcm) || i.after != f.after || i.ask != f.ask || i.echo != f.echo {
			t.Fatalf("item %d: %s, then %s", n, f.name, i.name)
		}
	}
}

func TestTalk(t *testing.T) {
	t.Parallel()
	d := dice("talk")
	var pcm []int16
	for _, part := range []struct {
		d  time.Duration
		db float64
	}{{400 * time.Millisecond, -70}, {time.Second, -20}, {100 * time.Millisecond, -70}, {500 * time.Millisecond, -25}, {300 * time.Millisecond, -70}, {200 * time.Millisecond, -30}, {time.Second, -70}} {
		pcm = append(pcm, pink(d, part.d, part.db)...)
	}
	got := talk(pcm)
	want := []span{{400 * time.Millisecond, 2000 * time.Millisecond}, {2300 * time.Millisecond, 2500 * time.Millisecond}}
	if !slices.EqualFunc(got, want, func(a, b span) bool { return (a.from-b.from).Abs() <= hop && (a.to-b.to).Abs() <= hop }) {
		t.Errorf("talk %v, want %v", got, want)
	}
	if got := talk(make([]int16, 8000)); got != nil {
		t.Errorf("talk %v in silence", got)
	}
	r := recording{pcm: pcm, talk: got}
	if p := r.pauses(); len(p) != 1 || p[0].length() != 300*time.Millisecond {
		t.Errorf("pauses %v", p)
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	d := dice("levels")
	if got := decibels(power(pink(d, time.Second, -30))); got < -30.5 || got > -29.5 {
		t.Errorf("noise of %.1f dB, want -30", got)
	}
	if got := decibels(power(level(pink(d, time.Second, -12), -26))); got < -27 || got > -25 {
		t.Errorf("levelled to %.1f dB, want -26", got)
	}
	wide := make([]int16, 16000) // a tone of 7 kHz at 16 kHz must not fold down to 1 kHz
	for n := range wide {
		wide[n] = int16(10000 * []float64{0, 0.38, -0.71, 0.92, -1, 0.92, -0.71, 0.38, 0, -0.38, 0.71, -0.92, 1, -0.92, 0.71, -0.38}[n%16])
	}
	if got, before := decibels(power(halve(wide))), decibels(power(wide)); got > before-40 {
		t.Errorf("%.1f dB of %.1f dB are left of what does not fit", got, before)
	}
}
