package sip

import (
	"context"
	"errors"
	"strconv"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// changes are those of the session that are under way: one at a time (RFC 3261, section 14).
type changes struct {
	asking    bool   // a request of ours is
	answering bool   // an INVITE of theirs is, until its ACK
	next      func() // serves what came before that ACK; nil: nothing did
	updates   bool   // the far end takes UPDATE
}

// waits keeps a change back until the ACK of the one before it is there, which it may have overtaken on its way to us; true: it does.
func (l *Leg) waits(in *arrival) bool {
	c := &l.changes
	if !c.answering || c.asking || c.next != nil || in.req.Method != gosip.INVITE && in.req.Method != gosip.UPDATE {
		return false
	}
	c.next = func() { l.serve(in) }
	return true
}

// concluded takes in that the far end has acknowledged its change, and serves what has waited for that.
func (l *Leg) concluded() {
	next := l.changes.next
	l.changes.answering, l.changes.next = false, nil
	if next != nil && !l.over {
		next()
	}
}

// crossed answers what the far end asks while something is under way; false: nothing is.
func (l *Leg) crossed(in *arrival) bool {
	switch {
	case l.changes.asking:
		l.respond(in, gosip.StatusRequestPending)
	case l.changes.answering:
		l.respond(in, gosip.StatusInternalServerError, header{"Retry-After", strconv.Itoa(retryLater)})
	default:
		return false
	}
	return true
}

// reinvited takes an INVITE in the dialog: another codec or address, hold and resume, or a sign of life. What cannot be agreed on leaves the
// session as it was.
func (l *Leg) reinvited(in *arrival) {
	if l.crossed(in) {
		return
	}
	if len(in.req.Body()) > 0 && !describes(in.req) {
		l.respond(in, gosip.StatusUnsupportedMediaType, header{"Accept", "application/sdp"})
		return
	}
	timer, refused := l.timer.negotiate(in.req, l.agent.o.Session)
	if refused.status != 0 {
		l.respond(in, refused.status, refused.headers...)
		return
	}
	body, late, err := l.voice.describe(in.req)
	if err != nil {
		l.log.Info("a change of the session is refused", "error", err)
		l.respond(in, status(err))
		return
	}
	l.timer = timer
	l.timer.begin()
	l.dialog.refreshes(in.req)
	l.changes.answering = true
	res := l.accept(in.req, body)
	in.after = func() {
		l.confirmChange(res, in, late)
		l.post(l.concluded)
	}
}

// confirmChange sends the 200 of a change until it is acknowledged.
func (l *Leg) confirmChange(res *gosip.Response, in *arrival, late bool) {
	ack := l.confirmed(res, in.tx, in.req)
	if ack == nil || !late {
		return
	}
	if err := l.settle(ack.Body()); err != nil {
		l.log.Info("a change of the session came to nothing", "error", err)
	}
}

// updated takes an UPDATE (RFC 3311): a change without an ACK, or a sign of life.
func (l *Leg) updated(in *arrival) {
	if l.crossed(in) {
		return
	}
	timer, refused := l.timer.negotiate(in.req, l.agent.o.Session)
	if refused.status != 0 {
		l.respond(in, refused.status, refused.headers...)
		return
	}
	var body []byte
	if len(in.req.Body()) > 0 {
		answer, err := []byte(nil), error(nil)
		if !describes(in.req) {
			l.respond(in, gosip.StatusUnsupportedMediaType, header{"Accept", "application/sdp"})
			return
		}
		if answer, err = l.voice.answer(in.req.Body()); err != nil {
			l.respond(in, status(err))
			return
		}
		body = answer
	}
	l.timer = timer
	l.timer.begin()
	l.dialog.refreshes(in.req)
	l.agent.respond(in.tx, l.accept(in.req, body))
}

// refresh tells the far end that we are there: by UPDATE where it takes that, else by an INVITE with what was said before.
func (l *Leg) refresh() {
	method := gosip.INVITE
	if l.changes.updates {
		method = gosip.UPDATE
	}
	req := l.dialog.request(method)
	for _, h := range asks(l.timer.lasts, "uac") {
		req.AppendHeader(gosip.NewHeader(h.name, h.value))
	}
	req.AppendHeader(gosip.NewHeader("Supported", supported))
	req.AppendHeader(gosip.NewHeader("Allow", allowed))
	if method == gosip.INVITE {
		req.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		req.SetBody(l.voice.offer())
	}
	l.changes.asking = true
	l.agent.work.Go(func() {
		res, err := l.transactChange(req)
		l.post(func() { l.refreshed(req, res, err) })
	})
}

// transactChange sends a request of ours that changes the session. The final answer to an INVITE is acknowledged.
func (l *Leg) transactChange(req *gosip.Request) (*gosip.Response, error) {
	ctx, cancel := context.WithTimeout(l.agent.ctx, waiting)
	defer cancel()
	sent, res, err := l.ask(ctx, req)
	if err != nil || req.Method != gosip.INVITE || !res.IsSuccess() {
		return res, err
	}
	l.post(func() {
		l.dialog.refreshes(res)
		l.acknowledge(sent)
	})
	return res, nil
}

// refreshed takes in what came of a refresh.
func (l *Leg) refreshed(req *gosip.Request, res *gosip.Response, err error) {
	l.changes.asking = false
	defer l.concluded()
	switch {
	case err != nil, res.StatusCode == gosip.StatusCallTransactionDoesNotExists, res.StatusCode == gosip.StatusRequestTimeout:
		if err == nil {
			err = errors.New(reasonOf(res.StatusCode))
		}
		l.log.Info("the far end is gone: it does not answer a refresh", "error", err)
		_ = l.Hangup(media.CauseCarrier)
	case res.IsSuccess():
		if req.Method == gosip.INVITE && len(res.Body()) > 0 {
			if serr := l.voice.settle(res.Body()); serr != nil {
				l.log.Info("a refresh changes nothing", "error", serr)
			}
		}
		l.timer.agree(res, l.timer.lasts)
	case res.StatusCode == gosip.StatusRequestPending:
		l.timer.again(glare(l.timer.caller))
	case res.StatusCode == 422:
		if n, cerr := strconv.Atoi(value(res, "Min-SE")); cerr == nil {
			l.timer.lasts = max(l.timer.lasts, time.Duration(n)*time.Second)
		}
		l.timer.again(0)
	case res.StatusCode == gosip.StatusMethodNotAllowed && l.changes.updates:
		l.changes.updates = false
		l.timer.again(0)
	default: // it is there, and does not want to be asked so
		l.timer.begin()
	}
}
