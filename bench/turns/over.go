package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"parley/bench/corpus"
)

// speeches are what the agent says while it is talked over: eight to twelve seconds each.
var speeches = []string{
	"Your order left our warehouse on Monday morning and is on its way to you. The carrier expects to deliver it on Thursday, between ten and two. You will get a message with the exact hour on the day before.",
	"We are open from eight in the morning until six in the evening, Monday to Friday. On Saturdays we close at noon, and on Sundays we are not there at all. In urgent cases, our emergency line is always answered.",
	"I have found three appointments that are still free this week. The first is tomorrow at nine, the second is on Wednesday at a quarter past four, and the last is on Friday at eleven. Please choose the one that suits you best.",
	"The monthly fee is nineteen dollars, and it includes all calls within the country. Calls to other countries are billed by the minute. You can leave at the end of every month, without giving us a reason.",
}

// backchannels are what a listener says without wanting the floor. The recordings hold none, so a synthetic voice that is not the
// agent's says them.
var backchannels = []string{
	"Yeah.", "Uh-huh.", "Mm-hmm.", "Okay.", "Right.", "I see.", "Yes.", "Sure.", "Got it.", "Alright.", "Oh.", "Mhm.", "Ah, okay.", "Oh, I see.", "Good.", "Yep.",
}

// A hum is what a synthetic voice cannot say: it reads "Mm-hmm." letter by letter, "em em aitch em em", in more than a second, or with
// vowels, "um-hum". So these are put together of the nasal end of the recorded letter m: how long the first one lasts, and the breath between.
var hums = map[string][2]time.Duration{"Mm-hmm.": {180 * time.Millisecond, 60 * time.Millisecond}, "Mhm.": {90 * time.Millisecond, 40 * time.Millisecond}}

// hum is one of them, if the text is.
func hum(c *corpus.Corpus, text string) (pcm []int16, ok bool) {
	const from, to, soft = 260 * time.Millisecond, 500 * time.Millisecond, 20 * time.Millisecond // of the nasal in the letter
	h, ok := hums[text]
	m := c.Prompts["letters/m"]
	if !ok || m.Talk == nil {
		return nil, false
	}
	breath := corpus.Pink(corpus.Dice(text), h[1], -45)
	return slices.Concat(corpus.Fade(m.Part(from, from+h[0]), soft), breath, corpus.Fade(m.Part(from, to), soft)), true
}

// overlay puts a sound over one of the speeches.
func overlay(k kind, set, name string, pcm []int16) item {
	d := corpus.Dice(set + name)
	i := item{
		set: set, name: set + "/" + name, kind: k, clean: true, pcm: pcm, line: packets,
		ask: choose(d, speeches), after: corpus.Between(d, 1000*time.Millisecond, 4000*time.Millisecond), end: corpus.Length(pcm),
	}
	if t := corpus.Talk(pcm); len(t) > 0 {
		i.begin, i.end = t[0].From, t[len(t)-1].To
	}
	return i
}

// falseSets are what must not stop the agent.
func falseSets(c *corpus.Corpus, voices *voices) []item {
	var items []item
	for n, text := range backchannels {
		said, ok := hum(c, text)
		if !ok {
			said = voices.sound(otherVoice, text)
		}
		items = append(items, overlay(falseStop, "backchannel", text, corpus.Level(said, -26)))
		if n%2 == 0 {
			twice := append(append(append([]int16{}, said...), corpus.Silence(1100*time.Millisecond)...), said...)
			items = append(items, overlay(falseStop, "backchannel", text+" twice", corpus.Level(twice, -26)))
		}
	}
	if o, k := c.Prompts["letters/o"], c.Prompts["letters/k"]; o.Talk != nil && k.Talk != nil {
		okay := append(append([]int16{}, o.Cut()...), k.Cut()...)
		for n, db := range []float64{-22, -26, -32, -38} {
			items = append(items, overlay(falseStop, "backchannel", fmt.Sprintf("recorded okay %d", n), corpus.Level(okay, db)))
		}
	}
	words := c.Sorted(func(r corpus.Recording) bool {
		return len(strings.Fields(r.Text)) == 1 && r.End()-r.Begin() > 300*time.Millisecond
	})
	for _, r := range words[:16] {
		d := corpus.Dice("short" + r.Name)
		to := corpus.Between(d, 80*time.Millisecond, 220*time.Millisecond)
		items = append(items, overlay(falseStop, "cut short", fmt.Sprintf("%s to %v", r.Name, to), corpus.Fade(r.Part(r.Begin(), r.Begin()+to), 10*time.Millisecond)))
	}
	return append(items, noises(c)...)
}

// noises are no voice at all.
func noises(c *corpus.Corpus) []item {
	var items []item
	for n := range 8 {
		d := corpus.Dice(fmt.Sprint("cough", n))
		items = append(items, overlay(falseStop, "cough", fmt.Sprint(n), cough(d.Float64(), corpus.Pink(d, time.Second, -14))))
	}
	for n := range 8 {
		d := corpus.Dice(fmt.Sprint("burst", n))
		burst := corpus.Pink(d, corpus.Between(d, 60*time.Millisecond, 900*time.Millisecond), -18-d.Float64()*12)
		items = append(items, overlay(falseStop, "burst", fmt.Sprintf("%d of %v", n, corpus.Length(burst)), corpus.Fade(burst, 5*time.Millisecond)))
	}
	for n := range 8 {
		d := corpus.Dice(fmt.Sprint("clicks", n))
		pcm := corpus.Silence(2 * time.Second)
		for range 3 + d.IntN(6) {
			click := corpus.Shape(corpus.Pink(d, 30*time.Millisecond, -8), func(t float64) float64 { return math.Exp(-t * 250) })
			pcm = corpus.Mix(pcm, click, corpus.Between(d, 0, 1900*time.Millisecond))
		}
		items = append(items, overlay(falseStop, "clicks", fmt.Sprint(n), pcm))
	}
	for n := range 10 {
		r := c.Music[n%len(c.Music)]
		d := corpus.Dice(fmt.Sprint("music", n))
		from := corpus.Between(d, 10*time.Second, corpus.Length(r.PCM)-10*time.Second)
		snippet := r.Part(from, from+corpus.Between(d, time.Second, 4*time.Second))
		items = append(items, overlay(falseStop, "music", fmt.Sprintf("%s@%v", r.Name, from), corpus.Fade(corpus.Level(snippet, -28), 50*time.Millisecond)))
	}
	return items
}

// cough is two bursts through the throat: noise with a hard beginning, a second weaker one, and a voiced end.
func cough(which float64, noise []int16) []int16 {
	second := 0.25 + 0.2*which
	return corpus.Shape(noise[:corpus.Samples(time.Duration((second+0.3)*float64(time.Second)))], func(t float64) float64 {
		hit := math.Exp(-t * 14)
		if t > second {
			hit += 0.6 * math.Exp(-(t-second)*12)
		}
		return hit * (0.7 + 0.3*math.Sin(2*math.Pi*(130+60*which)*t))
	})
}

// trueSets are callers who mean to interrupt, on both kinds of line.
func trueSets(c *corpus.Corpus) []item {
	var items []item
	short := c.Sorted(func(r corpus.Recording) bool {
		n := len(strings.Fields(r.Text))
		return n >= 1 && n <= 2 && r.End()-r.Begin() > 450*time.Millisecond && !strings.Contains(r.Name, "/")
	})
	long := c.Sorted(func(r corpus.Recording) bool {
		return len(strings.Fields(r.Text)) >= 4 && r.End() < 4*time.Second && len(r.Talk) == 1
	})
	for n, r := range append(short[:20], long[len(long)-20:]...) {
		set := "command"
		if n >= 20 {
			set = "sentence over"
		}
		i := overlay(trueStop, set, r.Name, r.PCM)
		i.natural, i.text, i.begin, i.end = true, r.Text, r.Begin(), r.End()
		if n%2 == 1 {
			i.line = socket
		}
		items = append(items, i)
	}
	return items
}

// echoSets are speakerphones, and loudspeakers in rooms: the agent hears itself, alone or with the caller.
func echoSets(c *corpus.Corpus) []item {
	var items []item
	long := c.Sorted(func(r corpus.Recording) bool {
		return len(strings.Fields(r.Text)) >= 4 && r.End() < 4*time.Second && len(r.Talk) == 1
	})
	for n := range 90 {
		name := fmt.Sprint(n)
		items = append(items, roomEcho(n))
		d := corpus.Dice("echo" + name)
		e := echo{db: []float64{-10, -20, -30}[n%3], delay: corpus.Between(d, 60*time.Millisecond, 200*time.Millisecond)}
		i := overlay(selfStop, fmt.Sprintf("echo at %.0f dB", e.db), fmt.Sprintf("%s %v", name, e.delay), nil)
		i.ask, i.echo, i.clean = speeches[n/3%len(speeches)], e, false
		items = append(items, i)
		if n < 24 {
			r := long[n]
			i := overlay(trueStop, "talk over echo", fmt.Sprintf("%s at %.0f dB %v", r.Name, e.db, e.delay), r.PCM)
			i.text, i.begin, i.end, i.echo, i.clean = r.Text, r.Begin(), r.End(), e, false
			items = append(items, i)
		}
	}
	return items
}

// roomEcho is a page in a browser that takes no echo out, with a loudspeaker in a room: one of three, from a furnished one to a bare one.
func roomEcho(n int) item {
	d := corpus.Dice(fmt.Sprint("room echo", n))
	e := echo{
		db: []float64{-6, -12, -18}[n%3], room: []time.Duration{200, 400, 600}[n/3%3] * time.Millisecond,
		delay: corpus.Between(d, 40*time.Millisecond, 150*time.Millisecond),
	}
	i := overlay(selfStop, fmt.Sprintf("room at %.0f dB", e.db), fmt.Sprintf("%d %v, decay %v", n, e.delay, e.room), nil)
	i.ask, i.echo, i.clean = speeches[n/9%len(speeches)], e, false
	return i
}

// ledgerSets interrupt a voice made of recordings, so that it is known which word sounded when: lists of single words, with and
// without word times, and sentences without.
func ledgerSets(c *corpus.Corpus) []item {
	var items []item
	commands := c.Sorted(func(r corpus.Recording) bool {
		return len(strings.Fields(r.Text)) == 2 && r.End()-r.Begin() > 500*time.Millisecond && !strings.Contains(r.Name, "/")
	})
	for n := range 48 {
		r := commands[n%len(commands)]
		set, text := "word times", list(c, n)
		switch n / 2 % 3 {
		case 1:
			set = "none, list"
		case 2:
			set, text = "none, sentences", reading(c, n)
		}
		l := packets
		if n%2 == 1 {
			l = socket
		}
		i := overlay(heardWhat, set, fmt.Sprintf("%02d %s on %s", n, r.Name, l), r.PCM)
		i.begin, i.end, i.text = r.Begin(), r.End(), r.Text
		i.line, i.timed, i.ask = l, set == "word times", text
		i.after = corpus.Between(corpus.Dice(fmt.Sprint("ledger", n)), 800*time.Millisecond, 7*time.Second)
		items = append(items, i)
	}
	return items
}
