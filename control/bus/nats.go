package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	outboxSize = 4096            // messages to other nodes that wait to be written
	writeTime  = 5 * time.Second // after which a server that does not read is given up, and another connection is tried
	redial     = time.Second     // between two tries to connect
	lastWrites = time.Second     // for what was published before Close
)

// waitHeader says how long an asker waits, in milliseconds.
const waitHeader = "Parley-Wait"

// NATSOptions say where NATS is.
type NATSOptions struct {
	URL  string       // nats://user:password@host:4222, or several with commas between; tls:// for TLS
	Name string       // of this node, as the NATS server's monitoring shows it
	Log  *slog.Logger // nil: none
}

// A NATS is a Bus over NATS (Core NATS: nothing is kept there). Within the node messages go directly, as in a Local, also while NATS is
// away; one goroutine writes them to the others.
//
//	Publish, Ask ──▶ Local (this node)
//	             └─▶ outbox ──▶ run: writes, subscribes ──▶ NATS ──▶ receive ──▶ Local (other nodes)
//
// While NATS is away, what is for others is dropped and counted, and the connection is tried again each second, for ever. Subjects are
// below "parley.<installation>.", so that several installations can share one NATS.
type NATS struct {
	Local
	o       NATSOptions
	servers []string

	out     chan *nats.Msg
	using   chan struct{} // 1: other subjects are used here
	stop    chan struct{}
	begin   sync.Once
	end     sync.Once
	running sync.WaitGroup

	prefix string // set before running
	inbox  string // below which answers come
	up     atomic.Bool
	conn   atomic.Pointer[nats.Conn]

	dropped atomic.Int64
	next    atomic.Uint64 // request

	waiting struct {
		sync.Mutex
		all map[string]chan []byte // by the request; closed if nobody is there
	}
}

var _ Bus = (*NATS)(nil)

// NewNATS makes a bus that is away until Connect is called. The error does not tell the URL, which may hold a password.
func NewNATS(o NATSOptions) (*NATS, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n := &NATS{o: o, out: make(chan *nats.Msg, outboxSize), using: make(chan struct{}, 1), stop: make(chan struct{})}
	n.waiting.all = make(map[string]chan []byte)
	n.changed = func() {
		select {
		case n.using <- struct{}{}:
		default:
		}
	}
	var err error
	if n.servers, err = Servers(o.URL); err != nil {
		return nil, err
	}
	return n, nil
}

// Servers checks a NATS URL, and tells its servers without what lets one in.
func Servers(list string) (servers []string, err error) {
	for text := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return nil, errors.New("it is no URL such as nats://user:password@host:4222")
		}
		servers = append(servers, u.Scheme+"://"+u.Host)
	}
	return servers, nil
}

// Connect begins to connect, below the name of an installation: one word of letters, digits and -. It returns at once; a second call
// does nothing.
func (n *NATS) Connect(installation string) error {
	if Subject(installation).check() != nil || strings.Contains(installation, ".") {
		return fmt.Errorf("connect to NATS: %w %q", ErrSubject, installation)
	}
	var err error
	n.begin.Do(func() { err = n.connect("parley." + installation + ".") })
	return err
}

func (n *NATS) connect(prefix string) error {
	n.prefix, n.inbox = prefix, prefix+"reply."+nats.NewInbox()[len("_INBOX."):]+"."
	c, err := nats.Connect(n.o.URL,
		nats.Name(n.o.Name), nats.NoEcho(), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(redial),
		nats.ReconnectBufSize(-1), // what cannot be written now is dropped
		nats.FlusherTimeout(writeTime), nats.PingInterval(2*writeTime), nats.MaxPingsOutstanding(2), nats.Timeout(writeTime),
		nats.IgnoreAuthErrorAbort(), // they may be mended
		nats.ConnectHandler(func(*nats.Conn) { n.connected() }),
		nats.ReconnectHandler(func(*nats.Conn) { n.broken(); n.connected() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { n.disconnected(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { n.o.Log.Warn("nats complains", "error", err) }),
	)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	n.conn.Store(c)
	if !c.IsConnected() {
		n.o.Log.Warn("nats cannot be reached: other nodes are asked by the database", "servers", n.servers)
	}
	n.changed()
	n.running.Go(func() { n.run(c) })
	return nil
}

func (n *NATS) connected() {
	if !n.up.Swap(true) {
		n.o.Log.Info("nats is connected", "servers", n.servers)
	}
}

func (n *NATS) disconnected(err error) {
	if n.up.Swap(false) {
		n.o.Log.Warn("nats is away: messages to other nodes are dropped", "servers", n.servers, "error", err)
	}
}

// run is the only one who writes to NATS: a server that does not read holds up nobody else.
func (n *NATS) run(c *nats.Conn) {
	subs := map[Subject]*nats.Subscription{}
	heard := false // answers to our own requests
	for {
		if !heard {
			_, err := c.Subscribe(n.inbox+"*", n.answered)
			heard = err == nil
		}
		select {
		case <-n.using:
			n.subscribe(c, subs)
		default:
		}
		select {
		case <-n.using:
			n.subscribe(c, subs)
		case m := <-n.out:
			n.write(c, m)
		case <-n.stop:
			for len(n.out) > 0 {
				n.write(c, <-n.out)
			}
			return
		}
	}
}

func (n *NATS) write(c *nats.Conn, m *nats.Msg) {
	if err := c.PublishMsg(m); err != nil {
		n.dropped.Add(1)
	}
}

// subscribe makes the connection's subscriptions what this node uses. The client repeats them whenever it connects.
func (n *NATS) subscribe(c *nats.Conn, subs map[Subject]*nats.Subscription) {
	for s, sub := range subs {
		if !n.uses(s) {
			_ = sub.Unsubscribe() // or the connection is closed
			delete(subs, s)
		}
	}
	for _, s := range n.used() {
		if subs[s] != nil {
			continue
		}
		sub, err := c.Subscribe(n.prefix+string(s), func(m *nats.Msg) { n.receive(s, m) })
		if err != nil {
			n.o.Log.Error("nats does not let us listen", "subject", s, "error", err)
			continue
		}
		subs[s] = sub
	}
}

// receive takes what another node has sent.
func (n *NATS) receive(s Subject, m *nats.Msg) {
	if m.Reply == "" {
		_ = n.tell(s, Message{Data: m.Data}, true) // or this bus is closed
		return
	}
	wait := longest
	if ms, err := strconv.Atoi(m.Header.Get(waitHeader)); err == nil && ms >= 0 {
		wait = min(wait, time.Duration(ms)*time.Millisecond)
	}
	n.mu.RLock()
	all := n.answerers[s]
	n.mu.RUnlock()
	for _, a := range all {
		a.begin(m.Data, wait, func(answer []byte) { _ = n.send(&nats.Msg{Subject: m.Reply, Data: answer}) })
	}
}

// answered takes an answer to a request of ours, or the server's word that nobody listens.
func (n *NATS) answered(m *nats.Msg) {
	id := strings.TrimPrefix(m.Subject, n.inbox)
	n.waiting.Lock()
	defer n.waiting.Unlock()
	heard := n.waiting.all[id]
	if heard == nil {
		return // nobody waits any more, or somebody else was faster
	}
	delete(n.waiting.all, id)
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		close(heard)
		return
	}
	heard <- m.Data
}

// send queues a message for other nodes.
func (n *NATS) send(m *nats.Msg) error {
	if len(m.Data) > MaxData {
		n.dropped.Add(1)
		return ErrTooLarge
	}
	if !n.up.Load() {
		n.dropped.Add(1)
		return ErrAway
	}
	select {
	case n.out <- m:
		return nil
	default:
		n.dropped.Add(1)
		return ErrAway
	}
}

// Publish implements Bus.
func (n *NATS) Publish(s Subject, data []byte) error {
	if err := n.Local.Publish(s, data); err != nil {
		return err
	}
	if !n.up.Load() { // before anything is made
		n.dropped.Add(1)
		return ErrAway
	}
	return n.send(&nats.Msg{Subject: n.prefix + string(s), Data: data})
}

// Ask implements Bus: who answers on this node is asked before others.
func (n *NATS) Ask(ctx context.Context, s Subject, data []byte) ([]byte, error) {
	if err := check(s, data); err != nil {
		return nil, err
	}
	n.asked.Add(1)
	answers, begun, err := n.ask(ctx, s, data)
	if err != nil {
		return nil, err
	}
	if !begun && n.up.Load() {
		id := strconv.FormatUint(n.next.Add(1), 36)
		heard := make(chan []byte, 1)
		n.waiting.Lock()
		n.waiting.all[id] = heard
		n.waiting.Unlock()
		defer func() {
			n.waiting.Lock()
			delete(n.waiting.all, id)
			n.waiting.Unlock()
		}()
		m := &nats.Msg{Subject: n.prefix + string(s), Reply: n.inbox + id, Data: data, Header: nats.Header{}}
		m.Header.Set(waitHeader, strconv.FormatInt(remaining(ctx).Milliseconds(), 10))
		answers, begun = heard, n.send(m) == nil
	}
	if begun {
		select {
		case answer, ok := <-answers:
			if ok {
				return answer, nil
			}
		case <-n.stop:
			return nil, ErrClosed
		case <-ctx.Done():
		}
	}
	n.unanswered.Add(1)
	return nil, ErrNoAnswer
}

// Stats implements Bus.
func (n *NATS) Stats() Stats {
	s := n.Local.Stats()
	s.Well, s.Dropped = n.up.Load(), n.dropped.Load()
	return s
}

// Close implements Bus.
func (n *NATS) Close() error {
	err := n.Local.Close() // its handlers may still answer
	n.end.Do(func() {
		n.begin.Do(func() {}) // no Connect begins any more
		close(n.stop)
		c := n.conn.Load()
		if c == nil {
			return
		}
		written := make(chan struct{})
		go func() {
			defer close(written)
			n.running.Wait()
			_ = c.FlushTimeout(lastWrites) // what is lost was not promised
		}()
		select {
		case <-written:
		case <-time.After(lastWrites):
		}
		c.Close() // also ends a write that hangs
		<-written
	})
	return err
}
