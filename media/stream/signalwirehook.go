package stream

import (
	"context"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SignalWire is the server's side of SignalWire: the voice webhook of a cXML number, which answers a call with a stream, the socket of that stream,
// and what is told of calls; a SWML document may name the socket itself. Fill in the fields and Mount it; do not change a field afterwards. It must
// not be copied.
//
// Webhooks must be signed with the project's key, or with that of one of its project's Accounts, as Twilio's are with its token, in a header of
// SignalWire's own. Upgrades are not signed: they come with a bearer token, which is a ticket of the webhook's, or of a SWML document the one that
// both know.
type SignalWire struct {
	Host

	SigningKey string // the project's; signs webhooks. Without it only Accounts call
	Bearer     string // of streams that no webhook was asked about; empty: there are none
	Secret     []byte // seals tickets: the same on every node. Without it only Bearer lets a stream in

	// Accounts are those of an AccountSid, which is a project, that may call besides, as of Twilio; their tokens are signing keys.
	Accounts func(project string) []Account
	// Admit says whether a call that asks Voice what to do is still wanted, as of Twilio.
	Admit func(ctx context.Context, callSID string, owners []string, params url.Values) bool

	Progress func(context.Context, StatusUpdate) // called with each call status callback, as it comes; nil: nobody asks
	Lead     http.Handler                        // serves the documents that lead calls on, below /signalwire/lead; nil: none is led on
}

const (
	signalwireVoice  = "/signalwire/voice"
	signalwireMedia  = "/signalwire/media"
	signalwireStatus = "/signalwire/status"
	signalwireLead   = "/signalwire/lead"
	// signalwireCodec is the parameter of the webhook's URL by which another codec than PCMU is asked for.
	signalwireCodec = "codec"
)

// signalwireCodecs are those that the webhook's URL may ask for.
var signalwireCodecs = []string{"", "PCMU", "PCMA", "L16@16000h", "L16@24000h"}

// cXML: what Voice answers (signalwire.com/docs/compatibility-api/cxml).
type (
	cxml struct {
		XMLName xml.Name     `xml:"Response"`
		Connect *cxmlConnect `xml:"Connect"`
		Reject  *twimlReject `xml:"Reject"`
		Hangup  *struct{}    `xml:"Hangup"`
	}
	cxmlConnect struct {
		Stream cxmlStream `xml:"Stream"`
	}
	cxmlStream struct {
		URL        string           `xml:"url,attr"`
		Bearer     string           `xml:"authBearerToken,attr"`
		Codec      string           `xml:"codec,attr,omitempty"`
		Realtime   bool             `xml:"realtime,attr"`
		Parameters []twimlParameter `xml:"Parameter"`
	}
)

// Mount puts the handlers at /signalwire/voice, /signalwire/media, /signalwire/status and, if there is one, /signalwire/lead.
func (s *SignalWire) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+signalwireVoice, s.Voice)
	mux.HandleFunc("POST "+signalwireStatus, s.Status)
	mux.HandleFunc("GET "+signalwireMedia, s.Media)
	mux.HandleFunc("GET "+signalwireMedia+"/{call}", s.Ticketed)
	mux.HandleFunc("GET "+signalwireMedia+"/{call}/{owners}", s.Ticketed)
	if s.Lead != nil {
		mux.Handle("POST "+signalwireLead+"/{sealed}", s.Lead)
	}
}

// Voice answers a call (POST) with cXML that connects it to Ticketed, or turns it away. The parameters of the webhook's own URL, such as
// ?agent=sales, travel along as <Parameter>s and are found in Info.Params; codec says how the sound is to be written.
func (s *SignalWire) Voice(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := s.form(w, r)
	if !ok {
		return
	}
	call, query := form.Get("CallSid"), r.URL.Query()
	codec := query.Get(signalwireCodec)
	if !slices.Contains(signalwireCodecs, codec) {
		s.badForm(w, signalwireCodec, codec)
		return
	}
	query.Del(signalwireCodec)
	if s.Admit != nil && !s.Admit(r.Context(), call, owners, query) {
		s.refused(RefusedUnwanted, slog.String("carrier_id", call))
		s.respond(w, cxml{Hangup: &struct{}{}})
		return
	}
	in := Incoming{call, form.Get("From"), form.Get("To"), owners, query}
	ticket, ok := s.ticket(r.Context(), s.key(owners), in, strings.HasPrefix(form.Get("Direction"), "outbound"))
	if !ok {
		s.respond(w, cxml{Reject: &twimlReject{s.reason(call)}})
		return
	}
	s.respond(w, cxml{
		Connect: &cxmlConnect{Stream: cxmlStream{
			URL: overSocket(s.base(r)) + signalwireMedia + "/" + call + ownersPath(owners), Bearer: ticket, Codec: codec, Realtime: true,
			Parameters: parameters(ticket, in.From, in.To, query)[1:], // the ticket comes another way
		}},
		Hangup: &struct{}{},
	})
}

// Status takes call status callbacks (POST) and hands them to Progress.
func (s *SignalWire) Status(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := s.form(w, r)
	if !ok {
		return
	}
	u := StatusUpdate{
		CallSID: form.Get("CallSid"), Status: form.Get("CallStatus"), Direction: form.Get("Direction"), From: form.Get("From"), To: form.Get("To"),
		Owners: owners, Params: r.URL.Query(),
	}
	if u.Status == "" {
		s.badForm(w, "CallStatus", u.Status)
		return
	}
	u.Sequence, _ = strconv.Atoi(form.Get("SequenceNumber")) // which of these it sends is on no page that was at hand
	u.SIPCode, _ = strconv.Atoi(form.Get("SipResponseCode"))
	if seconds, err := strconv.Atoi(form.Get("CallDuration")); err == nil {
		u.Duration = time.Duration(seconds) * time.Second
	}
	if u.Over() {
		s.tokens.revoke(u.CallSID)
	}
	if s.Progress != nil {
		s.Progress(r.Context(), u)
	}
	w.WriteHeader(http.StatusNoContent)
}

// form reads a webhook's body, checks that SignalWire signed it, and for whose project; what it refuses it has answered.
func (s *SignalWire) form(w http.ResponseWriter, r *http.Request) (form url.Values, owners []string, ok bool) {
	body, ok := s.body(w, r)
	if !ok {
		return nil, nil, false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		s.refuse(w, RefusedForm, http.StatusBadRequest)
		return nil, nil, false
	}
	signed := func(key string) bool { return Signed(key, r.Header.Get("X-SignalWire-Signature"), s.target(r), form) }
	if !signed(s.SigningKey) {
		if owners = ownersOf(s.Accounts, form.Get("AccountSid"), signed); len(owners) == 0 {
			s.refuse(w, RefusedSignature, http.StatusForbidden)
			return nil, nil, false
		}
	}
	if call := form.Get("CallSid"); !plainID(call) {
		s.badForm(w, "CallSid", call)
		return nil, nil, false
	}
	return form, owners, true
}

// Ticketed is the socket (GET) of a stream that Voice has asked for: the ticket's seal, upgrade, and then, when it has returned, start, ticket,
// and the call.
func (s *SignalWire) Ticketed(w http.ResponseWriter, r *http.Request) {
	call := r.PathValue("call")
	s.admit(w, r, &signalwireDialect, s.key(ownersIn(r)), call, bearer(r), func(st *start) (string, Refusal) {
		if st.call != call || !plainID(st.stream) {
			return "bad callSid or streamSid", RefusedFormat
		}
		return "", 0
	})
}

// Media is the socket (GET) of a stream that a SWML document has asked for: the token that both know, upgrade, and then, when it has returned,
// start, and the call.
func (s *SignalWire) Media(w http.ResponseWriter, r *http.Request) {
	if s.Bearer == "" || sameSecret(bearer(r), s.Bearer) != 1 {
		s.refuse(w, RefusedToken, http.StatusForbidden)
		return
	}
	ctx := context.WithoutCancel(r.Context())
	s.admitKnown(w, r, &signalwireDialect, func(st *start) (string, Refusal) {
		if !plainID(st.call) || !plainID(st.stream) {
			return "bad callSid or streamSid", RefusedFormat
		}
		st.from, st.to = st.params["from_number"], st.params["to_number"]
		if st.to == "" {
			s.log().Warn("a stream does not say which number was called: want custom_parameters with from_number and to_number", slog.String("carrier_id", st.call))
		}
		return s.welcomes(ctx, st)
	})
}

func (s *SignalWire) key(owners []string) string { return sealKey(s.Secret, nil, owners) }

// bearer is the token that a request comes with; empty: there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
