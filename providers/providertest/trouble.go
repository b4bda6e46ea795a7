package providertest

import (
	"strings"
	"time"
)

// A Fault is a way to misbehave. Each strikes all sockets unless it says otherwise.
type Fault string

// The faults.
const (
	NoFault      Fault = ""
	Refuse       Fault = "refuse"        // the handshake is answered with Trouble.Status
	Mute         Fault = "mute"          // the handshake is never answered
	Deaf         Fault = "deaf"          // after the handshake nothing is read or written
	Drip         Fault = "drip"          // what was asked for, and ends of turns, come 3 s late; a voice speaks at a quarter of real time
	CutOff       Fault = "cut_off"       // the connection breaks in the middle of the first speech, without a close frame
	Stalls       Fault = "stalls"        // a voice: nothing follows Trouble.Pieces messages of sound
	Garbage      Fault = "garbage"       // text messages are no JSON
	Giant        Fault = "giant"         // the first answer is larger than anybody should read
	CloseEarly   Fault = "close_early"   // closed with Trouble.Close at the first audio or text
	WrongRate    Fault = "wrong_rate"    // a voice: sound at twice the rate that was asked for
	WrongCodec   Fault = "wrong_codec"   // ElevenLabs: sound in a format that was not asked for
	Complain     Fault = "complain"      // an error of the vendor's own form, of code Trouble.Reason, at the first text or audio, and then closed; channels: Trouble.Code
	Twice        Fault = "twice"         // a recogniser: what is final is said twice
	NeverAnswers Fault = "never_answers" // what asks for an answer is read and ignored; no turn ends
	Unheard      Fault = "unheard"       // channels of messages: what is asked for is done, and the connection breaks before the answer
)

// A Trouble says how a fake vendor misbehaves, and how often.
type Trouble struct {
	Fault  Fault
	Status int    // of Refuse, default 401
	Close  int    // of CloseEarly, default 1011
	Reason string // of CloseEarly and Complain
	Code   int    // of Complain, where errors have numbers
	Pieces int    // of CutOff and Stalls: a voice's messages of sound that come before
	Times  int    // connections that it strikes, counted from the first; 0: all
}

// SpeakLimit is the time that a synthesizer is given whose trouble ends in an error that says so: 300 ms where that is told of, else a minute, so
// that no slow machine makes another error of it.
func SpeakLimit(says string) time.Duration {
	if strings.Contains(says, "300ms") {
		return 300 * time.Millisecond
	}
	return time.Minute
}
