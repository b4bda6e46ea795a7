// Package media says what voice is and how it is sent: frames, packets, legs, and the Playout that speaks into a leg.
//
//	far end ──▶ Leg.Receive ──▶ Packet (Frame | Digit | Note) ──▶ the call
//	the call ──▶ Utterance.Write ──▶ Playout.beat ──▶ Leg.Send ──▶ far end
//	                                     ▲
//	                                   Pacer
//
// A Leg is owned by its call: one goroutine reads it, and the call's Playout alone writes it. The package knows no carrier,
// no codec and no provider; carriers live in its subdirectories.
package media

import (
	"context"
	"errors"
	"time"
)

// FrameTime is the length of a full Frame: the ptime of every telephone leg in the house.
const FrameTime = 20 * time.Millisecond

// A Frame is a stretch of one speaker, normally 20 ms: mono 16-bit linear PCM.
//
// It is lent, not given: PCM may be reused once the call it was passed to, or the next Receive, returns. To keep it, copy it.
type Frame struct {
	PCM  []int16       // Rate/50 samples when heard; up to Info.Chunk of them when sent
	Rate int           // samples a second: 8000, 16000, 24000 or 48000
	At   time.Duration // when it was spoken, from the call's first frame: media time, not wall time
}

// Duration is how long the frame sounds.
func (f Frame) Duration() time.Duration { return Samples(len(f.PCM), f.Rate) }

// Samples is how long n samples sound at rate (samples a second).
func Samples(n, rate int) time.Duration {
	if rate == 0 {
		return 0
	}
	return time.Duration(n) * time.Second / time.Duration(rate)
}

// A Packet is the next thing that the far end sent: a Frame, a Digit or a Note.
type Packet struct {
	Frame   Frame // when PCM is not nil
	Digit   rune  // a key: 0-9, *, #, A-D
	Sounded bool  // of Digit: it came as sound, which the frames have too
	Note    Note  // when Kind is not NoNote
}

// NoteKind says what a Note tells.
type NoteKind uint8

// The kinds of Note.
const (
	NoNote      NoteKind = iota
	Played               // a mark came back: see Note.Through and Note.Epoch
	Held                 // the far end put us on hold
	Resumed              // the far end took us off hold
	Transferred          // a transfer that we asked for ended with Note.Code
	Lost                 // the far end's media stopped without a goodbye
	Moved                // the far end is somebody else from now on, to whom the one before has handed the call: see Note.To
)

// A Note is news of the leg itself.
type Note struct {
	Kind NoteKind
	// Through: of Played, the audio sent since the last Clear has sounded up to here.
	Through time.Duration
	// Epoch: of Played, the number of Clears before the mark was sent; a note of an older epoch proves nothing and is ignored.
	Epoch uint32
	// Code: of Transferred, the SIP or HTTP status.
	Code int
	// To: of Moved, the number or the name of who is there now; empty: nobody knows.
	To string
}

// A Leg is one carrier's end of a call.
//
// One goroutine calls Receive. Send, Clear, Mark (of a Marker) and Press (of a Keypad) are called one at a time, by Playout, under its lock. Hangup
// may be called by anyone, any number of times, and unblocks both. A leg re-frames what it hears to 20 ms, keeps its first
// Rate for life (it resamples if the far end changes codec), and never holds audio back on its own account.
type Leg interface {
	// Info is fixed once the leg is answered.
	Info() Info
	// Receive waits for the next packet. io.EOF means that the far end has gone in good order; any other error that it was lost, and
	// ErrSilent that its sound has stopped.
	Receive() (Packet, error)
	// Send hands over at most Info.Chunk of audio at Info.Rate, now. It never blocks: the caller keeps time. After an error the leg is dead.
	Send(Frame) error
	// Clear makes the carrier forget what it has buffered and not yet played, and begins a new epoch.
	Clear() error
	// Hangup ends the leg, telling the carrier why where it can. Only the first Cause counts.
	Hangup(Cause) error
}

// ErrSilent says that a leg is up, and that no sound has come by it for so long that none is expected any more, or that it cannot be secured as was
// agreed.
var ErrSilent = errors.New("the far end's sound has stopped")

// A Marker is a Leg whose carrier can report what it has played.
type Marker interface {
	// Mark asks for a Played note once all that was sent so far has sounded.
	Mark() error
}

// A Keypad is a Leg whose carrier can press keys towards the far end. Where a leg is none, keys are pressed as sound (media/dtmf).
type Keypad interface {
	// Press presses a key, one of 0-9 * # A-D, for as long as length, now. It never blocks; after an error the leg is dead. It is called as
	// Send is, and so are the frames of silence, as long as length, that take the key's place in what is sent: a leg may leave them out.
	Press(key rune, length time.Duration) error
}

// A Transferrer is a Leg whose carrier can connect the far end to somebody else, such as by REFER (RFC 3515).
type Transferrer interface {
	// Transfer connects the far end to a number in E.164 or an address such as sip:desk@example.com, and returns when it has left us, or
	// with why it stays, which may be told to a model: ErrNoTransfer, if it does no such thing. It may be called by any goroutine, and waits as long as ctx lasts.
	Transfer(ctx context.Context, to string) error
}

// ErrNoTransfer says that the far end, or its carrier, connects nobody to whom it was asked to: they may be called instead.
var ErrNoTransfer = errors.New("the far end refuses to transfer")

// TransferrerOf finds the Transferrer in a leg, or in one that it stands before (Unwrap); nil: there is none.
func TransferrerOf(leg Leg) Transferrer {
	t, _ := within[Transferrer](leg)
	return t
}

// A Connector is a Leg whose carrier can connect its far end with that of another leg: an attended transfer, such as by a REFER that names
// the other dialog (RFC 3891).
type Connector interface {
	// TransferTo connects the far end with that of another answered leg, and returns when they are connected, and both have left us or may be hung
	// up; or with why they are not, as Transfer does: ErrNoTransfer also where the two are not of one carrier, and ErrOtherGone where the
	// other one is lost by it. It may be called by any goroutine, and waits as long as ctx lasts.
	TransferTo(ctx context.Context, other Leg) error
}

// ErrOtherGone says of a Connector that has not connected the two that the other one's far end has gone, or had to be hung up on: there is nobody to join
// with.
var ErrOtherGone = errors.New("they are no longer there")

// ConnectorOf finds the Connector in a leg, or in one that it stands before (Unwrap); nil: there is none.
func ConnectorOf(leg Leg) Connector {
	c, _ := within[Connector](leg)
	return c
}

// within finds what can do something in a leg, or in one that it stands before.
func within[T any](leg Leg) (found T, ok bool) {
	for leg != nil {
		if found, ok = leg.(T); ok {
			return found, true
		}
		before, wraps := leg.(interface{ Unwrap() Leg })
		if !wraps {
			break
		}
		leg = before.Unwrap()
	}
	return found, false
}

// Info is what the pipeline may know of a carrier. Differences between carriers are data here, never a type switch elsewhere.
type Info struct {
	Kind string // "twilio", "sip", "webrtc", ...: for logs and metrics, never for decisions
	ID   string // the carrier's id of the call
	From string // E.164 where the carrier has it
	To   string
	Rate int // samples a second of all frames, both ways

	Lead    time.Duration // how far ahead of real time the carrier lets us send
	Chunk   time.Duration // the most that one Send may carry: 20 ms, or 100 ms where that is cheaper
	Least   time.Duration // what one Send carries at least, at most Chunk: silence makes up what speech lacks; 0: as little as there is
	Comfort bool          // wants silence when nobody speaks

	Outbound bool // we have placed the call: whoever answers it did not expect us

	Resumes string // the call that goes on by this leg, after the one before was lost; empty: this is a new call

	Line   string   // the softphone's account by which the call came, where it came by one
	Owners []string // by whose account with the carrier the call came; none: by the server's own, which is anybody's

	Params map[string]string // what the carrier was told to pass along, such as the agent; never nil-checked, may be nil
}

// Cause says in one word why a call ended; the same word stands in log, event, API and store.
type Cause string

// The causes.
const (
	CauseCaller    Cause = "caller"     // the caller hung up
	CauseAgent     Cause = "agent"      // the agent said goodbye
	CauseTransfer  Cause = "transfer"   // the caller was connected to somebody else
	CauseSilence   Cause = "silence"    // nobody spoke for too long
	CauseMaxLength Cause = "max_length" // the call reached its limit
	CauseProvider  Cause = "provider"   // speech or model failed beyond repair
	CauseCarrier   Cause = "carrier"    // the carrier's connection was lost or broke its protocol
	CauseMedia     Cause = "media"      // the far end's sound stopped, though nobody hung up and nobody held
	CauseOverrun   Cause = "overrun"    // events came faster than the call could take them
	CauseShutdown  Cause = "shutdown"   // the node is going down
	CausePanic     Cause = "panic"      // a bug; this call ended, no other did
	CauseMachine   Cause = "machine"    // an answering machine or a phone menu answered our call; a message may have been left
	CauseFax       Cause = "fax"        // a fax answered our call
	CauseNobody    Cause = "nobody"     // nobody is there, though our call was answered
	CauseCancelled Cause = "cancelled"  // somebody who watches over the calls has cancelled it
	CauseRejected  Cause = "rejected"   // never answered: refused by policy, capacity or set-up
)

// A Pacer beats for many Playouts at once; media/pace implements it.
type Pacer interface {
	// Join calls beat soon, on the pacer's goroutine, and then again at each time that beat returned. The zero time leaves the
	// pacer. Leave does so from outside: when it returns, beat is not running and will not run again; it must not be called
	// from within beat. A beat never blocks. A beat that panics is thrown out of the wheel and reported to it alone.
	Join(beat func(now time.Time) (next time.Time)) (leave func())
}
