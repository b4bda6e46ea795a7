package providers_test

import (
	"errors"
	"iter"
	"testing"

	"parley/pipeline"
	"parley/providers"
)

// transcribed is a transcription that has its results already.
type transcribed struct {
	pipeline.Transcription
	all []pipeline.Transcript
	err error
}

func (t transcribed) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for _, tr := range t.all {
			if !yield(tr, nil) {
				return
			}
		}
		yield(pipeline.Transcript{}, t.err)
	}
}

// TestSure: what a recogniser is not sure of was not understood; a Final answers its edge all the same.
func TestSure(t *testing.T) {
	t.Parallel()
	word := func(confidence float64) pipeline.Word { return pipeline.Word{Text: "w", Confidence: confidence} }
	failure := errors.New("away")
	of := transcribed{err: failure, all: []pipeline.Transcript{
		{Kind: pipeline.Final, Edge: 1, Text: "sure", Words: []pipeline.Word{word(0.9), word(0.4), word(0)}},
		{Kind: pipeline.Final, Edge: 2, Text: "doubtful", Words: []pipeline.Word{word(0.5), word(0.6)}},
		{Kind: pipeline.Final, Edge: 3, Text: "untold", Words: []pipeline.Word{word(0)}},
		{Kind: pipeline.Final, Edge: 4, Text: "wordless"},
	}}
	for least, want := range map[float64][]string{0.6: {"sure", "", "untold", "wordless"}, 0: {"sure", "doubtful", "untold", "wordless"}} {
		n := 0
		for tr, err := range providers.Sure(of, least).Results() {
			if n == len(want) {
				if !errors.Is(err, failure) {
					t.Errorf("it ends with %v, want %v", err, failure)
				}
				break
			}
			if tr.Text != want[n] || tr.Edge != n+1 || (len(tr.Words) == 0) != (tr.Text == "" || tr.Text == "wordless") {
				t.Errorf("of at least %g the transcript %d is %+v, want %q", least, n, tr, want[n])
			}
			n++
		}
	}
}
