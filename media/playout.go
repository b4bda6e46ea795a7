package media

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// catchUp is how late a beat may be, on a leg without Lead, before the send clock starts anew instead of sending a burst.
	catchUp = 100 * time.Millisecond
	// grace is how long, beyond the send clock and the leg's Lead, a mark is waited for before it is taken for lost.
	grace = time.Second
	// markEvery is how much audio is sent between two marks.
	markEvery = 500 * time.Millisecond
)

// A Playout is the mouth of a call and the only caller of its leg's Send, Clear and Mark. It plays Utterances one after the other,
// in the order of their release and without a gap, on absolute deadlines: the carrier is kept at most Info.Lead ahead of real time.
// The first chunk of a reply is 20 ms, or Info.Least, and leaves at once, on the goroutine that wrote it; the others are Info.Chunk, the last may
// be short, but where silence makes it Info.Least, and they leave on the pacer's goroutine, or on the writer's where they are due as they are written.
//
//	Write ──▶ tape ──pump──▶ Send ──▶ ledger ──marks, send clock──▶ settled ──▶ tap
//	          5 s             ▲         ▲
//	                     Pacer beats    └── Clear: sent samples that were not heard are unsent again
//
// What it reports as heard is exact on a line of constant delay (without Lead: to a frame). Otherwise the error is what the carrier
// adds before it begins to sound, until the first mark is back, and what the marks' way home varies by from then on; on a leg that
// is no Marker the former stays. A beat that is late by less than 100 ms counts as if it had come in time where there is no Lead.
//
// One mutex serialises everything, Send included, which never blocks; so does no beat. All methods may be called by any goroutine.
type Playout struct {
	leg     Leg
	marker  Marker // nil if the leg is none
	info    Info
	pacer   Pacer
	tap     func(began time.Time, pcm []int16)
	beating func(time.Time) time.Time // beat, bound once
	frame   int                       // samples in 20 ms
	chunk   int                       // samples in Info.Chunk
	least   int                       // samples in Info.Least
	failed  chan struct{}
	counts  counts

	mu      sync.Mutex
	source  Source       // what sounds where no utterance does; nil: nothing
	line    []*Utterance // released and not over, in order
	begun   []*Utterance // not released
	ledger  ledger
	shelf   shelf
	scratch []int16     // the chunk that is being sent
	late    *TimesShard // nil: nobody measures
	clears  *TimesShard
	beats   bool      // the pacer's beat is sending
	asked   time.Time // when it was asked to, or had to begin anew
	resting bool      // nothing or comfort noise sounds: the next chunk begins a reply
	marked  int       // samples since the last Clear before the last mark
	leave   func()    // leaves the pacer; nil while not joined
	closed  bool
	err     error
}

// NewPlayout is a Playout for leg, whose punctuality nobody measures. Tap, unless it is nil, is given what was heard, in order, and when each piece began to sound; it
// copies, returns at once and calls nothing of the Playout. Close it when the call is over.
func NewPlayout(leg Leg, pacer Pacer, tap func(began time.Time, pcm []int16)) *Playout {
	return NewMeasuredPlayout(leg, pacer, tap, nil)
}

// NewMeasuredPlayout is NewPlayout, and has what it does counted; nil: it is not.
func NewMeasuredPlayout(leg Leg, pacer Pacer, tap func(began time.Time, pcm []int16), punctuality *Punctuality) *Playout {
	info := leg.Info()
	p := &Playout{leg: leg, info: info, pacer: pacer, tap: tap, failed: make(chan struct{}), resting: true}
	p.marker, _ = leg.(Marker)
	p.beating = p.beat
	p.frame = p.samples(FrameTime)
	p.chunk = max(p.samples(info.Chunk)/p.frame*p.frame, p.frame)
	p.least = min((p.samples(info.Least)+p.frame-1)/p.frame*p.frame, p.chunk)
	p.scratch = make([]int16, p.chunk)
	p.shelf.size = blockFrames * p.frame
	p.ledger.rate = info.Rate
	if punctuality != nil {
		p.late, p.clears = punctuality.Late.Shard(), punctuality.Clear.Shard()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.join(time.Now()) // comfort noise begins now
	return p
}

// Begin is a held utterance: it takes samples but does not sound before Release.
func (p *Playout) Begin() *Utterance {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := &Utterance{p: p, was: full, wanted: full, done: make(chan struct{}), room: make(chan struct{}, 1), tape: tape{shelf: &p.shelf}}
	if p.closed || p.err != nil {
		u.state, u.cut = over, true
		close(u.done)
		return u
	}
	p.begun = append(p.begun, u)
	return u
}

// Release lets u, of p.Begin, sound after what was released before it. Only the first Release of an utterance counts.
func (p *Playout) Release(u *Utterance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.state != begun {
		return
	}
	now := time.Now()
	p.supply(now)
	u.state = playing
	p.begun = without(p.begun, u)
	p.line = append(p.line, u)
	p.run(now)
}

// Interject is Release ahead of an utterance that was released and stands still, because no more of it was written or because it is
// held. It says false, and does nothing, while something sounds or is ready to.
func (p *Playout) Interject(u *Utterance) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if u.state != begun || p.ready() > 0 || !p.resting && now.Before(p.ledger.end) {
		return false
	}
	p.supply(now)
	u.state = playing
	p.begun = without(p.begun, u)
	at := slices.IndexFunc(p.line, func(v *Utterance) bool { return !v.yields() || v.unsent() > 0 })
	if at < 0 {
		at = len(p.line)
	}
	p.line = slices.Insert(p.line, at, u)
	p.run(now)
	return true
}

// Played takes note that a mark came back; notes of other kinds are ignored. It is called by the goroutine that reads the leg.
func (p *Playout) Played(n Note) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.ledger.played(n, now)
	p.settle(now)
}

// Failed is closed when the leg failed to send, clear or mark: it is dead, and all utterances are cut. Err says why.
func (p *Playout) Failed() <-chan struct{} { return p.failed }

// Err is the first error of the leg's Send, Clear or Mark.
func (p *Playout) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Close cuts all utterances, leaves the pacer and returns the error of Err. Nothing is sent after it. It must not be called from
// within a beat or the tap.
func (p *Playout) Close() error {
	p.mu.Lock()
	now := time.Now()
	if !p.closed && p.err == nil && slices.ContainsFunc(p.line, func(u *Utterance) bool { return p.ledger.buffered(u, now, p.doubt()) }) {
		_ = p.leg.Clear() // the leg may have been hung up before: then it is silent already
	}
	p.closed = true
	p.endAll(now)
	leave := p.leave
	p.leave = nil
	p.mu.Unlock()
	if leave != nil {
		leave()
	}
	return p.Err()
}

// beat is called by the pacer.
func (p *Playout) beat(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beats = true
	p.pump(now)
	p.beats = false
	p.settle(now)
	next := p.next(now)
	if next.IsZero() {
		p.leave = nil
	}
	p.asked = next
	return next
}

// run does what is due and sees to it that the pacer does the rest. mu is held, here and in all that follows.
func (p *Playout) run(now time.Time) {
	p.pump(now)
	p.settle(now)
	p.join(now)
}

func (p *Playout) join(now time.Time) {
	if p.leave == nil && !p.next(now).IsZero() {
		p.asked = now
		p.leave = p.pacer.Join(p.beating)
	}
}

// next is when the next beat is needed; the zero time if nothing sounds.
func (p *Playout) next(now time.Time) (next time.Time) {
	switch {
	case p.closed || p.err != nil:
		return next
	case p.ready() > 0:
		return p.due()
	case p.flows() && p.ledger.end.Before(now):
		return now
	case p.flows():
		return p.ledger.end
	}
	// A little longer than it sounds, for a voice that is barely fast enough.
	sounding := !p.resting && now.Before(p.ledger.end.Add(5*FrameTime))
	for _, u := range p.line {
		if u.state == holding {
			break
		}
		if sounding || u.closed {
			next = now.Add(FrameTime)
			if at := p.overAt(u); u.unsent() == 0 && at.After(now) && at.Before(next) {
				next = at
			}
			break
		}
	}
	return next
}

// ready is how many samples the next chunk would have: whole frames, unless it is the end of all that there is. A reply does not begin with
// fewer than the leg wants.
func (p *Playout) ready() int {
	want, total, whole := p.chunk, 0, 0
	if p.resting {
		want = max(p.frame, p.least)
	}
	for _, u := range p.line {
		if u.pad != nil {
			if total > 0 {
				break // its keys wait until all before has sounded
			}
			want = max(p.frame, p.least)
		}
		total += u.offer()
		if u.whole() {
			whole = total
		}
		if total >= want {
			return want
		}
		if !u.yields() {
			break
		}
	}
	if full := total / p.frame * p.frame; full > 0 && total > whole && (!p.resting || full >= p.least) {
		return full
	}
	return whole
}

// due is when the next chunk is to be sent.
func (p *Playout) due() time.Time {
	if p.resting {
		return time.Time{}.Add(1) // at once
	}
	if u := p.upNext(); u != nil && u.pad != nil {
		return p.ledger.end
	} else if u != nil && len(u.wholes) > 0 && u.wholes[0].from < u.sent {
		return time.Time{}.Add(1)
	} else if u != nil && !u.whole() && u.unsent() < p.least {
		return p.ledger.end.Add(-FrameTime) // more of it may come until then
	}
	return p.ledger.end.Add(-max(0, p.info.Lead-Samples(p.chunk, p.info.Rate)))
}

// upNext is the utterance that the next samples are of; nil: there are none.
func (p *Playout) upNext() *Utterance {
	i := slices.IndexFunc(p.line, func(u *Utterance) bool { return u.offer() > 0 })
	if i < 0 {
		return nil
	}
	return p.line[i]
}

// supply is called before there is more to send: if all there was has sounded by now, the send clock starts anew.
func (p *Playout) supply(now time.Time) {
	if p.ready() == 0 {
		p.lapse(now, 0)
	}
}

// lapse starts the send clock anew if it ran out more than slack ago, and says whether what was heard until then broke off.
func (p *Playout) lapse(now time.Time, slack time.Duration) (broke bool) {
	if now.Sub(p.ledger.end) <= slack {
		return false
	}
	if p.beats {
		p.asked = now
	}
	broke = !p.resting
	p.ledger.end, p.resting = now, true
	return broke
}

// pump sends all that is due.
func (p *Playout) pump(now time.Time) {
	slack := catchUp
	if p.info.Lead > 0 {
		slack = 0 // late with a lead means that the carrier has run dry
	}
	for p.err == nil && !p.closed {
		n := p.ready()
		switch {
		case n > 0:
			due := p.due()
			if !p.resting && now.Before(due) {
				return
			}
			owed := p.owed(due)
			if p.lapse(now, slack) {
				p.counts.late.Add(1)
			}
			if n = min(n, p.ready()); n == 0 {
				return // too little to begin anew with
			}
			p.send(n, now)
			p.timed(owed)
		case p.flows() && !now.Before(p.ledger.end):
			owed := p.owed(p.ledger.end)
			if p.source != nil {
				slack = catchUp // it is sent when it sounds, with no lead to run out of
			}
			p.lapse(now, slack)
			p.comfort(now)
			p.timed(owed)
		default:
			return
		}
	}
}

// send sends the next n samples, of one utterance or of several that follow each other.
func (p *Playout) send(n int, now time.Time) {
	pcm := p.scratch[:n]
	at := 0
	for _, u := range p.line {
		k := min(u.offer(), n-at)
		u.tape.read(pcm[at:at+k], u.sent)
		u.fade(pcm[at : at+k])
		if err := u.press(k); err != nil {
			p.fail("press", err)
			return
		}
		if at += k; at == n {
			break
		}
	}
	if !p.hand(p.filled(pcm), now) {
		return
	}
	p.resting = false
	ended := false
	for _, u := range p.line {
		k := min(u.offer(), n)
		if k == 0 {
			continue
		}
		p.ledger.add(u, u.sent, k)
		u.took(k, now)
		ended = ended || u.closed && u.unsent() == 0
		if n -= k; n == 0 {
			break
		}
	}
	if pad := p.padding(len(pcm)); pad > 0 {
		p.ledger.add(nil, p.ledger.sent, pad)
	}
	if ended || p.ledger.sent-p.marked >= p.samples(markEvery) {
		p.mark()
	}
}

// padding is how much silence follows n samples, on a leg that wants whole frames and no fewer than Info.Least.
func (p *Playout) padding(n int) int {
	if p.least == 0 {
		return 0
	}
	return max(p.least, (n+p.frame-1)/p.frame*p.frame) - n
}

// filled is pcm, the first of scratch, and its padding.
func (p *Playout) filled(pcm []int16) []int16 {
	n := len(pcm)
	all := p.scratch[:n+p.padding(n)]
	clear(all[n:])
	return all
}

// comfort sends 20 ms of what sounds where no utterance does: the source, or silence.
func (p *Playout) comfort(now time.Time) {
	pcm := p.scratch[:p.frame]
	if p.source == nil || !p.source.Next(pcm) {
		clear(pcm)
	}
	if !p.hand(pcm, now) {
		return
	}
	if p.source != nil && p.tap != nil {
		p.tap(p.ledger.end, pcm)
	}
	p.ledger.add(nil, p.ledger.sent, p.frame)
	p.resting = true
}

// hand gives pcm to the leg.
func (p *Playout) hand(pcm []int16, now time.Time) bool {
	if p.ledger.sent == 0 {
		p.ledger.opened = now
		p.mark() // with nothing to wait for: it tells how long a note takes
	}
	if p.err != nil {
		return false
	}
	if err := p.leg.Send(Frame{PCM: pcm, Rate: p.info.Rate}); err != nil {
		p.fail("send", err)
		return false
	}
	p.counts.sent.Add(int64(len(pcm)))
	return true
}

// mark asks for a note once all that was sent has sounded.
func (p *Playout) mark() {
	if p.marker == nil || p.err != nil {
		return
	}
	p.marked = p.ledger.sent
	if err := p.marker.Mark(); err != nil {
		p.fail("mark", err)
	}
}

// clear takes back what the carrier has and nobody has heard.
func (p *Playout) clear(now time.Time) {
	if err := p.leg.Clear(); err != nil {
		p.fail("clear", err)
		return
	}
	p.ledger.settle(nil, now, p.hear)
	p.ledger.clear(now)
	p.resting, p.marked = true, 0
	for _, u := range p.line {
		if u.sent > u.settled && u.settled > 0 {
			u.was = silent
		}
		u.sent, u.until = u.settled, 0
	}
}

// settle accounts for what was heard: it feeds the tap and ends utterances.
func (p *Playout) settle(now time.Time) {
	if p.err != nil || p.closed {
		return
	}
	beyondDoubt := now
	if p.marker != nil {
		beyondDoubt = now.Add(-grace)
	}
	p.ledger.settle(nil, beyondDoubt, p.hear)
	for len(p.line) > 0 && p.sounded(p.line[0], now) {
		p.end(p.line[0], now, false)
	}
}

// sounded says whether all of u has been heard, or is taken to be because its mark was lost.
func (p *Playout) sounded(u *Utterance, now time.Time) bool {
	if !u.yields() || u.unsent() > 0 {
		return false
	}
	if p.marker != nil && u.until <= p.ledger.proven {
		return true
	}
	return !now.Before(p.overAt(u))
}

// overAt is when all that was sent of u is taken to be heard even if no mark comes back.
func (p *Playout) overAt(u *Utterance) time.Time { return p.ledger.soundedBy(u.until).Add(p.doubt()) }

// doubt is how long after the send clock the carrier may still have audio that no mark has proved heard.
func (p *Playout) doubt() time.Duration {
	if p.marker == nil {
		return 0
	}
	return p.info.Lead + grace
}

// hear settles the next n samples of u.
func (p *Playout) hear(u *Utterance, n int, began time.Time) {
	for at := 0; p.tap != nil && at < n; {
		pcm := u.tape.span(u.settled+at, n-at)
		p.tap(began.Add(Samples(at, p.info.Rate)), pcm)
		at += len(pcm)
	}
	u.sounds(began)
	u.settled += n
	u.tape.drop(u.settled)
}

// end settles what was heard of u and makes it over.
func (p *Playout) end(u *Utterance, now time.Time, cut bool) {
	if u.state == over {
		return
	}
	p.ledger.settle(u, now, p.hear)
	u.state, u.cut = over, cut
	u.tape.free()
	p.line, p.begun = without(p.line, u), without(p.begun, u)
	if len(p.line)+len(p.begun) == 0 {
		p.shelf.rest()
	}
	close(u.done)
}

func (p *Playout) endAll(now time.Time) {
	for len(p.line) > 0 {
		p.end(p.line[0], now, true)
	}
	for len(p.begun) > 0 {
		p.end(p.begun[0], now, true)
	}
}

// fail ends everything: the leg is dead.
func (p *Playout) fail(verb string, err error) {
	p.err = fmt.Errorf("%s: %w", verb, err)
	close(p.failed)
	p.endAll(time.Now())
}

// samples is how many samples d has.
func (p *Playout) samples(d time.Duration) int {
	return int(d * time.Duration(p.info.Rate) / time.Second)
}

func without(all []*Utterance, u *Utterance) []*Utterance {
	return slices.DeleteFunc(all, func(v *Utterance) bool { return v == u })
}
