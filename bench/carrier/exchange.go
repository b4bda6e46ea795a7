package carrier

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// An Exchange is the other side of Twilio: its REST API, by which a server has calls placed, and the telephone network behind it.
//
//	POST Calls.json ──▶ ring log ──▶ a callee: busy, gone, or answers ──▶ Url (signed) ──▶ TwiML ──▶ session, as of a Call
//	                        │            └──────── StatusCallback (signed) ──────────▶
//	GET Calls.json, Calls/CA….json ◀── what there is        POST Calls/CA….json ──▶ hung up, or led to <Dial>, or into a room: <Conference>
//
// Every call that rings is written to Rings before anything is answered, so that nothing can ring unseen. It is an http.Handler; Close
// hangs up on everybody. Fields are not changed after the first request. It is Twilio, or by its Kind another carrier with another API.
type Exchange struct {
	AccountSID, AuthToken string // of the one account there is; AuthToken is what its API wants

	Kind        Kind               // default: Twilio
	REST        Face               // whose API it has; default: its Kind's
	Key         ed25519.PrivateKey // of Telnyx: signs webhooks, which AuthToken does elsewhere
	Application string             // of Telnyx: the only one that calls are placed by; of Exotel: the flow that they are connected to
	Applet      string             // of Exotel: the URL that the applet of that flow has; Signing is the user and the password in it
	Verify      *rsa.PublicKey     // of Vonage: proves the tokens of requests, in place of AuthToken
	Signing     string             // signs webhooks where AuthToken does not: Vonage's signature secret, SignalWire's signing key; empty: AuthToken
	Lag         time.Duration      // so late calls are in lists and can be looked at, where a carrier warns of that: Telnyx

	Numbers map[string]string // the account's phone numbers, each with the voice URL that its calls go to

	Connect string                 // as of a Call: host:port of all that the account's URLs name; empty: they are connected to as they say
	Callee  func(to string) Callee // who answers a number; nil: the zero Callee
	Fault   func(to string) Fault  // what befalls a request to place a call to a number; nil: nothing
	Leading func(to string) Fault  // of Twilio: what befalls one to lead a live call elsewhere: LostAnswer, Broken, TooMany or Refused; nil: nothing
	Library Library                // where the recordings of callees' scripts are
	Rings   io.Writer              // one line of JSON (a Ring) for each call that rings; nil: none
	Ended   func(*Result, error)   // told of each call that was answered, once it is over; nil: nobody asks
	Met     func(room string)      // told of each conference, once calls talk in it; nil: nobody asks
	Log     *slog.Logger           // nil: none

	rooms  rooms
	mu     sync.Mutex
	calls  []*outward
	work   sync.WaitGroup
	closed bool
}

// A Callee is how a number behaves.
type Callee struct {
	Rings   time.Duration // before it answers, or is found to be busy
	Outcome string        // busy, no-answer, failed; empty: it answers
	Script  []Step        // of whoever answers; none: says nothing for ten minutes
	Stepped func(int)     // as of a Call
	Party   string        // what machine detection finds, where it is asked for: human, machine_start, ...; empty: human
	Untold  bool          // nothing of the call is told to StatusCallback: the network has lost it
}

// A Fault is what befalls a request to place a call.
type Fault string

// The faults.
const (
	Unheard    Fault = "unheard"     // the connection is cut before the request is looked at: nothing rings
	LostAnswer Fault = "lost_answer" // it rings, and the connection is cut instead of an answer
	LateAnswer Fault = "late_answer" // it rings, and the answer comes when nobody waits for it any more
	Broken     Fault = "broken"      // 500, and nothing rings
	BrokenRang Fault = "broken_rang" // 500, and it rings all the same
	TooMany    Fault = "too_many"    // 429
	Refused    Fault = "refused"     // 400: the number is no good
)

// A Ring is a line of the ring log.
type Ring struct {
	At    time.Time `json:"at"`
	To    string    `json:"to"`
	From  string    `json:"from"`
	SID   string    `json:"sid"`
	Voice string    `json:"voice"` // the URL that the call asks when it is answered
}

// outward is a placed call.
type outward struct {
	sid, to, from string
	voice, status string // URLs
	fallback      string // another
	detected      string // a URL that is told who has answered; empty: nobody asks
	events        []string
	ring          time.Duration // at most
	made          time.Time
	state         string
	over          chan struct{}
	hangUp        context.CancelFunc
	next          chan []element // the document that is to take over from what goes on
	untold        bool
	putDown       bool // by whoever was called
	sequence      int
}

// place takes a request for a call. It rings before it is answered.
func (x *Exchange) place(form url.Values) (*outward, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, http.ErrServerClosed
	}
	ctx, cancel := context.WithCancel(context.Background())
	seconds, err := strconv.Atoi(cmp.Or(form.Get("Timeout"), "60"))
	if err != nil {
		seconds = 60
	}
	c := &outward{
		sid: dialects[cmp.Or(x.Kind, Twilio)].call(), to: form.Get("To"), from: form.Get("From"), voice: form.Get("Url"), status: form.Get("StatusCallback"), fallback: form.Get("FallbackUrl"), detected: form.Get("AsyncAmdStatusCallback"),
		events: form["StatusCallbackEvent"], ring: time.Duration(seconds) * time.Second, made: time.Now(), state: "queued",
		over: make(chan struct{}), hangUp: cancel, next: make(chan []element, 1),
	}
	if x.Rings != nil {
		line, err := json.Marshal(Ring{c.made, c.to, c.from, c.sid, c.voice})
		if err == nil {
			_, err = x.Rings.Write(append(line, '\n'))
		}
		if err != nil {
			cancel()
			return nil, fmt.Errorf("write ring log: %w", err)
		}
	}
	x.calls = append(x.calls, c)
	x.work.Go(func() {
		defer cancel()
		defer close(c.over)
		x.live(ctx, c)
	})
	return c, nil
}

// live is a placed call's life.
func (x *Exchange) live(ctx context.Context, c *outward) {
	who := Callee{}
	if x.Callee != nil {
		who = x.Callee(c.to)
	}
	c.untold = who.Untold
	p := &placed{Call: x.call(c, who), outward: true, rooms: &x.rooms, met: x.Met, result: &Result{CallSID: c.sid, From: c.from, To: c.to}}
	p.http = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DialContext: p.dial}}
	defer p.http.CloseIdleConnections()
	var err error
	if p.prompts, err = x.Library.load(p.Script); err != nil {
		x.log().Error("a callee's script cannot be played", "to", c.to, "error", err)
		who.Outcome = "failed"
	}
	x.tell(p, c, "initiated", "initiated")
	x.tell(p, c, "ringing", "ringing")
	wait := time.NewTimer(min(who.Rings, c.ring))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		x.tell(p, c, "completed", "canceled")
		return
	}
	switch {
	case who.Rings >= c.ring:
		x.tell(p, c, "completed", "no-answer")
		return
	case who.Outcome != "":
		x.tell(p, c, "completed", who.Outcome)
		return
	}
	x.tell(p, c, "answered", "in-progress")
	if c.detected != "" {
		p.callbacks.Go(func() {
			p.callback("machine detection", http.MethodPost, c.detected, url.Values{
				"AccountSid": {x.AccountSID}, "CallSid": {c.sid}, "AnsweredBy": {cmp.Or(who.Party, "human")}, "MachineDetectionDuration": {"2400"},
			})
		})
	}
	err = p.close(c.lives(ctx, p))
	if ctx.Err() != nil {
		p.end(x.ended(c))
	}
	p.callbacks.Wait()
	x.tell(p, c, "completed", "completed")
	if err != nil {
		x.log().Debug("placed call", "to", c.to, "sid", c.sid, "error", err)
	}
	if x.Ended != nil {
		p.result.Warnings = p.warnings
		x.Ended(p.result, err)
	}
}

// ended is who has hung up a call: whoever was called, or the server by the API.
func (x *Exchange) ended(c *outward) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c.putDown {
		return "caller"
	}
	return "agent"
}

// lead has another document take over from what goes on. Of several the last one counts.
func (c *outward) lead(verbs []element) {
	for {
		select {
		case c.next <- verbs:
			return
		case <-c.next:
		}
	}
}

// lives follows what an answered call is told to do, and leaves it for what it is told meanwhile.
func (c *outward) lives(ctx context.Context, p *placed) error {
	do := func(ctx context.Context) error {
		if p.Kind == Vonage {
			return p.placeByNCCO(ctx)
		}
		if p.Kind == Exotel {
			return p.placeByApplet(ctx)
		}
		return p.follow(ctx, c.voice, url.Values{"CallStatus": {"in-progress"}})
	}
	for {
		going, leave := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- do(going) }()
		var verbs []element
		var err error
		select {
		case err = <-done: // a document that came before the end counts
			select {
			case verbs = <-c.next:
			default:
			}
		case verbs = <-c.next:
			leave()
			err = <-done
		}
		leave()
		if verbs == nil || err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		do = func(ctx context.Context) error {
			base, err := url.Parse(c.voice)
			if err == nil {
				_, err = p.perform(ctx, verbs, base)
			}
			return err
		}
	}
}

// call is what the machinery of calls needs to know.
func (x *Exchange) call(c *outward, who Callee) Call {
	script := who.Script
	if script == nil {
		script = []Step{{Verb: Silent, For: 10 * time.Minute}}
	}
	return Call{
		URL: c.voice, Fallback: c.fallback, Connect: x.Connect, AccountSID: x.AccountSID, AuthToken: cmp.Or(x.Signing, x.AuthToken), Kind: x.Kind, Key: x.Key, From: c.from, To: c.to, Script: script, Stepped: who.Stepped,
		MaxLength: 10 * time.Minute, Log: x.log(),
	}
}

// tell puts a call in a state, and tells whoever has asked for the event.
func (x *Exchange) tell(p *placed, c *outward, event, state string) {
	x.mu.Lock()
	c.state = state
	form := p.form(url.Values{
		"CallStatus": {state}, "CallbackSource": {"call-progress-events"}, "SequenceNumber": {strconv.Itoa(c.sequence)},
		"Timestamp": {time.Now().UTC().Format(time.RFC1123Z)},
	})
	c.sequence++
	x.mu.Unlock()
	switch state {
	case "completed":
		form.Set("CallDuration", strconv.Itoa(int(time.Since(c.made).Seconds())))
	case "busy":
		form.Set("SipResponseCode", "486")
	case "failed":
		form.Set("SipResponseCode", "404")
	}
	if c.status != "" && !c.untold && slices.Contains(c.events, event) {
		p.callback(event, http.MethodPost, c.status, form)
	}
}

// HangUp has whoever was called at a number put down their telephone.
func (x *Exchange) HangUp(to string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.calls {
		if c.to == to {
			c.putDown = true
			c.hangUp()
		}
	}
}

// Close hangs up on everybody, takes no more calls, and waits until the last is over.
func (x *Exchange) Close() {
	x.mu.Lock()
	x.closed = true
	for _, c := range x.calls {
		c.hangUp()
	}
	x.mu.Unlock()
	x.work.Wait()
}

func (x *Exchange) log() *slog.Logger {
	if x.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return x.Log
}
