package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"parley/bench/corpus"
	"parley/pipeline"
)

// pauseLeast is the shortest silence that is told as a pause. What the recorded speaker pauses lies between 300 and 560 ms.
const pauseLeast = 300 * time.Millisecond

// What the agent says before it listens.
const (
	askOpen    = "How can I help you?"
	askDigits  = "Please tell me your account number, digit by digit."
	askLetters = "Please spell your last name for me."
)

// sentenceSets are whole recordings: with and without pauses of their own, in quiet and in noise, and of other speakers.
func sentenceSets(c *corpus.Corpus) []item {
	var items []item
	whole := func(set string, r corpus.Recording) item {
		return item{
			set: set, name: set + "/" + r.Name, kind: endOfTurn, natural: true, clean: true, text: r.Text,
			pcm: r.PCM, begin: r.Begin(), end: r.End(), ask: askOpen, line: packets,
		}
	}
	paused := func(r corpus.Recording) bool {
		return slices.ContainsFunc(r.Pauses(), func(p corpus.Span) bool { return p.Length() >= pauseLeast })
	}
	sentences := c.Sorted(func(r corpus.Recording) bool {
		return len(strings.Fields(r.Text)) >= 3 && !strings.HasSuffix(r.Text, "...") && r.End() >= time.Second && r.End() <= 12*time.Second && !paused(r)
	})
	for _, r := range sentences[:60] {
		items = append(items, whole("sentence", r))
	}
	for _, r := range c.Others {
		if !paused(r) {
			i := whole("other speakers", r)
			i.clean = false // a room is heard in them
			items = append(items, i)
		}
	}
	for _, r := range c.Sorted(func(r corpus.Recording) bool { return len(strings.Fields(r.Text)) >= 3 && paused(r) }) {
		items = append(items, withPauses(whole("pause", r), r))
	}
	for n, r := range sentences[60:84] {
		i := whole("noise", r)
		d := corpus.Dice(i.name)
		db := []float64{-20, -15, -10}[n%3]
		i.natural, i.clean = false, false
		i.name = fmt.Sprintf("%s at %.0f dB", i.name, -db)
		lead := corpus.Between(d, 500*time.Millisecond, 900*time.Millisecond)
		noise := corpus.Pink(d, lead+corpus.Length(r.PCM)+8*time.Second, -26+db)
		i.pcm, i.begin, i.end = corpus.Mix(noise, corpus.Level(r.PCM, -26), lead), lead+r.Begin(), lead+r.End()
		items = append(items, i)
	}
	return items
}

// longest is how long an excerpt with pauses may be; of longer recordings the last part is taken, from the beginning of a stretch on.
const longest = 16 * time.Second

func withPauses(i item, r corpus.Recording) item {
	from := time.Duration(0)
	if r.End() > longest {
		for _, s := range r.Talk {
			if r.End()-s.From <= longest {
				from = s.From - min(s.From, 100*time.Millisecond)
				i.begin = s.From - from
				break
			}
		}
	}
	i.pcm, i.end = r.PCM[corpus.Samples(from):], r.End()-from
	for _, p := range r.Pauses() {
		if p.From >= from && p.Length() >= pauseLeast {
			i.pauses = append(i.pauses, corpus.Span{From: p.From - from, To: p.To - from})
		}
	}
	return i
}

// splice is sound put together piece by piece, with the silence wanted between.
type splice struct {
	pcm    []int16
	pauses []corpus.Span
}

func (s *splice) add(pcm []int16) { s.pcm = append(s.pcm, pcm...) }

func (s *splice) pause(d time.Duration) {
	from := corpus.Length(s.pcm)
	s.pcm = append(s.pcm, corpus.Silence(d)...)
	if d >= pauseLeast {
		s.pauses = append(s.pauses, corpus.Span{From: from, To: from + d})
	}
}

func (s *splice) item(set, name, text string) item {
	return item{
		set: set, name: set + "/" + name, kind: endOfTurn, clean: true, text: text,
		pcm: s.pcm, end: corpus.Length(s.pcm), pauses: s.pauses, ask: askOpen, line: packets,
	}
}

// mixedSets are made pauses: between two sentences, within one, between digits, between letters.
func mixedSets(c *corpus.Corpus) []item {
	var items []item
	clauses := c.Sorted(func(r corpus.Recording) bool {
		return len(strings.Fields(r.Text)) >= 3 && r.End() < 5*time.Second && len(r.Talk) == 1 && !strings.HasSuffix(r.Text, "...")
	})
	for n := range 30 {
		a, b := clauses[2*n], clauses[2*n+1]
		d := corpus.Dice("joined" + a.Name)
		gap := corpus.Between(d, 300*time.Millisecond, 1500*time.Millisecond)
		var s splice
		s.add(a.Cut())
		s.pause(gap)
		s.add(b.Cut())
		items = append(items, s.item("joined", fmt.Sprintf("%s+%v+%s", a.Name, gap, b.Name), a.Text+" "+b.Text))
	}
	for _, r := range clauses[60:] {
		if len(items) == 60 {
			break
		}
		at, ok := wordGap(r)
		if !ok {
			continue
		}
		d := corpus.Dice("cut" + r.Name)
		gap := corpus.Between(d, 300*time.Millisecond, 1500*time.Millisecond)
		var s splice
		s.add(corpus.Fade(r.Part(r.Begin(), at), 5*time.Millisecond))
		s.pause(gap)
		s.add(corpus.Fade(r.Part(at, r.End()), 5*time.Millisecond))
		items = append(items, s.item("cut", fmt.Sprintf("%s@%v+%v", r.Name, at, gap), r.Text))
	}
	for n := range 24 {
		items = append(items, dictated(c, "digits", askDigits, n, 6+n%5, pick(c, "digits/%d", 10)))
	}
	for n := range 24 {
		from := pick(c, "letters/%c", 26)
		if n%2 == 1 {
			from = pick(c, "phonetic/%c_p", 26)
		}
		items = append(items, dictated(c, "spelling", askLetters, n, 4+n%4, from))
	}
	return items
}

// wordGap finds a place between two words near the middle of a recording: a dip of 30 ms or more to a hundredth of its mean power.
func wordGap(r corpus.Recording) (time.Duration, bool) {
	pcm := r.Cut()
	bar, n := corpus.Power(pcm)/100, corpus.Samples(corpus.Hop)
	best, middle := time.Duration(-1), corpus.Length(pcm)/2
	run := time.Duration(0)
	for i := 0; i+n <= len(pcm); i += n {
		if corpus.Power(pcm[i:i+n]) > bar {
			run = 0
			continue
		}
		if run += corpus.Hop; run < 3*corpus.Hop {
			continue
		}
		at := corpus.Length(pcm[:i]) - run/2
		if best < 0 || (at-middle).Abs() < (best-middle).Abs() {
			best = at
		}
	}
	return r.Begin() + best, best > corpus.Length(pcm)/5 && best < corpus.Length(pcm)*4/5
}

// pick are the n prompts of a numbered or lettered family.
func pick(c *corpus.Corpus, pattern string, n int) []corpus.Recording {
	var all []corpus.Recording
	for i := range n {
		name := fmt.Sprintf(pattern, i)
		if strings.Contains(pattern, "%c") {
			name = fmt.Sprintf(pattern, 'a'+i)
		}
		if r, ok := c.Prompts[name]; ok {
			all = append(all, r)
		}
	}
	return all
}

// dictated is a string of single words, as one reads out a number: in groups of two to four, 30 to 200 ms apart within a group, 200
// to 900 ms between them.
func dictated(c *corpus.Corpus, set, ask string, n, words int, from []corpus.Recording) item {
	d := corpus.Dice(fmt.Sprint(set, n))
	var s splice
	var said []string
	left := 0
	for k := range words {
		if k > 0 && left == 0 {
			s.pause(corpus.Between(d, 200*time.Millisecond, 900*time.Millisecond))
		} else if k > 0 {
			s.pause(corpus.Between(d, 30*time.Millisecond, 200*time.Millisecond))
		}
		if left == 0 {
			left = 2 + d.IntN(3)
		}
		left--
		r := from[d.IntN(len(from))]
		s.add(r.Cut())
		said = append(said, r.Text)
	}
	i := s.item(set, fmt.Sprintf("%02d %s", n, strings.Join(said, "-")), strings.Join(said, " "))
	i.ask = ask
	i.expect = expectation(set, words)
	return i
}

// expectation is what a flow that asks for this would say of it.
func expectation(set string, words int) *pipeline.Expect {
	if set == "digits" {
		return &pipeline.Expect{Words: strings.Fields("zero one two three four five six seven eight nine oh")}
	}
	return nil
}

func choose[T any](d *rand.Rand, from []T) T { return from[d.IntN(len(from))] }
