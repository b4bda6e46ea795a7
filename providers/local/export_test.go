package local

import "context"

// Verdicts are the probabilities of speech in the hops of a call at 8 kHz, each of them judged.
func (e *Engine) Verdicts(ctx context.Context, pcm []int16) ([]float32, error) {
	m, err := e.wait(ctx)
	if err != nil {
		return nil, err
	}
	var memory memory
	var all []float32
	for ; len(pcm) >= hop8k; pcm = pcm[hop8k:] {
		all = append(all, m.ear.judge(&memory, pcm[:hop8k]))
	}
	return all, nil
}
