package sip

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// A provisional is an answer before the answer: told once, or until the far end has acknowledged it by PRACK (RFC 3262).
type provisional struct {
	leg      *Leg
	tx       *gosip.ServerTx
	res      *gosip.Response
	reliable bool
	rseq     uint32
	invite   uint32 // CSeq of the INVITE
	acked    bool
	after    time.Duration
	timer    *time.Timer
	limit    time.Time
}

// provisional is a 1xx to an INVITE: reliable where the far end insists, or where it brings a description and the far end can.
func (l *Leg) provisional(req *gosip.Request, tx *gosip.ServerTx, status int, body []byte) *provisional {
	p := &provisional{leg: l, tx: tx, invite: req.CSeq().SeqNo, limit: time.Now().Add(waiting)}
	p.reliable = has(req, "Require", "100rel") || body != nil && has(req, "Supported", "100rel")
	var more []header
	if p.reliable {
		p.rseq = 1 + rand.Uint32N(1<<31-1)
		more = []header{{"Require", "100rel"}, {"RSeq", strconv.FormatUint(uint64(p.rseq), 10)}}
	}
	p.res = l.says(req, status, body, more...)
	return p
}

func (p *provisional) send() {
	p.leg.agent.respond(p.tx, p.res)
	if p.reliable {
		p.after = 500 * time.Millisecond
		p.timer = time.NewTimer(p.after)
	}
}

// settled says that nothing more is waited for.
func (p *provisional) settled() bool { return !p.reliable || p.acked }

// again rings when it is time to repeat.
func (p *provisional) again() <-chan time.Time {
	if p.timer == nil || p.acked {
		return nil
	}
	return p.timer.C
}

// repeat sends the answer again; false: it has been too long.
func (p *provisional) repeat() bool {
	if time.Now().After(p.limit) {
		return false
	}
	p.leg.agent.respond(p.tx, p.res)
	p.after *= 2
	p.timer.Reset(p.after)
	return true
}

// pracked takes a PRACK (RFC 3262, section 3).
func (l *Leg) pracked(in *arrival, p *provisional) {
	rack := strings.Fields(value(in.req, "RAck"))
	if !l.dialog.hears(in.req) {
		l.respond(in, gosip.StatusInternalServerError)
		return
	}
	fits := len(rack) == 3 && rack[0] == strconv.FormatUint(uint64(p.rseq), 10) &&
		rack[1] == strconv.FormatUint(uint64(p.invite), 10) && strings.EqualFold(rack[2], "INVITE")
	if !p.reliable || p.acked || !fits {
		l.respond(in, gosip.StatusCallTransactionDoesNotExists)
		return
	}
	p.acked = true
	p.timer.Stop()
	l.respond(in, gosip.StatusOK)
}
