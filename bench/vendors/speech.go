package vendors

import (
	"errors"
	"strings"
	"time"

	"parley/bench/corpus"
	"parley/providers/providertest"
)

// The recordings that the voice speaks with: prompts of speechWords or more, one after the other, over and over after speechLength.
const (
	speechWords  = 5
	speechLength = 20 * time.Second
)

// recorded is a voice that speaks with recorded speech, whatever the text: as long as the text's tones would be, so that a longer text
// takes longer. It sounds the same on every machine.
func recorded() (voice func(text string, rate int) []int16, err error) {
	c, err := corpus.ReadCorpus()
	if err != nil {
		return nil, err
	}
	var speech []int16
	for _, r := range c.Sorted(func(r corpus.Recording) bool { return len(r.Talk) > 0 && len(strings.Fields(r.Text)) >= speechWords }) {
		if speech = append(speech, r.Cut()...); corpus.Length(speech) >= speechLength {
			break
		}
	}
	if len(speech) == 0 {
		return nil, errors.New("read recordings: none is long enough: " + corpus.Fix)
	}
	return func(text string, rate int) []int16 {
		if rate != corpus.Rate {
			return providertest.Tones(text, rate)
		}
		pcm := make([]int16, corpus.Samples(providertest.TonesLength(text)))
		for i := range pcm {
			pcm[i] = speech[i%len(speech)]
		}
		return pcm
	}, nil
}
