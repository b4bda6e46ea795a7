package score

import (
	"sync"
	"time"
)

// A Pacer is a media.Pacer with a goroutine for each that joins: it beats exactly on time in a bubble.
type Pacer struct{}

// Join implements media.Pacer.
func (Pacer) Join(beat func(now time.Time) (next time.Time)) (leave func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for next := time.Now(); ; {
			select {
			case <-stop:
				return
			case <-time.After(time.Until(next)):
			}
			if next = beat(time.Now()); next.IsZero() {
				return
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() { close(stop) })
		<-stopped
	}
}
