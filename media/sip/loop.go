package sip

import (
	"context"
	"io"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// run is the loop of an answered call, until both ends have said goodbye.
func (l *Leg) run() {
	defer l.leave()
	defer l.panicked()
	for !l.over {
		select {
		case in := <-l.inbox:
			l.serve(in)
		case f := <-l.do:
			f()
		case <-l.timer.due():
			l.timed()
		case <-l.hung:
			l.goodbye()
		}
	}
	l.voice.session.Finish(io.EOF)
}

// panicked ends the call whose loop has panicked, and no other.
func (l *Leg) panicked() {
	if p := recover(); p != nil {
		l.agent.Stats.Panics.Add(1)
		l.log.Error("call panicked", "panic", p, "stack", stack())
		_ = l.Hangup(media.CausePanic)
	}
}

// serve answers a request in the dialog.
func (l *Leg) serve(in *arrival) {
	if l.waits(in) {
		return
	}
	defer close(in.done)
	d := l.dialog
	if dialogOf(in.req) != d.dialogKey || l.deserted() { // of a far end whose place another has taken meanwhile, or that has said BYE
		l.agent.refuse(in.req, in.tx, gosip.StatusCallTransactionDoesNotExists)
		return
	}
	if !d.hears(in.req) { // it is older than one that has come (RFC 3261, section 12.2.2)
		l.respond(in, gosip.StatusInternalServerError)
		return
	}
	if unknown := requires(in.req); len(unknown) > 0 {
		l.respond(in, gosip.StatusBadExtension, header{"Unsupported", strings.Join(unknown, ", ")})
		return
	}
	switch in.req.Method {
	case gosip.BYE:
		l.respond(in, gosip.StatusOK)
		l.left()
	case gosip.INVITE:
		l.reinvited(in)
	case gosip.UPDATE:
		l.updated(in)
	case gosip.INFO:
		l.informed(in)
	case gosip.REFER:
		l.refers(in)
	case gosip.NOTIFY:
		l.notified(in)
	case gosip.OPTIONS:
		l.respond(in, gosip.StatusOK, header{"Allow", allowed}, header{"Supported", supported}, header{"Accept", "application/sdp"})
	default: // a PRACK of nothing
		l.respond(in, gosip.StatusCallTransactionDoesNotExists)
	}
}

// respond answers a request in the dialog, without a body.
func (l *Leg) respond(in *arrival, status int, more ...header) {
	if status == gosip.StatusMethodNotAllowed {
		more = append(more, header{"Allow", allowed})
	}
	res := reply(in.req, status, more...)
	l.tag(res)
	l.agent.respond(in.tx, res)
}

// post brings something to the loop; false: it has ended.
func (l *Leg) post(f func()) bool {
	select {
	case l.do <- f:
		return true
	case <-l.gone:
		return false
	}
}

// known says that the far end knows that the call is answered: it may be told BYE (RFC 3261, section 15).
func (l *Leg) known() {
	l.post(func() {
		select {
		case <-l.acked:
		default:
			close(l.acked)
			l.concluded()
		}
	})
}

// goodbye says BYE, and stays for what crosses it.
func (l *Leg) goodbye() {
	limit := time.NewTimer(waiting)
	defer limit.Stop()
	l.over = l.over || l.deserted() // nobody is there to say it to
	l.dismiss()
	for known := l.acked; known != nil && !l.over; {
		select {
		case <-known:
			known = nil
		case in := <-l.inbox:
			l.serve(in)
		case f := <-l.do:
			f()
		case <-limit.C:
			known = nil
		case <-l.agent.ctx.Done():
			l.over = true
		}
	}
	if l.over {
		return
	}
	bye := l.dialog.request(gosip.BYE)
	if r := reason(l.cause); r != "" {
		bye.AppendHeader(gosip.NewHeader("Reason", r))
	}
	said := make(chan struct{})
	l.agent.work.Go(func() {
		defer close(said)
		if _, _, err := l.ask(l.agent.ctx, bye); err != nil {
			l.log.Debug("goodbye is not answered", "error", err)
		}
	})
	for waits := true; waits; {
		select {
		case <-said:
			waits = false
		case in := <-l.inbox:
			if in.req.Method == gosip.BYE {
				l.respond(in, gosip.StatusOK)
			} else {
				l.respond(in, gosip.StatusCallTransactionDoesNotExists)
			}
			close(in.done)
		case f := <-l.do:
			f()
		}
	}
	l.over = true
}

// informed takes keys that come by INFO, in the two forms that are about: a word a line, or the key alone.
func (l *Leg) informed(in *arrival) {
	kind, _, _ := strings.Cut(strings.ToLower(value(in.req, "Content-Type")), ";")
	body := strings.TrimSpace(string(in.req.Body()))
	switch strings.TrimSpace(kind) {
	case "application/dtmf-relay":
		if key := signal(body); key != 0 {
			l.voice.session.Digit(key)
		}
	case "application/dtmf":
		if key := keyOf(body); key != 0 {
			l.voice.session.Digit(key)
		}
	case "":
		if body == "" {
			break
		}
		fallthrough
	default:
		l.respond(in, gosip.StatusUnsupportedMediaType, header{"Accept", "application/dtmf-relay, application/dtmf"})
		return
	}
	l.respond(in, gosip.StatusOK)
}

// signal finds the key in "Signal=5", with or without spaces, on a line of its own.
func signal(body string) rune {
	for line := range strings.Lines(body) {
		name, key, ok := strings.Cut(line, "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), "signal") {
			return keyOf(strings.TrimSpace(key))
		}
	}
	return 0
}

// keyOf is a key as INFO has it: * and # are 10 and 11 on some equipment. 0: it is none.
func keyOf(text string) rune {
	switch text {
	case "10":
		return '*'
	case "11":
		return '#'
	}
	if len(text) == 1 && strings.Contains("0123456789*#ABCDabcd", text) {
		return rune(strings.ToUpper(text)[0])
	}
	return 0
}

// bye ends a dialog that is no leg's. It does not wait for the answer.
func (a *Agent) bye(d *dialog) {
	req := d.request(gosip.BYE)
	a.work.Go(func() {
		if _, err := a.transact(a.ctx, req); err != nil {
			a.log.Debug("goodbye is not answered", "sip_call", d.call, "error", err)
		}
	})
}

// transact sends a request that is no INVITE, and waits for its final answer.
func (a *Agent) transact(ctx context.Context, req *gosip.Request) (*gosip.Response, error) {
	tx, err := a.send(ctx, req)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				continue
			}
			a.Stats.count(Out, string(req.Method), res.StatusCode)
			return res, nil
		case <-tx.Done():
			a.Stats.count(Out, string(req.Method), 0)
			return nil, tx.Err()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// send begins a transaction.
func (a *Agent) send(ctx context.Context, req *gosip.Request) (*gosip.ClientTx, error) {
	if err := a.prepare(ctx, req); err != nil {
		return nil, err
	}
	return a.tx.Request(ctx, req)
}

// write sends an ACK, which has no transaction of its own.
func (a *Agent) write(req *gosip.Request) error {
	if err := a.prepare(a.ctx, req); err != nil {
		return err
	}
	return a.ua.TransportLayer().WriteMsg(req)
}
