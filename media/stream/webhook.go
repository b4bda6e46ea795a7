package stream

import (
	"encoding/xml"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// TwiML: what Voice answers (twilio.com/docs/voice/twiml/stream).
type (
	twiml struct {
		XMLName xml.Name      `xml:"Response"`
		Connect *twimlConnect `xml:"Connect"`
		Say     string        `xml:"Say,omitempty"`
		Reject  *twimlReject  `xml:"Reject"`
		Hangup  *struct{}     `xml:"Hangup"`
	}
	twimlConnect struct {
		Action string      `xml:"action,attr,omitempty"`
		Stream twimlStream `xml:"Stream"`
	}
	twimlStream struct {
		URL            string           `xml:"url,attr"`
		StatusCallback string           `xml:"statusCallback,attr"`
		Parameters     []twimlParameter `xml:"Parameter"`
	}
	twimlParameter struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	twimlReject struct {
		Reason string `xml:"reason,attr"`
	}
)

const (
	maxParameter  = 499 // characters of a <Parameter>'s name and value together
	maxParameters = 16
)

// Voice answers a call (POST) with TwiML that connects it to Media, or turns it away politely. The parameters of the webhook's own
// URL, such as ?agent=sales, travel along as <Parameter>s and are found in Info.Params; Twilio's signature covers them.
func (t *Twilio) Voice(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := t.ours(w, r)
	if !ok {
		return
	}
	t.voice(w, r, form, owners)
}

// ours is form of a webhook about a call of the server's own account, or of another's by that one's own signature.
func (t *Twilio) ours(w http.ResponseWriter, r *http.Request) (form url.Values, owners []string, ok bool) {
	if form, owners, ok = t.form(w, r); !ok {
		return nil, nil, false
	}
	switch call, account := form.Get("CallSid"), form.Get("AccountSid"); {
	case !plainID(call):
		t.badForm(w, "CallSid", call)
		return nil, nil, false
	case len(owners) == 0 && t.AccountSID != "" && account != t.AccountSID:
		t.refuse(w, RefusedSignature, http.StatusForbidden)
		return nil, nil, false
	}
	return form, owners, true
}

// voice is Voice of a webhook that is good.
func (t *Twilio) voice(w http.ResponseWriter, r *http.Request, form url.Values, owners []string) {
	call := form.Get("CallSid")
	if t.Admit != nil && !t.Admit(r.Context(), call, owners, r.URL.Query()) {
		t.refused(RefusedUnwanted, slog.String("carrier_id", call))
		t.respond(w, twiml{Hangup: &struct{}{}})
		return
	}
	if t.Accepting != nil && !t.Accepting(r.Context(), Incoming{call, form.Get("From"), form.Get("To"), owners, r.URL.Query()}) || t.draining.Load() {
		t.turnAway(w, call)
		return
	}
	if !t.connect(w, r, form, owners, "") {
		t.turnAway(w, call)
	}
}

// connect answers with the way to Media, for a new call or for one that goes on; false: there are too many.
func (t *Twilio) connect(w http.ResponseWriter, r *http.Request, form url.Values, owners []string, resumes string) bool {
	limits, paths, base, call := t.Limits.orDefaults(), t.Paths.orDefaults(), t.base(r), form.Get("CallSid")
	now := time.Now()
	secret, ok := t.tokens.give(call, now, limits.Token, limits.Tokens)
	if !ok {
		t.log().Warn("too many calls were answered whose streams do not come", "carrier_id", call)
		return false
	}
	token := seal(t.AuthToken, call, secret, strings.HasPrefix(form.Get("Direction"), "outbound"), now.Add(limits.Token))
	ps := parameters(token, form.Get("From"), form.Get("To"), r.URL.Query())
	if resumes != "" {
		ps = append(ps, twimlParameter{onwardParam, sealOnward(t.AuthToken, call, token, resumes)})
	}
	t.respond(w, twiml{
		Connect: &twimlConnect{Action: t.action(base, r.URL.Query(), resumes != ""), Stream: twimlStream{
			URL: overSocket(base) + t.mediaPath(form.Get("AccountSid"), owners), StatusCallback: base + paths.StreamStatus, Parameters: ps,
		}},
		Hangup: &struct{}{},
	})
	return true
}

// parameters are those of the stream. What Twilio would refuse is left out.
func parameters(secret, from, to string, query url.Values) []twimlParameter {
	ps := []twimlParameter{{"token", secret}}
	add := func(name, value string) {
		if n := utf8.RuneCountInString(name) + utf8.RuneCountInString(value); n <= maxParameter && len(ps) < maxParameters {
			ps = append(ps, twimlParameter{name, value})
		}
	}
	add("from_number", from)
	add("to_number", to)
	for name, values := range query {
		switch name {
		case "token", "from_number", "to_number", "bodySHA256", onwardParam, againParam, "":
		default:
			add(name, values[0])
		}
	}
	return ps
}

// turnAway tells a caller that nobody can take the call. It is counted and not logged: in a flood that would be the most that is done.
func (t *Twilio) turnAway(w http.ResponseWriter, call string) {
	t.Stats.Refused[RefusedBusy].Add(1)
	if reason := t.reason(call); t.Sorry == "" || reason != "busy" {
		t.respond(w, twiml{Reject: &twimlReject{reason}})
		return
	}
	t.respond(w, twiml{Say: t.Sorry, Hangup: &struct{}{}})
}

// A StatusUpdate is a call status callback (twilio.com/docs/voice/api/call-resource#statuscallback).
type StatusUpdate struct {
	CallSID    string
	Status     string        // queued, initiated, ringing, in-progress, completed, busy, failed, no-answer, canceled
	Sequence   int           // orders the updates of a call, from 0; they may arrive in another order
	Duration   time.Duration // of a completed call
	SIPCode    int           // the carrier's answer, such as 486; 0 where there is none
	AnsweredBy string        // human, machine_start, ...; empty where it was not asked for
	Direction  string        // inbound, outbound-api, outbound-dial
	From, To   string
	Owners     []string   // by whose account it came, as Info.Owners
	Params     url.Values // of the callback's own URL
}

// Over says that the call has ended, or never began.
func (u StatusUpdate) Over() bool {
	switch u.Status {
	case "completed", "busy", "failed", "no-answer", "canceled":
		return true
	}
	return false
}

// Status takes call status callbacks (POST) and hands them to Progress.
func (t *Twilio) Status(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := t.form(w, r)
	if !ok {
		return
	}
	u := StatusUpdate{
		CallSID: form.Get("CallSid"), Status: form.Get("CallStatus"), AnsweredBy: form.Get("AnsweredBy"),
		Direction: form.Get("Direction"), From: form.Get("From"), To: form.Get("To"), Owners: owners, Params: r.URL.Query(),
	}
	if !plainID(u.CallSID) {
		t.badForm(w, "CallSid", u.CallSID)
		return
	}
	if u.Status == "" {
		t.badForm(w, "CallStatus", u.Status)
		return
	}
	var seconds int
	for field, n := range map[string]*int{"SequenceNumber": &u.Sequence, "CallDuration": &seconds, "SipResponseCode": &u.SIPCode} {
		if s := form.Get(field); s != "" {
			v, err := strconv.ParseUint(s, 10, 31)
			if err != nil {
				t.badForm(w, field, s)
				return
			}
			*n = int(v)
		}
	}
	u.Duration = time.Duration(seconds) * time.Second
	if u.Over() {
		t.tokens.revoke(u.CallSID)
	}
	if t.Progress != nil {
		t.Progress(r.Context(), u)
	}
	w.WriteHeader(http.StatusNoContent)
}

// StreamStatus takes stream status callbacks (POST): stream-started, stream-stopped, stream-error.
func (t *Twilio) StreamStatus(w http.ResponseWriter, r *http.Request) {
	form, _, ok := t.form(w, r)
	if !ok {
		return
	}
	event := form.Get("StreamEvent")
	log := t.log().With("carrier_id", form.Get("CallSid"), "stream", form.Get("StreamSid"), "event", event)
	switch event {
	case "stream-error":
		t.Stats.StreamErrors.Add(1)
		log.Warn("stream failed at the carrier", "error", form.Get("StreamError"))
	case "stream-started", "stream-stopped":
		log.Debug("stream status")
	default:
		t.badForm(w, "StreamEvent", event)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// form reads a webhook's body and checks that Twilio signed it, and for whose account; what it refuses it has answered. A body that is no
// form must be named in the URL by its SHA-256, has no fields, and is the server's own account's.
func (t *Twilio) form(w http.ResponseWriter, r *http.Request) (form url.Values, owners []string, ok bool) {
	body, ok := t.body(w, r)
	if !ok {
		return nil, nil, false
	}
	signature, target := r.Header.Get("X-Twilio-Signature"), t.target(r)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		if !signedBody(t.AuthToken, signature, target, body) {
			t.refuse(w, RefusedSignature, http.StatusForbidden)
			return nil, nil, false
		}
		return url.Values{}, nil, true
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.refuse(w, RefusedForm, http.StatusBadRequest)
		return nil, nil, false
	}
	owners, ok = t.signers(form.Get("AccountSid"), func(token string) bool { return Signed(token, signature, target, form) })
	if !ok {
		t.refuse(w, RefusedSignature, http.StatusForbidden)
		return nil, nil, false
	}
	return form, owners, true
}
