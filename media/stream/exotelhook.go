package stream

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Exotel is the server's side of Exotel's AgentStream: the socket of a Voicebot applet, and the page that tells such an applet where the
// socket is. Fill in the fields and Mount it; do not change a field afterwards. It must not be copied.
//
// Exotel signs nothing. Its requests have the user and password that are in the applet's URL, and in that of status callbacks; the page gives out
// tickets, so that a socket which it named needs neither.
type Exotel struct {
	Host

	User, Password string // the applet's, both made up by us. Without a password all is refused
	Secret         []byte // seals tickets: the same on every node. Without it the page names no socket

	Token string // the parameter that names the order of a call that was placed by this side
	// Order is a call of this side's own as it was ordered: its numbers, and its Token among its parameters; false: it came in. An applet does not say
	// for sure. Parameters have the Token where the applet has told it; else the call is known by its id. Nil: none are placed.
	Order func(context.Context, Incoming) (ours Incoming, ok bool)
	// Admit says whether a call of this side's own is still wanted, as of Twilio.
	Admit func(ctx context.Context, callSID string, owners []string, params url.Values) bool

	Progress func(context.Context, StatusUpdate) // called with each piece of news of a call; nil: nobody asks
}

const (
	exotelVoice  = "/exotel/voice"
	exotelMedia  = "/exotel/media"
	exotelStatus = "/exotel/status"

	// exotelCustom is the parameter by which Exotel tells applets what an order had as its CustomField: of Passthru and Greeting that is documented,
	// of Voicebot it is UNCONFIRMED.
	exotelCustom = "CustomField"
	// exotelPlaced begins the names of sockets of calls that were placed; the order's token follows.
	exotelPlaced = "placed-"
)

// Mount puts the handlers at /exotel/voice, /exotel/media and /exotel/status.
func (e *Exotel) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+exotelVoice, e.Voice)
	mux.HandleFunc("GET "+exotelMedia, e.Media)
	mux.HandleFunc("GET "+exotelMedia+"/{ticket}/{token}", e.Ticketed)
	mux.HandleFunc("POST "+exotelStatus, e.Status)
}

// Voice tells an applet (GET) where the socket is: {"url":"wss://..."}. Parameters of its own URL travel along, such as sample-rate, by which
// Exotel goes, and agent; what Exotel says of the call besides does not, for a stream has room for three: a stream tells it too.
func (e *Exotel) Voice(w http.ResponseWriter, r *http.Request) {
	if !e.known(r) {
		e.refuse(w, RefusedSignature, http.StatusForbidden)
		return
	}
	travels := url.Values{}
	for name, values := range r.URL.Query() {
		if ours(name) {
			travels[name] = values
		}
	}
	name, wanted := e.name(r.Context(), r.URL.Query())
	if !wanted {
		e.refuse(w, RefusedUnwanted, http.StatusForbidden)
		return
	}
	ticket, ok := e.ticketFor(e.key(), name, strings.HasPrefix(name, exotelPlaced))
	if !ok {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	at := url.URL{Path: exotelMedia + "/" + name + "/" + ticket, RawQuery: travels.Encode()}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"url": overSocket(e.base(r)) + at.String()}) // whoever has gone cannot be told
}

// ours says that a parameter is of the applet's URL: Exotel's own begin with a capital, but for two.
func ours(name string) bool {
	return name != "" && strings.ToUpper(name[:1]) != name[:1] && name != "flow_id" && name != "tenant_id"
}

// Media is the stream's socket (GET) of an applet that knows where it is: user, password, upgrade, and then, when it has returned, start, and
// the call.
func (e *Exotel) Media(w http.ResponseWriter, r *http.Request) {
	if !e.known(r) {
		e.refuse(w, RefusedSignature, http.StatusForbidden)
		return
	}
	e.admitKnown(w, r, &exotelDialect, e.fits(r, ""))
}

// Ticketed is the stream's socket (GET) of an applet that has asked Voice.
func (e *Exotel) Ticketed(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("ticket")
	token, placed := strings.CutPrefix(name, exotelPlaced)
	if !placed {
		token = ""
	}
	e.admit(w, r, &exotelDialect, e.key(), name, r.PathValue("token"), e.fits(r, token))
}

// key seals tickets, whatever the parameters: it is not known that Exotel leaves them in the URL.
func (e *Exotel) key() string { return sealKey(e.Secret, nil, nil) }

// fits judges a start, and gives it the parameters of the URL that it came by. Token is that of its order, if the page has found it.
func (e *Exotel) fits(r *http.Request, token string) fitting {
	ctx, params := context.WithoutCancel(r.Context()), firsts(r.URL.Query())
	delete(params, "sample-rate")
	return func(s *start) (string, Refusal) {
		if !plainID(s.call) || !plainID(s.stream) {
			return "bad call_sid or stream_sid", RefusedFormat
		}
		maps.Copy(params, s.params)
		s.params = params
		if token != "" {
			s.params[e.Token] = token
		}
		if !e.claim(ctx, s) {
			return "nobody waits for it", RefusedUnwanted
		}
		return e.welcomes(ctx, s)
	}
}

// known says whether a request has the applet's user and password.
func (e *Exotel) known(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	return e.Password != "" && sameSecret(user, e.User)&sameSecret(password, e.Password) == 1
}

// sameSecret is 1 if what was told is the secret; the time it takes tells nothing, nor how long the secret is.
func sameSecret(told, secret string) int {
	a, b := sha256.Sum256([]byte(told)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:])
}
