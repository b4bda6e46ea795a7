package message

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Reason is what kind of refusal it is, for who has to do something about it.
type Reason string

// The reasons.
const (
	Invalid       Reason = "invalid"       // the request is wrong; the same will never be taken
	WindowClosed  Reason = "window"        // the person has not written for 24 hours: a template is needed
	OptedOut      Reason = "opted_out"     // the person does not want such messages
	Undeliverable Reason = "undeliverable" // the person cannot be reached, by this message at least
	Token         Reason = "token"         // it is wrong or has run out: somebody must give us another
	Forbidden     Reason = "forbidden"     // the token may not do this
	NotReady      Reason = "not_ready"     // our number or account is not set up for this, is locked or not paid for
	Policy        Reason = "policy"        // the channel does not like what we do
	RateLimited   Reason = "rate"          // too much in too short a time
	PairLimited   Reason = "pair_rate"     // too much to this person in too short a time
	MediaFailed   Reason = "media"         // the file cannot be fetched or taken
	MediaGone     Reason = "media_gone"    // the file is there no more
	BadTemplate   Reason = "template"      // there is no such template, or it is not filled as it wants
	Unavailable   Reason = "unavailable"   // the channel cannot at the moment
	NoConsent     Reason = "no_consent"    // the person has not allowed us to call
	CallFailed    Reason = "call"          // a call did not come about
	Other         Reason = "other"         // a code that we do not know
	Unconnected   Reason = "connection"    // no connection could be made: nothing was asked
	Unanswered    Reason = "unanswered"    // the answer is lost: it may have been done
	Garbled       Reason = "garbled"       // the answer makes no sense
)

// An Error is why a channel has not done what it was asked, or could not deliver a message.
type Error struct {
	Reason  Reason
	Status  int    // of HTTP; 0: there was none
	Code    int    // the channel's; 0: none
	Field   string // what is wrong with our message, where it is that
	Message string
	Details string
	Trace   string // by which the channel's support finds it

	Retry bool          // the same may be taken later
	After time.Duration // not before; 0: it is not known
	Err   error         // what broke, if it was not the channel's word
}

func (e *Error) Error() string {
	var b strings.Builder
	say := func(format string, args ...any) {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		fmt.Fprintf(&b, format, args...)
	}
	if e.Field != "" {
		say("%s", e.Field)
	}
	if e.Message != "" {
		say("%s", e.Message)
	}
	if e.Details != "" && e.Details != e.Message {
		say("%s", e.Details)
	}
	if e.Err != nil {
		say("%v", e.Err)
	}
	switch {
	case e.Code != 0:
		fmt.Fprintf(&b, " (code %d)", e.Code)
	case e.Status != 0:
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// StatusCode is Status, for who sorts failures (providers.Class).
func (e *Error) StatusCode() int { return e.Status }

// Unsure says whether what was asked for may have been done all the same, so that asking again may do it twice.
func (e *Error) Unsure() bool { return e.Reason == Unanswered || e.Reason == Garbled }

// As is the *Error that an error wraps; nil: none.
func As(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}

// Wrong is of a message that no channel would take.
func Wrong(field, format string, args ...any) *Error {
	return &Error{Reason: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}
