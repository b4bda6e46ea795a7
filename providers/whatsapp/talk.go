package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"parley/media"
	"parley/media/webrtc"
	"parley/providers/message"
)

const (
	answerTime = 45 * time.Second // from a person's call until Meta gives it up, less some
	ringTime   = time.Minute      // for which ours ring
	byeTime    = 5 * time.Second  // for telling Meta that we have hung up
	newsTime   = 2 * time.Minute  // for which news are kept of calls that we do not know yet
	mostNews   = 1024             // and of how many
	newsOfOne  = 8                // that wait, of one call
)

// Calls holds the calls of numbers, in both directions. Peers and Talk must be set. Its methods may be called by any goroutine.
//
//	webhook: offered ─▶ Serve: Peers.Answer ─▶ PreAccept ─▶ ICE, DTLS ─▶ Accept ─▶ Talk(leg) ─▶ Terminate
//	Place: Peers.Offer ─▶ Connect ─▶ webhook: answered ─▶ ICE, DTLS ─▶ webhook: accepted ─▶ Talk(leg) ─▶ Terminate
//	webhook: anything else of a call ─▶ News ─▶ the call that waits for it
type Calls struct {
	Peers *webrtc.Peers
	Talk  func(ctx context.Context, leg *webrtc.Leg) // is the conversation: when it returns the call ends. Nobody may use the leg after that

	mu   sync.Mutex
	live map[string]*ongoing // by key
	past map[string]*early   // calls that are over or not known yet
}

// An ongoing is a call from the moment that its id is known.
type ongoing struct {
	news chan *message.Call
	done chan struct{} // closed when the far end has ended it
	once sync.Once
}

// An early is what was told of a call before we knew of it.
type early struct {
	at   time.Time
	over bool // it was served
	news []*message.Call
}

var (
	// ErrMissed is of a call that came too long ago, or has ended meanwhile.
	ErrMissed = errors.New("the call is over")
	// ErrRefused is of a call of ours that the person did not take.
	ErrRefused = errors.New("the call was not taken")
)

// key is what a call is known by: an id alone would let whoever learns of it end a call of others.
func key(id string, owners []string) string { return strings.Join(owners, " ") + " " + id }

// begin makes a call known; false: it is or was already.
func (c *Calls) begin(id string) (*ongoing, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.past[id]
	if c.live[id] != nil || before != nil && before.over {
		return nil, false
	}
	if c.live == nil {
		c.live = make(map[string]*ongoing)
	}
	o := &ongoing{news: make(chan *message.Call, newsOfOne), done: make(chan struct{})}
	c.live[id] = o
	if before != nil {
		for _, n := range before.news {
			o.tell(n)
		}
	}
	return o, true
}

// end forgets a call, but for that it was.
func (c *Calls) end(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, id)
	c.keep(id).over = true
}

// keep is what is remembered of a call that is not live. mu is held.
func (c *Calls) keep(id string) *early {
	now := time.Now()
	if c.past == nil {
		c.past = make(map[string]*early)
	}
	if e := c.past[id]; e != nil {
		return e
	}
	for other, e := range c.past {
		if now.Sub(e.at) > newsTime || len(c.past) >= mostNews {
			delete(c.past, other)
		}
	}
	e := &early{at: now}
	c.past[id] = e
	return e
}

// News is given all that webhooks tell of calls, but offers. The owners are those of the webhook, who are told of by Info.Owners of their calls:
// nobody else has news of them.
func (c *Calls) News(n *message.Call, owners ...string) {
	id := key(n.ID, owners)
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.live[id]; o != nil {
		o.tell(n)
		return
	}
	if e := c.keep(id); !e.over && len(e.news) < newsOfOne {
		e.news = append(e.news, n)
	}
}

// tell hands news on. It does not wait.
func (o *ongoing) tell(n *message.Call) {
	if n.Step == message.CallEnded || n.Step == message.CallRejected {
		o.once.Do(func() { close(o.done) })
	}
	select {
	case o.news <- n:
	default: // nobody needs more of them
	}
}

// Serve takes a call that was offered, holds it, and returns when it is over; nil also where it is held already. Info says what is known of the
// leg; its ID, From and To are the call's. A call that cannot be taken is rejected.
func (c *Calls) Serve(ctx context.Context, n *Number, info media.Info, e message.Event) error {
	call := e.Call
	if call == nil || call.Step != message.CallOffered {
		return errors.New("serve call: want one that was offered")
	}
	o, fresh := c.begin(key(call.ID, info.Owners))
	if !fresh {
		return nil
	}
	defer c.end(key(call.ID, info.Owners))
	if !e.At.IsZero() && time.Since(e.At) > answerTime {
		return fmt.Errorf("serve call: %w: it came %v ago", ErrMissed, time.Since(e.At).Round(time.Second))
	}
	info.ID, info.From, info.To = call.ID, call.Peer.Address(), e.Line.Number
	peer, err := c.Peers.Answer(ctx, info, call.SDP)
	if err != nil {
		return errors.Join(fmt.Errorf("answer call: %w", err), n.bye(ctx, call.ID, n.Reject))
	}
	defer peer.Close()
	going, stop := o.follow(ctx, peer)
	defer stop()
	leg, err := n.pick(going, peer, call)
	switch {
	case o.ended():
		return fmt.Errorf("serve call: %w", ErrMissed)
	case err != nil:
		return errors.Join(err, n.bye(ctx, call.ID, n.Terminate))
	}
	c.Talk(ctx, leg)
	if o.ended() {
		return nil
	}
	_ = leg.Hangup("")
	return n.bye(ctx, call.ID, n.Terminate)
}

// pick accepts a call when its way is ready, so that no word is lost.
func (n *Number) pick(ctx context.Context, peer *webrtc.Peer, call *message.Call) (*webrtc.Leg, error) {
	if err := n.PreAccept(ctx, call.ID, peer.SDP()); err != nil {
		return nil, fmt.Errorf("answer call: %w", err)
	}
	leg, err := peer.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("answer call: %w", err)
	}
	if err := n.Accept(ctx, call.ID, peer.SDP(), ""); err != nil {
		return nil, fmt.Errorf("accept call: %w", err)
	}
	return leg, nil
}

// follow has the leg end when Meta says that the call has, and is a context that ends then, too.
func (o *ongoing) follow(ctx context.Context, peer *webrtc.Peer) (going context.Context, stop func()) {
	going, cancel := context.WithCancelCause(ctx)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		select {
		case <-o.done:
			peer.Finish()
			cancel(ErrMissed)
		case <-going.Done():
		}
	}()
	return going, func() { cancel(nil); <-followed }
}

// ended says whether the far end has.
func (o *ongoing) ended() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// bye tells Meta that we have hung up, whatever has become of ctx.
func (*Number) bye(ctx context.Context, call string, how func(context.Context, string) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), byeTime)
	defer cancel()
	if err := how(ctx, call); err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}

// Place calls a person who has allowed it, holds the call, and returns when it is over. Info says what is known of the leg, its ID included; From
// and To are the call's. Where the person does not take it the error is ErrRefused.
func (c *Calls) Place(ctx context.Context, n *Number, line message.Line, to message.Party, info media.Info, tag string) error {
	info.From, info.To = line.Number, to.Address()
	peer, err := c.Peers.Offer(ctx, info)
	if err != nil {
		return fmt.Errorf("place call: %w", err)
	}
	defer peer.Close()
	id, err := n.Connect(ctx, to, peer.SDP(), tag)
	if err != nil {
		return fmt.Errorf("place call: %w", err)
	}
	o, fresh := c.begin(key(id, info.Owners))
	if !fresh {
		return &message.Error{Reason: message.Garbled, Message: "the answer names a call that there was already"}
	}
	defer c.end(key(id, info.Owners))
	going, stop := o.follow(ctx, peer)
	defer stop()
	leg, err := o.ring(going, peer)
	if err != nil {
		if o.ended() {
			return ErrRefused
		}
		return errors.Join(err, n.bye(ctx, id, n.Terminate))
	}
	c.Talk(ctx, leg)
	if o.ended() {
		return nil
	}
	_ = leg.Hangup("")
	return n.bye(ctx, id, n.Terminate)
}

// ring waits until a person has accepted our call, and there is a way to them.
func (o *ongoing) ring(ctx context.Context, peer *webrtc.Peer) (leg *webrtc.Leg, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, ringTime, ErrRefused)
	defer cancel()
	for accepted := false; leg == nil || !accepted; {
		select {
		case n := <-o.news:
			switch {
			case n.Step == message.CallAccepted:
				accepted = true
			case n.Step == message.CallAnswered && leg == nil:
				if err := peer.Answered(n.SDP); err != nil {
					return nil, fmt.Errorf("take answer: %w", err)
				}
				if leg, err = peer.Connect(ctx); err != nil {
					return nil, fmt.Errorf("take answer: %w", err)
				}
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the person: %w", context.Cause(ctx))
		}
	}
	return leg, nil
}
