package sip

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
	"parley/media/sip/sdp"
)

// An Incoming is a call that has not been answered. Who it comes from has been proved.
type Incoming struct {
	ID       string // its Call-ID: not yet the leg's
	From, To string
	Owners   []string // organisations of the trunk, or of the softphone; none: it came from an open network
	Trunk    string   // its id; empty: none
	User     string   // who has signed; empty: nobody
	Line     string   // the softphone's account that has; empty: none

	// Headers are those of the INVITE that its sender has made up (X-...) or that say where the call has been, by their names as they came.
	Headers map[string]string
}

// A Verdict says what is to become of a call.
type Verdict struct {
	Status     int           // 300 to 699: it is refused so; 0: it is answered
	RetryAfter time.Duration // with 503, 480 and 486: when to come again; 0: not said
	Ring       time.Duration // how long it rings before it is answered
	Early      bool          // the far end is told where its media goes while it still rings (183)
}

// A caller is who calls, as far as that is proved.
type caller struct {
	source netip.AddrPort
	trunk  *Trunk
	owners []string
	signer
}

// invited takes an INVITE that opens a dialog. It returns when the far end has acknowledged what we answered.
func (a *Agent) invited(req *gosip.Request, tx *gosip.ServerTx) {
	if forwards := req.MaxForwards(); forwards != nil && forwards.Val() == 0 {
		a.refuse(req, tx, gosip.StatusTooManyHops)
		return
	}
	if unknown := requires(req); len(unknown) > 0 {
		a.refuse(req, tx, gosip.StatusBadExtension, header{"Unsupported", strings.Join(unknown, ", ")})
		return
	}
	if len(req.Body()) > 0 && !describes(req) {
		a.refuse(req, tx, gosip.StatusUnsupportedMediaType)
		return
	}
	old, err := replaces(req)
	if err != nil {
		a.log.Debug("call refused", "sip_call", req.CallID().Value(), "error", err)
		a.refuse(req, tx, gosip.StatusBadRequest)
		return
	}
	part, first := a.together(req)
	if !first {
		a.Stats.Merged.Add(1)
		a.refuse(req, tx, gosip.StatusLoopDetected)
		return
	}
	defer part()
	who, refused := a.identify(req)
	if refused.status != 0 {
		a.answer(req, tx, refused)
		return
	}
	if old != nil {
		a.succeeded(req, tx, who, old)
		return
	}
	if l := a.receive(req, tx, who); l != nil {
		l.ring(req, tx)
	}
}

// describes says that a body is a session's description.
func describes(req *gosip.Request) bool {
	kind, _, _ := strings.Cut(value(req, "Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/sdp")
}

// together says whether an INVITE is the first of those that are one request that came by different ways (RFC 3261, section 8.2.2.2), and
// forgets it in the end.
func (a *Agent) together(req *gosip.Request) (part func(), first bool) {
	tag, _ := req.From().Params.Get("tag")
	key := req.CallID().Value() + "\n" + tag + "\n" + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)
	branch, _ := req.Via().Params.Get("branch")
	a.mu.Lock()
	defer a.mu.Unlock()
	if is, taken := a.invites[key]; taken && is != branch {
		return nil, false
	}
	a.invites[key] = branch
	return func() {
		a.mu.Lock()
		delete(a.invites, key)
		a.mu.Unlock()
	}, true
}

// identify finds out by whose account a call comes. What it refuses it refuses alike, whatever number was called.
func (a *Agent) identify(req *gosip.Request) (who caller, refused verdict) {
	source, err := netip.ParseAddrPort(req.Source())
	if err != nil {
		return who, verdict{status: gosip.StatusBadRequest}
	}
	who.source = netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
	if a.phones.at(req.From().Address.User, who.source) { // wherever it is: it has a name and a password
		return a.proved(req, who)
	}
	if trunks := a.from(who.source.Addr()); len(trunks) > 0 {
		who.trunk, who.owners = trunks[0], owners(trunks)
		if len(who.owners) > 1 { // who of them it is, the number says
			who.trunk = nil
		}
		return who, verdict{}
	}
	if a.open(who.source.Addr()) {
		return who, verdict{}
	}
	return a.proved(req, who)
}

// proved is who calls by what he has signed.
func (a *Agent) proved(req *gosip.Request, who caller) (caller, verdict) {
	s, refused := a.signed(req, who.source.Addr())
	if refused.status == 0 {
		who.signer, who.owners = s, []string{s.org}
	}
	return who, refused
}

// receive judges a call and makes a leg of it; nil: it has been refused.
func (a *Agent) receive(req *gosip.Request, tx *gosip.ServerTx, who caller) *Leg {
	in := Incoming{ID: req.CallID().Value(), From: fromNumber(req, who.trunk != nil), To: toNumber(req), Owners: who.owners, User: who.user, Line: who.line, Headers: told(req)}
	switch {
	case who.trunk != nil:
		in.Trunk = who.trunk.ID
	case who.line != "":
		in.From = who.user
	}
	v := a.o.Admit(a.ctx, in)
	if v.Status != 0 {
		a.answer(req, tx, v.refusal())
		return nil
	}
	face, t, err := a.terms(req, who)
	if err != nil {
		a.log.Warn("call refused", "sip_call", in.ID, "error", err)
		a.refuse(req, tx, gosip.StatusInternalServerError)
		return nil
	}
	voice, err := a.voice(a.ctx, t)
	if err != nil {
		a.log.Warn("call refused", "sip_call", in.ID, "error", err)
		a.answer(req, tx, busy(gosip.StatusServiceUnavailable, retryLater))
		return nil
	}
	l := a.leg(callee(req, face), voice, who.trunk)
	l.verdict, l.changes.updates = v, has(req, "Allow", "UPDATE")
	l.info = media.Info{Kind: "sip", From: in.From, To: in.To, Chunk: chunk, Comfort: true, Owners: in.Owners, Line: in.Line}
	l.name()
	if !l.admit() {
		a.answer(req, tx, busy(gosip.StatusServiceUnavailable, retryLater))
		l.leave()
		return nil
	}
	return l
}

// terms are those of a call that comes in, and where its far end reaches us.
func (a *Agent) terms(req *gosip.Request, who caller) (face netip.AddrPort, t terms, err error) {
	if face, err = a.face(req.Transport(), who.source.Addr()); err != nil {
		return face, t, err
	}
	t = terms{face: face.Addr(), peer: who.source.Addr(), codecs: a.codecs(who.trunk), crypto: a.crypto(req.Transport())}
	if who.trunk != nil {
		t.symmetric = who.trunk.Symmetric
	}
	return face, t, nil
}

// refusal is a Verdict as an answer.
func (v Verdict) refusal() verdict {
	if v.RetryAfter > 0 {
		return busy(v.Status, int((v.RetryAfter+time.Second-1)/time.Second))
	}
	return verdict{status: v.Status}
}

// codecs are those that a trunk wants, or the Agent's.
func (a *Agent) codecs(t *Trunk) []sdp.Codec {
	if t == nil || len(t.Codecs) == 0 {
		return a.o.Codecs
	}
	var want []sdp.Codec
	for _, name := range t.Codecs {
		for _, c := range a.o.Codecs {
			if strings.EqualFold(c.Name, name) {
				want = append(want, c)
			}
		}
	}
	return want
}

// crypto says whether SRTP with keys in the description is wanted over a transport: such as travel in the clear protect nothing (RFC 4568,
// section 7), and where encryption is only allowed, it is left out then. DTLS, whose keys do not travel, is taken over any.
func (a *Agent) crypto(transport string) sdp.Mode {
	if a.o.SRTP == sdp.Allow && transport != "TLS" {
		return sdp.None
	}
	return a.o.SRTP
}

// toNumber is who is called: by the Request-URI, or by To where that names us and no number.
func toNumber(req *gosip.Request) string {
	to := userOf(&req.To().Address)
	if user := userOf(&req.Recipient); numeric(user) || !numeric(to) {
		return user
	}
	return to
}

// What told takes at most.
const (
	maxTold      = 32
	maxToldBytes = 1024 // of one value
)

// told are the headers of an INVITE that tell more of the call: X-..., User-to-User (RFC 7433), Diversion (RFC 5806) and History-Info (RFC
// 7044). Of a name that is there more than once the first value counts.
func told(req *gosip.Request) map[string]string {
	all := map[string]string{}
	for _, h := range req.Headers() {
		name := h.Name()
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-") && lower != "user-to-user" && lower != "diversion" && lower != "history-info" {
			continue
		}
		if _, twice := all[name]; twice || len(all) == maxTold || len(h.Value()) > maxToldBytes {
			continue
		}
		all[name] = strings.ToValidUTF8(h.Value(), "")
	}
	return all
}

// fromNumber is who calls. A trunk is believed what it asserts (RFC 3325), since caller ids that are withheld may stand there alone.
func fromNumber(req *gosip.Request, trusted bool) string {
	if trusted {
		for _, one := range splitList(strings.Join(values(req, "P-Asserted-Identity"), ",")) {
			var u gosip.Uri
			if _, err := gosip.ParseAddressValue(one, &u, &gosip.HeaderParams{}); err == nil && numeric(userOf(&u)) {
				return userOf(&u)
			}
		}
	}
	return userOf(&req.From().Address)
}

// userOf is whom an address names: its user, or its number (RFC 3966).
func userOf(u *gosip.Uri) string {
	if u.Scheme != "tel" {
		return u.User
	}
	number, _, _ := strings.Cut(u.Raw(), ";")
	return number
}

// numeric says that a user part looks like a number.
func numeric(user string) bool {
	user = strings.TrimPrefix(user, "+")
	return user != "" && strings.Trim(user, "0123456789-.()") == ""
}

// waiting is how long a far end may take to acknowledge what we answered (64*T1, RFC 3261, section 17.2.1).
const waiting = 32 * time.Second

// ring rings, answers, and waits for the ACK. The call begins when media can flow: with the answer, or with an ACK that brings theirs.
func (l *Leg) ring(req *gosip.Request, tx *gosip.ServerTx) {
	a := l.agent
	cancelled := make(chan struct{})
	if !tx.OnCancel(func(*gosip.Request) { close(cancelled) }) { // it has been while the call was judged
		l.ended("cancelled")
		return
	}
	body, late, err := l.voice.describe(req)
	if err != nil {
		l.log.Info("call refused", "error", err)
		l.reject(req, tx, status(err))
		return
	}
	timer, refused := l.timer.negotiate(req, a.o.Session)
	if refused.status != 0 {
		l.rejectWith(req, tx, refused)
		return
	}
	l.timer = timer
	if !l.wait(req, tx, body, cancelled) {
		return
	}
	res := l.accept(req, body)
	acked, done := l.acks.expect(req)
	defer done()
	if a.respond(tx, res) {
		l.ended("cancelled")
		return
	}
	l.answered = time.Now()
	l.timer.begin()
	if !late {
		l.voice.begin(a)
	}
	if !late && !l.start() || !a.begin(l.run) { // nobody can say goodbye any more
		_ = l.Hangup(media.CauseShutdown)
		l.leave()
		return
	}
	l.confirm(res, tx, acked, late)
}

// start begins the conversation; false: the agent is closed.
func (l *Leg) start() bool {
	l.info.Rate = l.voice.session.Rate()
	l.held.Store(true)
	return l.agent.begin(func() { l.agent.converse(l) })
}

// reject refuses a call that has a leg already.
func (l *Leg) reject(req *gosip.Request, tx *gosip.ServerTx, status int) {
	l.rejectWith(req, tx, verdict{status: status})
}

func (l *Leg) rejectWith(req *gosip.Request, tx *gosip.ServerTx, v verdict) {
	_ = l.Hangup(media.CauseRejected)
	res := reply(req, v.status, v.headers...)
	l.tag(res)
	l.agent.respond(tx, res)
	l.leave()
}

// tag gives an answer the dialog's tag.
func (l *Leg) tag(res *gosip.Response) { res.To().Params.Add("tag", l.dialog.local) }

// says is an answer to an INVITE of the far end's, with a description if there is one.
func (l *Leg) says(req *gosip.Request, status int, body []byte, more ...header) *gosip.Response {
	res := reply(req, status, more...)
	l.tag(res)
	res.AppendHeader(&gosip.ContactHeader{Address: l.dialog.contact})
	res.AppendHeader(gosip.NewHeader("Allow", allowed))
	res.AppendHeader(gosip.NewHeader("Supported", supported))
	if body != nil {
		res.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody(body)
	}
	return res
}

// accept is the 200.
func (l *Leg) accept(req *gosip.Request, body []byte) *gosip.Response {
	return l.says(req, gosip.StatusOK, body, l.timer.headers()...)
}

// wait rings for as long as the verdict says, reliably if the far end wants it so (RFC 3262). False: the call came to nothing.
func (l *Leg) wait(req *gosip.Request, tx *gosip.ServerTx, body []byte, cancelled <-chan struct{}) bool {
	status, shown := gosip.StatusRinging, []byte(nil)
	if l.verdict.Early && len(req.Body()) > 0 {
		status, shown = gosip.StatusSessionInProgress, body
	}
	r := l.provisional(req, tx, status, shown)
	r.send()
	answer := time.NewTimer(l.verdict.Ring)
	defer answer.Stop()
	due := answer.C
	for due != nil || !r.settled() {
		select {
		case <-due:
			due = nil
		case <-r.again():
			if !r.repeat() {
				l.reject(req, tx, gosip.StatusGatewayTimeout)
				return false
			}
		case in := <-l.inbox:
			l.early(in, r)
		case <-cancelled:
			l.ended("cancelled")
			return false
		case <-tx.Done():
			l.ended("the transport is gone")
			return false
		case <-l.hung:
			l.reject(req, tx, gosip.StatusTemporarilyUnavailable)
			return false
		case <-l.agent.ctx.Done():
			l.rejectWith(req, tx, busy(gosip.StatusServiceUnavailable, retryLater))
			return false
		}
		if l.over {
			l.reject(req, tx, gosip.StatusRequestTerminated)
			return false
		}
	}
	return true
}

// early answers what comes in a dialog before it is answered.
func (l *Leg) early(in *arrival, r *provisional) {
	defer close(in.done)
	switch in.req.Method {
	case gosip.PRACK:
		l.pracked(in, r)
	case gosip.BYE: // a caller may (RFC 3261, section 15)
		l.respond(in, gosip.StatusOK)
		l.over = true
	case gosip.OPTIONS:
		l.respond(in, gosip.StatusOK)
	default:
		l.respond(in, gosip.StatusRequestPending)
	}
}

// ended is the end of a call that was not answered.
func (l *Leg) ended(why string) {
	l.log.Info("call ended before it was answered", "why", why)
	_ = l.Hangup(media.CauseCaller)
	l.leave()
}

// confirm waits for the ACK of the INVITE that opened the call, and begins the conversation if that does.
func (l *Leg) confirm(res *gosip.Response, tx *gosip.ServerTx, acked <-chan *gosip.Request, late bool) {
	if ack := l.acknowledged(res, tx, acked); ack != nil && late {
		l.opened(ack)
	}
	l.known() // or has had the time for it
}

// confirmed answers an INVITE in the dialog, and returns the ACK. nil: there is none, since the INVITE was cancelled, or the call has ended.
func (l *Leg) confirmed(res *gosip.Response, tx *gosip.ServerTx, req *gosip.Request) *gosip.Request {
	acked, done := l.acks.expect(req)
	defer done()
	if l.agent.respond(tx, res) {
		return nil
	}
	return l.acknowledged(res, tx, acked)
}

// acknowledged sends a 200 again until it is acknowledged (RFC 3261, section 13.3.1.4), and returns the ACK. Without one the call ends.
func (l *Leg) acknowledged(res *gosip.Response, tx *gosip.ServerTx, acked <-chan *gosip.Request) *gosip.Request {
	wait := 500 * time.Millisecond
	again, limit := time.NewTimer(wait), time.NewTimer(waiting)
	defer again.Stop()
	defer limit.Stop()
	for {
		select {
		case ack := <-acked:
			return ack
		case ack := <-tx.Acks(): // with the branch of the INVITE, as some have it
			return ack
		case <-again.C:
			if err := tx.Respond(res); err != nil {
				l.log.Debug("an answer is not sent again", "error", err)
			}
			wait = min(2*wait, 4*time.Second)
			again.Reset(wait)
		case <-limit.C:
			l.log.Info("an answer was not acknowledged")
			_ = l.Hangup(media.CauseCarrier)
			return nil
		case <-l.gone:
			return nil
		case <-l.agent.ctx.Done():
			return nil
		}
	}
}

// opened takes the description that an ACK brings, and begins the conversation.
func (l *Leg) opened(ack *gosip.Request) {
	if err := l.settle(ack.Body()); err != nil {
		l.log.Info("the call cannot be held", "error", err)
		_ = l.Hangup(media.CauseCarrier)
		return
	}
	l.post(func() { l.voice.begin(l.agent) })
	if !l.start() {
		_ = l.Hangup(media.CauseShutdown)
	}
}

// settle is done by the loop, to which the description belongs.
func (l *Leg) settle(answer []byte) (err error) {
	done := make(chan struct{})
	select {
	case l.do <- func() { err = l.voice.settle(answer); close(done) }:
		<-done
		return err
	case <-l.gone:
		return context.Canceled
	}
}
