package providers_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"parley/pipeline"
	"parley/providers"
)

// reader is a voice that says as many samples as there are letters.
type reader struct{ asked int }

func (r *reader) Speak(_ context.Context, text iter.Seq2[string, error], _ pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	r.asked++
	return func(yield func(pipeline.Speech, error) bool) {
		for s, err := range text {
			if !yield(pipeline.Speech{PCM: make([]int16, len(s))}, err) || err != nil {
				return
			}
		}
	}
}

// A patient voice is asked when there are words, and is given all of them.
func TestPatient(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		text  []string
		err   error
		sizes []int
		asked int
	}{
		"words":               {[]string{"one ", "two"}, nil, []int{4, 3}, 1},
		"none":                {nil, nil, nil, 0},
		"an error":            {nil, broken, nil, 0},
		"words, and an error": {[]string{"one"}, broken, []int{3}, 1},
	} {
		r := &reader{}
		text := func(yield func(string, error) bool) {
			for _, s := range tt.text {
				if !yield(s, nil) {
					return
				}
			}
			if tt.err != nil {
				yield("", tt.err)
			}
		}
		var sizes []int
		var failure error
		for s, err := range (providers.Patient{Synthesizer: r}).Speak(t.Context(), text, pipeline.Voice{}) {
			if err != nil {
				failure = err
				break
			}
			sizes = append(sizes, len(s.PCM))
		}
		if !slices.Equal(sizes, tt.sizes) || !errors.Is(failure, tt.err) || r.asked != tt.asked {
			t.Errorf("%s: %v, %v, asked %d times", name, sizes, failure, r.asked)
		}
	}
}
