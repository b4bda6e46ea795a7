// Package sdp reads and writes the session descriptions of telephony: which codecs, where to, held or not, encrypted how.
//
//	bytes ──▶ Parse ──▶ Description ──▶ Answer(Description, Local) ──▶ our answer, Chosen     (they call)
//	Local ──▶ Offer ──▶ bytes ── their answer ──▶ Parse ──▶ Settle(Local, Description) ──▶ Chosen     (we call)
//
// What is malformed is an *Error that names the line and the field (a SIP 400); what is well formed and of no use to us is ErrNoAudio,
// ErrNoCodec, ErrNoCrypto or ErrAddress (a SIP 488): Status tells them apart. Nothing of a description is believed: an address that no call
// can be at is refused, names are never looked up, and no byte of the far end's is written back but tokens.
//
// pion/sdp writes and reads the JSEP of browsers; as a reader of telephony it refuses a whole description for one line of fax (m=image, udptl)
// and lets overlong numbers wrap, so that the reader here is our own. Its parser is the foreign peer of this package's tests.
//
// Everything here is a pure function of its arguments, and safe for any goroutine; a Session is its dialog's.
//
// Sources: RFC 8866 (SDP), RFC 3264 (offer and answer), RFC 3551 (static payload types), RFC 4733 (telephone-event), RFC 4568 (a=crypto), RFC
// 5763 and 8842 (DTLS-SRTP), RFC 3605 (a=rtcp), RFC 5761 (rtcp-mux), RFC 5939 (whose capability lines are read over).
package sdp

import (
	"errors"
	"fmt"
	"net/http"
)

// What well-formed descriptions fail on. SIP's answer is 488 Not Acceptable Here (RFC 3261, section 21.4.26).
var (
	ErrNoAudio  = errors.New("no audio")
	ErrNoCodec  = errors.New("no common codec")
	ErrNoCrypto = errors.New("no common crypto")
	ErrAddress  = errors.New("address that no call can be at")
)

// An Error is what is malformed about a description: SIP's answer is 400 Bad Request.
type Error struct {
	Line   int    // from 1; 0: of the whole
	Field  string // as in the description: "o=", "m= port", "a=crypto"
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("sdp: %s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("sdp line %d: %s: %s", e.Line, e.Field, e.Reason)
}

// Status is the SIP status that answers a request whose description failed with err: 400 for what is malformed, 488 for what is of no use.
func Status(err error) int {
	if bad := (*Error)(nil); errors.As(err, &bad) {
		return http.StatusBadRequest
	}
	return 488
}
