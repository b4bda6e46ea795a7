package main

import (
	"fmt"

	"parley/bench/corpus"
	"parley/media/opus"
	"parley/media/resample"
)

// sentences are recorded, by one speaker: half a minute of them.
var sentences = []string{"demo-instruct", "demo-congrats", "demo-moreinfo", "demo-abouttotry"}

// packets are the sentences without their pauses, which Opus would hardly send, as a browser codes them: 20 ms each, with FEC.
func packets() ([][]byte, error) {
	up, err := resample.New(corpus.Rate, rate)
	if err != nil {
		return nil, err
	}
	var pcm []int16
	for _, name := range sentences {
		r, err := corpus.ReadPrompt(name)
		if err != nil {
			return nil, fmt.Errorf("%w; %s", err, corpus.Fix)
		}
		for _, talk := range r.Talk {
			pcm = up.Append(pcm, r.Part(talk.From, talk.To))
		}
	}
	encoder, err := opus.NewEncoder(coding())
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	var all [][]byte
	const size = rate / 50
	for b := make([]byte, 1000); len(pcm) >= size; pcm = pcm[size:] {
		n, err := encoder.Encode(b, pcm[:size])
		if err != nil {
			return nil, err
		}
		all = append(all, append([]byte(nil), b[:n]...))
	}
	return all, nil
}
