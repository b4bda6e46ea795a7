package lines

import (
	"regexp"
	"strings"

	"parley/control/suppliers"
)

// The vendors of accounts that this server works with by name; what else is known of any is in package suppliers.
const (
	Twilio     = "twilio"
	Telnyx     = "telnyx"
	Plivo      = "plivo"
	SignalWire = "signalwire"
	Vonage     = "vonage"
	ElevenLabs = "elevenlabs"

	SignalWireSigning = "signalwire_signing" // a project's signing key, which signs webhooks
	VonageSigning     = "vonage_signing"     // a signature secret, which signs webhooks of an application

	WhatsApp    = "whatsapp"     // Meta: an access token
	WhatsAppApp = "whatsapp_app" // Meta: an app's secret, which signs webhooks

	Custom = "custom" // whoever names it: agents' tools
)

const openAI = "openai"

// Vendors are the names of all whose accounts are kept.
func Vendors() []string { return suppliers.Names(suppliers.Keeps) }

// Places says of a vendor that it is a carrier, by whose accounts calls are placed.
func Places(vendor string) bool {
	s, ok := suppliers.Of(vendor)
	return ok && suppliers.Places(s)
}

// probeOf is how a secret of a vendor is tried; false: no accounts of it are kept.
func probeOf(vendor string) (suppliers.Probe, bool) {
	s, ok := suppliers.Of(vendor)
	if !ok || s.Probe == nil {
		return suppliers.Probe{}, false
	}
	return *s.Probe, true
}

// target is the URL that says whether an account's secret works, at a server.
func target(vendor string, p suppliers.Probe, base, account string) string {
	base = strings.TrimRight(base, "/")
	for socket, plain := range map[string]string{"wss://": "https://", "ws://": "http://"} {
		if rest, ok := strings.CutPrefix(base, socket); ok {
			base = plain + rest
		}
	}
	if vendor == openAI && !versioned.MatchString(base) { // as providers/openai has it
		base += "/v1"
	}
	return strings.ReplaceAll(base+p.Path, "{account}", account)
}

var versioned = regexp.MustCompile(`/v\d+[a-z0-9]*(/|$)`)
