package stream

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestRejecting: a carrier is told of a caller who is not wanted in its own words, and of one for whom there is no room in others.
func TestRejecting(t *testing.T) {
	t.Parallel()
	for wanted, words := range map[bool][4]string{
		true:  {`<Hangup reason="busy">`, `<Reject reason="busy">`, "Service Unavailable\n", `<Reject reason="busy">`},
		false: {`<Hangup reason="rejected">`, `<Reject reason="rejected">`, "[]\n", `<Reject reason="rejected">`},
	} {
		plivo, signalwire, vonage, telnyx := &Plivo{}, &SignalWire{}, &Vonage{}, &Telnyx{}
		for _, h := range []*Host{&plivo.Host, &signalwire.Host, &vonage.Host, &telnyx.Host} {
			h.Accepting = func(context.Context, Incoming) bool { return false }
			h.Rejecting = func(call string) bool { return call != "" && !wanted }
		}
		_, plivoSays := newPlivo(t, plivo).asks(plivoVoice, plivoForm, nil)
		_, signalwireSays := signalwireAsks(t, newSignalWire(t, signalwire), signalwireVoice, signalwireTestKey, signalwireForm())
		_, vonageSays := newVonage(t, vonage).posts(time.Now(), vonageAnswer, vonageAsks, nil)
		_, telnyxSays := newTelnyx(t, telnyx).asks(time.Now(), telnyxVoice, telnyxForm, nil)
		for i, said := range []string{plivoSays, signalwireSays, vonageSays, telnyxSays} {
			if !strings.Contains(said, words[i]) || strings.Contains(said, "Connect") {
				t.Errorf("wanted %v: %s, want %s", wanted, said, words[i])
			}
		}
	}
}
