package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

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
func sentenceSets(c *corpus) []item {
	var items []item
	whole := func(set string, r recording) item {
		return item{
			set: set, name: set + "/" + r.name, kind: endOfTurn, natural: true, clean: true, text: r.text,
			pcm: r.pcm, begin: r.begin(), end: r.end(), ask: askOpen, line: packets,
		}
	}
	paused := func(r recording) bool {
		return slices.ContainsFunc(r.pauses(), func(p span) bool { return p.length() >= pauseLeast })
	}
	sentences := c.sorted(func(r recording) bool {
		return len(strings.Fields(r.text)) >= 3 && !strings.HasSuffix(r.text, "...") && r.end() >= time.Second && r.end() <= 12*time.Second && !paused(r)
	})
	for _, r := range sentences[:60] {
		items = append(items, whole("sentence", r))
	}
	for _, r := range c.others {
		if !paused(r) {
			i := whole("other speakers", r)
			i.clean = false // a room is heard in them
			items = append(items, i)
		}
	}
	for _, r := range c.sorted(func(r recording) bool { return len(strings.Fields(r.text)) >= 3 && paused(r) }) {
		items = append(items, withPauses(whole("pause", r), r))
	}
	for n, r := range sentences[60:84] {
		i := whole("noise", r)
		d := dice(i.name)
		db := []float64{-20, -15, -10}[n%3]
		i.natural, i.clean = false, false
		i.name = fmt.Sprintf("%s at %.0f dB", i.name, -db)
		lead := between(d, 500*time.Millisecond, 900*time.Millisecond)
		noise := pink(d, lead+length(r.pcm)+8*time.Second, -26+db)
		i.pcm, i.begin, i.end = mix(noise, level(r.pcm, -26), lead), lead+r.begin(), lead+r.end()
		items = append(items, i)
	}
	return items
}

// longest is how long an excerpt with pauses may be; of longer recordings the last part is taken, from the beginning of a stretch on.
const longest = 16 * time.Second

func withPauses(i item, r recording) item {
	from := time.Duration(0)
	if r.end() > longest {
		for _, s := range r.talk {
			if r.end()-s.from <= longest {
				from = s.from - min(s.from, 100*time.Millisecond)
				i.begin = s.from - from
				break
			}
		}
	}
	i.pcm, i.end = r.pcm[samples(from):], r.end()-from
	for _, p := range r.pauses() {
		if p.from >= from && p.length() >= pauseLeast {
			i.pauses = append(i.pauses, span{p.from - from, p.to - from})
		}
	}
	return i
}

// splice is sound put together piece by piece, with the silence wanted between.
type splice struct {
	pcm    []int16
	pauses []span
}

func (s *splice) add(pcm []int16) { s.pcm = append(s.pcm, pcm...) }

func (s *splice) pause(d time.Duration) {
	from := length(s.pcm)
	s.pcm = append(s.pcm, silence(d)...)
	if d >= pauseLeast {
		s.pauses = append(s.pauses, span{from, from + d})
	}
}

func (s *splice) item(set, name, text string) item {
	return item{
		set: set, name: set + "/" + name, kind: endOfTurn, clean: true, text: text,
		pcm: s.pcm, end: length(s.pcm), pauses: s.pauses, ask: askOpen, line: packets,
	}
}

// mixedSets are made pauses: between two sentences, within one, between digits, between letters.
func mixedSets(c *corpus) []item {
	var items []item
	clauses := c.sorted(func(r recording) bool {
		return len(strings.Fields(r.text)) >= 3 && r.end() < 5*time.Second && len(r.talk) == 1 && !strings.HasSuffix(r.text, "...")
	})
	for n := range 30 {
		a, b := clauses[2*n], clauses[2*n+1]
		d := dice("joined" + a.name)
		gap := between(d, 300*time.Millisecond, 1500*time.Millisecond)
		var s splice
		s.add(a.cut())
		s.pause(gap)
		s.add(b.cut())
		items = append(items, s.item("joined", fmt.Sprintf("%s+%v+%s", a.name, gap, b.name), a.text+" "+b.text))
	}
	for _, r := range clauses[60:] {
		if len(items) == 60 {
			break
		}
		at, ok := wordGap(r)
		if !ok {
			continue
		}
		d := dice("cut" + r.name)
		gap := between(d, 300*time.Millisecond, 1500*time.Millisecond)
		var s splice
		s.add(fade(r.part(r.begin(), at), 5*time.Millisecond))
		s.pause(gap)
		s.add(fade(r.part(at, r.end()), 5*time.Millisecond))
		items = append(items, s.item("cut", fmt.Sprintf("%s@%v+%v", r.name, at, gap), r.text))
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
func wordGap(r recording) (time.Duration, bool) {
	pcm := r.cut()
	bar, n := power(pcm)/100, samples(hop)
	best, middle := time.Duration(-1), length(pcm)/2
	run := time.Duration(0)
	for i := 0; i+n <= len(pcm); i += n {
		if power(pcm[i:i+n]) > bar {
			run = 0
			continue
		}
		if run += hop; run < 3*hop {
			continue
		}
		at := length(pcm[:i]) - run/2
		if best < 0 || (at-middle).Abs() < (best-middle).Abs() {
			best = at
		}
	}
	return r.begin() + best, best > length(pcm)/5 && best < length(pcm)*4/5
}

// pick are the n prompts of a numbered or lettered family.
func pick(c *corpus, pattern string, n int) []recording {
	var all []recording
	for i := range n {
		name := fmt.Sprintf(pattern, i)
		if strings.Contains(pattern, "%c") {
			name = fmt.Sprintf(pattern, 'a'+i)
		}
		if r, ok := c.prompts[name]; ok {
			all = append(all, r)
		}
	}
	return all
}

// dictated is a string of single words, as one reads out a number: in groups of two to four, 30 to 200 ms apart within a group, 200
// to 900 ms between them.
func dictated(c *corpus, set, ask string, n, words int, from []recording) item {
	d := dice(fmt.Sprint(set, n))
	var s splice
	var said []string
	left := 0
	for k := range words {
		if k > 0 && left == 0 {
			s.pause(between(d, 200*time.Millisecond, 900*time.Millisecond))
		} else if k > 0 {
			s.pause(between(d, 30*time.Millisecond, 200*time.Millisecond))
		}
		if left == 0 {
			left = 2 + d.IntN(3)
		}
		left--
		r := from[d.IntN(len(from))]
		s.add(r.cut())
		said = append(said, r.text)
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
