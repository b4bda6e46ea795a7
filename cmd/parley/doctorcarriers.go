package main

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/media/sip"
	"parley/media/stream"
)

// A carrierCheck is how the doctor finds out whether a carrier's calls would come in. What is nil or empty is not looked at. Nothing of it
// makes a call.
type carrierCheck struct {
	name  string
	needs func(c *config) []need // without which no call comes
	own   bool                   // a PBX of one's own, which may do without the public URL

	hook     string // path of its webhook, or of its socket where it has none
	method   string // how it asks there; empty: POST
	refused  int    // what strangers are answered; 0: 403
	believed int    // what a request of its own is answered that names no call; 0: 400
	proof    string // by what such a request is known; empty: by its signature
	// sign is what a request is known by; why says why it cannot be made here. nil: there is no webhook.
	sign func(c *config, target string, form url.Values) (h http.Header, why string)

	socket  func(c *config, base string) (target string, h http.Header) // that is let in, though its call is not there; no target: it cannot be made here
	listens func(c *config) (addresses []string, elsewhere string)      // where it connects by TCP; what else there is, and cannot be tried
	paste   func(c *config, base string) string                         // what is to be done at the carrier
}

// A need is a setting, by its variable.
type need struct{ name, value string }

// carrierChecks are those of all carriers: a row each.
var carrierChecks = []carrierCheck{
	{
		name: "twilio", hook: "/twilio/voice",
		needs: func(c *config) []need {
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"TWILIO_AUTH_TOKEN", c.TwilioAuthToken}}
		},
		sign: func(c *config, target string, form url.Values) (http.Header, string) {
			return http.Header{"X-Twilio-Signature": {stream.Sign(c.TwilioAuthToken, target, form)}}, ""
		},
		socket: func(c *config, base string) (string, http.Header) {
			at := socketOf(base) + "/twilio/media"
			return at, http.Header{"X-Twilio-Signature": {stream.Sign(c.TwilioAuthToken, at, nil)}}
		},
		paste: func(_ *config, base string) string {
			return "Phone Numbers, your number, Voice: \"A call comes in\", Webhook, " + base + "/twilio/voice, HTTP POST"
		},
	},
	{
		name: "telnyx", hook: "/telnyx/voice",
		needs: func(c *config) []need {
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"TELNYX_PUBLIC_KEY", c.TelnyxPublicKey}}
		},
		sign: func(*config, string, url.Values) (http.Header, string) {
			return nil, "telnyx alone has the key that signs; the first call tells"
		},
		socket: func(c *config, base string) (string, http.Header) {
			return sealed(c, base, func(secret []byte) string { return (&stream.Telnyx{Secret: secret}).Way("doctor", time.Now()) }), nil
		},
		paste: func(_ *config, base string) string {
			return "Voice, Programmable Voice, TeXML application, voice URL: " + base + "/telnyx/voice, POST; then give the application your number"
		},
	},
	{
		name: "plivo", hook: "/plivo/voice",
		needs: func(c *config) []need {
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"PLIVO_AUTH_TOKEN", c.PlivoAuthToken}}
		},
		sign: func(c *config, target string, form url.Values) (http.Header, string) {
			nonce := rand.Text()
			signature := stream.PlivoSign(c.PlivoAuthToken, nonce, http.MethodPost, target, form)
			return http.Header{"X-Plivo-Signature-V3": {signature}, "X-Plivo-Signature-V3-Nonce": {nonce}}, ""
		},
		socket: func(c *config, base string) (string, http.Header) {
			return sealed(c, base, func(secret []byte) string { return (&stream.Plivo{Secret: secret}).Way("doctor", time.Now()) }), nil
		},
		paste: func(_ *config, base string) string {
			return "Voice, Applications, Add New Application: Primary Answer URL " + base + "/plivo/voice, POST, and Hangup URL " + base + "/plivo/hangup, POST; then give the application to your number"
		},
	},
	{
		name: "signalwire", hook: "/signalwire/voice",
		needs: func(c *config) []need {
			if c.SignalWireSigningKey == "" && c.SignalWireStreamToken != "" {
				return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"SIGNALWIRE_STREAM_TOKEN", c.SignalWireStreamToken}}
			}
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"SIGNALWIRE_SIGNING_KEY", c.SignalWireSigningKey}}
		},
		sign: func(c *config, target string, form url.Values) (http.Header, string) {
			if c.SignalWireSigningKey == "" {
				return nil, "SIGNALWIRE_SIGNING_KEY is not set, which SWML scripts do without"
			}
			return http.Header{"X-Signalwire-Signature": {stream.Sign(c.SignalWireSigningKey, target, form)}}, ""
		},
		socket: func(c *config, base string) (target string, h http.Header) {
			if token := c.SignalWireStreamToken; token != "" {
				return socketOf(base) + "/signalwire/media", asBearer(token)
			}
			target = sealed(c, base, func(secret []byte) string {
				way, ticket := (&stream.SignalWire{Secret: secret}).Way("doctor", time.Now())
				h = asBearer(ticket)
				return way
			})
			return target, h
		},
		paste: func(c *config, base string) string {
			if c.SignalWireSigningKey == "" {
				return "a SWML script: connect to stream:" + socketOf(base) + "/signalwire/media, authorization_bearer_token as in SIGNALWIRE_STREAM_TOKEN, realtime, custom_parameters from_number and to_number"
			}
			return "Phone Numbers, your number, Edit Settings: handle calls using a cXML webhook, " + base + "/signalwire/voice, POST"
		},
	},
	{
		name: "vonage", hook: "/vonage/answer",
		needs: func(c *config) []need {
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"VONAGE_SIGNATURE_SECRET", c.VonageSignatureSecret}}
		},
		sign: func(c *config, _ string, form url.Values) (http.Header, string) {
			return http.Header{"Authorization": {stream.VonageSign(c.VonageSignatureSecret, []byte(form.Encode()), time.Now())}}, ""
		},
		socket: func(c *config, base string) (string, http.Header) {
			return sealed(c, base, func(secret []byte) string { return (&stream.Vonage{Secret: secret}).Way("doctor", time.Now()) }), nil
		},
		paste: func(_ *config, base string) string {
			return "Applications, your application, Voice, with signed webhooks: answer URL " + base + "/vonage/answer and event URL " + base + "/vonage/event, both POST; then link your number"
		},
	},
	{
		name: "exotel", hook: "/exotel/voice", method: http.MethodGet, believed: http.StatusOK, proof: "the password of EXOTEL_STREAM_AUTH",
		needs: func(c *config) []need {
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"EXOTEL_STREAM_AUTH", c.ExotelStreamAuth}}
		},
		sign: func(c *config, _ string, _ url.Values) (http.Header, string) {
			user, password, _ := strings.Cut(c.ExotelStreamAuth, ":")
			return asUser(user, password), ""
		},
		socket: func(c *config, base string) (string, http.Header) {
			user, password, _ := strings.Cut(c.ExotelStreamAuth, ":")
			return socketOf(base) + "/exotel/media", asUser(user, password)
		},
		paste: func(_ *config, base string) string {
			return "App Bazaar, your flow, Voicebot applet: " + strings.Replace(socketOf(base), "://", "://USER:PASSWORD@", 1) + "/exotel/media, with those of EXOTEL_STREAM_AUTH; then give the flow to your ExoPhone"
		},
	},
	{
		name: "genesys", hook: "/genesys/audiohook", method: http.MethodGet,
		needs: func(c *config) []need {
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"GENESYS_API_KEY", c.GenesysAPIKey}, {"GENESYS_CLIENT_SECRET", c.GenesysSecret}}
		},
		socket: func(c *config, base string) (string, http.Header) {
			secret, err := stream.ParseGenesysSecret(c.GenesysSecret)
			if err != nil {
				return "", nil // the settings have a line of their own
			}
			way, header := (&stream.Genesys{Host: stream.Host{PublicURL: base}, APIKey: c.GenesysAPIKey, ClientSecret: secret}).Way(time.Now())
			return socketOf(base) + way, header
		},
		paste: func(_ *config, base string) string {
			return "Admin, Integrations, Audio Connector: base connection URI " + socketOf(base) + "/genesys/audiohook, with the key and the secret of GENESYS_...; then Call Audio Connector in the flow"
		},
	},
	{
		name: "asterisk-websocket", hook: "/asterisk/media", method: http.MethodGet, refused: http.StatusUnauthorized, own: true,
		needs: func(c *config) []need { return []need{{"PARLEY_ASTERISK_PASSWORD", c.AsteriskPassword}} },
		socket: func(c *config, base string) (string, http.Header) {
			return socketOf(base) + "/asterisk/media", asUser("asterisk", c.AsteriskPassword)
		},
		paste: func(_ *config, base string) string {
			return "websocket_client.conf: uri = " + socketOf(base) + "/asterisk/media, password = that of PARLEY_ASTERISK_PASSWORD; extensions.conf: Dial(WebSocket/NAME/c(ulaw)f(json))"
		},
	},
	{
		name: "audiosocket", hook: "/audiosocket/calls", proof: "the key of PARLEY_API_KEY", own: true,
		needs: func(c *config) []need { return []need{{"PARLEY_AUDIOSOCKET", c.AudioSocket}} },
		sign: func(c *config, _ string, _ url.Values) (http.Header, string) {
			if c.APIKey == "" {
				return nil, "PARLEY_API_KEY is not set, as whose the doctor could announce a call"
			}
			return asBearer(c.APIKey), ""
		},
		listens: func(c *config) ([]string, string) { return []string{c.AudioSocket}, "" },
		paste: func(c *config, base string) string {
			return "extensions.conf: CURL(" + base + "/audiosocket/calls,from=...&to=...) with a key of the API as password, then AudioSocket(${TICKET},HOST:PORT) with the port of " + c.AudioSocket
		},
	},
	{
		name: "freeswitch", hook: "/freeswitch/media", method: http.MethodGet, own: true,
		needs: func(c *config) []need { return []need{{"PARLEY_FREESWITCH_TOKEN", c.FreeSWITCHToken}} },
		socket: func(c *config, base string) (string, http.Header) {
			return socketOf(base) + "/freeswitch/media", asBearer(c.FreeSWITCHToken)
		},
		paste: func(_ *config, base string) string {
			return "the dialplan: uuid_audio_stream ${uuid} start " + socketOf(base) + "/freeswitch/media?call=${uuid}&from=${caller_id_number}&to=${destination_number} mono 8k, with the token of PARLEY_FREESWITCH_TOKEN as a bearer's in STREAM_EXTRA_HEADERS"
		},
	},
	{
		name: "sip", listens: sipListens,
		needs: func(c *config) []need { return []need{{"PARLEY_SIP_LISTEN", strings.Join(c.SIPListen, ",")}} },
		paste: func(c *config, _ string) string {
			return "the trunk's destination: sip:" + cmp.Or(c.SIPExternal, "YOUR.HOST") + ", as PARLEY_SIP_LISTEN has ports and transports; here: parley trunks create"
		},
	},
}

// sealed is where a stream is let in by a ticket that this server's secret seals; empty: that is not known here.
func sealed(c *config, base string, way func(secret []byte) string) string {
	secret, err := c.found(c.DataDir)
	if err != nil {
		return ""
	}
	return socketOf(base) + way([]byte(secret))
}

// asBearer is the header of a token.
func asBearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

// asUser is the header of a user and a password.
func asUser(user, password string) http.Header {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header
}

// sipListens are the listeners for SIP. Of UDP nothing is known until a call comes.
func sipListens(c *config) (addresses []string, elsewhere string) {
	for _, text := range c.SIPListen {
		l, err := sip.ParseListener(strings.TrimSpace(text))
		if err != nil {
			continue // the settings have a line of their own
		}
		if l.Transport == "udp" {
			elsewhere = "udp is not tried: the first call tells"
			continue
		}
		addresses = append(addresses, l.Address.String())
	}
	return addresses, elsewhere
}

// socketOf is an http URL as that of WebSockets.
func socketOf(base string) string { return "ws" + strings.TrimPrefix(base, "http") }
