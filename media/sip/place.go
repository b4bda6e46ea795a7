package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// An Order is a call to be placed.
type Order struct {
	Trunk  Trunk
	From   string        // shown to whom is called: a number, or a name of letters and digits
	To     string        // likewise
	Ring   time.Duration // how long it may ring; 0: 60 s
	Params map[string]string

	// Told is called as the call goes on: when it rings, when it is answered, before Options.Answer, and when it has failed. It is called on
	// the call's own goroutine; nil: nobody asks.
	Told func(News)
}

// News is what becomes of a call that is being placed.
type News struct {
	ID      string
	Ringing bool     // it rings
	Leg     *Leg     // it was answered
	Failure *Failure // it is over, and was not answered
}

// dialable is what may stand in an address's user part without being escaped, and is not taken for anything else.
var dialable = regexp.MustCompile(`^\+?[0-9A-Za-z][0-9A-Za-z._*-]{0,63}$`)

// Dialable says whether text can be called, or shown as who calls: a number, or letters and digits.
func Dialable(text string) bool { return dialable.MatchString(text) }

// check says what is wrong with an order.
func (o *Order) check() error {
	for field, text := range map[string]string{"to": o.To, "from": o.From} {
		if !dialable.MatchString(text) {
			return fmt.Errorf("%s is %q: want a number, or letters and digits", field, text)
		}
	}
	if !o.Trunk.Outbound {
		return fmt.Errorf("no calls are placed by trunk %q", o.Trunk.Name)
	}
	return nil
}

// A call is one that is being placed.
//
//	run ─▶ dial: host after host ─▶ try ─▶ invite: challenge, longer session, redirect ─▶ transact: one INVITE ─▶ answered ─▶ a Leg
type call struct {
	agent *Agent
	order Order
	id    string // its Call-ID
	local string // our tag, which all of its INVITEs share
	seq   uint32
	hung  context.Context //nolint:containedctx // ends when nobody wants the call any more: it is the call's life
	drop  context.CancelFunc
	tried chan struct{} // closed when it was answered, or will not be
	rings bool          // that has been told
	bound *binding      // of a softphone that is called; nil: the trunk is

	referral *referral // whose new far end is called; nil: the call is one of its own
	early    []byte    // their description, which came before they had answered
}

// Place places a call, and returns its id when it is on its way: what becomes of it is told by Order.Told. When it is answered,
// Options.Answer holds it.
func (a *Agent) Place(o Order) (id string, err error) {
	if err := o.check(); err != nil {
		return "", fmt.Errorf("place call: %w", err)
	}
	c, leaving := a.order(o)
	if leaving || !a.begin(c.run) {
		c.over()
		return "", fmt.Errorf("place call: %w", ErrClosed)
	}
	return c.id, nil
}

// Dial places a call and waits until it is answered: who asks holds the leg, and hangs it up. When ctx ends, the call is given up. The error
// is a *Failure of calls that were placed and not answered.
func (a *Agent) Dial(ctx context.Context, o Order) (*Leg, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("place call: %w", err)
	}
	return a.dial(ctx, o, func(*call) {})
}

// dial places a call to a trunk, or to whom with says, and waits for it.
func (a *Agent) dial(ctx context.Context, o Order, with func(*call)) (l *Leg, err error) {
	c, leaving := a.order(o)
	with(c)
	defer c.over()
	defer func() {
		if p := recover(); p != nil {
			a.Stats.Panics.Add(1)
			a.log.Error("placing a call panicked", "sip_call", c.id, "panic", p, "stack", stack())
			l, err = nil, &Failure{Outcome: Failed, Reason: "an error of ours"}
		}
	}()
	if leaving || !a.enter() {
		return nil, fmt.Errorf("place call: %w", ErrClosed)
	}
	defer a.work.Done()
	defer context.AfterFunc(ctx, c.drop)()
	if l, err = c.dial(); err != nil {
		return nil, fmt.Errorf("place call: %w", err)
	}
	if ctx.Err() != nil && l != nil {
		_ = l.Hangup(media.CauseCancelled)
		return nil, fmt.Errorf("place call: %w", context.Cause(ctx))
	}
	return l, nil
}

// order makes a call that is to be placed known.
func (a *Agent) order(o Order) (c *call, leaving bool) {
	if o.Told == nil {
		o.Told = func(News) {}
	}
	if o.Ring <= 0 {
		o.Ring = time.Minute
	}
	c = &call{agent: a, order: o, id: word() + "@parley", local: word(), tried: make(chan struct{})}
	c.hung, c.drop = context.WithCancel(a.ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.placed[c.id] = c
	a.known[c.id]++
	return c, a.leaving
}

// HangUp ends a call by its id, whatever it does. One that is unknown is over already.
func (a *Agent) HangUp(id string) {
	a.mu.Lock()
	c, l := a.placed[id], a.calls[id]
	a.mu.Unlock()
	if c != nil {
		c.drop()
	}
	if l != nil {
		_ = l.Hangup(media.CauseCancelled)
	}
}

// Placing says whether a call that was placed is still on its way; live, that it was answered and is not over.
func (a *Agent) Placing(id string) (placing, live bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, placing = a.placed[id]
	_, live = a.calls[id]
	return placing && !live, live
}

func (c *call) over() {
	c.drop()
	c.agent.mu.Lock()
	delete(c.agent.placed, c.id)
	c.agent.forget(c.id)
	c.agent.mu.Unlock()
}

// run places the call: to one of the trunk's hosts after another, until one has taken it.
func (c *call) run() {
	defer c.over()
	defer func() {
		if p := recover(); p != nil {
			c.agent.Stats.Panics.Add(1)
			c.agent.log.Error("placing a call panicked", "sip_call", c.id, "panic", p, "stack", stack())
			c.order.Told(News{ID: c.id, Failure: &Failure{Outcome: Failed, Reason: "an error of ours"}})
		}
	}()
	l, err := c.dial()
	if err != nil {
		var f *Failure
		if !errors.As(err, &f) {
			f = &Failure{Outcome: Unreachable, Reason: err.Error()}
		}
		c.agent.log.Info("placed call failed", "sip_call", c.id, "trunk", c.order.Trunk.ID, "outcome", f.Outcome, "code", f.Code, "reason", f.Reason)
		c.order.Told(News{ID: c.id, Failure: f})
		return
	}
	c.order.Told(News{ID: c.id, Leg: l})
	c.agent.converse(l)
}

// dial is run's way to an answered leg.
func (c *call) dial() (*Leg, error) {
	defer close(c.tried)
	t := &c.order.Trunk
	ring, cancel := context.WithTimeout(c.hung, c.order.Ring)
	defer cancel()
	if b := c.bound; b != nil {
		return c.try(ring, b.source, b.contact, 0)
	}
	places, err := c.agent.where(ring, t.Host, t.Port, t.transport())
	if err != nil {
		return nil, err
	}
	target := gosip.Uri{Scheme: "sip", User: c.order.To, Host: bracketed(t.Host), Port: t.Port}
	if c.referral != nil {
		target = c.referral.target
	}
	for i, place := range places {
		l, err := c.try(ring, place, target, c.redirects())
		if err == nil {
			return l, nil
		}
		var f *Failure
		if last := i == len(places)-1; last || ring.Err() != nil || errors.As(err, &f) && f.Outcome != Unreachable && f.Outcome != Overloaded {
			return nil, err
		}
	}
	return nil, errNoAddress
}

// bracketed is a host as an address of SIP has it.
func bracketed(host string) string {
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		return "[" + host + "]"
	}
	return host
}

// try places the call to one address of the trunk.
func (c *call) try(ring context.Context, place netip.AddrPort, target gosip.Uri, redirects int) (*Leg, error) {
	a, t := c.agent, &c.order.Trunk
	transport := t.transport()
	if err := a.reach(ring, transport, place, t.Host); err != nil {
		return nil, &Failure{Outcome: Unreachable, Reason: err.Error()}
	}
	face, err := a.face(transport, place.Addr())
	if err != nil {
		return nil, err
	}
	meant := terms{face: face.Addr(), peer: place.Addr(), codecs: a.codecs(t), crypto: a.crypto(transport), symmetric: t.Symmetric}
	if c.referral != nil {
		return nil, c.scout(ring, c.dialog(face, place, target), meant, place.String())
	}
	v, err := a.voice(ring, meant)
	if err != nil {
		return nil, &Failure{Outcome: Failed, Reason: err.Error()}
	}
	l := a.leg(c.dialog(face, place, target), v, t)
	l.info = media.Info{Kind: "sip", From: c.order.From, To: c.order.To, Chunk: chunk, Comfort: true, Outbound: true, Owners: []string{t.Org}, Params: c.order.Params}
	if b := c.bound; b != nil {
		l.trunk, l.info.Line, l.dialog.routes = nil, b.line, b.routes
	}
	l.timer = sessionTimer{lasts: a.o.Session, caller: true}
	close(l.acked)
	l.name()
	err = c.invite(ring, l, place.String(), redirects)
	if err != nil {
		_ = l.Hangup(media.CauseRejected)
		l.leave()
		return nil, err
	}
	return l, nil
}

// dialog is the call's, before anybody has answered.
func (c *call) dialog(face, place netip.AddrPort, target gosip.Uri) *dialog {
	t := &c.order.Trunk
	home := face.Addr().String()
	if t.Username != "" {
		home = t.Host
	}
	from := c.order.From
	if t.CallerID != "" {
		from = t.CallerID
	}
	d := &dialog{
		dialogKey: dialogKey{call: c.id, local: c.local}, face: face, transport: t.transport(), target: target, seq: c.seq,
		self: gosip.Uri{Scheme: "sip", User: from, Host: bracketed(home)}, peer: gosip.Uri{Scheme: "sip", User: c.order.To, Host: bracketed(t.Host)},
	}
	d.contact = d.own(from)
	d.hop = place.String()
	return d
}

// settleOn makes the dialog that of an answer (RFC 3261, section 12.1.2).
func (d *dialog) settleOn(res *gosip.Response, place string) {
	d.remote, _ = res.To().Params.Get("tag")
	d.refreshes(res)
	d.routes = recordRoutes(res)
	for i, j := 0, len(d.routes)-1; i < j; i, j = i+1, j-1 {
		d.routes[i], d.routes[j] = d.routes[j], d.routes[i]
	}
	d.hop = behind(d.target, d.routes, place, d.transport)
}

// most is how many INVITEs one attempt may need: a challenge, a stale nonce, a longer session.
const most = 5

// invite sends INVITEs until one has a final answer that is no challenge.
func (c *call) invite(ring context.Context, l *Leg, place string, redirects int) error {
	offer := l.voice.offer()
	var signed signature
	var last *gosip.Response
	for range most {
		req := l.dialog.request(gosip.INVITE)
		c.seq = l.dialog.seq
		for _, h := range append(asks(l.timer.lasts, ""), header{"Allow", allowed}, header{"Supported", supported}, header{"Content-Type", "application/sdp"}) {
			req.AppendHeader(gosip.NewHeader(h.name, h.value))
		}
		if c.referral != nil {
			c.referral.mark(req)
		}
		if h := signed.header; h.name != "" {
			req.AppendHeader(gosip.NewHeader(h.name, h.value))
		}
		req.SetBody(offer)
		req.SetDestination(place)
		res, err := c.transact(ring, l, req, place)
		if err != nil {
			return err
		}
		last = res
		switch {
		case res.IsSuccess():
			return c.answered(l, req, res, place)
		case res.StatusCode == 401 || res.StatusCode == 407:
			if err := signed.answer(&c.order.Trunk, req, res); err != nil {
				return &Failure{Outcome: Refused, Code: res.StatusCode, Reason: err.Error()}
			}
		case res.StatusCode == 422 && l.longer(res):
		case res.IsRedirection() && redirects > 0:
			return c.redirected(ring, l, res, redirects)
		default:
			return failure(res)
		}
	}
	return failure(last)
}

// longer takes the least session that the far end bears; false: it asks for no longer one.
func (l *Leg) longer(res *gosip.Response) bool {
	n, err := time.ParseDuration(value(res, "Min-SE") + "s")
	if err != nil || n <= l.timer.lasts {
		return false
	}
	l.timer.lasts = n
	return true
}

// failure is a final answer that is no success. The words of it are the far end's.
func failure(res *gosip.Response) *Failure {
	said := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, res.Reason)
	if more := value(res, "X-Twilio-Error"); more != "" {
		said += ": " + more
	}
	if len(said) > 200 {
		said = said[:200]
	}
	return &Failure{Outcome: OutcomeOf(res.StatusCode), Code: res.StatusCode, Reason: said}
}

// answered acknowledges the answer; if both ends cannot agree after all, it hangs up.
func (c *call) answered(l *Leg, req *gosip.Request, res *gosip.Response, place string) error {
	a := c.agent
	l.dialog.settleOn(res, place)
	if c.referral != nil {
		return c.met(l, req, res)
	}
	admitted := l.admit() // the far end may ask something as soon as it has our ACK
	l.acknowledge(req)
	var err error
	if len(res.Body()) > 0 || !l.voice.agreed {
		err = l.voice.settle(res.Body())
	}
	if err == nil && c.hung.Err() != nil {
		err = &Failure{Outcome: Cancelled, Reason: "nobody wants the call any more"}
	}
	if err != nil || !admitted {
		a.bye(l.dialog)
		var f *Failure
		if errors.As(err, &f) {
			return f
		}
		return &Failure{Outcome: Incompatible, Code: res.StatusCode, Reason: fmt.Sprint(err)}
	}
	l.timer.agree(res, l.timer.lasts)
	l.changes.updates = has(res, "Allow", "UPDATE")
	l.answered = time.Now()
	l.info.Rate = l.voice.session.Rate()
	l.voice.begin(a)
	l.held.Store(true)
	if !a.begin(l.run) {
		a.bye(l.dialog)
		return ErrClosed
	}
	return nil
}
