package local

import "time"

// charged is a recogniser in a synctest bubble, where work costs no time by itself: it takes as long, by the bubble's clock, as it
// used the processor, as on a machine that does nothing else. The time is charged whenever it asks whether to stop, so that it
// can be stopped halfway, as it would be.
type charged struct{ recogniser }

func (c charged) recognise(pcm []float32, stop func() bool) (string, error) {
	began := threadTime()
	charge := func() {
		now := threadTime()
		time.Sleep(now - began) // another thread's clock may stand lower: no charge
		began = threadTime()
	}
	text, err := c.recogniser.recognise(pcm, func() bool {
		charge()
		return stop()
	})
	charge()
	return text, err
}

// chargedTurns is the same for a turnModel, which nobody stops.
type chargedTurns struct{ turnModel }

func (c chargedTurns) finished(pcm []float32) (float64, error) {
	began := threadTime()
	p, err := c.turnModel.finished(pcm)
	time.Sleep(threadTime() - began)
	return p, err
}
