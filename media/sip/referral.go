package sip

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// A referral is that the far end asks us to go on with somebody else (RFC 3515): whoever our agent talks with puts it through (RFC 5589,
// section 6). The leg, its session and its conversation stay.
//
//	old far end ── REFER ──▶ Leg ─▶ judge ── 202 ──▶ place, by the trunk alone ── INVITE ──▶ new far end
//	     ◀── NOTIFY 100, 180, 200 ── report                 goOn: its dialog is the leg's ◀── 200
//	     ◀── BYE, unless it has said so ── part
//
// It is the loop's, but for what whoever places the call reads: that does not change.
type referral struct {
	leg *Leg
	referred
	order  Order
	target gosip.Uri // of the INVITE

	event  string              // of its NOTIFYs
	silent bool                // there are none (RFC 4488)
	taken  bool                // we have said 202
	left   bool                // the far end has said BYE meanwhile
	news   chan *gosip.Request // NOTIFYs, with room for all; closed after the last
	ctx    context.Context     //nolint:containedctx // of the call that is placed: it ends when nobody wants that any more
	drop   context.CancelFunc
	old    *dialog       // whose place another has taken; nil: nobody has. Read when news is closed
	gone   chan struct{} // closed by its BYE
}

// Bounds of referrals.
const (
	mostReferred = 3                // of a call, with those that are declined
	referredRing = 45 * time.Second // how long the new far end may ring
	judging      = 5 * time.Second
	telling      = 5 * time.Second // how long a NOTIFY may wait for its answer; who does not answer is told no more
	farewell     = 2 * time.Second // how long the old far end has for its own BYE
)

var errOften = errors.New("the call has been referred often enough")

// refers takes a REFER of the far end's. Who may have one is not ours to judge (Options.Refer), and takes its time.
func (l *Leg) refers(in *arrival) {
	a := l.agent
	switch {
	case a.o.Refer == nil:
		l.respond(in, gosip.StatusGlobalDecline)
		return
	case l.referral != nil || l.transfer != nil:
		l.respond(in, gosip.StatusRequestPending)
		return
	case l.referrals >= mostReferred:
		l.respond(in, gosip.StatusGlobalDecline, warning(errOften))
		return
	}
	to, err := referTo(in.req)
	if err != nil {
		l.respond(in, gosip.StatusBadRequest, warning(err))
		return
	}
	r := &referral{leg: l, referred: to, event: "refer", silent: strings.EqualFold(value(in.req, "Refer-Sub"), "false")}
	if l.referrals++; l.referrals > 1 {
		r.event += ";id=" + strconv.FormatUint(uint64(in.req.CSeq().SeqNo), 10)
	}
	r.news, r.gone = make(chan *gosip.Request, 3), make(chan struct{})
	r.ctx, r.drop = context.WithCancel(a.ctx)
	l.referral = r
	in.after = func() { r.judge(in) }
}

// warning says in words why a request is refused (RFC 3261, section 20.43).
func warning(err error) header {
	said := strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, err.Error())
	return header{"Warning", `399 parley "` + said[:min(len(said), 200)] + `"`}
}

// judge asks whether the new far end may be called, and has the loop decide.
func (r *referral) judge(in *arrival) {
	l := r.leg
	ctx, cancel := context.WithTimeout(r.ctx, judging)
	defer cancel()
	by, from, err := l.agent.o.Refer(ctx, l.info, r.to())
	decided := make(chan struct{})
	if !l.post(func() {
		defer close(decided)
		l.decide(r, in, Order{Trunk: by, From: from, To: r.user, Ring: referredRing}, err)
	}) {
		l.agent.refuse(in.req, in.tx, gosip.StatusCallTransactionDoesNotExists)
		return
	}
	<-decided
}

// decide answers a REFER that was judged, and has the new far end called if that was in its favour.
func (l *Leg) decide(r *referral, in *arrival, o Order, err error) {
	if l.referral != r { // the call has ended
		l.respond(in, gosip.StatusCallTransactionDoesNotExists)
		return
	}
	if err == nil {
		err = o.check()
	}
	if err == nil {
		r.target, err = l.aim(&r.referred, &o.Trunk)
	}
	if err != nil {
		l.log.Info("a far end may not have the call go on with somebody else", "to", r.to(), "error", err)
		l.conclude(r)
		l.respond(in, gosip.StatusGlobalDecline, warning(err))
		return
	}
	var more []header
	if r.silent {
		more = []header{{"Refer-Sub", "false"}}
	}
	l.respond(in, gosip.StatusAccepted, more...)
	o.Told = func(n News) {
		if n.Ringing {
			l.post(func() { l.tell(r, gosip.StatusRinging) })
		}
	}
	r.order, r.taken = o, true
	l.log.Info("the far end has the call go on with somebody else", "to", r.to(), "trunk", o.Trunk.ID, "attended", r.replaces != nil)
	l.tell(r, gosip.StatusTrying)
	l.agent.work.Go(r.report)
	l.agent.work.Go(r.place)
}

// place calls the new far end. Who is there by then has become the leg's.
func (r *referral) place() {
	l := r.leg
	_, err := l.agent.dial(r.ctx, r.order, func(c *call) { c.referral = r })
	if err == nil {
		return
	}
	l.post(func() {
		if l.referral != r {
			return
		}
		l.log.Info("nobody is there to go on with", "to", r.to(), "error", err)
		l.tell(r, statusOf(err))
		l.conclude(r)
		l.over = l.over || r.left
	})
}

// statusOf is what a far end is told of a call that was not answered.
func statusOf(err error) int {
	var f *Failure
	if !errors.As(err, &f) {
		return gosip.StatusServiceUnavailable
	}
	switch {
	case f.Code >= 300:
		return f.Code
	case f.Outcome == NoAnswer:
		return gosip.StatusRequestTimeout
	case f.Outcome == Cancelled:
		return gosip.StatusRequestTerminated
	case f.Outcome == Incompatible:
		return gosip.StatusNotAcceptableHere
	}
	return gosip.StatusServiceUnavailable
}

// tell has the old far end told how far it is. It is the loop's, as all are that make requests of a dialog.
func (l *Leg) tell(r *referral, status int) {
	if r.silent || l.referral != r {
		return
	}
	req := l.dialog.request(gosip.NOTIFY)
	state := "active;expires=" + seconds(time.Minute)
	if status >= 200 {
		state = "terminated;reason=noresource"
	}
	for _, h := range []header{{"Event", r.event}, {"Subscription-State", state}, {"Content-Type", "message/sipfrag;version=2.0"}} {
		req.AppendHeader(gosip.NewHeader(h.name, h.value))
	}
	req.SetBody([]byte("SIP/2.0 " + strconv.Itoa(status) + " " + reasonOf(status) + "\r\n"))
	select {
	case r.news <- req:
	default: // there is room for all that are sent: trying, ringing and the end
	}
}

// conclude ends a referral, and lets another begin.
func (l *Leg) conclude(r *referral) {
	l.referral = nil
	r.drop()
	close(r.news)
}

// dismiss ends the referral that is under way, if there is one: nobody is there any more for the new far end.
func (l *Leg) dismiss() {
	if r := l.referral; r != nil {
		l.tell(r, gosip.StatusRequestTerminated)
		l.conclude(r)
	}
}

// report tells the old far end what there is to be told, one after the other, and sees it leave.
func (r *referral) report() {
	a := r.leg.agent
	deaf := false
	for req := range r.news {
		if deaf {
			continue
		}
		ctx, cancel := context.WithTimeout(a.ctx, telling)
		res, err := a.transact(ctx, req)
		cancel()
		deaf = err != nil || !res.IsSuccess() // RFC 6665, section 4.2.2
	}
	if r.old != nil && !r.left {
		a.part(r.old, r.gone)
	}
}

// part waits until an old far end has said BYE, and says it if it has not (RFC 5589, section 6.1).
func (a *Agent) part(old *dialog, gone <-chan struct{}) {
	wait := time.NewTimer(farewell)
	defer wait.Stop()
	select {
	case <-gone:
	case <-wait.C:
	case <-a.ctx.Done():
	}
	a.mu.Lock()
	_, there := a.parting[old.dialogKey]
	delete(a.parting, old.dialogKey)
	a.forget(old.call)
	a.mu.Unlock()
	if there {
		a.bye(old)
	}
}

// departs takes the BYE of an old far end; false: the request is none.
func (a *Agent) departs(req *gosip.Request, tx *gosip.ServerTx) bool {
	if req.Method != gosip.BYE {
		return false
	}
	a.mu.Lock()
	gone := a.parting[dialogOf(req)]
	delete(a.parting, dialogOf(req))
	a.mu.Unlock()
	if gone == nil {
		return false
	}
	a.answer(req, tx, verdict{status: gosip.StatusOK})
	close(gone)
	return true
}

// left takes in that the far end has said BYE: the call is over, unless it is to go on with somebody who is being called. The agent waits for
// that one, as on hold.
func (l *Leg) left() {
	r := l.referral
	if r == nil || !r.taken {
		l.over = true
		return
	}
	r.left = true
	l.timer.stop()
	if err := l.voice.rest(); err != nil {
		l.log.Debug("the session does not rest", "error", err)
	}
}

// deserted says that the far end has left, and the next one is not there yet.
func (l *Leg) deserted() bool { return l.referral != nil && l.referral.left }
