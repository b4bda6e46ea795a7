package carrier

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Kind is a carrier whose requests and streams are like Twilio's in other words.
type Kind string

// The kinds. Telnyx' applications are of TeXML, which is TwiML but for the attributes of <Stream>.
const (
	Twilio Kind = "twilio" // the default
	Telnyx Kind = "telnyx"
	Vonage Kind = "vonage"

	Plivo      Kind = "plivo"
	Exotel     Kind = "exotel"
	SignalWire Kind = "signalwire"

	Asterisk   Kind = "asterisk-websocket"
	FreeSWITCH Kind = "freeswitch"
)

// A dialect is how a carrier says what Twilio says.
type dialect struct {
	agent          string        // of its requests
	call           func() string // a new call's id
	stream, number string        // what messages call a stream's id and their number
	named          bool          // the server's messages name the stream
	query          bool          // a stream's URL may have a query
	sign           func(c *Call, r *http.Request, target, body string, form url.Values)
	start          func(s *session) map[string]any // what a stream's start tells
	digit          func(key string) map[string]string
	stop           func(s *session) map[string]string

	wire *wire // nil: all is JSON

	// Of those that are less like Twilio:
	form    func(p *placed, extra url.Values) url.Values    // what requests carry
	bare    func(p *placed, e element) (*streamNoun, error) // reads a <Stream> that stands in no <Connect>
	hello   func() map[string]any                           // what is said before start; nil: connected, as Twilio says it
	shape   func(s *session, m map[string]any)              // makes one of Twilio's messages its own
	read    func(s *session, m *fromServer) error           // makes one of the server's messages Twilio's, or says what is wrong with it
	cleared func(s *session) map[string]any                 // is said to a clear, in place of the marks that it overtook
	counts  bool                                            // messages are numbered from 0, by numbers
	linear  bool                                            // sound is 16 bits a sample, the lower byte first
	// words makes a webhook's fields of Twilio's; nil: they are.
	words func(p *placed, form url.Values)
}

var dialects = map[Kind]*dialect{
	Twilio: &twilioDialect, Telnyx: &telnyxDialect, Vonage: &vonageDialect,
	Plivo: &plivoDialect, Exotel: &exotelDialect, SignalWire: &signalwireDialect,
	Asterisk: &asteriskDialect, FreeSWITCH: &freeswitchDialect,
}

// Kinds names those that there are.
func Kinds() string {
	names := []string{string(AudioSocket), string(Genesys)}
	for kind := range dialects {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// speaks is the call's dialect.
func (c *Call) speaks() *dialect {
	if d := dialects[c.Kind]; d != nil {
		return d
	}
	return &twilioDialect
}

var twilioDialect = dialect{
	agent:  "TwilioProxy/1.1",
	call:   func() string { return sid("CA") },
	stream: "streamSid", number: "sequenceNumber", named: true,
	sign: func(c *Call, r *http.Request, target, _ string, form url.Values) {
		r.Header.Set("X-Twilio-Signature", sign(c.AuthToken, target, form))
	},
	start: func(s *session) map[string]any {
		return map[string]any{
			"accountSid": s.p.AccountSID, "streamSid": s.p.result.StreamSID, "callSid": s.p.result.CallSID, "tracks": []string{"inbound"},
			"mediaFormat":      map[string]any{"encoding": "audio/x-mulaw", "sampleRate": Rate, "channels": 1},
			"customParameters": s.params,
		}
	},
	digit: func(key string) map[string]string { return map[string]string{"track": "inbound_track", "digit": key} },
	stop: func(s *session) map[string]string {
		return map[string]string{"accountSid": s.p.AccountSID, "callSid": s.p.result.CallSID}
	},
}

// telnyxDialect is Telnyx', from developers.telnyx.com, "Stream call media over WebSocket" and "Webhook signing".
var telnyxDialect = dialect{
	agent:  "telnyx-webhooks",
	call:   func() string { return "v3:" + strings.TrimRight(sid(""), "=") },
	stream: "stream_id", number: "sequence_number", query: true, words: telnyxWords,
	sign: func(c *Call, r *http.Request, _, body string, _ url.Values) {
		stamp := strconv.FormatInt(time.Now().Unix(), 10)
		r.Header.Set("Telnyx-Timestamp", stamp)
		r.Header.Set("Telnyx-Signature-Ed25519", base64.StdEncoding.EncodeToString(ed25519.Sign(c.Key, []byte(stamp+"|"+body))))
	},
	start: func(s *session) map[string]any {
		return map[string]any{
			"user_id": s.p.AccountSID, "call_control_id": s.p.result.CallSID, "call_session_id": sid(""), "from": s.p.From, "to": s.p.To,
			"client_state": "", "media_format": map[string]any{"encoding": "PCMU", "sample_rate": Rate, "channels": 1},
		}
	},
	digit: func(key string) map[string]string { return map[string]string{"digit": key} },
	stop: func(s *session) map[string]string {
		return map[string]string{"user_id": s.p.AccountSID, "call_control_id": s.p.result.CallSID}
	},
}
