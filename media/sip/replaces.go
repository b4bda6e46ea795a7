package sip

import (
	"errors"
	"slices"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// A successor is who wants to take the place of a call's far end (RFC 3891): a telephone that a call is handed to, or that picks it up.
//
//	old far end ══ dialog ══ Leg ══ the same conversation
//	     ▲ BYE                ║
//	new far end ── INVITE, Replaces ──▶ 200 ══ dialog
type successor struct {
	dialogKey      // of the dialog that is to end, from our side
	early     bool // it is to end only if it has not been answered
}

var (
	errManyReplaced = errors.New("it replaces more than one dialog")
	errBadReplaced  = errors.New("its Replaces names no dialog")
)

// replaces reads whose place a request wants to take (RFC 3891, section 6.1); nil: nobody's.
func replaces(req *gosip.Request) (*successor, error) {
	all := req.GetHeaders("Replaces")
	if len(all) == 0 {
		return nil, nil
	}
	if len(all) > 1 {
		return nil, errManyReplaced
	}
	return parseReplaces(all[0].Value())
}

// parseReplaces reads which dialog is to end.
func parseReplaces(text string) (*successor, error) {
	var s successor
	call, params, _ := strings.Cut(text, ";")
	s.call = strings.TrimSpace(call)
	for p := range strings.SplitSeq(params, ";") {
		name, is, _ := strings.Cut(p, "=")
		switch is = strings.TrimSpace(is); strings.ToLower(strings.TrimSpace(name)) {
		case "to-tag":
			s.local = is
		case "from-tag":
			s.remote = is
		case "early-only":
			s.early = true
		}
	}
	if s.call == "" || s.local == "" || s.remote == "" || strings.ContainsAny(s.call+s.local+s.remote, ", \t") {
		return nil, errBadReplaced
	}
	return &s, nil
}

// misplaced says that a request has a Replaces that it must not have: only an INVITE that opens a dialog may (RFC 3891, section 3).
func misplaced(req *gosip.Request, within bool) bool {
	return (within || req.Method != gosip.INVITE) && len(req.GetHeaders("Replaces")) > 0
}

// succeeded takes an INVITE of a successor. Like invited, it returns when the far end has acknowledged what we answered.
func (a *Agent) succeeded(req *gosip.Request, tx *gosip.ServerTx, who caller, s *successor) {
	a.mu.Lock()
	l := a.legs[s.dialogKey]
	a.mu.Unlock()
	if l == nil || !l.held.Load() { // one that still rings here is no successor's: it was not opened by us
		a.refuse(req, tx, gosip.StatusCallTransactionDoesNotExists)
		return
	}
	come := make(chan handover, 1)
	l.post(func() { l.attend(func() { come <- l.handOver(req, who, s.early) }) })
	var change handover
	select {
	case change = <-come:
	case <-l.gone:
		a.refuse(req, tx, gosip.StatusCallTransactionDoesNotExists)
		return
	}
	if change.res == nil {
		a.answer(req, tx, change.refused)
		return
	}
	ack := l.confirmed(change.res, tx, req)
	a.bye(change.old) // whatever has come of it: nobody is there any more for the old far end
	if ack == nil {
		_ = l.Hangup(media.CauseCarrier)
		return
	}
	if change.late {
		if err := l.settle(ack.Body()); err != nil {
			l.log.Info("the call cannot be held with who has taken it over", "error", err)
			_ = l.Hangup(media.CauseCarrier)
		}
	}
	l.known()
}

// attend does something when the far end has acknowledged our last answer: it is about to, or else is not waited for.
func (l *Leg) attend(f func()) {
	select {
	case <-l.acked:
		if !l.changes.answering {
			f()
			return
		}
	default:
	}
	if l.changes.next != nil {
		f()
		return
	}
	l.changes.next = f
}

// A handover is what a successor is answered.
type handover struct {
	res     *gosip.Response // nil: refused
	late    bool            // their description comes with the ACK
	old     *dialog         // that is over
	refused verdict
}

// handOver gives the call to a successor: its dialog is the leg's from now on, and what was agreed with the old far end holds no more. It is
// the loop's. What is refused leaves the call as it was.
func (l *Leg) handOver(req *gosip.Request, who caller, early bool) (h handover) {
	if h.refused = l.yields(who, early); h.refused.status != 0 {
		return h
	}
	a := l.agent
	face, terms, err := a.terms(req, who)
	if err != nil {
		l.log.Warn("a call is not handed over", "error", err)
		return handover{refused: verdict{status: gosip.StatusInternalServerError}}
	}
	timer, refused := sessionTimer{}.negotiate(req, a.o.Session)
	if refused.status != 0 {
		return handover{refused: refused}
	}
	next := l.voice.towards(terms)
	body, late, err := next.describe(req)
	if err != nil {
		l.log.Info("a call is not handed over", "error", err)
		return handover{refused: verdict{status: status(err)}}
	}
	old := l.dialog
	l.dialog = callee(req, face)
	a.mu.Lock()
	delete(a.legs, old.dialogKey)
	a.forget(old.call)
	a.legs[l.dialog.dialogKey] = l // our half of its name is new
	a.known[l.dialog.call]++
	a.mu.Unlock()
	l.voice.take(next)
	l.timer.stop()
	l.timer, l.acked = timer, make(chan struct{})
	l.timer.begin()
	l.changes = changes{answering: true, updates: has(req, "Allow", "UPDATE")}
	l.transferred(l.transfer, errTakenOver)
	from := fromNumber(req, who.trunk != nil)
	l.log.Info("another far end has taken the call over", "now", l.dialog.call, "from", from)
	if !dialable.MatchString(from) {
		from = "" // it goes to a model
	}
	l.voice.session.Note(media.Note{Kind: media.Moved, To: from})
	return handover{res: l.accept(req, body), late: late, old: old}
}

var errTakenOver = errors.New("another far end has taken the call over")

// yields says whether the call may be given to a successor; a status: it may not. Whom it does not concern learns nothing of it.
func (l *Leg) yields(who caller, early bool) (refused verdict) {
	gone, pending := l.over || l.deserted(), l.changes.asking || l.changes.answering || l.referral != nil
	select {
	case <-l.hung:
		gone = true
	default:
	}
	select {
	case <-l.acked:
	default:
		pending = true
	}
	ours := len(l.info.Owners) == 0 && len(who.owners) == 0 ||
		slices.ContainsFunc(l.info.Owners, func(org string) bool { return slices.Contains(who.owners, org) })
	switch {
	case gone, !ours:
		refused.status = gosip.StatusCallTransactionDoesNotExists
	case (l.info.Line == "") != (who.line == ""), l.trunk != nil && who.trunk != nil && l.trunk.ID != who.trunk.ID:
		refused.status = gosip.StatusForbidden
	case early: // it has been answered (RFC 3891, section 3)
		refused.status = gosip.StatusBusyHere
	case pending:
		refused.status = gosip.StatusRequestPending
	}
	return refused
}
