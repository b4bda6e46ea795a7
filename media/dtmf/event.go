package dtmf

import (
	"encoding/binary"
	"strings"
	"time"
)

// codes are the keys in the order of their event codes (RFC 4733, section 3.2).
const codes = "0123456789*#ABCD"

// Code is the event code of a key; false: it is none.
func Code(key rune) (code uint8, ok bool) {
	i := strings.IndexRune(codes, key)
	if key == 0 || i < 0 {
		return 0, false
	}
	return uint8(i), true //nolint:gosec // 15 at most
}

// EventSize is the length of an Event's payload.
const EventSize = 4

// An Event is the payload of a telephone-event packet (RFC 4733, section 2.3): what is known so far of a key that is or was pressed.
type Event struct {
	Code     uint8 // 0-9, 10 *, 11 #, 12-15 A-D; others are no keys (16: a flash)
	End      bool
	Volume   uint8  // dB below 0 dBm0: 0-63
	Duration uint16 // so far, in ticks of the RTP clock
}

// ParseEvent reads a payload; false: it is too short for one. Of several that are sent together it is the first.
func ParseEvent(payload []byte) (e Event, ok bool) {
	if len(payload) < EventSize {
		return e, false
	}
	return Event{
		Code: payload[0], End: payload[1]&0x80 != 0, Volume: payload[1] & 0x3F, Duration: binary.BigEndian.Uint16(payload[2:]),
	}, true
}

// Put writes the event to the first EventSize bytes of payload.
func (e Event) Put(payload []byte) {
	payload[0], payload[1] = e.Code, e.Volume&0x3F
	if e.End {
		payload[1] |= 0x80
	}
	binary.BigEndian.PutUint16(payload[2:], e.Duration)
}

// How Events judges.
const (
	remembered = 32 // events whose packets may still come, late or twice
	reordered  = 200
	// together is how far the beginnings of two packets' events may be apart and still be one key's. Q.24 has 40 ms of tone and 40 ms of
	// silence as the least between two; gateways are met that stamp each packet of one key with a time of its own.
	together = 60 * time.Millisecond
	// seam is how far the beginning of a segment may be from the end of the one before, as far as that has come.
	seam = 100 * time.Millisecond
	// long is the least that a segment lasts which another follows.
	long = 0x8000
)

// Events makes keys of telephone-event packets: each key once, when its first packet comes, whichever of its packets that is. It needs no
// marker, no beginning and no end; packets may be lost, late, out of order and doubled. It is for one goroutine, and allocates nothing.
//
// A key is told from the next by its timestamp (RFC 4733, section 2.5.1.2). A key held so long that 16 bits cannot say it comes in segments
// (section 2.5.1.3), which are one key.
type Events struct {
	Clock int // ticks of the RTP timestamps a second

	seen [remembered]known
	n    int // how many were seen, ever
}

// known is an event, or a segment of one.
type known struct {
	ssrc  uint32
	start uint32 // its timestamp
	reach uint16 // how long it was when last heard of
	seq   uint16 // of its newest packet
	code  uint8
	ended bool
}

// A Heard is a telephone-event packet: its RTP header's fields and its payload.
type Heard struct {
	SSRC, Time uint32
	Seq        uint16
	Payload    []byte
}

// Hear takes the next packet and says which key it is the first of. There is no key if it tells of one that is known, of a flash or of other
// signals.
func (e *Events) Hear(h Heard) (key rune, ok bool) {
	event, ok := ParseEvent(h.Payload)
	if !ok || int(event.Code) >= len(codes) {
		return 0, false
	}
	if k := e.find(h, event.Code); k != nil {
		k.reach, k.ended = max(k.reach, event.Duration), k.ended || event.End
		if int16(h.Seq-k.seq) > 0 {
			k.seq = h.Seq
		}
		return 0, false
	}
	last := e.last(h.SSRC)
	if last != nil && int16(h.Seq-last.seq) < -reordered {
		return 0, false // a packet of long ago
	}
	fresh := last == nil || !e.continues(last, h, event.Code)
	e.seen[e.n%remembered] = known{h.SSRC, h.Time, event.Duration, h.Seq, event.Code, event.End}
	e.n++
	return rune(codes[event.Code]), fresh
}

// find is the event that a packet tells of; nil: it is not known.
func (e *Events) find(h Heard, code uint8) *known {
	for i := range min(e.n, remembered) {
		if k := &e.seen[i]; k.start == h.Time && k.ssrc == h.SSRC && k.code == code {
			return k
		}
	}
	return nil
}

// last is the event heard of most recently of those of a source; nil: there is none.
func (e *Events) last(ssrc uint32) (last *known) {
	for i := e.n - 1; i >= max(0, e.n-remembered); i-- {
		if k := &e.seen[i%remembered]; k.ssrc == ssrc && (last == nil || int16(k.seq-last.seq) > 0) {
			last = k
		}
	}
	return last
}

// continues says whether a packet with a timestamp of its own belongs to the key of last nevertheless.
func (e *Events) continues(last *known, h Heard, code uint8) bool {
	if code != last.code {
		return false
	}
	apart := int64(int32(h.Time - last.start))
	if max(apart, -apart) < e.ticks(together) {
		return true
	}
	if last.ended || apart < long {
		return false
	}
	off := apart - int64(last.reach)
	return max(off, -off) <= e.ticks(seam) || apart >= 0xFFFF-e.ticks(seam)/10 && apart <= 0x10000
}

func (e *Events) ticks(d time.Duration) int64 { return int64(d) * int64(e.Clock) / int64(time.Second) }
