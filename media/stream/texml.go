package stream

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Telnyx is the server's side of Telnyx: the voice webhook of a TeXML application, which answers a call with a stream, and the socket of
// that stream. Fill in the fields and Mount it; do not change a field afterwards. It must not be copied.
//
// Webhooks must be signed with the account's key, or with that of one of its account's Accounts, no longer ago than telnyxAge. Upgrades are not
// signed: their URL has a ticket, and whose account the call came by.
type Telnyx struct {
	Host

	PublicKey ed25519.PublicKey // the account's: Mission Control, Keys & Credentials, Public Key. Without it only Accounts call
	Secret    []byte            // seals tickets: the same on every node. Without it no stream is let in

	// Accounts are those of an AccountSid that may call besides, as of Twilio; their tokens are public keys as Mission Control shows them.
	Accounts func(accountSID string) []Account
	// Admit says whether a call that asks Voice what to do is still wanted, as of Twilio.
	Admit func(ctx context.Context, callSID string, owners []string, params url.Values) bool
	// Token is the parameter that the URLs of placed calls have and no others; empty: Telnyx is believed which calls were placed.
	Token string

	Progress func(context.Context, StatusUpdate) // called with each call status callback, as it comes; nil: nobody asks
}

const (
	telnyxVoice  = "/telnyx/voice"
	telnyxMedia  = "/telnyx/media"
	telnyxStatus = "/telnyx/status"
	telnyxAge    = 5 * time.Minute
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

// Mount puts the handlers at /telnyx/voice, /telnyx/media and /telnyx/status.
func (t *Telnyx) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+telnyxVoice, t.Voice)
	mux.HandleFunc("POST "+telnyxStatus, t.Status)
	mux.HandleFunc("GET "+telnyxMedia+"/{call}/{token}", t.Media)
	mux.HandleFunc("GET "+telnyxMedia+"/{call}/{token}/{owners}", t.Media)
}

// Voice answers a call (POST) with TeXML that connects it to Media, or turns it away. The parameters of the webhook's own URL, such as
// ?agent=sales, travel along and are found in Info.Params.
func (t *Telnyx) Voice(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := t.form(w, r)
	if !ok {
		return
	}
	call, query := form.Get("CallSid"), r.URL.Query()
	if !controlID(call) {
		t.badForm(w, "CallSid", call)
		return
	}
	if t.Admit != nil && !t.Admit(r.Context(), call, owners, query) {
		t.refused(RefusedUnwanted, slog.String("carrier_id", call))
		t.respond(w, texml{Hangup: &struct{}{}})
		return
	}
	outbound := strings.HasPrefix(form.Get("Direction"), "outbound") || t.Token != "" && query.Has(t.Token) // not all requests name a direction
	ticket, ok := t.ticket(r.Context(), sealKey(t.Secret, query, owners), Incoming{call, form.Get("From"), form.Get("To"), owners, query}, outbound)
	if !ok {
		t.respond(w, texml{Reject: &twimlReject{t.reason(call)}})
		return
	}
	t.respond(w, texml{
		Connect: &texmlConnect{Stream: texmlStream{
			URL: overSocket(t.base(r)) + telnyxWay(query, owners, call, ticket), Codec: "PCMU", Mode: "rtp", Says: "PCMU", Rate: telephone.rate,
		}},
		Hangup: &struct{}{},
	})
}

// telnyxWay is where the stream of a call comes in.
func telnyxWay(query url.Values, owners []string, call, ticket string) string {
	at := url.URL{Path: telnyxMedia + "/" + call + "/" + ticket + ownersPath(owners), RawQuery: query.Encode()}
	return at.String()
}

// Media is the stream's socket (GET): the ticket's seal, upgrade, and then, when it has returned, start, ticket, and the call.
func (t *Telnyx) Media(w http.ResponseWriter, r *http.Request) {
	call, query := r.PathValue("call"), r.URL.Query()
	t.admit(w, r, &telnyxDialect, sealKey(t.Secret, query, ownersIn(r)), call, r.PathValue("token"), func(s *start) (string, Refusal) {
		if !plainID(s.stream) {
			return "bad stream_id", RefusedFormat
		}
		s.call, s.params = call, firsts(query)
		return "", 0
	})
}

// Status takes call status callbacks (POST) and hands them to Progress (developers.telnyx.com, "TeXML Call Completed" and its kin).
func (t *Telnyx) Status(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := t.form(w, r)
	if !ok {
		return
	}
	u := StatusUpdate{
		CallSID: form.Get("CallSid"), Status: form.Get("CallStatus"), AnsweredBy: form.Get("AnsweredBy"), Direction: form.Get("Direction"),
		From: form.Get("From"), To: form.Get("To"), Owners: owners, Params: r.URL.Query(),
	}
	if !controlID(u.CallSID) {
		t.badForm(w, "CallSid", u.CallSID)
		return
	}
	if u.Status == "" {
		t.badForm(w, "CallStatus", u.Status)
		return
	}
	u.Sequence, _ = strconv.Atoi(form.Get("SequenceNumber"))
	u.SIPCode, _ = strconv.Atoi(form.Get("SipHangupCause")) // "unspecified" where there is none
	if seconds, err := strconv.Atoi(form.Get("CallDuration")); err == nil {
		u.Duration = time.Duration(seconds) * time.Second
	}
	if u.Over() {
		t.tokens.revoke(u.CallSID)
	}
	if t.Progress != nil {
		t.Progress(r.Context(), u)
	}
	w.WriteHeader(http.StatusOK) // what is none is sent again
}

// form reads a webhook's body and checks that Telnyx signed it, and for whose account; what it refuses it has answered.
func (t *Telnyx) form(w http.ResponseWriter, r *http.Request) (form url.Values, owners []string, ok bool) {
	body, ok := t.body(w, r)
	if !ok {
		return nil, nil, false
	}
	signature, stamp, now := r.Header.Get("Telnyx-Signature-Ed25519"), r.Header.Get("Telnyx-Timestamp"), time.Now()
	form, err := url.ParseQuery(string(body))
	if !telnyxSigned(t.PublicKey, signature, stamp, body, now) {
		owners = ownersOf(t.Accounts, form.Get("AccountSid"), func(token string) bool {
			key, err := ParseTelnyxKey(token)
			return err == nil && telnyxSigned(key, signature, stamp, body, now)
		})
		if len(owners) == 0 {
			t.refuse(w, RefusedSignature, http.StatusForbidden)
			return nil, nil, false
		}
	}
	if err != nil {
		t.refuse(w, RefusedForm, http.StatusBadRequest)
		return nil, nil, false
	}
	return form, owners, true
}

// telnyxSigned says whether Telnyx has signed a webhook's body with an account's key, and lately: Ed25519 over the time, a bar and the body
// (developers.telnyx.com, "Webhook signing").
func telnyxSigned(key ed25519.PublicKey, signature, stamp string, body []byte, now time.Time) bool {
	sum, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return false
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return false
	}
	age := now.Sub(time.Unix(seconds, 0))
	return age.Abs() <= telnyxAge && ed25519.Verify(key, append([]byte(stamp+"|"), body...), sum)
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
