package sip

import (
	"context"
	"fmt"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// scout calls the new far end of a referral's leg, with a dialog and a description of its own. The session is the leg's, and stays the old far end's
// until somebody has answered (met). The scout itself is a leg that nobody knows of, and holds nothing.
func (c *call) scout(ring context.Context, d *dialog, meant terms, place string) error {
	l := c.referral.leg
	s := c.agent.leg(d, l.voice.towards(meant), &c.order.Trunk)
	s.timer, c.early = sessionTimer{lasts: c.agent.o.Session, caller: true}, nil
	return c.invite(ring, s, place, c.redirects())
}

// redirects is how many times the call may be led elsewhere. One that a far end has asked for goes nowhere but to the trunk.
func (c *call) redirects() int {
	if c.referral != nil {
		return 0
	}
	return c.agent.o.Redirects
}

// mark says in an INVITE whose place we are to take, and who has sent us (RFC 3891, section 4; RFC 3892, section 3).
func (r *referral) mark(req *gosip.Request) {
	if s := r.replaces; s != nil {
		is := s.call + ";to-tag=" + s.local + ";from-tag=" + s.remote
		if s.early {
			is += ";early-only"
		}
		req.AppendHeader(gosip.NewHeader("Require", "replaces")) // who does not know it would take us for one caller more
		req.AppendHeader(gosip.NewHeader("Replaces", is))
	}
	if r.by != "" {
		req.AppendHeader(gosip.NewHeader("Referred-By", r.by))
	}
}

// met gives the scout's far end, which has answered, to the leg. Whom that does not want any more is told BYE.
func (c *call) met(s *Leg, req *gosip.Request, res *gosip.Response) error {
	l, done := c.referral.leg, make(chan error, 1)
	err := error(&Failure{Outcome: Cancelled, Reason: errGone.Error()})
	if l.post(func() { l.quiet(func() { done <- l.goOn(c, s, req, res) }) }) {
		select {
		case err = <-done:
		case <-l.gone:
			select {
			case err = <-done:
			default: // it was still waiting for its turn
			}
		}
	}
	if err != nil {
		s.acknowledge(req)
		c.agent.bye(s.dialog)
	}
	return err
}

// acknowledge says ACK to the answer to an INVITE of ours, with what has proved who we are (RFC 3261, section 13.2.2.4).
func (l *Leg) acknowledge(req *gosip.Request) {
	ack := l.dialog.numbered(gosip.ACK, req.CSeq().SeqNo)
	for _, name := range [...]string{"Authorization", "Proxy-Authorization"} {
		for _, proof := range values(req, name) {
			ack.AppendHeader(gosip.NewHeader(name, proof))
		}
	}
	if err := l.agent.write(ack); err != nil {
		l.log.Debug("an answer is not acknowledged", "error", err)
	}
}

// quiet does something when no change of the session is under way.
func (l *Leg) quiet(f func()) {
	c := &l.changes
	known := false
	select {
	case <-l.acked:
		known = true
	default:
	}
	if known && !c.asking && !c.answering {
		f()
		return
	}
	before := c.next
	c.next = func() {
		if before != nil {
			before()
		}
		l.quiet(f)
	}
}

// goOn makes the scout's far end the leg's. It is the loop's. After an error all is as it was.
func (l *Leg) goOn(c *call, s *Leg, req *gosip.Request, res *gosip.Response) error {
	a, r, old := l.agent, c.referral, l.dialog
	if l.over || l.referral != r || r.ctx.Err() != nil {
		return &Failure{Outcome: Cancelled, Reason: "nobody wants the call any more"}
	}
	body := res.Body()
	if len(body) == 0 {
		body = c.early // reliably (RFC 3262, section 5): it need not be said again
	}
	if err := s.voice.settle(body); err != nil {
		return &Failure{Outcome: Incompatible, Code: gosip.StatusNotAcceptableHere, Reason: fmt.Sprint(err)}
	}
	a.mu.Lock()
	delete(a.legs, old.dialogKey)
	if r.left {
		a.forget(old.call)
	} else {
		a.parting[old.dialogKey] = r.gone
	}
	a.legs[s.dialog.dialogKey], a.calls[s.dialog.call] = l, l
	a.known[s.dialog.call]++
	a.mu.Unlock()
	l.also = append(l.also, s.dialog.call)
	s.acknowledge(req) // the leg is found by what comes of it
	l.tell(r, gosip.StatusOK)
	l.dialog, r.old = s.dialog, old
	l.conclude(r)
	l.voice.take(s.voice)
	l.timer.stop()
	s.timer.agree(res, s.timer.lasts)
	l.timer, l.changes = s.timer, changes{updates: has(res, "Allow", "UPDATE")}
	l.voice.session.Note(media.Note{Kind: media.Moved, To: r.to()})
	l.log.Info("the call goes on with somebody else", "now", l.dialog.call, "to", r.to())
	return nil
}
