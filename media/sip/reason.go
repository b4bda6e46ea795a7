package sip

import (
	"fmt"

	"parley/media"
)

// reason says in a BYE why we hang up (RFC 3326): a cause of Q.850, which carriers keep, with our own word for it. Empty: nothing is said.
func reason(c media.Cause) string {
	cause := 16 // normal call clearing
	switch c {
	case "":
		return ""
	case media.CauseCarrier, media.CauseMedia:
		cause = 38 // network out of order: their media or their signs of life have stopped
	case media.CauseOverrun, media.CauseProvider, media.CausePanic:
		cause = 41 // temporary failure
	case media.CauseShutdown:
		cause = 27 // destination out of order
	case media.CauseRejected:
		cause = 21
	case media.CauseMaxLength, media.CauseSilence:
		cause = 31 // normal, unspecified
	}
	return fmt.Sprintf("Q.850;cause=%d;text=%q", cause, string(c))
}
