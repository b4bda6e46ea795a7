package preanswer

import (
	"sync"
	"time"

	"parley/store"
)

// Life is how long an answer waits for the call's sound: longer than carriers' tokens are good, and than a telephone rings before it is
// answered.
const Life = 2 * time.Minute

// Answers are those whose calls have been told to come, by the leg and the carrier's id. The zero value is ready; its methods may be called
// by any goroutine.
type Answers struct {
	mu    sync.Mutex
	kept  map[[2]string]store.KeptPreAnswer
	swept time.Time
}

// Keep keeps an answer until its call has begun, or it expires.
func (a *Answers) Keep(p store.KeptPreAnswer, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.swept) > Life {
		a.swept = now
		for key, old := range a.kept {
			if !now.Before(old.Expires) {
				delete(a.kept, key)
			}
		}
	}
	if a.kept == nil {
		a.kept = map[[2]string]store.KeptPreAnswer{}
	}
	a.kept[[2]string{p.Leg, p.CarrierID}] = p
}

// Find is the answer for a call; false: there is none here.
func (a *Answers) Find(leg, carrierID string, now time.Time) (p store.KeptPreAnswer, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok = a.kept[[2]string{leg, carrierID}]
	return p, ok && now.Before(p.Expires)
}

// Drop forgets the answer for a call that has begun, or will not.
func (a *Answers) Drop(leg, carrierID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.kept, [2]string{leg, carrierID})
}
