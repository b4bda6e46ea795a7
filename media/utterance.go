package media

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrCut says that an Utterance was cut, or its Playout closed or failed.
var ErrCut = errors.New("utterance was cut")

var errClosedWrite = errors.New("utterance was closed for writing")

const (
	// backlog is how much written audio may wait to be sent before Write blocks.
	backlog = 5 * time.Second
	// refill is how much room there must be before a Write that blocked is woken: a writer need not run once a frame.
	refill = 200 * time.Millisecond
)

// state is where an utterance stands.
//
//	begun ──Release──▶ playing ──last sample heard──▶ over
//	                    │  ▲                            ▲
//	               Hold │  │ Resume                     │ Cut, from anywhere
//	                    ▼  │
//	      (fading ──▶) holding
//
// Ducking is no state: a ducked utterance goes on, quieter.
type state uint8

const (
	begun   state = iota // written to, but not released
	playing              // its turn has come or will come
	fading               // its next 20 ms fade out, then it holds
	holding
	over // heard to its end, or cut
)

// level is how loud an utterance is, in fifths.
type level int

const (
	silent level = 0
	ducked level = 1 // -14 dB
	full   level = 5
)

// An Utterance is one stretch of speech. It owns its samples: Cut drops them and says in the same breath how much was heard.
//
// One goroutine writes; all other methods may be called by any.
type Utterance struct {
	p    *Playout
	done chan struct{} // closed when over
	room chan struct{} // tells a blocked Write of room

	// All that follows is under p.mu.
	state   state
	cut     bool
	closed  bool  // CloseWrite was called
	blocked bool  // Write waits for room
	was     level // of the last sample sent; the next 20 ms fade from it
	wanted  level // while it plays
	tape    tape
	sent    int // samples sent; less again after a Clear
	settled int // samples that were heard beyond doubt
	until   int // the position on the wire, since the last Clear, after its last sample sent
	began   time.Time
	pad     Keypad     // presses keys; nil: it has none
	keys    []keypress // that were not pressed yet
	wholes  []whole    // that were not sent to their end yet
	lags    []lag      // where it stood still, as far as it was heard
}

// lag is by how much the sample at, and those after it, sounded later than began and the length of what is before it tell.
type lag struct {
	at int
	by time.Duration
}

// leastLag is what counts as standing still: less is how exactly a carrier's marks can tell.
const leastLag = 40 * time.Millisecond

// whole is a stretch of samples that a carrier is to have without a gap.
type whole struct{ from, to int }

// keypress is a key to be pressed in the place of the sample at.
type keypress struct {
	at     int
	key    rune
	length time.Duration
}

// Write copies pcm, samples at the leg's rate, to be sent in their time. It blocks while 5 s wait to be sent. It returns ErrCut,
// at once and also from where it blocks, when the utterance is cut; and the cause of ctx when that ends.
func (u *Utterance) Write(ctx context.Context, pcm []int16) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for {
		n, err := u.write(pcm)
		if err != nil || n == len(pcm) {
			return err
		}
		pcm = pcm[n:]
		select {
		case <-u.room:
		case <-u.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// write takes as much of pcm as there is room for, and sends what is due of it.
func (u *Utterance) write(pcm []int16) (int, error) {
	p := u.p
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case u.cut && p.err != nil:
		return 0, fmt.Errorf("%w: %w", ErrCut, p.err)
	case u.cut:
		return 0, ErrCut
	case u.closed:
		return 0, errClosedWrite
	}
	now := time.Now()
	if u.dry(now) {
		p.counts.dry.Add(1)
	}
	p.supply(now)
	n := max(0, min(len(pcm), p.samples(backlog)-u.unsent()))
	u.tape.write(pcm[:n])
	u.blocked = n < len(pcm)
	p.run(now)
	return n, nil
}

// WriteWhole is Write of a sound that a gap would spoil, such as the tone of a key. A carrier that takes sound ahead of time is sent all
// of it as soon as its first sample is due, even if that is more than Lead by the length of it.
func (u *Utterance) WriteWhole(ctx context.Context, pcm []int16) error {
	u.p.mu.Lock()
	if u.state != over && !u.closed && u.p.info.Lead > 0 {
		u.wholes = append(u.wholes, whole{u.tape.end, u.tape.end + len(pcm)})
	}
	u.p.mu.Unlock()
	return u.Write(ctx, pcm)
}

// Press is Write of silence of the given length, during which pad, which is the leg, presses a key: when all that was written before has
// sounded. What a carrier was sent ahead does not count as that, so from its first key on an utterance is sent without Lead.
func (u *Utterance) Press(ctx context.Context, pad Keypad, key rune, length time.Duration) error {
	u.p.mu.Lock()
	if u.state != over && !u.closed {
		u.pad = pad
		u.keys = append(u.keys, keypress{u.tape.end, key, length})
	}
	u.p.mu.Unlock()
	return u.Write(ctx, make([]int16, u.p.samples(length)))
}

// CloseWrite says that no more will be written: the utterance is done once what was written has been heard.
func (u *Utterance) CloseWrite() {
	p := u.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.closed || u.state == over {
		return
	}
	now := time.Now()
	p.supply(now)
	u.closed = true
	if u.unsent() == 0 && p.marked < u.until {
		p.mark() // its end is on the way already
	}
	p.run(now)
}

// Hold stops the utterance where it is, for Resume. On a leg with Lead what the carrier has not played is taken back; without, 20 ms
// fade out. Whatever was released after it waits too.
func (u *Utterance) Hold() {
	p := u.p
	decided := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.state != playing {
		return
	}
	now := time.Now()
	unheard := u.sent - u.heard(now)
	if u.closed && u.unsent() == 0 && (unheard == 0 || p.info.Lead == 0) {
		return // its last sample is out of reach
	}
	switch {
	case p.info.Lead > 0:
		u.state = holding
		if unheard > 0 {
			p.clear(now)
			p.cleared(decided)
		}
	case unheard > 0 && u.unsent() > 0:
		u.state = fading
	default:
		u.state = holding
	}
	p.run(now)
}

// Duck makes room for somebody who may be interrupting, until Resume. On a leg with Lead it is Hold. Without, the utterance goes on 14 dB
// quieter, fading over 20 ms: nothing needs to be taken back, and a listener who only coughed has missed nothing.
func (u *Utterance) Duck() {
	p := u.p
	if p.info.Lead > 0 {
		u.Hold()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u.wanted = ducked
}

// Resume goes on after Hold, from the sample that would have been next, and after Duck, fading in over 20 ms.
func (u *Utterance) Resume() {
	p := u.p
	p.mu.Lock()
	defer p.mu.Unlock()
	u.wanted = full
	if u.state != holding && u.state != fading {
		return
	}
	now := time.Now()
	p.supply(now)
	u.state = playing
	p.run(now)
}

// Cut ends the utterance and returns how much of it was heard. What the carrier still holds is cleared before Cut returns, and
// nothing of the utterance is sent after. Cut of an utterance that is over only returns what was heard.
func (u *Utterance) Cut() time.Duration {
	p := u.p
	decided := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.state != over {
		now := time.Now()
		p.supply(now)
		if p.ledger.buffered(u, now, p.doubt()) {
			p.clear(now)
			p.cleared(decided)
		}
		p.end(u, now, true)
		p.run(now)
	}
	return Samples(u.settled, p.info.Rate)
}

// Heard is how much of the utterance has been heard so far: by the send clock, as corrected by the carrier's marks.
func (u *Utterance) Heard() time.Duration {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	return Samples(u.heard(time.Now()), u.p.info.Rate)
}

// Began is when the utterance's first frame was sent; false if none has been.
func (u *Utterance) Began() (time.Time, bool) {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	return u.began, !u.began.IsZero()
}

// SoundedAt is when the sample at a place that was heard sounded, since the first frame was sent.
func (u *Utterance) SoundedAt(place time.Duration) time.Duration {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	by := time.Duration(0)
	for _, l := range u.lags {
		if Samples(l.at, u.p.info.Rate) > place {
			break
		}
		by = l.by
	}
	return place + by
}

// sounds notes that the next sample that is settled began to sound then.
func (u *Utterance) sounds(began time.Time) {
	by, was := began.Sub(u.began)-Samples(u.settled, u.p.info.Rate), time.Duration(0)
	if k := len(u.lags); k > 0 {
		was = u.lags[k-1].by
	}
	if (by - was).Abs() >= leastLag {
		u.lags = append(u.lags, lag{u.settled, by})
	}
}

// Done is closed when the last sample has been heard, as a mark tells or the send clock does, or when the utterance is cut.
func (u *Utterance) Done() <-chan struct{} { return u.done }

// unsent is how many samples wait.
func (u *Utterance) unsent() int { return u.tape.end - u.sent }

// heard is how many samples have been heard at now.
func (u *Utterance) heard(now time.Time) int {
	if u.state == over {
		return u.settled
	}
	return u.settled + u.p.ledger.unsettled(u, now)
}

// offer is how many samples may be sent now.
func (u *Utterance) offer() int {
	switch u.state {
	case playing:
		return u.unsent()
	case fading:
		return min(u.unsent(), u.p.frame)
	default:
		return 0
	}
}

// whole says that after its offer nothing of u is to come for now: what it offers is sent even if that is less than a frame.
func (u *Utterance) whole() bool { return u.state == fading || u.yields() }

// yields says that what was released after u may follow its offer.
func (u *Utterance) yields() bool { return u.closed && u.state == playing }

// press presses the keys that have their place in the next k samples.
func (u *Utterance) press(k int) error {
	for len(u.keys) > 0 && u.keys[0].at < u.sent+k {
		key := u.keys[0]
		u.keys = u.keys[1:]
		if err := u.pad.Press(key.key, key.length); err != nil {
			return err
		}
	}
	return nil
}

// took notes that its next k samples were sent.
func (u *Utterance) took(k int, now time.Time) {
	if u.began.IsZero() {
		u.began = now
	}
	u.sent += k
	for len(u.wholes) > 0 && u.wholes[0].to <= u.sent {
		u.wholes = u.wholes[1:]
	}
	u.until = u.p.ledger.sent
	u.was = u.goal()
	if u.state == fading {
		u.state = holding
	}
	if u.blocked && u.p.samples(backlog)-u.unsent() >= u.p.samples(refill) {
		u.blocked = false
		select {
		case u.room <- struct{}{}:
		default:
		}
	}
}

// goal is how loud u is to be.
func (u *Utterance) goal() level {
	if u.state == fading {
		return silent
	}
	return u.wanted
}

// fade shapes pcm, the next samples of u as they are to be sent. Without Lead next to nothing is taken back
// to be sent again, so what is kept for the tap becomes what is heard.
func (u *Utterance) fade(pcm []int16) {
	from, to := int(u.was), int(u.goal())
	if from == int(full) && to == int(full) {
		return
	}
	n := min(len(pcm), u.p.frame)
	for i := range n {
		pcm[i] = int16(int(pcm[i]) * (from*(n-i) + to*i) / (int(full) * n))
	}
	for i := n; i < len(pcm); i++ {
		pcm[i] = int16(int(pcm[i]) * to / int(full))
	}
	if u.p.info.Lead == 0 {
		u.tape.rewrite(u.sent, pcm)
	}
}
