package local

import (
	"time"

	"parley/pipeline"
)

// A turnModel tells by its sound whether a turn is over. It may be used by several goroutines at once.
type turnModel interface {
	// finished is given mono at 16 kHz, within ±1, of which the last 8 s count: the turn so far, up to now. It returns how likely the
	// speaker has finished, 0 to 1.
	finished(pcm []float32) (float64, error)
}

// sameTurn is the longest pause between two stretches of speech that are judged as one turn; turnMost how much of a turn is judged.
const sameTurn, turnMost = 2 * time.Second, melSeconds * time.Second

// leastLikely stands for what a turnModel calls less likely: 0 means that nothing is known.
const leastLikely = 0.001

// A judgement is a turnModel's of the sound before a take's end, and the job that makes it.
type judgement struct {
	job  *job
	p    float64
	done bool // or not to be had
}

// judge queues the judgement of u's sound up to now, for the guess k. With mu held.
func (t *transcription) judge(u *turn, k *take) {
	now := t.tape.end(t.rate)
	pcm := t.tape.copy(max(t.since, now-turnMost), now, t.rate)
	k.sound = &judgement{}
	k.sound.job = &job{
		run: func(func() bool) {
			wide, err := widen(pcm, t.rate)
			var p float64
			if err == nil {
				p, err = t.turns.finished(wide)
			}
			t.judged(u, k, p, err)
		},
		drop: func(err error) { t.judged(u, k, 0, err) },
	}
	if t.judges.submit(k.sound.job, guess) != nil { // too much to do: words have to do
		k.sound.done = true
	}
}

// judged takes in what the turnModel made of k.
func (t *transcription) judged(u *turn, k *take, p float64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k.sound == nil {
		return
	}
	k.sound.done = true
	if err == nil {
		k.sound.p = max(p, leastLikely)
	} else {
		t.log.Debug("end of turn not judged", "turn", u.n, "err", err)
	}
	if k == u.guess && k.done && !k.failed && !u.ended {
		t.eager(u)
		t.tell()
	}
}

// forgo gives up the judgement of k. With mu held.
func (t *transcription) forgo(k *take) {
	if k.sound != nil && !k.sound.done {
		t.judges.cancel(k.sound.job)
	}
	k.sound = nil
}

// likely is how likely k is the end of the caller's turn; 0 if that is not known.
func (k *take) likely() float64 {
	if k.sound == nil {
		return 0
	}
	return k.sound.p
}

// undecided says whether the judgement of k is being made, so that it will be there within a twentieth of a second. One that waits for
// its turn is forgone: words are there. With mu held.
func (t *transcription) undecided(k *take) bool {
	switch s := k.sound; {
	case s == nil || s.done:
		return false
	case t.judges.forgo(s.job):
		s.done = true
		return false
	}
	return true
}

// remember says from when on the tape is needed, for the recogniser from at. With mu held.
func (t *transcription) remember(at time.Duration) time.Duration {
	now := t.tape.end(t.rate)
	if t.turns == nil || t.turn == nil && now-t.spoken > sameTurn {
		return at
	}
	return min(at, max(t.since, now-turnMost))
}

// joins decides whether the stretch that begins with e goes on with the turn before it. With mu held.
func (t *transcription) joins(e pipeline.Edge) {
	if t.spoken == 0 || e.At-t.spoken > sameTurn {
		t.since = e.At - preRoll
	}
}
