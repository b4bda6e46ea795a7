// Package nodes makes one of several processes that serve from one database: each says that it lives, buries those that do not any more,
// and has done by others what only they can do.
//
//	Run: each 5 s ──▶ store.Beat     I live ─────▶ (buried by mistake? its calls go on)
//	     each 2 s ──▶ store.Bury     who has been silent for 20 s: its calls end, others look into its dials
//	     each 1 s ──▶ store.Errands ─┐
//	     bus.Answer ─────────────────┴──▶ Do        what others ask of this node
//	Tell ──▶ bus.Ask ──▶ nobody answers ──▶ store.SendErrand ──▶ its answer, or ErrSilent
//
// Times are the database's, so that clocks need not agree. A node that dies is buried within 22 s of its death, 25 s on a slow machine. One
// that cannot reach the database is buried too, and loses nothing by it: see store.Nodes. While nobody reaches the database, nobody is
// buried, nor for 20 s after that.
package nodes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"parley/control/bus"
	"parley/pipeline"
	"parley/store"
)

// What a caller of Tell may have to decide by.
var (
	ErrNotLive = errors.New("the call is not live") // on the node that was asked
	ErrSilent  = errors.New("the call's node does not answer")
)

// An Act is what a node can be asked to do.
type Act string

// The acts.
const (
	End    Act = "end"    // end a call, after what is being said
	Cancel Act = "cancel" // end a call at once, as a failure
	Do     Act = "do"     // give a call a command
	LetGo  Act = "let_go" // leave a call whose line was lost to whoever asks; ErrNotLive if it has ended otherwise
	News   Act = "news"   // tell a call what a messaging channel has told of it
)

// An Order asks a node to do something with a call that lives there. To do it twice does no harm.
type Order struct {
	Act     Act               `json:"act"`
	Call    string            `json:"call"`
	Command *pipeline.Command `json:"command,omitempty"` // of Do
	Org     string            `json:"org,omitempty"`     // of News, whose Call is the channel's id of it
	News    string            `json:"news,omitempty"`    // JSON of whoever tells
}

// A Refusal is a call's no to a command: it is live, and cannot carry it out.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

// A Store is what a Node needs of the database.
type Store interface {
	store.Nodes
	store.Errands
}

// Options are what a Node stands on. All but Timing and Log must be set.
type Options struct {
	Store    Store
	Bus      bus.Bus
	Self     store.Node                               // Boot, Node and Version
	Calls    func() int                               // that live here
	Draining func() bool                              // this node takes no new calls
	Do       func(ctx context.Context, o Order) error // carries out what is asked of this node; ErrNotLive
	Timing   Timing
	Log      *slog.Logger // nil: none
}

// Timing is how patient nodes are; the same on all of them. Zeros mean the value given here.
type Timing struct {
	Beat   time.Duration // between two signs of life: 5 s
	Gap    time.Duration // between two signs of a node that is steady, at most: 10 s
	Silent time.Duration // after which a node is buried: 20 s
	Look   time.Duration // between two looks for such: 2 s
	Poll   time.Duration // between two looks for errands: 1 s
	Ask    time.Duration // for an answer by the bus: 2 s
	Errand time.Duration // for an answer by the database: 4 s
}

func (t Timing) orDefaults() Timing {
	return Timing{
		Beat: cmp.Or(t.Beat, 5*time.Second), Gap: cmp.Or(t.Gap, 10*time.Second), Silent: cmp.Or(t.Silent, 20*time.Second),
		Look: cmp.Or(t.Look, 2*time.Second), Poll: cmp.Or(t.Poll, time.Second), Ask: cmp.Or(t.Ask, 2*time.Second), Errand: cmp.Or(t.Errand, 4*time.Second),
	}
}

const (
	glance   = 100 * time.Millisecond // between two looks for an answer
	atOnce   = 16                     // errands that are carried out together
	farewell = 2 * time.Second        // for the last word to the database
)

// A Node is this process among the others. Its methods may be called by any goroutine.
type Node struct {
	o    Options
	t    Timing
	wake chan struct{} // 1: there is something to tell the others

	beaten             atomic.Int64 // when the database last heard of this node, by this one's clock: µs
	buried, reopened   atomic.Int64
	told, silent, sent atomic.Int64
	away               atomic.Bool
}

// New makes a Node.
func New(o Options) *Node {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Node{o: o, t: o.Timing.orDefaults(), wake: make(chan struct{}, 1)}
}

// Run lives among the others until ctx is done. Leave, which is called once the last call's records are written, says that it is over.
func (n *Node) Run(ctx context.Context) error {
	stop, err := n.o.Bus.Answer(bus.NodeCommands(n.o.Self.Boot), n.answer)
	if err != nil {
		return fmt.Errorf("answer other nodes: %w", err)
	}
	defer stop()
	var loops sync.WaitGroup
	loops.Go(func() { n.every(ctx, n.t.Beat, n.wake, n.beat) })
	loops.Go(func() { n.every(ctx, n.t.Poll, nil, n.again) })
	loops.Go(func() { n.every(ctx, n.t.Look, nil, n.bury) })
	loops.Go(func() { n.every(ctx, n.t.Poll, nil, n.errands) })
	loops.Wait()
	return nil
}

// every does something now, then each so often and when it is woken, until ctx is done.
func (n *Node) every(ctx context.Context, interval time.Duration, wake <-chan struct{}, do func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		do(ctx)
		select {
		case <-tick.C:
		case <-wake:
		case <-ctx.Done():
			return
		}
	}
}

// Touch tells the others soon how this node does, such as that it drains.
func (n *Node) Touch() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *Node) vigil() store.Vigil { return store.Vigil{Gap: n.t.Gap, Silent: n.t.Silent} }

func (n *Node) beat(ctx context.Context) {
	own, cancel := context.WithTimeout(ctx, n.t.Beat)
	defer cancel()
	self := n.o.Self
	self.Calls, self.Draining = n.o.Calls(), n.o.Draining()
	reopened, err := n.o.Store.Beat(own, self, n.vigil())
	switch {
	case err == nil:
		n.beaten.Store(time.Now().UnixMicro())
		if n.away.Swap(false) {
			n.o.Log.Info("the database hears of this node again")
		}
	case ctx.Err() == nil && !n.away.Swap(true):
		n.o.Log.Warn("the database does not hear of this node: others may think that it is dead", "after", n.t.Silent, "error", err)
	}
	if reopened > 0 {
		n.reopened.Add(int64(reopened))
		n.o.Log.Warn("calls go on that another node had ended, since it did not hear of this one", "calls", reopened)
	}
}

// again beats at once when the database is there again: records may reach it before the next beat would.
func (n *Node) again(context.Context) {
	if n.away.Load() {
		n.Touch()
	}
}

// bury buries all who are silent.
func (n *Node) bury(ctx context.Context) {
	for ctx.Err() == nil {
		own, cancel := context.WithTimeout(ctx, 10*time.Second)
		b, done, err := n.o.Store.Bury(own, n.o.Self.Boot, n.vigil())
		cancel()
		if err != nil && !errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil { // beat tells of the database
			n.o.Log.Error("nobody looks after nodes that died", "error", err)
		}
		if err != nil || !done {
			return
		}
		n.buried.Add(1)
		n.o.Log.Warn("a node is silent: its calls have been ended, and its dials are looked into", "node", b.Node.Node, "boot", b.Node.Boot,
			"beat", b.Node.Beat, "calls", len(b.Calls), "dials", b.Dials)
	}
}

// Leave says that this node is over. It is called after Run, when its calls have ended and their records are written: what is still open is
// left to be buried.
func (n *Node) Leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	return n.o.Store.Leave(ctx, n.o.Self.Boot)
}

// Tell has a node, by its boot, carry out an order, and waits until it has: ErrNotLive if there is no such call, ErrSilent if no answer comes
// in time, which does not say that nothing was done.
func (n *Node) Tell(ctx context.Context, boot string, o Order) error {
	if boot == n.o.Self.Boot {
		return n.o.Do(ctx, o)
	}
	n.told.Add(1)
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("tell node: %w", err)
	}
	asked, cancel := context.WithTimeout(ctx, n.t.Ask)
	answer, err := n.o.Bus.Ask(asked, bus.NodeCommands(boot), data)
	cancel()
	if err != nil {
		answer, err = n.errand(ctx, boot, data)
	}
	if errors.Is(err, ErrSilent) {
		n.silent.Add(1)
	}
	if err != nil {
		return err
	}
	return read(answer)
}

// errand asks a node by the database.
func (n *Node) errand(ctx context.Context, boot string, task []byte) ([]byte, error) {
	own, cancel := context.WithTimeout(ctx, n.t.Errand)
	defer cancel()
	n.sent.Add(1)
	e := store.Errand{ID: store.NewID(), Boot: boot, Task: string(task)}
	if err := n.o.Store.SendErrand(own, e); err != nil {
		return nil, err
	}
	defer func() { // what nobody waits for is not to be done
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if err := n.o.Store.DropErrand(last, e.ID); err != nil {
			n.o.Log.Debug("errand is not dropped: the database forgets it", "error", err)
		}
	}()
	look := time.NewTicker(glance)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-own.Done():
			return nil, ErrSilent
		}
		switch answer, err := n.o.Store.ErrandAnswer(own, e.ID); {
		case own.Err() != nil || errors.Is(err, store.ErrNotFound):
			return nil, ErrSilent
		case err != nil:
			return nil, err
		case answer != "":
			return []byte(answer), nil
		}
	}
}

// errands carries out what others ask by the database.
func (n *Node) errands(ctx context.Context) {
	own, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	all, err := n.o.Store.Errands(own, n.o.Self.Boot, atOnce)
	if err != nil {
		return // the asker is told in time; beat tells of the database
	}
	var work sync.WaitGroup
	for _, e := range all {
		work.Go(func() {
			done, cancel := context.WithTimeout(own, n.t.Errand)
			defer cancel()
			if err := n.o.Store.AnswerErrand(own, e.ID, string(n.answer(done, []byte(e.Task)))); err != nil {
				n.o.Log.Warn("errand is not answered", "error", err)
			}
		})
	}
	work.Wait()
}

// An outcome is the answer to an Order.
type outcome struct {
	Done    bool   `json:"done,omitempty"`
	NotLive bool   `json:"not_live,omitempty"`
	Refused string `json:"refused,omitempty"` // why
	Error   string `json:"error,omitempty"`
}

// answer carries out an order. It implements bus.Handler.
func (n *Node) answer(ctx context.Context, data []byte) []byte {
	var o Order
	err := json.Unmarshal(data, &o)
	if err == nil {
		err = n.o.Do(ctx, o)
	}
	var out outcome
	var no *Refusal
	switch {
	case errors.As(err, &no):
		out.Refused = no.Reason
	case err == nil:
		out.Done = true
	case errors.Is(err, ErrNotLive):
		out.NotLive = true
	default:
		out.Error = err.Error()
	}
	text, _ := json.Marshal(out) // it has no field that cannot be
	return text
}

// read is what an answer says.
func read(answer []byte) error {
	var out outcome
	switch err := json.Unmarshal(answer, &out); {
	case err != nil:
		return fmt.Errorf("read a node's answer: %w", err)
	case out.Done:
		return nil
	case out.NotLive:
		return ErrNotLive
	case out.Refused != "":
		return &Refusal{out.Refused}
	}
	return fmt.Errorf("the call's node: %s", out.Error)
}

// Stats are how a node stands among the others. Counts are since its start.
type Stats struct {
	Beat     time.Duration // since the database last heard of this node; 0: never
	Buried   int64         // nodes that this one buried
	Reopened int64         // calls that others had ended here, and that went on
	Told     int64         // orders to other nodes
	Sent     int64         // of them, by the database
	Silent   int64         // of them, without an answer
}

// Stats says how this node stands now.
func (n *Node) Stats() Stats {
	s := Stats{Buried: n.buried.Load(), Reopened: n.reopened.Load(), Told: n.told.Load(), Sent: n.sent.Load(), Silent: n.silent.Load()}
	if at := n.beaten.Load(); at > 0 {
		s.Beat = max(time.Microsecond, time.Since(time.UnixMicro(at)))
	}
	return s
}
