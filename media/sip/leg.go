package sip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// A Leg is one call: a media.Leg and a media.Keypad, whose signalling its loop holds and whose sound its rtp.Session carries.
type Leg struct {
	agent *Agent
	log   *slog.Logger
	info  media.Info
	trunk *Trunk // nil: the call came by none
	voice *voice

	inbox chan *arrival // requests of the dialog; unbuffered: who posts waits
	acks  acks
	do    chan func()   // what our own transactions bring, for the loop to take in
	hung  chan struct{} // closed by the first Hangup
	gone  chan struct{} // closed when the dialog is over
	acked chan struct{} // closed when the far end knows that the call is answered

	verdict  Verdict // of a call that comes in
	once     sync.Once
	cause    media.Cause // of the first Hangup; read after hung is closed
	answered time.Time
	held     atomic.Bool // somebody holds the conversation
	clears   func()      // tests are told of each Clear; nil: nobody is

	// The loop's.
	dialog    *dialog
	over      bool // the dialog has ended: nothing more is to be said
	changes   changes
	transfer  *transfer // nil: none is under way
	referral  *referral // that is under way; nil: none is
	referrals int       // how many there were
	also      []string  // Call-IDs of the far ends that it has gone on with
	timer     sessionTimer
}

var _ interface {
	media.Leg
	media.Keypad
	media.Gauge
	media.Transferrer
	media.Connector
} = (*Leg)(nil)

// An arrival is a request in a dialog. done is closed when the loop has seen to it; after is then done by who has brought it, as it may take
// its time.
type arrival struct {
	req   *gosip.Request
	tx    *gosip.ServerTx
	done  chan struct{}
	after func()
}

// Chunk of a leg over RTP: what is sent is on its way at once, a packet at a time.
const chunk = media.FrameTime

func (a *Agent) leg(d *dialog, v *voice, t *Trunk) *Leg {
	return &Leg{
		agent: a, dialog: d, voice: v, trunk: t, log: a.log.With("sip_call", d.call),
		inbox: make(chan *arrival), do: make(chan func()), hung: make(chan struct{}), gone: make(chan struct{}), acked: make(chan struct{}),
	}
}

// Info is who calls whom. ID is the call's Call-ID.
func (l *Leg) Info() media.Info { return l.info }

// Receive returns the next 20 ms, key or note. io.EOF means that the far end has said BYE.
func (l *Leg) Receive() (media.Packet, error) {
	p, err := l.voice.session.Receive()
	if err != nil && !errors.Is(err, io.EOF) {
		return p, fmt.Errorf("receive: %w", err)
	}
	return p, err
}

// Send sends a packet, at once.
func (l *Leg) Send(f media.Frame) error { return l.voice.session.Send(f) }

// Clear forgets what waits for a packet to be full: nothing else of ours is held anywhere but on its way.
func (l *Leg) Clear() error {
	err := l.voice.session.Clear()
	if l.clears != nil {
		l.clears()
	}
	return err
}

// Press presses a key by RFC 4733 where the far end takes it, else by its sound.
func (l *Leg) Press(key rune, length time.Duration) error { return l.voice.session.Press(key, length) }

// Hangup ends the call: BYE, with the cause as its Reason. It does not wait for the far end.
func (l *Leg) Hangup(cause media.Cause) error {
	l.once.Do(func() {
		l.cause = cause
		close(l.hung)
		_ = l.voice.session.Close() // nobody waits for the ports
	})
	return nil
}

// Quality is how the sound of the call is and was.
func (l *Leg) Quality() media.Quality { return l.voice.session.Quality() }

// An End is a leg of which nothing is left.
type End struct {
	Info     media.Info
	Answered time.Time // zero: never
	Quality  media.Quality
}

// admit makes the leg known: from now on requests in its dialog find it. False: the agent is closed, or the dialog is another leg's.
func (l *Leg) admit() bool {
	a := l.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, taken := a.legs[l.dialog.dialogKey]; a.leaving || taken {
		return false
	}
	a.legs[l.dialog.dialogKey] = l
	a.known[l.dialog.call]++
	return true
}

// name gives the leg its id: its Call-ID, unless a live call has that already, as one that comes back to us does.
func (l *Leg) name() {
	a := l.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	l.info.ID = l.dialog.call
	if a.calls[l.info.ID] != nil {
		l.info.ID += "/" + l.dialog.local
	}
	a.calls[l.info.ID] = l
}

// leave is the end of the leg: its dialog is unknown, and when the conversation is over its port rests.
func (l *Leg) leave() {
	a := l.agent
	a.mu.Lock()
	if a.legs[l.dialog.dialogKey] == l {
		delete(a.legs, l.dialog.dialogKey)
		a.forget(l.dialog.call)
	}
	a.mu.Unlock()
	l.dismiss()
	close(l.gone)
	if !l.held.Load() {
		_ = l.Hangup(media.CauseCaller) // nobody else will
	}
	<-l.hung
	quality := l.voice.session.Quality()
	a.mu.Lock()
	if a.calls[l.info.ID] == l {
		delete(a.calls, l.info.ID)
	}
	for _, call := range l.also {
		delete(a.calls, call)
	}
	a.mu.Unlock()
	if a.o.Ended != nil {
		a.o.Ended(End{l.info, l.answered, quality})
	}
}

// forget counts a Call-ID down. The lock is held.
func (a *Agent) forget(call string) {
	if a.known[call]--; a.known[call] <= 0 {
		delete(a.known, call)
	}
}

// find is the leg of a request in a dialog.
func (a *Agent) find(req *gosip.Request) *Leg {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.legs[dialogOf(req)]
}

// inDialog brings a request to its leg, and waits until it is answered.
func (a *Agent) inDialog(req *gosip.Request, tx *gosip.ServerTx) {
	l := a.find(req)
	if l == nil {
		if !a.departs(req, tx) {
			a.refuse(req, tx, gosip.StatusCallTransactionDoesNotExists)
		}
		return
	}
	in := &arrival{req: req, tx: tx, done: make(chan struct{})}
	select {
	case l.inbox <- in:
	case <-l.gone:
		a.refuse(req, tx, gosip.StatusCallTransactionDoesNotExists)
		return
	}
	select {
	case <-in.done:
	case <-l.gone:
		select {
		case <-in.done:
		default: // it still waited for its turn
			a.refuse(req, tx, gosip.StatusCallTransactionDoesNotExists)
			return
		}
	}
	if in.after != nil {
		in.after()
	}
}

// acked brings an ACK to its leg.
func (a *Agent) acked(req *gosip.Request) {
	if l := a.find(req); l != nil {
		l.acks.bring(req)
	}
}

// acks are those that a leg waits for, by the INVITEs that were answered: the next one may come before the last one's ACK.
type acks struct {
	mu  sync.Mutex
	due map[*gosip.Request]chan *gosip.Request
}

// expect is to be called before an INVITE is answered, done when its ACK is not waited for any more.
func (w *acks) expect(invite *gosip.Request) (ack <-chan *gosip.Request, done func()) {
	c := make(chan *gosip.Request, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.due == nil {
		w.due = map[*gosip.Request]chan *gosip.Request{}
	}
	w.due[invite] = c
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.due, invite)
	}
}

// bring gives an ACK to who waits for it. One that nobody waits for is a repetition.
func (w *acks) bring(ack *gosip.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for invite, c := range w.due {
		if acknowledges(ack, invite) {
			select {
			case c <- ack:
			default:
			}
		}
	}
}

// converse holds the conversation, and sees to it that the call ends with it.
func (a *Agent) converse(l *Leg) {
	defer func() {
		if p := recover(); p != nil {
			a.Stats.Panics.Add(1)
			l.log.Error("call panicked", "panic", p, "stack", stack())
			_ = l.Hangup(media.CausePanic)
			return
		}
		_ = l.Hangup(media.CauseAgent)
	}()
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	select {
	case <-l.voice.session.Secured(): // the first words wait for the keys; what came to nothing, Receive tells
	case <-ctx.Done():
	}
	a.o.Answer(ctx, l)
}
