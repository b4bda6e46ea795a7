package providers

import (
	"iter"

	"parley/pipeline"
)

// Sure is a transcription that has understood nothing where its recogniser was not sure enough: where the mean confidence of a transcript's
// words is less than least, from 0 to 1. A recogniser that does not tell its confidence is believed.
func Sure(t pipeline.Transcription, least float64) pipeline.Transcription {
	if least <= 0 {
		return t
	}
	return sure{t, least}
}

type sure struct {
	pipeline.Transcription
	least float64
}

// Results implements pipeline.Transcription.
func (s sure) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for tr, err := range s.Transcription.Results() {
			if err == nil && s.doubts(tr.Words) {
				tr.Text, tr.Words = "", nil
			}
			if !yield(tr, err) {
				return
			}
		}
	}
}

// doubts says whether words are less sure than they have to be.
func (s sure) doubts(words []pipeline.Word) bool {
	sum, n := 0.0, 0
	for _, w := range words {
		if w.Confidence > 0 {
			sum += w.Confidence
			n++
		}
	}
	return n > 0 && sum/float64(n) < s.least
}
