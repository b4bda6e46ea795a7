package pace

import "time"

// A Waiter makes one wheel sleep. Start, Wait and Stop are called by the wheel's Run; Wake by anyone once Start has returned, also
// after Stop.
type Waiter interface {
	Start() error
	// Wait returns at until, or sooner if Wake was called since the last Wait returned. The zero time is for ever.
	Wait(until time.Time)
	Wake()
	Stop()
}

// A Timer is a Waiter that uses a time.Timer: it works everywhere, in synctest bubbles too. Go's scheduler rounds its wake-ups up
// to a millisecond.
type Timer struct {
	timer *time.Timer
	woken chan struct{}
}

// Start implements Waiter.
func (t *Timer) Start() error {
	t.woken = make(chan struct{}, 1)
	t.timer = time.NewTimer(time.Hour)
	return nil
}

// Wait implements Waiter.
func (t *Timer) Wait(until time.Time) {
	if until.IsZero() {
		<-t.woken
		return
	}
	t.timer.Reset(time.Until(until))
	select {
	case <-t.timer.C:
	case <-t.woken:
	}
}

// Wake implements Waiter.
func (t *Timer) Wake() {
	select {
	case t.woken <- struct{}{}:
	default:
	}
}

// Stop implements Waiter.
func (t *Timer) Stop() { t.timer.Stop() }
