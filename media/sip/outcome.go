package sip

import "fmt"

// An Outcome is what became of a call that we placed.
type Outcome string

// The outcomes. docs/sip.md has the table of all statuses.
const (
	Answered     Outcome = "answered"
	Busy         Outcome = "busy"         // the line is engaged
	NoAnswer     Outcome = "no_answer"    // it rang, or could not, and nobody came
	Declined     Outcome = "declined"     // somebody does not want the call
	Invalid      Outcome = "invalid"      // there is no such number
	Refused      Outcome = "refused"      // the trunk does not let us: account, password, policy
	Incompatible Outcome = "incompatible" // no common codec, encryption or extension
	Overloaded   Outcome = "overloaded"   // the trunk has no room for the call now
	Unreachable  Outcome = "unreachable"  // nobody answers at the trunk
	Cancelled    Outcome = "cancelled"    // we have changed our mind
	Failed       Outcome = "failed"       // anything else
)

// OutcomeOf is what a final status to an INVITE of ours means (RFC 3261, section 21, and the registry of statuses at IANA). 0 stands for no
// status at all.
func OutcomeOf(status int) Outcome {
	switch status {
	case 0:
		return Unreachable
	case 486, 600:
		return Busy
	case 408, 480, 487:
		return NoAnswer
	case 403, 603, 607, 608:
		return map[bool]Outcome{true: Refused, false: Declined}[status == 403]
	case 404, 410, 414, 416, 484, 485, 604:
		return Invalid
	case 401, 402, 407, 428, 436, 437, 438, 494:
		return Refused
	case 406, 413, 415, 420, 421, 422, 488, 606:
		return Incompatible
	case 429, 503:
		return Overloaded
	case 430, 502, 504:
		return Unreachable
	}
	if status >= 200 && status < 300 {
		return Answered
	}
	return Failed
}

// A Failure is why a call that we placed was not answered.
type Failure struct {
	Outcome Outcome
	Code    int    // the status; 0: none came
	Reason  string // for people: no more than the trunk said, and no secret
}

func (f *Failure) Error() string {
	if f.Code == 0 {
		return fmt.Sprintf("call not answered: %s: %s", f.Outcome, f.Reason)
	}
	return fmt.Sprintf("call not answered: %s: %d %s", f.Outcome, f.Code, f.Reason)
}
