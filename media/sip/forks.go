package sip

import gosip "github.com/emiago/sipgo/sip"

// stray takes an answer that no transaction waits for. A 2xx to an INVITE is either repeated, since our ACK was lost, or of a fork that has
// answered after another one: that call is acknowledged and ended at once (RFC 3261, section 13.2.2.4).
func (a *Agent) stray(res *gosip.Response) {
	seq, from, to := res.CSeq(), res.From(), res.To()
	if seq == nil || seq.MethodName != gosip.INVITE || !res.IsSuccess() || from == nil || to == nil || res.CallID() == nil {
		return
	}
	local, _ := from.Params.Get("tag")
	remote, _ := to.Params.Get("tag")
	call := res.CallID().Value()
	a.mu.Lock()
	l, winner := a.legs[dialogKey{call, local, remote}], a.calls[call]
	a.mu.Unlock()
	if !a.enter() {
		return
	}
	defer a.work.Done()
	switch {
	case l != nil:
		l.post(func() {
			if err := a.write(l.dialog.numbered(gosip.ACK, seq.SeqNo)); err != nil {
				l.log.Debug("an answer is not acknowledged again", "error", err)
			}
		})
	case winner != nil && (winner.info.Outbound || winner.info.ID != call): // it was placed, or a call to its new far end was
		winner.post(func() { winner.outrun(res, local) })
	}
}

// outrun acknowledges the answer of a fork that has come too late, and hangs up on it.
func (l *Leg) outrun(res *gosip.Response, local string) {
	if l.dialog.local != local {
		return
	}
	fork := *l.dialog
	fork.settleOn(res, fork.hop)
	if err := l.agent.write(fork.numbered(gosip.ACK, res.CSeq().SeqNo)); err != nil {
		l.log.Debug("an answer is not acknowledged", "error", err)
	}
	l.agent.bye(&fork)
}
