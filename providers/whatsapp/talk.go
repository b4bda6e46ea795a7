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
	ringTime   = time.Minute      // for which ours ring, unless the order says
	askTime    = 15 * time.Second // for Meta to answer when we call
	lostTime   = 15 * time.Second // for which a call of ours may be heard of, when Meta's answer is lost
	byeTime    = 5 * time.Second  // for telling Meta that we have hung up
	newsTime   = 2 * time.Minute  // for which news are kept of calls that we do not know yet
	mostNews   = 1024             // and of how many
	newsOfOne  = 8                // that wait, of one call
)

// Calls holds the calls of numbers, in both directions. Peers and Talk must be set. Its methods may be called by any goroutine.
//
//	webhook: offered ─▶ Serve: Peers.Answer ─▶ PreAccept ─▶ ICE, DTLS ─▶ Accept ─▶ Talk(leg) ─▶ Terminate
//	Place: Peers.Offer ─▶ Connect ─▶ webhook: answered ─▶ ICE, DTLS ─▶ webhook: accepted ─▶ Talk(leg) ─▶ Terminate
//	webhook: anything else of a call ─▶ News ─▶ the call that waits for it, by its id, or by its tag while Connect is not answered
type Calls struct {
	Peers *webrtc.Peers
	Talk  func(ctx context.Context, leg *webrtc.Leg) // is the conversation: when it returns the call ends. Nobody may use the leg after that

	mu   sync.Mutex
	live map[string]*ongoing // by key
	tags map[string]*ongoing // of ours, by the key of their tag
	past map[string]*early   // calls that are over or not known yet
}

// An ongoing is a call from the moment that its id is known, or that Meta is asked for it.
type ongoing struct {
	news chan *message.Call
	id   chan string   // 1: Meta's id of it, when something is told of it
	done chan struct{} // closed when the far end has ended it
	once sync.Once
	end  *message.Call // that has ended it; set before done is closed
}

func newOngoing() *ongoing {
	return &ongoing{news: make(chan *message.Call, newsOfOne), id: make(chan string, 1), done: make(chan struct{})}
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
	// ErrRefused is of a call of ours that the person did not want.
	ErrRefused = errors.New("the call was rejected")
	// ErrUnanswered is of a call of ours that the person did not take.
	ErrUnanswered = errors.New("the call was not taken")
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
	o := newOngoing()
	c.adopt(id, o)
	return o, true
}

// adopt makes a call known by its key, and tells it what was told of it before. mu is held.
func (c *Calls) adopt(id string, o *ongoing) {
	if c.live == nil {
		c.live = make(map[string]*ongoing)
	}
	c.live[id] = o
	if before := c.past[id]; before != nil {
		for _, n := range before.news {
			o.tell(n)
		}
		before.news = nil
	}
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
// nobody else has news of them. It says whether there is such a call; if not, it may yet come.
func (c *Calls) News(n *message.Call, owners ...string) bool {
	id := key(n.ID, owners)
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.live[id]
	if o == nil && n.Outbound && n.Tag != "" {
		o = c.tags[key(n.Tag, owners)]
	}
	if o != nil {
		o.tell(n)
		return true
	}
	if e := c.keep(id); !e.over && len(e.news) < newsOfOne {
		e.news = append(e.news, n)
	}
	return false
}

// tell hands news on. It does not wait.
func (o *ongoing) tell(n *message.Call) {
	if n.Step == message.CallEnded || n.Step == message.CallRejected {
		o.once.Do(func() { o.end = n; close(o.done) })
	}
	select {
	case o.id <- n.ID:
	default: // it is known
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
