package stream

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Telnyx is the server's side of Telnyx: the voice webhook of a TeXML application, which answers a call with a stream, and the socket of
// that stream. Fill in the fields and Mount it; do not change a field afterwards. It must not be copied.
//
// Webhooks must be signed with the account's key, no longer ago than telnyxAge. Upgrades are not signed: their URL has the token of the call, which
// is good once.
type Telnyx struct {
	Host

	PublicKey ed25519.PublicKey // the account's: Mission Control, Keys & Credentials, Public Key
	Secret    []byte            // seals tokens: the same on every node. Without it no stream is let in
}

const (
	telnyxVoice = "/telnyx/voice"
	telnyxMedia = "/telnyx/media"
	telnyxAge   = 5 * time.Minute
)

// TeXML: what Voice answers (developers.telnyx.com, TeXML <Stream>).
type (
	texml struct {
		XMLName xml.Name      `xml:"Response"`
		Connect *texmlConnect `xml:"Connect"`
		Reject  *twimlReject  `xml:"Reject"`
		Hangup  *struct{}     `xml:"Hangup"`
	}
	texmlConnect struct {
		Stream texmlStream `xml:"Stream"`
	}
	texmlStream struct {
		URL   string `xml:"url,attr"`
		Codec string `xml:"codec,attr"`
		Mode  string `xml:"bidirectionalMode,attr"`
		Says  string `xml:"bidirectionalCodec,attr"`
		Rate  int    `xml:"bidirectionalSamplingRate,attr"`
	}
)

// Mount puts the handlers at /telnyx/voice and /telnyx/media.
func (t *Telnyx) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+telnyxVoice, t.Voice)
	mux.HandleFunc("GET "+telnyxMedia+"/{call}/{token}", t.Media)
}

// Voice answers a call (POST) with TeXML that connects it to Media, or turns it away. The parameters of the webhook's own URL, such as
// ?agent=sales, travel along and are found in Info.Params.
func (t *Telnyx) Voice(w http.ResponseWriter, r *http.Request) {
	body, ok := t.body(w, r)
	if !ok {
		return
	}
	if !t.signed(r.Header.Get("Telnyx-Signature-Ed25519"), r.Header.Get("Telnyx-Timestamp"), body, time.Now()) {
		t.refuse(w, RefusedSignature, http.StatusForbidden)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.refuse(w, RefusedForm, http.StatusBadRequest)
		return
	}
	call, query := form.Get("CallSid"), r.URL.Query()
	if !controlID(call) {
		t.badForm(w, "CallSid", call)
		return
	}
	if t.Accepting != nil && !t.Accepting(r.Context(), Incoming{call, form.Get("From"), form.Get("To"), nil, query}) || t.draining.Load() {
		t.turnAway(w, call)
		return
	}
	limits, now := t.Limits.orDefaults(), time.Now()
	secret, ok := t.tokens.give(call, now, limits.Token, limits.Tokens)
	if !ok {
		t.log().Warn("too many calls were answered whose streams do not come", "carrier_id", call)
		t.turnAway(w, call)
		return
	}
	at := t.way(query, call, secret, form.Get("Direction") == "outbound", now.Add(limits.Token))
	t.respond(w, texml{
		Connect: &texmlConnect{Stream: texmlStream{URL: overSocket(t.base(r)) + at.String(), Codec: "PCMU", Mode: "rtp", Says: "PCMU", Rate: telephone.rate}},
		Hangup:  &struct{}{},
	})
}

// way is where the stream of a call comes in.
func (t *Telnyx) way(query url.Values, call, secret string, outbound bool, until time.Time) *url.URL {
	return &url.URL{Path: telnyxMedia + "/" + call + "/" + seal(t.key(query), call, secret, outbound, until), RawQuery: query.Encode()}
}

// Way is where a stream would come in whose call nobody has heard of, for those who want to know whether sockets get through at all: it is
// good for the upgrade, and for as long as any.
func (t *Telnyx) Way(call string, now time.Time) string {
	return t.way(nil, call, rand.Text(), false, now.Add(t.Limits.orDefaults().Token)).String()
}

func (t *Telnyx) turnAway(w http.ResponseWriter, call string) {
	t.Stats.Refused[RefusedBusy].Add(1)
	t.respond(w, texml{Reject: &twimlReject{t.reason(call)}})
}

// Media is the stream's socket (GET): the token's seal, upgrade, and then, when it has returned, start, token, and the call.
func (t *Telnyx) Media(w http.ResponseWriter, r *http.Request) {
	call, token, key := r.PathValue("call"), r.PathValue("token"), t.key(r.URL.Query())
	if _, _, ok := unseal(key, call, token, time.Now()); !ok {
		t.refuse(w, RefusedToken, http.StatusForbidden)
		return
	}
	params := make(map[string]string)
	for name, values := range r.URL.Query() {
		params[name] = values[0]
	}
	t.take(w, r, &telnyxDialect, func(l *Leg, s *start) (string, Refusal) {
		if !plainID(s.stream) {
			return "bad stream_id", RefusedFormat
		}
		outbound, ok := t.redeem(key, call, token, time.Now())
		if !ok {
			return "bad token", RefusedToken
		}
		s.call, s.params, s.outbound = call, params, outbound
		return t.begin(l, s)
	})
}

// key seals the token of a stream with these parameters, so that they are the webhook's; empty, which opens nothing: there is no Secret.
func (t *Telnyx) key(query url.Values) string {
	if len(t.Secret) == 0 {
		return ""
	}
	return string(t.Secret) + "?" + query.Encode()
}

// signed says whether Telnyx has signed a webhook's body, and lately: Ed25519 over the time, a bar and the body (developers.telnyx.com,
// "Webhook signing").
func (t *Telnyx) signed(signature, stamp string, body []byte, now time.Time) bool {
	sum, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(t.PublicKey) != ed25519.PublicKeySize {
		return false
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return false
	}
	age := now.Sub(time.Unix(seconds, 0))
	return age.Abs() <= telnyxAge && ed25519.Verify(t.PublicKey, append([]byte(stamp+"|"), body...), sum)
}

// ParseTelnyxKey reads an account's public key as Mission Control shows it: base64 of 32 bytes.
func ParseTelnyxKey(text string) (ed25519.PublicKey, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("a public key of Telnyx is base64 of %d bytes", ed25519.PublicKeySize)
	}
	return key, nil
}

// controlID says that s can be Telnyx' id of a call, such as v3:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ.
func controlID(s string) bool {
	version, rest, ok := strings.Cut(s, ":")
	if !ok {
		return plainID(s)
	}
	return plainID(version) && plainID(strings.TrimRight(rest, "=")) && len(s) <= 128
}
