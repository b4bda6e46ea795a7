package stream

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Twilio is the server's side of Twilio: the voice webhook, which answers a call with a stream, and the socket of that stream.
// Fill in the fields and mount the handlers (Mount, or each at its Path); do not change a field afterwards. It must not be copied.
//
// Every request must be signed with AuthToken, or with the token of one of its account's Accounts. Without either, every request is refused.
type Twilio struct {
	Host

	AccountSID string // when set, calls of other accounts are refused
	AuthToken  string // the account's; signs all that comes from Twilio
	// Accounts are those of an AccountSid that may call besides, each with a token of its own; nil: there are none. Whose account a call
	// came by is told with it, and it is for the server to see that it gets no further than they may.
	Accounts func(accountSID string) []Account
	Paths    Paths
	Sorry    string // what refused callers are told; empty: <Reject reason="busy"/>, which costs nobody anything

	// Admit says whether a call that asks Voice what to do is still wanted, by the parameters of the URL that it asks; nil: all are. One
	// that is not is hung up on: for calls that were placed, which cannot be rejected. owners are as Info.Owners.
	Admit func(ctx context.Context, callSID string, owners []string, params url.Values) bool

	Judged func(context.Context, Verdict) // called with each verdict of machine detection; nil: nobody asks
	// Resume says what comes of a call whose stream is over though the call is not; nil: it ends, as the ones that the server itself has ended
	// do. See Lost.
	Resume func(ctx context.Context, l Lost) (call string, known bool)

	Progress func(context.Context, StatusUpdate) // called with each call status callback, as it comes; nil: nobody asks
}

// Paths are where the handlers are mounted. Empty ones mean the name given here.
type Paths struct {
	Voice        string // /twilio/voice
	Media        string // /twilio/media; of other accounts than the server's own, with their AccountSid below it
	Status       string // /twilio/status
	StreamStatus string // /twilio/stream-status
	After        string // /twilio/after
	Fallback     string // /twilio/fallback
	Answered     string // /twilio/answered
}

// Media is the stream's socket (GET): signature, upgrade, and then, when it has returned, start, token, and the call.
func (t *Twilio) Media(w http.ResponseWriter, r *http.Request) {
	owners, ours := t.upgrade(r)
	if !ours {
		t.refuse(w, RefusedSignature, http.StatusForbidden)
		return
	}
	account := r.PathValue("account")
	t.take(w, r, &twilioDialect, func(l *Leg, s *start) (string, Refusal) {
		l.owners = owners
		return t.judge(l, s, account)
	})
}

// judge says why a start is refused; "": the leg is now its call's. account is whose streams come in where this one did; empty: the server's own.
func (t *Twilio) judge(l *Leg, s *start, account string) (string, Refusal) {
	switch {
	case !plainID(s.call) || !plainID(s.stream):
		return "bad callSid or streamSid", RefusedFormat
	case account != "" && s.account != account, len(l.owners) == 0 && t.AccountSID != "" && s.account != t.AccountSID:
		return "another account's", RefusedFormat
	case !slices.Contains(s.tracks, "inbound"):
		return "want track inbound", RefusedFormat
	}
	outbound, ok := t.redeem(t.AuthToken, s.call, s.params["token"], time.Now())
	if !ok {
		return "bad token", RefusedToken
	}
	s.outbound = outbound
	if on := s.params[onwardParam]; on != "" {
		if s.resumes, ok = onward(t.AuthToken, s, on); !ok {
			return "bad token", RefusedToken
		}
	}
	return t.begin(l, s)
}

// Mount puts the handlers where Paths says.
func (t *Twilio) Mount(mux *http.ServeMux) {
	p := t.Paths.orDefaults()
	mux.HandleFunc("POST "+p.Voice, t.Voice)
	mux.HandleFunc("GET "+p.Media, t.Media)
	mux.HandleFunc("GET "+p.Media+"/{account}", t.Media)
	mux.HandleFunc("POST "+p.Status, t.Status)
	mux.HandleFunc("POST "+p.StreamStatus, t.StreamStatus)
	mux.HandleFunc("POST "+p.After, t.After)
	mux.HandleFunc("POST "+p.Fallback, t.Fallback)
	mux.HandleFunc("POST "+p.Answered, t.Answered)
}

func (p Paths) orDefaults() Paths {
	return Paths{
		Voice: cmp.Or(p.Voice, "/twilio/voice"), Media: cmp.Or(p.Media, "/twilio/media"),
		Status: cmp.Or(p.Status, "/twilio/status"), StreamStatus: cmp.Or(p.StreamStatus, "/twilio/stream-status"),
		After: cmp.Or(p.After, "/twilio/after"), Fallback: cmp.Or(p.Fallback, "/twilio/fallback"),
		Answered: cmp.Or(p.Answered, "/twilio/answered"),
	}
}
