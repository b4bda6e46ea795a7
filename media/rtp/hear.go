package rtp

import (
	"net/netip"
	"sync"
	"time"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/jitter"
)

// byMessage is how a key comes by Session.Digit.
const byMessage = dtmf.ByInfo

// news is how many keys and notes wait for Receive at most: a person needs seconds for as many.
const news = 64

// An ear is what a session hears: all between the socket and the frame.
type ear struct {
	receiving sync.Mutex // held by Receive
	timer     *time.Timer
	due       time.Duration // when the next frame is
	frames    int64         // given or left out

	mu     sync.Mutex // of all that follows; nothing under it waits
	closed bool
	finish error // what Finish has said
	err    error // what Receive ends with, once the news are told

	agreement
	door      door
	reception reception
	looked    time.Duration // when the socket was drained last
	last      time.Duration // when a packet came last, or was to come from
	counts    heardCounts

	events   dtmf.Events
	evented  bool // a telephone-event has come: nobody need listen for tones
	tones    *dtmf.Detector
	once     dtmf.Once
	pcm      []int16
	ready    bool // pcm is a frame that was not given yet
	news     [news]media.Packet
	from, to int // of news: what waits
}

// heardCounts are of what came.
type heardCounts struct {
	foreign   int64 // packets of others
	malformed int64 // no RTP, or of another payload type
	strange   int64 // of the far end, but of another source
	unopened  int64 // forged, repeated, or secured with another key
	concealed int64 // frames made up for what was lost
	sound     int64 // frames of which the far end's sound was part
	unheard   int64 // keys for which there was no room
}

// agree takes what is agreed; false: the session is closed.
func (e *ear) agree(a agreement, now time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	first := e.coding == nil
	if first {
		e.pcm, e.tones = make([]int16, a.rate/50), dtmf.NewDetector(a.rate)
	}
	if was := e.Direction; !first && was.sends() != a.Direction.sends() {
		kind := media.Held
		if a.Direction.sends() {
			kind = media.Resumed
		}
		e.tell(media.Packet{Note: media.Note{Kind: kind}})
	}
	if first || e.Direction != a.Direction {
		e.last = now
	}
	e.door.agree(a.Remote, a.Symmetric, a.SSRC)
	e.agreement, e.events.Clock = a, a.EventsClock
	return true
}

// heard takes a packet that came to the RTP port. The ear's lock is held, here and in all that follows.
func (s *Session) heard(b []byte, from netip.AddrPort, at time.Duration) {
	e := &s.ear
	if e.coding == nil {
		e.counts.foreign++
		return
	}
	if !e.door.may(from) {
		e.counts.foreign++
		return
	}
	if e.association != nil && isRecord(b) {
		s.record(e.association, e.association.rtp, b, from, at)
		return
	}
	if isControl(b) && e.Mux {
		s.controlled(b, from, at)
		return
	}
	if e.locked() {
		e.counts.unopened++
		return
	}
	if e.opener != nil {
		opened, err := e.opener.open(b)
		if err != nil {
			e.counts.unopened++
			return
		}
		b = opened
	}
	p, ok := parse(b)
	if _, agreed := e.means(p.kind); !ok || !agreed {
		e.counts.malformed++
		return
	}
	if e.packet(p, at) && e.door.settle(from) {
		s.mouth.move(from)
		s.report.move(from, e.Mux)
	}
}

// means is how a packet of a payload type is coded, as jitter.Packet has it; false: the far end may not send it. Some far ends send under their
// own numbers where ours are agreed on.
func (e *ear) means(kind uint8) (coding int, ok bool) {
	switch {
	case kind == e.Hear:
		return 0, true
	case kind == e.HearEvents && kind != 0:
		return jitter.Other, true
	case kind == e.Codec.PT:
		return 0, true
	case kind == e.Events && kind != 0:
		return jitter.Other, true
	case kind == e.Comfort && kind != 0:
		return jitter.Noise, true
	}
	return 0, false
}

// packet takes one of the far end's and says whether it was of the source that is heard.
func (e *ear) packet(p packet, at time.Duration) (ok bool) {
	coding, _ := e.means(p.kind)
	isEvent := coding == jitter.Other
	ok, begun := e.door.admit(p.ssrc, p.seq, at)
	if !ok {
		e.counts.strange++
		if isEvent && e.door.fixed == 0 {
			e.event(p, at) // some gateways send keys as a source of their own
		}
		return false
	}
	if begun {
		e.reception.restart()
	}
	if !e.reception.take(p.seq) {
		e.counts.strange++
		return false
	}
	e.last = at
	switch coding {
	case jitter.Noise:
	case jitter.Other:
		e.event(p, at)
	default:
		e.reception.time(p.time, at, e.coding.clock)
	}
	e.buffer.Put(jitter.Packet{
		Seq: p.seq, Time: p.time, Source: p.ssrc, Marker: p.marker, Arrived: at, Coding: coding, Payload: p.payload,
	})
	return true
}

// event takes a telephone-event.
func (e *ear) event(p packet, at time.Duration) {
	e.evented = true
	if key, ok := e.events.Hear(dtmf.Heard{SSRC: p.ssrc, Time: p.time, Seq: p.seq, Payload: p.payload}); ok {
		e.key(key, dtmf.ByEvent, at)
	}
}

// frame makes the next frame.
func (e *ear) frame(now time.Duration) {
	switch e.buffer.Next(e.pcm, now) {
	case jitter.Sound:
		e.counts.sound++
	case jitter.Concealed:
		e.counts.sound++
		e.counts.concealed++
	}
	e.ready = true
	if !e.evented {
		if k, ok := e.tones.Hear(e.pcm); ok {
			e.key(k.Key, dtmf.ByTone, now)
		}
	}
}

// key tells of a key, if this is the first report of it.
func (e *ear) key(key rune, way dtmf.Way, at time.Duration) {
	if dtmf.Is(key) && e.once.Heard(key, way, at) {
		e.tell(media.Packet{Digit: key, Sounded: way == dtmf.ByTone})
	}
}

// tell puts a packet among the news.
func (e *ear) tell(p media.Packet) {
	if e.to-e.from == news {
		e.counts.unheard++
		return
	}
	e.news[e.to%news] = p
	e.to++
}

// end makes Receive end once the news are told. Only the first error counts.
func (e *ear) end(err error) {
	if e.err == nil {
		e.err = err
	}
}

// missed leaves out frames that nobody waits for any more.
func (e *ear) missed(frames int64) {
	e.due += time.Duration(frames) * media.FrameTime
	e.frames += frames
}

// next is what Receive returns now, if there is anything.
func (e *ear) next() (p media.Packet, ok bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.from < e.to:
		p = e.news[e.from%news]
		e.from++
		return p, true, nil
	case e.err != nil:
		return p, false, e.err
	case e.ready:
		e.ready = false
		p.Frame = media.Frame{PCM: e.pcm, Rate: e.rate, At: time.Duration(e.frames) * media.FrameTime}
		e.frames++
		return p, true, nil
	}
	return p, false, nil
}
