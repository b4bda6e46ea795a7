package main

import (
	"math"
	"sync"
	"time"

	"parley/bench/corpus"
	"parley/media"
	"parley/media/legtest"
)

// A phone is the caller's end of a call: an in-memory leg, into whose frames it puts what the caller says and what comes back of the
// agent's voice, as mu-law leaves it.
//
//	item ──say──▶ ┐
//	              ├─▶ mu-law ──▶ Receive ──▶ the call
//	Sounded ─echo─┘
type phone struct {
	media.Leg
	carrier  *legtest.Carrier
	answered time.Time
	echo     echo
	room     []float64 // how it answers a click

	mu     sync.Mutex
	unsaid []int16
	begun  chan time.Duration // holds when unsaid began, by media time
	waits  bool
	late   time.Duration // the latest that a frame was taken
}

// A socket's carrier is so far away, and plays from a buffer of so much.
const (
	socketAway   = 20 * time.Millisecond
	socketBuffer = 40 * time.Millisecond
)

// dial is a phone on the item's kind of line.
func dial(i *item) *phone {
	l := legtest.Line{Open: true, Info: media.Info{Kind: string(i.line), ID: i.name, Rate: corpus.Rate}}
	if i.line == socket {
		l.Marks, l.Down, l.Up, l.Prebuffer = true, socketAway, socketAway, socketBuffer
		l.Info.Lead, l.Info.Chunk = 200*time.Millisecond, 100*time.Millisecond
	}
	p := &phone{answered: time.Now(), echo: i.echo, room: walls(i.echo.room, i.name), begun: make(chan time.Duration, 1)}
	p.Leg, p.carrier = legtest.New(l)
	return p
}

// leg is the phone as the call has it.
func (p *phone) leg() media.Leg {
	if m, ok := p.Leg.(media.Marker); ok {
		return markingPhone{p, m}
	}
	return p
}

type markingPhone struct {
	*phone
	media.Marker
}

// say lets the caller say pcm from the next frame on, and returns when its first sample was spoken, by media time.
func (p *phone) say(pcm []int16) time.Duration {
	p.mu.Lock()
	p.unsaid, p.waits = pcm, true
	p.mu.Unlock()
	return <-p.begun
}

// Receive implements media.Leg.
func (p *phone) Receive() (media.Packet, error) {
	packet, err := p.Leg.Receive()
	if err == nil && packet.Frame.PCM != nil {
		p.speak(packet.Frame)
	}
	return packet, err
}

// speak fills a frame, which is ours until it is returned.
func (p *phone) speak(f media.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = max(p.late, time.Since(p.answered)-f.At-f.Duration())
	if p.waits {
		p.waits = false
		p.begun <- f.At
	}
	p.unsaid = p.unsaid[copy(f.PCM, p.unsaid):]
	if p.echo.delay > 0 {
		p.reflect(f)
	}
	copy(f.PCM, corpus.PhoneLine(f.PCM))
}

// reflect adds what sounded of the agent, delay before, as the room returns it.
func (p *phone) reflect(f media.Frame) {
	before := len(p.room) - 1
	sounded := make([]float64, before+len(f.PCM))
	from := p.answered.Add(f.At - p.echo.delay - media.Samples(before, corpus.Rate))
	for _, s := range p.carrier.Sounded() {
		at := corpus.Samples(s.At.Sub(from)) - corpus.Samples(from.Sub(s.At)) // of the stretch's first sample in sounded
		for i := max(at, 0); i < len(sounded) && i-at < len(s.PCM); i++ {
			sounded[i] = float64(s.PCM[i-at])
		}
	}
	gain := math.Pow(10, p.echo.db/20)
	for i := range f.PCM {
		var sum float64
		for k, r := range p.room {
			sum += r * sounded[before+i-k]
		}
		f.PCM[i] = corpus.Clip(float64(f.PCM[i]) + gain*sum)
	}
}

// walls is how a room answers a click, of energy 1: the sound itself, and noise that dies away (Polack's model), 3 dB below it, of which what is
// within 40 dB is kept. The name makes the noise: each item has its own room.
func walls(decay time.Duration, name string) []float64 {
	response := make([]float64, 1+corpus.Samples(decay*2/3))
	d := corpus.Dice("room" + name)
	var late float64
	for i := 1; i < len(response); i++ {
		response[i] = d.NormFloat64() * math.Pow(10, -3*float64(i)/float64(corpus.Samples(decay)))
		late += response[i] * response[i]
	}
	if late == 0 {
		return []float64{1}
	}
	const below = 0.5 // of the energy of the sound itself
	response[0] = 1 / math.Sqrt(1+below)
	scale := math.Sqrt(below/(1+below)) / math.Sqrt(late)
	for i := 1; i < len(response); i++ {
		response[i] *= scale
	}
	return response
}

// sounding are the stretches of the agent's sound so far, by media time.
func (p *phone) sounding() []corpus.Span {
	var all []corpus.Span
	for _, s := range p.carrier.Sounded() {
		from := s.At.Sub(p.answered)
		all = join(all, corpus.Span{From: from, To: from + corpus.Length(s.PCM)})
	}
	return all
}

// join adds a stretch of sound to those before it. What breaks off for less than a frame or two is one.
func join(all []corpus.Span, next corpus.Span) []corpus.Span {
	if k := len(all); k > 0 && next.From-all[k-1].To < 3*media.FrameTime {
		all[k-1].To = next.To
		return all
	}
	return append(all, next)
}
