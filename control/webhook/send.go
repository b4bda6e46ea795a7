package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"parley/store"
)

const (
	maxAnswer = 1 << 10        // bytes of an answer's body that are read, and kept in the log
	maxError  = 300            // and of what went wrong
	agent     = "Parley/1"     // User-Agent
	mostAfter = 24 * time.Hour // how long a Retry-After is heeded
	backoff   = time.Minute    // before a delivery is looked at again that this node could not sign
)

// What may become of a try, for those who count.
const (
	outcomeDelivered   = "delivered"
	outcomeRefused     = "refused" // answered, but not with 2xx
	outcomeTimeout     = "timeout"
	outcomeForbidden   = "forbidden" // the address is none to send to
	outcomeUnreachable = "unreachable"
	outcomeDisabled    = "disabled" // not tried
)

// A reply is what came of one try.
type reply struct {
	at      time.Time
	took    time.Duration
	code    int // 0: no answer
	answer  string
	after   time.Duration // Retry-After
	err     string        // empty: delivered
	outcome string
}

// deliver tries one delivery, and writes down what became of it. It is false if the host did not answer. What cannot be written down, or
// not be sent for want of the database, is taken again when the lease is over.
func (s *Sender) deliver(ctx context.Context, d store.Delivery) (heard bool) {
	log := s.o.Log.With("delivery", d.ID, "event", d.Kind, "call", d.Call, "host", d.Host)
	defer func() {
		if p := recover(); p != nil {
			log.Error("sending a webhook panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	e, body, secrets, err := s.prepare(ctx, d)
	switch {
	case errors.Is(err, errSecret):
		log.Error("a webhook waits: its organisation's secret is of another PARLEY_SECRET", "error", err)
		s.settle(ctx, store.Outcome{Delivery: d, Status: store.DeliveryPending, Due: time.Now().Add(backoff), Code: d.Code, Error: errSecret.Error(), At: time.Now()})
		return true
	case err != nil:
		log.Warn("a webhook waits", "error", err)
		return true
	case e.Disabled != nil:
		s.observe(d, reply{outcome: outcomeDisabled})
		s.settle(ctx, store.Outcome{Delivery: d, Status: store.DeliveryFailed, Code: d.Code, Error: "not sent: the endpoint is disabled, " + e.Disabled.Reason, At: time.Now()})
		return true
	case time.Until(d.Due) < s.t.Timeout: // another node might send it meanwhile
		log.Warn("a webhook waits: everything takes too long")
		return true
	}
	s.at("sending")
	r := s.post(ctx, d, body, secrets)
	s.at("sent")
	o := s.verdict(d, e, r)
	s.observe(d, r)
	log.Info("webhook", "outcome", r.outcome, "status", r.code, "took", r.took, "try", d.Tries+1, "left", o.Status == store.DeliveryPending)
	s.settle(ctx, o)
	s.at("settled")
	return r.code != 0
}

// prepare finds out what is to be sent, and how.
func (s *Sender) prepare(ctx context.Context, d store.Delivery) (e store.Endpoint, body string, secrets []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, writing)
	defer cancel()
	if e, err = s.o.Store.Endpoint(ctx, d.Org, d.URL); err != nil || e.Disabled != nil {
		return e, "", nil, err
	}
	if secrets, err = s.o.Secrets.signing(ctx, e.WebhookSettings, time.Now()); err != nil {
		return e, "", nil, err
	}
	body, err = s.payload(ctx, d)
	return e, body, secrets, err
}

// post sends a delivery once.
func (s *Sender) post(ctx context.Context, d store.Delivery, body string, secrets []string) reply {
	r := reply{at: time.Now()}
	ctx, cancel := context.WithTimeout(ctx, s.t.Timeout)
	defer cancel()
	err := s.exchange(ctx, d, body, secrets, &r)
	r.took = time.Since(r.at)
	switch {
	case err == nil && r.code/100 == 2:
		r.outcome = outcomeDelivered
		return r
	case err == nil:
		r.outcome, r.err = outcomeRefused, fmt.Sprintf("the endpoint answered %d %s", r.code, http.StatusText(r.code))
		return r
	case errors.Is(err, ErrForbidden):
		r.outcome = outcomeForbidden
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		r.outcome, r.err = outcomeTimeout, fmt.Sprintf("no answer within %v", s.t.Timeout)
		return r
	default:
		r.outcome = outcomeUnreachable
	}
	var named *url.Error
	if errors.As(err, &named) {
		err = named.Err // without the URL, which may have a secret in it
	}
	r.err = cut(err.Error(), maxError)
	return r
}

// exchange makes the request and reads the answer. Once there is a status, it counts, whatever comes of the body.
func (s *Sender) exchange(ctx context.Context, d store.Delivery, body string, secrets []string, r *reply) error {
	if err := CheckURL(d.URL); err != nil {
		return fmt.Errorf("%w: the URL %w", ErrForbidden, err)
	}
	signature, err := Sign(d.ID, r.at.Unix(), []byte(body), secrets...)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {agent},
		"Webhook-Id": {d.ID}, "Webhook-Timestamp": {strconv.FormatInt(r.at.Unix(), 10)}, "Webhook-Signature": {signature},
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what came of it, if it breaks off
	r.code, r.answer = resp.StatusCode, cut(string(text), maxAnswer)
	if r.code == http.StatusTooManyRequests || r.code == http.StatusServiceUnavailable {
		r.after = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return nil
}

// retryAfter is how long an endpoint asks to be left alone (RFC 9110, section 10.2.3): seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(text); err == nil {
		d = time.Duration(min(n, int(mostAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), mostAfter)
}

// verdict is what is to be done after a try.
func (s *Sender) verdict(d store.Delivery, e store.Endpoint, r reply) store.Outcome {
	o := store.Outcome{
		Delivery: d, Status: store.DeliveryFailed, Code: r.code, Error: r.err, At: r.at.Add(r.took),
		Attempt: &store.DeliveryAttempt{Created: r.at, Took: r.took, Code: r.code, Error: r.err, Answer: r.answer},
	}
	switch {
	case r.err == "":
		o.Status = store.DeliveryDelivered
	case !e.Redelivery || d.Kind == store.WebhookTest: // one try, as the contract has it
	case r.code == http.StatusGone:
		o.Disable = r.err
	case d.Tries < len(s.t.Retries):
		o.Status, o.Due = store.DeliveryPending, o.At.Add(max(s.t.Retries[d.Tries], r.after))
	}
	return o
}

// settle writes an outcome down, trying for as long as the delivery is this node's.
func (s *Sender) settle(ctx context.Context, o store.Outcome) {
	ctx, cancel := context.WithDeadline(ctx, o.Delivery.Due)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := s.o.Store.SettleDelivery(ctx, o)
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
			s.o.Log.Warn("what became of a webhook is not written down: it will be sent again", "delivery", o.Delivery.ID, "error", err)
			return
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
}

func (s *Sender) observe(d store.Delivery, r reply) {
	if s.o.Observe != nil {
		s.o.Observe(d.Kind, r.outcome, r.took)
	}
}

// cut is the beginning of a text that others have written, as far as databases and logs take it.
func cut(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "")
}
