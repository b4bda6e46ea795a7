// Package floor holds the yardsticks that the product is measured against: the least that a Go server can do for a leg, a whole call or a
// request, and what is usually built.
//
//	Twilio leg     Own         own framing in a fixed buffer, hand codec, one wheel       Usual       gorilla, encoding/json, a ticker a stream
//	whole call     OwnWhole    the same, and so the sockets of recogniser and voice       UsualWhole  the same, and so the vendors' sockets
//	RTP leg        RTP         one socket, packets in batches, one wheel                  RTPSockets  a socket and a goroutine a call
//	Opus leg       Opus        libopus alone: a frame decoded, a frame encoded
//	control plane  JSON        net/http and encoding/json over a map
//
// The servers of a leg do the same work for each stream: they read sound every 20 ms, decode it and add up its energy; and they send 20 ms
// of speech every 20 ms from the start on. Those of whole calls hand what they hear to a recogniser, 80 ms at a time, and send what a voice
// makes of the words (Conversation). None knows marks, tokens, signatures or records.
//
// They share no code with media/ or providers/, and stay as they are: a change here moves the goal. Any of them runs in a process of its
// own, pinned to a core, by its name: Start.
package floor

import (
	"math/bits"
	"sync/atomic"
)

// Shape of a stream.
const (
	frameBytes = 160 // mu-law samples in 20 ms
	ticksASec  = 50
	voicedBar  = 184 * 184 * frameBytes // energy of 20 ms at -45 dBFS
)

// Stats counts what a server has done.
type Stats struct {
	In     atomic.Int64 // media messages read and decoded
	Voiced atomic.Int64 // of them, those that were loud enough for speech
	Out    atomic.Int64 // media messages written
	Bad    atomic.Int64 // messages that made no sense

	Calls atomic.Int64 // that began, of whole calls
	Turns atomic.Int64 // of theirs, what the voice was asked to say: the greetings, too
}

// heard counts a decoded frame.
func (s *Stats) heard(energy int64) {
	s.In.Add(1)
	if energy >= voicedBar {
		s.Voiced.Add(1)
	}
}

// squares has the square of each mu-law code's linear value (ITU-T G.711).
func squares() (t [256]int64) {
	for i := range t {
		b := ^byte(i)
		v := (int64(b&0x0F)<<3+0x84)<<(b>>4&7) - 0x84
		t[i] = v * v
	}
	return t
}

// energy is the sum of the squares of mu-law samples, in four sums so that the additions overlap.
func energy(t *[256]int64, law []byte) int64 {
	var a, b, c, d int64
	for ; len(law) >= 4; law = law[4:] {
		a += t[law[0]]
		b += t[law[1]]
		c += t[law[2]]
		d += t[law[3]]
	}
	for _, x := range law {
		a += t[x]
	}
	return a + b + c + d
}

// speech is a second of something that a mu-law line could carry: noise that swells and fades.
func speech() []byte {
	law := make([]byte, ticksASec*frameBytes)
	x := uint32(1)
	for i := range law {
		x = bits.RotateLeft32(x*0x9E3779B1+uint32(i), 13)
		swell := uint32(i/frameBytes) % 8
		law[i] = byte(x&0x80) | byte(0x10+swell*8+x>>24&0x0F)
	}
	return law
}
