package providers

import (
	"context"
	"iter"

	"parley/pipeline"
)

// A Patient voice is not asked before there are words for it: most answers may need none, as those of a model that speaks itself.
type Patient struct{ Synthesizer pipeline.Synthesizer }

// Speak implements [pipeline.Synthesizer].
func (p Patient) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		next, stop := iter.Pull2(text)
		defer stop()
		first, err, ok := next()
		switch {
		case !ok:
			return
		case err != nil:
			yield(pipeline.Speech{}, err)
			return
		}
		all := func(yield func(string, error) bool) {
			for ; ok; first, err, ok = next() {
				if !yield(first, err) {
					return
				}
			}
		}
		for speech, err := range p.Synthesizer.Speak(ctx, all, v) {
			if !yield(speech, err) {
				return
			}
		}
	}
}
