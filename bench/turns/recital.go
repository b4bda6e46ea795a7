package main

import (
	"fmt"
	"strings"
	"time"

	"parley/bench/corpus"
	"parley/pipeline"
)

// The breaths of a recited text.
const (
	wordBreath   = 40 * time.Millisecond
	commaBreath  = 180 * time.Millisecond
	periodBreath = 350 * time.Millisecond
)

// recite speaks a text in recordings: a line that is a prompt's text as that prompt, any other in single recorded words. The times of
// single words are exact; within a prompt, whose ends are exact, they are shared out by the words' length and good to a syllable.
func (v *voices) recite(text string) (pcm []int16, words []pipeline.Word, ok bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if r, known := v.prompts[line]; known {
			from := corpus.Length(pcm)
			pcm = append(pcm, r.Cut()...)
			words = append(words, shareOut(line, from, corpus.Length(pcm))...)
			pcm = append(pcm, corpus.Silence(periodBreath)...)
			continue
		}
		for w := range strings.FieldsSeq(line) {
			bare := strings.TrimRight(w, ",.")
			r, known := v.words[strings.ToLower(bare)]
			if !known {
				return nil, nil, false
			}
			from := corpus.Length(pcm)
			pcm = append(pcm, r.Cut()...)
			words = append(words, pipeline.Word{Text: bare, Start: from, End: corpus.Length(pcm)})
			pcm = append(pcm, corpus.Silence(breath(w))...)
		}
	}
	return pcm, words, len(words) > 0
}

func breath(word string) time.Duration {
	switch word[len(word)-1] {
	case ',':
		return commaBreath
	case '.':
		return periodBreath
	}
	return wordBreath
}

// shareOut gives the words of a line their likely times.
func shareOut(line string, from, to time.Duration) []pipeline.Word {
	fields := strings.Fields(line)
	weight := func(w string) (n time.Duration) {
		for _, r := range w {
			if n++; strings.ContainsRune("aeiouyAEIOUY", r) {
				n++
			}
		}
		return n
	}
	var all, past time.Duration
	for _, w := range fields {
		all += weight(w)
	}
	var words []pipeline.Word
	for _, w := range fields {
		at := past
		past += weight(w)
		words = append(words, pipeline.Word{Text: w, Start: from + (to-from)*at/all, End: from + (to-from)*past/all})
	}
	return words
}

// single are the recordings of one word that recited texts are made of.
func single(c *corpus.Corpus) []corpus.Recording {
	return c.Sorted(func(r corpus.Recording) bool {
		return plain(r.Text) && !strings.ContainsAny(r.Text, " .") && (strings.HasPrefix(r.Name, "digits/") || strings.HasPrefix(r.Name, "phonetic/"))
	})
}

// readable are the recordings of one sentence that recited texts are made of.
func readable(c *corpus.Corpus) []corpus.Recording {
	return c.Sorted(func(r corpus.Recording) bool {
		return plain(r.Text) && len(strings.Fields(r.Text)) >= 3 && strings.HasSuffix(r.Text, ".") && r.End() < 4*time.Second && len(r.Talk) == 1
	})
}

// plain says whether a text is nothing but letters and the usual punctuation.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(" .,'", r)
	}) && !strings.Contains(text, "..")
}

// list is a text of twenty single words in sentences of five.
func list(c *corpus.Corpus, n int) string {
	d := corpus.Dice(fmt.Sprint("list", n))
	from := single(c)
	var b strings.Builder
	for k := range 20 {
		b.WriteString(choose(d, from).Text)
		switch {
		case k%5 == 4:
			b.WriteString(". ")
		case d.IntN(4) == 0:
			b.WriteString(", ")
		default:
			b.WriteByte(' ')
		}
	}
	return strings.TrimSpace(b.String())
}

// reading is a text of six sentences, a line each.
func reading(c *corpus.Corpus, n int) string {
	d := corpus.Dice(fmt.Sprint("reading", n))
	from := readable(c)
	var lines []string
	for range 6 {
		lines = append(lines, choose(d, from).Text)
	}
	return strings.Join(lines, "\n")
}

// heardUntil is how many words had sounded when so much of a recited text had, and how far d is from where a claim of n words would
// be right: a word counts once its middle has sounded.
func heardUntil(words []pipeline.Word, d time.Duration, n int) (truth int, off time.Duration) {
	middle := func(k int) time.Duration { return (words[k].Start + words[k].End) / 2 }
	for truth < len(words) && middle(truth) <= d {
		truth++
	}
	switch {
	case n > truth:
		off = middle(min(n, len(words))-1) - d
	case n < truth:
		off = d - middle(n)
	}
	return truth, off
}
