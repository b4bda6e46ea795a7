package edge

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"
)

// Every test of the package must leave no goroutine behind.
func TestMain(m *testing.M) {
	sip.UDPMTUSize = MaxMessage // or sipgo does not send a response of more than 1300 bytes
	goleak.VerifyTestMain(m)
}
