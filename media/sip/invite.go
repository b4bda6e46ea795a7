package sip

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// attempt is one INVITE of ours on its way to its final answer.
type attempt struct {
	call  *call
	leg   *Leg
	req   *gosip.Request
	tx    *gosip.ClientTx
	place string
	heard bool              // a 1xx has come: only now may it be cancelled (RFC 3261, section 9.1)
	rseq  map[string]uint64 // by the tag of the fork: the last that we have acknowledged (RFC 3262)
}

// transact sends an INVITE and waits for its final answer, however many others come before it. When ring ends it is cancelled.
func (c *call) transact(ring context.Context, l *Leg, req *gosip.Request, place string) (*gosip.Response, error) {
	tx, err := c.agent.send(ring, req)
	if err != nil {
		return nil, &Failure{Outcome: Unreachable, Reason: err.Error()}
	}
	a := &attempt{call: c, leg: l, req: req, tx: tx, place: place, rseq: map[string]uint64{}}
	tx.OnRetransmission(c.agent.stray)
	res, err := a.wait(ring)
	if err != nil {
		tx.Terminate()
		c.agent.Stats.count(Out, "INVITE", 0)
		return nil, err
	}
	c.agent.Stats.count(Out, "INVITE", res.StatusCode)
	return res, nil // the transaction ends by its own timers: what comes again is heard by stray
}

var errSilent = errors.New("the trunk does not answer")

// wait takes answers until the final one.
func (a *attempt) wait(ring context.Context) (*gosip.Response, error) {
	ended, limit := ring.Done(), time.NewTimer(time.Hour)
	defer limit.Stop()
	for {
		select {
		case res := <-a.tx.Responses():
			if !res.IsProvisional() {
				return a.final(ring, res)
			}
			first := !a.heard
			a.heard = true
			a.provisional(res)
			if first && ended == nil {
				a.cancel()
			}
		case <-ended:
			ended = nil
			limit.Reset(waiting)
			if a.heard {
				a.cancel()
			}
		case <-limit.C:
			if ended == nil { // not even the CANCEL was answered
				return nil, a.late()
			}
		case <-a.tx.Done():
			if ring.Err() != nil {
				return nil, a.late()
			}
			return nil, &Failure{Outcome: Unreachable, Reason: errors.Join(errSilent, a.tx.Err()).Error()}
		case <-a.call.agent.ctx.Done():
			return nil, &Failure{Outcome: Cancelled, Reason: ErrClosed.Error()}
		}
	}
}

// late is why a call is over that was cancelled: it rang for too long, or nobody wants it any more.
func (a *attempt) late() error {
	if a.call.hung.Err() != nil {
		return &Failure{Outcome: Cancelled, Reason: "nobody wants the call any more"}
	}
	return &Failure{Outcome: NoAnswer, Reason: "it rang for " + a.call.order.Ring.String()}
}

// final takes the final answer. A 2xx that has crossed our CANCEL is acknowledged, and hung up (RFC 3261, section 9.1).
func (a *attempt) final(ring context.Context, res *gosip.Response) (*gosip.Response, error) {
	if ring.Err() == nil {
		return res, nil
	}
	if !res.IsSuccess() {
		if res.StatusCode == gosip.StatusRequestTerminated || asksAgain(res.StatusCode) {
			return nil, a.late()
		}
		return res, nil
	}
	l := a.leg
	l.dialog.settleOn(res, a.place)
	if err := a.call.agent.write(l.dialog.numbered(gosip.ACK, a.req.CSeq().SeqNo)); err != nil {
		l.log.Debug("an answer is not acknowledged", "error", err)
	}
	a.call.agent.bye(l.dialog)
	return nil, a.late()
}

// asksAgain says that a final status wants another INVITE: with a password, for a longer session, or elsewhere.
func asksAgain(status int) bool {
	return status < 400 || status == gosip.StatusUnauthorized || status == gosip.StatusProxyAuthRequired || status == 422
}

// cancel says CANCEL: the INVITE's own Via, and nothing of a dialog (RFC 3261, section 9.1).
func (a *attempt) cancel() {
	l := a.leg
	d := *l.dialog
	d.remote = ""
	req := d.numbered(gosip.CANCEL, a.req.CSeq().SeqNo)
	req.RemoveHeader("Via")
	req.RemoveHeader("Contact")
	req.PrependHeader(a.req.Via().Clone())
	req.SetTransport(a.req.Transport())
	req.SetDestination(a.place)
	l.agent.work.Go(func() {
		if _, err := l.agent.transact(l.agent.ctx, req); err != nil {
			l.log.Debug("a cancellation is not answered", "error", err)
		}
	})
}

// provisional takes a 1xx: of whichever fork, any number of times.
func (a *attempt) provisional(res *gosip.Response) {
	if res.StatusCode == gosip.StatusTrying {
		return
	}
	if !a.call.rings {
		a.call.rings = true
		a.call.order.Told(News{ID: a.call.id, Ringing: true})
	}
	switch described := len(res.Body()) > 0 && strings.HasPrefix(strings.ToLower(value(res, "Content-Type")), "application/sdp"); {
	case !described:
	case a.call.referral != nil: // the session is still the old far end's
		a.call.early = res.Body()
	default:
		if err := a.leg.voice.settle(res.Body()); err != nil { // early media: of the fork that speaks last
			a.leg.log.Debug("early media is not heard", "error", err)
		}
	}
	if has(res, "Require", "100rel") {
		a.acknowledge(res)
	}
}

// acknowledge says PRACK to a reliable 1xx (RFC 3262, section 4): once, and in order.
func (a *attempt) acknowledge(res *gosip.Response) {
	l := a.leg
	tag, _ := res.To().Params.Get("tag")
	n, err := strconv.ParseUint(value(res, "RSeq"), 10, 32)
	if last, ok := a.rseq[tag]; err != nil || n == 0 || tag == "" || ok && n != last+1 {
		return
	}
	a.rseq[tag] = n
	early := *l.dialog
	early.settleOn(res, a.place)
	l.dialog.seq++ // of the dialog that comes of it too
	a.call.seq = l.dialog.seq
	req := early.numbered(gosip.PRACK, l.dialog.seq)
	req.AppendHeader(gosip.NewHeader("RAck", strconv.FormatUint(n, 10)+" "+strconv.FormatUint(uint64(a.req.CSeq().SeqNo), 10)+" INVITE"))
	l.agent.work.Go(func() {
		if _, err := l.agent.transact(l.agent.ctx, req); err != nil {
			l.log.Debug("a PRACK is not answered", "error", err)
		}
	})
}

// redirected places the call where a 3xx says, in the order of the contacts' q (RFC 3261, section 8.1.3.4).
func (c *call) redirected(ring context.Context, l *Leg, res *gosip.Response, left int) error {
	type contact struct {
		uri gosip.Uri
		q   float64
	}
	var contacts []contact
	for _, h := range res.GetHeaders("Contact") {
		for _, one := range splitList(h.Value()) {
			at := contact{q: 1}
			var params gosip.HeaderParams
			if _, err := gosip.ParseAddressValue(one, &at.uri, &params); err != nil || at.uri.Scheme != "sip" {
				continue
			}
			if text, ok := params.Get("q"); ok {
				at.q, _ = strconv.ParseFloat(text, 64)
			}
			contacts = append(contacts, at)
		}
	}
	slices.SortStableFunc(contacts, func(a, b contact) int { return cmp.Compare(b.q, a.q) })
	if len(contacts) == 0 {
		return failure(res)
	}
	var err error
	for _, at := range contacts[:min(len(contacts), 4)] {
		places, werr := c.agent.where(ring, at.uri.Host, at.uri.Port, l.dialog.transport)
		if werr != nil {
			err = werr
			continue
		}
		l.dialog.target, l.dialog.hop = at.uri, places[0].String()
		if err = c.invite(ring, l, places[0].String(), left-1); err == nil {
			return nil
		}
	}
	return err
}
