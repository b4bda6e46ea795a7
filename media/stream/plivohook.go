package stream

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Plivo is the server's side of Plivo: the answer webhook of an application, which answers a call with a stream, the socket of that stream,
// and what is told of calls. Fill in the fields and Mount it; do not change a field afterwards. It must not be copied.
//
// Webhooks must have a signature of the third version, by the account's token or by that of one of its account's Accounts. The second version signs
// no parameter, so that whoever has seen one could have any call answered with it: it is not enough. Upgrades are not signed: their URL has a
// ticket.
type Plivo struct {
	Host

	AuthID    string // when set, streams that say they are of another account are refused
	AuthToken string // the account's; signs webhooks. Without it only Accounts call
	Secret    []byte // seals tickets: the same on every node. Without it no stream is let in

	// Accounts are those of an auth id that may call besides, as of Twilio. A webhook names its account by PlivoAccount.
	Accounts func(authID string) []Account
	// Admit says whether a call that asks Voice what to do is still wanted, as of Twilio. A placed call goes by the id of its request.
	Admit func(ctx context.Context, callSID string, owners []string, params url.Values) bool

	Progress func(context.Context, StatusUpdate) // called with each piece of news of a call, in Plivo's words; nil: nobody asks
	Lead     http.Handler                        // serves the documents that lead calls on, below /plivo/lead; nil: none is led on
}

// PlivoAccount is the parameter of a webhook's URL that says by its auth id whose account asks, where that is not the server's own.
const PlivoAccount = "auth_id"

const (
	plivoVoice  = "/plivo/voice"
	plivoMedia  = "/plivo/media"
	plivoStatus = "/plivo/status"
	plivoHangup = "/plivo/hangup"
	plivoLead   = "/plivo/lead"
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

// Mount puts the handlers at /plivo/voice, /plivo/media, /plivo/status, /plivo/hangup and, if there is one, /plivo/lead.
func (p *Plivo) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+plivoVoice, p.Voice)
	mux.HandleFunc("GET "+plivoMedia+"/{call}/{token}", p.Media)
	mux.HandleFunc("GET "+plivoMedia+"/{call}/{token}/{owners}", p.Media)
	mux.HandleFunc("POST "+plivoStatus, p.Status)
	mux.HandleFunc("POST "+plivoHangup, p.Hangup)
	if p.Lead != nil {
		mux.Handle("POST "+plivoLead+"/{sealed}", p.Lead)
	}
}

// Voice answers a call (POST) with XML that connects it to Media, or turns it away. The parameters of the webhook's own URL, such as
// ?agent=sales, travel along and are found in Info.Params; so are the numbers, which a stream does not tell.
func (p *Plivo) Voice(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := p.form(w, r)
	if !ok {
		return
	}
	call, query := form.Get("CallUUID"), r.URL.Query()
	query.Del(PlivoAccount)
	if p.Admit != nil && !p.Admit(r.Context(), plivoPlaced(form), owners, query) {
		p.refused(RefusedUnwanted, slog.String("carrier_id", call))
		p.respond(w, plivoXML{})
		return
	}
	in := Incoming{call, international(form.Get("From")), international(form.Get("To")), owners, query}
	travels := url.Values{"from_number": {in.From}, "to_number": {in.To}}
	for name, values := range query {
		if !travels.Has(name) {
			travels[name] = values
		}
	}
	ticket, ok := p.ticket(r.Context(), sealKey(p.Secret, travels, owners), in, form.Get("Direction") == "outbound")
	if !ok {
		p.respond(w, plivoXML{Hangup: plivoEnd{p.reason(call)}})
		return
	}
	at := url.URL{Path: plivoMedia + "/" + call + "/" + ticket + ownersPath(owners), RawQuery: travels.Encode()}
	p.respond(w, plivoXML{Stream: &plivoStream{
		Bidirectional: true, KeepCallAlive: true, ContentType: "audio/x-mulaw;rate=8000", URL: overSocket(p.base(r)) + at.String(),
	}})
}

// Media is the stream's socket (GET): the ticket's seal, upgrade, and then, when it has returned, start, ticket, and the call.
func (p *Plivo) Media(w http.ResponseWriter, r *http.Request) {
	call, query := r.PathValue("call"), r.URL.Query()
	owners := ownersIn(r)
	p.admit(w, r, &plivoDialect, sealKey(p.Secret, query, owners), call, r.PathValue("token"), func(s *start) (string, Refusal) {
		switch {
		case !plainID(s.stream):
			return "bad streamId", RefusedFormat
		case len(owners) == 0 && p.AuthID != "" && s.account != "" && s.account != p.AuthID:
			return "another account's", RefusedFormat
		}
		s.call, s.params = call, firsts(query)
		return "", 0
	})
}

// Status takes what is told of a call that was placed (POST), and hands it to Progress.
func (p *Plivo) Status(w http.ResponseWriter, r *http.Request) { p.news(w, r, false) }

// Hangup takes the news that a call is over (POST), and hands it to Progress: a stream of it that has not come may not come any more.
func (p *Plivo) Hangup(w http.ResponseWriter, r *http.Request) { p.news(w, r, true) }

// news takes what is told of a call, which may say itself that it is over.
func (p *Plivo) news(w http.ResponseWriter, r *http.Request, over bool) {
	form, owners, ok := p.form(w, r)
	if !ok {
		return
	}
	u := StatusUpdate{
		CallSID: plivoPlaced(form), Status: form.Get("CallStatus"), Direction: form.Get("Direction"), From: international(form.Get("From")),
		To: international(form.Get("To")), Owners: owners, Params: r.URL.Query(),
	}
	if over {
		u.Status = cmp.Or(u.Status, "completed")
	}
	if u.Status == "" {
		p.badForm(w, "CallStatus", u.Status)
		return
	}
	if seconds, err := strconv.Atoi(form.Get("Duration")); err == nil {
		u.Duration = time.Duration(seconds) * time.Second
	}
	switch u.Status {
	case "completed", "busy", "failed", "timeout", "no-answer", "cancel":
		over = true
	}
	if over {
		p.tokens.revoke(form.Get("CallUUID"))
	}
	if p.Progress != nil {
		p.Progress(r.Context(), u)
	}
	w.WriteHeader(http.StatusNoContent)
}

// plivoPlaced is the id that a call was placed by, which is its request's, or else its own (plivo.com/docs/voice/xml/request).
func plivoPlaced(form url.Values) string {
	return cmp.Or(form.Get("ALegRequestUUID"), form.Get("CallUUID"))
}

// form reads a webhook's body, checks that Plivo signed it, and for whose account; what it refuses it has answered.
func (p *Plivo) form(w http.ResponseWriter, r *http.Request) (form url.Values, owners []string, ok bool) {
	body, ok := p.body(w, r)
	if !ok {
		return nil, nil, false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		p.refuse(w, RefusedForm, http.StatusBadRequest)
		return nil, nil, false
	}
	signatures, nonce, target := r.Header.Get("X-Plivo-Signature-V3"), r.Header.Get("X-Plivo-Signature-V3-Nonce"), p.target(r)
	signed := func(token string) bool { return PlivoSigned(token, signatures, nonce, http.MethodPost, target, form) }
	if !signed(p.AuthToken) {
		if owners = ownersOf(p.Accounts, r.URL.Query().Get(PlivoAccount), signed); len(owners) == 0 {
			p.refused(RefusedSignature, slog.Bool("second_version", r.Header.Get("X-Plivo-Signature-V2") != ""))
			http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
			return nil, nil, false
		}
	}
	for _, field := range []string{"CallUUID", "ALegRequestUUID"} {
		if id := form.Get(field); !plainID(id) && (id != "" || field == "CallUUID") {
			p.badForm(w, field, id)
			return nil, nil, false
		}
	}
	return form, owners, true
}

// PlivoSign is the X-Plivo-Signature-V3 of a request to target with form (nil: none) and a nonce: base64 of the HMAC-SHA256, keyed with the
// account's auth token, of the URL with its query in order, the form in order, a dot and the nonce. Source: plivo-node 4.79.0, v3Security.
func PlivoSign(token, nonce, method, target string, form url.Values) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(plivoBase(method, target, form) + "." + nonce))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// PlivoSigned says whether one of signatures, which commas part, is that of a request with that nonce, as PlivoSign makes it. Without a token
// nothing is.
func PlivoSigned(token, signatures, nonce, method, target string, form url.Values) bool {
	if token == "" || nonce == "" {
		return false
	}
	want := []byte(PlivoSign(token, nonce, method, target, form))
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
