package stream

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Plivo is the server's side of Plivo: the answer webhook of an application, which answers a call with a stream, the socket of that stream,
// and the hang-up webhook. Fill in the fields and Mount it; do not change a field afterwards. It must not be copied.
//
// Webhooks must have a signature of the third version. The second signs no parameter, so that whoever has seen one could have any call
// answered with it: it is not enough. Upgrades are not signed: their URL has a ticket.
type Plivo struct {
	Host

	AuthID    string // when set, streams that say they are of another account are refused
	AuthToken string // the account's; signs webhooks. Without it all are refused
	Secret    []byte // seals tickets: the same on every node. Without it no stream is let in
}

const (
	plivoVoice  = "/plivo/voice"
	plivoMedia  = "/plivo/media"
	plivoHangup = "/plivo/hangup"
)

// Plivo's XML: what Voice answers (plivo.com/docs/voice/xml).
type (
	plivoXML struct {
		XMLName xml.Name     `xml:"Response"`
		Stream  *plivoStream `xml:"Stream"`
		Hangup  plivoEnd     `xml:"Hangup"`
	}
	plivoStream struct {
		Bidirectional bool   `xml:"bidirectional,attr"`
		KeepCallAlive bool   `xml:"keepCallAlive,attr"`
		ContentType   string `xml:"contentType,attr"`
		URL           string `xml:",chardata"`
	}
	plivoEnd struct {
		Reason string `xml:"reason,attr,omitempty"`
	}
)

// Mount puts the handlers at /plivo/voice, /plivo/media and /plivo/hangup.
func (p *Plivo) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+plivoVoice, p.Voice)
	mux.HandleFunc("GET "+plivoMedia+"/{call}/{token}", p.Media)
	mux.HandleFunc("POST "+plivoHangup, p.Hangup)
}

// Voice answers a call (POST) with XML that connects it to Media, or turns it away. The parameters of the webhook's own URL, such as
// ?agent=sales, travel along and are found in Info.Params; so are the numbers, which a stream does not tell.
func (p *Plivo) Voice(w http.ResponseWriter, r *http.Request) {
	form, call, ok := p.form(w, r)
	if !ok {
		return
	}
	query := r.URL.Query()
	in := Incoming{CallSID: call, From: international(form.Get("From")), To: international(form.Get("To")), Params: query}
	travels := url.Values{"from_number": {in.From}, "to_number": {in.To}}
	for name, values := range query {
		if !travels.Has(name) {
			travels[name] = values
		}
	}
	ticket, ok := p.ticket(r.Context(), sealKey(p.Secret, travels), in, form.Get("Direction") == "outbound")
	if !ok {
		p.respond(w, plivoXML{Hangup: plivoEnd{"busy"}})
		return
	}
	at := url.URL{Path: plivoMedia + "/" + call + "/" + ticket, RawQuery: travels.Encode()}
	p.respond(w, plivoXML{Stream: &plivoStream{
		Bidirectional: true, KeepCallAlive: true, ContentType: "audio/x-mulaw;rate=8000", URL: overSocket(p.base(r)) + at.String(),
	}})
}

// Media is the stream's socket (GET): the ticket's seal, upgrade, and then, when it has returned, start, ticket, and the call.
func (p *Plivo) Media(w http.ResponseWriter, r *http.Request) {
	call, query := r.PathValue("call"), r.URL.Query()
	p.admit(w, r, &plivoDialect, sealKey(p.Secret, query), call, r.PathValue("token"), func(s *start) (string, Refusal) {
		switch {
		case !plainID(s.stream):
			return "bad streamId", RefusedFormat
		case p.AuthID != "" && s.account != "" && s.account != p.AuthID:
			return "another account's", RefusedFormat
		}
		s.call, s.params = call, firsts(query)
		return "", 0
	})
}

// Hangup takes the news that a call is over (POST): a stream of it that has not come may not come any more.
func (p *Plivo) Hangup(w http.ResponseWriter, r *http.Request) {
	form, call, ok := p.form(w, r)
	if !ok {
		return
	}
	p.tokens.revoke(call)
	p.log().Debug("call over at the carrier", "carrier_id", call, "status", form.Get("CallStatus"), "hangup_cause", form.Get("HangupCause"))
	w.WriteHeader(http.StatusNoContent)
}

// form reads a webhook's body, checks that Plivo signed it, and finds its call; what it refuses it has answered.
func (p *Plivo) form(w http.ResponseWriter, r *http.Request) (form url.Values, call string, ok bool) {
	body, ok := p.body(w, r)
	if !ok {
		return nil, "", false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		p.refuse(w, RefusedForm, http.StatusBadRequest)
		return nil, "", false
	}
	if !PlivoSigned(p.AuthToken, r.Header.Get("X-Plivo-Signature-V3"), r.Header.Get("X-Plivo-Signature-V3-Nonce"), http.MethodPost, p.target(r), form) {
		p.refused(RefusedSignature, slog.Bool("second_version", r.Header.Get("X-Plivo-Signature-V2") != ""))
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return nil, "", false
	}
	if call = form.Get("CallUUID"); !plainID(call) {
		p.badForm(w, "CallUUID", call)
		return nil, "", false
	}
	return form, call, true
}

// PlivoSigned says whether one of signatures, which commas part, is the X-Plivo-Signature-V3 of a request to target with form (nil: none) and
// that nonce: base64 of the HMAC-SHA256, keyed with the account's auth token, of the URL with its query in order, the form in order, a dot
// and the nonce. Without a token nothing is. Source: plivo-node 4.79.0, v3Security.
func PlivoSigned(token, signatures, nonce, method, target string, form url.Values) bool {
	if token == "" || nonce == "" {
		return false
	}
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(plivoBase(method, target, form) + "." + nonce))
	want := []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	good := 0
	for signature := range strings.SplitSeq(signatures, ",") {
		good |= subtle.ConstantTimeCompare(want, []byte(strings.TrimSpace(signature)))
	}
	return good == 1
}

// plivoBase is what of a request is signed.
func plivoBase(method, target string, form url.Values) string {
	path, text, _ := strings.Cut(target, "?")
	query, _ := url.ParseQuery(text) // what makes no sense is left out
	if method == http.MethodGet {
		all := url.Values{}
		for _, values := range []url.Values{query, form} {
			for name, v := range values {
				all[name] = append(all[name], v...)
			}
		}
		query, form = all, nil
	}
	base := path
	if len(query) > 0 || len(form) > 0 {
		base += "?" + inOrder(query, "=", "&")
	}
	if len(query) > 0 && len(form) > 0 {
		base += "."
	}
	return base + inOrder(form, "", "")
}

// inOrder writes names and values, both in order, with what is to be between them.
func inOrder(values url.Values, equals, and string) string {
	var pairs []string
	for name, all := range values {
		for _, value := range all {
			pairs = append(pairs, name+"\x00"+value)
		}
	}
	slices.Sort(pairs)
	for i, pair := range pairs {
		pairs[i] = strings.Replace(pair, "\x00", equals, 1)
	}
	return strings.Join(pairs, and)
}
