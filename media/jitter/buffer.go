package jitter

import (
	"fmt"
	"time"

	"parley/media/resample"
)

// A Buffer is one stream's: see the package's documentation.
type Buffer struct {
	fixed    bool
	least    int64 // bounds of the delay
	most     int64
	rate     int
	tick     int64 // units a sample
	codings  []coding
	current  int // which of them sounded last
	stream   stream
	queue    queue
	delays   delays
	line     line
	conceal  concealer
	floor    floor
	pitch    search  // of what is put in and left out
	scratch  []int16 // what a decoder fills
	time     int64   // of Next, evened out
	beating  bool
	started  bool
	head     int64 // when that was spoken which is to be decoded next
	held     int64 // what was made up since, in place of nothing that is known
	length   int64 // of the last packet
	grid     int64 // of which both that and what Next gives are multiples
	easing   bool  // the delay is too long, and shrinks until it is not
	paused   bool  // the far end has told that it is silent
	coloured bool  // it has told what its silence sounds like
	made     bool  // the end of the line was made up by the concealer
	gone     int   // samples that were made up since the last sound
	apart    int   // frames since the delay was changed in speech
	stats    Stats
}

// A coding is a decoder, and what makes the Buffer's rate of its.
type coding struct {
	Decoder
	tick  int64               // units a tick of timestamps
	match *resample.Resampler // nil: the rates are the same
}

// longest is how much of a packet is heard, at most: Opus has 120 ms (RFC 6716, section 2.1.4).
const longest = 120 // ms

// New checks the options and makes a Buffer.
func New(o Options) (*Buffer, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("make jitter buffer: %w", err)
	}
	b := &Buffer{
		fixed: o.Fixed > 0, least: ticks(o.Min), most: ticks(o.Max), rate: o.Rate, tick: int64(unit / o.Rate),
		conceal: newConcealer(o.Rate), floor: newFloor(), length: frame, grid: frame,
	}
	if b.fixed {
		b.least, b.most = ticks(o.Fixed), ticks(maxDelay)
	}
	b.pitch = search{least: o.Rate / 400, most: o.Rate * 15 / 1000, window: o.Rate / 100, stride: max(1, o.Rate/8000)}
	b.line = newLine(b.conceal.history(), o.Rate*400/1000)
	for _, d := range o.Decoders {
		if _, err := b.Add(d); err != nil {
			return nil, fmt.Errorf("make jitter buffer: %w", err)
		}
	}
	return b, nil
}

// Add makes another decoder known, and returns by which Coding packets name it.
func (b *Buffer) Add(d Decoder) (int, error) {
	if d.Clock() <= 0 || unit%d.Clock() != 0 || d.Rate() <= 0 || unit%d.Rate() != 0 {
		return 0, fmt.Errorf("add decoder: a clock of %d and a rate of %d, want divisors of %d", d.Clock(), d.Rate(), unit)
	}
	c := coding{Decoder: d, tick: int64(unit / d.Clock())}
	if d.Rate() != b.rate {
		var err error
		if c.match, err = resample.New(d.Rate(), b.rate); err != nil {
			return 0, fmt.Errorf("add decoder: %w", err)
		}
	}
	if n := d.Rate() * longest / 1000; n > len(b.scratch) {
		b.scratch = make([]int16, n)
	}
	b.codings = append(b.codings, c)
	return len(b.codings) - 1, nil
}

// Put takes in a packet. One whose coding is not known counts as Other.
func (b *Buffer) Put(p Packet) {
	b.stats.Packets++
	if p.Coding < Other || p.Coding >= len(b.codings) {
		p.Coding = Other
	}
	if p.Coding == Other {
		if number, ok := b.stream.count(p); ok {
			b.enqueue(slot{number: number, media: b.stream.media, coding: Other}, nil)
		}
		return
	}
	tick, now := b.stream.clock, ticks(p.Arrived)
	if p.Coding >= 0 {
		tick = b.codings[p.Coding].tick
	} else if !b.stream.begun {
		tick = unit / 8000 // that of comfort noise (RFC 3551, table 4)
	}
	newest := b.stream.number
	number, media, fresh, ok := b.stream.place(p, tick, now-b.delays.base(), b.length)
	if !ok {
		return
	}
	if !b.queue.known(number) {
		b.delays.hear(now, media, b.length)
		if number < newest {
			b.stats.Reordered++
		}
	}
	b.enqueue(slot{number: number, media: media, coding: p.Coding, marker: p.Marker || fresh}, p.Payload)
}

// enqueue has a packet wait, if its time is not over.
func (b *Buffer) enqueue(s slot, payload []byte) {
	if b.queue.known(s.number) {
		b.stats.Duplicates++
		return
	}
	if !b.started && (b.queue.count == 0 || s.number < b.queue.next) {
		b.queue.next = s.number // the first may have been overtaken
	}
	if s.number < b.queue.next {
		b.stats.Late++
		b.stats.Lost -= min(b.stats.Lost, 1) // it was thought lost
		return
	}
	b.stats.Lost += uint64(b.queue.put(s, payload))
}

// Next fills pcm with the next 20 ms, for which it must have room, and says what they are. It is called every 20 ms, and told when that is; now and then it may be
// called too late.
func (b *Buffer) Next(pcm []int16, now time.Duration) Kind {
	b.beat(ticks(now))
	n := int(frame / b.tick)
	kind := Sound
	for b.line.ahead() < n {
		kind = max(kind, b.advance(n-b.line.ahead()))
	}
	if !b.fixed && kind == Sound {
		b.adjust(n)
	}
	b.line.pop(pcm[:n])
	if kind == Sound {
		b.floor.hear(pcm[:n])
	}
	return kind
}

// Stats may be called at any time, by the Buffer's goroutine.
func (b *Buffer) Stats() Stats {
	s := b.stats
	s.Target = duration(b.target())
	if b.started {
		s.Delay = duration(b.delay() + frame) // what Next gave last is sounding
	}
	s.Drift = b.delays.drift.ppm()
	s.Restarts = b.stream.breaks
	return s
}

// beat keeps time: Next's calls are even, but for when each happens to run.
func (b *Buffer) beat(now int64) {
	b.time += frame
	off := now - b.time
	if !b.beating || off > 5*frame || off < -5*frame {
		b.beating, b.time = true, now
		return
	}
	b.time += off / 16
}

// target is the delay that is aimed at: a packet and a little at least, so that there is one to tell that another was lost. A packet whose first sample
// is not the first of what Next gives has to be there sooner.
func (b *Buffer) target() int64 {
	if b.fixed {
		return b.least
	}
	return min(max(b.delays.target, b.least, b.length+bucket)+frame-b.grid, b.most)
}

// delay is how long after the fastest packet came what is next to sound.
func (b *Buffer) delay() int64 {
	return b.time + b.ahead() - b.delays.base() - b.head - b.held
}

// ahead is how much is to sound before what is to be decoded next.
func (b *Buffer) ahead() int64 { return int64(b.line.ahead()) * b.tick }

// advance makes the line longer: by need samples, if they are not of a packet. It says what it was made longer with.
func (b *Buffer) advance(need int) Kind {
	s := b.queue.first()
	if s == nil {
		return b.wait(need)
	}
	if s.coding == Other {
		b.paused = true // nothing is said meanwhile, or it comes besides
		b.follow(s)
		return Sound
	}
	if b.over(s) {
		return Sound
	}
	if !b.started {
		return b.play(s) // whose length tells when it is due
	}
	if gap := b.gap(s) / b.tick; gap > 0 {
		return b.bridge(s, int(gap), need)
	}
	return b.play(s)
}

// over leaves out a packet when too many wait, or it is too late for a fixed delay, and says whether it did.
func (b *Buffer) over(s *slot) bool {
	late := b.fixed && b.started && s.media < b.head && !s.marker
	if !late && int64(b.queue.count)*b.length <= b.most {
		return false
	}
	if late {
		b.stats.Late++
	} else {
		b.stats.Skipped += uint64(b.length / b.tick)
		b.begin()
	}
	b.follow(s)
	if next := b.queue.first(); next != nil && !late {
		b.head, b.held = next.media, 0
	}
	return true
}

// gap is how much is missing before a packet, in units, when its time has come or that of what is missing. A pause is as long as makes the delay what is
// aimed at; what was made up while nothing came counts.
func (b *Buffer) gap(s *slot) int64 {
	b.head += b.held
	b.held = 0
	if s.number == b.queue.next && s.media > b.head {
		b.paused = true // nothing is lost, so nothing was said
	}
	if !b.fixed && s.media > b.head && (b.paused || s.marker || b.faded()) {
		wait := s.media - b.head
		if off := b.delay() - b.target(); off > slack || off-(b.ahead()+wait)%b.grid < -bucket {
			b.head = s.media - b.early(s)
		}
	}
	b.head = min(b.head, s.media)
	return s.media - b.head
}

// early is for how long a packet would have to wait now, for the delay to be what is aimed at and for its first sample to be the first that Next gives.
func (b *Buffer) early(s *slot) int64 {
	wait := s.media + b.target() + b.delays.base() - b.time - b.ahead()
	if wait <= 0 {
		return 0
	}
	return (wait+b.ahead()+b.grid-1)/b.grid*b.grid - b.ahead()
}

// wait goes on while nothing is there.
func (b *Buffer) wait(need int) Kind {
	switch {
	case !b.started:
		clear(b.line.extend(need))
		return Silence
	case b.fixed:
		clear(b.line.extend(need))
		b.head += int64(need) * b.tick
		return Silence
	}
	n, kind := b.makeUp(need)
	b.held += int64(n) * b.tick
	return kind
}

// bridge goes on until a packet is due for which gap samples are missing: with what it holds of the one before it, if that is all.
func (b *Buffer) bridge(s *slot, gap, need int) Kind {
	if b.fixed {
		clear(b.line.extend(min(gap, need)))
		b.head += int64(min(gap, need)) * b.tick
		return Silence
	}
	if s.number != b.queue.next && s.coding == b.current && !s.tried {
		if before := gap - int(b.length/b.tick); before > 0 {
			gap = before // the last of it may be recovered
		} else if s.tried = true; b.recover(s) {
			return Sound
		}
	}
	n, kind := b.makeUp(min(gap, need))
	b.head += int64(n) * b.tick
	return kind
}

// recover has what was lost before a packet out of it.
func (b *Buffer) recover(s *slot) bool {
	c := &b.codings[s.coding]
	n, ok := c.Recover(b.scratch[:c.Rate()*longest/1000], s.payload)
	if !ok || n <= 0 {
		return false
	}
	b.gone = 0
	b.sound(c, b.scratch[:n])
	b.head = s.media
	b.stats.Recovered++
	return true
}

// play decodes a packet.
func (b *Buffer) play(s *slot) Kind {
	if s.coding == Noise {
		b.conceal.noise.describe(s.payload, len(b.codings) > 0 && b.codings[b.current].Rate() == b.rate)
		b.started, b.paused, b.coloured = true, true, true
		b.head = s.media
		b.follow(s)
		return Sound
	}
	c := &b.codings[s.coding]
	n, err := c.Decode(b.scratch[:c.Rate()*longest/1000], s.payload)
	if err != nil || n <= 0 {
		b.follow(s)
		b.queue.next-- // so that it counts as lost, and what is next does not seem to follow
		return Sound
	}
	kind := Sound
	b.length = int64(n) * int64(unit/c.Rate())
	b.grid = divisor(frame, b.length)
	if !b.started {
		b.started = true
		if early := int(min(b.early(s), longest*unit/1000) / b.tick); early > 0 {
			clear(b.line.extend(early))
			kind = Silence
		}
	}
	b.current, b.gone = s.coding, 0
	b.sound(c, b.scratch[:n])
	b.head = s.media + b.length
	b.paused, b.coloured = len(s.payload) <= dtx && b.length > frame/4, false
	b.follow(s)
	return kind
}

// divisor is the greatest that both have.
func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// dtx is the most bytes of a packet that says there is silence: Opus's (opus_encode's documentation). Other codings have none that short.
const dtx = 2

// follow lets a packet go; those that did not come before it are lost.
func (b *Buffer) follow(s *slot) {
	b.stats.Lost += uint64(max(0, s.number-b.queue.next))
	b.queue.take(s)
}

// sound puts what a decoder made at the end of the line.
func (b *Buffer) sound(c *coding, pcm []int16) {
	b.line.room(len(pcm)*b.rate/c.Rate() + 1)
	start := len(b.line.pcm)
	if c.match == nil {
		b.line.pcm = append(b.line.pcm, pcm...)
	} else {
		b.line.pcm = c.match.Append(b.line.pcm, pcm)
	}
	if b.made {
		b.made = false
		b.conceal.join(b.line.pcm[start:])
	}
}

// begin has the concealer go on from the end of the line, if it does not already.
func (b *Buffer) begin() {
	if b.made || b.fixed {
		return
	}
	b.made = true
	if !b.coloured {
		b.floor.shape(&b.conceal.noise)
	}
	b.conceal.begin(b.line.pcm, b.paused)
}

// makeUp makes the line longer by need samples, or a little more, where nothing is there to be decoded, and returns how many they are.
func (b *Buffer) makeUp(need int) (n int, kind Kind) {
	kind = Concealed
	if b.paused || b.faded() {
		kind = Comfort
	}
	n = b.own(need)
	if n == 0 {
		b.begin()
		b.conceal.fill(b.line.extend(need))
		n = need
	}
	b.gone += n
	if kind == Comfort {
		b.stats.Comfort += uint64(n)
	} else {
		b.stats.Concealed += uint64(n)
	}
	return n, kind
}

// faded says whether so much was made up that nothing is left of the speech.
func (b *Buffer) faded() bool { return b.gone >= b.rate*fading/1000 }

// own has the decoder make up at least need samples, if it can.
func (b *Buffer) own(need int) int {
	if b.made || b.coloured || len(b.codings) == 0 {
		return 0
	}
	c := &b.codings[b.current]
	step := c.Rate() / 400
	want := (need*c.Rate()/b.rate + step - 1) / step * step
	n, ok := c.Conceal(b.scratch[:min(want, len(b.scratch))])
	if !ok || n <= 0 {
		return 0
	}
	before := len(b.line.pcm) - b.line.at
	b.sound(c, b.scratch[:n])
	return b.line.ahead() - before
}
