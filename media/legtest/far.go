package legtest

import "context"

// A Far is the far end of a leg under test: the carrier, its playout buffer and the person behind it. Every leg package
// implements it once over the carrier's own protocol (a WebSocket client, an RTP socket) and hands it to Conformance; Carrier
// implements it in memory.
//
// Its playout buffer is either stepped (audio sounds when Hear asks for it) or runs by the clock; the suite works with both.
// A mark is answered once all audio before it has sounded, at once when nothing is buffered; a clear drops what has not sounded
// and answers every pending mark, as Twilio does. All methods may be called by any goroutine.
type Far interface {
	// Say sends pcm, at the leg's rate, towards the leg, now and unpaced, in whatever pieces the carrier likes.
	Say(pcm []int16) error
	// Press sends a key: 0-9, *, #, A-D.
	Press(digit rune) error
	// Stop says goodbye in good order: the leg's Receive returns io.EOF after what was sent before.
	Stop() error
	// Drop loses the connection without a goodbye.
	Drop() error
	// Hear waits until n more samples have arrived and sounded, answers the marks that they reach, and returns them. It returns
	// what there is and an error when ctx ends or the leg goes first.
	Hear(ctx context.Context, n int) ([]int16, error)
	// Heard is all that has sounded so far, including what Hear returned.
	Heard() []int16
	// Cleared waits for a Clear that no earlier call has reported, and has obeyed it when it returns.
	Cleared(ctx context.Context) error
	// Deafen makes the far end read nothing any more: a stalled peer.
	Deafen()
}
