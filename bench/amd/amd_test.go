package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/corpus"
	"parley/bench/stage"
	"parley/pipeline"
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
	if w.voices, err = rehearse(context.Background(), local.DefaultDir(), "slt"); err != nil {
		return w, err
	}
	w.items, err = allSets(w.corpus, w.voices)
	return w, err
})

func TestItems(t *testing.T) {
	t.Parallel()
	w, err := world()
	if err != nil {
		t.Fatal(err)
	}
	names, halves := map[string]bool{}, map[string]map[string]int{}
	for _, i := range w.items {
		if names[i.name] {
			t.Errorf("%s: twice", i.name)
		}
		names[i.name] = true
		if halves[i.set] == nil {
			halves[i.set] = map[string]int{}
		}
		halves[i.set][i.half()]++
		length := corpus.Length(i.pcm)
		if length < 5*time.Second || !slices.Contains(parties, i.truth) || i.until > length || (i.last == "") != (i.until == 0) || i.spoken > length {
			t.Errorf("%s: %v, %s until %v, then %q", i.name, length, i.truth, i.until, i.last)
		}
		for n, b := range i.beeps {
			if b.From < 0 || b.Length() < 150*time.Millisecond || b.Length() > time.Second || b.To > length || n > 0 && b.From < i.beeps[n-1].To {
				t.Errorf("%s: beep %d from %v to %v", i.name, n, b.From, b.To)
			}
		}
		if i.leave != (i.truth == pipeline.Machine && i.last == "" && i.set != "machine, full") {
			t.Errorf("%s: a message is to be left: %v", i.name, i.leave)
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
	w, err := world()
	if err != nil {
		t.Fatal(err)
	}
	again, err := allSets(w.corpus, w.voices)
	if err != nil {
		t.Fatal(err)
	}
	for n, i := range again {
		if i.name != w.items[n].name || !slices.Equal(i.pcm, w.items[n].pcm) {
			t.Errorf("%s is not what it was", i.name)
		}
	}
}

// One item of each kind of verdict, with the real ear and recogniser.
func TestPlay(t *testing.T) {
	t.Parallel()
	w, err := world()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"person/hello", "machine/02 vm-nobodyavail|vm-intro", "menu/03 queue-periodic-announce", "fax/0", "announcement/02 ss-noservice"}
	q := &queue{voices: w.voices, done: func() {}}
	for _, name := range names {
		for _, i := range w.items {
			if i.name == name {
				q.items = append(q.items, i)
			}
		}
	}
	if len(q.items) != len(names) {
		t.Fatalf("%d items of %d", len(q.items), len(names))
	}
	q.results = make([]result, len(q.items))
	if err := stage.Virtual(t.Context(), local.DefaultDir(), 1, q.play); err != nil {
		t.Fatal(err)
	}
	for _, r := range q.results {
		if r.Failure != "" || !right(r) || r.False > 0 || r.Found != r.Beeps {
			t.Errorf("%s: is %s, thought to be %s: %s\n  %s", r.Name, r.Truth, r.By, r.Failure, strings.Join(r.Events, "\n  "))
		}
	}
	if person := q.results[0]; person.At > 3000 || person.After > 1000 || person.Open < person.At {
		t.Errorf("a person: %+v", person)
	}
	if machine := q.results[1]; machine.Message < 0 || machine.Message > 1000 || machine.Cause != "machine" {
		t.Errorf("a machine: %+v", machine)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	none := corpus.None
	r := report{[]result{
		{Set: "person", Origin: "recorded", Half: "tuned", Truth: "human", By: "human", First: "human", At: 1500, After: 600, Open: 1500, Message: none, Late: none},
		{Set: "person", Origin: "recorded", Half: "tuned", Truth: "human", By: "machine", First: "human", At: 2500, After: 900, Open: 1500, Message: none, Late: none},
		{Set: "machine", Origin: "recorded", Half: "tuned", Truth: "machine", By: "machine", First: "machine", At: 3000, After: none, Open: none, Message: -20, Beeps: 1, Found: 1, Late: 60},
		{Set: "machine", Name: "odd", Origin: "synthetic", Half: "held out", Truth: "machine", Message: none, At: none, After: none, Open: none, Late: none, Failure: "broke"},
	}}
	var out bytes.Buffer
	r.print(&out, true)
	for _, want := range []string{"recorded, tuned", "1 of 2 (50.0 %)      2 of 2 (100.0 %)", "synthetic, held out", "1500 / 1500", "message before the end of the beep                               1  1 "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
	if err := r.sound(); err == nil || err.Error() != "odd: broke" {
		t.Errorf("the measurement is said to be sound: %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{"unexpected argument": {"x"}, "-only": {"-only", "("}, "-clocks": {"-clocks", "0"}, "not defined": {"-fast"}} {
		if err := run(t.Context(), args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
	w, err := world()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := writeSets(dir, w.items[:2]); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(dir, "manifest.tsv"))
	if files, _ := filepath.Glob(dir + "/*.wav"); err != nil || len(files) != 2 || strings.Count(string(list), "\n") != 3 {
		t.Errorf("%v, %v:\n%s", files, err, list)
	}
}
