package stream

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// This file is how the streams of carriers that sign no upgrade prove themselves: by a ticket, which the voice webhook gave to their call. It
// is a token, sealed with what the webhook was asked, so that nothing of that can be another when the stream comes. It is good once.

// sealKey is what seals the tickets of a call with these parameters, by an account of these owners; empty, which opens nothing: there is no
// secret.
func sealKey(secret []byte, query url.Values, owners []string) string {
	if len(secret) == 0 {
		return ""
	}
	key := string(secret) + "?" + query.Encode()
	if len(owners) > 0 {
		key += "#" + strings.Join(owners, ownersComma)
	}
	return key
}

// ticket gives a call that is welcome a ticket, sealed by key; false: it is to be turned away.
func (h *Host) ticket(ctx context.Context, key string, in Incoming, outbound bool) (string, bool) {
	if h.Accepting != nil && !h.Accepting(ctx, in) {
		h.Stats.Refused[RefusedBusy].Add(1)
		return "", false
	}
	return h.ticketFor(key, in.CallSID, outbound)
}

// ticketFor gives a call, or what stands for one, a ticket; false: there are too many, or the server drains. It is counted and not logged, as
// turning away is, but for the former.
func (h *Host) ticketFor(key, call string, outbound bool) (string, bool) {
	limits, now := h.Limits.orDefaults(), time.Now()
	secret, ok := "", !h.draining.Load()
	if ok {
		if secret, ok = h.tokens.give(call, now, limits.Token, limits.Tokens); !ok {
			h.log().Warn("too many calls were answered whose streams do not come", "carrier_id", call)
		}
	}
	if !ok {
		h.Stats.Refused[RefusedBusy].Add(1)
		return "", false
	}
	return seal(key, call, secret, outbound, now.Add(limits.Token)), true
}

// fitting judges a start, and fills in what it does not tell: why it is refused; "": it fits.
type fitting func(*start) (string, Refusal)

// admit takes the stream of a call that shows a ticket which key has sealed, if its start fits.
func (h *Host) admit(w http.ResponseWriter, r *http.Request, speaks *dialect, key, call, ticket string, fits fitting) {
	if _, _, ok := unseal(key, call, ticket, time.Now()); !ok {
		h.refuse(w, RefusedToken, http.StatusForbidden)
		return
	}
	owners := ownersIn(r) // which key has sealed
	h.take(w, r, speaks, func(l *Leg, s *start) (string, Refusal) {
		outbound, ok := h.redeem(key, call, ticket, time.Now())
		if !ok {
			return "bad token", RefusedToken
		}
		s.outbound, l.owners = outbound, owners
		if why, reason := fits(s); why != "" {
			return why, reason
		}
		return h.begin(l, s)
	})
}

// admitKnown takes the stream of a carrier that has proved itself by a secret of its own, if its start fits.
func (h *Host) admitKnown(w http.ResponseWriter, r *http.Request, speaks *dialect, fits fitting) {
	if h.draining.Load() {
		h.refuse(w, RefusedBusy, http.StatusServiceUnavailable)
		return
	}
	h.take(w, r, speaks, func(l *Leg, s *start) (string, Refusal) {
		if why, reason := fits(s); why != "" {
			return why, reason
		}
		return h.begin(l, s)
	})
}

// welcomes judges a call of which no webhook was asked.
func (h *Host) welcomes(ctx context.Context, s *start) (string, Refusal) {
	params := url.Values{}
	for name, value := range s.params {
		params.Set(name, value)
	}
	if h.Accepting != nil && !h.Accepting(ctx, Incoming{s.call, s.from, s.to, nil, params}) {
		return "busy", RefusedBusy
	}
	return "", 0
}

// firsts are the parameters of a URL, each once.
func firsts(query url.Values) map[string]string {
	params := make(map[string]string)
	for name, values := range query {
		params[name] = values[0]
	}
	return params
}

// international is a number as E.164 has it, of a carrier that leaves out the plus; what is no number stays as it is.
func international(number string) string {
	if len(number) < 7 || len(number) > 15 || number[0] == '0' || strings.Trim(number, "0123456789") != "" {
		return number
	}
	return "+" + number
}
