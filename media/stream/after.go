package stream

import (
	"context"
	"crypto/hmac"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Lost is a call that asks what to do since its stream is over (the action of its <Connect>, twilio.com/docs/voice/twiml/connect), or since
// nobody answered when it asked (the fallback URL of its number or of the request that placed it). Twilio asks so whoever has ended the
// stream: a server that has hung up, a node that died, a connection that broke. So the server is asked which it was:
//
//	call, true   that call goes on: its sound comes by another stream, whose Info.Resumes it is
//	"", true     it is over: it is hung up on
//	"", false    nobody knows it: at its fallback URL it is answered as a new one, else hung up on
type Lost struct {
	CallSID  string
	From, To string
	Owners   []string   // as Info.Owners
	Params   url.Values // of the URL that it asks
	Again    int        // how often it has gone on, by that URL
}

const (
	onwardParam = "goes_on"      // of a stream: the call that goes on by it, and the seal of that
	againParam  = "parley_again" // of After's URL
)

// After tells a call whose stream is over what to do (POST): it is connected again, or hung up on.
func (t *Twilio) After(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := t.ours(w, r)
	if !ok {
		return
	}
	if call, _ := t.resume(r, form, owners); call != "" && t.connect(w, r, form, owners, call) {
		return
	}
	t.respond(w, twiml{Hangup: &struct{}{}})
}

// Fallback tells a call what to do that had no answer elsewhere (POST): one that was talking is connected again, a new one is answered.
func (t *Twilio) Fallback(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := t.ours(w, r)
	if !ok {
		return
	}
	t.log().Warn("a call asks at its fallback URL", "carrier_id", form.Get("CallSid"), "code", form.Get("ErrorCode"), "url", form.Get("ErrorUrl"))
	switch call, known := t.resume(r, form, owners); {
	case !known:
		t.voice(w, r, form, owners)
	case call == "" || !t.connect(w, r, form, owners, call):
		t.respond(w, twiml{Hangup: &struct{}{}})
	}
}

// resume asks what comes of a call, unless Twilio has just told that it is over.
func (t *Twilio) resume(r *http.Request, form url.Values, owners []string) (call string, known bool) {
	if (StatusUpdate{Status: form.Get("CallStatus")}).Over() {
		return "", true
	}
	if t.Resume == nil {
		return "", false
	}
	defer t.vacated(r.Context(), form.Get("CallSid"))
	query := r.URL.Query()
	again, _ := strconv.Atoi(query.Get(againParam)) // none is the first
	return t.Resume(r.Context(), Lost{form.Get("CallSid"), form.Get("From"), form.Get("To"), owners, query, max(again, 0)})
}

// vacated waits until a call has no stream here any more, which ends no sooner than its socket: its next one would be refused.
func (h *Host) vacated(ctx context.Context, call string) {
	ctx, cancel := context.WithTimeout(ctx, h.Limits.orDefaults().Linger+time.Second)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for h.sockets.has(call) {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// action is the URL that a call asks when its stream is over: with the parameters of the one that it has asked, and how often it has gone
// on. Empty: none.
func (t *Twilio) action(base string, query url.Values, again bool) string {
	if t.Resume == nil {
		return ""
	}
	query.Del("bodySHA256")
	if n, _ := strconv.Atoi(query.Get(againParam)); again {
		query.Set(againParam, strconv.Itoa(max(n, 0)+1))
	}
	target := base + t.Paths.orDefaults().After
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return target
}

// sealOnward is the call that goes on by a stream, as it travels: bound to the stream's token, which is good once.
func sealOnward(key, call, token, resumes string) string {
	return resumes + "." + sealOf(key, call, "goes on "+resumes+" "+token)
}

// onward is the call that goes on by a stream whose token was good; false: its seal is not.
func onward(key string, s *start, sealed string) (resumes string, ok bool) {
	resumes, _, ok = strings.Cut(sealed, ".")
	return resumes, ok && key != "" && hmac.Equal([]byte(sealed), []byte(sealOnward(key, s.call, s.params["token"], resumes)))
}
