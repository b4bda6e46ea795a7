package preanswer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/control/webhook"
	"parley/store"
)

// What comes of asking.
const (
	Heeded      = "heeded"      // the answer says something, and that is done
	Empty       = "empty"       // it says nothing: the number's own agent answers
	Timeout     = "timeout"     // there was none in time
	Unreachable = "unreachable" // there was no answer
	Refused     = "refused"     // its status was not 2xx
	Wrong       = "wrong"       // it makes no sense, is too big, or names an agent that there is not
	Forbidden   = "forbidden"   // the address is none to ask
	Unsigned    = "unsigned"    // the question could not be signed
	Abandoned   = "abandoned"   // the caller, or the carrier, has gone meanwhile
)

// Outcomes are all words for what comes of asking.
func Outcomes() []string {
	return []string{Heeded, Empty, Rejected, Timeout, Unreachable, Refused, Wrong, Forbidden, Unsigned, Abandoned}
}

// A Question is what is asked about a call.
type Question struct {
	Type      string            `json:"event_type"` // pre_answer
	Call      string            `json:"call_id"`    // what the call's id will be
	Carrier   string            `json:"carrier"`    // twilio, telnyx, sip, ...
	CarrierID string            `json:"carrier_call_id"`
	Direction store.Direction   `json:"direction"`
	From      string            `json:"from"`
	To        string            `json:"to"`
	Agent     *string           `json:"agent_id"` // who answers if nothing else is said; null: nobody
	Params    map[string]string `json:"params"`   // of the webhook's own URL
	Headers   map[string]string `json:"headers"`  // of SIP's INVITE: those that begin with X-, and a few more
}

// An Asker asks. A *webhook.Asker does.
type Asker interface {
	Ask(ctx context.Context, org, url, id string, body []byte, most int64) (webhook.Reply, error)
}

// NewAsker makes an Asker that asks no longer than a caller may wait.
func NewAsker(o webhook.AskOptions) Asker {
	o.Timeout = longest
	return webhook.NewAsker(o)
}

// A Desk asks about calls. Its methods may be called by any goroutine.
type Desk struct {
	Asker   Asker
	Agents  Agents
	Observe func(outcome string, took time.Duration) // is told of each call that was asked about; may be nil
	Log     *slog.Logger
}

// pause is between the two tries: whoever restarts is back, it may be.
const pause = 100 * time.Millisecond

// Ask asks an organisation's server about a call, and returns what is to be done within the rule's limit: there is always something.
func (d *Desk) Ask(ctx context.Context, org string, s Settings, q Question) store.PreAnswer {
	q.Type, q.Direction = "pre_answer", store.Inbound
	began := time.Now()
	p := d.ask(ctx, org, s, q)
	p.Took = time.Since(began)
	if p.Outcome != Heeded && p.Outcome != Empty && p.Outcome != Rejected {
		if p.Fallback = s.full().Fallback; p.Fallback == FallbackReject {
			p.Reject = Rejected
		}
	}
	level := slog.LevelInfo
	if p.Fallback != "" {
		level = slog.LevelWarn
	}
	d.Log.Log(ctx, level, "asked before a call is answered", "call", q.Call, "carrier_id", q.CarrierID, "host", hostOf(s.URL), "outcome", p.Outcome,
		"status", p.Status, "tries", p.Tries, "took", p.Took, "agent", p.Agent, "reject", p.Reject, "fallback", p.Fallback, "error", p.Error)
	if d.Observe != nil {
		d.Observe(p.Outcome, p.Took)
	}
	return p
}

// ask tries, and tries once more if that failed soon enough.
func (d *Desk) ask(ctx context.Context, org string, s Settings, q Question) (p store.PreAnswer) {
	body, err := json.Marshal(q)
	if err != nil {
		return store.PreAnswer{Outcome: Wrong, Error: "the question is no JSON"} // not with texts
	}
	whole, cancel := context.WithTimeout(ctx, s.limit())
	defer cancel()
	for try := 1; ; try++ {
		p = d.once(whole, ctx, org, s, q.Call, body)
		p.Tries = try
		if try == 2 || !again(p) {
			return p
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-whole.Done():
			wait.Stop()
			return p
		}
	}
}

// again says whether another try may come to something else.
func again(p store.PreAnswer) bool {
	return p.Outcome == Unreachable || p.Outcome == Refused && (p.Status >= 500 || p.Status == http.StatusTooManyRequests || p.Status == http.StatusRequestTimeout)
}

// once is one try.
func (d *Desk) once(ctx, caller context.Context, org string, s Settings, id string, body []byte) (p store.PreAnswer) {
	r, err := d.Asker.Ask(ctx, org, s.URL, id, body, maxAnswer)
	switch {
	case err == nil && r.Status/100 != 2:
		return store.PreAnswer{Outcome: Refused, Status: r.Status, Error: fmt.Sprintf("the server answered %d %s", r.Status, http.StatusText(r.Status))}
	case err == nil:
		if p, err = read(r.Body, org, d.Agents); err != nil {
			p = store.PreAnswer{Outcome: Wrong, Error: err.Error()}
		}
		p.Status = r.Status
		return p
	case caller.Err() != nil:
		return store.PreAnswer{Outcome: Abandoned, Error: "the caller has gone"}
	case ctx.Err() != nil:
		return store.PreAnswer{Outcome: Timeout, Error: fmt.Sprintf("no answer within %v", s.limit())}
	}
	p = store.PreAnswer{Outcome: Unreachable, Status: r.Status, Error: brief(err.Error())}
	switch {
	case errors.Is(err, webhook.ErrForbidden):
		p.Outcome = Forbidden
	case errors.Is(err, webhook.ErrUnsigned):
		p.Outcome = Unsigned
	case errors.Is(err, webhook.ErrTooBig):
		p.Outcome, p.Error = Wrong, fmt.Sprintf("the answer is longer than %d bytes", maxAnswer)
	}
	return p
}

// maxError is how much of an error is kept, in bytes.
const maxError = 300

func brief(text string) string {
	if len(text) > maxError {
		text = text[:maxError]
	}
	return strings.ToValidUTF8(text, "")
}

// hostOf is what may be logged of a URL.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}
