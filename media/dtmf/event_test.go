package dtmf

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A stream makes the packets of keys, as RFC 4733 has them.
type stream struct {
	seq  uint16
	time uint32
}

const (
	tick = 160 // 20 ms at 8 kHz
	ssrc = 7
)

// key is the packets of a key that lasts a number of frames, and then the pause to the next.
func (s *stream) key(key rune, frames, pause int) (all []Heard) {
	code, _ := Code(key)
	start := s.time
	for i := 1; i <= frames+2; i++ {
		payload := make([]byte, EventSize)
		Event{Code: code, End: i >= frames, Volume: 10, Duration: uint16(min(i, frames) * tick)}.Put(payload)
		all = append(all, Heard{SSRC: ssrc, Time: start, Seq: s.seq, Payload: payload})
		s.seq++
	}
	s.time += uint32((frames + pause) * tick)
	s.seq += uint16(pause)
	return all
}

// keys is what Events makes of packets.
func keys(packets ...[]Heard) (got string) {
	e := Events{Clock: 8000}
	for _, some := range packets {
		for _, h := range some {
			if k, ok := e.Hear(h); ok {
				got += string(k)
			}
		}
	}
	return got
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := &stream{seq: 65530, time: 1<<32 - 500} // both wrap
	one, same, two := s.key('1', 5, 4), s.key('1', 5, 4), s.key('2', 5, 4)
	flash := Heard{SSRC: ssrc, Time: 9000, Seq: 40, Payload: []byte{16, 0, 0, 160}}
	stamped := (&stream{}).key('9', 5, 4) // by a gateway that stamps each packet anew
	for i := range stamped {
		stamped[i].Time = uint32(i * tick)
	}
	for name, c := range map[string]struct {
		packets [][]Heard
		want    string
	}{
		"all":                  {[][]Heard{one, same, two}, "112"},
		"no beginning":         {[][]Heard{one[3:], same[6:], two[4:]}, "112"},
		"no end":               {[][]Heard{one[:4], same[:1], two[:2]}, "112"},
		"twice":                {[][]Heard{one, one, same, same, one, two, two, same}, "112"},
		"backwards":            {[][]Heard{{one[6], one[5], one[0]}, {same[4], same[2]}}, "11"},
		"late":                 {[][]Heard{one[:2], same[:3], one[2:], two[:1], same[3:], two[1:], one}, "112"},
		"a flash":              {[][]Heard{{flash}, one}, "1"},
		"too short":            {[][]Heard{{{SSRC: ssrc, Payload: []byte{1, 2, 3}}, {SSRC: ssrc}}, one}, "1"},
		"each packet stamped":  {[][]Heard{stamped}, "9"},
		"another source":       {[][]Heard{one, {{SSRC: 8, Time: one[0].Time, Seq: 3, Payload: one[0].Payload}}}, "11"},
		"a packet of long ago": {[][]Heard{two, {{SSRC: ssrc, Time: two[0].Time - 80000, Seq: two[0].Seq - 500, Payload: one[0].Payload}}}, "2"},
	} {
		if got := keys(c.packets...); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestSegments: a key held for longer than a packet can say is one key, whatever is lost of it (RFC 4733, section 2.5.1.3).
func TestSegments(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, loss := range []float64{0, 0.1, 0.3} {
		var all []Heard
		var start, lasted uint32
		for seq := range uint16(1500) { // 30 s
			lasted += tick
			if lasted > 0xFFFF {
				start, lasted = start+0xFFFF, lasted-0xFFFF
			}
			payload := make([]byte, EventSize)
			Event{Code: 3, Duration: uint16(lasted)}.Put(payload)
			if random.Float64() >= loss {
				all = append(all, Heard{SSRC: ssrc, Time: start, Seq: seq, Payload: payload})
			}
		}
		if got := keys(all); got != "3" {
			t.Errorf("loss %v: %q", loss, got)
		}
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	for _, key := range Keys {
		code, ok := Code(key)
		if got := keys([]Heard{{Payload: []byte{code, 0, 0, 1}}}); !ok || got != string(key) {
			t.Errorf("%q is code %d, which is %q", key, code, got)
		}
	}
	if _, ok := Code('x'); ok {
		t.Error("x is a key")
	}
	if _, ok := Code(0); ok {
		t.Error("0 is a key")
	}
	in := Event{Code: 11, End: true, Volume: 63, Duration: 0xFFFF}
	var b [EventSize]byte
	in.Put(b[:])
	if got, ok := ParseEvent(b[:]); !ok || got != in {
		t.Errorf("%+v, want %+v", got, in)
	}
}

// TestOnce: several reports of one key are one, two of one way are two, and what comes too late is another.
func TestOnce(t *testing.T) {
	t.Parallel()
	type report struct {
		key rune
		way Way
		ms  int
	}
	for name, c := range map[string]struct {
		reports []report
		want    string
	}{
		"one way":              {[]report{{'1', ByEvent, 0}, {'1', ByEvent, 80}, {'2', ByEvent, 160}}, "112"},
		"three ways":           {[]report{{'1', ByEvent, 0}, {'1', ByTone, 30}, {'1', ByInfo, 300}}, "1"},
		"fast, and all ways":   {[]report{{'1', ByEvent, 0}, {'1', ByEvent, 80}, {'1', ByTone, 40}, {'1', ByInfo, 90}, {'1', ByTone, 120}, {'1', ByInfo, 900}}, "11"},
		"the tone comes first": {[]report{{'1', ByTone, 0}, {'1', ByEvent, 30}, {'1', ByTone, 180}, {'1', ByEvent, 210}}, "11"},
		"too late":             {[]report{{'1', ByEvent, 0}, {'1', ByInfo, 2500}}, "11"},
		"others between":       {[]report{{'1', ByEvent, 0}, {'2', ByEvent, 100}, {'3', ByEvent, 200}, {'1', ByInfo, 250}, {'2', ByInfo, 300}, {'3', ByInfo, 350}}, "123"},
	} {
		var o Once
		var got string
		for _, r := range c.reports {
			if o.Heard(r.key, r.way, time.Duration(r.ms)*time.Millisecond) {
				got += string(r.key)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestEventsDoNotAllocate(t *testing.T) {
	s, e, o := &stream{}, &Events{Clock: 8000}, &Once{}
	all := s.key('5', 5, 4)
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		h := all[i%len(all)]
		h.Time += uint32(i / len(all) * 1440)
		h.Seq += uint16(i / len(all) * 9)
		if k, ok := e.Hear(h); ok {
			o.Heard(k, ByEvent, time.Duration(i))
		}
		i++
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// FuzzEvents: whatever the packets say, a key is a key, and one that has been told of is not told of again by the same packet.
func FuzzEvents(f *testing.F) {
	f.Add([]byte{5, 0x8a, 0, 160}, uint32(0), uint16(0), 8000)
	f.Add([]byte{16, 10, 0xff, 0xff}, uint32(1<<32-1), uint16(65535), 48000)
	f.Add([]byte{1, 2, 3}, uint32(7), uint16(9), 0)
	f.Fuzz(func(t *testing.T, payload []byte, stamp uint32, seq uint16, clock int) {
		e := Events{Clock: clock}
		h := Heard{SSRC: ssrc, Time: stamp, Seq: seq, Payload: payload}
		if k, ok := e.Hear(h); ok && !Is(k) {
			t.Errorf("%q is no key", k)
		}
		if k, ok := e.Hear(h); ok {
			t.Errorf("%q again", k)
		}
		for i := range 40 {
			h.Time, h.Seq = h.Time*31+uint32(i), h.Seq+1
			e.Hear(h)
		}
	})
}
