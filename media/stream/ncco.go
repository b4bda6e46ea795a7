package stream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Vonage is the server's side of Vonage: the answer webhook of a Voice application, which connects a call to a WebSocket, its event webhook, and
// that socket. Fill in the fields and Mount it; do not change a field afterwards. It must not be copied.
//
// Webhooks must be signed with the account's signature secret, or with that of one of their application's Accounts, no longer ago than vonageAge.
// Upgrades are not: their URL has the token of the call, which is good once.
type Vonage struct {
	Host

	SignatureSecret string // the account's: Dashboard, Settings
	Secret          []byte // seals tokens: the same on every node. Without it no stream is let in
	Rate            int    // samples a second, of 8000, 16000 or 24000; 0: 8000

	// Accounts are those of an application's id that may call besides, as of Twilio; their tokens are signature secrets.
	Accounts func(application string) []Account
	// Admit says whether a call that asks Voice what to do is still wanted, as of Twilio.
	Admit func(ctx context.Context, callSID string, owners []string, params url.Values) bool
	// Token is the parameter that the URLs of placed calls have and no others: no answer webhook tells a direction.
	Token string

	Progress func(context.Context, StatusUpdate) // called with each event of a call, in Vonage's words; nil: nobody asks
}

const (
	vonageAnswer = "/vonage/answer"
	vonageEvents = "/vonage/event"
	vonageMedia  = "/vonage/media"
	vonageAge    = 5 * time.Minute
	// vonageHeaders is the most bytes that a connection's headers may have.
	vonageHeaders = 512
)

// NCCO: what Voice answers (developer.vonage.com, "NCCO reference", connect).
type (
	nccoConnect struct {
		Action   string         `json:"action"`
		From     string         `json:"from,omitempty"`
		EventURL []string       `json:"eventUrl"`
		Endpoint []nccoEndpoint `json:"endpoint"`
	}
	nccoEndpoint struct {
		Type        string            `json:"type"`
		URI         string            `json:"uri"`
		ContentType string            `json:"content-type"`
		Headers     map[string]string `json:"headers"`
	}
)

// Mount puts the handlers at /vonage/answer, /vonage/event and /vonage/media.
func (v *Vonage) Mount(mux *http.ServeMux) {
	for _, method := range []string{"GET ", "POST "} {
		mux.HandleFunc(method+vonageAnswer, v.Voice)
		mux.HandleFunc(method+vonageEvents, v.Events)
	}
	mux.HandleFunc("GET "+vonageMedia+"/{call}/{token}", v.Media)
	mux.HandleFunc("GET "+vonageMedia+"/{call}/{token}/{owners}", v.Media)
}

// Voice answers a call (GET or POST) with an NCCO that connects it to Media. One that there is no room for is answered with 503, at which Vonage asks
// the application's fallback URL; one that is not wanted with an NCCO without actions, at whose end it is over. The parameters of the webhook's own
// URL, such as ?agent=sales, travel along and are found in Info.Params.
func (v *Vonage) Voice(w http.ResponseWriter, r *http.Request) {
	fields, own, owners, ok := v.fields(w, r)
	if !ok {
		return
	}
	call, from, to := fields["uuid"], international(fields["from"]), international(fields["to"])
	if !plainID(call) {
		v.badForm(w, "uuid", call)
		return
	}
	if v.Admit != nil && !v.Admit(r.Context(), call, owners, own) {
		v.refused(RefusedUnwanted, slog.String("carrier_id", call))
		v.respond(w, []nccoConnect{}) // a call that has nothing more to do ends
		return
	}
	outbound, ours := fields["direction"] == "outbound", fields["to"]
	if v.Token != "" && own.Has(v.Token) {
		outbound, ours = true, fields["from"]
	}
	token, ok := v.ticket(r.Context(), sealKey(v.Secret, nil, owners), Incoming{call, from, to, owners, own}, outbound)
	if !ok {
		v.turnAway(w, call)
		return
	}
	base := v.base(r)
	v.respond(w, []nccoConnect{{
		Action: "connect", From: ours, EventURL: []string{base + vonageEvents},
		Endpoint: []nccoEndpoint{{
			Type: "websocket", URI: overSocket(base) + vonageMedia + "/" + call + "/" + token + ownersPath(owners),
			ContentType: "audio/l16;rate=" + strconv.Itoa(cmp.Or(v.Rate, telephone.rate)), Headers: vonageParams(from, to, own),
		}},
	}})
}

// vonageParams are the headers of a connection, which its first message has. What Vonage would refuse is left out.
func vonageParams(from, to string, own url.Values) map[string]string {
	headers := map[string]string{"from_number": from, "to_number": to}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		switch name {
		case "token", "from_number", "to_number", "event", "content-type", "":
			continue
		}
		headers[name] = own.Get(name)
		if text, err := json.Marshal(headers); err != nil || len(text) > vonageHeaders {
			delete(headers, name)
		}
	}
	return headers
}

// turnAway tells Vonage that nobody can take the call. What it has no word for is that the caller is not wanted: it would ask again, and then the
// fallback URL, so that such a call gets nothing to do (that it is over then is UNCONFIRMED).
func (v *Vonage) turnAway(w http.ResponseWriter, call string) {
	if v.reason(call) == "rejected" {
		v.respond(w, []nccoConnect{})
		return
	}
	http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
}

// Events takes what Vonage tells of calls (GET or POST), and hands it to Progress: the token of one that is over is no good any more. What is told
// of the connection to Media, which is a leg of its own, is not of the call.
func (v *Vonage) Events(w http.ResponseWriter, r *http.Request) {
	fields, own, owners, ok := v.fields(w, r)
	if !ok {
		return
	}
	u := StatusUpdate{
		CallSID: fields["uuid"], Status: fields["status"], Direction: fields["direction"], From: international(fields["from"]), To: international(fields["to"]),
		Owners: owners, Params: own,
	}
	if seconds, err := strconv.Atoi(fields["duration"]); err == nil {
		u.Duration = time.Duration(seconds) * time.Second
	}
	switch u.Status {
	case "completed", "failed", "rejected", "busy", "cancelled", "timeout", "unanswered":
		v.tokens.revoke(u.CallSID)
	}
	// That such a leg names a socket's address is UNCONFIRMED: if it does not, its id tells it from the call.
	if leg := strings.HasPrefix(u.To, "ws:") || strings.HasPrefix(u.To, "wss:"); v.Progress != nil && plainID(u.CallSID) && u.Status != "" && !leg {
		v.Progress(r.Context(), u)
	}
	w.WriteHeader(http.StatusNoContent)
}

// Media is the stream's socket (GET): the token's seal, upgrade, and then, when it has returned, the first message, token, and the call.
func (v *Vonage) Media(w http.ResponseWriter, r *http.Request) {
	call := r.PathValue("call")
	v.admit(w, r, &vonageDialect, sealKey(v.Secret, nil, ownersIn(r)), call, r.PathValue("token"), func(s *start) (string, Refusal) {
		s.call = call
		return "", 0
	})
}

// fields are those of a signed webhook: of a POST its body's, of a GET the query's. own are the parameters of the URL that it asks, which of
// a GET cannot be told from Vonage's; owners, whose account has signed it. What it refuses it has answered.
func (v *Vonage) fields(w http.ResponseWriter, r *http.Request) (fields map[string]string, own url.Values, owners []string, ok bool) {
	body, ok := v.body(w, r)
	if !ok {
		return nil, nil, nil, false
	}
	now := time.Now()
	signed := func(secret string) bool { return vonageSigned(secret, r, body, now) }
	if !signed(v.SignatureSecret) {
		if owners = ownersOf(v.Accounts, claimedApplication(bearer(r)), signed); len(owners) == 0 {
			v.refuse(w, RefusedSignature, http.StatusForbidden)
			return nil, nil, nil, false
		}
	}
	own = r.URL.Query()
	if r.Method == http.MethodGet {
		fields = make(map[string]string)
		for name := range own {
			fields[name] = own.Get(name)
		}
		for _, name := range vonageFields {
			own.Del(name)
		}
		return fields, own, owners, true
	}
	var all map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		v.refused(RefusedForm, slog.Any("error", err))
		http.Error(w, "the body is not a JSON object", http.StatusBadRequest)
		return nil, nil, nil, false
	}
	return textFields(all), own, owners, true
}

// vonageFields are what an answer webhook by GET adds to its URL (developer.vonage.com, "Webhook reference", answer webhook).
var vonageFields = []string{"from", "to", "uuid", "conversation_uuid", "region_url", "endpoint_type", "from_user", "custom_data"}

// vonageSigned says whether Vonage has signed a webhook with a secret, and lately: the bearer is a token with the hash of the payload. Of a GET that is
// an object of the parameters, in their order; whether those of the webhook's own URL, which come first, are among them is UNCONFIRMED, and so either
// will do.
func vonageSigned(secret string, r *http.Request, body []byte, now time.Time) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c, ok := readToken(secret, token)
	if !bearer || !ok || !c.fresh(now, vonageAge) {
		return false
	}
	if r.Method != http.MethodGet {
		return c.covers(body)
	}
	parts := strings.Split(r.URL.RawQuery, "&")
	for i := range min(len(parts), maxParameters) {
		if object, ok := queryObject(parts[i:]); ok && c.covers(object) {
			return true
		}
	}
	return false
}

// queryObject is the JSON of an object with a query's parameters, in their order; false: they are none.
func queryObject(parts []string) ([]byte, bool) {
	var b bytes.Buffer
	text := json.NewEncoder(&b)
	text.SetEscapeHTML(false)
	write := func(escaped string) bool {
		plain, err := url.QueryUnescape(escaped)
		if err != nil || text.Encode(plain) != nil {
			return false
		}
		b.Truncate(b.Len() - 1) // a line's end
		return true
	}
	for i, part := range parts {
		b.WriteByte("{,"[min(i, 1)])
		name, value, _ := strings.Cut(part, "=")
		if !write(name) {
			return nil, false
		}
		b.WriteByte(':')
		if !write(value) {
			return nil, false
		}
	}
	b.WriteByte('}')
	return b.Bytes(), true
}

// respond answers a webhook with what Vonage is to do.
func (v *Vonage) respond(w http.ResponseWriter, ncco []nccoConnect) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(ncco) // a caller who has gone cannot be told
}
