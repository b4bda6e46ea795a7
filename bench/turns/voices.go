package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/local"
)

// The voices: the agent's, and one that is nobody's whom the agent could know.
const (
	agentVoice = ""    // the engine's own: Piper
	otherVoice = "slt" // flite's
)

// reply is what the agent answers, whatever the caller said.
const reply = "Thank you, I have noted that."

// voices is a Synthesizer that knows everything by heart, so that an answer sounds as soon as it is decided upon: what is measured is
// the turn-taking alone. It is read-only once made.
type voices struct {
	spoken  map[string][]pipeline.Speech // by voice and text
	words   map[string]recording         // of one word, by its text in lower case
	prompts map[string]recording         // of a sentence, by its text
}

// rehearse has an engine speak all that will be said.
func rehearse(ctx context.Context, c *corpus) (*voices, error) {
	engine := local.New(local.Options{})
	ctx, stop := context.WithCancel(ctx)
	running := make(chan error, 1)
	go func() { running <- engine.Run(ctx) }()
	defer func() { <-running }()
	defer stop()
	select {
	case <-engine.Ready():
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s := engine.Status(); s.Degraded() {
		return nil, fmt.Errorf("offline speech is not whole: run \"make setup\"\n%s", strings.Join(s.Lines(), "\n"))
	}
	v := &voices{spoken: map[string][]pipeline.Speech{}, words: map[string]recording{}, prompts: map[string]recording{}}
	for _, r := range single(c) {
		v.words[strings.ToLower(r.text)] = r
	}
	for _, r := range readable(c) {
		v.prompts[r.text] = r
	}
	manners := pipeline.DefaultManners()
	for _, text := range append([]string{askOpen, askDigits, askLetters, reply, manners.Sorry, manners.Goodbye}, speeches...) {
		if err := v.learn(ctx, engine, agentVoice, text); err != nil {
			return nil, err
		}
	}
	for _, text := range backchannels {
		if err := v.learn(ctx, engine, otherVoice, text); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *voices) learn(ctx context.Context, engine *local.Engine, name, text string) error {
	var all []pipeline.Speech
	said := func(yield func(string, error) bool) { yield(text, nil) }
	for s, err := range engine.Speak(ctx, said, pipeline.Voice{Name: name, Lang: "en-US", Rate: rate}) {
		if err != nil {
			return fmt.Errorf("rehearse %q: %w", text, err)
		}
		all = append(all, pipeline.Speech{PCM: slices.Clone(s.PCM), Words: slices.Clone(s.Words)})
	}
	v.spoken[name+"/"+text] = all
	return nil
}

// sound is all of a text that was rehearsed.
func (v *voices) sound(name, text string) []int16 {
	var pcm []int16
	for _, s := range v.spoken[name+"/"+text] {
		pcm = append(pcm, s.PCM...)
	}
	return pcm
}

// A mouth is one call's voice.
type mouth struct {
	*voices
	mute bool // of word times
}

var errUnrehearsed = errors.New("nobody rehearsed this text")

// Speak implements pipeline.Synthesizer.
func (m mouth) Speak(ctx context.Context, text iter.Seq2[string, error], _ pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		var all strings.Builder
		for t, err := range text {
			if err != nil {
				yield(pipeline.Speech{}, err)
				return
			}
			all.WriteString(t)
		}
		if strings.TrimSpace(all.String()) == "" {
			return
		}
		speech, err := m.find(all.String())
		if err != nil {
			yield(pipeline.Speech{}, err)
			return
		}
		for _, s := range speech {
			if m.mute {
				s.Words = nil
			}
			if ctx.Err() != nil || !yield(s, nil) {
				return
			}
		}
	}
}

func (v *voices) find(text string) ([]pipeline.Speech, error) {
	if s, ok := v.spoken[agentVoice+"/"+text]; ok {
		return s, nil
	}
	pcm, words, ok := v.recite(text)
	if !ok {
		return nil, fmt.Errorf("%w: %q", errUnrehearsed, text)
	}
	speech := []pipeline.Speech{{Words: words}}
	for part := range slices.Chunk(pcm, samples(time.Second)) {
		speech = append(speech, pipeline.Speech{PCM: part})
	}
	return speech, nil
}

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
			from := length(pcm)
			pcm = append(pcm, r.cut()...)
			words = append(words, shareOut(line, from, length(pcm))...)
			pcm = append(pcm, silence(periodBreath)...)
			continue
		}
		for w := range strings.FieldsSeq(line) {
			bare := strings.TrimRight(w, ",.")
			r, known := v.words[strings.ToLower(bare)]
			if !known {
				return nil, nil, false
			}
			from := length(pcm)
			pcm = append(pcm, r.cut()...)
			words = append(words, pipeline.Word{Text: bare, Start: from, End: length(pcm)})
			pcm = append(pcm, silence(breath(w))...)
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
func single(c *corpus) []recording {
	return c.sorted(func(r recording) bool {
		return plain(r.text) && !strings.ContainsAny(r.text, " .") && (strings.HasPrefix(r.name, "digits/") || strings.HasPrefix(r.name, "phonetic/"))
	})
}

// readable are the recordings of one sentence that recited texts are made of.
func readable(c *corpus) []recording {
	return c.sorted(func(r recording) bool {
		return plain(r.text) && len(strings.Fields(r.text)) >= 3 && strings.HasSuffix(r.text, ".") && r.end() < 4*time.Second && len(r.talk) == 1
	})
}

// plain says whether a text is nothing but letters and the usual punctuation.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(" .,'", r)
	}) && !strings.Contains(text, "..")
}

// list is a text of twenty single words in sentences of five.
func list(c *corpus, n int) string {
	d := dice(fmt.Sprint("list", n))
	from := single(c)
	var b strings.Builder
	for k := range 20 {
		b.WriteString(choose(d, from).text)
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
func reading(c *corpus, n int) string {
	d := dice(fmt.Sprint("reading", n))
	from := readable(c)
	var lines []string
	for range 6 {
		lines = append(lines, choose(d, from).text)
	}
	return strings.Join(lines, "\n")
}

// script is a Responder: it says its line, waits for what it expects, and answers everything in the same words.
type script struct{ item *item }

// Respond implements pipeline.Responder.
func (s script) Respond(_ context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		switch talk.Why {
		case pipeline.ForGreeting:
			if yield(pipeline.Delta{Text: s.item.ask}, nil) && s.item.expect != nil {
				yield(pipeline.Delta{Expect: s.item.expect}, nil)
			}
		case pipeline.ForWords:
			yield(pipeline.Delta{Text: reply}, nil)
		}
	}
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
