package stream

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"net/http"
	"strings"
)

// Asterisk is the server's side of an Asterisk whose chan_websocket dials it: Dial(WebSocket/NAME/c(ulaw)f(json)), NAME of websocket_client.conf.
// Fill in the fields and Mount it; do not change a field afterwards. It must not be copied.
//
// Who knows the password is one's own PBX, and is believed whatever it tells of a call: the numbers and all else come as parameters of the
// URL, v(from=...,to=...), or as variables of the channel, PARLEY_FROM, PARLEY_TO and so on.
type Asterisk struct {
	Host

	Password string // of Basic authentication, whatever the user name; or the end of the path. Empty: nobody is let in
}

const asteriskMedia = "/asterisk/media"

// Mount puts the handler at /asterisk/media.
func (a *Asterisk) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+asteriskMedia, a.Media)
	mux.HandleFunc("GET "+asteriskMedia+"/{password}", a.Media)
}

// Media is a channel's socket (GET): password, upgrade, and then, when it has returned, MEDIA_START and the call.
func (a *Asterisk) Media(w http.ResponseWriter, r *http.Request) {
	_, password, _ := r.BasicAuth()
	if !same(a.Password, cmp.Or(r.PathValue("password"), password)) {
		w.Header().Set("WWW-Authenticate", `Basic realm="parley"`)
		a.refuse(w, RefusedSignature, http.StatusUnauthorized)
		return
	}
	a.takeKnown(w, r, &asteriskDialect, func(l *Leg, s *start) {
		if s.plain {
			l.speaks = &asteriskPlain
		}
	})
}

// same compares a secret with what somebody says; an empty one is nobody's.
func same(secret, said string) bool {
	return secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(said)) == 1
}

// takeKnown makes a socket of a request of one's own PBX, whose first message begins the call. The URL's parameters are told with it; what both tell,
// that message tells. Without an id of its own the call gets one.
func (h *Host) takeKnown(w http.ResponseWriter, r *http.Request, speaks *dialect, prepare func(*Leg, *start)) {
	if h.draining.Load() {
		h.refuse(w, RefusedBusy, http.StatusServiceUnavailable)
		return
	}
	query := r.URL.Query()
	h.take(w, r, speaks, func(l *Leg, s *start) (string, Refusal) {
		params := make(map[string]string)
		for name := range query {
			params[name] = query.Get(name)
		}
		maps.Copy(params, s.params)
		s.params, s.call = params, cmp.Or(s.call, params["call"], madeID())
		if !channelID(s.call) {
			return "bad id of the call", RefusedFormat
		}
		s.from, s.to = cmp.Or(s.from, params["from"]), cmp.Or(s.to, params["to"])
		for _, name := range []string{"call", "from", "to", "rate"} {
			delete(params, name)
		}
		if h.Accepting != nil && !h.Accepting(context.WithoutCancel(r.Context()), Incoming{s.call, s.from, s.to, nil, query}) {
			return "no room for the call", RefusedBusy
		}
		prepare(l, s)
		return h.begin(l, s)
	})
}

// channelID says that s can be a PBX' id of a channel, such as pbx1-1760000000.12.
func channelID(s string) bool { return plainID(strings.ReplaceAll(s, ".", "-")) }

// madeID is the id of a call to which nobody has given one.
func madeID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
