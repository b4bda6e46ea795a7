package local

import "context"

// MelSpectrum is what the judge of the ends of turns looks at.
var MelSpectrum = melSpectrum

// ThreadTime is how long this thread has used the processor.
var ThreadTime = threadTime

// Bands and looks of a MelSpectrum.
const (
	MelBands  = melBands
	MelFrames = melFrames
)

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

// Finished is how likely it is that whoever speaks in pcm has finished.
func (e *Engine) Finished(ctx context.Context, pcm []float32) (float64, error) {
	m, err := e.wait(ctx)
	if err != nil {
		return 0, err
	}
	return m.turns.finished(pcm)
}
