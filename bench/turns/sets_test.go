package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/corpus"
	"parley/providers/local"
)

// world is what all tests look at: reading it takes seconds.
var world = sync.OnceValues(func() (w struct {
	corpus *corpus.Corpus
	voices *voices
	items  []item
}, err error) {
	if w.corpus, err = corpus.ReadCorpus(); err != nil {
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
		if i.kind != selfStop && (i.begin < 0 || i.end <= i.begin || i.end > corpus.Length(i.pcm)+corpus.Hop) {
			t.Errorf("%s: speech from %v to %v in %v of sound", i.name, i.begin, i.end, corpus.Length(i.pcm))
		}
		if i.set == "backchannel" && !strings.HasSuffix(i.name, "twice") && i.end-i.begin > time.Second {
			t.Errorf("%s: %v long, which is more than a listener says: is it read letter by letter?", i.name, i.end-i.begin)
		}
		if i.ask == "" || i.after <= 0 || i.kind == selfStop != (i.pcm == nil) {
			t.Errorf("%s: says %q, after %v, %d samples", i.name, i.ask, i.after, len(i.pcm))
		}
		for _, p := range i.pauses {
			if p.Length() < pauseLeast || p.Length() > 2*time.Second || p.From <= i.begin || p.To >= i.end {
				t.Errorf("%s: pause %v to %v in speech from %v to %v", i.name, p.From, p.To, i.begin, i.end)
			}
			if !i.natural && corpus.Power(i.pcm[corpus.Samples(p.From):corpus.Samples(p.To)]) > 0 {
				t.Errorf("%s: sound in the made pause %v to %v", i.name, p.From, p.To)
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
	d := corpus.Dice("talk")
	var pcm []int16
	for _, part := range []struct {
		d  time.Duration
		db float64
	}{{400 * time.Millisecond, -70}, {time.Second, -20}, {100 * time.Millisecond, -70}, {500 * time.Millisecond, -25}, {300 * time.Millisecond, -70}, {200 * time.Millisecond, -30}, {time.Second, -70}} {
		pcm = append(pcm, corpus.Pink(d, part.d, part.db)...)
	}
	got := corpus.Talk(pcm)
	want := []corpus.Span{{From: 400 * time.Millisecond, To: 2000 * time.Millisecond}, {From: 2300 * time.Millisecond, To: 2500 * time.Millisecond}}
	if !slices.EqualFunc(got, want, func(a, b corpus.Span) bool {
		return (a.From-b.From).Abs() <= corpus.Hop && (a.To-b.To).Abs() <= corpus.Hop
	}) {
		t.Errorf("talk %v, want %v", got, want)
	}
	if got := corpus.Talk(make([]int16, 8000)); got != nil {
		t.Errorf("talk %v in silence", got)
	}
	r := corpus.Recording{PCM: pcm, Talk: got}
	if p := r.Pauses(); len(p) != 1 || p[0].Length() != 300*time.Millisecond {
		t.Errorf("pauses %v", p)
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	d := corpus.Dice("levels")
	if got := corpus.Decibels(corpus.Power(corpus.Pink(d, time.Second, -30))); got < -30.5 || got > -29.5 {
		t.Errorf("noise of %.1f dB, want -30", got)
	}
	if got := corpus.Decibels(corpus.Power(corpus.Level(corpus.Pink(d, time.Second, -12), -26))); got < -27 || got > -25 {
		t.Errorf("levelled to %.1f dB, want -26", got)
	}
	wide := make([]int16, 16000) // a tone of 7 kHz at 16 kHz must not fold down to 1 kHz
	for n := range wide {
		wide[n] = int16(10000 * []float64{0, 0.38, -0.71, 0.92, -1, 0.92, -0.71, 0.38, 0, -0.38, 0.71, -0.92, 1, -0.92, 0.71, -0.38}[n%16])
	}
	if got, before := corpus.Decibels(corpus.Power(corpus.Halve(wide))), corpus.Decibels(corpus.Power(wide)); got > before-40 {
		t.Errorf("%.1f dB of %.1f dB are left of what does not fit", got, before)
	}
}
