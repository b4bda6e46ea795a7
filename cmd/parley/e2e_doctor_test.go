//go:build e2e

package main

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// TestEndToEndDoctor: of a server that takes the calls of all carriers the doctor finds that they would come in, and with other settings why not.
func TestEndToEndDoctor(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	set := func(secret string) []string {
		coded := base64.StdEncoding.EncodeToString([]byte(secret))
		return []string{
			"TELNYX_PUBLIC_KEY=" + coded, "PLIVO_AUTH_TOKEN=" + secret, "SIGNALWIRE_SIGNING_KEY=" + secret, "VONAGE_SIGNATURE_SECRET=" + secret, "EXOTEL_STREAM_AUTH=applet:" + secret,
			"GENESYS_API_KEY=" + secret, "GENESYS_CLIENT_SECRET=" + coded, "PARLEY_ASTERISK_PASSWORD=" + secret, "PARLEY_FREESWITCH_TOKEN=" + secret,
		}
	}
	n := serve(t, slices.Concat(mockVendors(t), set(secret), []string{"PARLEY_AUDIOSOCKET=127.0.0.1:0"})...)
	here := []string{"PARLEY_PUBLIC_URL=" + n.url, "PARLEY_AUDIOSOCKET=" + n.told(`Calls by AudioSocket: (\S+)\.`)}
	ours := slices.Concat(here, set(secret), []string{"PARLEY_DATA_DIR=" + n.data, "TWILIO_AUTH_TOKEN=" + testToken, "PARLEY_API_KEY=" + testKey})
	theirs := slices.Concat(here, set(strings.Repeat("x", 32)), []string{"PARLEY_SECRET=" + strings.Repeat("x", 32), "PARLEY_DATA_DIR=" + t.TempDir(), "TWILIO_AUTH_TOKEN=x", "PARLEY_API_KEY=va_x"})
	for _, row := range carrierChecks {
		if row.hook == "" {
			continue // SIP has none
		}
		out, code := command(t, ours, "doctor", "--carrier", row.name)
		if code != 0 || row.socket != nil && !strings.Contains(out, "the WebSocket gets through") {
			t.Errorf("%s: exit code %d:\n%s", row.name, code, out)
		}
		if out, code = command(t, theirs, "doctor", "--carrier", row.name); code != 1 || !strings.Contains(out, "FAIL") {
			t.Errorf("%s, with other settings: exit code %d:\n%s", row.name, code, out)
		}
	}
}
